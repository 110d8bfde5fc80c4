"""An answer for a person at a terminal, and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

from joytui.causes import ROW_TEXTS, Cause
from joytui.core.records import SCHEMA_VERSION, to_json
from joytui.doctor.triage.answer import KIND_WORDS, MOST, Answer, LookedUp, grouped

Paint = Callable[..., str]
Fill = Callable[[str, str], str]
WIDTH = 96
_SURE = {"decided": ("✓", "green"), "one of": ("?", "yellow"), "not decidable": ("?", "yellow")}


def answer_json(answer: Answer) -> dict[str, Any]:
    """The answer as plain data; `candidates` are all that fit, likeliest first."""
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": answer.kind,
        "sure": answer.sure,
        "kind_of_answer": answer.kind_of_answer,
        "cause": answer.candidates[0].id if answer.sure == "decided" else None,
        "row": answer.row,
        "candidates": [cause_json(cause) for cause in answer.candidates],
        "groups": [
            {"of": area, "causes": [c.id for c in causes]} for area, causes in grouped(answer.candidates).items()
        ],
        "also": [cause.id for cause in answer.also],
        "words": list(answer.words),
        "notes": list(answer.notes),
        "details": dict(answer.details),
        "facts": to_json(answer.facts),
        "looked_up": _looked_up_json(answer.looked_up),
        "ask": answer.ask,
        "reply": answer.reply,
    }


def _looked_up_json(found: LookedUp | None) -> dict[str, Any] | None:
    from joytui.doctor.triage.joining import story_json

    if found is None:
        return None
    return {
        "found": found.story is not None,
        "why": found.why,
        "command": found.command or None,
        "story": story_json(found.story) if found.story else None,
    }


def cause_json(cause: Cause) -> dict[str, Any]:
    """A candidate as plain data."""
    return {
        "cause": cause.id,
        "row": cause.row,
        "title": cause.title,
        "explanation": cause.explanation,
        "tell": cause.tell,
        "remedy": cause.remedy,
    }


def render(answer: Answer, paint: Paint, width: int = WIDTH) -> str:
    """Verdict first, then why, then what to ask for, then the reply; filled to this many columns."""

    def fill(text: str, indent: str) -> str:
        return _fill(text, indent, width)

    glyph, style = ("✓", "green") if answer.kind_of_answer == "no-failure" else _SURE[answer.sure]
    lines = [f"{paint(glyph, style, 'bold')} {paint(_headline(answer), style, 'bold')}"]
    lines.append(paint(f"  read as {KIND_WORDS[answer.kind]}", "dim"))
    lines += [paint(fill(f"“{words}”", "    "), "dim") for words in answer.words[:3]]
    lines += [fill(f"! {note}", "  ") for note in answer.notes]
    lines += _candidates(answer, paint, fill)
    if answer.row:
        text = ROW_TEXTS[answer.row]
        lines += ["", f"  {paint('From the guide', 'bold')}  {text.symptom}: {text.check}"]
    if facts := _facts(answer):
        lines += ["", f"  {paint('Also found', 'bold')}  {facts}"]
    if answer.looked_up:
        lines += ["", *_record(answer.looked_up, paint, fill)]
    if answer.ask:
        lines += ["", paint("  Ask for", "bold"), fill(answer.ask, "    ")]
    lines += ["", paint("  Reply to send", "bold"), *(fill(line, "    ") for line in answer.reply.splitlines())]
    return "\n".join(lines)


def _record(found: LookedUp, paint: Paint, fill: Fill) -> list[str]:
    from joytui.doctor.triage.joining import story_lines

    head = paint("  In the gateway's log", "bold")
    if found.story is None:
        return [
            head,
            fill(f"{found.why[:1].upper()}{found.why[1:]}. To look it up:", "    "),
            f"      {paint(found.command, 'cyan')}",
        ]
    return [head, *(f"  {line}" if line else "" for line in story_lines(found.story, paint))]


def _headline(answer: Answer) -> str:
    if answer.sure == "decided":
        cause = answer.candidates[0]
        return f"{cause.title}   [{cause.id}, row {cause.row}]"
    if answer.kind == "no-text":
        return "Not readable: this is not text"
    if answer.candidates:
        return "This text fits several causes; the most likely first"
    return "No failure in this" if answer.healthy else "Not recognised: this text shows no failure that joytui knows"


def _candidates(answer: Answer, paint: Paint, fill: Fill) -> list[str]:
    lines: list[str] = []
    if answer.sure == "decided":
        cause = answer.candidates[0]
        return ["", fill(cause.explanation, "  "), "", fill(f"What to do: {cause.remedy}", "  "), *_also(answer, fill)]
    for number, cause in enumerate(answer.candidates[:MOST], 1):
        lines += [
            "",
            f"  {paint(f'{number}. {cause.title}', 'bold')}   {paint(f'[{cause.id}, row {cause.row}]', 'dim')}",
        ]
        lines += [fill(f"How to know it: {cause.tell}", "     ")] if cause.tell else []
        lines.append(fill(f"What to do: {cause.remedy}", "     "))
    if rest := answer.candidates[MOST:]:
        lines += ["", "  Less likely, with the same words:"]
        lines += [fill(f"{area}: {', '.join(c.id for c in group)}", "    ") for area, group in grouped(rest).items()]
    return [*lines, *_also(answer, fill)]


def _also(answer: Answer, fill: Fill) -> list[str]:
    if not answer.also:
        return []
    return ["", fill("Another failure in the same text points to: " + ", ".join(c.id for c in answer.also), "  ")]


def _facts(answer: Answer) -> str:
    facts = answer.facts
    parts = [f"Codex {facts.codex_version}" if facts.codex_version else ""]
    parts += [f"provider {facts.provider}" if facts.provider else "", f"model {facts.model}" if facts.model else ""]
    parts += [f"request id {facts.request_ids[-1]}" if facts.request_ids else ""]
    parts += [facts.urls[-1] if facts.urls else ""]
    return ", ".join(part for part in parts if part)


def _fill(text: str, indent: str, width: int) -> str:
    return textwrap.fill(
        text, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    )
