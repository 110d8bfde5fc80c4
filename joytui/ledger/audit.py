"""Who changes something in a store. Whoever acts says so once (`ACTING`); the engines write it down with each change."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, NamedTuple


class Actor(NamedTuple):
    """Whose change it is. `token`: the id of a console token; None: the gateway's own admin token, or the gateway itself."""

    token: str | None
    name: str


GATEWAY = Actor(None, "gateway")
ACTING: ContextVar[Actor] = ContextVar("acting", default=GATEWAY)


class AuditRow(NamedTuple):
    """One change. `what`: what was done ("key edited"), `subject`: the id or the name of what it was done to, `called`: its name.
    `before`, `after`: the facts that differ; None: it was not there."""

    id: str
    at: int
    token: str | None
    actor: str
    what: str
    subject: str
    called: str | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
