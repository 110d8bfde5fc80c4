"""What each thread, task and commit has cost in its whole life, so that the dearest of a year are found without adding up all of it.

None can cost more within a range than in its life: read from the dearest life on, a few hundred rows decide about hundreds of
thousands. `lifetime` has the sums of `part_day` by field and value ('' for what is not known). `lifetime_fill` names the days that
are not in them: the last that it names and all later ones, and those before that have changed since. The upkeep adds a day at a
time, once it has been over for REST_DAYS. Before such a day changes, it is taken out again (`sums_of_days`).
"""
# ruff: noqa: S608 - the SQL is put together from this module's own words; values are always parameters

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from joytui.ledger.records import DAY_MS
from joytui.ledger.sql.connection import Connection

PART = "thread"
"""The part (`parts.PARTS`) that keeps these apart."""
FIELDS = ("thread", "task", "commit_hash")
"""The columns of that part that have lifetimes."""
DAYS_OF = {field: f"part_day INDEXED BY part_day_lives_{field}" for field in FIELDS}
"""`part_day`, read by values of a field: without statistics SQLite would read all that is in the range."""
REST_DAYS = 1
LEAST_DAYS = 40
"""Of fewer days the sums themselves are added up sooner."""
MOST = 5_000
"""Values that are looked at; where they do not decide, the sums are added up after all."""


SUMMED = "{day} < (SELECT max(f.day) FROM lifetime_fill f) AND {day} NOT IN (SELECT f.day FROM lifetime_fill f)"
"""Whether a day is in the lifetimes."""
KNOWN_UNTIL = "SELECT max(day) AS day FROM lifetime_fill"
_MOVE = f"""
    INSERT INTO lifetime (field, value, first_day, last_day, requests, cost_nano)
    SELECT '{{field}}', p.{{field}}, {{day}}, {{day}}, {{sign}}sum(p.requests), {{sign}}sum(p.cost_nano) FROM part_day p
    WHERE p.part = '{PART}' AND p.day = {{day}} AND {{condition}} GROUP BY p.{{field}} ORDER BY p.{{field}}
    ON CONFLICT (field, value) DO UPDATE SET
        first_day = CASE WHEN excluded.first_day < lifetime.first_day THEN excluded.first_day ELSE lifetime.first_day END,
        last_day = CASE WHEN excluded.last_day > lifetime.last_day THEN excluded.last_day ELSE lifetime.last_day END,
        requests = lifetime.requests + excluded.requests, cost_nano = lifetime.cost_nano + excluded.cost_nano
"""


def _moving(sign: str, condition: str) -> tuple[str, ...]:
    return tuple(_MOVE.format(field=field, sign=sign, condition=condition, day="{day}") for field in FIELDS)


ADD = _moving("+", "true")
FORGET = (*_moving("-", SUMMED), f"INSERT INTO lifetime_fill SELECT {{day}} WHERE {SUMMED}")
"""Takes a day out of the lifetimes until it is added again."""


def summed_before(connection: Connection) -> int:
    """The first day that is in no lifetime; 0: none is."""
    return _fill(connection)[0] or 0


def _fill(connection: Connection) -> tuple[int | None, int | None]:
    """The first and the last day that `lifetime_fill` names."""
    first, last = connection.execute("SELECT min(day), max(day) FROM lifetime_fill").fetchone()
    return first, last


def sum_next(batch: Connection, edge: int) -> bool:
    """Adds the next day, of those that ended before the edge (ms). False once nothing is left to do."""
    first, last = _fill(batch)
    if first is not None and first != last:
        _add(batch, first)
        batch.execute("DELETE FROM lifetime_fill WHERE day = ?", (first,))
        return True
    day = batch.execute(f"SELECT min(day) FROM part_day WHERE part = '{PART}' AND day >= ?", (last or 0,)).fetchone()[0]
    if day is None or day >= edge // DAY_MS:
        return False
    _add(batch, day)
    batch.execute("DELETE FROM lifetime_fill")
    batch.execute("INSERT INTO lifetime_fill VALUES (?)", (day + 1,))
    return True


def _add(batch: Connection, day: int) -> None:
    for statement in ADD:
        batch.execute(statement.format(day=int(day)))


def forget_ended(batch: Connection) -> int:
    """Removes those of whose days nothing is left. Returns how many they were."""
    return batch.execute("DELETE FROM lifetime WHERE requests = 0").rowcount


# --- the dearest ------------------------------------------------------------------------------------------------------


def dearest(
    connection: Connection,
    field: str,
    days: tuple[int, int],
    top: int,
    beside: Mapping[str, int],
    among: tuple[str, Sequence[Any]] | None = None,
) -> tuple[str, ...] | None:
    """The values of a field that cost most, dearest first; None where MOST lifetimes do not decide it.

    `days`: from one on and before another, all in the lifetimes. `beside`: what else counts in the range, by value, in
    nano-credits. `among`: a condition that a day's sums have to meet, beginning with AND, and its parameters.
    """
    known = dict(beside)
    known |= _spent(connection, field, days, _lives(connection, field, beside), beside, among)
    looked, last = 0, None
    while looked < MOST:
        page = _page(connection, field, days, last, size := 2 * top)
        looked += len(page)
        fresh = [life for life in page if life[0] not in beside]
        known |= _spent(connection, field, days, fresh, beside, among)
        best = sorted(known.items(), key=lambda one: (-one[1], one[0]))[:top]
        if len(page) < size or (len(best) == top and page[-1][3] < best[-1][1]):
            return tuple(value for value, _ in best)
        last = page[-1]
    return None


_Life = tuple[str, int, int, int]
"""A value, its first and its last day, what it cost."""
_LIFE = "SELECT value, first_day, last_day, cost_nano FROM lifetime WHERE field = ?"


def _lives(connection: Connection, field: str, values: Iterable[str]) -> list[_Life]:
    named = json.dumps([*values])
    return connection.execute(f"{_LIFE} AND value IN (SELECT value FROM json_each(?))", (field, named)).fetchall()


def _page(connection: Connection, field: str, days: tuple[int, int], last: _Life | None, size: int) -> list[_Life]:
    """The next lives that touch these days, dearest first."""
    beyond, values = ("", []) if last is None else (" AND (cost_nano, value) < (?, ?)", [last[3], last[0]])
    words = f"{_LIFE} AND last_day >= ? AND first_day < ?{beyond} ORDER BY cost_nano DESC, value DESC LIMIT ?"
    return connection.execute(words, (field, *days, *values, size)).fetchall()


def _spent(
    connection: Connection,
    field: str,
    days: tuple[int, int],
    lives: Sequence[_Life],
    beside: Mapping[str, int],
    among: tuple[str, Sequence[Any]] | None,
) -> dict[str, int]:
    """What these cost in the range. A life within it is known; of all others the days are added up."""
    low, high = days
    inside = {life[0]: life[3] for life in lives if among is None and low <= life[1] and life[2] < high}
    others = [life[0] for life in lives if life[0] not in inside]
    if others:
        condition, values = among or ("", ())
        inside |= dict(
            connection.execute(
                f"SELECT {field}, sum(cost_nano) FROM {DAYS_OF[field]} WHERE part = '{PART}'"
                f" AND {field} IN (SELECT value FROM json_each(?)) AND day >= ? AND day < ?{condition} GROUP BY {field}",
                (json.dumps(others), low, high, *values),
            ).fetchall()
        )
    return {value: cost + beside.get(value, 0) for value, cost in inside.items()}
