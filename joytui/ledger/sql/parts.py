"""Sums by fewer fields than the rollups have, so that a question over months reads hundreds of rows and not as many as
there are keys, models and hours.

A part is named by what it keeps apart; its other columns are ''. `part_hour` and `part_day` are written in the
transaction of the request that they count. A store that is older than these tables gets the parts that
its rollups hold at once; projects and threads come from its request rows, newest first, a slice at a time (`upkeep.fill`),
and so do clients (`upkeep.fill_clients`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from joytui.ledger.records import DAY_MS
from joytui.ledger.sql.connection import Connection

FROM_ROWS = frozenset({"project", "thread"})
"""The parts that the rollups of an older store do not hold."""


class Place(NamedTuple):
    """What requests are counted by; '' for what is not known."""

    key_id: str
    model: str
    tier: str
    provider: str
    project: str
    thread: str
    task: str = ""
    repo: str = ""
    commit_hash: str = ""
    client: str = ""


PROGRAM = "coalesce(substr(r.client, 1, instr(r.client || ' ', ' ') - 1), '')"
"""`core.request.program` of a request row."""
FROM_OUTSIDE = ("project", "thread", "task", "repo", "commit_hash", "client")
"""The names in a place that clients choose as they like, and as many as they like."""
PARTS = {
    "route": frozenset({"model", "tier", "provider"}),
    "key": frozenset({"key_id"}),
    "project": frozenset({"project", "repo"}),
    "client": frozenset({"key_id", "client"}),
    "thread": frozenset({"key_id", "project", "repo", "commit_hash", "task", "thread"}),
}
"""The columns that each part keeps apart; the smallest part first."""
DOCTOR = "doctor"
"""The part of the doctor's test requests, which keeps everything apart. They are in it alone: in no other part, and in no rollup."""
TELLING = "telemetry"
"""The part of the requests that only Codex's telemetry reported; `key_id` is the token that it came by. They, too, are in no other."""
ASIDE = (DOCTOR, TELLING)
_KEPT = {part: tuple(name in columns for name in Place._fields) for part, columns in PARTS.items()}
UNITS = ("hour", "day")
SUMS = ("requests", "errors", "input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens", "cost_nano")
"""What a part counts of a request."""
ROLLUP_SUMS = ("requests", "errors", "refused", *SUMS[2:])
"""What a rollup counts."""


class Table(NamedTuple):
    """A table of sums: the columns of a row's place, and what it counts there."""

    name: str
    place: tuple[str, ...]
    sums: tuple[str, ...]

    @property
    def add(self) -> str:
        """The end of an INSERT whose rows are added to what is there."""
        sums = ", ".join(f"{name} = {self.name}.{name} + excluded.{name}" for name in self.sums)
        return f"ON CONFLICT ({', '.join(self.place)}) DO UPDATE SET {sums}"


TABLES = {
    table.name: table
    for unit in UNITS
    for table in (
        Table(f"rollup_{unit}", (unit, *Place._fields[:4]), ROLLUP_SUMS),
        Table(f"part_{unit}", ("part", unit, *Place._fields), SUMS),
    )
}
"""The rollups, and the parts, by hour and by day."""


def part_for(columns: Collection[str]) -> str | None:
    """The smallest part that keeps these columns apart; None if only the rollups or the rows do."""
    return next((part for part, kept in PARTS.items() if kept.issuperset(columns)), None)


def part_places(place: Place) -> list[tuple[str, ...]]:
    """Where a request counts in each part: the part's name, and the place without what it does not keep apart."""
    return [
        (part, *(value if keeps else "" for value, keeps in zip(place, kept, strict=True)))
        for part, kept in _KEPT.items()
    ]


def complete_from(connection: Connection, part: str) -> int:
    """From which moment on (ms, a day's beginning) a part holds everything; 0 once it is filled."""
    if part not in FROM_ROWS:
        return 0
    row = connection.execute(
        "SELECT (SELECT max(started_at) + 1 FROM request WHERE n < part_fill.n) FROM part_fill"
    ).fetchone()
    return 0 if row is None or row[0] is None else -(-row[0] // DAY_MS) * DAY_MS
