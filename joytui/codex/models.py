"""Which of the three request shapes a model slug makes Codex send, by the slugs of the version's bundled catalog.

A slug matches exactly or by the longest prefix, one `vendor/` prefix is stripped, case counts (observed with Codex 0.169.0).
"""

from __future__ import annotations

import re
from typing import cast

from joytui.codex.versions import Rules
from joytui.codex.world import Shape

_KNOWN = re.compile(r"gpt-\d|codex-|o[134](-|$)")


def shape_of(model: str, rules: Rules) -> Shape:
    """The request shape for this slug: "classic" (also for `auto`), "freeform" or "lite"."""
    if not rules.model_decides_shape:
        return "classic"
    slug = _without_vendor(model)
    # Slugs that the catalog does not have get fallback metadata: the classic shape.
    matching = [(len(prefix), shape) for prefix, shape in rules.recorded.models.items() if slug.startswith(prefix)]
    return cast(Shape, max(matching)[1]) if matching else "classic"


def default_model(rules: Rules) -> str:
    """The model that Codex asks for if nothing names one."""
    return rules.recorded.default_model


def is_openai_slug(model: str) -> bool:
    """Whether the slug looks like one of OpenAI's own."""
    return bool(_KNOWN.match(_without_vendor(model)))


def _without_vendor(model: str) -> str:
    vendor, slash, rest = model.partition("/")
    return rest if slash and vendor and "/" not in rest else model
