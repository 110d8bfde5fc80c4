"""An upstream's HTTP answer as an `Exchange`: passed through, bridged, or an error that keeps its own words."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx

from joytui.core.echo import WHOLE_LIMIT, Echo
from joytui.core.joytoken import (
    HEADER_ERROR_ORIGIN,
    HEADER_USED_MODEL,
    HEADER_USED_PROVIDER,
    INVALID_API_KEY,
    INVALID_REQUEST,
    MISSING_API_KEY,
    UPSTREAM_ERROR,
)
from joytui.core.redaction import DOOR_LIMIT
from joytui.core.sse import DONE, EventTooLarge, SseEvent, SseSplitter
from joytui.gateway.bridge.encode import chunk_bytes, event_bytes
from joytui.gateway.bridge.errors import CONTEXT_FULL, StreamError, find_error, named_error, refusal_in
from joytui.gateway.upstreams.bridged import Bridge, StreamBroken, bridged_body, bridged_events
from joytui.gateway.upstreams.exchange import (
    EVENT_STREAM,
    JSON,
    Exchange,
    ModelCall,
    Observation,
    error_body,
    error_exchange,
    one_chunk,
)
from joytui.gateway.upstreams.headers import to_client
from joytui.gateway.upstreams.observe import Reader, reader_for
from joytui.gateway.upstreams.transport import MAX_BODY, TransportOptions

MAX_ERROR_BODY = 1024 * 1024
ERROR_TEXT = 4000
"""Characters that are passed on of an error's text where its body is too large to pass."""
MAX_BRIDGED = 256 * 1024 * 1024
"""The most bytes of one stream that is translated: whatever they hold, the bridge keeps a part of them to the end."""
_KEY_REFUSED = (INVALID_API_KEY, MISSING_API_KEY, "authentication_error")


class BodyTooLarge(Exception):
    """A body beyond what is kept in memory."""


MAYBE_AT_WORK = (504, 524)
"""A proxy, or another gateway, gave up waiting for who has the request: that one may go on, and bill for it. 524 is
Cloudflare's word for it (developers.cloudflare.com, "Error 524")."""
BROKEN_BEHIND = (502, 520)
"""A proxy lost the one behind it, before or while that worked. Only an error in the API's own words says that the request has
failed (JoyToken: provider invocation failed, routing failed); a proxy's page says nothing of it."""
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
"""Errors before a byte of the request went to the upstream."""


def unreachable(error: Exception, origin: str) -> tuple[int, str]:
    """Status and message for an upstream that gave no answer: 504 after a timeout, 503 when full, else 502."""
    if isinstance(error, httpx.PoolTimeout):
        return 503, f"all connections to the upstream {origin} are busy"
    if isinstance(error, httpx.ConnectTimeout):
        return 504, f"the upstream {origin} did not accept a connection in time"
    if isinstance(error, httpx.TimeoutException):
        return 504, f"the upstream {origin} did not answer in time"
    if isinstance(error, httpx.ConnectError):
        return 502, f"the upstream {origin} cannot be reached: {error}"
    return 502, f"the upstream {origin} closed the connection without an answer: {error or type(error).__name__}"


async def passed_through(response: httpx.Response, call: ModelCall, seen: Observation) -> Exchange:
    """The upstream's bytes as they are; usage is read on the side."""
    _from_headers(response, seen)
    if response.status_code != 200:
        return await refused(response, seen, for_codex=call.endpoint == "responses")
    reader = reader_for(call.endpoint, seen)
    if _kind(response) == EVENT_STREAM or (call.stream and _kind(response) != JSON):
        return Exchange(200, _headers(response, seen), _stream(response, call, reader), seen, response.aclose)
    try:
        body = await whole(response, MAX_BODY, seen.echo)
    except (httpx.HTTPError, OSError, BodyTooLarge) as error:
        return _broken_off(error, seen)
    reader.whole(body)
    return Exchange(200, _headers(response, seen), one_chunk(body), seen)


