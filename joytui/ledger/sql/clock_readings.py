"""What a store knows of the clock, as `ledger.retention` judges it."""

from __future__ import annotations

from joytui.core.clock import now_ms
from joytui.ledger.records import ClockSeen
from joytui.ledger.retention import Reading, believed, read_on
from joytui.ledger.sql.connection import Connection


def read_clock(batch: Connection, ran_ms: int) -> ClockSeen:
    """Notes what the clock says, `ran_ms` of running after the last time."""
    before = [Reading(*row) for row in batch.execute("SELECT ran_ms, at FROM clock_reading ORDER BY ran_ms")]
    readings = read_on(before, ran_ms, now_ms())
    batch.execute("DELETE FROM clock_reading")
    for reading in readings:
        batch.execute("INSERT INTO clock_reading VALUES (?, ?)", reading)
    return ClockSeen(believed(readings), before[-1].at if before else None)
