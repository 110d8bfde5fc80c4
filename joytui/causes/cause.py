"""What a cause is made of. Words, patterns and tables only: nothing here reads a file or asks a gateway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import UnionType
from typing import Final, Literal

from joytui.core.records import Row

Phase = Literal["start", "elsewhere", "connect", "send", "answer", "stream"]
"""How far Codex comes:

start      it ends by itself, before any request
elsewhere  it runs, and asks OpenAI or another provider: the gateway never hears of it
connect    the request does not get out: Codex shows “waiting for network” and never gives up
send       the request is out, or nearly so, and nothing that a gateway would say comes back
answer     the gateway (or what is in its place) refuses
stream     the answer begins well, with 200, and does not end as Codex needs it
"""

FixKind = Literal["change", "commands"]
"""What joytui has for a cause: a change of Codex's files, or commands for this machine (some of which it can run itself)."""


DetailType = type | UnionType

ANY_FINDING: Final[Mapping[str, DetailType]] = {
    "layer": str,  # of the configuration: "user", "flags", …
    "key": str,  # dotted, of the configuration
    "strict": bool,  # found under --strict-config
    "variable": str | None,
    "status": int,
    "error_type": str | int,
    "error_code": str | int,
    "retry_after_s": float,
    "gateway_request_id": str,
    "events": int,
    "comments": int,
    "bytes": int,
    "body": str,  # what came instead of an event stream: "json", "html", …
    "why": str,  # Codex cannot read the stream
    "code": str,
    "in_answer": str,  # the cause by the form of the answer, where the error in it names a more exact one
    "codex_requests": int,
    "codex_gives_up_after_s": float | None,
    "test_requests": int,
    "test_usage": dict,
    "request_id": str,
    "whole_turn": str,
    "chat_at": str,  # where the gateway surely offers Chat Completions
    "refused": list,  # models and addresses that this report shows refused: no fix of it names them
    "refused_at": list,  # base URLs at which the route was asked for, and is not
    "refused_model": str,
    "with_codex": dict,
    "earlier_other_failure": str,
}
"""What a finding of any cause may hold, and one without a cause."""


@dataclass(frozen=True, slots=True)
class Sign:
    """Something that a ticket shows, and the causes that show it: the one that holds the sign is the likeliest, then `others`
    in the order of likelihood (what is named twice counts at its first place). Without others the sign leaves no other cause, and
    triage is sure.

    What it is found by (one of these; patterns are case-blind, and blanks in the patterns of programs do not count):

    codex    a pattern of a message that Codex prints
    tail     the words behind “stream disconnected before completion:” (found like `codex`, and where they are cut, too)
    begins   the beginning of such a message, for one whose end is missing
    curl     a pattern of curl's messages
    people   a pattern of how people put it
    error    values of error.type or error.code in the body of an error
    name     what a reader of triage calls it, where it takes more than a pattern to see it
    whole    patterns that all occur in one ticket, in whatever order: they count before any single message. Blanks and line ends
             are one space there

    `ask`: the question that tells these causes apart. `note`: what misleads about the words. `explanation`, `remedy`: what is
    said of this form of the cause instead of the general words. `details`: what the sign shows of it. `passing`: it need not be the
    end of the run. `broad`: how general a pattern is; where several fit, the least broad counts.
    """

    codex: str = ""
    tail: str = ""
    begins: str = ""
    curl: str = ""
    people: str = ""
    error: tuple[str, ...] = ()
    name: str = ""
    whole: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    ask: str = ""
    note: str = ""
    explanation: str = ""
    remedy: str = ""
    details: Mapping[str, str | bool] = field(default_factory=dict)
    passing: bool = False
    broad: int = 0


@dataclass(frozen=True, slots=True)
class Form:
    """A form of a cause of which other words are true: the one whose `detail` a finding or a ticket shows, with this `value` where one
    is named. An empty text is the cause's own."""

    detail: str
    value: str = ""
    title: str = ""
    explanation: str = ""
    remedy: str = ""

    def fits(self, details: Mapping[str, object]) -> bool:
        shown = details.get(self.detail)
        return shown == self.value if self.value else bool(shown)


@dataclass(frozen=True, slots=True)
class GatewaySays:
    """How gateways refuse for this cause. `statuses`: HTTP statuses that mean it where nothing in the body says otherwise;
    `codes`: values of error.type or error.code, in lower case; `words`: a case-blind pattern of the message, for the statuses
    that leave it open; `anywhere`: one that means this cause whatever the status, in the words of any vendor.

    `parts`: (value, pattern) pairs that tell which part of it is meant, for the detail named `part`.
    """

    statuses: tuple[int, ...] = ()
    codes: frozenset[str] = frozenset()
    words: str = ""
    anywhere: str = ""
    part: str = ""
    parts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class IgnoredKey:
    """A key that Codex ignores because it is misspelt, and that was meant as the one whose absence is this cause.

    `pattern`: of the key's letters, in lower case. `statuses`: what a gateway answers then, if it is asked at all.
    """

    pattern: str
    statuses: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause: the thing to fix, not the symptom. Read aloud, each text should make sense to someone who has never seen
    Codex's configuration.

    `row`: of the guide's table. `step`: the step of the walk that fails (doctor/steps.py). `fixed_by`: what doctor/fix has for
    it; empty: `remedy` is all there is to say.

    `explanation`: what happens and why. `remedy`: what to do about it, in general words. `tell`: how to know it from
    its look-alikes, or what to ask the user for.

    `details`: what a finding of it may hold beside ANY_FINDING, by name and type: the machine-readable facts that fixes and
    scripts read.
    `otherwise`: another road, told beside a change of files. `lacks`: the part of the guide's block that the configuration lacks. `hides`: Codex reads nothing of its files then, so their
    other faults show only when this one is gone. `passes`: it may pass by itself, so the doctor asks again.
    `forms`: what is said of a finding or a ticket instead, the first that fits.
    `warning_only`: never a verdict. `only_said`: nothing but Codex's own words shows it, so no check looks for it.
    """

    id: str
    row: Row
    step: str
    phase: Phase
    fixed_by: tuple[FixKind, ...]
    title: str
    explanation: str
    remedy: str
    tell: str = ""
    signs: tuple[Sign, ...] = ()
    gateway: GatewaySays = GatewaySays()
    ignored_key: IgnoredKey | None = None
    details: Mapping[str, DetailType] = field(default_factory=dict)
    forms: tuple[Form, ...] = ()
    otherwise: str = ""
    lacks: Literal["", "provider", "base_url"] = ""
    hides: bool = False
    passes: bool = False
    warning_only: bool = False
    only_said: bool = False

    def as_met(self, details: Mapping[str, object]) -> Cause:
        """The cause in the words that are true of a finding with these details."""
        form = next((one for one in self.forms if one.fits(details)), None)
        return self.worded(form.explanation, form.remedy, form.title) if form else self

    def worded(self, explanation: str, remedy: str, title: str = "") -> Cause:
        """This cause with other words; an empty text leaves its own."""
        return replace(
            self,
            title=title or self.title,
            explanation=explanation or self.explanation,
            remedy=remedy or self.remedy,
        )


@dataclass(frozen=True, slots=True)
class RowText:
    """A row of the guide's troubleshooting table, in the guide's words."""

    row: Row
    symptom: str
    check: str
