"""Codex's rollout files as a source of usage, and of the last real failures (codex sessions on this machine).

    read_usage(home, cache_dir, since, until) -> RolloutUsage    rollups by hour, provider, model, folder, thread with its origin
    read_responses(home, cache_dir, …)        -> list[Entry]     each response once, for reconciliation
    last_turns(home, limit)                   -> tuple[Turn]     newest first, with provider, outcome and error
    turns_by_provider(turns)                  -> dict[str, int]

`home` is a CODEX_HOME. The files are only read; the cache is `rollouts-<id>.sqlite3` in the cache folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from joytui.codex.rollouts.origin import Origin
from joytui.codex.rollouts.rollout_usage import RolloutRow, RolloutUsage, read_responses, read_usage

if TYPE_CHECKING:
    from joytui.codex.rollouts.count import Entry
    from joytui.codex.rollouts.turns import Turn, last_turns, turns_by_provider

__all__ = [
    "Entry",
    "Origin",
    "RolloutRow",
    "RolloutUsage",
    "Turn",
    "last_turns",
    "read_responses",
    "read_usage",
    "turns_by_provider",
]


def __getattr__(name: str) -> Any:
    """The names that rollups from the cache do not need are imported when asked for."""
    if name == "Entry":
        from joytui.codex.rollouts.count import Entry

        return Entry
    if name in ("Turn", "last_turns", "turns_by_provider"):
        from joytui.codex.rollouts import turns

        return getattr(turns, name)
    raise AttributeError(name)
