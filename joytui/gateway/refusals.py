"""How the gateway says no: JoyToken's error body, its statuses and types (docs-dev.joytokens.ai, errors), and our cause.

    {"error": {"message": "<text>", "type": "<type>"}}

404, 405, 409, 429 and 431 have no documented type; those here are this project's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any

from joytui.core import joytoken
from joytui.core.clock import rfc3339
from joytui.core.money import format_credits
from joytui.core.nodes import ORG
from joytui.gateway.upstreams.exchange import error_body
from joytui.ledger.api import Runaway, Shortfall, StoreUnavailable
from joytui.ledger.records import StoppedTask, resets_at

NOT_FOUND = "not_found"
CONFLICT = "conflict"
MODEL_NOT_FOUND = "model_not_found"
METHOD_NOT_ALLOWED = "method_not_allowed"
DUPLICATE_REQUEST = "duplicate_request"
RATE_LIMITED = "rate_limited"
HOST_REJECTED = "host_rejected"
ORIGIN_REJECTED = "origin_rejected"
HEADERS_TOO_LARGE = "headers_too_large"
STORE_UNAVAILABLE = "store_unavailable"


class Refused(Exception):
    """A request that the gateway itself refuses. `step` is the check that did, as JoyToken's guardrails page orders them; `code`: a
    narrower word than the type, where there is one."""

    def __init__(
        self,
        status: int,
        error_type: str,
        message: str,
        *,
        cause: str | None = None,
        step: str = "request",
        headers: Mapping[str, str] | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type
        self.message = message
        self.cause = cause
        self.step = step
        self.headers = dict(headers or {})
        self.code = code

    @property
    def kept_type(self) -> str:
        """What the record calls it."""
        return self.code or self.error_type

    @property
    def body(self) -> bytes:
        return error_body(self.message, self.error_type, self.code)


async def send_refusal(
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    refusal: Refused,
    headers: Iterable[tuple[bytes, bytes]] = (),
) -> None:
    """A refusal as the whole answer of an ASGI application; `headers` go with it."""
    body = refusal.body
    own = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in refusal.headers.items()]
    plain = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": refusal.status, "headers": [*plain, *own, *headers]})
    await send({"type": "http.response.body", "body": body})


def bad_request(message: str, *, cause: str = "request-rejected") -> Refused:
    return Refused(400, joytoken.INVALID_REQUEST, message, cause=cause, step="request")


def name_taken(name: str) -> Refused:
    message = f"an active key is named {name!r} already: choose another name, or rotate or revoke that key"
    return Refused(409, CONFLICT, message)


def enabled_twice(name: str, other_id: str) -> Refused:
    message = (
        f"an active key is named {name!r} already ({other_id}): disable or revoke that one first, or rename this key"
    )
    return Refused(409, CONFLICT, message)


def missing_key() -> Refused:
    return Refused(401, joytoken.MISSING_API_KEY, "missing api key", cause="key-missing", step="key")


def bad_key(message: str) -> Refused:
    return Refused(403, joytoken.INVALID_API_KEY, message, cause="key-rejected", step="key")


def policy(message: str, *, step: str) -> Refused:
    """`step`: "blocked", "ip", "tier" or "model"."""
    return Refused(403, joytoken.POLICY_REJECTED, message, cause="policy-rejected", step=step)


def too_deep() -> Refused:
    return bad_request("the request is nested too deeply")


def model_not_found(model: str) -> Refused:
    message = f"model not found: {model} (use auto or a model key of the catalog, GET /api/v1/models)"
    return Refused(404, MODEL_NOT_FOUND, message, cause="model-not-found", step="route")


def no_route(message: str) -> Refused:
    return Refused(502, joytoken.ROUTING_ERROR, message, cause="upstream-error", step="route")


def duplicate(request_id: str) -> Refused:
    message = f"duplicate request_id: {request_id[:120]} was sent before with this key"
    return Refused(409, DUPLICATE_REQUEST, message, cause="duplicate-request", step="request")


def too_many(what: str) -> Refused:
    return Refused(429, RATE_LIMITED, what, cause="rate-limited", step="request", headers={"Retry-After": "1"})


def too_many_keyless(a_second: int) -> Refused:
    message = f"more than {a_second} requests a second without a valid key from this address"
    return Refused(429, RATE_LIMITED, message, cause="rate-limited", step="key", headers={"Retry-After": "1"})


def no_room_for_body() -> Refused:
    message = (
        "the gateway has no room for another large request body just now (its setting max_bodies_bytes); try again"
    )
    return Refused(
        503, joytoken.UPSTREAM_ERROR, message, cause="gateway-error", step="request", headers={"Retry-After": "1"}
    )


def stopping(charged: str = "nothing is charged for this request") -> Refused:
    message = f"the gateway is being stopped; {charged}"
    return Refused(503, joytoken.UPSTREAM_ERROR, message, cause="gateway-error", headers={"Retry-After": "1"})


def store_unavailable(error: StoreUnavailable) -> Refused:
    message = f"{error}; no request is accepted until it can"
    return Refused(503, STORE_UNAVAILABLE, message, cause="upstream-error", step="hold", headers={"Retry-After": "1"})


def task_stopped(stop: StoppedTask) -> Refused:
    """400, which Codex shows and does not repeat (0.171.0, observed)."""
    at = rfc3339(datetime.fromtimestamp(stop.at / 1000, UTC))[:19]
    runaway = stop.reason == "runaway"
    why = f" as a runaway ({stop.why})" if runaway else ""
    message = f"this task was stopped{why} at {at}Z: its requests are refused until `joytui tasks resume {stop.task}`"
    code, cause = ("runaway_stopped", "runaway-stopped") if runaway else ("task_stopped", "task-stopped")
    return Refused(400, joytoken.INVALID_REQUEST, message, cause=cause, step="request", code=code)


def runaway(error: Runaway) -> str:
    """What a breaker counted, in words."""
    many = "" if error.most == 1 else "s"
    if error.what == "requests":
        return f"more than {error.most} request{many} within a minute"
    return f"more than {error.most} identical turn{many} in a row"


def no_money(lack: Shortfall) -> Refused:
    """402, with which limit refused, what is left, and when it resets."""
    return _lacking(lack, f"this request may cost up to {format_credits(lack.estimate)}")


def used_up(lack: Shortfall) -> Refused:
    """The same for an answer that was running."""
    return _lacking(lack, f"this answer was ended because its next step may cost up to {format_credits(lack.estimate)}")


def _lacking(lack: Shortfall, need: str) -> Refused:
    if lack.period is None:
        message = (
            f"insufficient wallet balance: the {lack.tier} wallet has {format_credits(lack.left)} credits left"
            f" ({format_credits(lack.held)} held by running requests), {need}"
        )
        step = "wallet"
    else:
        reset = resets_at(lack.period, lack.at_ms)
        when = f"resets {rfc3339(reset)[:19]}Z" if reset else "never resets"
        whose, way_out = _node(lack.budget)
        message = (
            f"{whose}{lack.period} limit of {format_credits(lack.limit)} credits exceeded: {format_credits(lack.left)} left"
            f" ({format_credits(lack.spent)} spent, {format_credits(lack.held)} held by running requests),"
            f" {need}; {when}{way_out}"
        )
        step = "budget"
    return Refused(402, joytoken.INSUFFICIENT_QUOTA, message, cause="insufficient-quota", step=step)


def _node(budget: str | None) -> tuple[str, str]:
    """Whose limit refused, before its words, and what lets a task go on, after them. A key's own limit is named by itself."""
    kind, colon, name = (budget or "").partition(":")
    if kind == "task":
        return f"task {name}: ", f"; {joytoken.INSUFFICIENT_QUOTA}: `joytui tasks raise {name} AMOUNT` lets it go on"
    return (f"{budget}: ", "") if colon or budget == ORG else ("", "")
