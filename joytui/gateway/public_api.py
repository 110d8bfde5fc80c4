"""The catalog side of JoyToken's API: models in both spellings, meta, pricing; health, metrics, and what is not there."""

from __future__ import annotations

import os
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from joytui import __version__
from joytui.core.gateway_state import proof
from joytui.core.joytoken import AUTO_MODEL, INVALID_REQUEST, TIERS
from joytui.gateway import refusals
from joytui.gateway.addresses import client_address
from joytui.gateway.catalog import entry, filtered
from joytui.gateway.console_auth import judged
from joytui.gateway.dry_run import INPUT_BYTES, check_own
from joytui.gateway.json_answer import JsonAnswer
from joytui.gateway.key_lookup import credential
from joytui.gateway.policy import blacklisted
from joytui.gateway.refusals import NOT_FOUND, STORE_UNAVAILABLE, Refused
from joytui.gateway.runtime import Gateway

TIER_NAMES = {"economy": ("E", "Economy"), "standard": ("S", "Standard"), "premium": ("P", "Premium")}
MAX_NONCE = 200
MAX_MODEL = 200
MAX_DIGITS = 9


def gateway_of(request: Request) -> Gateway:
    gateway: Gateway = request.app.state.gateway
    return gateway


def success(data: Any) -> JsonAnswer:
    """The catalog's envelope."""
    return JsonAnswer({"code": 0, "message": "success", "data": data})


async def health(request: Request) -> JsonAnswer:
    """`GET /healthz`; with `?nonce=` also the proof that this is the gateway with that admin token.

    503 and `failed` once the store can no longer be written: the gateway is about to end.
    """
    gateway = gateway_of(request)
    works = gateway.ledger.failure is None
    answer: dict[str, Any] = {"status": "ok" if works else "failed", "version": __version__, "pid": os.getpid()}
    nonce = request.query_params.get("nonce")
    if nonce is not None:
        if not 0 < len(nonce) <= MAX_NONCE:
            raise refusals.bad_request(f"nonce must have 1 to {MAX_NONCE} characters")
        answer["proof"] = proof(gateway.admin_token, nonce, gateway.url)
    return JsonAnswer(answer, 200 if works else 503)


async def ready(request: Request) -> JsonAnswer:
    """`GET /readyz`: 200 while new requests are welcome; 503 with `draining` while the gateway is being stopped, or with
    `store_unavailable` while the store cannot be written. For proxies and load balancers; nothing has to be restarted."""
    gateway = gateway_of(request)
    status = "draining" if gateway.draining else "ready" if await gateway.can_write() else STORE_UNAVAILABLE
    answer = JsonAnswer({"status": status, "version": __version__}, 200 if status == "ready" else 503)
    if status != "ready":
        answer.headers["Retry-After"] = "1"
    return answer


async def metrics(request: Request) -> Response:
    gateway = gateway_of(request)
    if not gateway.settings.metrics_public:
        judged(request, "whole")
    gauges = {
        "joytui_requests_in_flight": len(gateway.running),
        "joytui_requests_turned_away": gateway.turned_away,
        "joytui_ledger_writes_waiting": gateway.ledger.waiting,
        "joytui_ledger_writes_owed": gateway.ledger.owed,
        "joytui_keys": len(gateway.keys),
        "joytui_consoles": gateway.tail.listeners,
    }
    return PlainTextResponse(gateway.metrics.text(gauges), media_type="text/plain; version=0.0.4")


async def catalog(request: Request) -> JsonAnswer:
    """`GET /api/v1/models`: public. `auto` is no entry of it, as at JoyToken."""
    query = {name: request.query_params.getlist(name) for name in request.query_params}
    locale = request.query_params.get("locale")
    if locale not in (None, "zh", "en"):
        raise refusals.bad_request("locale must be zh or en")
    models = gateway_of(request).market.catalog.models.values()
    return success({"models": [entry(model) for model in filtered(models, query)]})


async def openai_models(request: Request) -> JsonAnswer:
    """`GET /openai/v1/models`, as OpenAI shapes it: what this key may name."""
    gateway = gateway_of(request)
    key = gateway.keys.judge(credential(_headers(request)))
    gateway.keys.check_state(key)
    policy = key.policy
    names = [
        m.key
        for m in gateway.market.catalog.models.values()
        if not blacklisted(policy, *gateway.market.names(m.key))
        and (not policy.tiers or m.tier is None or m.tier in policy.tiers)
    ]
    if policy.fixed_model:
        names = [policy.fixed_model]
    owners = {m.key: m.provider for m in gateway.market.catalog.models.values()}
    data = [
        {"id": name, "object": "model", "created": 0, "owned_by": owners.get(name) or gateway.upstream.name}
        for name in dict.fromkeys((AUTO_MODEL, *names))
    ]
    return JsonAnswer({"object": "list", "data": data})


