"""JSON and events as bytes. Text from a model may hold halves of surrogate pairs, which UTF-8 does not know."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from joytui.core.sse import DONE, encode_event
from joytui.gateway.bridge.errors import StreamError

DONE_BYTES = encode_event(DONE)
_quoted = json.encoder.encode_basestring
_encoded = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode
"""Made once: json.dumps would make one each time. Nothing in JSON that came is in itself."""


def json_bytes(value: Any) -> bytes:
    """Compact JSON that is always valid UTF-8: pairs that came in two pieces are joined, a half becomes U+FFFD."""
    return _utf8(_encoded(value))


def object_bytes(value: Mapping[str, Any]) -> bytes:
    """The same for an object that may be large: each member, and a few elements of a list at a time, in its own step
    (`gateway.aside`)."""
    return _utf8(stepwise(value, _encoded))


STEP = 64
"""Elements of a list that are written in one step."""


def stepwise(value: Mapping[str, Any], encoded: Callable[[Any], str]) -> str:
    """An object's JSON, as `encoded` writes it."""
    members = (
        f"{encoded(name)}:{_elements(one, encoded) if isinstance(one, list) else encoded(one)}"
        for name, one in value.items()
    )
    return f"{{{','.join(members)}}}"


def _elements(values: list[Any], encoded: Callable[[Any], str]) -> str:
    steps = [encoded(values[start : start + STEP])[1:-1] for start in range(0, len(values), STEP)]
    return f"[{','.join(steps)}]"


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def event_bytes(events: Iterable[Mapping[str, Any]]) -> bytes:
    """Responses events as server-sent events, each with its type in `event:` and in the JSON (Codex reads the JSON)."""
    return b"".join([_event_bytes(event) for event in events])


def _event_bytes(event: Mapping[str, Any]) -> bytes:
    """No line break is in compact JSON: the data is one line."""
    members = []
    for name, value in event.items():
        if type(value) is str:
            members.append(f'"{name}":{_quoted(value)}')
        elif type(value) is int:
            members.append(f'"{name}":{value}')
        elif value == []:
            members.append(f'"{name}":[]')
        else:  # no delta, of which there are many
            return _named_event(event["type"], _encoded(event))
    return _named_event(event["type"], f"{{{','.join(members)}}}")


def _named_event(name: str, data: str) -> bytes:
    return _utf8(f"event: {name}\ndata: {data}\n\n")


def chunk_bytes(chunk: Mapping[str, Any]) -> bytes:
    """One Chat chunk as a server-sent event."""
    return b"data: %b\n\n" % json_bytes(chunk)


def chat_failure(error: StreamError, *, final: bool = False) -> bytes:
    """What ends a Chat stream for its client. `final`: with `[DONE]`, so that the client does not retry."""
    told = {"message": error.message, "type": error.type or error.code, "code": error.code}
    return chunk_bytes({"error": told, "choices": []}) + (DONE_BYTES if final else b"")
