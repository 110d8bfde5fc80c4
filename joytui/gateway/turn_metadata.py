"""Which place a request has in the tree of agents and what it works on, according to Codex's headers (observed with 0.169.0 and 0.171.0).

session-id                 the root thread, which its sub-agents share
thread-id                  the thread that asks
x-codex-parent-thread-id   the thread that started it, for sub-agents
x-openai-subagent          the kind of sub-agent ("collab_spawn", "review", …)
x-codex-turn-metadata      JSON: the same, with `turn_id`, `root_turn_id`, `thread_source`, and `workspaces`:
                           {path: {"associated_remote_urls": {"origin"}, "latest_git_commit_hash", "has_changes"}}
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from joytui.core.redaction import Clean
from joytui.core.repository import repository


class TurnContext(NamedTuple):
    """What a request says about its turn; the fields are those of `Opened`."""

    thread_id: Clean | None = None
    turn_id: Clean | None = None
    root_thread: Clean | None = None
    parent_thread: Clean | None = None
    root_turn: Clean | None = None
    subagent: Clean | None = None
    project: Clean | None = None
    repo: Clean | None = None
    commit_hash: Clean | None = None
    dirty: bool = False


ID_LENGTH = 100


def root_thread(headers: Mapping[str, str], door: Callable[[str | None, int], Clean | None]) -> Clean | None:
    """`TurnContext.root_thread` alone."""
    named = headers.get("session-id") or _text(_object(headers.get("x-codex-turn-metadata")), "session_id")
    return door(named, ID_LENGTH)


def turn_context(headers: Mapping[str, str], door: Callable[[str | None, int], Clean | None]) -> TurnContext:
    """`door` (`core.redaction.clean`) accepts text up to a number of characters. Anything that is not text is ignored."""
    said = _object(headers.get("x-codex-turn-metadata"))
    project, workspace = _workspace(said)
    origin = _text(_object_in(workspace, "associated_remote_urls"), "origin")
    return TurnContext(
        thread_id=door(headers.get("thread-id") or headers.get("session-id"), 100),
        turn_id=door(_text(said, "turn_id"), 100),
        root_thread=door(headers.get("session-id") or _text(said, "session_id"), ID_LENGTH),
        parent_thread=door(headers.get("x-codex-parent-thread-id") or _text(said, "parent_thread_id"), 100),
        root_turn=door(_text(said, "root_turn_id"), 100),
        subagent=door(headers.get("x-openai-subagent") or _kind(said), 60),
        project=door(project, 300),
        repo=door(repository(origin) if origin else None, 300),
        commit_hash=door(_text(workspace, "latest_git_commit_hash"), 64),
        dirty=workspace.get("has_changes") is True,
    )


def _object(text: str | None) -> Mapping[str, Any]:
    try:
        said = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _workspace(said: Mapping[str, Any]) -> tuple[str | None, Mapping[str, Any]]:
    """The first folder that Codex works in, and what it says of it."""
    folders = _object_in(said, "workspaces")
    path = next(iter(folders), None)
    return path, _object_in(folders, path) if path else {}


def _kind(said: Mapping[str, Any]) -> str | None:
    """The kind of sub-agent where no header names it: all sources of threads but the user are."""
    source = _text(said, "thread_source")
    return None if source == "user" else source


def _object_in(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = said.get(name)
    return value if isinstance(value, dict) else {}


def _text(said: Mapping[str, Any], name: str) -> str | None:
    value = said.get(name)
    return value if isinstance(value, str) else None
