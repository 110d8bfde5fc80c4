"""JSON and events as bytes. Text from a model may hold halves of surrogate pairs, which UTF-8 does not know."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from joytui.core.sse import DONE, encode_event
from joytui.gateway.bridge.errors import StreamError

DONE_BYTES = encode_event(DONE)
_encoded = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # json.dumps would make one each time


def json_text(value: Any) -> str:
    """Compact JSON that is always valid UTF-8: pairs that came in two pieces are joined, a half becomes U+FFFD."""
    text = _encoded(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def json_bytes(value: Any) -> bytes:
    return json_text(value).encode()


def event_bytes(events: Iterable[Mapping[str, Any]]) -> bytes:
    """Responses events as server-sent events, each with its type in `event:` and in the JSON (Codex reads the JSON)."""
    return b"".join(encode_event(json_text(event), str(event["type"])) for event in events)


def chunk_bytes(chunk: Mapping[str, Any]) -> bytes:
    """One Chat chunk as a server-sent event."""
    return encode_event(json_text(chunk))


def chat_failure(error: StreamError, *, final: bool = False) -> bytes:
    """What tells a client of a Chat stream that no more will come. `final`: `[DONE]` as well, so that it asks for nothing."""
    told = {"message": error.message, "type": error.type or error.code, "code": error.code}
    return chunk_bytes({"error": told, "choices": []}) + (DONE_BYTES if final else b"")
