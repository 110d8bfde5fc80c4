"""From Codex's words to causes, offline: at most three candidates, what tells them apart, and what to ask for.

The reading is that of `joytui triage` (doctor/triage); this is its short form for `joytui doctor --says`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joytui.causes import Cause
from joytui.doctor.report import Paint
from joytui.doctor.triage import Answer
from joytui.doctor.triage import triage as read
from joytui.doctor.triage.answer import MOST, KindOfAnswer
from joytui.doctor.triage.rendering import cause_json

WIDTH = 96


@dataclass(frozen=True, slots=True)
class Triage:
    """The candidates, likeliest first; `also` fit the same words but are rarer; `ask` is what to ask the user for."""

    candidates: tuple[Cause, ...]
    also: tuple[Cause, ...] = ()
    ask: str = ""
    details: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()
    kind_of_answer: KindOfAnswer = "not-recognised"

    def __bool__(self) -> bool:
        return bool(self.candidates)


def triage(text: str) -> Triage:
    """The causes that fit what Codex printed; none for a text without a sign of failure."""
    return _short(read(text))


def _short(answer: Answer) -> Triage:
    first, rest = answer.candidates[:MOST], answer.candidates[MOST:]
    also = (*rest, *(cause for cause in answer.also if cause not in answer.candidates))
    return Triage(first, also, answer.ask, answer.details or None, answer.notes, answer.kind_of_answer)


# --- words ------------------------------------------------------------------------------------------------------------


def triage_json(found: Triage) -> dict[str, Any]:
    """The candidates as plain data."""
    return {
        "schema_version": 1,
        "kind_of_answer": found.kind_of_answer,
        "candidates": [cause_json(cause) for cause in found.candidates],
        "also": [cause.id for cause in found.also],
        "ask": found.ask,
        "details": dict(found.details or {}),
        "notes": list(found.notes),
    }


def render_triage(found: Triage, paint: Paint) -> str:
    """The candidates for a person: each with what tells it apart, then what to ask for."""
    if not found:
        words = (
            f"This text matches no known failure. Ask for {found.ask}." if found.ask else "This text shows no failure."
        )
        return "\n".join([words, *found.notes])
    lines = [
        "It fits one cause:"
        if len(found.candidates) == 1 and not found.also
        else "This text fits several causes; the most likely first:"
    ]
    for number, cause in enumerate(found.candidates, 1):
        lines += ["", f"{paint(f'{number}. {cause.title}', 'bold')}   {paint(f'[{cause.id}, row {cause.row}]', 'dim')}"]
        lines.append(_fill(cause.explanation))
        lines += [_fill(f"How to know it: {cause.tell}")] if cause.tell else []
        lines.append(_fill(f"What to do: {cause.remedy}"))
    if found.also:
        lines += ["", _fill("Less likely, with the same text: " + ", ".join(cause.id for cause in found.also), "")]
    lines += ["", *(_fill(note, "") for note in found.notes)] if found.notes else []
    if found.ask:
        lines += ["", _fill(f"Ask for: {found.ask}.", "")]
    return "\n".join(lines)


def _fill(text: str, indent: str = "   ") -> str:
    return textwrap.fill(
        text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    )
