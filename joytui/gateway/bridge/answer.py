"""A whole Chat completion: the state machine of a stream, fed once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from joytui.core.joytoken import UPSTREAM_ERROR
from joytui.gateway.bridge.chunks import FINAL_TASK
from joytui.gateway.bridge.errors import StreamError
from joytui.gateway.bridge.outputs import Event
from joytui.gateway.bridge.reading import ReadChunk
from joytui.gateway.bridge.stream import ResponsesStream


def feed_completion(stream: ResponsesStream, completion: Any, read: ReadChunk | None = None) -> list[Event]:
    """The events of a body that came whole (also where a stream was asked for). A body that is none is a failure. `read`: what it
    says, where somebody has read it."""
    if not isinstance(completion, Mapping):
        return stream.fail(
            StreamError(UPSTREAM_ERROR, "the upstream's answer is not a Chat completion", UPSTREAM_ERROR)
        )
    whole = orchestrated(completion)
    events = stream.feed(whole, read if whole is completion else None)
    if not stream.ended and stream.finish is None and whole.get("choices"):
        stream.finish = "stop"  # what came whole was not cut off
    return events


def orchestrated(completion: Mapping[str, Any]) -> Mapping[str, Any]:
    """An orchestrated turn's content is a JSON string of `[{content, title}, …]` beside a `plan`."""
    choices = completion.get("choices")
    if not completion.get("plan") or not isinstance(choices, list) or not choices:
        return completion
    message = choices[0].get("message") if isinstance(choices[0], Mapping) else None
    parts = _parts(message.get("content")) if isinstance(message, Mapping) else None
    if not isinstance(message, Mapping) or parts is None:
        return completion
    final = [part["content"] for part in parts if part.get("task_id") == FINAL_TASK]
    text = final[-1] if final else _titled(parts)
    return {**completion, "choices": [{**choices[0], "message": {**message, "content": text}}]}


def _titled(parts: list[dict[str, Any]]) -> str:
    """All parts under their titles: which of them is the answer is not said."""
    if len(parts) == 1:
        return str(parts[0]["content"])
    return "\n\n".join(f"## {p['title']}\n\n{p['content']}" if p.get("title") else p["content"] for p in parts)


def _parts(content: Any) -> list[dict[str, Any]] | None:
    if not isinstance(content, str) or not content.lstrip().startswith("["):
        return None
    try:
        parts = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(parts, list) or not parts:
        return None
    return parts if all(isinstance(p, dict) and isinstance(p.get("content"), str) for p in parts) else None
