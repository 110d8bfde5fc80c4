"""Proves that a store adds up: days and hours, sums and rows, what budgets and wallets spent and hold.

Every number that is kept twice is compared with its twin. Where retention has taken rows, the days that still have all of
theirs are compared.
"""
# ruff: noqa: S608 - the SQL is put together from this package's own words; values are always parameters

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from joytui.ledger.records import DAY_MS, PERIODS, Period, window_end, window_start
from joytui.ledger.sql.connection import Connection
from joytui.ledger.sql.lifetimes import FIELDS, PART, SUMMED
from joytui.ledger.sql.months import month_label
from joytui.ledger.sql.nodes import FIRST_NODE, spent_within
from joytui.ledger.sql.parts import ASIDE, DOCTOR, FROM_ROWS, MONTHLY, PARTS, SUMS, TELLING
from joytui.ledger.sql.reads import counted

_ALL = ", ".join(SUMS)
_AMOUNTS = SUMS[2:]
"""What no row that is taken away early has: tokens and money."""


class Wrong(NamedTuple):
    """Two numbers that should be the same. `where` names their place, `expected` and `found` what they are and hold."""

    where: str
    expected: str
    found: str


class Check(NamedTuple):
    """`compared`: how many places were looked at."""

    name: str
    what: str
    compared: int
    wrong: list[Wrong]


_LATE = FROM_ROWS | {"client"}
"""Parts that older stores did not have from the beginning."""
Place = tuple[Any, ...]
Pair = tuple[Place, dict[str, int], dict[str, int]]


def check(connection: Connection) -> Iterator[Check]:
    """Each check when it is done."""
    for name, what, found in _CHECKS:
        compared, wrong = 0, []
        for one in found(connection):
            compared += 1
            if one is not None:
                wrong.append(one)
        yield Check(name, what, compared, wrong)


def _pairs(connection: Connection, place: Sequence[str], names: Sequence[str], left: str, right: str) -> Iterator[Pair]:
    """Two queries of the same columns (a place, then numbers), side by side by place."""
    lefts, rights = ([f"{side}_{name}" for name in names] for side in ("a", "b"))
    zeros = ", ".join("0" for _ in names)
    numbers, places = ", ".join(names), ", ".join(place)
    first = f"SELECT {places}, {_aliased(names, lefts)}, {_zeroed(rights)} FROM ({left}) AS one"
    second = f"SELECT {places}, {zeros}, {numbers} FROM ({right}) AS other"
    sums = ", ".join(f"sum({name})" for name in (*lefts, *rights))
    words = f"SELECT {places}, {sums} FROM ({first} UNION ALL {second}) AS beside GROUP BY {places} ORDER BY {places}"
    for row in connection.execute(words).fetchall():
        at, values = row[: len(place)], [int(value or 0) for value in row[len(place) :]]
        half = len(names)
        yield at, dict(zip(names, values[:half], strict=True)), dict(zip(names, values[half:], strict=True))


def _aliased(names: Sequence[str], others: Sequence[str]) -> str:
    return ", ".join(f"{name} AS {other}" for name, other in zip(names, others, strict=True))


def _zeroed(names: Sequence[str]) -> str:
    return ", ".join(f"0 AS {name}" for name in names)


def _unlike(where: str, expected: dict[str, int], found: dict[str, int], what: tuple[str, str]) -> Wrong | None:
    names = [name for name in expected if expected[name] != found[name]]
    if not names:
        return None
    told = [
        f"{what[side]} {', '.join(f'{name} {values[name]}' for name in names)}"
        for side, values in enumerate((expected, found))
    ]
    return Wrong(where, *told)


def _date(day: int) -> str:
    return datetime.fromtimestamp(day * DAY_MS / 1000, UTC).strftime("%Y-%m-%d")


def _sum(names: Sequence[str] = SUMS) -> str:
    return ", ".join(f"sum({name}) AS {name}" for name in names)


# --- sums against sums ------------------------------------------------------------------------------------------------


def _hours(connection: Connection) -> Iterator[Wrong | None]:
    names = ("requests", "errors", "refused", *_AMOUNTS)
    for table, where in (("rollup", ""), *((f"part {part}", f"part = '{part}'") for part in (*PARTS, *ASIDE))):
        kind = table.split()[0]
        counts = names if kind == "rollup" else SUMS
        first = _first_whole_day(connection, kind, where)
        days = _where(f"day >= {first}", where)
        hours = _where(f"hour >= {first * 24}", where)
        pairs = _pairs(
            connection,
            ("day",),
            counts,
            f"SELECT day, {_sum(counts)} FROM {kind}_day {days} GROUP BY day",
            f"SELECT hour / 24 AS day, {_sum(counts)} FROM {kind}_hour {hours} GROUP BY hour / 24",
        )
        for (day,), by_day, by_hour in pairs:
            yield _unlike(f"{table}, {_date(day)}", by_day, by_hour, ("the day has", "its hours have"))


