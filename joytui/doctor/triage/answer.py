"""What triage gives: the answer, and the guesses that the readers make on the way to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from joytui.causes import CAUSES, Cause
from joytui.core.records import Row

if TYPE_CHECKING:
    from joytui.doctor.triage.story import Story

Kind = Literal[
    "terminal",
    "exec-json",
    "codex-doctor",
    "joytui-report",
    "bundle",
    "error-body",
    "http-dump",
    "rollout",
    "prose",
    "no-text",
    "empty",
]
Sure = Literal["decided", "one of", "not decidable"]
KindOfAnswer = Literal["cause", "several", "no-failure", "not-recognised"]
"""What the answer is: one cause, several that fit, words that show no failure, or none that we know."""

KIND_WORDS: Mapping[Kind, str] = {
    "terminal": "what Codex printed",
    "exec-json": "the lines of `codex exec --json`",
    "codex-doctor": "a report of `codex doctor --json`",
    "joytui-report": "a report of `joytui doctor --json`",
    "bundle": "a bundle of `joytui report`",
    "error-body": "the body of an error answer",
    "http-dump": "an HTTP exchange",
    "rollout": "a rollout file of Codex",
    "prose": "text without Codex's output",
    "no-text": "a file that is not text",
    "empty": "nothing",
}
MOST = 3


@dataclass(frozen=True, slots=True)
class Guess:
    """The causes that some words leave open, likeliest first; one cause means that the words leave no other.

    `words` are those that decided, `passing` marks what need not be the end of the run (a retry, a warning).
    `note` says what is misleading about the words; `explanation` and `remedy` what is said of the first cause in this form of it.
    `said`: the gateway's own words, to be quoted in the reply.
    """

    causes: tuple[str, ...]
    ask: str = ""
    words: str = ""
    note: str = ""
    passing: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)
    explanation: str = ""
    remedy: str = ""
    said: str = ""

    def heard(self, words: str, *, passing: bool | None = None) -> Guess:
        """The same guess with the words that led to it."""
        return replace(self, words=words[:400], passing=self.passing if passing is None else passing)


@dataclass(frozen=True, slots=True)
class Facts:
    """What else the ticket says: no judgement in it. Each tuple in the order of the text, without repetitions."""

    codex_version: str | None = None
    provider: str | None = None
    model: str | None = None
    statuses: tuple[int, ...] = ()
    urls: tuple[str, ...] = ()
    request_ids: tuple[str, ...] = ()
    thread_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What a gateway has of the ids in a ticket: the `story` of a request, or `why` there is none and the `command` that asks."""

    story: Story | None
    why: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """`candidates`: all that fit, likeliest first; one if `sure` is "decided", two or three if "one of".

    "not decidable": more than three fit, or none. `row` is the guide's row that all of the first three share, else None.
    `also`: causes of other failures in the same ticket. `ask`: what splits the candidates. `reply`: the text to send.
    """

    kind: Kind
    sure: Sure
    candidates: tuple[Cause, ...]
    row: Row | None
    words: tuple[str, ...]
    ask: str
    reply: str
    notes: tuple[str, ...] = ()
    also: tuple[Cause, ...] = ()
    facts: Facts = Facts()
    details: Mapping[str, Any] = field(default_factory=dict)
    healthy: bool = False
    looked_up: LookedUp | None = None

    @property
    def kind_of_answer(self) -> KindOfAnswer:
        if self.candidates:
            return "cause" if self.sure == "decided" else "several"
        return "no-failure" if self.healthy else "not-recognised"


_AREAS: Mapping[str, str] = {
    "codex": "Codex itself",
    "config": "config.toml",
    "provider": "config.toml",
    "model": "the model",
    "key": "the key",
    "net": "the network",
    "gateway": "the gateway",
    "stream": "the answer's form",
}


def grouped(causes: Sequence[Cause]) -> dict[str, list[Cause]]:
    """The causes by where they are: one question splits the groups. The likeliest group first."""
    groups: dict[str, list[Cause]] = {}
    for cause in causes:
        groups.setdefault(_AREAS[cause.step.split(".", 1)[0]], []).append(cause)
    return groups


def guess(*causes: str, ask: str = "", note: str = "", **details: Any) -> Guess:
    """A guess at these causes; each counts once."""
    return Guess(tuple(dict.fromkeys(CAUSES[name].id for name in causes)), ask, "", note, False, details)


def sureness(causes: Sequence[str]) -> Sure:
    """How much this many causes decide."""
    return "decided" if len(causes) == 1 else "one of" if 2 <= len(causes) <= MOST else "not decidable"
