"""The tree of agents, from request rows: which tasks asked last, and what each of their threads did."""

from __future__ import annotations

import sqlite3
from typing import Any

from joytui.core.token_counts import UsageTotals
from joytui.ledger.records import AgentRow

_NEWEST = "SELECT root_thread, started_at FROM request WHERE root_thread IS NOT NULL AND doctor = 0 ORDER BY n DESC"
_AGENTS = """
    WITH agent AS (
        SELECT root_thread, thread_id, max(n) AS newest, min(started_at) AS began,
            max(started_at + coalesce(cast(latency_ms AS INTEGER), 0)) AS last, sum(status IS NULL) AS running, count(*) AS requests,
            coalesce(sum(status >= 400 OR error_type IS NOT NULL), 0) AS errors, sum(input_tokens) AS input,
            sum(cached_input_tokens) AS cached, sum(output_tokens) AS output, sum(reasoning_tokens) AS reasoning,
            sum(cost_nano) AS cost
        FROM request WHERE root_thread = ? AND doctor = 0 GROUP BY root_thread, thread_id
    )
    SELECT r.root_thread, r.thread_id, r.parent_thread, r.subagent, k.name, r.key_id, k.owner, r.project, r.repo, r.commit_hash, r.dirty,
        coalesce(r.model_used, r.model), r.finish, began, last, running, requests, errors, input, cached, output, reasoning, cost
    FROM agent JOIN request r ON r.n = newest LEFT JOIN api_key k ON k.id = r.key_id
    ORDER BY began, newest
"""


def tasks(connection: sqlite3.Connection, since: int, limit: int, task: str | None = None) -> list[AgentRow]:
    """`joytui.ledger.api.Ledger.tasks`, in one state of the store."""
    connection.execute("BEGIN")
    try:
        wanted = _newest(connection, since, limit) if task is None else [task]
        return [_agent(row) for one in wanted for row in connection.execute(_AGENTS, (one,)).fetchall()]
    finally:
        connection.execute("COMMIT")


def _newest(connection: sqlite3.Connection, since: int, limit: int) -> list[str]:
    """The tasks that asked last, newest first. Rows are read from the newest on, until there are enough tasks or one is too old."""
    found: dict[str, None] = {}
    for task, at in connection.execute(_NEWEST):
        if at < since:
            break
        found[task] = None
        if len(found) == limit:
            break
    return list(found)


def _agent(row: tuple[Any, ...]) -> AgentRow:
    *named, dirty, model, finish, began, last, running = row[:16]
    told: list[Any] = [*named, bool(dirty), model, finish, began, last, running, UsageTotals._make(row[16:])]
    return AgentRow(*told)
