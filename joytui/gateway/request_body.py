"""Reading a model request's body: under a cap, decompressed under the same cap, as JSON with the few fields we judge."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from joytui.gateway import refusals
from joytui.gateway.bridge.encode import stepwise
from joytui.gateway.json_members import read_object
from joytui.gateway.routing import Ask

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

BYTES_PER_TOKEN = 3
"""For holding: JSON in English is about 4 bytes a token, and too much held is given back."""
LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
"""An upstream goes by one of them, and nobody knows by which: the largest counts."""
DRAINED = 64 * 1024 * 1024
"""Bytes beyond the limit that are read and dropped, so that the client gets to read why."""
SMALL = 1024 * 1024
"""Bytes of a body that are not counted: many small ones are bounded by the number of requests."""
PER_VALUE = 100
"""Bytes of memory for each list, object and element of one, beside the text: `[[],[],…` takes 20 times what was sent."""
FEW = 4 * SMALL
TEXTS_AT_ONCE = 1000
"""Texts of a large body that are looked at in one step."""
MOST_MEMBERS = 16
"""Of one gzip body: the rest is copied for each."""
_json = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode
_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_EMBEDDED = re.compile(rb";base64,[A-Za-z0-9+/=_-]*")


class ClientGone(Exception):
    """The client closed the connection before its request had come whole."""


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """A request's JSON. `raw` is its bytes as they came (decompressed). `output_tokens`: the most that each of its `answers`
    may have, as far as it says. `previous`: the answer that it goes on from."""

    body: dict[str, Any]
    raw: bytes
    model: str | None
    tier: str | None
    stream: bool
    output_tokens: int | None
    answers: int
    previous: str | None = None

    def ask(self, address: str | None) -> Ask:
        return Ask(
            self.model,
            self.tier,
            address,
            VISION if b"image" in self.raw and has_image(self.body) else NO_FEATURES,
            input_tokens(self.raw),
            self.output_tokens,
            self.answers,
        )


VISION = frozenset({"vision"})
NO_FEATURES: frozenset[str] = frozenset()


class BodyRoom:
    """The memory that large bodies may take together, in their bytes. A request has a `Share` of it."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.taken = 0


class Share:
    """What one request has of the room. Give it back at the end of the request."""

    __slots__ = ("_room", "size")

    def __init__(self, room: BodyRoom) -> None:
        self._room = room
        self.size = 0

    def take_read(self, size: int) -> None:
        """Room for a body as it is in memory once it is read (`read_size`). Raises Refused: 400 where it never has it, 503 where
        not now."""
        if size > self._room.limit + SMALL:
            raise refusals.bad_request(
                "the request body has too many lists, objects and values", cause="request-too-large"
            )
        if not self.take(size):
            raise refusals.no_room_for_body()

    def take(self, size: int) -> bool:
        """Whether there is room for a body of this many bytes."""
        more = max(0, size - SMALL) - self.size
        if more > 0 and self._room.taken + more > self._room.limit:
            return False
        if more > 0:
            self._room.taken += more
            self.size += more
        return True

    def give_back(self) -> None:
        self._room.taken -= self.size
        self.size = 0


def read_size(raw: bytes, most: int) -> int:
    """At most how many bytes a body takes in memory once it is read. A few values do not count, and signs within texts are distinguished from those
    of JSON only where there are many. Beyond `most` nothing is counted any more."""
    if PER_VALUE * _signs(raw) <= FEW:
        return len(raw)
    size, last, texts = len(raw), 0, _TEXT.finditer(raw)
    while size <= most and (some := list(islice(texts, TEXTS_AT_ONCE))):
        ends = [last, *(text.end() for text in some)]
        size += PER_VALUE * _signs(b"".join([raw[end : text.start()] for end, text in zip(ends, some, strict=False)]))
        last = ends[-1]
    return size + PER_VALUE * _signs(raw[last:]) if size <= most else size


def _signs(raw: bytes) -> int:
    return raw.count(b",") + raw.count(b"[") + raw.count(b"{")


async def read_body(receive: Receive, limit: int, share: Share | None, announced: int = 0) -> bytes | None:
    """The body, None if it is over the limit. What is over is read on and dropped (up to a point), so that the client
    has sent all and gets to read why it was refused. Without a share all is dropped. `announced`: the size by the client's word,
    for which room is taken at once. Raises ClientGone; Refused (503) where there is no room."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        return body if len(body) <= limit else None
    parts: list[bytes] = []
    size, full = 0, False
    while True:
        if message["type"] == "http.disconnect":
            raise ClientGone
        part = message.get("body", b"")
        size += len(part)
        full = full or (share is not None and size <= limit and not share.take(max(size, min(announced, limit))))
        if share is not None and size <= limit and not full:
            parts.append(part)
        else:
            parts.clear()
        ended = not message.get("more_body", False)
        if full and (ended or size > limit):
            raise refusals.no_room_for_body()
        if ended:
            return b"".join(parts) if size <= limit else None
        if size > limit + DRAINED:
            return None
        message = await receive()


def decompress(raw: bytes, encoding: str, limit: int) -> bytes:
    """A body without its Content-Encoding: gzip or deflate, never more than the limit. Raises Refused (400)."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return raw
    if name not in ("gzip", "x-gzip", "deflate"):
        raise refusals.bad_request(f"content-encoding {name[:40]!r} is not supported; send the body plain or as gzip")
    try:
        return _inflated(raw, name, limit)
    except zlib.error:
        raise refusals.bad_request(f"the body is not valid {name}") from None


