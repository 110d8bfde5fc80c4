"""The tree of agents, from request rows: which tasks asked last, and what each of their threads did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    SELECT r.root_thread, max(r.n), min(started_at), max(started_at + coalesce(cast(latency_ms AS INTEGER), 0)),
        count(*) FILTER (WHERE status IS NULL), sum(seen), coalesce(sum(seen) FILTER (WHERE status >= 400 OR error_type IS NOT NULL), 0),
        sum(input_tokens), sum(cached_input_tokens), sum(output_tokens), sum(reasoning_tokens), sum(cost_nano)
    {FROM} WHERE r.root_thread IN ({{tasks}}) AND r.doctor = 0 AND {{condition}} GROUP BY r.root_thread, r.thread_id
"""
_LAST_REQUESTS = """
    SELECT r.n, r.root_thread, r.thread_id, r.parent_thread, r.subagent, k.name, r.key_id, k.owner, r.project, r.repo, r.commit_hash,
        r.dirty, coalesce(r.model_used, r.model), r.finish
    FROM request r LEFT JOIN api_key k ON k.id = r.key_id WHERE r.n IN ({numbers})
"""
AT_ONCE = 500


def tasks(
    connection: Connection, since: int, limit: int, task: str | None = None, term: Term | None = None
) -> list[AgentRow]:
    """`joytui.ledger.api.Ledger.tasks`, in one state of the store."""
    with one_state(connection):
        condition, values = to_sql(term) if term is not None else ("TRUE", [])
        wanted = _newest(connection, since, limit, condition, values) if task is None else [task]
        return _agents(connection, wanted, condition, values)


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


def _agents(connection: Connection, tasks_: Sequence[str], condition: str, values: Sequence[Any]) -> list[AgentRow]:
    """Those of each task, in the order in which they began. All tasks are asked for at once, and their last requests by number:
    planning a question over every day that is kept costs PostgreSQL more than its answer."""
    summed: list[tuple[Any, ...]] = []
    for some in _batched(tasks_, AT_ONCE):
        words = _AGENTS.format(tasks=_marks(some), condition=condition)
        summed += connection.execute(words, (*some, *values)).fetchall()
    last: dict[int, tuple[Any, ...]] = {}
    for numbers in _batched([row[1] for row in summed], AT_ONCE):
        for n, *told in connection.execute(_LAST_REQUESTS.format(numbers=_marks(numbers)), numbers).fetchall():
            last[n] = tuple(told)
    places = {task: place for place, task in enumerate(tasks_)}
    summed.sort(key=lambda row: (places[row[0]], row[2], row[1]))
    return [_agent(last[newest], sums) for _, newest, *sums in summed]


def _batched(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _marks(items: Sequence[Any]) -> str:
    return ", ".join("?" * len(items))


def _agent(told: tuple[Any, ...], sums: Sequence[Any]) -> AgentRow:
    *named, dirty, model, finish = told
    began, last, running, *totals = sums
    agent: list[Any] = [*named, bool(dirty), model, finish, began, last, running, UsageTotals._make(totals)]
    return AgentRow(*agent)
