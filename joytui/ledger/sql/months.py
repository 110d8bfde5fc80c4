"""Sums by month, so that a question over a year reads twelve rows a place and not 365.

They are sums of the days' sums, and the upkeep makes them a day at a time, once a month has been over for REST_DAYS: no request
writes them. `whole_month` has a row for each month that is being summed or is done; only those that are done are read. Whatever
changes the days of a month afterwards takes its row away (`sums_of_days`), and the upkeep sums it again.
"""
# ruff: noqa: S608 - the SQL is put together from this module's own words; values are always parameters

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from joytui.ledger.records import DAY_MS
from joytui.ledger.sql.connection import Connection
from joytui.ledger.sql.parts import MONTHLY, TABLES, Table

REST_DAYS = 10
"""Longer than telemetry may take to complete a request (`retention.PIECE_DAYS`), and than almost any request runs."""


FORGET = ("DELETE FROM whole_month WHERE begins <= {day} AND ends > {day}",)
"""Has the whole month of a day made anew."""
KNOWN_UNTIL = "SELECT max(ends) AS day FROM whole_month"


class Month(NamedTuple):
    """A month, counted from January 1970, with its first day and the first one after it."""

    number: int
    begins: int
    ends: int


def month_of(day: int) -> int:
    """The month of a day (both counted from 1970, UTC)."""
    date = datetime.fromtimestamp(day * DAY_MS / 1000, UTC)
    return (date.year - 1970) * 12 + date.month - 1


def first_day(month: int) -> int:
    """The day on which a month begins."""
    return int(datetime(1970 + month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp() * 1000) // DAY_MS


def month_label(month: int) -> str:
    """As rows of usage call it: "2026-11"."""
    return f"{1970 + month // 12}-{month % 12 + 1:02d}"


def whole_months(connection: Connection) -> list[Month]:
    """Those that can be read, oldest first."""
    rows = connection.execute("SELECT month, begins, ends FROM whole_month WHERE summed = ends ORDER BY month")
    return [Month(*row) for row in rows.fetchall()]


def sum_next(batch: Connection, edge: int) -> bool:
    """Adds the next day to its month, of those that ended before the edge (ms). False once nothing is left to do."""
    under_way = "SELECT month, ends, summed FROM whole_month WHERE summed < ends ORDER BY month LIMIT 1"
    month = batch.execute(under_way).fetchone() or _begun(batch, month_of(edge // DAY_MS))
    if month is None:
        return False
    number, ends, summed = month
    day = _day_from(batch, summed)
    if day is not None and day < ends:
        for name in ("rollup_day", "part_day"):
            _add_day(batch, TABLES[name], number, day)
    batch.execute(
        "UPDATE whole_month SET summed = ? WHERE month = ?", (ends if day is None else min(ends, day + 1), number)
    )
    return True


def _day_from(batch: Connection, day: int) -> int | None:
    """The first day from this one on that has sums."""
    found: int | None = batch.execute("SELECT min(day) FROM rollup_day WHERE day >= ?", (day,)).fetchone()[0]
    return found


def _begun(batch: Connection, edge: int) -> tuple[int, int, int] | None:
    """The oldest month before this one that has days and is not summed: its number, its end, and its first day. What is left of
    former sums of it goes."""
    known = {month for (month,) in batch.execute("SELECT month FROM whole_month").fetchall()}
    day = _day_from(batch, 0)
    while day is not None and month_of(day) in known:
        day = _day_from(batch, first_day(month_of(day) + 1))
    if day is None or month_of(day) >= edge:
        return None
    month = month_of(day)
    begins, ends = first_day(month), first_day(month + 1)
    listed = ", ".join(f"'{part}'" for part in MONTHLY)
    batch.execute("DELETE FROM rollup_month WHERE month = ?", (month,))
    batch.execute(f"DELETE FROM part_month WHERE part IN ({listed}) AND month = ?", (month,))
    batch.execute("INSERT INTO whole_month VALUES (?, ?, ?, ?)", (month, begins, ends, begins))
    return month, ends, begins


def _add_day(batch: Connection, days: Table, month: int, day: int) -> None:
    table = days.by("month")
    columns = ", ".join((*table.place, *table.sums))
    chosen = ", ".join("CAST(? AS bigint)" if column == "month" else column for column in (*table.place, *table.sums))
    for part in MONTHLY if "part" in table.place else ("",):
        among, of_part = ("part = ? AND ", [part]) if part else ("", [])
        batch.execute(
            f"INSERT INTO {table.name} ({columns}) SELECT {chosen} FROM {days.name} WHERE {among}day = ? {table.add}",
            (month, *of_part, day),
        )