async def bridged(response: httpx.Response, bridge: Bridge, options: TransportOptions) -> Exchange:
    """A Chat answer as a Responses answer. An error status keeps status, body and Retry-After."""
    seen = bridge.reader.seen
    _from_headers(response, seen)
    if response.status_code != 200:
        return await refused(response, seen)
    headers = {k: v for k, v in _headers(response, seen).items() if k != "content-type"}
    try:
        pieces, is_stream = await _sniffed(response, seen.echo)
        if bridge.call.stream and is_stream:
            chunks = _chunks(response, pieces, seen)
            body = bridged_events(bridge, chunks, keep_alive=options.keep_alive, linger=options.linger)
            return Exchange(200, {**headers, "content-type": EVENT_STREAM}, body, seen, response.aclose)
        completion = await _completion(response, pieces, bridge, is_stream=is_stream)
    except (httpx.HTTPError, OSError, BodyTooLarge, StreamBroken) as error:
        return _broken_off(error, seen)
    except ValueError:
        await response.aclose()
        text = (
            f"the upstream's answer is neither an event stream nor JSON (content-type {_kind(response) or 'missing'})"
        )
        return error_exchange(502, text, UPSTREAM_ERROR, observation=seen)
    if isinstance(completion, dict) and (told := find_error(completion)) is not None and told.status is not None:
        return _meant(told, seen)
    if bridge.call.stream:
        data = event_bytes([*bridge.stream.start(), *bridge.whole(completion), *bridge.end()])
        seen.complete = True
        return Exchange(200, {**headers, "content-type": EVENT_STREAM}, one_chunk(data), seen)
    return Exchange(200, {**headers, "content-type": JSON}, one_chunk(bridged_body(bridge, completion)), seen)


def _meant(error: StreamError, seen: Observation) -> Exchange:
    """An error that came with status 200 though the vendor's own number means another one."""
    status = error.status or 502
    exchange = error_exchange(status, error.message, error.code, observation=seen)
    exchange.undone = _undone(status, told=True)
    return exchange


def full_context(error: StreamError, seen: Observation) -> Exchange:
    """A full context in the form after which Codex compacts, whatever status and words the vendor has for it."""
    seen.error_type, seen.error_message, seen.complete = CONTEXT_FULL, error.message, True
    body = {"error": {"message": error.message, "type": INVALID_REQUEST, "code": CONTEXT_FULL, "param": error.param}}
    return Exchange(400, {"content-type": JSON}, one_chunk(json.dumps(body).encode()), seen)


async def refusal_body(response: httpx.Response) -> bytes:
    """The body of a refusal, empty where it breaks off or is too large; the connection is given back."""
    try:
        return await whole(response, MAX_ERROR_BODY)
    except (httpx.HTTPError, OSError, BodyTooLarge):
        return b""


async def refused(
    response: httpx.Response, seen: Observation, body: bytes | None = None, *, for_codex: bool = True
) -> Exchange:
    """An error status: kept, with its body (read already, where it is given) and Retry-After. A redirect is none that a key could
    follow. `for_codex`: a full context is told in the form that Codex knows."""
    status = response.status_code
    if body is None:
        body = await refusal_body(response)
    if status < 400:
        location = str(response.headers.get("location", ""))[:200]
        text = f"the upstream answers {status}" + (
            f" (redirect to {location}); set its final address" if location else ""
        )
        exchange = error_exchange(502, text, UPSTREAM_ERROR, observation=seen)
        exchange.undone = True
        return exchange
    error = error_in(body, seen)
    if error is not None and error.code == CONTEXT_FULL and for_codex and status in (400, 413, 422, 500):
        return full_context(error, seen)
    body = _bounded(body, error, status)
    body = seen.echo.masked(body) if seen.echo else body
    seen.error_type = (error.type or error.code) if error else UPSTREAM_ERROR
    seen.error_message = error.message if error else f"the upstream answered {status}"
    seen.complete = True
    headers = _headers(response, seen)
    if status == 401 or (status == 403 and (error is None or (error.type or error.code) in _KEY_REFUSED)):
        headers[HEADER_ERROR_ORIGIN.lower()] = "upstream"
        seen.note("the upstream refused the gateway's own key")
    return Exchange(status, headers, one_chunk(body), seen, undone=_undone(status, told=error is not None))


