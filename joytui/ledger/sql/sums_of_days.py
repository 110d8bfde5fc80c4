"""Sums that the upkeep makes of the days' sums, and that no request writes: by month (`months`) and by lifetime (`lifetimes`).

Whoever changes the sums of a day has each of them `forget` it first, in the same transaction; the upkeep then adds it again.
"""

from __future__ import annotations

from joytui.ledger.records import DAY_MS
from joytui.ledger.sql import lifetimes, months
from joytui.ledger.sql.connection import Connection

KINDS = (months, lifetimes)
FORGET: tuple[str, ...] = (*months.FORGET, *lifetimes.FORGET)
"""Statements, with {day} for the day."""
KNOWN_UNTIL = f"SELECT max(day) FROM ({' UNION ALL '.join(kind.KNOWN_UNTIL for kind in KINDS)}) AS known"  # noqa: S608 (own words)
"""The first of the days of which nothing can be in these sums; none: NULL."""


def forget(batch: Connection, day: int) -> None:
    """Takes a day, whose sums are about to change, out of them."""
    for statement in FORGET:
        batch.execute(statement.format(day=int(day)))


def known_until(connection: Connection) -> int:
    """What changes this day or a later one has nothing to forget."""
    return connection.execute(KNOWN_UNTIL).fetchone()[0] or 0


def sum_next(batch: Connection, at_ms: int) -> bool:
    """Adds the next day that has been over for long enough. False once nothing is left to do."""
    return any(kind.sum_next(batch, at_ms - kind.REST_DAYS * DAY_MS) for kind in KINDS)
