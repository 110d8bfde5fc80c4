"""A cause explained to someone who has never seen it: what happens, what to do, how to know it. Offline."""

from __future__ import annotations

import textwrap
from typing import Any

from joytui.causes import CAUSES, ROW_TEXTS, Cause, by_row
from joytui.doctor.report import Paint

WIDTH = 96


def explain_text(cause: Cause, paint: Paint) -> str:
    """One cause as paragraphs."""
    row = ROW_TEXTS[cause.row]
    kind = "a warning, never a verdict" if cause.warning_only else f"row “{row.symptom}” of the guide's table"
    parts = [paint(cause.title, "bold"), paint(f"{cause.id} · {kind}", "dim"), "", _fill(cause.explanation)]
    parts += ["", paint("What to do", "bold"), _fill(cause.remedy)]
    if cause.tell:
        parts += ["", paint("How to know it", "bold"), _fill(cause.tell)]
    return "\n".join(parts)


def explain_json(cause: Cause) -> dict[str, Any]:
    """One cause as plain data: its words, without what finds it and what fixes it."""
    return {
        "id": cause.id,
        "row": cause.row,
        "title": cause.title,
        "explanation": cause.explanation,
        "remedy": cause.remedy,
        "tell": cause.tell,
        "warning_only": cause.warning_only,
    }


def list_text(paint: Paint) -> str:
    """All causes by row, one a line."""
    lines = []
    for row, causes in by_row().items():
        lines.append(paint(ROW_TEXTS[row].symptom, "bold"))
        lines += [f"  {cause.id:<26} {cause.title}" for cause in causes]
    lines.append(paint("Warnings only", "bold"))
    lines += [f"  {cause.id:<26} {cause.title}" for cause in CAUSES.values() if cause.warning_only]
    return "\n".join(lines)


def _fill(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
