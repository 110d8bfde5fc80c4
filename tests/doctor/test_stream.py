"""The stream reader against what the real Codex 0.169.0 did with the same bytes (recorded by serving them to it)."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joytui.codex.stream import StreamReader

ITEM = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]}


def event(**data: object) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def item(**changes: object) -> bytes:
    return event(type="response.output_item.done", item={**ITEM, **changes})


def completed(**response: object) -> bytes:
    return event(type="response.completed", response={"id": "resp_1", **response})


def failed(code: object, message: str = "m") -> bytes:
    return event(type="response.failed", response={"id": "r", "error": {"code": code, "message": message}})


GOOD = item() + completed()

# (name, bytes, cause, what Codex said or None, whether Codex repeated the turn)
OBSERVED = [
    ("whole", GOOD, None, None, False),
    ("no blank line at the end", GOOD.rstrip(b"\n"), "stream-truncated", "stream closed before response.completed", True),
    ("one newline at the end", GOOD[:-1], "stream-truncated", "stream closed before response.completed", True),
    (
        "bytes that are not UTF-8",
        b'data: {"type":"response.output_text.delta","delta":"\xff"}\n\n' + GOOD,
        "stream-invalid",
        "UTF8 error: invalid utf-8 sequence of 1 bytes from index 0",
        True,
    ),
    ("item missing", event(type="response.output_item.done") + completed(), "stream-output-missing", None, False),
    ("role user", item(role="user") + completed(), "stream-output-missing", None, False),
    ("usage null", item() + completed(usage=None), None, None, False),
    (
        "usage without total",
        item() + completed(usage={"input_tokens": 1, "output_tokens": 1}),
        "stream-invalid",
        "failed to parse ResponseCompleted: missing field `total_tokens`",
        True,
    ),
    (
        "usage with text",
        item() + completed(usage={"input_tokens": "1", "output_tokens": 1, "total_tokens": 2}),
        "stream-invalid",
        'failed to parse ResponseCompleted: invalid type: string "1", expected i64',
        True,
    ),
    (
        "usage details empty",
        item() + completed(usage={"input_tokens": 1, "output_tokens": 1, "total_tokens": 2, "input_tokens_details": {}}),
        "stream-invalid",
        "failed to parse ResponseCompleted: missing field `cached_tokens`",
        True,
    ),
    ("response.done", item() + event(type="response.done", response={"id": "r"}), "stream-truncated", "stream closed", True),
    ("failed without error", event(type="response.failed"), "response-failed", "response.failed event received", True),
    ("failed, overloaded", failed("server_is_overloaded"), "response-failed", "Selected model is at capacity.", False),
    ("failed, quota", failed("insufficient_quota"), "response-failed", "Quota exceeded.", False),
    ("failed, rate limit", failed("rate_limit_exceeded"), "response-failed", "rate limit exceeded: m", True),
    ("failed, any code", failed("server_error"), "response-failed", "stream disconnected before completion: m", True),
    ("failed, then completed", failed("server_error") + GOOD, None, None, False),
    ("error, then completed", event(type="error", error={"message": "x"}) + GOOD, None, None, False),
    (
        "incomplete",
        item() + event(type="response.incomplete", response={"incomplete_details": {"reason": "max_output_tokens"}}),
        "response-incomplete",
        "Incomplete response returned, reason: max_output_tokens",
        False,
    ),
    (
        "incomplete by filter",
        event(type="response.incomplete", response={"incomplete_details": {"reason": "content_filter"}}),
        "response-incomplete",
        "stream disconnected before completion: Incomplete response returned, reason: content_filter",
        True,
    ),
    ("completed without response", item() + event(type="response.completed"), "stream-invalid", "stream closed", True),
    (
        "id is a number",
        item() + completed(id=5),
        "stream-invalid",
        "failed to parse ResponseCompleted: invalid type: number, expected a string",
        True,
    ),
    ("a bad completed, then a good one", item() + event(type="response.completed", response={}) + completed(), None, None, False),
    ("content is text", item(content="hi") + completed(), "stream-output-missing", None, False),
    ("one part that Codex cannot parse", item(content=[{"type": "refusal", "refusal": "x"}, *ITEM["content"]]) + completed(), "stream-output-missing", None, False),
    ("item after completed", completed() + item(), "stream-output-missing", None, False),
    ("byte order mark", b"\xef\xbb\xbf" + GOOD, "stream-invalid", "stream closed before response.completed", True),
    ("CRLF", GOOD.replace(b"\n", b"\r\n"), None, None, False),
    ("Data with a capital", GOOD.replace(b"data:", b"Data:"), "stream-invalid", "stream closed", True),
    ("no space", GOOD.replace(b"data: ", b"data:"), None, None, False),
    ("tool call", event(type="response.output_item.done", item={"type": "function_call", "name": "x", "arguments": "{}", "call_id": "c"}) + completed(), None, None, False),
    ("tool call without id", event(type="response.output_item.done", item={"type": "function_call", "name": "x", "arguments": "{}"}) + completed(), "stream-output-missing", None, False),
    ("chat chunks", event(object="chat.completion.chunk", choices=[]) + b"data: [DONE]\n\n", "chat-stream-on-responses", "stream closed", True),
    ("type only in the event line", b"event: response.completed\n" + event(response={"id": "r"}), "stream-invalid", "stream closed", True),
    ("JSON", b'{"object": "response", "output": []}', "not-an-event-stream", "stream closed", True),
    ("HTML", b"<!doctype html><title>x</title>", "not-an-event-stream", "stream closed", True),
    ("nothing", b"", "not-an-event-stream", "stream closed", True),
    ("a JSON error", b'{"error": {"message": "no", "type": "x"}}', "error-in-200", "stream closed", True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "cause", "says", "again"), [case[1:] for case in OBSERVED], ids=[c[0] for c in OBSERVED]
)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_reads_as_codex_does(data: bytes, cause: str | None, says: str | None, again: bool, size: int) -> None:
    reader = StreamReader()
    for start in range(0, len(data), size):
        reader.feed(data[start : start + size])
    outcome = reader.outcome("closed")
    assert outcome.cause == cause
    assert (outcome.codex_says is None) == (says is None)
    assert says is None or says in (outcome.codex_says or "")
    assert says is None or (outcome.retried == "turn") == again


def test_comments_are_no_events() -> None:
    reader = StreamReader()
    assert reader.feed(b": ping\n\n") == 0
    assert reader.feed(event(type="response.heartbeat")) == 1
    assert reader.outcome("idle").cause == "stream-idle"


def test_stops_reading_at_completed() -> None:
    reader = StreamReader()
    reader.feed(GOOD + b"\xff\xfe garbage")
    assert reader.done
    assert reader.outcome("broken").cause is None


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_any_bytes_get_a_judgement(pieces: list[bytes]) -> None:
    reader = StreamReader()
    for piece in pieces:
        reader.feed(piece)
    assert reader.outcome("closed").cause is not None
    assert len(reader.head) <= 64 * 1024
