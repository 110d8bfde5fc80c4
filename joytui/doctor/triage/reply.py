"""The reply to send: what it is (as sure as it is), what to do, what to send if that was not it. Plain text, no jargon."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from joytui.causes import Cause
from joytui.causes.questions import DOCTOR, in_log
from joytui.doctor.triage.answer import MOST, Facts, Sure

if TYPE_CHECKING:
    from joytui.doctor.triage.answer import Answer
    from joytui.doctor.triage.documents import Document
    from joytui.doctor.triage.story import Story

_THANKS = "Hi, thanks for the report."
_STILL = "If it still fails, please send the file that `joytui report` writes; it contains no keys."
_HEALTHY = "What you sent shows no failure. If something else does not work, please send the whole output of that run."
_DOCTOR = "Or run `joytui doctor` on that machine: it names the cause and what to type."
KEY_SEEN = "Your message contains a key. Please have it revoked and use a new one, because anyone who reads this ticket can use it."
"""Said where a key was masked in the ticket."""


def reply_for(
    causes: Sequence[Cause],
    sure: Sure,
    ask: str,
    notes: Sequence[str],
    document: Document,
    facts: Facts,
    quote: str = "",
) -> str:
    """The reply for an answer. `ask`, `notes` and `quote` (the gateway's own words) are redacted already."""
    seen = [note for note in notes if note == KEY_SEEN or sure != "decided" or document.healthy]
    behind = [note for note in notes if note not in seen]
    parts = [_THANKS, *seen]
    if document.healthy:
        parts.append(_HEALTHY)
    elif not causes:
        parts.append(f"What you sent does not show what fails. Please send {ask}.")
    elif sure == "decided":
        parts += [_decided(causes[0], quote, behind), _STILL]
    else:
        parts += [_several(causes), _question(ask, facts), *([] if DOCTOR in ask else [_DOCTOR])]
    if facts.request_ids and causes and ask != in_log(facts.request_ids[-1]):
        parts.append(f"(For our reference: request id {facts.request_ids[-1]}.)")
    return "\n\n".join(parts)


def with_record(answer: Answer, story: Story) -> str:
    """The reply where the gateway's record of the request is known: what it says, in place of a guess; beside the reply where the
    request was served."""
    from joytui.core.redaction import Redactor

    record = Redactor().text(story.reply)
    if story.cause is None:
        return f"{answer.reply}\n\n{record}"
    seen = [KEY_SEEN] if KEY_SEEN in answer.notes else []
    return "\n\n".join([_THANKS, *seen, record, _STILL])


_LIMIT = re.compile(
    r"(\w+) limit of ([\d.]+) credits exceeded: ([\d.]+) left\b.*?may cost up to ([\d.]+)(?:.*?resets (\d{4}-\d\d-\d\d)T(\d\d:\d\d))?",
    re.S,
)


def plainly(said: str) -> str:
    """What joytui's own gateway says of a limit, for a customer: what is left may be more than nothing. Empty for other words."""
    found = _LIMIT.search(said)
    if not found:
        return ""
    period, limit, left, cost, day, hour = found.groups()
    reset = f" It resets on {day} at {hour} UTC." if day else ""
    return (
        f"This request may cost up to {cost} credits, but only {left} of the {period} limit of {limit} are left.{reset}"
    )


def _decided(cause: Cause, quote: str, notes: Sequence[str]) -> str:
    said = f"\n\nThe gateway's own words: “{quote}”" if quote and cause.phase == "answer" else ""
    said += f"\n{told}" if (told := plainly(quote)) else ""
    said += "".join(f"\n\n{note}" for note in notes)
    return f"{cause.title}. {cause.explanation}{said}\n\nWhat to do: {cause.remedy}"


def _question(ask: str, facts: Facts) -> str:
    """What would tell; what the ticket says already is not asked for."""
    if facts.request_ids and ask == in_log(facts.request_ids[-1]):
        return f"We will look up your request {facts.request_ids[-1]} in the gateway's log to find out which one it is."
    verb = "tell us" if re.match(r"(?:whether|when|what|which|from which|how)\b", ask) else "send"
    return f"To find out which one it is, please {verb} {ask or DOCTOR}."


def _several(causes: Sequence[Cause]) -> str:
    lines = ["Several causes fit your message. The most likely first:"]
    lines += [f"- {cause.title}. {cause.remedy}" for cause in causes[:MOST]]
    return "\n".join(lines)
