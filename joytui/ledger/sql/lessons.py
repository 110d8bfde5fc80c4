"""What upstreams taught about their models."""

from __future__ import annotations

from joytui.ledger.records import LessonRow
from joytui.ledger.sql.connection import Connection


def lessons(connection: Connection) -> list[LessonRow]:
    rows = connection.execute(
        "SELECT upstream, model, lesson, learned_at FROM lesson ORDER BY upstream, model, learned_at, lesson"
    )
    return [LessonRow(*row) for row in rows]


def learn(batch: Connection, row: LessonRow) -> None:
    batch.execute(
        "INSERT INTO lesson VALUES (?, ?, ?, ?) ON CONFLICT (upstream, model, lesson) DO UPDATE SET learned_at = excluded.learned_at",
        (row.upstream, row.model, row.lesson, row.learned_at),
    )


def unlearn(batch: Connection, upstream: str, model: str | None) -> int:
    return batch.execute(
        "DELETE FROM lesson WHERE upstream = ? AND model = coalesce(?, model)", (upstream, model)
    ).rowcount
