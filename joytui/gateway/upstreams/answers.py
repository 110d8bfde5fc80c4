"""An upstream's HTTP answer as an `Exchange`: passed through, bridged, or an error that keeps its own words."""

from __future__ import annotations

import errno
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Any

import httpx

from joytui.core.echo import MOST_HELD, WHOLE_LIMIT, Echo
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
from joytui.gateway.bridge.chunks import unwrapped
from joytui.gateway.bridge.encode import chat_failure, event_bytes
from joytui.gateway.bridge.errors import (
    CONTEXT_FULL,
    StreamError,
    find_error,
    named_error,
    page_words,
    plain_refusal,
    refusal_in,
    text_error,
)
from joytui.gateway.bridge.plain import ChunkReader
from joytui.gateway.upstreams.bridged import (
    TOO_DEEP,
    Bridge,
    StreamBroken,
    bridged_body,
    bridged_events,
    bridged_whole,
)
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
from joytui.gateway.upstreams.observe import LONGEST_NAME, Reader, reader_for
from joytui.gateway.upstreams.transport import MAX_BODY, TransportOptions
from joytui.gateway.upstreams.usage_option import Parts

MOST_BLANKS = 4096
"""Bytes in which a body's first word is looked for."""
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
    if _out_of_descriptors(error):
        return 503, "the gateway has no file descriptor left for a connection to the upstream"
    if isinstance(error, httpx.ConnectError):
        return 502, f"the upstream {origin} cannot be reached: {error}"
    return 502, f"the upstream {origin} closed the connection without an answer: {error or type(error).__name__}"


