"""The tables that a copy takes along, and reading them page by page, in words that every SQL engine understands."""
# ruff: noqa: S608 - the SQL is put together from this module's own words and the schema's; values are always parameters

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import ClassVar, Self

from joytui.ledger.sql.connection import Connection
from joytui.ledger.sql.parts import TABLES
from joytui.ledger.whole import Half, Row, Table

PAGE = 5_000
KEYS: Mapping[str, tuple[str, ...]] = {
    "api_key": ("id",),
    "console_token": ("id",),
    "audit": ("id",),
    "alert": ("id",),
    "team": ("name",),
    "team_owner": ("owner",),
    "node_limit": ("node", "period"),
    "node_raise": ("node",),
    "policy": ("name", "version"),
    "lesson": ("upstream", "model", "lesson"),
    "sender": ("id",),
    "wallet": ("tier",),
    "wallet_entry": ("id",),
    "budget": ("budget_id", "period", "window"),
    **{table.name: table.place for table in TABLES.values()},
    "latency_hour": ("hour", "kind", "bucket"),
    "key_client": ("key_id", "client"),
    "spent_id": ("key_id", "request_id"),
    "piece": ("thread", "told", "kind"),
    "stopped_task": ("task", "scope"),
    "watched_turn": ("n",),
    "request": ("n",),
    "hold": ("n", "kind", "ref", "window"),
}
"""Each table that is copied, with what tells its rows apart. Requests come late: all that is small is there by then."""
STATE = """
    SELECT (SELECT max(seq) FROM request), (SELECT max(version) FROM access), (SELECT max(id) FROM wallet_entry),
        (SELECT count(*) FROM policy), (SELECT count(*) FROM lesson), (SELECT count(*) FROM hold), (SELECT count(*) FROM piece),
        (SELECT count(*) FROM alert)
"""


class SqlWhole(ABC):
    """A store behind a connection whose transaction sees one state of it. `read_from`: where a table's rows are found, if not
    under its own name. `hidden`: columns of an engine's own."""

    read_from: ClassVar[Mapping[str, str]] = {}
    hidden: ClassVar[Mapping[str, frozenset[str]]] = {}

    def __init__(self, connection: Connection, location: str, in_use: str | None = None) -> None:
        self.connection = connection
        self.location = location
        self.in_use = in_use
        self.tables = [Table(name, key, self._columns(name)) for name, key in KEYS.items()]

    def _columns(self, name: str) -> tuple[str, ...]:
        found = self.connection.execute(f"SELECT * FROM {self._from(name)} LIMIT 0").description
        hidden = self.hidden.get(name, frozenset())
        return tuple(sorted(column[0] for column in found or () if column[0] not in hidden))

    def _from(self, name: str) -> str:
        return self.read_from.get(name, name)

    def count(self, table: Table) -> int:
        return int(self.connection.execute(f"SELECT count(*) FROM {self._from(table.name)}").fetchone()[0])

    def rows(self, table: Table, after: Row | None = None) -> Iterator[list[Row]]:
        key, columns = (", ".join(f'"{name}"' for name in names) for names in (table.key, table.columns))
        places = [table.columns.index(name) for name in table.key]
        while True:
            beyond = "" if after is None else f"WHERE ({key}) > ({', '.join('?' * len(table.key))})"
            words = f"SELECT {columns} FROM {self._from(table.name)} {beyond} ORDER BY {key} LIMIT {PAGE}"
            page = self.connection.execute(words, after or ()).fetchall()
            if page:
                yield page
            if len(page) < PAGE:
                return
            after = tuple(page[-1][place] for place in places)

    def state(self) -> str:
        return json.dumps(self.connection.execute(STATE).fetchone())

    @abstractmethod
    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


HALF = "CREATE TABLE IF NOT EXISTS half_copy (source TEXT, state TEXT, of_table TEXT, after TEXT)"
"""Is there while a copy is under way."""


def read_half(connection: Connection) -> Half | None:
    source, state, table, after = connection.execute("SELECT source, state, of_table, after FROM half_copy").fetchone()
    return Half(source, state, table, None if after is None else tuple(json.loads(after)))


def note_half(connection: Connection, half: Half) -> None:
    after = None if half.after is None else json.dumps(half.after)
    connection.execute("DELETE FROM half_copy")
    connection.execute("INSERT INTO half_copy VALUES (?, ?, ?, ?)", (*half[:3], after))
