"""A team's Codex in words, for the command and the screen: the order, what is wrong with each, who asks somebody else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from joytui.core.wire import PersonView

ELSEWHERE = {"openai": "api.openai.com"}
"""Codex's own providers, and whom they talk to."""
STATES = {"ok": "✓ ok", "failing": "✗ failing", "silent": "– silent"}
NOBODY = "no telemetry yet: `joytui telemetry token create NAME --owner O` makes a token for a person"
_ORDER = {"failing": 0, "silent": 1, "ok": 2}


def ordered(people: Iterable[PersonView]) -> list[PersonView]:
    """Who needs somebody first: those whose Codex fails, then the silent, each by name."""
    return sorted(people, key=lambda one: (_ORDER[one.state], name(one).lower()))


def name(one: PersonView) -> str:
    return one.owner or one.token


def why(one: PersonView, since: str) -> str:
    """What is known about their state; `since`: when it began, as it is shown."""
    if one.state == "silent":
        return (
            f"no telemetry since {since}" if one.last_turn else f"nothing received yet; the token was made on {since}"
        )
    if one.state == "ok":
        return f"since {since}"
    if one.status is None and one.cause is None:
        return f"since {since}: no answer; the doctor on that machine says why"
    likely = "" if one.sure else " (likely: telemetry only has the status)"
    return f"since {since}: {one.cause or one.message or one.status}{likely}"


def elsewhere(people: Sequence[PersonView]) -> list[str]:
    """How many talk to something other than a gateway: "3 of 12 talk to api.openai.com"."""
    asked = Counter(one.provider for one in people if one.provider in ELSEWHERE)
    return [
        f"{count} of {len(people)} {'talks' if count == 1 else 'talk'} to {ELSEWHERE[provider or '']}"
        for provider, count in asked.items()
    ]
