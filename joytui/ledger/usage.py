"""Sums by any grouping: whole days and hours from the rollups, the ends of the range from request rows.

A range is cut at its hours and days, so "since 12:34" is exact and a month is still read from thirty daily rows a key.
Projects and threads, and filtered questions, are summed from request rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from joytui.core.filters import Term
from joytui.core.periods import period_label
from joytui.core.usage import UsageRow, UsageTotals
from joytui.ledger.filters_sql import to_sql
from joytui.ledger.ids import COUNTER_BITS
from joytui.ledger.rollups import DAY_MS, HOUR_MS, bucket_middle

TIMES = {"hour": HOUR_MS, "day": DAY_MS, "week": DAY_MS, "month": DAY_MS}
RAW_ONLY = {"project", "thread"}

_SUMS = "sum(requests), sum(errors), sum(input_tokens), sum(cached_input_tokens), sum(output_tokens), sum(reasoning_tokens), sum(cost_nano)"
_PLACES = {"key": "key_id", "owner": "key_id", "model": "model", "tier": "tier", "provider": "provider"}
_RAW_PLACES = {
    "key": "coalesce(r.key_id, '')",
    "owner": "coalesce(r.key_id, '')",
    "model": "coalesce(r.model_used, r.model, '')",
    "tier": "coalesce(r.tier, '')",
    "provider": "coalesce(r.provider, '')",
    "project": "coalesce(r.project, '')",
    "thread": "coalesce(r.thread_id, '')",
}
_RAW_SUMS = (
    "count(*), sum(r.status >= 400 OR r.error_type IS NOT NULL), sum(r.input_tokens), sum(r.cached_input_tokens),"
    " sum(r.output_tokens), sum(r.reasoning_tokens), sum(r.cost_nano)"
)


Part = tuple[tuple[Any, ...], UsageTotals]
"""What a group's columns held, and its sums."""


def usage(
    connection: sqlite3.Connection, by: Sequence[str], since: int, until: int, term: Term | None = None
) -> tuple[list[UsageRow], UsageTotals]:
    """Rows for each combination of `by` (USAGE_GROUPS) that has requests, and the totals. The range is in ms, its end open."""
    since, until = _clamped(connection, since, until)
    groups: dict[tuple[str | None, ...], list[UsageTotals]] = {}
    names = _key_names(connection) if {"key", "owner"} & set(by) else {}
    for group, totals in _parts(connection, by, since, until, term):
        place = tuple(_label(name, value, names) for name, value in zip(by, group, strict=True))
        groups.setdefault(place, []).append(totals)
    rows = [
        UsageRow(dict(zip(by, place, strict=True)), "gateway", UsageTotals.sum(parts))
        for place, parts in groups.items()
    ]
    rows.sort(key=lambda row: _order(by, row))
    return rows, UsageTotals.sum(row.totals for row in rows)


def _clamped(connection: sqlite3.Connection, since: int, until: int) -> tuple[int, int]:
    """The range cut to where there is anything, so that "since 1970" is not a hundred thousand hours."""
    first, last = connection.execute("SELECT min(hour), max(hour) FROM rollup_hour").fetchone()
    if first is None:
        return since, min(since, until)
    return max(since, first * HOUR_MS), min(until, (last + 1) * HOUR_MS)


def _parts(
    connection: sqlite3.Connection, by: Sequence[str], since: int, until: int, term: Term | None
) -> Iterator[Part]:
    if since >= until:
        return
    if term is not None or RAW_ONLY & set(by):
        yield from _raw(connection, by, since, until, term)
        return
    for kind, low, high in _segments(since, until, by_hour="hour" in by):
        if kind == "raw":
            yield from _raw(connection, by, low, high, None)
        else:
            yield from _rolled(connection, by, kind, low, high)


