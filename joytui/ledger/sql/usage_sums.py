"""Sums by any grouping: whole months, days and hours from the rollups, the ends of the range from request rows.

A range is cut at its hours, days and months, so "since 12:34" is exact and a month is still read from thirty daily rows a key, or from
one where it has been over for some days (`months`).
(Where retention took the rows, hours are all that is left, and later days: of one that the range cuts, nothing is counted.)
Each question is answered from the smallest sums that hold it (`ledger.parts`, then the rollups); only filtered questions,
and fields that no sums keep apart together, are summed from request rows.
"""
# ruff: noqa: S608 - the SQL is put together from this module's own words; values are always parameters

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import accumulate, groupby, product
from operator import getitem, itemgetter
from typing import Any, Literal, NamedTuple

from joytui.core.filters import Term
from joytui.core.periods import period_label
from joytui.core.token_counts import MANY, OTHERS, Teller, Tests, UsageRow, UsageTotals
from joytui.ledger.ids import COUNTER_BITS
from joytui.ledger.records import DAY_MS, HOUR_MS
from joytui.ledger.sql import lifetimes
from joytui.ledger.sql.connection import Connection, one_state
from joytui.ledger.sql.filters import FROM, Sql, to_sql
from joytui.ledger.sql.histogram import bucket_middle
from joytui.ledger.sql.months import Month, first_day, month_label, month_of, whole_months
from joytui.ledger.sql.parts import (
    ASIDE,
    DOCTOR,
    MONTHLY,
    PARTS,
    PROGRAM,
    SUMS,
    TELLING,
    Place,
    complete_from,
    part_for,
)
from joytui.ledger.sql.teams import HOLDERS

TIMES = {
    "hour": "{hour}",
    "day": "{day}",
    "week": "({day} + 3) / 7",  # 1970 began on a Thursday
    "month": "{month}",
}
"""The periods in SQL, from hours, days or months since 1970."""
ROLLED = {"key_id", "model", "tier", "provider"}

_ADDED = [f"sum({name})" for name in SUMS]
_OF_KEYS = ("key", "owner", "team", "label")
"""What a request has from its key."""
_COLUMN = {"key": "name"}
"""Where that is called otherwise there."""
_NOWHERE = "''"
"""No header names a branch."""
_PLACES = {
    **dict.fromkeys(_OF_KEYS, "key_id"),
    "branch": _NOWHERE,
    **{name: name for name in ("model", "tier", "provider", "client", "project", "repo", "task", "thread")},
    "commit": "commit_hash",
}
_ROW_PLACES = {
    **dict.fromkeys(_OF_KEYS, "coalesce(r.key_id, r.sender_id, '')"),
    "branch": _NOWHERE,
    "model": "coalesce(r.model_used, r.model, '')",
    "tier": "coalesce(r.tier, '')",
    "provider": "coalesce(r.provider, '')",
    "project": "coalesce(r.project, '')",
    "thread": "coalesce(r.thread_id, '')",
    "task": "coalesce(r.root_thread, '')",
    "repo": "coalesce(r.repo, '')",
    "commit": "coalesce(r.commit_hash, '')",
    "client": PROGRAM,
}
_ROW_SUMS = (
    "sum(r.seen), coalesce(sum(r.seen) FILTER (WHERE r.status >= 400 OR r.error_type IS NOT NULL), 0), sum(r.input_tokens),"
    " sum(r.cached_input_tokens),"
    " sum(r.output_tokens), sum(r.reasoning_tokens), sum(r.cost_nano)"
)


Part = tuple[tuple[Any, ...], UsageTotals]
"""What a group's columns held, and its sums."""
_Called = tuple[str | None, ...]
"""What the values of a group are called."""


