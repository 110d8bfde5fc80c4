"""What Codex itself asks of a gateway beside its turns: the models of its key."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from joytui.gateway.codex_models import catalog_json, offers, version_of
from joytui.gateway.key_lookup import KeyEntry, credential
from joytui.gateway.public_api import gateway_of
from joytui.gateway.refusals import Refused
from joytui.gateway.runtime import Gateway


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


def _key_of(gateway: Gateway, request: Request) -> KeyEntry:
    try:
        entry = gateway.keys.judge(credential(dict(request.headers.items())))
        gateway.keys.check_state(entry)
    except Refused as refusal:
        raise Refused(401, refusal.error_type, refusal.message, cause=refusal.cause, step=refusal.step) from None
    return entry
