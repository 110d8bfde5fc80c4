"""A judgement on one invocation: what the walk concluded, before it is worded as a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from joytui.causes import CAUSES
from joytui.core.records import Evidence
from joytui.doctor.codex_words import (
    SENDING,
    Behaviour,
    Patience,
    connecting,
    per_request,
    per_turn,
    silent,
)
from joytui.doctor.faults import NetFault


@dataclass(frozen=True, slots=True)
class Judgement:
    """`works` None: not decided. `cause` None: nothing is wrong (or, with works None, nothing was found)."""

    works: bool | None
    cause: str | None
    summary: str
    evidence: tuple[Evidence, ...] = ()
    codex_says: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def with_details(self, **more: Any) -> Judgement:
        return replace(self, details={**self.details, **more})

    def with_evidence(self, *more: Evidence) -> Judgement:
        return replace(self, evidence=(*self.evidence, *more))


def of_fault(fault: NetFault, patience: Patience) -> Judgement:
    """A request that did not come as far as an answer."""
    behaviour = _behaviour(fault, patience)
    undecided = fault.timed_out and fault.cause in ("no-response", "connection-timeout")
    return Judgement(
        None if undecided else False,
        fault.cause,
        fault.summary,
        (Evidence(fault.summary, fault.where),),
        behaviour.says,
        {**fault.details, **behaviour.details()},
    )


def _behaviour(fault: NetFault, patience: Patience) -> Behaviour:
    if fault.cause in ("connection-timeout", "no-response"):
        return silent() if fault.cause == "no-response" else Behaviour(None, 0, None)
    if CAUSES[fault.cause].phase == "connect" or fault.details.get("use") == "http":
        return connecting(patience)
    if fault.cause == "redirected":
        return per_turn(SENDING, patience)
    return per_request(SENDING, patience)
