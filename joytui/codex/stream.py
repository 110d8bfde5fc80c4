"""The event stream of `/responses` as Codex reads it, and what Codex makes of it.

Every rule here was seen with the real Codex 0.169.0 (and holds since 0.95.0):

* `type` counts inside the JSON; the SSE `event:` line and the Content-Type do not; data that is not a JSON object with a
  string `type` is skipped; a BOM spoils the stream; bytes that are not UTF-8 end it.
* `response.completed` ends the turn. It needs `response.id` (a string); `usage` may be absent or null, else it needs
  its three counts. One that does not parse is remembered, and a good one after it heals it; so it heals
  `response.failed` and `error` events.
* Text is taken from `response.output_item.done` with a message of role assistant. An item that does not parse, or one
  with a single part that does not, is dropped without a word.
* `response.incomplete` ends the turn at once. A last event without its blank line does not count.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from joytui.causes.error_bodies import body_kind, carries_error, error_fields
from joytui.codex.response_values import CALLS, Unreadable, completed_response, message_text
from joytui.core.json_object import json_object
from joytui.core.sse import DONE, EventTooLarge, SseEvent, SseSplitter

HEAD = 64 * 1024
TEXT = 2000
CLOSED = "stream closed before response.completed"
DISCONNECTED = "stream disconnected before completion: "
UPGRADE = "To use Codex with your ChatGPT plan, upgrade to Plus: https://chatgpt.com/explore/plus."
CAPACITY = "Selected model is at capacity. Please try a different model."
QUOTA = "Quota exceeded. Check your plan and billing details."
NO_ROOM = (
    "Codex ran out of room in the model's context window. Start a new thread or clear earlier history before retrying."
)

End = Literal["closed", "broken", "idle", "open"]
Retried = Literal["once", "turn"]

_FINAL_CODES = {
    "insufficient_quota": QUOTA,
    "context_length_exceeded": NO_ROOM,
    "usage_not_included": UPGRADE,
    "server_is_overloaded": CAPACITY,
}
_FINAL_WITH_MESSAGE = ("invalid_prompt", "cyber_policy", "bio_policy", "content_policy_violation", "model_not_found")
_RATE_CODES = ("rate_limit_exceeded", "slow_down")


@dataclass(frozen=True, slots=True)
class StreamOutcome:
    """What Codex makes of the stream. `cause` None: an answer was shown (or the stream still runs: `end` "open").

    `codex_says`: the final line that Codex prints. `retried`: "turn" if Codex sends the turn again
    (stream_max_retries times), "once" if not. `error`: what the gateway reported inside (type, code, message).
    """

    cause: str | None
    end: End
    codex_says: str | None = None
    retried: Retried = "once"
    error: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    tool_calls: int = 0
    usage: Mapping[str, Any] | None = None
    complete: bool = False


@dataclass(slots=True)
class StreamReader:
    """Feed it the body as it comes; `done` says that Codex stops reading there; `outcome` judges it."""

    head: bytearray = field(default_factory=bytearray)
    size: int = 0
    events: int = 0
    typed: int = 0
    untyped: int = 0
    chat_chunks: int = 0
    text: str = ""
    deltas: int = 0
    tool_calls: int = 0
    items: int = 0
    dropped_items: int = 0
    completed: Mapping[str, Any] | None = None
    completed_error: str | None = None
    completed_unusable: bool = False
    failed: Mapping[str, Any] | None = None
    error: dict[str, Any] = field(default_factory=dict)
    incomplete: str | None = None
    broken_text: str | None = None
    output_at_end: bool = False
    done_markers: int = 0
    types: dict[str, int] = field(default_factory=dict)
    _splitter: SseSplitter = field(default_factory=SseSplitter)
    _cut: bytes = b""

    @property
    def done(self) -> bool:
        """Whether Codex reads no further."""
        return self.completed is not None or self.incomplete is not None or self.broken_text is not None

    @property
    def bom(self) -> bool:
        """Whether the stream begins with a byte order mark."""
        return self.head[:3] == codecs.BOM_UTF8

    @property
    def comments(self) -> int:
        """How many comment lines came, which keep a stream alive for proxies but not for Codex."""
        return self._splitter.comments

    def feed(self, chunk: bytes) -> int:
        """Takes bytes of the body; returns how many events Codex saw in them (each resets its idle timer)."""
        if len(self.head) < HEAD:
            self.head += chunk[: HEAD - len(self.head)]
        self.size += len(chunk)
        before = self.events
        if not self.done:
            self._read(chunk)
        return self.events - before

    def _read(self, chunk: bytes) -> None:
        text, fault = self._valid(chunk)
        try:
            for event in self._splitter.feed(text):
                self._take(event)
                if self.done:
                    break
        except EventTooLarge as error:
            fault = str(error)
        if fault and not self.done:
            self.broken_text = fault

    def _valid(self, chunk: bytes) -> tuple[bytes, str | None]:
        """The bytes up to the first that are no UTF-8, and Codex's word for those; a character cut in two waits."""
        data = self._cut + chunk
        self._cut = b""
        try:
            data.decode()
        except UnicodeDecodeError as error:
            if error.reason == "unexpected end of data":
                self._cut = data[error.start :]
                return data[: error.start], None
            bad = error.end - error.start
            return data[: error.start], f"UTF8 error: invalid utf-8 sequence of {bad} bytes from index 0"
        return data, None

    def outcome(self, end: End, transport_error: str | None = None) -> StreamOutcome:
        """The judgement when the body has ended: "closed" cleanly, "broken" off, "idle" too long, or still "open"."""
        return _judge(self, end, transport_error)

    # --- events -----------------------------------------------------------------------------------------------------

    def _take(self, event: SseEvent) -> None:
        self.events += 1
        if event.data.strip() == DONE:
            self.done_markers += 1
        if self.bom:
            return
        data = json_object(event.data)
        if data is None:
            return
        kind = data.get("type")
        if not isinstance(kind, str):
            self._take_untyped(data)
            return
        self.typed += 1
        if len(self.types) < 64 or kind in self.types:
            self.types[kind] = self.types.get(kind, 0) + 1
        handler = _HANDLERS.get(kind)
        if handler is not None:
            handler(self, data)
        elif kind == "response.output_text.delta":
            self.deltas += 1

    def _take_untyped(self, data: Mapping[str, Any]) -> None:
        if isinstance(data.get("error"), (dict, str)):
            self.error = self.error or error_fields(data)
        elif data.get("object") == "chat.completion.chunk" or isinstance(data.get("choices"), list):
            self.chat_chunks += 1
        else:
            self.untyped += 1

    def _on_error(self, data: Mapping[str, Any]) -> None:
        self.error = self.error or error_fields(data)

    def _on_item(self, data: Mapping[str, Any]) -> None:
        self.items += 1
        item = data.get("item")
        if not isinstance(item, dict):
            self.dropped_items += 1
            return
        kind = item.get("type")
        if kind == "message":
            text = message_text(item)
            if text is None:
                self.dropped_items += 1
            elif len(self.text) < TEXT:
                self.text += text[: TEXT - len(self.text)]
        elif isinstance(kind, str) and kind in CALLS:
            good = all(isinstance(item.get(name), str) for name in CALLS[kind])
            self.tool_calls += good
            self.dropped_items += not good

    def _on_completed(self, data: Mapping[str, Any]) -> None:
        response = data.get("response")
        if response is None:
            self.completed_unusable = True
            return
        try:
            self.completed = completed_response(response)
        except Unreadable as refusal:
            self.completed_error = f"failed to parse ResponseCompleted: {refusal}"
            return
        self.output_at_end = bool(isinstance(response, dict) and response.get("output"))

    def _on_failed(self, data: Mapping[str, Any]) -> None:
        response = data.get("response")
        found = response.get("error") if isinstance(response, dict) else None
        self.failed = found if isinstance(found, dict) else {}

    def _on_incomplete(self, data: Mapping[str, Any]) -> None:
        response = data.get("response")
        details = response.get("incomplete_details") if isinstance(response, dict) else None
        reason = details.get("reason") if isinstance(details, dict) else None
        self.incomplete = reason if isinstance(reason, str) else "unknown"