def _inflated(raw: bytes, name: str, limit: int) -> bytes:
    """All members of a gzip body (RFC 1952: one after another), the one of a deflate body, and nothing behind them."""
    window, most = (zlib.MAX_WBITS, 1) if name == "deflate" else (zlib.MAX_WBITS | 32, MOST_MEMBERS)
    data = b""
    for _ in range(most):
        engine = zlib.decompressobj(window)
        data += engine.decompress(raw, limit + 1 - len(data))
        if len(data) > limit:
            raise too_large(limit)
        if not engine.eof:
            raise refusals.bad_request(f"the {name} body is cut short")
        raw = engine.unused_data
        if not raw:
            return data
    raise refusals.bad_request(f"there is data after the end of the {name} body")


def too_large(limit: int) -> refusals.Refused:
    size = f"{limit / 1048576:.3g} MiB" if limit >= 1048576 else f"{limit:,} bytes"
    return refusals.bad_request(
        f"request body too large: at most {size}, compressed or not (the gateway's setting max_body_bytes)",
        cause="request-too-large",
    )


def parse(raw: bytes, endpoint: str) -> ModelRequest:
    """The request in a body. Raises Refused (400): not a JSON object, or an ambiguous one; no messages or input, fields of a
    wrong kind."""
    body = read_object(raw)
    model, tier, stream = body.get("model"), body.get("tier"), body.get("stream")
    if model is not None and not isinstance(model, str):
        raise refusals.bad_request("model must be a string")
    if stream is not None and not isinstance(stream, bool):
        raise refusals.bad_request("stream must be true or false")
    if tier is not None and not isinstance(tier, str):
        raise refusals.bad_request("tier must be a string")
    if body.get("background"):
        raise refusals.bad_request(
            "background is not supported: the gateway would never learn what such a request costs"
        )
    previous = None
    if endpoint == "chat/completions":
        _check_messages(body.get("messages"))
        if not isinstance(body.get("stream_options", {}), (dict, type(None))):
            raise refusals.bad_request("stream_options must be an object")
    else:
        _check_input(body.get("input"))
        previous = _previous(body)
    limits = [limit for name in LIMITS if (limit := _whole_number(body, name)) is not None]
    answers, most = _whole_number(body, "n") or 1, max(limits, default=None)
    return ModelRequest(body, raw, model or None, tier or None, bool(stream), most, answers, previous)


def _whole_number(body: dict[str, Any], name: str) -> int | None:
    value = body.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise refusals.bad_request(f"{name} must be an integer from 1 up")
    return value


def _previous(body: dict[str, Any]) -> str | None:
    """The id of the answer that a request goes on from. All keys share the upstream's one key, which may read whatever any of
    them was answered; so what names stored things of which nobody knows whose they are is refused."""
    if body.get("conversation") is not None:
        raise refusals.bad_request(
            "conversation is not supported: its owner cannot be determined; send the whole input"
        )
    previous = body.get("previous_response_id")
    if previous is not None and (not isinstance(previous, str) or not previous):
        raise refusals.bad_request("previous_response_id must be the id of a response")
    return previous


def compacting(request: ModelRequest) -> ModelRequest:
    """A request to `/responses/compact` as the request to `/responses` that gives the same item."""
    given = request.body["input"]
    items = given if isinstance(given, list) else [{"type": "message", "role": "user", "content": given}]
    body = {**request.body, "input": [*items, {"type": "compaction_trigger"}], "stream": False}
    return replace(request, body=body, raw=written_again(body), stream=False)


def written_again(body: Mapping[str, Any]) -> bytes:
    """A changed request's bytes, written step by step, for it may be large."""
    return stepwise(body, _json).encode("utf-8", "surrogatepass")


def _check_messages(messages: Any) -> None:
    if not isinstance(messages, list) or not messages:
        raise refusals.bad_request("messages must not be empty")
    if not all(isinstance(message, dict) for message in messages):
        raise refusals.bad_request("messages must be a list of objects")


def _check_input(value: Any) -> None:
    if not value or not isinstance(value, (str, list)):
        raise refusals.bad_request("input must not be empty")
    for item in value if isinstance(value, list) else ():
        if not isinstance(item, dict):
            raise refusals.bad_request("input must be text or a list of items")
        if item.get("type") == "item_reference" or not ("type" in item or "role" in item):
            raise refusals.bad_request(
                "item_reference is not supported: send the item itself (what an id refers to may be another key's)"
                if item.get("type") == "item_reference"
                else "an item of input must be whole: a type or a role is missing"
            )


def input_tokens(raw: bytes) -> int:
    """The most input tokens that we expect of a body; embedded files count as a constant, not by their bytes."""
    size = len(raw)
    if b";base64," in raw:
        size = len(_EMBEDDED.sub(b" " * 3000, raw))
    return size // BYTES_PER_TOKEN + 1


def has_image(body: dict[str, Any]) -> bool:
    """Whether a message has an image: JoyToken then wants a model with vision."""
    items = body.get("messages") or body.get("input")
    for item in items if isinstance(items, list) else ():
        content = item.get("content", item.get("output"))
        for part in content if isinstance(content, list) else ():
            if isinstance(part, dict) and part.get("type") in ("image_url", "input_image"):
                return True
    return False
