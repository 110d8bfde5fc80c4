"""Whether the key has enough left for a whole turn: the doctor's own request is small, and holds less than Codex's.

Only a gateway with JoyToken's headers is asked, after its good answer, and only joytui's own knows the question. Where it
is not known, the good answer stands.
"""

from __future__ import annotations

from typing import Any

from joytui.causes.answers import ErrorAnswer, classify
from joytui.codex.versions import rules_for
from joytui.core.joytoken import HEADER_DAOE_REQUEST_ID, INSUFFICIENT_QUOTA
from joytui.core.records import Evidence, Finding
from joytui.doctor.codex_words import of_status
from joytui.doctor.foretold import Foretold, foretell
from joytui.doctor.probe import Probe, Sent

LARGE_TURN = 72_000
"""Bytes of the largest first turn seen (0.140.0 with a short prompt; 0.169.0 has up to 58 kB)."""
SETTLING = (0.05, 0.15, 0.4)
"""Seconds until a refusal is asked about again: a gateway ends a request after its client has read the last event."""
_INSTRUCTIONS = ("model_instructions_file", "experimental_instructions_file", "base_instructions")


def whole_turn(probe: Probe, sent: Sent, judged: Finding) -> tuple[Finding, list[Finding]]:
    """The judgement of a small request's good answer: the verdict where even the smallest turn would be refused, a
    warning beside it where a larger first turn would be, and evidence where it fits. Raises Cancelled.
    """
    if sent.delivery is None or sent.delivery.hops or not sent.delivery.answer.header(HEADER_DAOE_REQUEST_ID):
        return judged, []
    least = least_turn(probe)
    small = _foretold(probe, least)
    if small is None:
        return judged, []
    if not small.allowed:
        refused = _refused(probe, small, least)
        return (judged, [refused]) if _own_instructions(probe) else (refused, [])
    large = _foretold(probe, LARGE_TURN)
    if large is None:
        return judged, []
    if not large.allowed:
        return judged, [_refused(probe, large, LARGE_TURN)]
    fits = Evidence("the gateway says that what is left suffices for a whole turn", probe.route.target.origin)
    return judged.with_evidence(fits).with_details(whole_turn="fits"), []


def least_turn(probe: Probe) -> int:
    """Bytes that a first turn has at least: instructions and tools, with a prompt of one word (observed)."""
    if probe.plan.wire_api == "chat" or not rules_for(probe.world.version).sends_long_first_turn:
        return 31_000  # 0.94.0: 31,872 to 35,075
    return 38_000  # 0.140.0: 40,102 to 70,825; 0.169.0: 38,109 to 58,374


def _own_instructions(probe: Probe) -> bool:
    """Whether the configuration brings instructions of its own, which may be shorter than those that were measured."""
    return any(name in probe.world.effective or name in probe.world.wanted for name in _INSTRUCTIONS)


def _foretold(probe: Probe, size: int) -> Foretold | None:
    """What the gateway says of a request of this size, once it has let go of what the doctor's own request held."""
    told = _asked(probe, size)
    for pause in SETTLING:
        if told is None or told.allowed or not told.running or probe.limit.left() < pause + 1.0:
            break
        probe.limit.pause(pause)
        told = _asked(probe, size)
    return told


def _asked(probe: Probe, size: int) -> Foretold | None:
    """As the gateway foretells it; another refusal than one for want of money says nothing about a turn's size."""
    told = foretell(probe.asker, probe.plan.model, size)
    return told if told is not None and (told.allowed or told.error_type == INSUFFICIENT_QUOTA) else None


def _refused(probe: Probe, no: Foretold, size: int) -> Finding:
    refusal = classify(ErrorAnswer(no.status, no.error_type, message=no.message))
    behaviour = of_status(refusal.answer, no.body, probe.plan.url, probe.patience)
    turn = "a whole turn" if size < LARGE_TURN else "a larger first turn (many tools, long instructions)"
    told = f"a small request passes, {turn} would be refused: {no.message}"
    details: dict[str, Any] = {**refusal.details, **behaviour.details(), "turn_bytes": size}
    return Finding(
        False,
        refusal.cause,
        evidence=(Evidence(told, probe.plan.url),),
        codex_says=behaviour.says,
        details=details,
        summary=told,
    )
