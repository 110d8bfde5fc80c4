"""Which engine keeps a store: SQLite in a file, PostgreSQL behind a URL."""

from __future__ import annotations

import shlex
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from joytui.core.errors import RefusedError, UnreachableError, UsageError
from joytui.ledger.postgres import url
from joytui.ledger.postgres.url import StoreUrl

if TYPE_CHECKING:
    from collections.abc import Callable

    from joytui.ledger.api import Ledger
    from joytui.ledger.whole import Target, Whole

Store = Path | StoreUrl
_FORMS = "give a path (--store /path/to/ledger.sqlite3) or a URL (--store postgresql://USER@HOST/DATABASE)"


def named_store(text: str) -> Store:
    """The store that `--store`, a variable or a setting names. Raises UsageError for what can be none."""
    if url.is_url(text):
        return url.parse(text)
    if "://" in text:
        scheme = text.split("://", 1)[0]
        raise UsageError(
            f"a store is a SQLite file or a PostgreSQL database; {scheme}:// is not supported", hint=_FORMS
        )
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
    """For what is on a command line, which the list of processes shows to everybody. Raises UsageError."""
    if text is not None and url.is_url(text) and url.parse(text).secrets:
        raise UsageError(
            "every user of this machine can read a password on the command line",
            hint="leave it out of --store, and use PGPASSWORD or ~/.pgpass (or passfile=FILE in the URL), or put the whole URL into JOYTUI_STORE",
        )


def open_ledger(store: Store, spools: Path | None = None) -> Ledger:
    """Opens (and makes) a store for one gateway. Raises UnreachableError with what to do. `spools`: a folder for ends of requests
    that the store does not take now (`ledger.spool`); without it they are kept in memory alone."""
    if isinstance(store, Path):
        from joytui.ledger.sqlite.engine import SqliteLedger

        return SqliteLedger.open_store(store, spools)
    _need_driver(store)
    from joytui.ledger.postgres.engine import PostgresLedger

    return PostgresLedger.open_store(store, spools)


def open_whole(store: Store) -> Whole:
    """A store as a whole, to be read (`ledger.whole`). Raises UnreachableError."""
    if isinstance(store, Path):
        from joytui.ledger.sqlite import whole

        return whole.open_whole(store)
    _need_driver(store)
    from joytui.ledger.postgres import whole as postgres

    return postgres.open_whole(store)


def open_target(store: Store) -> Target:
    """A store as a whole, to be filled by a copy; it is made where there is none. Raises UnreachableError."""
    if isinstance(store, Path):
        from joytui.ledger.sqlite import whole

        return whole.open_target(store)
    _need_driver(store)
    from joytui.ledger.postgres import whole as postgres

    return postgres.open_target(store)


def back_up(store: Store, to: Path, tell: Callable[[int, int], None]) -> None:
    """Writes a store into a file; `tell` hears of pages done and of all. Raises UnreachableError and RefusedError, also for a
    server, whose own program does that."""
    if not isinstance(store, Path):
        raise RefusedError(
            "a store in PostgreSQL is backed up by the server's own pg_dump, which is:",
            where=store.masked,
            hint=f"pg_dump --format=custom --schema={store.schema} --file={shlex.quote(str(to))} {shlex.quote(store.plain)}",
        )
    from joytui.ledger.sqlite import whole

    whole.back_up(store, to, tell)


def _need_driver(store: StoreUrl) -> None:
    """Raises UnreachableError."""
    try:
        import_module("joytui.ledger.postgres.connections")
    except ImportError as error:
        raise UnreachableError(
            f"the driver for PostgreSQL is not installed ({error})",
            where=store.masked,
            hint="pip install 'joytui[postgres]'",
        ) from None
