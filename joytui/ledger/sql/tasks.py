"""The tree of agents, from request rows: which tasks asked last, and what each of their threads did."""
# ruff: noqa: S608 - the SQL is put together from this module's own words; values are always parameters

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from joytui.core.filters import Term
from joytui.core.token_counts import UsageTotals
from joytui.ledger.records import AgentRow
from joytui.ledger.sql.connection import Connection, one_state
from joytui.ledger.sql.filters import FROM, to_sql

PAGE = 2_000
MOST_NUMBER = (1 << 63) - 1
_NEWEST = f"""
    SELECT r.n, r.root_thread, r.started_at {FROM}
    WHERE r.root_thread IS NOT NULL AND r.doctor = 0 AND r.n < ? AND {{condition}} ORDER BY r.n DESC LIMIT ?
"""
_AGENTS = f"""
    WITH agent AS (
        SELECT r.root_thread, r.thread_id, max(r.n) AS newest, min(started_at) AS began,
            max(started_at + coalesce(cast(latency_ms AS INTEGER), 0)) AS last, count(*) FILTER (WHERE status IS NULL) AS running,
            count(*) AS requests, count(*) FILTER (WHERE status >= 400 OR error_type IS NOT NULL) AS errors, sum(input_tokens) AS input,
            sum(cached_input_tokens) AS cached, sum(output_tokens) AS output, sum(reasoning_tokens) AS reasoning,
            sum(cost_nano) AS cost
        {FROM} WHERE r.root_thread = ? AND r.doctor = 0 AND {{condition}} GROUP BY r.root_thread, r.thread_id
    )
    SELECT r.root_thread, r.thread_id, r.parent_thread, r.subagent, k.name, r.key_id, k.owner, r.project, r.repo, r.commit_hash, r.dirty,
        coalesce(r.model_used, r.model), r.finish, began, last, running, requests, errors, input, cached, output, reasoning, cost
    FROM agent JOIN request r ON r.n = newest LEFT JOIN api_key k ON k.id = r.key_id
    ORDER BY began, newest
"""


def tasks(
    connection: Connection, since: int, limit: int, task: str | None = None, term: Term | None = None
) -> list[AgentRow]:
    """`joytui.ledger.api.Ledger.tasks`, in one state of the store."""
    with one_state(connection):
        condition, values = to_sql(term) if term is not None else ("TRUE", [])
        wanted = _newest(connection, since, limit, condition, values) if task is None else [task]
        agents = _AGENTS.format(condition=condition)
        return [_agent(row) for one in wanted for row in connection.execute(agents, (one, *values)).fetchall()]


def _newest(connection: Connection, since: int, limit: int, condition: str, values: Sequence[Any]) -> list[str]:
    """The tasks that asked last, newest first. Rows are read from the newest on, until there are enough tasks or one is too old."""
    found: dict[str, None] = {}
    below, newest = MOST_NUMBER, _NEWEST.format(condition=condition)
    while rows := connection.execute(newest, (below, *values, PAGE)).fetchall():
        for n, task, at in rows:
            if at < since or len(found) == limit:
                return list(found)
            below, found[task] = n, None
    return list(found)


def _agent(row: tuple[Any, ...]) -> AgentRow:
    *named, dirty, model, finish, began, last, running = row[:16]
    told: list[Any] = [*named, bool(dirty), model, finish, began, last, running, UsageTotals._make(row[16:])]
    return AgentRow(*told)