def _undone(status: int, *, told: bool) -> bool:
    """Whether nobody works on the request any more. `told`: the answer is an error of the API, and no proxy's page."""
    return status >= 500 and status not in MAYBE_AT_WORK and (told or status not in BROKEN_BEHIND)


def _bounded(body: bytes, error: Any, status: int) -> bytes:
    """The upstream's own words, as far as they can be searched for its key at once: no error needs more."""
    if len(body) <= WHOLE_LIMIT:
        return body
    message = error.message if error else f"the upstream answered {status}, with an error page of {len(body)} bytes"
    kind = (error.type or error.code) if error else None
    return error_body(message[:ERROR_TEXT], (kind or UPSTREAM_ERROR)[:ERROR_TEXT])


def _headers(response: httpx.Response, seen: Observation) -> dict[str, str]:
    """What the client sees of the headers. They are short, and in a good answer only the whole key is looked for."""
    headers, echo = to_client(response.headers), seen.echo
    if not echo:
        return headers
    searched = echo.text if response.status_code != 200 else echo.whole
    return {name: searched(value) for name, value in headers.items()}


def error_in(body: bytes, seen: Observation) -> StreamError | None:
    """The error of a refusal's body, without the upstream's own key; None where it is no JSON, or says nothing."""
    try:
        error = refusal_in(json.loads(body))
    except (ValueError, RecursionError):
        return None
    if error is None or not seen.echo:
        return error
    return replace(error, message=seen.echo.text(error.message[:DOOR_LIMIT]))


def _broken_off(error: Exception, seen: Observation) -> Exchange:
    timed_out = isinstance(error, httpx.TimeoutException)
    text = "the upstream stopped sending its answer" if timed_out else f"the upstream's answer broke off: {error}"
    return error_exchange(504 if timed_out else 502, text, UPSTREAM_ERROR, observation=seen)


def _from_headers(response: httpx.Response, seen: Observation) -> None:
    seen.model_used = response.headers.get(HEADER_USED_MODEL)
    seen.provider = response.headers.get(HEADER_USED_PROVIDER)


def _kind(response: httpx.Response) -> str:
    return str(response.headers.get("content-type", "")).split(";")[0].strip().lower()


async def _pieces(response: httpx.Response, echo: Echo | None = None) -> AsyncIterator[bytes]:
    """Bytes as they arrive, but for the upstream's own key; decoded where it compressed them though it was asked not to."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    async for piece in response.aiter_raw() if encoding in ("", "identity") else response.aiter_bytes():
        yield echo.passing(piece) if echo else piece


async def whole(response: httpx.Response, limit: int, echo: Echo | None = None) -> bytes:
    """The body, and the connection given back. Raises BodyTooLarge, httpx's errors."""
    return await _joined(response, _pieces(response, echo), limit)


async def _joined(response: httpx.Response, pieces: AsyncIterator[bytes], limit: int) -> bytes:
    kept: list[bytes] = []
    size = 0
    try:
        async for piece in pieces:
            size += len(piece)
            if size > limit:
                raise BodyTooLarge(f"more than {limit} bytes")
            kept.append(piece)
    finally:
        await response.aclose()
    return b"".join(kept)


_STREAM_STARTS = (b"data:", b"event:", b"id:", b"retry:", b":")


async def _sniffed(response: httpx.Response, echo: Echo | None = None) -> tuple[AsyncIterator[bytes], bool]:
    """The bytes of a body, and whether they are an event stream: what the first of them say, where the label does not."""
    pieces = _pieces(response, echo)
    if _kind(response) == EVENT_STREAM:
        return pieces, True
    head = b""
    async for piece in pieces:
        head += piece
        if len(head.removeprefix(b"\xef\xbb\xbf").lstrip()) >= len(b"retry:"):
            break
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()

    async def again() -> AsyncIterator[bytes]:
        yield head
        async for piece in pieces:
            yield piece

    return again(), start.startswith(_STREAM_STARTS)


