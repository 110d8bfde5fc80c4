"""A request that got no answer, as a finding: with what Codex does about it."""

from __future__ import annotations

from joytui.causes import CAUSES
from joytui.core.records import Evidence, Finding
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


def of_fault(fault: NetFault, patience: Patience) -> Finding:
    """A request that got no answer."""
    behaviour = _behaviour(fault, patience)
    undecided = fault.timed_out and fault.cause in ("no-response", "connection-timeout")
    return Finding(
        None if undecided else False,
        fault.cause,
        evidence=(Evidence(fault.summary, fault.where),),
        codex_says=behaviour.says,
        details={**fault.details, **behaviour.details()},
        summary=fault.summary,
    )


def _behaviour(fault: NetFault, patience: Patience) -> Behaviour:
    if fault.cause in ("connection-timeout", "no-response"):
        return silent() if fault.cause == "no-response" else Behaviour(None, 0, None)
    if CAUSES[fault.cause].phase == "connect" or fault.details.get("use") == "http":
        return connecting(patience)
    if fault.cause == "redirected":
        return per_turn(SENDING, patience)
    return per_request(SENDING, patience)
