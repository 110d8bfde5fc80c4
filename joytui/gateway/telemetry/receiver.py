"""Where Codex's telemetry comes in: OTLP/HTTP under /otlp/v1, for clients with a telemetry token.

Logs are read (`pieces`) and handed to the ledger in small writes, so that requests get their turn between them; metrics and
traces are answered and dropped. Whatever is refused is read on within bounds, so that its sender gets to see why.
"""

from __future__ import annotations

import asyncio
from functools import partial

from starlette.requests import Request

from joytui.core.clock import now_ms
from joytui.core.joytoken import INVALID_REQUEST
from joytui.gateway.aside import LARGE, aside
from joytui.gateway.json_answer import JsonAnswer
from joytui.gateway.plain_keys import digest
from joytui.gateway.refusals import RATE_LIMITED, Refused, no_room_for_body
from joytui.gateway.request_body import DRAINED, SMALL, ClientGone, Share, decompress, read_body, read_size
from joytui.gateway.runtime import Gateway
from joytui.gateway.telemetry.otlp import JSON, PROTOBUF, records
from joytui.gateway.telemetry.pace import A_SECOND
from joytui.gateway.telemetry.pieces import pieces
from joytui.ledger.telemetry import Piece, SenderRow

MOST_BYTES = 8 * 1024 * 1024
"""Of a post, compressed or not."""
IN_ITS_OWN_THREAD = 64 * 1024
"""A larger post is read beside the event loop."""
WRITTEN_AT_ONCE = 200
"""Pieces of one write."""
_MEDIA = {JSON: JSON, PROTOBUF: PROTOBUF, "application/protobuf": PROTOBUF}
_ENCODINGS = ("", "identity", "gzip", "x-gzip")


async def logs(request: Request) -> JsonAnswer:
    """`POST /otlp/v1/logs`: 200 `{}`; 400, 401, 413, 415, 429 with the error's shape of this gateway."""
    gateway: Gateway = request.app.state.gateway
    share = Share(gateway.bodies)
    try:
        sender, body, media = await _post(gateway, request, share)
        if media == JSON:
            share.take_read(await aside(len(body), partial(read_size, body, gateway.bodies.limit + SMALL)))
        found = await _read(gateway, body, media)
        for start in range(0, len(found), WRITTEN_AT_ONCE):
            await gateway.ledger.tell(sender.id, found[start : start + WRITTEN_AT_ONCE])
    finally:
        share.give_back()
    return JsonAnswer({})


async def dropped(request: Request) -> JsonAnswer:
    """`POST /otlp/v1/metrics` and `/traces`: Codex can be configured to send these, too. They are not read."""
    gateway: Gateway = request.app.state.gateway
    refusal = _refusal(gateway, request)[1]
    if not await _drained(request, MOST_BYTES) and refusal is None:
        refusal = _too_large()
    if refusal is not None:
        raise refusal
    return JsonAnswer({})


async def _post(gateway: Gateway, request: Request, share: Share) -> tuple[SenderRow, bytes, str]:
    """Who posts, and the body without its encoding. Raises Refused."""
    sender, refusal = _refusal(gateway, request)
    media = _MEDIA.get(request.headers.get("content-type", "").partition(";")[0].strip().lower())
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if refusal is None and (media is None or encoding not in _ENCODINGS):
        refusal = Refused(
            415, INVALID_REQUEST, f"telemetry is {JSON} or {PROTOBUF}, plain or with Content-Encoding gzip"
        )
    if refusal is not None or sender is None or media is None:
        await _drained(request, 0)
        raise refusal or Refused(401, INVALID_REQUEST, "")
    body = await _body(request, share)
    try:
        plain = await aside(LARGE, partial(decompress, body, encoding, MOST_BYTES)) if encoding else body
    except Refused as error:
        raise (_too_large() if error.cause == "request-too-large" else error) from None
    if not share.take(len(plain)):
        raise no_room_for_body()
    return sender, plain, media


def _refusal(gateway: Gateway, request: Request) -> tuple[SenderRow | None, Refused | None]:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    sender = gateway.senders.get(digest(token.strip())) if scheme.lower() == "bearer" else None
    if sender is None:
        message = "telemetry needs a telemetry token: Authorization: Bearer TOKEN (`joytui telemetry token create`)"
        return None, Refused(401, "missing_token" if not token else "invalid_token", message)
    if not gateway.telemetry_pace.admits(sender.id):
        message = f"more than {A_SECOND} posts per second with one telemetry token"
        return sender, Refused(429, RATE_LIMITED, message, headers={"Retry-After": "1"})
    return sender, None


async def _body(request: Request, share: Share) -> bytes:
    announced = request.headers.get("content-length", "")
    size = int(announced) if announced.isascii() and announced.isdigit() and len(announced) < 16 else 0
    try:
        body = await read_body(request.receive, MOST_BYTES, share, size)
    except ClientGone:
        raise Refused(499, INVALID_REQUEST, "the client closed the connection") from None
    if body is None:
        raise _too_large()
    return body


async def _drained(request: Request, limit: int) -> bool:
    """Reads and discards a body; whether it was within the limit."""
    size = 0
    while True:
        message = await request.receive()
        size += len(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return size <= limit
        if size > limit + DRAINED:
            return False


async def _read(gateway: Gateway, body: bytes, media: str) -> list[Piece]:
    catalog, moment = gateway.market.catalog, now_ms()

    def read() -> list[Piece]:
        return list(pieces(records(body, media), moment, catalog))

    try:
        return await asyncio.to_thread(read) if len(body) > IN_ITS_OWN_THREAD else read()
    except ValueError as error:
        raise Refused(400, INVALID_REQUEST, f"this does not match its content type: {error}") from None


def _too_large() -> Refused:
    return Refused(
        413, INVALID_REQUEST, f"telemetry too large: at most {MOST_BYTES // 1048576} MiB a post, compressed or not"
    )