_HANDLERS = {
    "error": StreamReader._on_error,
    "response.output_item.done": StreamReader._on_item,
    "response.completed": StreamReader._on_completed,
    "response.failed": StreamReader._on_failed,
    "response.incomplete": StreamReader._on_incomplete,
}


# --- the judgement ----------------------------------------------------------------------------------------------------


def _judge(seen: StreamReader, end: End, transport_error: str | None) -> StreamOutcome:
    if seen.completed is not None:
        return _completed_outcome(seen)
    if seen.incomplete is not None:
        says = f"Incomplete response returned, reason: {seen.incomplete}"
        again = seen.incomplete == "content_filter"
        return _ended(
            seen, "response-incomplete", DISCONNECTED + says if again else says, end, {"reason": seen.incomplete}, again
        )
    if seen.broken_text is not None and not seen.typed and b"data:" not in seen.head:
        body = {"body": "binary"}
        return _ended(seen, "not-an-event-stream", DISCONNECTED + seen.broken_text, end, body)
    if seen.broken_text is not None:
        return _ended(seen, "stream-invalid", DISCONNECTED + seen.broken_text, end, {})
    if end == "open":
        return StreamOutcome(None, "open", text=seen.text, details=_counts(seen))
    if seen.failed is not None:
        return _failed_outcome(seen, end)
    if end == "idle":
        return _ended(seen, "stream-idle", DISCONNECTED + "idle timeout waiting for SSE", end, {})
    cause, details = _why_unfinished(seen, end)
    says = seen.completed_error or (CLOSED if end == "closed" else _transport(transport_error))
    return _ended(seen, cause, DISCONNECTED + says, end, details)