def _first_whole_day(connection: Connection, kind: str, where: str) -> int:
    """From which day on all hours are there: hours go before days do."""
    first_day = connection.execute(f"SELECT min(day) FROM {kind}_day {_where(where)}").fetchone()[0]
    first_hour = connection.execute(f"SELECT min(hour) FROM {kind}_hour {_where(where)}").fetchone()[0]
    if first_day is None or first_hour is None or first_hour // 24 <= first_day:
        return first_day or 0
    return int(first_hour) // 24 + 1


def _where(*conditions: str) -> str:
    given = [condition for condition in conditions if condition]
    return f"WHERE {' AND '.join(given)}" if given else ""


def _months(connection: Connection) -> Iterator[Wrong | None]:
    names = ("requests", "errors", "refused", *_AMOUNTS)
    for table, where in (("rollup", ""), *((f"part {part}", f"part = '{part}' AND ") for part in MONTHLY)):
        kind = table.split()[0]
        counts = names if kind == "rollup" else SUMS
        pairs = _pairs(
            connection,
            ("month",),
            counts,
            f"SELECT month, {_sum(counts)} FROM {kind}_month WHERE {where}month IN (SELECT month FROM whole_month WHERE summed = ends)"
            " GROUP BY month",
            f"SELECT month, {_sum(counts)} FROM whole_month, {kind}_day"
            f" WHERE {where}summed = ends AND day >= begins AND day < ends GROUP BY month",
        )
        for (month,), by_month, by_day in pairs:
            yield _unlike(f"{table}, {month_label(month)}", by_month, by_day, ("the month has", "its days have"))


def _lifetimes(connection: Connection) -> Iterator[Wrong | None]:
    summed = SUMMED.format(day="day")
    for field in FIELDS:
        pairs = _pairs(
            connection,
            ("value",),
            ("requests", "cost_nano"),
            f"SELECT {field} AS value, {_sum(('requests', 'cost_nano'))} FROM part_day"
            f" WHERE part = '{PART}' AND {summed} GROUP BY {field}",
            f"SELECT value, requests, cost_nano FROM lifetime WHERE field = '{field}'",
        )
        for (value,), by_day, whole in pairs:
            yield _unlike(f"{field} {value}", by_day, whole, ("its days have", "its lifetime has"))


def _parts(connection: Connection) -> Iterator[Wrong | None]:
    for part in PARTS:
        pairs = _pairs(
            connection,
            ("day",),
            SUMS,
            f"SELECT day, {_sum()} FROM rollup_day GROUP BY day",
            f"SELECT day, {_sum()} FROM part_day WHERE part = '{part}' GROUP BY day",
        )
        for (day,), all_, kept in pairs:
            if part in _LATE and all(kept[name] <= all_[name] for name in SUMS):
                yield None  # of days whose rows were gone when these sums were first made, they have less
            else:
                yield _unlike(f"{part}, {_date(day)}", all_, kept, ("all requests have", f"those by {part} have"))


# --- rows against sums ------------------------------------------------------------------------------------------------


def _rows(connection: Connection) -> Iterator[Wrong | None]:
    since = _first_day_of_rows(connection)
    names = ("requests", "refused", *_AMOUNTS)
    whose, none = "coalesce(key_id, sender_id, '')", "0"
    for which, refused, sums in (
        ("doctor = 0 AND source = 'gateway'", "refused", "rollup_day WHERE"),
        ("doctor = 1", "requests", f"part_day WHERE part = '{DOCTOR}' AND"),
        ("source = 'telemetry'", none, f"part_day WHERE part = '{TELLING}' AND"),
    ):
        summed = (
            f"SELECT day, key_id, sum(requests) AS requests, sum({refused}) AS refused, {_sum(_AMOUNTS)} FROM {sums}"
            f" day >= {since} GROUP BY day, key_id"
        )
        rows = (
            f"SELECT started_at / {DAY_MS} AS day, {whose} AS key_id, count(*) AS requests, 0 AS refused,"
            f" {_sum(_AMOUNTS)} FROM request WHERE status IS NOT NULL AND {which}"
            f" AND started_at >= {since * DAY_MS} GROUP BY 1, 2"
        )
        for (day, key), there, counted_ in _pairs(connection, ("day", "key_id"), names, rows, summed):
            yield _rows_of(f"{_date(day)}, {f'key {key}' if key else 'no key'}", there, counted_)


def _rows_of(where: str, there: dict[str, int], sums: dict[str, int]) -> Wrong | None:
    """Refusals may be fewer rows than were counted: of those without a valid key only the newest are kept."""
    least = sums["requests"] - sums["refused"]
    amounts = _unlike(
        where,
        {name: there[name] for name in _AMOUNTS},
        {name: sums[name] for name in _AMOUNTS},
        ("its rows have", "its sums have"),
    )
    if amounts is None and not least <= there["requests"] <= sums["requests"]:
        expected = str(least) if least == sums["requests"] else f"{least} to {sums['requests']}"
        return Wrong(where, f"its sums have {expected} requests", f"its rows are {there['requests']}")
    return amounts


