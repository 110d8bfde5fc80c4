"""A store with very many requests, on either engine, made by SQL in minutes: rows, rollups, parts and latencies as a gateway
would have written them.

200 keys of 25 owners in 5 teams, 20 models, 50 projects with a repository each. Thirty threads at a time, each with 40 requests
within 1,200, three of them a task; one request in fifty fails. Requests come evenly over the days.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from joytui.ledger.ids import COUNTER_BITS
from joytui.ledger.postgres.connections import Link, connect
from joytui.ledger.postgres.engine import PostgresLedger
from joytui.ledger.postgres.schema import first_number, partition
from joytui.ledger.postgres.url import StoreUrl
from joytui.ledger.records import DAY_MS, HOUR_MS, NewKey
from joytui.ledger.sql import keys, teams
from joytui.ledger.sql.connection import Connection
from joytui.ledger.sql.engine import SqlLedger
from joytui.ledger.sql.parts import PARTS, TABLES
from joytui.ledger.sqlite.engine import SqliteLedger

KEYS, OWNERS, TEAMS, MODELS, PROJECTS = 200, 25, 5, 20, 50
Told = Callable[[str], None]


class Size(NamedTuple):
    """So many requests over the `days` before `end` (ms)."""

    requests: int
    days: int
    end: int

    def at(self, number: int) -> int:
        """When a request came (ms); they are numbered from 0."""
        return self.end - (self.requests - number) * self.days * DAY_MS // self.requests

    def by_day(self) -> Iterator[tuple[int, int, int]]:
        """(day, the number of its first request, that of the first after it)."""
        number = 0
        while number < self.requests:
            day = self.at(number) // DAY_MS
            low, high = number, self.requests
            while low < high:
                middle = (low + high) // 2
                low, high = (middle + 1, high) if self.at(middle) // DAY_MS == day else (low, middle)
            yield day, number, low
            number = low


def fill_sqlite(path: Path, size: Size, told: Told) -> None:
    """Makes the store. `told` hears how far it is."""
    ledger = SqliteLedger.open_store(path)
    _people(ledger)
    ledger.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as store:
        store.execute("PRAGMA journal_mode = OFF")
        store.execute("PRAGMA synchronous = OFF")
        store.execute("PRAGMA cache_size = -500000")
        store.execute("PRAGMA temp_store = MEMORY")
        indexes = store.execute(
            "SELECT name, sql FROM sqlite_master WHERE tbl_name = 'request' AND sql LIKE 'CREATE %INDEX%'"
        )
        made = indexes.fetchall()
        for name, _ in made:  # its own tree for each: faster made at the end
            store.execute(f"DROP INDEX {name}")
        _prepare(store)
        store.execute("BEGIN")
        for day, first, beyond in size.by_day():
            counted = (
                f"(WITH RECURSIVE counted (i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM counted WHERE i < {beyond - 1})"
                " SELECT i FROM counted)"
            )
            _make(store, counted, size)
            _put(store, "request")
            _sum(store, day)
            told(f"SQLite: {beyond:,} requests")
        store.execute("COMMIT")
        for name, sql in made:
            store.execute(sql)
            told(f"SQLite: {name}")
        store.execute("PRAGMA journal_mode = WAL")


def fill_postgres(url: StoreUrl, size: Size, told: Told) -> None:
    """The same on a server. A day's partition is filled before it becomes one, so that its indexes are made at once."""
    ledger = PostgresLedger.open_store(url)
    _people(ledger)
    ledger.close()
    link = connect(url, "fills")
    link.raw.patience = None
    try:
        link.execute("SET statement_timeout = 0")
        link.execute("SET synchronous_commit = off")
        link.execute("SET maintenance_work_mem = '256MB'")
        _prepare(link)
        for day, first, beyond in size.by_day():
            _fill_day(link, day, f"generate_series({first}::bigint, {beyond - 1}) AS counted (i)", size)
            told(f"PostgreSQL: {beyond:,} requests")
        link.execute("UPDATE turn SET seq = ?", (size.requests,))
        link.execute("SELECT setval('change', ?)", (size.requests,))
        link.execute("VACUUM ANALYZE")  # as the server's own upkeep does in the course of the days
    finally:
        link.close()


