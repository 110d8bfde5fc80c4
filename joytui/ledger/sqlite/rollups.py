"""Sums by hour and day, latency histograms, and who used which key: collected over a batch, written once per commit."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain
from operator import add
from typing import Any

from joytui.ledger.records import DAY_MS, HOUR_MS
from joytui.ledger.sql.histogram import bucket
from joytui.ledger.sql.parts import DOCTOR, TABLES, Place, part_places
from joytui.ledger.sql.sums_of_days import forget, known_until

Numbers = tuple[int, int, int, int, int, int, int, int]
"""What a rollup counts of a request: the columns of its tables from `requests` to `cost_nano`."""

Mark = tuple[int, int, int]
"""How far the sums of a batch had come."""

ADD_TO = {
    name: (f"INSERT INTO {name} VALUES ", len(table.place) + len(table.sums), f" {table.add}")  # noqa: S608 (own words)
    for name, table in TABLES.items()
}
"""How rows are added to sums: before the rows, how many columns a row has, after the rows (`upsert`)."""
_LATENCY = ("INSERT INTO latency_hour VALUES ", 4, " ON CONFLICT DO UPDATE SET requests = requests + excluded.requests")
USED = (
    "INSERT INTO key_client VALUES ",
    4,
    " ON CONFLICT DO UPDATE SET last_used_at = excluded.last_used_at, requests = requests + excluded.requests",
)
MOST_ROWS = 32
"""Rows of one statement."""


def upsert(connection: sqlite3.Connection, into: tuple[str, int, str], rows: Sequence[Sequence[object]]) -> None:
    """Adds rows to sums, many in one statement: each statement gives the interpreter's lock away and has to get it back
    from a busy event loop, which costs more than the row itself."""
    before, columns, after = into
    row = f"({', '.join('?' * columns)})"
    for start in range(0, len(rows), MOST_ROWS):
        some = rows[start : start + MOST_ROWS]
        values = [value for one in some for value in one]
        connection.execute(f"{before}{', '.join([row] * len(some))}{after}", values)


class Sums:
    """What a batch adds up. Kept as it comes, so that what a write added can be dropped with it, and added up once."""

    __slots__ = ("_aside", "_ended", "_used", "known_until")

    def __init__(self) -> None:
        self.known_until: int | None = None  # of `sums_of_days`; None: to be looked up
        self._ended: list[tuple[int, Place, Numbers, float | None, float | None]] = []
        self._aside: list[tuple[str, int, Place, Numbers]] = []
        self._used: list[tuple[str, str | None, int]] = []

    def add(self, at: int, place: Place, numbers: Numbers, ttft_ms: float | None, latency_ms: float | None) -> None:
        """One ended request, that began at `at` (ms)."""
        self._ended.append((at, place, numbers, ttft_ms, latency_ms))

    def add_aside(self, part: str, at: int, place: Place, numbers: Numbers) -> None:
        """One that counts apart, in a part that keeps everything apart (`parts.ASIDE`)."""
        self._aside.append((part, at, place, numbers))

    def used(self, key_id: str, client: str | None, at: int) -> None:
        """A key was used, by this client where it is known."""
        self._used.append((key_id, client, at))

    def spent(self, counts: Callable[[Place], bool], since: int, until: int) -> int:
        """What requests in such places cost that began at `since` (ms) or later and before `until`, and that are not in the
        rollups yet."""
        ended = chain((one[:3] for one in self._ended), (one[1:] for one in self._aside if one[0] == DOCTOR))
        return sum(numbers[-1] for at, place, numbers in ended if since <= at < until and counts(place))

    def mark(self) -> Mark:
        """Where `undo` goes back to."""
        return len(self._ended), len(self._aside), len(self._used)

    def undo(self, mark: Mark) -> None:
        del self._ended[mark[0] :]
        del self._aside[mark[1] :]
        del self._used[mark[2] :]

    def write(self, connection: sqlite3.Connection) -> None:
        """Adds all of it to the store, and begins again."""
        if self._ended:
            self._forget_days(connection)
            self._write_totals(connection)
            self._write_latency(connection)
            self._ended.clear()
        if self._aside:
            self._write_aside(connection)
            self._aside.clear()
        if self._used:
            self._write_used(connection)
            self._used.clear()

    def _forget_days(self, connection: sqlite3.Connection) -> None:
        """What was made of the days of these requests is to be made again (`ledger.sql.sums_of_days`)."""
        if self.known_until is None:
            self.known_until = known_until(connection)
        for day in {at // DAY_MS for at, *_ in self._ended}:
            if day < self.known_until:
                forget(connection, day)

    def _write_totals(self, connection: sqlite3.Connection) -> None:
        """The rollups, by key, model, tier and provider; and the parts, which keep less apart (`ledger.parts`)."""
        totals: dict[tuple[int, Place], list[int]] = {}
        for at, place, numbers, *_ in self._ended:
            _add(totals, (at // HOUR_MS, place), numbers)
        rolled: dict[tuple[Any, ...], list[int]] = {}
        parts: dict[tuple[Any, ...], list[int]] = {}
        for (hour, place), total in totals.items():
            _add(rolled, (hour, *place[:4]), total)
            requests, errors, _, *rest = total
            for part, *kept in part_places(place):
                _add(parts, (part, hour, *kept), (requests, errors, *rest))
        upsert(connection, ADD_TO["rollup_hour"], [(*key, *numbers) for key, numbers in rolled.items()])
        days = [(hour // 24, *rest, *numbers) for (hour, *rest), numbers in rolled.items()]
        upsert(connection, ADD_TO["rollup_day"], days)
        _add_parts(connection, parts)

    def _write_aside(self, connection: sqlite3.Connection) -> None:
        parts: dict[tuple[Any, ...], list[int]] = {}
        for part, at, place, (requests, errors, _, *rest) in self._aside:
            _add(parts, (part, at // HOUR_MS, *place), (requests, errors, *rest))
        _add_parts(connection, parts)

    def _write_latency(self, connection: sqlite3.Connection) -> None:
        counts: Counter[tuple[int, str, int]] = Counter()
        for at, _, _, ttft_ms, latency_ms in self._ended:
            if latency_ms is not None:
                counts[at // HOUR_MS, "total", bucket(latency_ms)] += 1
            if ttft_ms is not None:
                counts[at // HOUR_MS, "ttft", bucket(ttft_ms)] += 1
        upsert(connection, _LATENCY, [(*place, n) for place, n in counts.items()])

    def _write_used(self, connection: sqlite3.Connection) -> None:
        last: dict[str, int] = {}
        clients: dict[tuple[str, str], list[int]] = {}
        for key_id, client, at in self._used:
            last[key_id] = at
            if client:
                seen = clients.setdefault((key_id, client), [at, 0])
                seen[0] = at
                seen[1] += 1
        connection.executemany(
            "UPDATE api_key SET last_used_at = ? WHERE id = ?", ((at, key) for key, at in last.items())
        )
        upsert(connection, USED, [(*who, *seen) for who, seen in clients.items()])


def _add_parts(connection: sqlite3.Connection, parts: dict[tuple[Any, ...], list[int]]) -> None:
    """By part, hour and place, to the hours and the days."""
    upsert(connection, ADD_TO["part_hour"], [(*key, *numbers) for key, numbers in parts.items()])
    days = [(part, hour // 24, *rest, *numbers) for (part, hour, *rest), numbers in parts.items()]
    upsert(connection, ADD_TO["part_day"], days)


def _add(sums: dict[Any, list[int]], key: object, numbers: Sequence[int]) -> None:
    held = sums.get(key)
    sums[key] = list(numbers) if held is None else list(map(add, held, numbers))