def _transport(error: str | None) -> str:
    return f"Transport error: network error: {error or 'error decoding response body'}"


def _completed_outcome(seen: StreamReader) -> StreamOutcome:
    answered = bool(seen.text.strip() or seen.tool_calls)
    usage = seen.completed.get("usage") if seen.completed else None
    return StreamOutcome(
        None if answered else "stream-output-missing",
        "closed",
        codex_says=None,
        details={**_counts(seen), **({} if answered else {"why": _why_empty(seen)})},
        text=seen.text,
        tool_calls=seen.tool_calls,
        usage=usage if isinstance(usage, dict) else None,
        complete=True,
    )


def _why_empty(seen: StreamReader) -> str:
    if seen.dropped_items:
        return "an output_item.done that Codex cannot parse (role, content parts, or call fields)"
    if seen.deltas:
        return "text in deltas only, no response.output_item.done"
    if seen.output_at_end:
        return "output only inside response.completed, no response.output_item.done"
    return "no output at all before response.completed" if not seen.items else "no assistant text in any item"


def _failed_outcome(seen: StreamReader, end: End) -> StreamOutcome:
    error = seen.failed or {}
    code = error.get("code") if isinstance(error.get("code"), str) else None
    message = error.get("message") if isinstance(error.get("message"), str) else ""
    found = error_fields({"error": dict(error)}) if error else {}
    if code in _FINAL_CODES:
        says, again = _FINAL_CODES[code], False
    elif code in _FINAL_WITH_MESSAGE:
        says, again = message or "", False
    elif code in _RATE_CODES:
        says, again = f"rate limit exceeded: {message}", True
    elif not error or (code is None and error.get("code") is not None):
        says, again = DISCONNECTED + "response.failed event received", True
    else:
        says, again = DISCONNECTED + str(message), True
    return replace(_ended(seen, "response-failed", says, end, {"code": code} if code else {}, again), error=found)


def _why_unfinished(seen: StreamReader, end: End) -> tuple[str, dict[str, Any]]:
    """The cause of a stream without a terminal event, the surest sign first."""
    if seen.error:
        return "error-in-200", {}
    if seen.completed_error or seen.completed_unusable:
        return "stream-invalid", {"why": seen.completed_error or "response.completed without a response"}
    if seen.chat_chunks:
        return "chat-stream-on-responses", {}
    if seen.bom:
        return "stream-invalid", {"why": "the stream begins with a byte order mark"}
    if seen.events == 0 and not seen.comments:
        return _no_stream(seen, end)
    if seen.untyped and not seen.typed:
        return "stream-invalid", {"why": "events without `type` in their JSON"}
    if seen.done_markers and seen.done_markers == seen.events:
        return "stream-truncated", {"why": "nothing but [DONE]"}
    if seen.events and not seen.typed:
        return "stream-invalid", {"why": "no event is a JSON object with a `type`"}
    return "stream-truncated", {
        "why": f"ended {'cleanly' if end == 'closed' else 'abruptly'} after {seen.typed} events"
    }


def _no_stream(seen: StreamReader, end: End) -> tuple[str, dict[str, Any]]:
    head = bytes(seen.head).strip()
    kind = body_kind(head)
    if kind == "empty" and end != "broken":
        return "not-an-event-stream", {"body": "empty"}
    if kind == "json":
        error = error_fields(json_object(head) or {}) if carries_error(head) else {}
        if error:
            seen.error = error
            return "error-in-200", {"body": "json"}
    if kind in ("empty", "text") and end == "broken":
        return "stream-truncated", {"why": "cut before any event"}
    if kind == "text" and (b"data:" in head[:4096].lower() or b"event:" in head[:4096].lower()):
        if b"data:" in head:
            return "stream-truncated", {"why": "the last event lacks its blank line"}
        return "stream-invalid", {"why": "fields that are not those of server-sent events"}
    return "not-an-event-stream", {"body": kind}


def _ended(
    seen: StreamReader, cause: str, says: str, end: End, details: Mapping[str, Any], again: bool = True
) -> StreamOutcome:
    return StreamOutcome(
        cause,
        end,
        codex_says=says,
        retried="turn" if again else "once",
        error=dict(seen.error),
        details={**_counts(seen), **details},
        text=seen.text,
    )


def _counts(seen: StreamReader) -> dict[str, Any]:
    return {"events": seen.events, "comments": seen.comments, "bytes": seen.size}