def _fill_day(link: Link, day: int, counted: str, size: Size) -> None:
    name = partition(day)
    low, high = first_number(name), first_number(partition(day + 1))
    with link.raw.transaction():
        link.execute(f"DROP TABLE IF EXISTS {name}")
        link.execute(f"CREATE TABLE {name} (LIKE ended INCLUDING DEFAULTS)")
        _make(link, counted, size)
        _put(link, name)
        _sum(link, day)
        link.execute(f"ALTER TABLE ended ATTACH PARTITION {name} FOR VALUES FROM ({low}) TO ({high})")


def _people(ledger: SqlLedger[object]) -> None:
    for number in range(TEAMS):
        ledger.write_now(teams.create_team, f"team-{number}")
    for number in range(OWNERS):
        ledger.write_now(teams.add_owner, f"team-{number % TEAMS}", f"owner-{number:02d}")
    for number in range(KEYS):
        name, owner, labels = f"dev-{number:03d}", f"owner-{number % OWNERS:02d}", (f"room-{number % 8}",)
        wanted = NewKey(name.encode(), name, "jt_…abcd", owner, labels, None, {}, None)
        ledger.write_now(keys.create_key, wanted, False)


def _prepare(store: Connection) -> None:
    store.execute("CREATE TEMP TABLE key_of (i bigint PRIMARY KEY, id text)")
    store.execute(f"CREATE TEMP TABLE made {_MADE}")
    store.execute("INSERT INTO key_of SELECT row_number() OVER (ORDER BY id) - 1, id FROM api_key")


_MADE = "(i bigint, at bigint, t bigint, r bigint, k bigint, m bigint, c bigint, spent bigint, answered bigint, cost bigint)"


def _make(store: Connection, counted: str, size: Size) -> None:
    """The day's requests as numbers: when (ms), thread, chance, key, model, client, tokens, cost."""
    at = f"{size.end} - ({size.requests} - i) * {size.days * DAY_MS} / {size.requests}"
    store.execute("DELETE FROM made")
    store.execute(f"""
        INSERT INTO made
        SELECT i, at, t, r, t / 3 * 7919 % {KEYS}, CASE WHEN r % 5 != 0 THEN t / 3 % {MODELS} ELSE r % {MODELS} END,
            150 + t % 4 + i / 500000, spent, answered, spent * 300 + answered * 1200
        FROM (
            SELECT i, {at} AS at, i / 1200 * 30 + i % 30 AS t, i * 2654435761 % 4294967296 AS r,
                i * 2654435761 % 4294967296 % 90000 + 500 AS spent, i * 2654435761 % 4294967296 % 1500 + 20 AS answered
            FROM {counted}
        ) AS placed
    """)


_KEY = "(SELECT id FROM key_of WHERE key_of.i = k)"
_PLACES = {
    "key_id": _KEY,
    "model": "'model-' || m",
    "tier": "CASE m % 3 WHEN 0 THEN 'economy' WHEN 1 THEN 'standard' ELSE 'premium' END",
    "provider": "'provider-' || (m % 4)",
    "project": f"'/home/dev/work/project-' || (t / 3 % {PROJECTS})",
    "thread": "'01990000-7000-7000-8000-' || (100000000000 + t)",
    "task": "'01990000-7000-7000-8000-' || (100000000000 + t / 3 * 3)",
    "repo": f"'git.example.com/team/project-' || (t / 3 % {PROJECTS})",
    "commit_hash": f"'0123456789abcdef01234' || (1000000000000000000 - t / 600 * {PROJECTS} - t / 3 % {PROJECTS})",
    "client": "'codex_cli_rs/0.' || c || '.0'",
}
_TURN = "'01990000-7000-7000-9000-' || (100000000000 + i / 150 * 30 + i % 30)"
_COLUMNS = {
    "n": f"(at << {COUNTER_BITS}) + i % 1000",
    "started_at": "at",
    "seq": "i + 1",
    "key_id": _KEY,
    "model": "'auto'",
    "model_used": _PLACES["model"],
    "provider": _PLACES["provider"],
    "tier": _PLACES["tier"],
    "endpoint": "'/openai/v1/responses'",
    "status": "CASE WHEN r % 50 != 0 THEN 200 WHEN r % 100 != 0 THEN 402 ELSE 500 END",
    "error_type": "CASE WHEN r % 50 = 0 THEN 'upstream_error' END",
    "finish": "'stop'",
    "input_tokens": "spent",
    "cached_input_tokens": "spent / 2",
    "output_tokens": "answered",
    "reasoning_tokens": "answered / 3",
    "cost_nano": "cost",
    "cost_source": "'upstream'",
    "ttft_ms": "200 + r % 900",
    "latency_ms": "900 + r % 9000",
    "stream": "1",
    "request_id": "'client-' || (1000000000000000000 + i)",
    "upstream_id": "'resp_' || (1000000000000000000 + i) || '0123456789abcdef'",
    "thread_id": _PLACES["thread"],
    "root_thread": _PLACES["task"],
    "turn_id": _TURN,
    "root_turn": _TURN,
    "project": _PLACES["project"],
    "repo": _PLACES["repo"],
    "commit_hash": _PLACES["commit_hash"],
    "client": f"{_PLACES['client']} || ' (Debian 13; x86_64) xterm'",
    "ip": "'10.0.0.' || k",
}