async def _stream(response: httpx.Response, call: ModelCall, reader: Reader) -> AsyncIterator[bytes]:
    """The bytes of a stream. Where they break off, the client is told in the stream's own words."""
    seen = reader.seen
    try:
        async for piece in _pieces(response, seen.echo):
            reader.feed(piece)
            yield piece
    except (httpx.HTTPError, OSError) as error:
        if not seen.complete:
            seen.error_type, seen.error_message = UPSTREAM_ERROR, _how_broken(error)
            yield (b"" if reader.between_events else b"\n\n") + broken_event(call, seen.error_message)
    finally:
        reader.end()
        await response.aclose()


def _how_broken(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "the upstream sent nothing for too long"
    return f"the connection to the upstream broke: {error or type(error).__name__}"


def broken_event(call: ModelCall, message: str) -> bytes:
    """What tells a client of a stream, in the stream's own words, that no more will come."""
    error = {"message": message, "type": UPSTREAM_ERROR}
    if call.endpoint == "chat/completions":
        return chunk_bytes({"error": error, "choices": []})
    failed = {"id": f"resp_{call.request_id}", "object": "response", "status": "failed", "output": []}
    response = {**failed, "error": {"code": UPSTREAM_ERROR, "message": message}}
    return event_bytes([{"type": "response.failed", "response": response}])


async def _chunks(
    response: httpx.Response, pieces: AsyncIterator[bytes], seen: Observation
) -> AsyncIterator[list[Any]]:
    """Chat chunks as parsed JSON, those of one piece of bytes together, and `DONE` where it comes: the end.

    A body without any event that is one JSON text is a chunk, too. Raises StreamBroken.
    """
    splitter = SseSplitter(lenient=True)
    size = 0
    unread: list[bytes] | None = []
    try:
        async for piece in pieces:
            size += len(piece)
            if size > MAX_BRIDGED:
                raise StreamBroken(f"the upstream's answer has more than {MAX_BRIDGED:,} bytes")
            chunks = _parsed(splitter.feed(piece), seen)
            if chunks:
                unread = None
                yield chunks
                if chunks[-1] == DONE:
                    return
            elif unread is not None:
                unread.append(piece)
        if chunks := _parsed(splitter.end(), seen) or _one_text(unread):
            yield chunks
    except (httpx.HTTPError, OSError) as error:
        raise StreamBroken(_how_broken(error)) from error
    except EventTooLarge as error:
        raise StreamBroken(f"the upstream sent {error}") from error
    finally:
        await response.aclose()


def _parsed(events: list[SseEvent], seen: Observation) -> list[Any]:
    chunks: list[Any] = []
    for event in events:
        if event.data.strip() == DONE:
            return [*chunks, DONE]
        if event.name == "error":
            error = named_error(event.data)
            chunks.append({"error": {"message": error.message, "code": error.code, "type": error.type}})
            continue
        try:
            chunks.append(json.loads(event.data))
        except (ValueError, RecursionError):
            seen.note("a chunk that is no JSON was skipped")
    return chunks


def _one_text(pieces: list[bytes] | None) -> list[Any]:
    try:
        return [json.loads(b"".join(pieces))] if pieces else []
    except (ValueError, RecursionError):
        return []


async def _completion(
    response: httpx.Response, pieces: AsyncIterator[bytes], bridge: Bridge, *, is_stream: bool
) -> Any:
    """A whole completion. An upstream that streams though nobody asked is read to its end first."""
    seen = bridge.reader.seen
    if is_stream:
        async for chunks in _chunks(response, pieces, seen):
            for chunk in chunks:
                bridge.feed(chunk)
        return {}
    body = await _joined(response, pieces, MAX_BODY)
    try:
        return json.loads(body)
    except ValueError:  # objects, one a line
        splitter = SseSplitter(lenient=True)
        chunks = _parsed([*splitter.feed(body), *splitter.end()], seen)
        if not chunks:
            raise
        for chunk in chunks:
            bridge.feed(chunk)
        return {}
