"""Behaviours of a stream under HTTP 200: other things than an event stream, streams that break or pause, framing that Codex forgives."""

from __future__ import annotations

import json
from dataclasses import replace

from tests.support.behaviours import (
    CHAT,
    COMPLETED,
    CREATED,
    DELTA,
    HEALTHY,
    ITEM_ADDED,
    ITEM_DONE,
    USAGE,
    WHOLE,
    add,
    as_json,
    as_text,
    event,
    message,
    stream,
)
from tests.support.stream_events import DONE, PING, TEXT, chat_chunk, completed, finished

# Other things than an event stream

add("F_json_responses", as_json(200, {"id": "resp_1", "object": "response", "output": [message()], "usage": USAGE}))
add("F_json_chat", CHAT)
add("F_json_object", as_json(200, {"ok": True}))
add("F_html", as_text(200, "<html><title>Welcome</title></html>"))
add("F_text", as_text(200, "OK", "text/plain"))
add("F_empty", as_text(200, "", None))
add("F_empty_stream", stream())
add("F_204", as_text(204, "", None))
add("F_201_stream", replace(HEALTHY, status=201))
add("F_202_stream", replace(HEALTHY, status=202))
add("F_binary", as_text(200, bytes(range(256)) * 4, "application/octet-stream"))
add(
    "F_ndjson",
    as_text(200, json.dumps({"type": "response.completed", "response": {"id": "r"}}) + "\n", "application/x-ndjson"),
)

# Chat Completions on /responses

add("F_chat_chunks", stream(chat_chunk(role="assistant"), chat_chunk(content="hi"), DONE))
add("F_chat_chunks_no_done", stream(chat_chunk(role="assistant"), chat_chunk(content="hi")))

# Errors under HTTP 200

add("F_json_error", as_json(200, {"error": {"message": "orchestration failed", "type": "server_error"}, "choices": []}))
add(
    "F_json_error_policy",
    as_json(200, {"error": {"message": "requested tier is not allowed", "type": "policy_rejected"}}),
)
add("F_json_error_quota", as_json(200, {"error": {"message": "wallet is empty", "type": "insufficient_quota"}}))
add(
    "F_sse_error_envelope",
    stream(event(None, error={"message": "orchestration failed", "type": "server_error"}, choices=[])),
)
add("F_error_event", stream(CREATED, event("error", code="policy_rejected", message="not allowed")))
add(
    "F_error_event_nested", stream(CREATED, event("error", error={"type": "policy_rejected", "message": "not allowed"}))
)
add("F_error_event_server", stream(CREATED, event("error", error={"type": "server_error", "message": "boom"})))
add("F_error_event_only", stream(event("error", error={"type": "server_error", "message": "boom"})))
add("F_error_event_quota", stream(event("error", error={"type": "insufficient_quota", "message": "wallet is empty"})))
add("F_error_then_completed", stream(event("error", error={"type": "server_error", "message": "boom"}), *WHOLE))
add(
    "F_error_mid_text",
    stream(*TEXT, event(None, error={"message": "provider invoke failed", "type": "upstream_error"})),
)

# Cut

