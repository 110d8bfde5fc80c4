"""The tree of a task's threads: the root first, each sub-agent below the thread that started it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from joytui.core.wire import AgentView, TaskView


class Branch(NamedTuple):
    """A sub-agent and what is before it in a tree: `├─ `, `└─ ` and the lines of those above."""

    stem: str
    agent: AgentView


def branches(task: TaskView) -> list[Branch]:
    """The sub-agents in the order of the tree, those of one parent as they began. The root itself is in no branch."""
    below: dict[str, list[AgentView]] = {}
    known = {agent.id for agent in task.threads}
    for agent in task.threads:
        if agent.id != task.id:
            parent = agent.parent if agent.parent in known and agent.parent != agent.id else None
            below.setdefault(parent or task.id, []).append(agent)
    found = list(_below(task.id, below, ""))
    rest = [agent for agents in below.values() for agent in agents]  # who started each other
    return found + [Branch("└─ ", agent) for agent in rest]


def _below(thread: str, below: dict[str, list[AgentView]], indent: str) -> Iterator[Branch]:
    agents = below.pop(thread, [])
    for agent in agents:
        last = agent is agents[-1]
        yield Branch(f"{indent}{'└─ ' if last else '├─ '}", agent)
        if agent.id:
            yield from _below(agent.id, below, f"{indent}{'   ' if last else '│  '}")
