"""Tasks that somebody stopped, or a breaker did: what is stopped, and what the breakers of keys have counted."""

from __future__ import annotations

from joytui.core.clock import now_ms
from joytui.core.redaction import Clean
from joytui.ledger.records import EVERYBODY, StoppedTask, StopReason
from joytui.ledger.sql.connection import Connection

_COLUMNS = "task, scope, reason, why, at"


def stops(connection: Connection) -> list[StoppedTask]:
    """All of them, the oldest first."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM stopped_task ORDER BY at, task, scope")  # noqa: S608 (own words)
    return [StoppedTask(*row) for row in rows]


def stops_of(connection: Connection, task: str) -> list[StoppedTask]:
    """Those of one task: the one for everybody first."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM stopped_task WHERE task = ? ORDER BY scope", (task,))  # noqa: S608
    return [StoppedTask(*row) for row in rows]


def stop_task(
    batch: Connection, task: Clean, reason: StopReason = "stopped", why: Clean | None = None, scope: str = EVERYBODY
) -> StoppedTask:
    """Stops a task until it is resumed; one that is stopped stays as it is."""
    batch.execute(
        "INSERT INTO stopped_task (task, scope, reason, why, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (task, scope, reason, why, now_ms()),
    )
    return next(row for row in stops_of(batch, task) if row.scope == scope)


def resume_task(batch: Connection, task: str) -> bool:
    """Lets a task go on, and its breakers count from zero. Whether it was stopped."""
    batch.execute("DELETE FROM watched_turn WHERE task = ?", (task,))
    return batch.execute("DELETE FROM stopped_task WHERE task = ?", (task,)).rowcount > 0