add("F_cut_clean", stream(*TEXT))
add("F_cut_clean_item_done", stream(*TEXT, ITEM_DONE))
add("F_cut_mid_chunk", stream(*TEXT, ending="cut"))
add("F_cut_mid_chunk_first", stream(ending="cut"))
add("F_reset_mid_stream", stream(*TEXT, ending="reset"))
add("F_cut_mid_event", stream(CREATED, COMPLETED[: len(COMPLETED) // 2]))
add("F_cut_completed_no_blank_line", stream(*TEXT, ITEM_DONE, COMPLETED.rstrip(b"\n")))
add("F_cut_completed_one_newline", stream(*TEXT, ITEM_DONE, COMPLETED[:-1]))
add("F_completed_then_cut", stream(*WHOLE, ending="cut"))
add("F_completed_then_hang", stream(*WHOLE, ending="hang"))
add("F_completed_then_reset", stream(*WHOLE, ending="reset"))
add("F_cut_once", (stream(*TEXT), HEALTHY))
add("F_done_only", stream(DONE))

# Idle

add("F_hang_after_head", stream(ending="hang"))
add("F_hang_after_created", stream(CREATED, ending="hang"))
add("F_hang_after_text", stream(*TEXT, ending="hang"))
add("F_hang_after_item", stream(*TEXT, ITEM_DONE, ending="hang"))
add("F_comments_only", stream(CREATED, *([PING, 0.5] * 60), ending="hang"))
add("F_comments_then_whole", stream(CREATED, *([PING, 0.3] * 3), ITEM_DONE, COMPLETED))
add("F_slow_events", stream(CREATED, 0.8, ITEM_ADDED, 0.8, DELTA, 0.8, ITEM_DONE, 0.8, COMPLETED))
add("F_unknown_events_keep_alive", stream(CREATED, *([event("response.heartbeat"), 0.5] * 6), ITEM_DONE, COMPLETED))

# What Codex forgives

add("F_minimal", stream(ITEM_DONE, COMPLETED))
add("F_no_created", stream(ITEM_ADDED, DELTA, ITEM_DONE, COMPLETED))
add("F_done_after", stream(*WHOLE, DONE))
add("F_no_ctype", stream(*WHOLE, content_type=None))
add("F_json_ctype", stream(*WHOLE, content_type="application/json"))
add("F_text_ctype", stream(*WHOLE, content_type="text/plain"))
add("F_crlf", stream(*(piece.replace(b"\n", b"\r\n") for piece in WHOLE)))
add("F_cr", stream(*(piece.replace(b"\n", b"\r") for piece in WHOLE)))
add("F_bom", stream(b"\xef\xbb\xbf" + CREATED, *WHOLE[1:]))
add("F_no_event_lines", stream(*(piece.split(b"\n", 1)[1] for piece in WHOLE)))
add("F_wrong_event_lines", stream(*(b"event: other\n" + piece.split(b"\n", 1)[1] for piece in WHOLE)))
add("F_no_space_after_data", stream(*(piece.replace(b"data: ", b"data:") for piece in WHOLE)))
add("F_id_and_retry_lines", stream(*(b"id: 7\nretry: 100\n" + piece for piece in WHOLE)))
add(
    "F_multi_line_data",
    stream(
        CREATED,
        b'data: {"type":"response.output_item.done",\ndata: "item":' + json.dumps(message()).encode() + b"}\n\n",
        COMPLETED,
    ),
)
add("F_bad_json_then_ok", stream(CREATED, b"data: {not json}\n\n", ITEM_DONE, COMPLETED))
add(
    "F_non_object_then_ok",
    stream(CREATED, b"data: 42\n\n", b'data: "x"\n\n', b"data: null\n\n", b"data: []\n\n", ITEM_DONE, COMPLETED),
)
add("F_unknown_event_then_ok", stream(CREATED, event("response.something_new", x=1), ITEM_DONE, COMPLETED))
add("F_bytewise", stream(*(bytes([byte]) for byte in ITEM_DONE + COMPLETED)))
_ACCENTS = finished(message("héllo"))
_SPLIT = _ACCENTS.index("é".encode()) + 1
add("F_split_mid_utf8", stream(CREATED, _ACCENTS[:_SPLIT], 0.05, _ACCENTS[_SPLIT:], COMPLETED))
add(
    "F_bad_utf8",
    stream(CREATED, event("response.output_text.delta", delta="x").replace(b"x", b"\xff\xfe"), ITEM_DONE, COMPLETED),
)
add("F_bad_utf8_in_item", stream(CREATED, ITEM_DONE.replace(b"hi from", b"\xff\xfe from"), COMPLETED))
add("F_big_event", stream(CREATED, finished(message("x" * 2_000_000)), COMPLETED))
add("F_many_events", stream(CREATED, *([DELTA] * 3000), ITEM_DONE, COMPLETED))
add(
    "F_reasoning_item",
    stream(CREATED, finished({"type": "reasoning", "id": "rs_1", "summary": []}), ITEM_DONE, COMPLETED),
)
add("F_usage_missing", stream(CREATED, ITEM_DONE, completed(id="resp_1")))
add("F_usage_null", stream(CREATED, ITEM_DONE, completed(id="resp_1", usage=None)))
add(
    "F_usage_missing_details",
    stream(
        CREATED, ITEM_DONE, completed(id="resp_1", usage={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3})
    ),
)
add("F_two_completed", stream(*WHOLE, COMPLETED))
add("F_item_after_completed", stream(CREATED, COMPLETED, ITEM_DONE))
add(
    "F_full_realistic",
    stream(
        event(
            "response.created",
            sequence_number=0,
            response={"id": "resp_1", "object": "response", "status": "in_progress", "output": []},
        ),
        event("response.in_progress", sequence_number=1, response={"id": "resp_1"}),
        event(
            "response.output_item.added",
            sequence_number=2,
            output_index=0,
            item=message("", id="msg_1", status="in_progress"),
        ),
        event(
            "response.content_part.added",
            sequence_number=3,
            item_id="msg_1",
            content_index=0,
            part={"type": "output_text", "text": ""},
        ),
        event("response.output_text.delta", sequence_number=4, item_id="msg_1", content_index=0, delta="hi"),
        event("response.output_text.done", sequence_number=5, item_id="msg_1", content_index=0, text="hi"),
        event(
            "response.content_part.done",
            sequence_number=6,
            item_id="msg_1",
            content_index=0,
            part={"type": "output_text", "text": "hi"},
        ),
        event(
            "response.output_item.done",
            sequence_number=7,
            output_index=0,
            item=message("hi", id="msg_1", status="completed"),
        ),
        event(
            "response.completed",
            sequence_number=8,
            response={
                "id": "resp_1",
                "object": "response",
                "status": "completed",
                "output": [message("hi")],
                "usage": USAGE,
            },
        ),
    ),
)
