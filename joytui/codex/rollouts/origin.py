"""Where the threads of rollouts come from: the tree of agents, git, and the program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Origin(NamedTuple):
    """Where a thread comes from, as its session_meta says: the root thread (`task`; itself, or what it was spawned in), what git
    said when it began (`repo`: host and path of the origin), and the program as a User-Agent has it (`codex_exec/0.171.0`)."""

    task: str | None = None
    repo: str | None = None
    branch: str | None = None
    commit: str | None = None
    client: str | None = None


def rooted(origins: Mapping[str, Origin]) -> dict[str, Origin]:
    """The same by thread, each with the root of its tree as the task. (Older versions name the parent alone.)"""
    return {thread: origin._replace(task=_root(origin.task, origins)) for thread, origin in origins.items()}


def _root(task: str | None, origins: Mapping[str, Origin]) -> str | None:
    seen: set[str] = set()
    while task and task not in seen:
        seen.add(task)
        task = origins.get(task, Origin()).task or task
    return task
