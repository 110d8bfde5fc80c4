"""May this key call this model now, and if not, why: the checks of a request, with nothing held and nothing recorded."""

from __future__ import annotations

from typing import Any

from joytui.core import clock
from joytui.core.joytoken import INSUFFICIENT_QUOTA
from joytui.core.money import format_credits
from joytui.core.wire import KeyCheck
from joytui.gateway import refusals
from joytui.gateway.key_lookup import KeyEntry, KeyLookup
from joytui.gateway.plain_keys import complaint
from joytui.gateway.refusals import Refused
from joytui.gateway.request_body import BYTES_PER_TOKEN
from joytui.gateway.routing import Ask, route
from joytui.gateway.runtime import Gateway
from joytui.ledger.api import Shortfall
from joytui.ledger.records import Candidate

INPUT_BYTES = {"codex-turn": 48_000, "small": 3_000}
"""What a request is held for by its length. The first turn of Codex 0.169.0 with a short prompt has 38 to 48 kB, by the
shape that it sends for the model (observed); it sends no max_output_tokens."""
STEPS = ("key", "blocked", "ip", "tier", "model", "route", "budget", "wallet")
PASSED = {
    "key": "the key is known and active",
    "blocked": "its policy does not block it",
    "ip": "the address is allowed",
    "tier": "the tier is allowed",
    "model": "the model is allowed",
    "route": "a model is available",
    "budget": "its budgets have enough left",
    "wallet": "the tier's wallet has enough",
}
FAILED = {
    "key": "key not known, or not active",
    "blocked": "blocked by its policy",
    "ip": "address not allowed",
    "tier": "tier not allowed",
    "model": "model not allowed",
    "route": "no model is available",
    "budget": "a budget does not have enough left",
    "wallet": "not enough in the tier's wallet",
}
"""What each check is called, by how it went."""


async def check(gateway: Gateway, keys: KeyLookup, wanted: KeyCheck) -> dict[str, Any]:
    """For an administrator, about any key: a `wire.KeyVerdict`. Without an address, one that the policy allows is taken."""
    try:
        entry = _entry(keys, wanted.key)
    except Refused as refusal:
        return _verdict(None, wanted.model, wanted.like, None, refusal)
    address = wanted.ip or (str(entry.policy.ip_allow[0].network_address) if entry.policy.ip_allow else None)
    ask = Ask(wanted.model, wanted.tier, address, input_tokens=_tokens(INPUT_BYTES[wanted.like]))
    return await _tried(gateway, entry, ask, wanted.like)


async def check_own(
    gateway: Gateway, key: str | None, model: str, tier: str | None, address: str | None, input_bytes: int
) -> dict[str, Any]:
    """A `wire.KeyVerdict` for the caller about its own key, from its own address, on a request of this many bytes.

    `running`: how many requests of this key are on their way, and hold what they may cost.
    """
    like = f"{input_bytes} bytes"
    try:
        entry = gateway.keys.judge(key)
    except Refused as refusal:
        return {**_verdict(None, model, like, None, refusal), "running": 0}
    ask = Ask(model, tier, address, input_tokens=_tokens(input_bytes))
    running = entry.running
    verdict = await _tried(gateway, entry, ask, like)
    if verdict["error_type"] == INSUFFICIENT_QUOTA:
        await gateway.ledger.written()  # what has ended lets go of its hold first
        verdict = await _tried(gateway, entry, ask, like)
    return {**verdict, "running": running}


def _tokens(input_bytes: int) -> int:
    return input_bytes // BYTES_PER_TOKEN + 1


async def _tried(gateway: Gateway, entry: KeyEntry, ask: Ask, like: str) -> dict[str, Any]:
    chosen: Candidate | None = None
    refusal: Refused | None = None
    try:
        gateway.keys.check_state(entry)
        chosen = await _affordable(gateway, entry, route(entry.policy, ask, gateway.market))
    except Refused as error:
        refusal = error
    return _verdict(entry, ask.model or "", like, chosen, refusal)


def _verdict(
    entry: KeyEntry | None, model: str, like: str, chosen: Candidate | None, refusal: Refused | None
) -> dict[str, Any]:
    return {
        "allowed": refusal is None,
        "key_id": entry.row.id if entry else None,
        "model": model,
        "model_used": chosen.model if chosen else None,
        "tier": chosen.tier if chosen else None,
        "status": refusal.status if refusal else 200,
        "error_type": refusal.error_type if refusal else None,
        "message": refusal.message if refusal else None,
        "cause": refusal.cause if refusal else None,
        "estimate_credits": format_credits(chosen.estimate) if chosen else None,
        "like": like,
        "steps": _steps(refusal),
    }


def _entry(keys: KeyLookup, text: str) -> KeyEntry:
    entry = keys.named(text) or keys.find(text)
    if entry is None:
        wrong = complaint(text)
        raise refusals.bad_key(f"invalid api key: not copied correctly ({wrong})" if wrong else "invalid api key")
    return entry


async def _affordable(gateway: Gateway, entry: KeyEntry, candidates: list[Candidate]) -> Candidate:
    """The candidate that a reservation would take now. Raises Refused (402)."""
    now_ms = clock.now_ms()
    first = candidates[0]
    for budget, period, limit in gateway.limits_of(entry, None):
        spent, held = await gateway.ledger.window(budget, period, now_ms)
        if spent + held >= limit or spent + held + first.estimate > limit:
            raise refusals.no_money(Shortfall(period, None, limit, spent, held, first.estimate, now_ms, budget))
    if not gateway.wallets_on:
        return first
    rows = {row.tier: row for row in await gateway.ledger.wallets()}
    for candidate in candidates:
        row = rows[candidate.tier]
        left = (row.balance or 0) - row.held
        if left > 0 and left >= candidate.estimate:
            return candidate
    row = rows[first.tier]
    raise refusals.no_money(Shortfall(None, first.tier, row.balance or 0, 0, row.held, first.estimate, now_ms))


def _steps(refusal: Refused | None) -> list[dict[str, str]]:
    steps: list[dict[str, str]] = []
    for step in STEPS:
        if refusal is not None and refusal.step == step:
            return [*steps, {"step": step, "title": FAILED[step], "status": "fail", "message": refusal.message}]
        steps.append({"step": step, "title": PASSED[step], "status": "pass"})
    return steps
