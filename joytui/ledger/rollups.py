"""Sums by hour and day, latency histograms, and who used which key: collected over a batch, written once per commit."""

from __future__ import annotations

import math
import sqlite3
from collections import Counter
from collections.abc import Sequence
from operator import add
from typing import Any

from joytui.ledger.parts import ADD_TO, HOUR_MS, Place, part_places

STEPS_PER_DOUBLING = 8

_ADD = """ ON CONFLICT DO UPDATE SET requests = requests + excluded.requests, errors = errors + excluded.errors,
    refused = refused + excluded.refused, input_tokens = input_tokens + excluded.input_tokens,
    cached_input_tokens = cached_input_tokens + excluded.cached_input_tokens,
    output_tokens = output_tokens + excluded.output_tokens,
    reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens, cost_nano = cost_nano + excluded.cost_nano"""
_HOUR = ("INSERT INTO rollup_hour VALUES ", 13, _ADD)
_DAY = ("INSERT INTO rollup_day VALUES ", 13, _ADD)
_LATENCY = ("INSERT INTO latency_hour VALUES ", 4, " ON CONFLICT DO UPDATE SET requests = requests + excluded.requests")
_CLIENT = (
    "INSERT INTO key_client VALUES ",
    4,
    " ON CONFLICT DO UPDATE SET last_used_at = max(last_used_at, excluded.last_used_at),"
    " requests = requests + excluded.requests",
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


def bucket(milliseconds: float) -> int:
    """The histogram's bucket: eight to a doubling, so its middle is within 5% of what it holds."""
    return max(0, math.ceil(math.log2(milliseconds) * STEPS_PER_DOUBLING)) if milliseconds > 1 else 0


def bucket_middle(index: int) -> float:
    """Milliseconds that stand for a bucket."""
    return float(2 ** ((index - 0.5) / STEPS_PER_DOUBLING)) if index else 1.0


class Sums:
    """What a batch adds up."""

    __slots__ = ("_clients", "_latency", "_totals", "_used")

    def __init__(self) -> None:
        self._totals: dict[tuple[int, Place], list[int]] = {}
        self._latency: Counter[tuple[int, str, int]] = Counter()
        self._clients: dict[tuple[str, str], list[int]] = {}
        self._used: dict[str, int] = {}

    def add(
        self,
        at: int,
        place: Place,
        numbers: tuple[int, int, int, int, int, int, int, int],
        ttft_ms: float | None,
        latency_ms: float | None,
    ) -> None:
        """One ended request: `at` in ms; `numbers` as the rollup's columns."""
        hour = at // HOUR_MS
        _add(self._totals, (hour, place), numbers)
        if latency_ms is not None:
            self._latency[hour, "total", bucket(latency_ms)] += 1
        if ttft_ms is not None:
            self._latency[hour, "ttft", bucket(ttft_ms)] += 1

    def used(self, key_id: str, client: str | None, at: int) -> None:
        """A key was used, by this client where it is known."""
        self._used[key_id] = at
        if client:
            seen = self._clients.setdefault((key_id, client), [at, 0])
            seen[0] = at
            seen[1] += 1

    def write(self, connection: sqlite3.Connection) -> None:
        if self._totals:
            self._write_totals(connection)
            self._totals.clear()
        if self._latency:
            upsert(connection, _LATENCY, [(*place, n) for place, n in self._latency.items()])
            self._latency.clear()
        if self._used:
            connection.executemany(
                "UPDATE api_key SET last_used_at = ? WHERE id = ?", ((at, key) for key, at in self._used.items())
            )
            self._used.clear()
        if self._clients:
            upsert(connection, _CLIENT, [(*who, *seen) for who, seen in self._clients.items()])
            self._clients.clear()

    def _write_totals(self, connection: sqlite3.Connection) -> None:
        """The rollups, by key, model, tier and provider; and the parts, which keep less apart (`ledger.parts`)."""
        rolled: dict[tuple[Any, ...], list[int]] = {}
        parts: dict[tuple[Any, ...], list[int]] = {}
        for (hour, place), numbers in self._totals.items():
            _add(rolled, (hour, *place[:4]), numbers)
            requests, errors, _, *rest = numbers
            for part, *kept in part_places(place):
                _add(parts, (part, hour, *kept), (requests, errors, *rest))
        upsert(connection, _HOUR, [(*key, *numbers) for key, numbers in rolled.items()])
        upsert(connection, _DAY, [(hour // 24, *rest, *numbers) for (hour, *rest), numbers in rolled.items()])
        upsert(connection, ADD_TO["hour"], [(*key, *numbers) for key, numbers in parts.items()])
        days = [(part, hour // 24, *rest, *numbers) for (part, hour, *rest), numbers in parts.items()]
        upsert(connection, ADD_TO["day"], days)


def _add(sums: dict[Any, list[int]], key: object, numbers: Sequence[int]) -> None:
    held = sums.get(key)
    sums[key] = list(numbers) if held is None else list(map(add, held, numbers))
