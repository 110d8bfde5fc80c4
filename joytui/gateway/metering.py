"""What an answer costs and why it failed: from the upstream's observation to the end of the record.

What is not reported is not free. Tokens are the upstream's own if they are plausible, else estimated from the bytes that
passed. The cost is the upstream's bill; else our price for the tokens; else, where no price is known, what was held.
"""

from __future__ import annotations

from joytui.causes import BY_CODE, BY_STATUS, CAUSES
from joytui.causes.answers import named_cause, of_fields
from joytui.causes.error_bodies import error_fields
from joytui.core import joytoken
from joytui.core.money import format_credits
from joytui.gateway.catalog import Catalog, Prices, cost, dearest
from joytui.gateway.upstreams.exchange import Observation
from joytui.ledger.records import Candidate, Charge

BYTES_PER_TOKEN = 4
"""For an estimate when nothing is reported: about right for English; other scripts have more bytes and more tokens per letter."""
MOST_HIDDEN = 1_000_000
"""How many tokens an upstream may tell beyond the bytes that passed here, input and output each: the template around a
request, files by URL, thoughts that are not shown. No model is sold that writes more, and few read more. Usage beyond it is
not believed."""


def charge(
    seen: Observation, candidate: Candidate, catalog: Catalog, *, body_bytes: int, held: int, stopped: bool = False
) -> tuple[Charge, list[str]]:
    """What an answer so far is charged, and the remarks for its record.

    `held`: nano-credits that are held for it; 0 if nothing limits it. `stopped`: the client did not wait for the end, or
    its limit was reached, so that an answer of which nothing came is charged for as well.
    """
    if _came_to_nothing(seen) and not stopped:
        return Charge(cost_nano=seen.cost_nano or 0, cost_source="none" if seen.cost_nano is None else "upstream"), []
    tokens, notes = _tokens(seen, body_bytes)
    if seen.cost_nano is not None:
        return Charge(*tokens, seen.cost_nano, "upstream"), notes
    prices, priced_as = _prices(seen, candidate, catalog)
    if prices is not None:
        given, cached, output, _ = tokens
        notes += [priced_as] if priced_as else []
        return Charge(*tokens, cost(prices, given, cached, output), "estimated"), notes
    if held:
        return Charge(*tokens, held, "estimated"), [*notes, "no price is known: it costs what was reserved for it"]
    return Charge(*tokens), notes


def written(seen: Observation) -> int:
    """Output tokens so far: as reported, but at least what the bytes amount to."""
    estimated = -(-seen.output_bytes // BYTES_PER_TOKEN)
    return max(estimated, seen.output_tokens) if seen.output_tokens <= seen.output_bytes + MOST_HIDDEN else estimated


def _came_to_nothing(seen: Observation) -> bool:
    """It failed before anything came: an error in a 200, a stream that broke off at once."""
    return not seen.output_bytes and not seen.usage_seen and (seen.error_type is not None or not seen.complete)


def _tokens(seen: Observation, body_bytes: int) -> tuple[tuple[int, int, int, int], list[str]]:
    """Input, cached, output and reasoning tokens, as reported or estimated."""
    if seen.usage_seen and _can_be_true(seen, body_bytes):
        return (seen.input_tokens, seen.cached_input_tokens, seen.output_tokens, seen.reasoning_tokens), []
    why = "the upstream's figure is implausible" if seen.usage_seen else "the upstream did not report it"
    note = f"usage estimated at {BYTES_PER_TOKEN} bytes a token: {why}"
    return (body_bytes // BYTES_PER_TOKEN + 1, 0, -(-seen.output_bytes // BYTES_PER_TOKEN), 0), [note]


def _can_be_true(seen: Observation, body_bytes: int) -> bool:
    """Not none at all, not less than nothing for an answer that came, and not far above what passed."""
    given, output = seen.input_tokens, seen.output_tokens
    told = (output > 0 or not seen.output_bytes) and given + output > 0
    return told and given <= body_bytes + MOST_HIDDEN and output <= seen.output_bytes + MOST_HIDDEN


def _prices(seen: Observation, candidate: Candidate, catalog: Catalog) -> tuple[Prices | None, str | None]:
    """The prices of the model that answered, else of the one that was chosen. What the upstream was to route (`auto`) is
    priced as it was held, by the dearest model of its tier, and a remark says so."""
    for key in (seen.model_used, candidate.model):
        model = catalog.get(key) if key else None
        if model is not None and model.prices is not None:
            return model.prices, None
    model = dearest(catalog, candidate.tier) if candidate.model == joytoken.AUTO_MODEL else None
    if model is None:
        return None, None
    return model.prices, f"priced as {model.key}: which model answered, or its price, is unknown"


def cause_of(
    status: int, error_type: str | None, message: str = "", *, complete: bool, upstream_key: bool = False
) -> str | None:
    """The cause id of an answer from an upstream; None for a good one. Its error's type counts first, then its words, then the
    status. `upstream_key`: it refused the relay's own key."""
    if upstream_key:
        return "upstream-key-rejected"
    named = BY_CODE.get((error_type or "").lower())
    if status < 400:
        if error_type is not None:
            return named or ("error-in-200" if complete else "stream-truncated")
        return None if complete else "stream-truncated"
    said = named_cause(of_fields(error_fields({"error": {"message": message}}), status)) if message else None
    if cause := named or (said if said in CAUSES else None) or BY_STATUS.get(status):
        return cause
    return "upstream-error" if status > 500 else "gateway-error" if status == 500 else "request-rejected"


def metadata(
    observation: Observation, candidate: Candidate, charged: Charge, request_id: str, routing_ms: float
) -> dict[str, object]:
    """JoyToken's `metadata` of an answer (docs: usage-billing; the real answer of 2026-08-31 has the same fields)."""
    return {
        "billing": {
            "cached_input_tokens": charged.cached_input_tokens,
            "cached_output_tokens": 0,
            "credits_used": format_credits(charged.cost_nano),
            "input_tokens": charged.input_tokens,
            "output_tokens": charged.output_tokens,
        },
        "billing_id": observation.billing_id or f"bill-{request_id.removeprefix('req-'):0>32}",
        "latency": {"routing_ms": round(routing_ms)},
        "model": observation.model_used or candidate.model,
        "provider": observation.provider or candidate.provider,
        "request_id": request_id,
        "score": 0,
        "tag": [],
        "tier": observation.tier or candidate.tier,
    }
