"""Which of the three request shapes a model slug makes Codex 0.169 send, and the slugs of its bundled catalog.

A slug matches exactly or by the longest prefix, one `vendor/` prefix is stripped, case counts (situations M_*).
"""

from __future__ import annotations

import re
from typing import Final

from joytui.codex.versions import Rules
from joytui.codex.world import Shape

DEFAULT_MODEL: Final = "gpt-6.1-sol"
_OLDER_DEFAULTS: Final = ((0, 120, 0), "gpt-5.5"), ((0, 0, 0), "gpt-5.2-codex")  # observed: 0.140.0, 0.94.0

# Families of the bundled catalog, observed with 0.169.0. Unlisted slugs get fallback metadata: the classic shape.
_FAMILIES: Final[tuple[tuple[str, Shape], ...]] = (
    ("gpt-5.5", "freeform"),
    ("gpt-5.6-", "lite"),
    ("gpt-6-", "lite"),
    ("gpt-6.1-", "lite"),
    ("codex-auto-review", "lite"),
)
_KNOWN = re.compile(r"gpt-\d|codex-|o[134](-|$)")


def shape_of(model: str, rules: Rules | None = None) -> Shape:
    """The request shape for this slug: "classic" (also for `auto`), "freeform" or "lite"."""
    if rules is not None and rules.number < (0, 153, 0):
        return "classic"
    slug = _without_vendor(model)
    matching = [(len(prefix), shape) for prefix, shape in _FAMILIES if slug.startswith(prefix)]
    return max(matching)[1] if matching else "classic"


def default_model(rules: Rules) -> str:
    """The model that Codex asks for if nothing names one."""
    if rules.number >= (0, 153, 0):
        return DEFAULT_MODEL
    return next(model for since, model in _OLDER_DEFAULTS if rules.number >= since)


def is_openai_slug(model: str) -> bool:
    """Whether the slug looks like one of OpenAI's own."""
    return bool(_KNOWN.match(_without_vendor(model)))


def _without_vendor(model: str) -> str:
    vendor, slash, rest = model.partition("/")
    return rest if slash and vendor and "/" not in rest else model