def _out_of_descriptors(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
            return True
        error = error.__cause__
    return False


async def passed_through(
    response: httpx.Response, call: ModelCall, seen: Observation, *, hide_usage: bool = False
) -> Exchange:
    """The upstream's bytes as they are; usage is read on the side. `hide_usage`: the client did not ask for it."""
    _from_headers(response, seen)
    if response.status_code != 200:
        return await refused(response, seen, for_codex=call.endpoint == "responses")
    reader = reader_for(call.endpoint, seen)
    headers = _headers(response, seen)
    try:
        events, head, pieces = await _form(response)
        if events:
            if not _says_events(response):
                headers["content-type"] = EVENT_STREAM
            parts = Parts(hide_usage=hide_usage, single=reader.trail is not None)
            body = _stream(response, _after(head, pieces), call, reader, parts)
            return Exchange(200, headers, body, seen, response.aclose, partial(_failure, call, final=True))
        data = await whole(response, MAX_BODY, head, pieces, echo=seen.echo)
    except (httpx.HTTPError, OSError, BodyTooLarge) as error:
        return _broken_off(error, seen)
    reader.whole(data)
    return Exchange(200, headers, one_chunk(data), seen)


async def bridged(response: httpx.Response, bridge: Bridge, options: TransportOptions) -> Exchange:
    """A Chat answer as a Responses answer. An error status keeps status, body and Retry-After."""
    seen = bridge.reader.seen
    _from_headers(response, seen)
    if response.status_code != 200:
        return await refused(response, seen)
    headers = {k: v for k, v in _headers(response, seen).items() if k != "content-type"}
    try:
        events, head, pieces = await _form(response)
        if events:
            chunks = _chunks(response, _after(head, pieces), seen)
            if not bridge.call.stream:
                return _put_together(response, bridge, chunks, headers, options)
            body = bridged_events(bridge, chunks, keep_alive=options.keep_alive, linger=options.linger)
            headers["content-type"] = EVENT_STREAM
            return Exchange(200, headers, body, seen, response.aclose, bridge.failed)
        completion, listed = _completion(await whole(response, MAX_BODY, head, pieces, echo=seen.echo), seen)
        if isinstance(completion, dict) and (told := find_error(completion)) is not None and told.status is not None:
            return _meant(told, seen)
        kind, data = _translated(completion, listed, bridge)
    except (httpx.HTTPError, OSError, BodyTooLarge) as error:
        return _broken_off(error, seen)
    except RecursionError:
        await response.aclose()
        return nested_too_deeply(seen)
    except ValueError as error:
        await response.aclose()
        kind = _kind(response) or "missing"
        text = f"the upstream's answer is neither an event stream nor JSON (content-type {kind}){error}"
        return error_exchange(502, text, UPSTREAM_ERROR, observation=seen)
    return Exchange(200, {**headers, "content-type": kind}, one_chunk(data), seen)


def _translated(completion: Any, chunks: list[Any], bridge: Bridge) -> tuple[str, bytes]:
    """A whole completion, or all chunks of a stream, in the form that was asked for: content type and bytes."""
    begin = event_bytes(bridge.stream.start())
    events = b"".join(map(bridge.feed, chunks)) if chunks else event_bytes(bridge.whole(completion))
    if not bridge.call.stream:
        return JSON, bridged_body(bridge)
    data = begin + events + event_bytes(bridge.end())
    bridge.reader.seen.complete = True
    return EVENT_STREAM, data


def _put_together(
    response: httpx.Response,
    bridge: Bridge,
    chunks: AsyncIterator[list[Any]],
    headers: dict[str, str],
    options: TransportOptions,
) -> Exchange:
    """A whole answer of an upstream that streams. Whether it is one shows when its body has ended: it may become an error."""
    seen = bridge.reader.seen

    async def body() -> AsyncIterator[bytes]:
        try:
            async for piece in bridged_whole(bridge, chunks, linger=options.linger):
                yield piece
        except (StreamBroken, RecursionError) as error:
            failed = nested_too_deeply(seen) if isinstance(error, RecursionError) else _broken_off(error, seen)
            exchange.status, exchange.headers = failed.status, failed.headers
            async for piece in failed.body:
                yield piece

    exchange = Exchange(200, {**headers, "content-type": JSON}, body(), seen, response.aclose)
    return exchange


def nested_too_deeply(seen: Observation) -> Exchange:
    """An answer that can hardly be read, and not be written again."""
    return error_exchange(502, TOO_DEEP, UPSTREAM_ERROR, observation=seen)


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
    """The body of a refusal, empty if it breaks off or is too large; the connection is given back."""
    try:
        return await whole(response, MAX_ERROR_BODY)
    except (httpx.HTTPError, OSError, BodyTooLarge):
        return b""


async def refused(
    response: httpx.Response, seen: Observation, body: bytes | None = None, *, for_codex: bool = True
) -> Exchange:
    """An error status: kept, with its body (read already, where it is given) and Retry-After. A redirect is none that a key could
    follow. `for_codex`: a full context is reported in the form that Codex recognises."""
    status = response.status_code
    if not 100 <= status <= 599:
        await response.aclose()
        text = f"the upstream answers with status {status}, which is not an HTTP status"
        return error_exchange(502, text, UPSTREAM_ERROR, observation=seen)
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
    """Whether the upstream has stopped working on the request. `told`: the answer is an API error, not a proxy's page."""
    return status >= 500 and status not in MAYBE_AT_WORK and (told or status not in BROKEN_BEHIND)


def _bounded(body: bytes, error: Any, status: int) -> bytes:
    """The upstream's own text, up to the length that can be searched for its key at once: no error needs more."""
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


def error_in(body: bytes, seen: Observation, *, plain: bool = False) -> StreamError | None:
    """The error of a refusal's body, without the upstream's own key; None if it says nothing, or is not JSON. `plain`: a line of plain
    text is one as well, which may be a proxy's that knows nothing of the request."""
    try:
        error = refusal_in(json.loads(body))
    except (ValueError, RecursionError):
        error = plain_refusal(body) if plain else None
    if error is None or not seen.echo:
        return error
    return replace(error, message=seen.echo.text(error.message[:DOOR_LIMIT]))


def _broken_off(error: Exception, seen: Observation) -> Exchange:
    timed_out = isinstance(error, httpx.TimeoutException)
    text = "the upstream stopped sending its answer" if timed_out else f"the upstream's answer was cut off: {error}"
    return error_exchange(504 if timed_out else 502, text, UPSTREAM_ERROR, observation=seen)


def _from_headers(response: httpx.Response, seen: Observation) -> None:
    seen.model_used = response.headers.get(HEADER_USED_MODEL)
    seen.provider = response.headers.get(HEADER_USED_PROVIDER)


def _kind(response: httpx.Response) -> str:
    return str(response.headers.get("content-type", "")).split(";")[0].strip().lower()


def _says_events(response: httpx.Response) -> bool:
    return _kind(response) == EVENT_STREAM


async def _form(response: httpx.Response) -> tuple[bool, bytes, AsyncIterator[bytes]]:
    """Whether the body is an event stream, its first bytes as far as they were read, and its other pieces. Where the content type
    says something else, or nothing, its first bytes tell: what streams under a wrong name costs as much. One that says it is
    one is not waited for."""
    pieces = _pieces(response)
    if _says_events(response):
        return True, b"", pieces
    head = b""
    try:
        async for piece in pieces:
            head += piece
            if len(head) > MOST_BLANKS or len(head.strip()) >= len(b"event:"):
                break
    except BaseException:  # whoever reads on closes it; here nobody will
        await response.aclose()
        raise
    begin = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return begin.startswith((b"data:", b"event:", b"id:", b"retry:", b":")), head, pieces


def _after(head: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async def both() -> AsyncIterator[bytes]:
        yield head
        async for piece in pieces:
            yield piece

    return both() if head else pieces


def _pieces(response: httpx.Response) -> AsyncIterator[bytes]:
    """Bytes as they arrive; decoded where the upstream compressed them though it was asked not to."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity") and isinstance(response.stream, httpx.AsyncByteStream):
        return aiter(response.stream)  # what `aiter_raw` does around it takes as long again for each piece
    return response.aiter_bytes()


async def whole(
    response: httpx.Response,
    limit: int,
    head: bytes = b"",
    pieces: AsyncIterator[bytes] | None = None,
    *,
    echo: Echo | None = None,
) -> bytes:
    """The body without the upstream's own key, and the connection given back. `head`: what was read of it, so that `pieces` has the
    rest. Raises BodyTooLarge, httpx's errors."""
    kept, size = [head], len(head)
    try:
        if size > limit:
            raise _beyond(limit)
        async for piece in pieces or _pieces(response):
            size += len(piece)
            if size > limit:
                raise _beyond(limit)
            kept.append(piece)
    finally:
        await response.aclose()
    body = b"".join(kept)
    return echo.passing(body) if echo else body


def _beyond(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"more than {limit} bytes")


async def _stream(
    response: httpx.Response, pieces: AsyncIterator[bytes], call: ModelCall, reader: Reader, parts: Parts
) -> AsyncIterator[bytes]:
    """The bytes of a stream, as many events at a time as came together and may be passed on together. Where they break off,
    the client is told so in the stream's own protocol."""
    seen, at_once, held = reader.seen, call.at_once or MAX_BODY, _HeldBack(reader)
    try:
        async for piece in pieces:
            shown, told = b"", seen.output_bytes
            for part in parts.feed(piece):
                if shown and seen.output_bytes - told + len(part) > at_once:
                    yield shown
                    shown, told = b"", seen.output_bytes
                shown += held.passed(part, parts)
            yield shown
        yield held.end(parts)
    except (httpx.HTTPError, OSError) as error:
        rest = held.end(parts)
        if seen.complete:
            yield rest
            return
        seen.error_type, seen.error_message = UPSTREAM_ERROR, _how_broken(error)
        yield rest + (b"" if reader.between_events else b"\n\n") + broken_event(call, seen.error_message)
    finally:
        reader.end()
        await response.aclose()


class _HeldBack:
    """What a client gets of an upstream's bytes: nothing of the upstream's own key, whole or in pieces."""

    __slots__ = ("_held", "_reader")

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._held: list[bytes] = []

    def passed(self, part: bytes, parts: Parts) -> bytes:
        """What may pass when these events have come."""
        reader, trail = self._reader, self._reader.trail
        if trail is None:
            reader.feed(part)
            return parts.shown(part)
        trail.at = len(self._held)
        reader.feed(part := self._without_key(part))
        shown = parts.shown(part)
        if trail.quiet and not self._held:
            return shown
        self._held.append(shown)
        waits = trail.holding and not reader.seen.complete and sum(map(len, self._held)) <= MOST_HELD
        return b"" if waits else self._let_go()

    def end(self, parts: Parts) -> bytes:
        """All that is left: also what no blank line ended, the last event, or a JSON body that called itself an event stream."""
        rest = self._without_key(parts.end())
        if self._reader.trail is not None:
            self._reader.trail.at = len(self._held)
        if rest.lstrip()[:1] == b"{":
            self._reader.whole(rest)
        else:
            self._reader.feed(rest)
        self._held.append(parts.shown(rest))
        return self._let_go()

    def _let_go(self) -> bytes:
        held, self._held, trail = self._held, [], self._reader.trail
        return b"".join(held if trail is None else trail.masked(held))

    def _without_key(self, events: bytes) -> bytes:
        echo = self._reader.seen.echo
        return echo.passing(events) if echo else events


def _how_broken(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "the upstream sent nothing for too long"
    return f"the connection to the upstream failed: {error or type(error).__name__}"


def broken_event(call: ModelCall, message: str) -> bytes:
    """What ends a stream for its client, in the stream's own protocol."""
    return _failure(call, StreamError(UPSTREAM_ERROR, message, UPSTREAM_ERROR))


def _failure(call: ModelCall, error: StreamError, *, final: bool = False) -> bytes:
    if call.endpoint == "chat/completions":
        return chat_failure(error, final=final)
    failed = {"id": f"resp_{call.request_id}", "object": "response", "status": "failed", "output": []}
    return event_bytes([{"type": "response.failed", "response": {**failed, "error": error.to_json()}}])


async def _chunks(
    response: httpx.Response, pieces: AsyncIterator[bytes], seen: Observation
) -> AsyncIterator[list[Any]]:
    """Chat chunks as parsed JSON, those of one piece of bytes together, and `DONE` where it comes; usage may be behind it.

    A body without any event that is one JSON text is a chunk, too. Raises StreamBroken.
    """
    splitter, reader = SseSplitter(lenient=True), ChunkReader()
    size = 0
    skipped: list[str] = []
    unread: list[bytes] | None = []
    try:
        async for piece in pieces:
            size += len(piece)
            if size > MAX_BRIDGED:
                raise StreamBroken(f"the upstream's answer has more than {MAX_BRIDGED:,} bytes")
            if chunks := _parsed(splitter.feed(piece), seen, reader, skipped):
                unread = None
                yield chunks
            if unread is not None:
                unread.append(piece)
        if chunks := _parsed(splitter.end(), seen, reader, skipped) or _one_text(unread, seen):
            yield chunks
        elif text := splitter.stray or "\n".join(skipped).encode():
            yield _last_words(text, seen)
    except (httpx.HTTPError, OSError) as error:
        raise StreamBroken(_how_broken(error)) from error
    except EventTooLarge as error:
        raise StreamBroken(f"the upstream sent {error}") from error
    finally:
        await response.aclose()


def _last_words(text: bytes, seen: Observation) -> list[Any]:
    """The error in what a stream ends with that is no event: JSON in several lines, a proxy's page or its words. Raises StreamBroken
    for the last two, which are nothing to an answer that is whole."""
    if told := _one_text([text], seen):
        return told
    words = page_words(text)
    raise StreamBroken(f"the upstream's stream broke off: {seen.echo.text(words) if seen.echo else words}")


def _parsed(events: list[SseEvent], seen: Observation, reader: ChunkReader, skipped: list[str]) -> list[Any]:
    """The chunks of these events. `skipped`: gets the words, if any, that came in place of a chunk since the last one."""
    chunks: list[Any] = []
    for event in events:
        if len(event.data) < SHORT and _is_end(event):
            chunks.append(DONE)
            continue
        data = seen.echo.event(event.data) if seen.echo else event.data
        data = data.removeprefix("data:")  # a relay that frames what is framed already
        if event.name == "error":
            error = named_error(seen.echo.text(data) if seen.echo and len(data) <= WHOLE_LIMIT else data)
            chunks.append({"error": {"message": error.message, "code": error.code, "type": error.type}})
            continue
        try:
            chunks.append(_named(unwrapped(reader.read(data)), seen))
            skipped.clear()
        except (ValueError, RecursionError):
            if (told := text_error(seen.echo.text(data) if seen.echo and len(data) <= WHOLE_LIMIT else data)) is None:
                seen.note("a chunk that is not JSON was skipped")
                skipped += [data[:ERROR_TEXT]] if " " in data.strip() else []
                continue
            chunks.append({"error": {"message": told.message, "code": told.code, "type": told.type}})
    return chunks


SHORT = 32


def _is_end(event: SseEvent) -> bool:
    """Whether an event is the end mark: in any case, in quotes, framed twice; or one without data that has the mark's name."""
    data = event.data.removeprefix("data:").strip().strip('"')
    return data.strip("[]").lower() == "done" or (data in ("", "{}") and (event.name or "").lower() == "done")


def _named(chunk: Any, seen: Observation) -> Any:
    """A chunk whose model, which every event of the answer repeats, has no part of the upstream's key in it."""
    model = chunk.get("model") if seen.echo and isinstance(chunk, dict) else None
    if seen.echo and isinstance(model, str) and model != seen.model_used:
        chunk["model"] = seen.echo.text(model[:LONGEST_NAME])
    return chunk


def _one_text(pieces: list[bytes] | None, seen: Observation) -> list[Any]:
    text = b"".join(pieces or ())
    try:
        return [json.loads(seen.echo.passing(text) if seen.echo else text)] if text else []
    except (ValueError, RecursionError):
        return []


def _in_a_row(body: bytes) -> list[Any]:
    """Objects that nothing parts; empty for anything else."""
    text, decoder, found = body.decode("utf-8", "replace").strip(), json.JSONDecoder(strict=False), []
    while text[:1] == "{":
        try:
            value, end = decoder.raw_decode(text)
        except ValueError:
            return []
        found.append(unwrapped(value))
        text = text[end:].lstrip()
    return [] if text else found


def _completion(body: bytes, seen: Observation) -> tuple[Any, list[Any]]:
    """A whole completion, or the chunks that a body has in its place. Raises ValueError with the words of one that is neither."""
    try:
        completion = unwrapped(json.loads(body))
    except ValueError:  # objects, one a line, or one behind the other
        splitter = SseSplitter(lenient=True)
        chunks = _parsed([*splitter.feed(body), *splitter.end()], seen, ChunkReader(), []) or _in_a_row(body)
        if not chunks:
            words = page_words(body)
            raise ValueError(f": {seen.echo.text(words) if seen.echo else words}" if words else "") from None
        return None, chunks
    first = completion[0] if isinstance(completion, list) and completion else None
    if not isinstance(first, dict):
        return completion, []
    return (first, []) if len(completion) == 1 or find_error(first) else (None, completion)
