"""The threads of a store as the console API shows them: tasks, each a root with its sub-agents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any

from joytui.core.money import format_credits
from joytui.core.token_counts import UsageTotals
from joytui.gateway.bridge.finish import calls_tools
from joytui.gateway.stops import Stops
from joytui.gateway.views import shown_time
from joytui.ledger.records import AgentRow, StoppedTask

TOOL_MS = 10 * 60_000
"""How long a tool call counts as running: only the next request shows that it has ended."""


def task_views(
    rows: Iterable[AgentRow], now_ms: int, limit_of: Callable[[AgentRow, int], int | None], stops: Stops
) -> list[dict[str, Any]]:
    """`wire.TaskView`s, in the order of the rows (`Ledger.tasks`). `limit_of`: what the task of an agent may cost at a
    time."""
    found = []
    for task, of_task in groupby(rows, key=lambda row: row.task):
        agents = list(of_task)
        limit = limit_of(max(agents, key=lambda agent: agent.last_at), now_ms)
        found.append(_task(task, agents, now_ms, limit, stops.of(task)))
    return found


def _task(
    task: str, agents: Sequence[AgentRow], now_ms: int, limit: int | None, stop: StoppedTask | None
) -> dict[str, Any]:
    root = next((agent for agent in agents if agent.thread == task), agents[0])
    states = {_state(agent, now_ms) for agent in agents}
    return {
        "id": task,
        "key": root.key,
        "owner": root.owner,
        "project": root.project,
        "repo": root.repo,
        "commit": root.commit_hash,
        "state": "stopped" if stop else "running" if "running" in states else "ended",
        "started_at": shown_time(min(agent.started_at for agent in agents)),
        "last_at": shown_time(max(agent.last_at for agent in agents)),
        **UsageTotals.sum(agent.totals for agent in agents).numbers(),
        "agents": len(agents),
        "limit_credits": None if limit is None else format_credits(limit),
        "threads": [_agent(agent, now_ms) for agent in agents],
        "stopped_at": shown_time(stop.at) if stop else None,
        "stopped_why": stop.why if stop else None,
    }


def _agent(agent: AgentRow, now_ms: int) -> dict[str, Any]:
    return {
        "id": agent.thread,
        "parent": agent.parent,
        "subagent": agent.subagent,
        "model": agent.model,
        "state": _state(agent, now_ms),
        "started_at": shown_time(agent.started_at),
        "last_at": shown_time(agent.last_at),
        **agent.totals.numbers(),
    }


def _state(agent: AgentRow, now_ms: int) -> str:
    calling = calls_tools(agent.finish) and now_ms - agent.last_at < TOOL_MS
    return "running" if agent.running or calling else "ended"
