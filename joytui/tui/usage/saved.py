"""A question of Usage as the texts of a saved view, and back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Literal, get_args, get_origin, get_type_hints

from joytui.tui.usage.snapshot import Question

OWN = ("screen", "table")
"""What a view has beside the question."""


def saved(asked: Question, *, table: bool) -> dict[str, str]:
    """The choices of the question that have names; what differs from the default alone."""
    plain = Question()
    texts = {name: str(getattr(asked, name)) for name in _choices() if getattr(asked, name) != getattr(plain, name)}
    return {**texts, **({"table": "yes"} if table else {})}


def restored(values: Mapping[str, str]) -> tuple[Question, str]:
    """The question, and what of the values does not hold ("" mostly): that is left out."""
    choices, asked, wrong = _choices(), Question(), []
    for name, value in values.items():
        if name in choices and value in choices[name]:
            asked = replace(asked, **{name: value})  # type: ignore[arg-type]
        elif name not in OWN:
            wrong.append(f"{name} {value}")
    return asked, f"it knows no {', no '.join(wrong)}" if wrong else ""


def _choices() -> dict[str, tuple[str, ...]]:
    """The fields that are one of several words, and those words."""
    hints = get_type_hints(Question)
    return {one.name: get_args(hints[one.name]) for one in fields(Question) if get_origin(hints[one.name]) is Literal}