def usage(
    connection: Connection,
    by: Sequence[str],
    since: int,
    until: int,
    term: Term | None = None,
    top: int | None = None,
    only: Sequence[str] | None = None,
    tests: Tests = "in",
    source: Teller = "gateway",
    teams: Sequence[str] | None = None,
) -> tuple[list[UsageRow], UsageTotals]:
    """Rows for each combination of `by` (USAGE_GROUPS) that has requests, and the totals. The range is in ms, its end open.

    `top` is for one of MANY, beside times: its most expensive groups, this many, and the rest as OTHERS. `only` is for one
    field beside times: nothing but these values of it. `tests`: whether the doctor's test requests count. `teams`: of the
    requests of these alone.
    """
    with one_state(connection):
        since, until = _clamped(connection, since, until)
        field = next((name for name in by if name not in TIMES), "")
        values = (field, tuple(only)) if only is not None else None
        of_teams = None if teams is None else tuple(teams)
        coarse = set(by) & set(TIMES) <= {"month"} and term is None
        months = tuple(whole_months(connection)) if coarse else ()
        wanted = _Question(tuple(by), since, until, term, None, values, tests, source, of_teams, months)
        wanted = wanted._replace(summary=_summary(connection, wanted))
        parts = list(_parts(connection, wanted) if top is None else _top(connection, wanted, top))
        keys = _keys(connection) if set(_OF_KEYS) & set(by) else {}
    groups: dict[_Called, UsageTotals] = {}
    called = [_Names(name, keys, only) for name in by]
    for group, totals in parts:
        for place in product(*map(getitem, called, group)):
            held = groups.get(place)
            groups[place] = totals if held is None else UsageTotals.sum((held, totals))
    told_by: Literal["gateway", "codex"] = "gateway" if source == "gateway" else "codex"
    ordered = sorted(groups.items(), key=_order(by))
    rows = [UsageRow(dict(zip(by, place, strict=True)), told_by, totals) for place, totals in ordered]
    return rows, UsageTotals.sum(totals for _, totals in parts)


class _Summary(NamedTuple):
    """Tables that hold the sums that were asked for, from a moment on: "rollup", or "part" with the part's name."""

    tables: str
    part: str | None
    complete_from: int

    @property
    def by_month(self) -> bool:
        return self.part is None or self.part in MONTHLY


class _Question(NamedTuple):
    by: tuple[str, ...]
    since: int
    until: int
    term: Term | None
    summary: _Summary | None
    only: tuple[str, tuple[str, ...]] | None = None  # a field, and the values of it that count
    tests: Tests = "in"
    source: Teller = "gateway"
    teams: tuple[str, ...] | None = None
    months: tuple[Month, ...] = ()  # those whose sums may be read instead of their days'


def _summary(connection: Connection, asked: _Question) -> _Summary | None:
    """The smallest sums that answer a question; None if only the rows do."""
    if asked.term is not None:
        return None
    if asked.source == "telemetry":
        return _Summary("part", TELLING, 0)
    columns = {_PLACES[name] for name in asked.by if name not in TIMES} - {_NOWHERE}
    if asked.teams is not None:
        columns.add("key_id")
    if part := part_for(columns):
        return _Summary("part", part, complete_from(connection, part))
    return _Summary("rollup", None, 0) if columns <= ROLLED else None


