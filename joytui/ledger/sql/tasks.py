"""The tree of agents, from request rows: which tasks asked last, and what each of their threads did."""

from __future__ import annotations

from typing import Any

from joytui.core.token_counts import UsageTotals
from joytui.ledger.records import AgentRow
from joytui.ledger.sql.connection import Connection, one_state

PAGE = 2_000
MOST_NUMBER = (1 << 63) - 1
_NEWEST = """
    SELECT n, root_thread, started_at FROM request WHERE root_thread IS NOT NULL AND doctor = 0 AND n < ? ORDER BY n DESC LIMIT ?
"""
_AGENTS = """
    WITH agent AS (
        SELECT root_thread, thread_id, max(n) AS newest, min(started_at) AS began,
            max(started_at + coalesce(cast(latency_ms AS INTEGER), 0)) AS last, count(*) FILTER (WHERE status IS NULL) AS running,
            count(*) AS requests, count(*) FILTER (WHERE status >= 400 OR error_type IS NOT NULL) AS errors, sum(input_tokens) AS input,
            sum(cached_input_tokens) AS cached, sum(output_tokens) AS output, sum(reasoning_tokens) AS reasoning,
            sum(cost_nano) AS cost
        FROM request WHERE root_thread = ? AND doctor = 0 GROUP BY root_thread, thread_id
    )
    SELECT r.root_thread, r.thread_id, r.parent_thread, r.subagent, k.name, r.key_id, k.owner, r.project, r.repo, r.commit_hash, r.dirty,
        coalesce(r.model_used, r.model), r.finish, began, last, running, requests, errors, input, cached, output, reasoning, cost
    FROM agent JOIN request r ON r.n = newest LEFT JOIN api_key k ON k.id = r.key_id
    ORDER BY began, newest
"""


def tasks(connection: Connection, since: int, limit: int, task: str | None = None) -> list[AgentRow]:
    """`joytui.ledger.api.Ledger.tasks`, in one state of the store."""
    with one_state(connection):
        wanted = _newest(connection, since, limit) if task is None else [task]
        return [_agent(row) for one in wanted for row in connection.execute(_AGENTS, (one,)).fetchall()]


def _newest(connection: Connection, since: int, limit: int) -> list[str]:
    """The tasks that asked last, newest first. Rows are read from the newest on, until there are enough tasks or one is too old."""
    found: dict[str, None] = {}
    below = MOST_NUMBER
    while rows := connection.execute(_NEWEST, (below, PAGE)).fetchall():
        for n, task, at in rows:
            if at < since or len(found) == limit:
                return list(found)
            below, found[task] = n, None
    return list(found)


def _agent(row: tuple[Any, ...]) -> AgentRow:
    *named, dirty, model, finish, began, last, running = row[:16]
    told: list[Any] = [*named, bool(dirty), model, finish, began, last, running, UsageTotals._make(row[16:])]
    return AgentRow(*told)
