"""The reply to send: what it is (as sure as it is), what to do, what to send if that was not it. Plain text, no jargon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from joytui.causes import Cause
from joytui.causes.questions import DOCTOR
from joytui.doctor.triage.answer import MOST, Facts, Sure

if TYPE_CHECKING:
    from joytui.doctor.triage.documents import Document

_THANKS = "Hi, thanks for the report."
_STILL = "If it still fails then, please send what `joytui report` makes: it holds no keys."


def reply_for(
    causes: Sequence[Cause], sure: Sure, ask: str, notes: Sequence[str], document: Document, facts: Facts
) -> str:
    """The reply for an answer. `ask` and `notes` are redacted already."""
    parts = [_THANKS, *(note for note in notes)]
    if document.healthy:
        parts.append(
            "In what you sent nothing fails. Please send the output of the run that does, from its first line to its last."
        )
    elif not causes:
        parts.append(f"What you sent does not tell yet what fails. Please send {ask}.")
    elif sure == "decided":
        parts += [_decided(causes[0]), _STILL]
    else:
        parts += [_several(causes), f"To tell which it is, please send {ask or DOCTOR}."]
        parts.append("You can also let the doctor find it: `joytui doctor` names the cause and what to type.")
    if facts.request_ids and causes:
        parts.append(f"(For our own search: request id {facts.request_ids[-1]}.)")
    return "\n\n".join(parts)


def _decided(cause: Cause) -> str:
    return f"{cause.title}. {cause.explanation}\n\nWhat to do: {cause.remedy}"


def _several(causes: Sequence[Cause]) -> str:
    shown = causes[:MOST]
    count = "These causes fit it" if len(causes) <= MOST else f"{len(causes)} causes show the same words; the likeliest"
    lines = [f"{count}:"]
    lines += [f"- {cause.title}. {cause.remedy}" for cause in shown]
    return "\n".join(lines)
