"""A request asked once more, with a small body: does it work now? `r` on the Logs screen.

The gateway keeps no bodies, so what is sent is a short prompt for the same model at the same endpoint, with a key for a few
minutes that has the policy of the first request's key (not its budget), and is revoked afterwards.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from joytui.client.console import ConsoleClient
from joytui.client.http import http_client
from joytui.core.clock import now, rfc3339
from joytui.core.errors import JoytuiError, UnreachableError
from joytui.core.redaction import Redactor, visible

if TYPE_CHECKING:
    from joytui.core.wire import PolicyView

KEY_LIFE = timedelta(minutes=10)
LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Replayed:
    """The answer: its HTTP status, its seconds, the gateway's id for it, and the error's words (None: there is none).
    `left_over` says that the key could not be revoked."""

    status: int
    seconds: float
    request_id: str | None
    message: str | None
    left_over: str | None = None


async def replay(console: ConsoleClient, endpoint: str, body: Mapping[str, Any], *, key_id: str | None) -> Replayed:
    """Sends the body to the endpoint (a path) and reads the whole answer. Raises UnreachableError, RefusedError."""
    from joytui.core.wire import KeyCreate

    name = f"replay-{now():%Y%m%d-%H%M%S}"
    wanted = KeyCreate(
        name=name, labels=["joytui-replay"], expires_at=rfc3339(now() + KEY_LIFE), policy=await _policy(console, key_id)
    )
    created = await console.create_key(wanted)
    left_over = None
    try:
        answer = await _send(console, endpoint, body, created.key)
    finally:
        try:
            await asyncio.wait_for(console.revoke_key(created.id), 5)  # a cancelled replay comes by here as well
        except (JoytuiError, TimeoutError):
            left_over = f"its key {created.hint} could not be revoked; it expires in 10 minutes"
    status, seconds, request_id, text = answer
    message = visible(Redactor([created.key]).text(text), limit=300) if status >= 400 else None
    return Replayed(status, seconds, request_id, message, left_over)


async def _policy(console: ConsoleClient, key_id: str | None) -> PolicyView:
    from joytui.core.wire import PolicyView

    if key_id is None:
        return PolicyView()
    try:
        return (await console.key(key_id)).policy
    except JoytuiError:
        return PolicyView()  # the key is gone: the question is then whether the model answers at all


async def _send(
    console: ConsoleClient, endpoint: str, body: Mapping[str, Any], key: str
) -> tuple[int, float, str | None, str]:
    import httpx

    headers = {"Authorization": f"Bearer {key}"}
    begun = time.monotonic()
    try:
        async with http_client(console.url, headers=headers, on_connection=console.on_connection) as client:
            answer = await client.post(endpoint, json=dict(body), timeout=LIMIT_S)
    except httpx.HTTPError as error:
        raise UnreachableError(f"no answer to the replay ({type(error).__name__})", where=console.url) from None
    return answer.status_code, time.monotonic() - begun, answer.headers.get("x-request-id"), _words(answer)


def _words(answer: Any) -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}"
