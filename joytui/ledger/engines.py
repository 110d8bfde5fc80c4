"""Which engine keeps a store. SQLite is the only one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from joytui.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from joytui.ledger.api import Ledger
    from joytui.ledger.whole import Target, Whole


def store_path(text: str) -> Path:
    """The SQLite file that `--store` or a setting names. Raises UsageError for anything else, such as a server's URL."""
    if "://" in text:
        scheme = text.split("://", 1)[0]
        raise UsageError(
            f"the store is a SQLite file; {scheme}:// is not supported",
            hint="give a path: --store /path/to/ledger.sqlite3",
        )
    if not text.strip() or text == ":memory:":
        raise UsageError(f"not the path of a store: {text!r}", hint="give a path: --store /path/to/ledger.sqlite3")
    path = Path(text).expanduser()
    if path.is_dir():
        raise UsageError(f"the store is a file, and this is a directory: {path}")
    return path


def open_ledger(path: Path, spools: Path | None = None) -> Ledger:
    """Opens (and makes) a store for one gateway. Raises UnreachableError with what to do. `spools`: a folder for ends of requests
    that the store does not take now (`ledger.spool`); without it they are kept in memory alone."""
    from joytui.ledger.sqlite.engine import SqliteLedger

    return SqliteLedger.open_store(path, spools)


def open_whole(path: Path) -> Whole:
    """A store as a whole, to be read (`ledger.whole`). Raises UnreachableError."""
    from joytui.ledger.sqlite import whole

    return whole.open_whole(path)


def open_target(path: Path) -> Target:
    """A store as a whole, to be filled by a copy; it is made where there is none. Raises UnreachableError."""
    from joytui.ledger.sqlite import whole

    return whole.open_target(path)


def back_up(path: Path, to: Path, tell: Callable[[int, int], None]) -> None:
    """Writes a store into a file; `tell` hears of pages done and of all. Raises UnreachableError and RefusedError."""
    from joytui.ledger.sqlite import whole

    whole.back_up(path, to, tell)