async def meta(request: Request) -> JsonAnswer:
    """`GET /api/v1/models/meta`: what the catalog can be filtered by."""
    gateway = _with_key(request)
    models = gateway.market.catalog.models.values()
    data = {
        "tiers": [{"value": tier, "label": TIER_NAMES[tier][1]} for tier in TIERS],
        "skus": _choices(tag for m in models for tag in m.tags),
        "featureTags": _choices(feature for m in models for feature in m.features),
        "industryPacks": _choices(scenario for m in models for scenario in m.scenarios),
        "providers": _choices(m.provider for m in models if m.provider),
        "updatedAt": gateway.started_at,
    }
    return success(data)


async def pricing(request: Request) -> JsonAnswer:
    """`GET /api/v1/pricing`: this gateway counts credits; without a rate to money (`usd_per_credit`) those are null."""
    gateway = _with_key(request)
    version = gateway.market.catalog.version
    rate = Decimal(gateway.settings.usd_per_credit) if gateway.settings.usd_per_credit else None
    tiers = [
        {
            "code": TIER_NAMES[tier][0],
            "name": tier,
            "description": f"{TIER_NAMES[tier][1]} tier",
            "usdPerCredit": float(rate) if rate else None,
            "creditsPerUsd": float(1 / rate) if rate else None,
            "unit": "Credit",
            "rateVersion": version,
            "sortOrder": order,
            "updatedAt": gateway.started_at,
        }
        for order, tier in enumerate(TIERS)
    ]
    skus = [
        {"code": tag, "name": tag, "description": ""}
        for tag in sorted({tag for m in gateway.market.catalog.models.values() for tag in m.tags})
    ]
    return success({"tiers": tiers, "skus": skus, "currentVersion": version, "updatedAt": gateway.started_at})


async def own_key(request: Request) -> JsonAnswer:
    """`GET /api/v1/key/check?model=&tier=&input_bytes=`: would a request of that size be let in now? Nothing is held.

    This gateway's own, not JoyToken's. A key hears of itself alone, and a bad one that it is refused: no token is needed.
    """
    gateway = gateway_of(request)
    key = credential(_headers(request))
    query = request.query_params
    model, tier = query.get("model") or AUTO_MODEL, query.get("tier")
    size = query.get("input_bytes", str(INPUT_BYTES["codex-turn"]))
    if not (size.isascii() and size.isdigit() and len(size) <= MAX_DIGITS):
        raise refusals.bad_request(f"input_bytes must be a number of at most {MAX_DIGITS} digits")
    if len(model) > MAX_MODEL:
        raise refusals.bad_request(f"model must have at most {MAX_MODEL} characters")
    peer = request.client.host if request.client else None
    address = client_address(peer, request.headers.get("x-forwarded-for"), gateway.trusted_proxies)
    return success(await check_own(gateway, key, model, tier, address, int(size)))


async def no_compaction(request: Request) -> Response:
    """A conversation is compacted by a POST."""
    raise Refused(404, NOT_FOUND, "no such endpoint: POST a conversation here to compact it")


async def no_websocket(request: Request) -> Response:
    """Codex asks for a WebSocket first where its provider says so. 426 sends it to plain HTTP at once; after any other status it
    tries again for some seconds (0.171.0, observed)."""
    if request.headers.get("upgrade", "").lower() == "websocket":
        words = "the Responses API is served over HTTP, without WebSocket: POST the request"
        raise Refused(426, INVALID_REQUEST, words, headers={"Upgrade": "HTTP/1.1"})
    raise HTTPException(405, headers={"Allow": "POST"})


def _with_key(request: Request) -> Gateway:
    gateway = gateway_of(request)
    gateway.keys.check_state(gateway.keys.judge(credential(_headers(request))))
    return gateway


def _headers(request: Request) -> dict[str, str]:
    return dict(request.headers.items())


def _choices(values: Iterable[str]) -> list[dict[str, str]]:
    return [{"value": value, "label": value} for value in sorted(set(values))]
