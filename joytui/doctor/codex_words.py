"""What Codex does and prints when a request fails: the final message, how many requests, how long until it gives up.

Codex 0.169.0, observed (unchanged since 0.95.0): request-level retries for 5xx and transport faults inside turn-level
reconnects for everything that is not final. Waits double from 0.2 s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from joytui.causes.answers import ErrorAnswer
from joytui.codex.stream import CAPACITY, NO_ROOM, QUOTA, UPGRADE
from joytui.core.json_object import json_object

HIGH_DEMAND = "We’re currently experiencing high demand, which may cause temporary errors."
WAITING = "Reconnecting... waiting for network"
SENDING = "stream disconnected before completion: error sending request"
CLOUDFLARE = "Access blocked by Cloudflare. This usually happens when connecting from a restricted region"
USAGE_LIMIT = "You’ve hit your usage limit. Try again later."
IMAGE = "Invalid image in your last message. Please remove it and try again."
BASE_WAIT = 0.2


@dataclass(frozen=True, slots=True)
class Patience:
    """The retry settings in effect: request_max_retries, stream_max_retries; `unbounded` connection retries."""

    request_retries: int = 4
    stream_retries: int = 5
    unbounded: bool = True


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What Codex does about a failure. `gives_up_after_s` None: never. `says`: its final message, None if silent."""

    says: str | None
    requests: int
    gives_up_after_s: float | None

    def details(self) -> dict[str, Any]:
        """As fields of a verdict's details."""
        return {"codex_requests": self.requests, "codex_gives_up_after_s": self.gives_up_after_s}


def backoff(retries: int) -> float:
    """The total wait before this many retries, in seconds."""
    return round(BASE_WAIT * float(2 ** min(retries, 30) - 1), 1)


def once(says: str | None) -> Behaviour:
    """One request and no more."""
    return Behaviour(says, 1, 0.0)


def per_turn(says: str | None, patience: Patience, wait_s: float | None = None) -> Behaviour:
    """Repeated by the turn only: stream_max_retries times, each after `wait_s` if the gateway names a time."""
    retries = patience.stream_retries
    waits = backoff(retries) if wait_s is None else wait_s * retries
    return Behaviour(says, retries + 1, round(waits, 1))


def per_request(says: str | None, patience: Patience) -> Behaviour:
    """Repeated by request and by turn: 30 requests and 24 s with the defaults."""
    inner, outer = patience.request_retries, patience.stream_retries
    return Behaviour(says, (inner + 1) * (outer + 1), round(backoff(inner) * (outer + 1) + backoff(outer), 1))


def connecting(patience: Patience) -> Behaviour:
    """A fault before the request is out: Codex never gives up, or counts as for any transport fault if bounded."""
    if patience.unbounded:
        return Behaviour(WAITING, 0, None)
    return Behaviour("Connection failed: error sending request", 0, per_request(None, patience).gives_up_after_s)


def silent() -> Behaviour:
    """Nothing comes back at all: Codex prints nothing and waits."""
    return Behaviour(None, 1, None)


def of_status(answer: ErrorAnswer, body: bytes, url: str, patience: Patience) -> Behaviour:
    """What Codex makes of an answer that is no success, and of its body as it came."""
    status = answer.status
    if status == 400:
        return once(_bad_request(body, answer))
    if status == 429:
        return _too_many(patience, answer)
    if status == 503 and answer.code in ("server_is_overloaded", "slow_down"):
        return Behaviour(CAPACITY, patience.request_retries + 1, backoff(patience.request_retries))
    if status in (403, 404) and answer.code == "model_not_found":
        return once(answer.message if answer.is_error else "")
    if status == 500:
        return per_request(HIGH_DEMAND, patience)
    says = unexpected(status, answer.headers, body, url)
    return per_request(says, patience) if status >= 500 else per_turn(says, patience)


def unexpected(status: int, headers: Mapping[str, str], body: bytes, url: str) -> str:
    """The line `unexpected status 402 Payment Required: …, url: …, cf-ray: …, request id: …`."""
    tail = f", url: {url}"
    if ray := headers.get("cf-ray"):
        tail += f", cf-ray: {ray}"
    if request_id := headers.get("x-request-id") or headers.get("x-oai-request-id"):
        tail += f", request id: {request_id}"
    if status == 403 and b"Cloudflare" in body and b"blocked" in body:
        return f"{CLOUDFLARE} (status {status_line(status)}){tail}"
    return f"unexpected status {status_line(status)}: {_message(body)}{tail}"


def status_line(status: int) -> str:
    """ "402 Payment Required", as Codex writes it."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "<unknown status code>"
    names = {413: "Payload Too Large", 416: "Range Not Satisfiable", 422: "Unprocessable Entity", 418: "I'm a teapot"}
    return f"{status} {names.get(status, phrase)}"


def _message(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    inner = (json_object(text) or {}).get("error")
    if isinstance(inner, dict) and isinstance(inner.get("message"), str) and inner["message"].strip():
        return str(inner["message"])
    return text[:1000].strip() or "Unknown error"


def _bad_request(body: bytes, answer: ErrorAnswer) -> str:
    text = body.decode("utf-8", "replace")
    if answer.code == "context_length_exceeded":
        return NO_ROOM
    if "The image data you provided does not represent a valid image" in text:
        return IMAGE
    return text


def _too_many(patience: Patience, answer: ErrorAnswer) -> Behaviour:
    kind, code, headers = answer.type, answer.code, answer.headers
    if kind == "usage_limit_reached":
        return once(USAGE_LIMIT)
    if kind == "usage_not_included":
        return once(UPGRADE)
    if "insufficient_quota" in (kind, code):
        return once(QUOTA)
    says = "exceeded retry limit, last status: 429 Too Many Requests"
    if request_id := headers.get("x-request-id"):
        says += f", request id: {request_id}"
    wait = retry_after(headers)
    return once(says) if wait is None else per_turn(says, patience, wait)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds, from a number or an HTTP date; None without one (or one that cannot be read)."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    if re.fullmatch(r"\d{1,9}(\.\d{1,6})?", text):
        return float(text)
    from email.utils import parsedate_to_datetime

    from joytui.core.clock import now

    try:
        moment = parsedate_to_datetime(text)
        return max(0.0, round((moment - now()).total_seconds(), 1))
    except (ValueError, TypeError, IndexError):
        return None
