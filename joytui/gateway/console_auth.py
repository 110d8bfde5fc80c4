"""Who asks of the console API, and what that role may do: `gateway.routes` says of each route which right it needs."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Literal, NamedTuple

from starlette.requests import Request

from joytui.core.roles import Role
from joytui.gateway.plain_keys import digest
from joytui.gateway.refusals import Refused
from joytui.gateway.runtime import Gateway

Right = Literal["read", "admin"]
HAVE: Mapping[Right, frozenset[Role]] = {
    "read": frozenset({"admin", "viewer"}),
    "admin": frozenset({"admin"}),
}
"""The roles that have each right."""


class Caller(NamedTuple):
    """Whose token asks. `token`: its id; None for the gateway's own admin token."""

    token: str | None
    name: str
    role: Role


ADMIN = Caller(None, "admin", "admin")


def judged(request: Request, right: Right) -> tuple[Gateway, Caller]:
    """The gateway, and who asks, for a token that has this right. Raises Refused (401, 403)."""
    gateway: Gateway = request.app.state.gateway
    caller = _caller(gateway, request)
    if caller.role not in HAVE[right]:
        raise Refused(403, "read_only_token", "this token may only read")
    return gateway, caller


def _caller(gateway: Gateway, request: Request) -> Caller:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Refused(401, "missing_token", "the console API wants a token: Authorization: Bearer TOKEN")
    gateway.seen_console()
    if hmac.compare_digest(token.encode("utf-8", "surrogateescape"), gateway.admin_token.encode()):
        return ADMIN
    if row := gateway.tokens.get(digest(token)):
        return Caller(row.id, row.name, row.role)
    raise Refused(403, "invalid_token", "this is not a token of this gateway's console API")
