"""The user's last real failures, by Codex's own session files: what, when, how often, at which provider, and the cause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from joytui.core.clock import rfc3339
from joytui.doctor.triage.answer import Sure, sureness
from joytui.doctor.triage.signs import sign
from joytui.doctor.triage.words import hear

if TYPE_CHECKING:
    from joytui.codex.rollouts.turns import Turn

TURNS = 100
MOST = 10


@dataclass(frozen=True, slots=True)
class Failure:
    """Turns that ended with the same words at the same provider, newest first. Times RFC 3339. `causes`: what fits."""

    error: str
    provider: str
    model: str | None
    count: int
    first: str
    last: str
    http_status: int | None
    causes: tuple[str, ...]
    sure: Sure
    thread: str


@dataclass(frozen=True, slots=True)
class History:
    """The newest turns of this machine: how many, how many failed, by provider, and the failures."""

    turns: int
    failed: int
    unfinished: int
    by_provider: dict[str, int]
    last_good: str | None
    failures: tuple[Failure, ...]


def last_failures(codex_home: Path, limit: int = TURNS) -> History:
    """Reads the newest `limit` turns below a CODEX_HOME. Errors are Codex's own words, unredacted. Never raises."""
    from joytui.codex.rollouts.turns import last_turns, turns_by_provider

    turns = last_turns(codex_home, limit)
    failed = [turn for turn in turns if turn.outcome == "failed"]
    good = next((turn for turn in turns if turn.outcome == "completed"), None)
    return History(
        turns=len(turns),
        failed=len(failed),
        unfinished=sum(turn.outcome == "unfinished" for turn in turns),
        by_provider=turns_by_provider(turns),
        last_good=rfc3339(good.time) if good else None,
        failures=_grouped(failed),
    )


def _grouped(failed: Sequence[Turn]) -> tuple[Failure, ...]:
    groups: dict[tuple[str, str], list[Turn]] = {}
    for turn in failed:
        groups.setdefault((_core(turn.error or ""), turn.provider or "openai"), []).append(turn)
    return tuple(_failure(turns) for turns in list(groups.values())[:MOST])


def _core(error: str) -> str:
    """An error without what differs from time to time: ids."""
    return error.split(", request id:")[0].split(", cf-ray:")[0]


def _failure(turns: list[Turn]) -> Failure:
    newest = turns[0]
    heard = hear(f"ERROR: {newest.error}") if newest.error else None
    causes = heard.guess.causes if heard and heard.guess else ()
    if newest.provider in (None, "openai"):
        causes = sign("turns of provider openai").causes
    return Failure(
        error=newest.error or "(ended without an answer or a message)",
        provider=newest.provider or "openai",
        model=newest.model,
        count=len(turns),
        first=rfc3339(turns[-1].time),
        last=rfc3339(newest.time),
        http_status=newest.http_status,
        causes=causes,
        sure=sureness(causes),
        thread=newest.thread,
    )


def told(history: History) -> list[str]:
    """The history as lines for a person, newest failure first; none if there are no turns."""
    if not history.turns:
        return []
    went = ", ".join(f"{count} to {name!r}" for name, count in history.by_provider.items())
    lines = [f"Your last {history.turns} turn{'s' * (history.turns != 1)}: {went}; {history.failed} failed"]
    for failure in history.failures[:3]:
        often = f"{failure.count}x since {failure.first}, last " if failure.count > 1 else ""
        lines.append(f"{often}{failure.last} at {failure.provider!r}: {failure.error[:200]}")
    return lines
