"""What a report shows refused: models and base URLs that no fix of it names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from joytui.core.joytoken import AUTO_MODEL
from joytui.core.records import Finding, Fix

Details = Mapping[str, Any]


def refused_by(details: Details) -> frozenset[str]:
    """The models and base URLs that a finding's details show refused, and those that its report does."""
    model = details.get("refused_model")
    several = (*(details.get("refused") or ()), *(details.get("refused_at") or ()))
    return frozenset((*map(str, several), *((str(model),) if model else ())))


def refused_in(findings: Iterable[Finding]) -> frozenset[str]:
    """What a whole report shows refused."""
    return frozenset().union(*(refused_by(found.details) for found in findings))


def names_one_of(fix: Fix, refused: Iterable[str]) -> bool:
    """Whether a fix writes such a value, or asks for it by a flag."""
    added = [line[1:] for line in (fix.patch or "").splitlines() if line.startswith("+") and not line.startswith("+++")]
    return any(
        any(f'"{value}"' in line for line in (*added, fix.summary))
        or any(re.search(rf"-m {re.escape(value)}(?:\s|$)", command) for command in fix.commands)
        for value in refused
    )


def better_models(details: Details) -> list[str]:
    """Models that the gateway was not seen to refuse, the best first: those that its refusal names, then those of its catalog,
    auto where neither names any."""
    named = [*(details.get("allowed") or ()), *(details.get("suggestions") or ())] or [AUTO_MODEL]
    return [model for model in dict.fromkeys(map(str, named)) if model not in refused_by(details)]
