"""Who may use the console API: the admin token does all, a read-only token reads."""

from __future__ import annotations

import hmac

from starlette.requests import Request

from joytui.gateway.plain_keys import digest
from joytui.gateway.refusals import Refused
from joytui.gateway.runtime import Gateway


def may_read(request: Request) -> Gateway:
    """The gateway, for a token that may read. Raises Refused (401, 403)."""
    _judge(request)
    gateway: Gateway = request.app.state.gateway
    return gateway


def may_write(request: Request) -> Gateway:
    """The gateway, for the admin token. Raises Refused (401, 403)."""
    if not _judge(request):
        raise Refused(403, "read_only_token", "this token may only read")
    gateway: Gateway = request.app.state.gateway
    return gateway


def _judge(request: Request) -> bool:
    """Whether it is the admin token; False for a read-only one."""
    gateway: Gateway = request.app.state.gateway
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Refused(401, "missing_token", "the console API wants a token: Authorization: Bearer TOKEN")
    gateway.seen_console()
    if hmac.compare_digest(token.encode("utf-8", "surrogateescape"), gateway.admin_token.encode()):
        return True
    if digest(token) in gateway.token_digests:
        return False
    raise Refused(403, "invalid_token", "this is not a token of this gateway's console API")
