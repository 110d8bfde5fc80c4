"""A PostgreSQL store as a whole: read as one state of it, and filled by a copy.

Requests are in three tables here (`schema`), and one table elsewhere. Those that a copied store had still open belong to a
gateway that is not there, so the first one that serves ends them as interrupted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import psycopg

from joytui.core.errors import UnreachableError
from joytui.ledger.ids import COUNTER_BITS
from joytui.ledger.postgres import gateways
from joytui.ledger.postgres.connections import READING_LIMIT_S, Link, connect, unreachable
from joytui.ledger.postgres.schema import MIGRATIONS, is_half, make_partition, migrate, version_of
from joytui.ledger.postgres.url import StoreUrl
from joytui.ledger.records import DAY_MS
from joytui.ledger.sql.whole import HALF, SqlWhole, note_half, read_half
from joytui.ledger.whole import Half, Row, Table, refuse_older

COPIED = "copied"
"""The gateway of a request that ran when its store was copied."""
_REQUESTS = """(
    SELECT *, 0 AS keyless FROM running UNION ALL SELECT *, 0 FROM ended UNION ALL SELECT *, 1 FROM keyless
) AS request"""


class PostgresWhole(SqlWhole):
    connection: Link
    read_from: ClassVar = {"request": _REQUESTS}
    hidden: ClassVar = {"request": frozenset({"gateway"}), "hold": frozenset({"most"})}

    def __init__(self, link: Link, url: StoreUrl) -> None:
        self._url = url
        super().__init__(link, url.masked, _in_use(link))

    def damage(self) -> list[str]:
        """The server sees to that itself."""
        return []

    def close(self) -> None:
        self.connection.close()


class PostgresTarget(PostgresWhole):
    def half(self) -> Half | None:
        return read_half(self.connection) if is_half(self.connection) else None

    def begin(self, half: Half) -> None:
        names = [*(table.name for table in self.tables if table.name != "request"), "running", "ended", "keyless"]
        with self._transaction():
            self.connection.execute(HALF)
            self.connection.execute(f"TRUNCATE {', '.join(names)}")
            note_half(self.connection, half)

    def take(self, table: Table, rows: Sequence[Row], half: Half) -> None:
        with self._transaction():
            if table.name == "request":
                self._take_requests(table, rows)
            else:
                self._take(table.name, table.columns, rows)
            note_half(self.connection, half)

    def _take_requests(self, table: Table, rows: Sequence[Row]) -> None:
        keyless, status, n = (table.columns.index(name) for name in ("keyless", "status", "n"))
        columns = (*(name for name in table.columns if name != "keyless"), "gateway")
        places: dict[str, list[Row]] = {"running": [], "ended": [], "keyless": []}
        for row in rows:
            place = "keyless" if row[keyless] else "running" if row[status] is None else "ended"
            places[place].append((*row[:keyless], *row[keyless + 1 :], COPIED))
        for day in sorted({(row[n] >> COUNTER_BITS) // DAY_MS for row in rows}):
            make_partition(self.connection, day)
        for name, some in places.items():
            self._take(name, columns, some)

    def _take(self, name: str, columns: Iterable[str], rows: Sequence[Row]) -> None:
        listed = ", ".join(f'"{column}"' for column in columns)
        with self.connection.raw.cursor() as cursor, cursor.copy(f"COPY {name} ({listed}) FROM STDIN".encode()) as into:
            for row in rows:
                into.write_row(row)

    def finish(self) -> None:
        """What numbers the next change, and the next movement of a wallet, goes on from here."""
        with self._transaction():
            self.connection.execute("SELECT setval('change', greatest((SELECT max(seq) FROM request), 1))")
            self.connection.execute("UPDATE turn SET seq = (SELECT last_value FROM change)")
            self.connection.execute(
                "SELECT setval(pg_get_serial_sequence('wallet_entry', 'id'), greatest((SELECT max(id) FROM wallet_entry), 1))"
            )
            self.connection.execute("DROP TABLE half_copy")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            with self.connection.raw.transaction():
                yield
        except psycopg.Error as error:
            raise unreachable(self._url, error) from None


class _Telling(Link):
    """Its errors are for people."""

    url: StoreUrl

    def execute(self, words: str, parameters: Sequence[Any] = (), /) -> psycopg.Cursor[tuple[Any, ...]]:
        try:
            return super().execute(words, parameters)
        except psycopg.Error as error:
            raise unreachable(self.url, error) from None


def open_whole(url: StoreUrl) -> PostgresWhole:
    """Raises UnreachableError."""
    link = _open(url, "reads all", reads=READING_LIMIT_S)
    try:
        if link.execute("SELECT to_regclass('turn')").fetchone() == (None,):
            raise UnreachableError("there is no store", where=url.masked, hint="a gateway or a copy makes it")
        version_of(link, url)
        if is_half(link):
            raise UnreachableError("the store is an unfinished copy", where=url.masked, hint="finish that copy first")
        link.execute("BEGIN")
        return PostgresWhole(link, url)
    except BaseException:
        link.close()
        raise


def open_target(url: StoreUrl) -> PostgresTarget:
    """Makes a store, or opens one that may become a copy. Raises UnreachableError and RefusedError."""
    link = _open(url, "copies")
    try:
        if link.execute("SELECT to_regclass('schema_version')").fetchone() != (None,):
            refuse_older(version_of(link, url), len(MIGRATIONS), url.masked)
        migrate(link, url, half=True)
        link.raw.patience = None
        if link.execute("SELECT pg_try_advisory_lock(hashtext(?))", (f"joytui copy {url.schema}",)).fetchone() != (
            True,
        ):
            raise UnreachableError("another copy into this store is running", where=url.masked)
        target = PostgresTarget(link, url)
        if target.in_use:
            raise UnreachableError(
                f"gateways use the store ({target.in_use})", where=url.masked, hint="stop them first"
            )
        return target
    except BaseException:
        link.close()
        raise


def _open(url: StoreUrl, what: str, *, reads: float | None = None) -> Link:
    """A connection for long work, whose statements may take as long as they need."""
    try:
        link = _Telling(connect(url, what, reads=reads).raw)
    except psycopg.Error as error:
        raise unreachable(url, error) from None
    link.url = url
    link.raw.patience = None
    for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
        link.execute(f"SET {limit} = 0")
    return link


def _in_use(link: Link) -> str | None:
    alive = [row.url for row in gateways.gateways(link) if row.alive]
    return ", ".join(alive) or None
