"""A SQLite store as a whole: read without touching it, filled by a copy, backed up while it is in use.

A store that was written by an older version, or that is still catching up with this one, is read from a temporary copy that
is brought up to date: the store itself stays as it is.
"""
# ruff: noqa: S608 - the SQL is put together from the schema's own words; values are always parameters

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from joytui.core.errors import RefusedError, UnreachableError
from joytui.ledger.sql.whole import HALF, SqlWhole, note_half, read_half
from joytui.ledger.sqlite import upkeep
from joytui.ledger.sqlite.files import StoreLock, holder, prepare
from joytui.ledger.sqlite.schema import MIGRATIONS, has_table, is_half, migrate, version_of
from joytui.ledger.sqlite.writer import Batch
from joytui.ledger.whole import Half, Row, Table, refuse_older

PENDING = ("part_fill", "client_fill", "uncleaned")
"""What an older store still lacks (`upkeep.catch_up`)."""
PAGES = 500
"""Of a step of a backup: 2 MB."""


class SqliteWhole(SqlWhole):
    connection: sqlite3.Connection

    def __init__(self, connection: sqlite3.Connection, path: Path, after: Callable[[], None] = lambda: None) -> None:
        """`after`: what is left to do when it has been closed."""
        self._after = after
        super().__init__(connection, str(path.absolute()), holder(path))

    def damage(self) -> list[str]:
        found = [str(row[0]) for row in self.connection.execute("PRAGMA integrity_check(20)")]
        return [] if found == ["ok"] else found

    def close(self) -> None:
        self.connection.close()
        self._after()


class SqliteTarget(SqliteWhole):
    def half(self) -> Half | None:
        return read_half(self.connection) if is_half(self.connection) else None

    def begin(self, half: Half) -> None:
        with _transaction(self.connection):
            self.connection.execute(HALF)
            for table in self.tables:
                self.connection.execute(f"DELETE FROM {table.name}")
            note_half(self.connection, half)

    def take(self, table: Table, rows: Sequence[Row], half: Half) -> None:
        columns = ", ".join(f'"{name}"' for name in table.columns)
        words = f"INSERT INTO {table.name} ({columns}) VALUES ({', '.join('?' * len(table.columns))})"
        with _transaction(self.connection):
            self.connection.executemany(words, rows)
            note_half(self.connection, half)

    def finish(self) -> None:
        self.connection.execute("DROP TABLE half_copy")


def open_whole(path: Path) -> SqliteWhole:
    """Raises UnreachableError."""
    connection = _read_only(path)
    try:
        if _is_current(connection, str(path)):
            connection.execute("BEGIN")
            return SqliteWhole(connection, path)
        return _brought_up_to_date(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise UnreachableError(f"the store cannot be read: {error}", where=str(path)) from None
    except BaseException:
        connection.close()
        raise


def open_target(path: Path) -> SqliteTarget:
    """Makes a store, or opens one that may become a copy. Raises UnreachableError and RefusedError."""
    os.umask(0o077)  # SQLite makes its WAL and shared memory files itself
    prepare(path)
    lock = StoreLock(path)
    lock.acquire()
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        if connection.execute("SELECT 1 FROM sqlite_schema").fetchone() and not has_table(connection, "api_key"):
            raise UnreachableError("this is a database, but not a joytui store", where=str(path))
        refuse_older(version_of(connection, str(path)), len(MIGRATIONS), str(path))
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        migrate(connection, str(path), half=True)
        return SqliteTarget(connection, path, lock.release)
    except BaseException as error:
        connection.close()
        lock.release()
        if isinstance(error, sqlite3.Error):
            raise UnreachableError(f"the store cannot be used: {error}", where=str(path)) from None
        raise


def back_up(path: Path, to: Path, tell: Callable[[int, int], None]) -> None:
    """A copy of the store as it is now, also while a gateway writes it; `tell` hears of pages. The file (0600) has its name
    only once it is whole. Raises UnreachableError for the store, RefusedError for a file that is there or cannot be made."""
    part = to.with_name(f".{to.name}.part")
    source = _read_only(path)
    try:
        source.execute("BEGIN")
        source.execute("SELECT 1 FROM sqlite_schema").fetchone()  # from here on the backup is of this state
        if os.path.lexists(to):
            raise FileExistsError(17, "a file already exists", str(to))
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with contextlib.closing(sqlite3.connect(part)) as target:
            source.backup(target, pages=PAGES, progress=lambda _, left, total: tell(total - left, total))
            target.execute("PRAGMA journal_mode = DELETE")  # one file, which needs no folder that can be written
        os.link(part, to)
    except OSError as error:
        hint = "a backup never overwrites a file: choose another name"
        raise RefusedError(error.strerror or str(error), where=str(to), hint=hint) from None
    except sqlite3.Error as error:
        raise UnreachableError(f"the store cannot be backed up: {error}", where=str(path)) from None
    finally:
        source.close()
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _read_only(path: Path) -> sqlite3.Connection:
    """A connection that leaves no trace: without a log beside the store nobody writes it, and none is made by reading."""
    if not path.is_file():
        raise UnreachableError("there is no store", where=str(path), hint="give its path, or a server's URL")
    logged = path.with_name(f"{path.name}-wal").exists()
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro{'' if logged else '&immutable=1'}",
            uri=True,
            isolation_level=None,
            timeout=5,
        )
        if not has_table(connection, "api_key"):
            connection.close()
            raise UnreachableError("this is not a joytui store", where=str(path))
    except sqlite3.Error as error:
        raise UnreachableError(f"the store cannot be read: {error}", where=str(path)) from None
    return connection


def _is_current(connection: sqlite3.Connection, where: str) -> bool:
    """Whether it has this version's tables, and all that belongs in them. Raises UnreachableError for a newer store."""
    if is_half(connection):
        raise UnreachableError("the store is an unfinished copy", where=where, hint="finish that copy first")
    if version_of(connection, where) < len(MIGRATIONS):
        return False
    return not any(connection.execute(f"SELECT 1 FROM {table}").fetchone() for table in PENDING)


def _brought_up_to_date(source: sqlite3.Connection, path: Path) -> SqliteWhole:
    folder = tempfile.TemporaryDirectory(prefix="joytui-store-")
    connection = sqlite3.connect(Path(folder.name) / path.name, isolation_level=None)
    try:
        with contextlib.closing(source):
            source.backup(connection)
        migrate(connection, str(path))
        seq = connection.execute("SELECT coalesce(max(seq), 0) FROM request").fetchone()[0]
        batch, more = Batch(connection, seq), True
        while more:
            batch.begin()
            more = upkeep.catch_up(batch)
            batch.commit()
        connection.execute("BEGIN")
        return SqliteWhole(connection, path, folder.cleanup)
    except BaseException:
        connection.close()
        folder.cleanup()
        raise


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