def _first_day_of_rows(connection: Connection) -> int:
    """From which day on all rows are there."""
    rows, first = connection.execute(
        "SELECT count(*), min(started_at) FROM request WHERE status IS NOT NULL"
    ).fetchone()
    if rows == counted(connection):
        return 0
    oldest = connection.execute("SELECT started_at FROM request ORDER BY n LIMIT 1").fetchone()
    edge = max(first or 0, oldest[0] if oldest else 0)
    before = connection.execute(f"SELECT min(day) FROM rollup_day WHERE day < {edge // DAY_MS}").fetchone()[0]
    return edge // DAY_MS if before is None else edge // DAY_MS + 1


# --- money ------------------------------------------------------------------------------------------------------------


def _budgets(connection: Connection) -> Iterator[Wrong | None]:
    """What a node spent in a window is what the days in it cost its leaves."""
    rows = connection.execute(
        'SELECT budget_id, period, "window", spent FROM budget'
        " WHERE budget_id IN (SELECT budget_id FROM api_key) OR budget_id >= ? ORDER BY 1, 2, 3",
        (FIRST_NODE,),
    ).fetchall()
    for budget_id, period, window, spent in rows:
        days = window // DAY_MS, window_end(period, window) // DAY_MS
        cost = spent_within(connection, budget_id, *days)
        yield _unlike(
            _window(budget_id, period, window), {"spent": cost}, {"spent": spent}, ("its days have", "it has")
        )


def _held(connection: Connection) -> Iterator[Wrong | None]:
    periods = ", ".join(f"'{period}'" for period in PERIODS)
    pairs = _pairs(
        connection,
        ("budget_id", "period", "at"),
        ("held",),
        'SELECT ref AS budget_id, kind AS period, "window" AS at, sum(amount) AS held FROM hold'
        f" WHERE kind IN ({periods}) GROUP BY 1, 2, 3",
        'SELECT budget_id, period, "window" AS at, held FROM budget',
    )
    for (budget_id, period, window), holds, budget in pairs:
        yield _unlike(_window(budget_id, period, window), holds, budget, ("running requests hold", "it has"))


def _window(budget_id: str, period: Period, window: int) -> str:
    when = "" if period == "total" else f" from {_date(window_start(period, window) // DAY_MS)}"
    return f"budget {budget_id}, {period}{when}"


def _wallets(connection: Connection) -> Iterator[Wrong | None]:
    moved = _pairs(
        connection,
        ("tier",),
        ("balance", "held"),
        "SELECT tier, sum(amount) AS balance, sum(held) AS held FROM wallet_entry GROUP BY tier",
        "SELECT tier, coalesce(balance, 0) AS balance, held FROM wallet",
    )
    for (tier,), entries, wallet in moved:
        yield _unlike(f"wallet {tier}", entries, wallet, ("its movements add up to", "it has"))
    held = _pairs(
        connection,
        ("tier",),
        ("held",),
        "SELECT ref AS tier, sum(amount) AS held FROM hold WHERE kind = 'wallet' GROUP BY ref",
        "SELECT tier, held FROM wallet",
    )
    for (tier,), holds, wallet in held:
        yield _unlike(f"wallet {tier}", holds, wallet, ("running requests hold", "it has"))


def _holds(connection: Connection) -> Iterator[Wrong | None]:
    rows = connection.execute(
        "SELECT n, sum(amount), EXISTS (SELECT 1 FROM request r WHERE r.n = hold.n AND r.status IS NULL)"
        " FROM hold GROUP BY n ORDER BY n"
    ).fetchall()
    for n, amount, runs in rows:
        yield (
            None if runs else Wrong(f"request {n:016x}", "a request that runs", f"it holds {amount}, and does not run")
        )


_CHECKS: tuple[tuple[str, str, Callable[[Connection], Iterator[Wrong | None]]], ...] = (
    ("hours", "the hours of each day add up to the day", _hours),
    ("months", "the days of each month that is summed add up to the month", _months),
    ("lifetimes", "the days of each thread, task and commit add up to its lifetime", _lifetimes),
    ("parts", "sums by model, key, project and thread add up to all requests", _parts),
    ("rows", "the rows of each day and key add up to its sums", _rows),
    ("budgets", "each budget has spent what its days cost", _budgets),
    ("budget holds", "each budget holds what its running requests hold", _held),
    ("wallets", "each wallet has the sum of its movements, and holds what its running requests hold", _wallets),
    ("holds", "only running requests hold credits", _holds),
)
CHECKS = len(_CHECKS)
