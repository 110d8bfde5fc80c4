"""Who calls the console API, and what that role may do: `gateway.routes` says which right each route needs."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Literal, NamedTuple

from starlette.requests import Request

from joytui.client.console_api import READ_ONLY
from joytui.core.filters import AllOf, AnyOf, Equals, Term
from joytui.core.roles import Role
from joytui.gateway.key_lookup import KeyLookup
from joytui.gateway.plain_keys import digest
from joytui.gateway.refusals import Refused
from joytui.gateway.runtime import Gateway

Right = Literal["read", "whole", "lead", "admin"]
HAVE: Mapping[Right, frozenset[Role]] = {
    "read": frozenset({"admin", "lead", "viewer"}),
    "whole": frozenset({"admin", "viewer"}),
    "lead": frozenset({"admin", "lead"}),
    "admin": frozenset({"admin"}),
}
"""The roles that have each right. read: what a lead sees of its own teams. whole: to read what cannot be split by team. lead: to
change keys and budgets, a lead those of its teams. admin: to change anything."""


BEYOND = "beyond_teams"
"""The type of a refusal of what lies beyond a lead's teams."""


class Caller(NamedTuple):
    """Whose token asks. `token`: its id; None for the gateway's own admin token. `teams`: those that it sees; None: everything."""

    token: str | None
    name: str
    role: Role
    teams: frozenset[str] | None = None

    @property
    def listed(self) -> list[str] | None:
        """The teams, in an order."""
        return None if self.teams is None else sorted(self.teams)

    @property
    def term(self) -> Term | None:
        """Finds the requests that it sees."""
        return None if self.listed is None else AnyOf(tuple(Equals("team", team) for team in self.listed))

    def sees(self, team: str | None) -> bool:
        return self.teams is None or team in self.teams

    def within(self, term: Term | None) -> Term | None:
        """Of what a term finds, what it sees."""
        terms = [one for one in (term, self.term) if one is not None]
        return AllOf(tuple(terms)) if len(terms) > 1 else next(iter(terms), None)


ADMIN = Caller(None, "admin", "admin")


def judged(request: Request, right: Right) -> tuple[Gateway, Caller]:
    """The gateway, and who asks, for a token that has this right. Who says that it only reads changes nothing, whatever its token
    may do. Raises Refused (401, 403)."""
    gateway: Gateway = request.app.state.gateway
    caller = _caller(gateway, request)
    if right in ("lead", "admin") and READ_ONLY in request.headers:
        raise Refused(403, "read_only_token", f"this console only reads ({READ_ONLY})")
    if caller.role not in HAVE[right]:
        raise _lacking(caller.role, right)
    return gateway, caller


def caller_of(request: Request) -> Caller:
    """Who asks, on a route of the console API."""
    caller: Caller = request.state.caller
    return caller


def still_allowed(gateway: Gateway, caller: Caller) -> bool:
    """Whether the caller's token has not been revoked since it asked: what is told to it goes on for hours."""
    return caller.token is None or any(row.id == caller.token for row in gateway.tokens.values())


def keys_of(gateway: Gateway, request: Request) -> KeyLookup:
    """The keys that the caller sees."""
    caller = caller_of(request)
    return (
        gateway.keys
        if caller.teams is None
        else gateway.keys.within(lambda row: caller.sees(gateway.team_of(row.owner)))
    )


def check_owner(gateway: Gateway, request: Request, owner: str | None) -> None:
    """Raises Refused (403) where the caller may not give a key this owner."""
    caller = caller_of(request)
    if not caller.sees(gateway.team_of(owner)):
        teams = " or ".join(sorted(caller.teams or ()))
        raise Refused(
            403, BEYOND, f"owner: this token may only create keys for owners in {teams} alone (`joytui teams list`)"
        )


def _lacking(role: Role, right: Right) -> Refused:
    if role == "viewer":
        return Refused(403, "read_only_token", "this token may only read")
    if right == "whole":
        return Refused(403, BEYOND, "this concerns all teams, but this token only sees its own")
    return Refused(403, BEYOND, "this token may only change keys and budgets of its own teams")


def _caller(gateway: Gateway, request: Request) -> Caller:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Refused(401, "missing_token", "the console API needs a token: Authorization: Bearer TOKEN")
    gateway.seen_console()
    if hmac.compare_digest(token.encode("utf-8", "surrogateescape"), gateway.admin_token.encode()):
        return ADMIN
    if row := gateway.tokens.get(digest(token)):
        return Caller(row.id, row.name, row.role, frozenset(row.teams) if row.role == "lead" else None)
    raise Refused(403, "invalid_token", "this is not a token of this gateway's console API")
