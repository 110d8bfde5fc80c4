"""Which of the three request shapes a model slug makes Codex send, by the slugs of the version's bundled catalog.

A slug matches exactly or by the longest prefix, one `vendor/` prefix is stripped, case counts (observed with Codex 0.169.0).
"""

from __future__ import annotations

import re
from typing import cast

from joytui.codex.versions import Rules
from joytui.codex.world import Shape

_GPT = re.compile(r"gpt-(\d+)(?:\.(\d+))?(?![\d.])")


def shape_of(model: str, rules: Rules) -> Shape:
    """The request shape for this slug: "classic" (also for `auto`), "freeform" or "lite"."""
    if not rules.model_decides_shape:
        return "classic"
    slug = _without_vendor(model)
    # Slugs that the catalog does not have get fallback metadata: the classic shape.
    matching = [(len(prefix), shape) for prefix, shape in rules.recorded.models.items() if slug.startswith(prefix)]
    if not matching and rules.number != rules.recorded.number:
        matching = _newest_sibling(slug, rules)
    return cast(Shape, max(matching)[1]) if matching else "classic"


def _newest_sibling(slug: str, rules: Rules) -> list[tuple[int, str]]:
    """A `gpt-N.M` that came after the catalog that we know is taken to be like the newest one there."""
    numbers = {name: number for name in rules.recorded.models if (number := _gpt(name))}
    mine, newest = _gpt(slug), max(numbers.values(), default=None)
    if mine is None or newest is None or mine < newest:
        return []
    return [(0, rules.recorded.models[name]) for name, number in numbers.items() if number == newest][:1]


def _gpt(slug: str) -> tuple[int, int] | None:
    found = _GPT.match(slug)
    return (int(found[1]), int(found[2] or 0)) if found else None


def default_model(rules: Rules) -> str:
    """The model that Codex asks for if nothing names one."""
    return rules.recorded.default_model


def _without_vendor(model: str) -> str:
    vendor, slash, rest = model.partition("/")
    return rest if slash and vendor and "/" not in rest else model
