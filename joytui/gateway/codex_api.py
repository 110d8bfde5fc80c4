"""What Codex itself asks of a gateway beside its turns: the models of its key, and what its turns cost."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from joytui.core.money import NANO_PER_CREDIT
from joytui.gateway import refusals
from joytui.gateway.codex_models import catalog_json, offers, version_of
from joytui.gateway.json_answer import JsonAnswer
from joytui.gateway.json_members import read_object
from joytui.gateway.key_lookup import KeyEntry, credential
from joytui.gateway.public_api import gateway_of
from joytui.gateway.refusals import Refused
from joytui.gateway.request_body import ClientGone, Share, read_body
from joytui.gateway.runtime import Gateway
from joytui.ledger.api import MOST_TURNS
from joytui.ledger.records import TurnCost

MOST_BODY = 256 * 1024
"""Bytes: MOST_TURNS ids of six times their usual length."""
USD_PLACES = 12


async def models(request: Request) -> Response:
    """`GET /openai/v1/codex/models?client_version=0.171.0`: what this key may name, for Codex's `model_catalog_url`.

    Codex waits for it before each start, so it is answered from memory and never asks the upstream. 401 without a key that is
    good: what Codex says of any other status reads like a fault of the gateway.
    """
    gateway = gateway_of(request)
    key = _key_of(gateway, request)
    packed = "gzip" in request.headers.get("accept-encoding", "")
    client = version_of(request.query_params.get("client_version", ""))
    body = catalog_json(offers(key.policy, gateway.market), client, packed=packed)
    headers = {"Vary": "Accept-Encoding", **({"Content-Encoding": "gzip"} if packed else {})}
    return Response(body, headers=headers, media_type="application/json")


async def turn_costs(request: Request) -> Response:
    """`POST /openai/v1/analytics/codex/turn-costs` with `{"turn_ids": […]}`: what each of these turns cost this key, in US dollars.

    Codex asks so while its telemetry is on: at its start for an id that nobody knows, then every 150 s for the turns since,
    those of sub-agents by ids of their own. It emits `codex.turn_cost` for a priced turn with `event_count` of at least 1, and
    without it emits nothing (0.171.0, observed). Turns that are not this key's, or that have a price that nobody knows, are
    left out. 404 without a rate (`usd_per_credit`), 401 without a good key, 400 for a body that does not ask so.
    """
    gateway = gateway_of(request)
    rate = gateway.settings.usd_per_credit
    if rate is None:
        raise HTTPException(404)
    key = _key_of(gateway, request)
    wanted = await _turn_ids(gateway, request)
    found = {cost.turn_id: cost for cost in await gateway.ledger.turn_costs(key.row.id, wanted)}
    known = (found[turn] for turn in wanted if turn in found and not found[turn].unpriced)
    return JsonAnswer({"turns": [_told(cost, Decimal(rate)) for cost in known]})


def _told(cost: TurnCost, usd_per_credit: Decimal) -> dict[str, Any]:
    if cost.running:
        return {"turn_id": cost.turn_id, "status": "pending"}
    return {
        "turn_id": cost.turn_id,
        "status": "priced",
        "total_usd": usd(cost.cost_nano, usd_per_credit),
        "event_count": cost.answers,
    }


def usd(nano: int, usd_per_credit: Decimal) -> str:
    """An amount of nano-credits as a decimal string of US dollars."""
    with localcontext() as context:
        context.prec = 60
        amount = round(Decimal(nano) * usd_per_credit / NANO_PER_CREDIT, USD_PLACES)
        return f"{amount.normalize():f}"


async def _turn_ids(gateway: Gateway, request: Request) -> list[str]:
    """The ids that are asked for, each once. Raises Refused (400)."""
    share = Share(gateway.bodies)
    try:
        raw = await read_body(request.receive, MOST_BODY, share)
    except ClientGone:
        raise refusals.bad_request("the body is incomplete") from None
    finally:
        share.give_back()
    if raw is None:
        raise refusals.bad_request(f"more than {MOST_BODY:,} bytes: ask for at most {MOST_TURNS:,} turns")
    ids = read_object(raw).get("turn_ids")
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise refusals.bad_request("turn_ids must be a list of strings")
    if len(ids) > MOST_TURNS:
        raise refusals.bad_request(f"turn_ids has {len(ids):,} ids: ask for at most {MOST_TURNS:,} at once")
    return [one for one in dict.fromkeys(ids) if one.isprintable()]  # no other text is any turn's


def _key_of(gateway: Gateway, request: Request) -> KeyEntry:
    try:
        entry = gateway.keys.judge(credential(dict(request.headers.items())))
        gateway.keys.check_state(entry)
    except Refused as refusal:
        raise Refused(401, refusal.error_type, refusal.message, cause=refusal.cause, step=refusal.step) from None
    return entry
