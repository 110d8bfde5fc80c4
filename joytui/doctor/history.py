"""Where Codex's last turns went and how the failed ones ended, by the session files that it leaves on every machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from joytui.doctor.failures import Failure, History

TURNS = 20
LONGEST = 300


def read_history(codex_home: str) -> History | None:
    """The newest turns, None if this CODEX_HOME has no sessions."""
    if not os.path.isdir(os.path.join(codex_home, "sessions")):
        return None
    from joytui.doctor.failures import last_failures

    history = last_failures(Path(codex_home), TURNS)
    return history if history.turns else None


def turns_told(history: History) -> str:
    """One sentence about where the newest turns went."""
    counts = history.by_provider
    turns = f"your last {history.turns} turn{'s' if history.turns != 1 else ''} went"
    if len(counts) == 1:
        return f"{turns} to provider {next(iter(counts))!r}"
    return f"{turns}: " + " and ".join(f"{count} to provider {name!r}" for name, count in counts.items())


def failure_told(history: History) -> str | None:
    """One sentence about the newest failure that no good turn came after: what, when, how often, at which provider."""
    failure = newest_open(history)
    if failure is None:
        return None
    often = f"{failure.count} turns since {_minute(failure.first)}" if failure.count > 1 else "one turn"
    fits = f" (fits {', '.join(failure.causes[:3])})" if failure.causes else ""
    return (
        f"Codex's own files: {often} failed, the last at {_minute(failure.last)} at provider {failure.provider!r}: "
        f"{_cut(failure.error)}{fits}"
    )


def newest_open(history: History) -> Failure | None:
    """The newest failure, None if a turn went well after it."""
    newest = next(iter(history.failures), None)
    settled = newest and history.last_good and history.last_good > newest.last
    return None if settled else newest


def fits(history: History, cause: str | None) -> bool:
    """Whether the newest open failure may come from this cause, by its words."""
    failure = newest_open(history)
    return failure is not None and cause in failure.causes


def _cut(error: str) -> str:
    return error if len(error) <= LONGEST else error[: LONGEST - 1] + "…"


def _minute(time: str) -> str:
    return f"{time[:16].replace('T', ' ')} UTC"
