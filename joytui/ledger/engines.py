"""Which engine keeps a store: SQLite in a file, PostgreSQL behind a URL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from joytui.core.errors import UnreachableError, UsageError
from joytui.ledger.postgres import url
from joytui.ledger.postgres.url import StoreUrl

if TYPE_CHECKING:
    from joytui.ledger.api import Ledger

Store = Path | StoreUrl
_FORMS = "give a path (--store /path/to/ledger.sqlite3) or a URL (--store postgresql://USER@HOST/DATABASE)"


def named_store(text: str) -> Store:
    """The store that `--store`, a variable or a setting names. Raises UsageError for what can be none."""
    if url.is_url(text):
        return url.parse(text)
    if "://" in text:
        scheme = text.split("://", 1)[0]
        raise UsageError(f"a store is a SQLite file or in PostgreSQL; {scheme}:// is not supported", hint=_FORMS)
    if not text.strip() or text == ":memory:":
        raise UsageError(f"not the path of a store: {text!r}", hint=_FORMS)
    path = Path(text).expanduser()
    if path.is_dir():
        raise UsageError(f"the store is a file, and this is a directory: {path}")
    return path


def shown(text: str) -> str:
    """A store's name as it may be shown: without its password."""
    if not url.is_url(text):
        return text
    try:
        return url.parse(text).masked
    except UsageError:
        return f"postgresql://{url.MASK}"


def refuse_password(text: str | None) -> None:
    """For what stands on a command line, which the list of processes shows to everybody. Raises UsageError."""
    if text is not None and url.is_url(text) and url.parse(text).secrets:
        raise UsageError(
            "a password on the command line can be read by every user of this machine",
            hint="leave it out of --store: PGPASSWORD or ~/.pgpass has it (or passfile=FILE in the URL), or the whole URL is in JOYTUI_STORE",
        )


def open_ledger(store: Store) -> Ledger:
    """Opens (and makes) a store for one gateway. Raises UnreachableError with what to do."""
    if isinstance(store, Path):
        from joytui.ledger.sqlite.engine import SqliteLedger

        return SqliteLedger.open_store(store)
    try:
        from joytui.ledger.postgres.engine import PostgresLedger
    except ImportError as error:
        raise UnreachableError(
            f"the driver for PostgreSQL is not there ({error})",
            where=store.masked,
            hint="pip install 'joytui[postgres]'",
        ) from None
    return PostgresLedger.open_store(store)
