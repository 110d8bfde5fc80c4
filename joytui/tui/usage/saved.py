"""A question of Usage as the texts of a saved view, and back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, replace
from datetime import date
from typing import Any, Literal, get_args, get_origin, get_type_hints

from joytui.tui.column_choice import COLUMNS, SORT
from joytui.tui.usage.snapshot import Question

OWN = ("screen", "table", COLUMNS, SORT)
"""What a view has beside the question."""
MOST_BACK = 1000
YEARS = range(2000, 3000)
"""Beyond these there is no calendar any more to reckon in."""


def saved(asked: Question, *, table: bool) -> dict[str, str]:
    """What differs from the default question: {"range": "month", "back": "1"}, {"at": "2026-11-28"}, {"tests": "yes"}."""
    plain = Question()
    changed = (one.name for one in fields(Question) if getattr(asked, one.name) != getattr(plain, one.name))
    texts = {name: _text(getattr(asked, name)) for name in changed}
    return {**texts, **({"table": "yes"} if table else {})}


def restored(values: Mapping[str, str]) -> tuple[Question, str]:
    """The question, and what of the values does not hold ("" mostly): that is left out."""
    hints, asked, wrong = get_type_hints(Question), Question(), []
    for name, text in values.items():
        if name in OWN:
            continue
        value = _value(hints.get(name), text)
        if value is None:
            wrong.append(f"{name} {text}")
        else:
            asked = replace(asked, **{name: value})
    if asked.at is None and asked.back < 0:
        asked = replace(asked, back=0)  # that window has not begun
    return asked, f"it knows no {', no '.join(wrong)}" if wrong else ""


def _text(value: object) -> str:
    return "yes" if value is True else value.isoformat() if isinstance(value, date) else str(value)


def _value(kind: Any, text: str) -> Any:
    """The text as a value of this kind; None if it is none."""
    if get_origin(kind) is Literal:
        return text if text in get_args(kind) else None
    if kind is bool:
        return {"yes": True, "no": False}.get(text)
    with suppress(ValueError):
        if kind is int:
            return int(text) if abs(int(text)) < MOST_BACK else None
        if kind == date | None:
            return date.fromisoformat(text) if date.fromisoformat(text).year in YEARS else None
    return None
