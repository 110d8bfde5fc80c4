"""What an answer cost and why it failed: from the upstream's observation to the end of the record."""

from __future__ import annotations

from joytui.causes import BY_CODE, BY_STATUS, CAUSES
from joytui.causes.answers import named_cause, of_fields
from joytui.causes.error_bodies import error_fields
from joytui.core import joytoken
from joytui.core.money import format_credits
from joytui.gateway.catalog import Catalog, cost, dearest
from joytui.gateway.upstreams.exchange import Observation
from joytui.ledger.records import Candidate

CHARACTERS_PER_TOKEN = 4


def priced(observation: Observation, candidate: Candidate, catalog: Catalog) -> tuple[int, str]:
    """Nano-credits and where they come from: the upstream's own figure, our prices, or nothing to tell by."""
    if observation.cost_nano is not None:
        return observation.cost_nano, "upstream"
    if not observation.input_tokens and not observation.output_tokens:
        return 0, "none"
    model = (observation.model_used and catalog.get(observation.model_used)) or catalog.get(candidate.model)
    if not model or model.prices is None:
        return 0, "none"
    seen = observation
    return cost(model.prices, seen.input_tokens, seen.cached_input_tokens, seen.output_tokens), "estimated"


def priced_stopped(observation: Observation, candidate: Candidate, catalog: Catalog) -> tuple[int, str]:
    """The same for an answer that nobody waited for, whose bill therefore never came. What the upstream was to route
    (`auto`) is priced as it was held, by the dearest model of its tier: a budget holds for those who hang up as well."""
    nano, source = priced(observation, candidate, catalog)
    model = dearest(catalog, candidate.tier) if source == "none" and candidate.model == joytoken.AUTO_MODEL else None
    if model is None or model.prices is None:
        return nano, source
    observation.note(f"priced as {model.key}: which model answered, or its price, was not told")
    return cost(model.prices, observation.input_tokens, 0, observation.output_tokens), "estimated"


def estimate_usage(observation: Observation, body_bytes: int) -> None:
    """Fills in the tokens of an answer that nobody waited for: what went in, and what had come out."""
    if observation.usage_seen:
        return
    observation.input_tokens = body_bytes // CHARACTERS_PER_TOKEN + 1
    observation.output_tokens = -(-observation.output_chars // CHARACTERS_PER_TOKEN)
    observation.note("usage estimated: the client went away before the upstream told it")


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
    observation: Observation,
    candidate: Candidate,
    catalog: Catalog,
    request_id: str,
    routing_ms: float,
) -> dict[str, object]:
    """JoyToken's `metadata` of an answer (docs: usage-billing; the real answer of 2026-08-31 has the same fields)."""
    nano, _ = priced(observation, candidate, catalog)
    return {
        "billing": {
            "cached_input_tokens": observation.cached_input_tokens,
            "cached_output_tokens": 0,
            "credits_used": format_credits(nano),
            "input_tokens": observation.input_tokens,
            "output_tokens": observation.output_tokens,
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