def _put(store: Connection, table: str) -> None:
    store.execute(
        f"INSERT INTO {table} ({', '.join(_COLUMNS)}) SELECT {', '.join(_COLUMNS.values())} FROM made ORDER BY i"
    )


_COUNTED = {
    "requests": "count(*)",
    "errors": "count(*) FILTER (WHERE r % 50 = 0)",
    "refused": "count(*) FILTER (WHERE r % 50 = 0 AND r % 100 != 0)",
    "input_tokens": "sum(spent)",
    "cached_input_tokens": "sum(spent / 2)",
    "output_tokens": "sum(answered)",
    "reasoning_tokens": "sum(answered / 3)",
    "cost_nano": "sum(cost)",
}


def _sum(store: Connection, day: int) -> None:
    """Three sums of the requests, and all others of those."""
    hours = f"hour >= {day * 24} AND hour < {day * 24 + 24}"
    _count(store, "rollup_hour", "", "k, m", "k, m")
    _count(store, "part_hour", "client", "k, c", "k, c")
    _count(store, "part_hour", "thread", "t", f"t, t / 3 * 7919 % {KEYS} AS k")
    for part, source in (("route", "rollup_hour"), ("key", "rollup_hour"), ("project", "part_hour")):
        among = hours if source == "rollup_hour" else f"part = 'thread' AND {hours}"
        _add(store, "part_hour", part, source, "hour", among)
    _add(store, "rollup_day", "", "rollup_hour", "hour / 24", hours)
    for part in PARTS:
        _add(store, "part_day", part, "part_hour", "hour / 24", f"part = '{part}' AND {hours}")
    for kind, span, width in (
        ("total", "900 + r % 9000", 350),
        ("ttft", "200 + r % 900", 50),
    ):  # as many as the true ones
        store.execute(
            f"INSERT INTO latency_hour SELECT at / {HOUR_MS}, '{kind}', 50 + ({span}) / {width}, count(*) FROM made GROUP BY 1, 2, 3"
        )


def _count(store: Connection, name: str, part: str, by: str, known: str) -> None:
    """Of the requests: `by` these numbers, from which those that are `known` follow."""
    table = TABLES[name]
    places = [
        "at" if column == "hour" else f"'{part}'" if column == "part" else _place(part, column)
        for column in table.place
    ]
    sums = ", ".join(f"{_COUNTED[column]} AS {column}" for column in table.sums)
    store.execute(
        f"INSERT INTO {name} ({', '.join((*table.place, *table.sums))}) SELECT {', '.join((*places, *table.sums))}"
        f" FROM (SELECT at / {HOUR_MS} AS at, {known}, {sums} FROM made GROUP BY at / {HOUR_MS}, {by}) AS found"
    )


def _place(part: str, column: str) -> str:
    return _PLACES[column] if not part or column in PARTS[part] else "''"


def _add(store: Connection, name: str, part: str, source: str, time: str, among: str) -> None:
    """Of other sums."""
    table = TABLES[name]
    kept = PARTS.get(part, frozenset(table.place))
    places = [
        time if column in ("hour", "day") else f"'{part}'" if column == "part" else column if column in kept else "''"
        for column in table.place
    ]
    sums = ", ".join(f"sum({column})" for column in table.sums)
    groups = ", ".join(str(place) for place, said in enumerate(places, 1) if not said.startswith("'"))
    store.execute(
        f"INSERT INTO {name} ({', '.join((*table.place, *table.sums))}) SELECT {', '.join(places)}, {sums}"
        f" FROM {source} WHERE {among} GROUP BY {groups}"
    )