def _clamped(connection: Connection, since: int, until: int) -> tuple[int, int]:
    """The range cut to where there is anything, so that "since 1970" is not a hundred thousand hours.

    An end beyond the last request is that day's end, and a beginning before the first its day's: whole days are summed
    up already, the rows of a begun hour are not. Where retention took the last rows, their hours still tell when they were.
    """
    first, last_day, last_hour = connection.execute(_RANGE).fetchone()
    if first is None:
        return since, min(since, until)
    newest = connection.execute(_NEWEST, ((last_day - 1) * DAY_MS << COUNTER_BITS,)).fetchone()[0]
    last = last_day * 24 + 23 if last_hour is None else last_hour
    at = newest or 0
    if until > (at if at // HOUR_MS >= last else (last + 1) * HOUR_MS - 1):
        until = (last_day + 1) * DAY_MS
    return max(since, first * DAY_MS), until


_RANGE = """
    WITH held_day AS (
        SELECT (SELECT min(day) FROM rollup_day) AS first, (SELECT max(day) FROM rollup_day) AS last
        UNION ALL SELECT (SELECT min(day) FROM part_day WHERE part = 'doctor'), (SELECT max(day) FROM part_day WHERE part = 'doctor')
        UNION ALL
        SELECT (SELECT min(day) FROM part_day WHERE part = 'telemetry'), (SELECT max(day) FROM part_day WHERE part = 'telemetry')
    ), held_hour AS (
        SELECT max(hour) AS last FROM rollup_hour UNION ALL SELECT max(hour) FROM part_hour WHERE part = 'doctor'
        UNION ALL SELECT max(hour) FROM part_hour WHERE part = 'telemetry'
    )
    SELECT (SELECT min(first) FROM held_day), (SELECT max(last) FROM held_day), (SELECT max(last) FROM held_hour)
"""
"""The first and the last day, and the last hour. One edge of one part a SELECT: each is an end of an index."""
_NEWEST = "SELECT max(started_at) FROM request WHERE +n >= ?"
"""The newest request, among those whose numbers are of the last two days (else PostgreSQL looks into each day that it has). That is no
promise about numbers: where one of another day is newer, the last hour is read from rows."""


def _parts(connection: Connection, asked: _Question, ends: Iterable[Part] | None = None) -> Iterator[Part]:
    """`ends`: what the rows before the first and after the last whole hour hold, where that is known (`_ends`)."""
    yield from ends or ()
    for kind, low, high in _segments(asked):
        if kind == "rows":
            if ends is None:
                yield from _from_rows(connection, asked, low, high)
            continue
        for summary in _summaries(asked):
            yield from _from_sums(connection, asked._replace(summary=summary), kind, low, high)


def _ends(connection: Connection, asked: _Question) -> list[Part] | None:
    """What the rows at the ends of a range of sums hold; None where rows are all that answers. To be read once: PostgreSQL plans for
    each day that it keeps, which takes longer than reading."""
    if asked.summary is None:
        return None
    return [part for low, high in _row_pieces(asked) for part in _from_rows(connection, asked, low, high)]


def _row_pieces(asked: _Question) -> list[tuple[int, int]]:
    return [(low, high) for kind, low, high in _segments(asked) if kind == "rows"]


def _summaries(asked: _Question) -> Iterator[_Summary]:
    """The sums that together hold what was asked for."""
    if asked.tests != "only" and asked.summary is not None:
        yield asked.summary
    if asked.tests != "out" and asked.source == "gateway":
        yield _Summary("part", DOCTOR, 0)


def _segments(asked: _Question) -> list[tuple[str, int, int]]:
    """The range as pieces of rows, hours, days and months, each with its edges in ms."""
    since, until, summary = asked.since, asked.until, asked.summary
    if summary is None:
        return [("rows", since, until)] if since < until else []
    summed = max(since, summary.complete_from)
    hour_low, hour_high = -(-summed // HOUR_MS) * HOUR_MS, until // HOUR_MS * HOUR_MS
    if hour_low >= hour_high:
        return [("rows", since, until)] if since < until else []
    pieces = [("rows", since, hour_low)]
    day_low, day_high = -(-hour_low // DAY_MS) * DAY_MS, hour_high // DAY_MS * DAY_MS
    if "hour" in asked.by or day_low >= day_high:
        pieces.append(("hour", hour_low, hour_high))
    else:
        pieces += [("hour", hour_low, day_low), *_days(asked, day_low, day_high), ("hour", day_high, hour_high)]
    pieces.append(("rows", hour_high, until))
    return [piece for piece in pieces if piece[1] < piece[2]]


def _days(asked: _Question, low: int, high: int) -> Iterator[tuple[str, int, int]]:
    """Whole days as pieces of months, where those are summed, and of days."""
    assert asked.summary is not None
    at = read = low  # how far the pieces have come, and how far their last one may be read by month
    for month in asked.months if asked.summary.by_month else ():
        begins, ends = month.begins * DAY_MS, month.ends * DAY_MS
        if begins < low or ends > high:
            continue
        if begins > read:
            yield "month", at, read
            yield "day", read, begins
            at = begins
        read = ends
    yield "month", at, read
    yield "day", read, high


def _from_sums(connection: Connection, asked: _Question, kind: str, low: int, high: int) -> Iterator[Part]:
    kind = _kept(asked, kind)
    clock = {"hour": "hour", "day": "hour / 24" if kind == "hour" else "day"}
    if "month" in asked.by:
        clock["month"] = "month" if kind == "month" else _month(kind, HOUR_MS if kind == "hour" else DAY_MS, low, high)
    groups = [TIMES[name].format(**clock) if name in TIMES else _PLACES[name] for name in asked.by]
    table, values = _table(asked, kind, low, high)
    condition, only = _only(asked, _PLACES)
    each = {kind, *_apart(asked)} <= set(groups)  # nothing is to be added up: each row is a group
    sums = ", ".join(SUMS if each else _ADDED)
    select = f"SELECT {', '.join(groups)}{', ' if groups else ''}{sums} {table}{condition}"
    yield from _summed(connection, select, [*values, *only], len(groups), each=each)


def _apart(asked: _Question) -> Collection[str]:
    """The columns that its sums keep apart."""
    assert asked.summary is not None
    if asked.summary.part in ASIDE:
        return Place._fields
    return PARTS[asked.summary.part] if asked.summary.part else ROLLED


def _table(asked: _Question, kind: str, low: int, high: int) -> Sql:
    """FROM and WHERE of a piece of the range in its sums."""
    assert asked.summary is not None
    kind = _kept(asked, kind)
    edges = [low // HOUR_MS, high // HOUR_MS] if kind == "hour" else [low // DAY_MS, high // DAY_MS]
    if kind == "month":
        edges = [month_of(edge) for edge in edges]
    part = f"part = '{asked.summary.part}' AND " if asked.summary.part else ""
    condition, teams = _of_teams(asked, "key_id")
    table = f"{asked.summary.tables}_{kind}"
    if asked.only is not None and table == "part_day" and asked.summary.part == lifetimes.PART:
        table = lifetimes.DAYS_OF.get(_PLACES[asked.only[0]], table)
    text = f"FROM {table} WHERE {part}{kind} >= ? AND {kind} < ?{condition}"
    return text, [*edges, *teams]


def _kept(asked: _Question, kind: str) -> str:
    """By which unit a piece of months is read: what stands aside has days alone."""
    assert asked.summary is not None
    return "day" if kind == "month" and not asked.summary.by_month else kind


def _month(column: str, unit: int, low: int, high: int) -> str:
    """The month of a moment between these (ms), which a column has in units of so many ms."""
    first, last = month_of(low // DAY_MS), month_of((high - 1) // DAY_MS)
    if first == last:
        return f"(0 * {column} + {first})"  # no constant: GROUP BY would take it for the place of a column
    cases = " ".join(
        f"WHEN {column} < {first_day(month + 1) * DAY_MS // unit} THEN {month}" for month in range(first, last)
    )
    return f"CASE {cases} ELSE {last} END"


def _from_rows(connection: Connection, asked: _Question, low: int, high: int) -> Iterator[Part]:
    clock = {"hour": f"(r.started_at / {HOUR_MS})", "day": f"(r.started_at / {DAY_MS})"}
    if "month" in asked.by:
        clock["month"] = _month("r.started_at", 1, low, high)
    groups = [TIMES[name].format(**clock) if name in TIMES else _ROW_PLACES[name] for name in asked.by]
    table, values = _rows(asked, low, high)
    condition, only = _only(asked, _ROW_PLACES)
    select = f"SELECT {', '.join([*groups, _ROW_SUMS])} {table}{condition}"
    yield from _summed(connection, select, [*values, *only], len(groups))


def _rows(asked: _Question, low: int, high: int) -> Sql:
    """FROM and WHERE of a piece of the range in the request rows."""
    condition, values = to_sql(asked.term) if asked.term is not None else ("TRUE", [])
    text = f"{FROM} WHERE r.started_at >= ? AND r.started_at < ? AND r.status IS NOT NULL AND r.source = ?"
    within, teams = _of_teams(asked, _ROW_PLACES["key"])
    return f"{text} AND {condition}{_OF_ROWS[asked.tests]}{within}", [low, high, asked.source, *values, *teams]


_OF_ROWS: Mapping[Tests, str] = {"in": "", "out": " AND r.doctor = 0", "only": " AND r.doctor = 1"}


def _of_teams(asked: _Question, place: str) -> Sql:
    if asked.teams is None:
        return "", []
    listed = f"SELECT id FROM {HOLDERS} WHERE team IN (SELECT value FROM json_each(?))"
    return f" AND {place} IN ({listed})", [json.dumps(asked.teams)]


def _only(asked: _Question, places: Mapping[str, str]) -> Sql:
    if asked.only is None:
        return "", []
    field, values = asked.only
    listed = "SELECT value FROM json_each(?)"
    if field == "label":
        listed = f"SELECT api_key.id FROM api_key, json_each(labels) label WHERE label.value IN ({listed})"
    elif field in _OF_KEYS:
        listed = f"SELECT id FROM {HOLDERS} WHERE {_COLUMN.get(field, field)} IN ({listed})"
    return f" AND {places[field]} IN ({listed})", [json.dumps(values)]


def _summed(
    connection: Connection, select: str, values: list[Any], groups: int, *, each: bool = False
) -> Iterator[Part]:
    """`groups`: how many columns stand before the sums. `each`: every row is a group of its own."""
    grouping = f" GROUP BY {', '.join(str(place + 1) for place in range(groups))}" if groups and not each else ""
    for row in connection.execute(select + grouping, values).fetchall():
        if row[groups]:
            yield row[:groups], UsageTotals(*row[groups:])


# --- the largest of many ----------------------------------------------------------------------------------------------


def _top(connection: Connection, asked: _Question, top: int) -> Iterator[Part]:
    """The parts of the dearest groups of a field; all else, by time, under OTHERS."""
    (field,) = (name for name in asked.by if name in MANY)
    place = asked.by.index(field)
    ends = _ends(connection, asked)
    spent = [(group[place], totals.cost_nano) for group, totals in ends or ()]
    chosen = _dearest(connection, asked, field, top + 1, spent)
    if len(chosen) <= top:
        yield from _parts(connection, asked, ends)
        return
    chosen = chosen[:top]
    shown: dict[tuple[Any, ...], list[UsageTotals]] = {}
    their_ends = None if ends is None else [part for part in ends if part[0][place] in chosen]
    for group, totals in _parts(connection, asked._replace(only=(field, chosen)), their_ends):
        times = tuple(value for name, value in zip(asked.by, group, strict=True) if name != field)
        shown.setdefault(times, []).append(totals)
        yield group, totals
    times_asked = tuple(name for name in asked.by if name != field)
    whole: dict[tuple[Any, ...], list[UsageTotals]] = {}
    everything = asked._replace(by=times_asked)
    everything = everything._replace(summary=_summary(connection, everything))
    all_ends = None
    if ends is not None and _row_pieces(everything) == _row_pieces(asked):
        all_ends = [((*group[:place], *group[place + 1 :]), totals) for group, totals in ends]
    for times, totals in _parts(connection, everything, all_ends):
        whole.setdefault(times, []).append(totals)
    for times, parts in whole.items():
        rest = UsageTotals.sum(parts).less(UsageTotals.sum(shown.get(times, ())))
        if rest.requests:
            values = iter(times)
            yield tuple(OTHERS if name == field else next(values) for name in asked.by), rest


def _dearest(
    connection: Connection, asked: _Question, field: str, top: int, ends: Sequence[tuple[str, int]]
) -> tuple[str, ...]:
    """The values of a field that cost most in the range, whatever times they are asked by. `ends`: what is known to be spent by value
    at the ends of the range of sums."""
    asked = asked._replace(by=(field,), months=tuple(whole_months(connection)))
    days = _lived_days(connection, asked, field)
    if days is not None:
        found = connection.execute(*_spent(asked, field, "GROUP BY name", days[1] * DAY_MS, ends=False))
        beside = Counter[str](dict(found.fetchall()))
        for value, cost in ends:
            beside[value] += cost
        among = None if asked.teams is None else _of_teams(asked, "key_id")
        chosen = lifetimes.dearest(connection, _PLACES[field], days, top, beside, among)
        if chosen is not None:
            return chosen
    words, values = _spent(asked, field, "GROUP BY name ORDER BY 2 DESC, name LIMIT ?")
    return tuple(name for name, _ in connection.execute(words, [*values, top]))


def _lived_days(connection: Connection, asked: _Question, field: str) -> tuple[int, int] | None:
    """The days of the range that the lifetimes of a field hold, where they are enough to find the dearest by them."""
    part = asked.summary and asked.summary.part
    if (
        part != lifetimes.PART
        or _PLACES[field] not in lifetimes.FIELDS
        or asked.only is not None
        or asked.tests == "only"
    ):
        return None
    summed = lifetimes.summed_before(connection)
    for kind, low, high in _segments(asked):
        days = low // DAY_MS, min(high // DAY_MS, summed)
        if kind == "day" and days[1] - days[0] >= lifetimes.LEAST_DAYS:
            return days
    return None


def _spent(asked: _Question, field: str, end: str, days_from: int = 0, *, ends: bool = True) -> Sql:
    """What was spent in the range, by the values of a field ("name"). Of whole days only those from `days_from` (ms) on, but all of
    the doctor's. `ends`: with what the rows at its ends hold."""
    selects: list[str] = []
    values: list[Any] = []
    for kind, low, high in _segments(asked):
        rows = kind == "rows"
        if rows and not ends:
            continue
        tables = [_rows(asked, low, high)] if rows else []
        for one in () if rows else _summaries(asked):
            begin = max(low, days_from) if kind == "day" and one == asked.summary else low
            tables.append(_table(asked._replace(summary=one), kind, begin, high))
        place = (_ROW_PLACES if rows else _PLACES)[field]
        for table, more in tables:
            selects.append(f"SELECT {place} AS name, cost_nano AS cost {table}")
            values += more
    union = " UNION ALL ".join(selects) or "SELECT NULL AS name, 0 AS cost WHERE FALSE"
    return f"SELECT name, sum(cost) FROM ({union}) AS spent {end}", values


class _Key(NamedTuple):
    name: str | None = None
    owner: str | None = None
    team: str | None = None
    labels: tuple[str, ...] = ()


def _keys(connection: Connection) -> dict[str, _Key]:
    found = connection.execute(f"SELECT id, name, owner, team, labels FROM {HOLDERS}")
    return {key_id: _Key(name, owner, team, tuple(json.loads(labels))) for key_id, name, owner, team, labels in found}


class _Names(dict[Any, tuple[str | None, ...]]):
    """What the values of a field are called, each worked out once: one name, but as many as a key has labels.

    `only`: these labels alone.
    """

    def __init__(self, field: str, keys: Mapping[str, _Key], only: Sequence[str] | None = None) -> None:
        super().__init__()
        self._field = field
        self._keys = keys
        self._only = only

    def __missing__(self, value: Any) -> tuple[str | None, ...]:
        names = self[value] = self._labels(value) if self._field == "label" else (self._name(value),)
        return names

    def _labels(self, key_id: str) -> tuple[str | None, ...]:
        labels = self._keys.get(key_id, _Key()).labels
        if self._only is not None:
            return tuple(label for label in labels if label in self._only)
        return labels or (None,)

    def _name(self, value: Any) -> str | None:
        if self._field in _OF_KEYS:
            named: str | None = getattr(self._keys.get(value, _Key()), _COLUMN.get(self._field, self._field))
            return named
        if self._field in ("hour", "day", "week"):
            return period_label(
                self._field, {"hour": value, "day": value * 24, "week": (value * 7 - 3) * 24}[self._field]
            )
        if self._field == "month":
            return month_label(value)
        return str(value) or None


def _order(by: Sequence[str]) -> Callable[[tuple[_Called, UsageTotals]], tuple[Any, ...]]:
    """Times in order; the rest by what it cost, dearest first, all others last."""
    times = [place for place, name in enumerate(by) if name in TIMES]

    def key(group: tuple[_Called, UsageTotals]) -> tuple[Any, ...]:
        called, totals = group
        words = [value or "" for value in called]
        return (*[words[place] for place in times], OTHERS in called, -totals.cost_nano, -totals.requests, *words)

    return key


# --- latency ----------------------------------------------------------------------------------------------------------


SHARES = (50, 95, 99)


def latency(connection: Connection, since: int, until: int) -> list[dict[str, Any]]:
    """Percentiles by hour, ms: {"hour", "requests", "latency_p50", …, "ttft_p99"}."""
    hours: dict[int, dict[str, list[tuple[int, int]]]] = {}
    rows = connection.execute(
        "SELECT hour, kind, bucket, requests FROM latency_hour WHERE hour >= ? AND hour < ? ORDER BY hour, kind, bucket",
        (since // HOUR_MS, -(-until // HOUR_MS)),
    )
    for (hour, kind), buckets in groupby(rows.fetchall(), key=itemgetter(0, 1)):
        hours.setdefault(hour, {"total": [], "ttft": []})[kind] = [row[2:] for row in buckets]
    return [_latency_row(hour, kinds) for hour, kinds in hours.items()]


def _latency_row(hour: int, kinds: dict[str, list[tuple[int, int]]]) -> dict[str, Any]:
    row: dict[str, Any] = {"hour": period_label("hour", hour), "requests": sum(n for _, n in kinds["total"])}
    for kind, name in (("total", "latency"), ("ttft", "ttft")):
        for share, value in percentiles(kinds[kind]).items():
            row[f"{name}_p{share}"] = value
    return row


def percentiles(buckets: Sequence[tuple[int, int]]) -> dict[int, float | None]:
    """Of buckets in their order, each with how many it holds: the values (ms) below which 50, 95 and 99 in a hundred lie; None of
    nothing."""
    seen = list(accumulate(n for _, n in buckets))
    if not seen:
        return dict.fromkeys(SHARES)
    return {share: _middle(buckets[bisect_left(seen, seen[-1] * share / 100)][0]) for share in SHARES}


@cache
def _middle(bucket: int) -> float:
    return round(bucket_middle(bucket), 3)