def _segments(since: int, until: int, *, by_hour: bool) -> list[tuple[str, int, int]]:
    """The range as pieces of raw rows, hours and days, each with its edges in ms."""
    hour_low, hour_high = -(-since // HOUR_MS) * HOUR_MS, until // HOUR_MS * HOUR_MS
    if hour_low >= hour_high:
        return [("raw", since, until)]
    pieces = [("raw", since, hour_low)]
    day_low, day_high = -(-hour_low // DAY_MS) * DAY_MS, hour_high // DAY_MS * DAY_MS
    if by_hour or day_low >= day_high:
        pieces.append(("hour", hour_low, hour_high))
    else:
        pieces += [("hour", hour_low, day_low), ("day", day_low, day_high), ("hour", day_high, hour_high)]
    pieces.append(("raw", hour_high, until))
    return [piece for piece in pieces if piece[1] < piece[2]]


def _rolled(connection: sqlite3.Connection, by: Sequence[str], kind: str, low: int, high: int) -> Iterator[Part]:
    unit = HOUR_MS if kind == "hour" else DAY_MS
    groups = [f"{kind} * {unit} / {TIMES[name]}" if name in TIMES else _PLACES[name] for name in by]
    yield from _summed(
        connection,
        f"SELECT {', '.join([*groups, _SUMS])} FROM rollup_{kind} WHERE {kind} >= ? AND {kind} < ?",  # noqa: S608
        [low // unit, high // unit],
        groups,
    )


def _raw(connection: sqlite3.Connection, by: Sequence[str], low: int, high: int, term: Term | None) -> Iterator[Part]:
    groups = [f"(r.n >> {COUNTER_BITS}) / {TIMES[name]}" if name in TIMES else _RAW_PLACES[name] for name in by]
    condition, values = to_sql(term) if term is not None else ("1", [])
    yield from _summed(
        connection,
        f"SELECT {', '.join([*groups, _RAW_SUMS])} FROM request r LEFT JOIN api_key k ON k.id = r.key_id"  # noqa: S608
        f" WHERE r.n >= ? AND r.n < ? AND r.status IS NOT NULL AND {condition}",
        [low << COUNTER_BITS, high << COUNTER_BITS, *values],
        groups,
    )


def _summed(connection: sqlite3.Connection, select: str, values: list[Any], groups: list[str]) -> Iterator[Part]:
    grouping = f" GROUP BY {', '.join(str(i + 1) for i in range(len(groups)))}" if groups else ""
    for row in connection.execute(select + grouping, values):
        if row[len(groups)]:
            yield row[: len(groups)], UsageTotals(*row[len(groups) :])


def _key_names(connection: sqlite3.Connection) -> dict[str, tuple[str, str | None]]:
    return {row[0]: (row[1], row[2]) for row in connection.execute("SELECT id, name, owner FROM api_key")}


def _label(name: str, value: Any, names: dict[str, tuple[str, str | None]]) -> str | None:
    if name == "key":
        return names[value][0] if value in names else None
    if name == "owner":
        return names[value][1] if value in names else None
    if name in TIMES:
        return period_label(name, int(value) * TIMES[name] // HOUR_MS)
    return str(value) or None


def _order(by: Sequence[str], row: UsageRow) -> tuple[Any, ...]:
    """Times in order; the rest by what it cost, dearest first."""
    times = tuple(row.by[name] or "" for name in by if name in TIMES)
    return (*times, -row.totals.cost_nano, -row.totals.requests, *(value or "" for value in row.by.values()))


# --- latency ----------------------------------------------------------------------------------------------------------


def latency(connection: sqlite3.Connection, since: int, until: int) -> list[dict[str, Any]]:
    """Percentiles by hour, ms: {"hour", "requests", "latency_p50", …, "ttft_p99"}."""
    hours: dict[int, dict[str, list[tuple[int, int]]]] = {}
    for hour, kind, index, requests in connection.execute(
        "SELECT hour, kind, bucket, requests FROM latency_hour WHERE hour >= ? AND hour < ? ORDER BY hour, bucket",
        (since // HOUR_MS, -(-until // HOUR_MS)),
    ):
        hours.setdefault(hour, {"total": [], "ttft": []})[kind].append((index, requests))
    return [_latency_row(hour, kinds) for hour, kinds in hours.items()]


def _latency_row(hour: int, kinds: dict[str, list[tuple[int, int]]]) -> dict[str, Any]:
    row: dict[str, Any] = {"hour": period_label("hour", hour), "requests": sum(n for _, n in kinds["total"])}
    for kind, name in (("total", "latency"), ("ttft", "ttft")):
        for share in (50, 95, 99):
            row[f"{name}_p{share}"] = percentile(kinds[kind], share / 100)
    return row


def percentile(buckets: list[tuple[int, int]], share: float) -> float | None:
    """The value (ms) below which this share lies; None of nothing."""
    total = sum(n for _, n in buckets)
    seen = 0
    for index, n in buckets:
        seen += n
        if seen >= share * total:
            return round(bucket_middle(index), 3)
    return None
