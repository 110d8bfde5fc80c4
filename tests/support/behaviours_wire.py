"""Behaviours where the bytes matter: JoyToken's own error types, lengths and encodings of an answer, odd event streams."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace

from tests.support.behaviours import (
    COMPLETED,
    CREATED,
    DELTA,
    HEALTHY,
    ITEM_ADDED,
    ITEM_DONE,
    WHOLE,
    Reply,
    add,
    as_json,
    as_text,
    error,
    event,
    stream,
)

TEXT = b"".join(WHOLE)
SSE = "content-type: text/event-stream\r\n"

# JoyToken's own error types, at every status that its pages name, and the relay's header

for status, kind, text in (
    (401, "missing_api_key", "missing api key"),
    (403, "invalid_api_key", "api key is invalid or not ACTIVE"),
    (403, "policy_rejected", "requested tier is not allowed"),
    (403, "policy_rejected", "model is not allowed"),
    (402, "insufficient_quota", "wallet balance is insufficient"),
    (502, "routing_error", "router returned no usable model"),
    (502, "upstream_error", "provider invoke failed"),
    (503, "upstream_error", "downstream unavailable"),
    (504, "upstream_error", "deadline exceeded"),
    (500, "stream_error", "response writer does not support streaming"),
    (409, "duplicate_request", "duplicate request_id"),
    (400, "invalid_request_error", "duplicate request_id"),
    (429, "rate_limited", "too many requests for this key"),
    (429, "upstream_error", "provider rate limit"),
    (400, "policy_rejected", "requested tier is not allowed"),
    (400, "insufficient_quota", "daily budget used up"),
    (404, "model_not_found", "model auto is not in the catalog"),
    (500, "upstream_error", "provider invoke failed"),
    (400, "upstream_error", "provider said: Incorrect API key provided"),
    (401, "upstream_error", "provider said: Incorrect API key provided"),
):
    add(f"J_{status}_{kind}_{text.split()[0]}", error(status, text, kind, request_id="auto-req-1"))
for status in (401, 402, 403, 404, 429, 500, 502):
    marked = error(status, "no", "upstream_error", headers=[("x-joytui-error-origin", "upstream")])
    add(f"J_relay_{status}", marked)

# Envelopes of other gateways

add("J_errors_list", as_json(400, {"errors": [{"message": "bad", "code": "x"}]}))
add("J_error_string", as_json(402, {"error": "insufficient quota"}))
add("J_code_message", as_json(403, {"code": 40301, "message": "requested tier is not allowed"}))
add("J_detail_list", as_json(422, {"detail": [{"loc": ["body", "input"], "msg": "Field required", "type": "missing"}]}))
add("J_200_code_message", as_json(200, {"code": 50300, "message": "admin-bff not available"}))
add("J_200_error_key", as_json(200, {"error": {"message": "api key is invalid", "type": "invalid_api_key"}}))
add("J_200_error_model", as_json(200, {"error": {"message": "model not found", "code": "model_not_found"}}))
add("J_200_error_rate", as_json(200, {"error": {"message": "slow down", "type": "rate_limited"}}))
add("J_200_null", as_text(200, "null", "application/json"))
add("J_200_array", as_text(200, "[]", "application/json"))

# Lengths and encodings

plain = json.dumps({"error": {"message": "wallet is empty", "type": "insufficient_quota"}}).encode()
add("W_gzip_stream", Reply(200, (gzip.compress(TEXT, mtime=0),), "text/event-stream", (("content-encoding", "gzip"),)))
add("W_gzip_unlabelled", Reply(200, (gzip.compress(TEXT, mtime=0),), "text/event-stream"))
add("W_gzip_error", Reply(402, (gzip.compress(plain, mtime=0),), headers=(("content-encoding", "gzip"),)))
add("W_labelled_not_gzip", Reply(200, (TEXT,), "text/event-stream", (("content-encoding", "gzip"),)))
add("W_length", Reply(200, (TEXT,), "text/event-stream"))
add("W_no_length", Reply(raw=f"HTTP/1.1 200 OK\r\n{SSE}connection: close\r\n\r\n".encode() + TEXT))
add("W_no_length_at_all", Reply(raw=f"HTTP/1.1 200 OK\r\n{SSE}\r\n".encode() + TEXT))
add("W_http_1_0", Reply(raw=f"HTTP/1.0 200 OK\r\n{SSE}\r\n".encode() + TEXT))
add("W_short_length", Reply(raw=f"HTTP/1.1 200 OK\r\n{SSE}content-length: 60\r\n\r\n".encode() + TEXT))
add(
    "W_long_length",
    Reply(raw=f"HTTP/1.1 200 OK\r\n{SSE}content-length: 99999\r\nconnection: close\r\n\r\n".encode() + TEXT),
)
add(
    "W_long_length_error",
    Reply(raw=b"HTTP/1.1 402 Payment Required\r\ncontent-length: 9999\r\nconnection: close\r\n\r\n" + plain),
)
add(
    "W_two_lengths",
    Reply(raw=f"HTTP/1.1 200 OK\r\n{SSE}content-length: 5\r\ncontent-length: 6\r\n\r\n".encode() + TEXT),
)
add("W_bad_length", Reply(raw=f"HTTP/1.1 200 OK\r\n{SSE}content-length: x\r\n\r\n".encode() + TEXT))
add("W_bad_chunk", Reply(raw=f"HTTP/1.1 200 OK\r\n{SSE}transfer-encoding: chunked\r\n\r\nzz\r\n".encode() + TEXT))
add(
    "W_chunk_without_end",
    Reply(raw=f"HTTP/1.1 200 OK\r\n{SSE}transfer-encoding: chunked\r\n\r\n{len(TEXT):x}\r\n".encode() + TEXT + b"\r\n"),
)
add("W_bare_newlines", Reply(raw=f"HTTP/1.1 200 OK\n{SSE}connection: close\n\n".replace("\r", "").encode() + TEXT))
add("W_huge_header", replace(HEALTHY, headers=(("x-long", "a" * 20_000),)))
add("W_enormous_header", replace(HEALTHY, headers=(("x-long", "a" * 500_000),)))
add("W_many_headers", replace(HEALTHY, headers=tuple((f"x-{n}", "a") for n in range(150))))
add("W_bad_header_name", Reply(raw=f"HTTP/1.1 200 OK\r\n{SSE}bad name: x\r\nconnection: close\r\n\r\n".encode() + TEXT))
add("W_folded_header", Reply(raw=f"HTTP/1.1 200 OK\r\n{SSE}x-a: 1\r\n  2\r\nconnection: close\r\n\r\n".encode() + TEXT))
add(
    "W_header_bytes",
    Reply(raw=f"HTTP/1.1 200 OK\r\n{SSE}x-a: ".encode() + b"\xff\xfe\r\nconnection: close\r\n\r\n" + TEXT),
)
add(
    "W_103_first",
    Reply(
        raw=f"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\n{SSE}connection: close\r\n\r\n".encode()
        + TEXT
    ),
)
add("W_101", Reply(raw=b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"))
add("W_205", as_text(205, "", None))
add("W_206", replace(HEALTHY, status=206))
add("W_226", replace(HEALTHY, status=226))
add("W_300", as_text(300, "choose", "text/plain"))
add("W_600", as_text(600, "what", "text/plain"))
add("W_099", Reply(raw=b"HTTP/1.1 99 Low\r\ncontent-length: 0\r\n\r\n"))

# Event streams

NUL = TEXT.replace(b"hi from", b"hi\x00from")
add("S_nul_in_text", stream(NUL))
add("S_nul_between", stream(b"\x00\x00", *WHOLE))
add("S_huge_line", stream(b": " + b"x" * 3_000_000 + b"\n\n", *WHOLE))
add(
    "S_huge_text",
    stream(
        CREATED,
        event(
            "response.output_item.done",
            item={
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "y" * 2_000_000}],
            },
        ),
        COMPLETED,
    ),
)
add("S_bom_twice", stream(b"\xef\xbb\xbf\xef\xbb\xbf", *WHOLE))
add("S_bom_inside", stream(CREATED, b"\xef\xbb\xbf" + ITEM_DONE, COMPLETED))
add("S_cr_only", stream(TEXT.replace(b"\n", b"\r")))
add("S_mixed_ends", stream(CREATED.replace(b"\n", b"\r\n"), ITEM_DONE.replace(b"\n", b"\r"), COMPLETED))
add("S_data_upper", stream(TEXT.replace(b"data:", b"DATA:")))
add("S_data_blank_before", stream(TEXT.replace(b"data:", b" data:")))
add("S_data_tab", stream(TEXT.replace(b"data: ", b"data:\t")))
add("S_data_split", stream(b'data: {"type":\ndata: "response.completed",\ndata: "response":{"id":"r"}}\n\n'))
add("S_id_lines", stream(*(b"id: 7\n" + one for one in WHOLE)))
add("S_leading_blank_lines", stream(b"\n\n\n", *WHOLE))
add("S_no_blank_between", stream(b"".join(one.replace(b"\n\n", b"\n") for one in WHOLE) + b"\n"))
add("S_html_then_whole", stream(b"<html>\n\n", *WHOLE))
add("S_json_then_whole", stream(b'{"ok":true}\n\n', *WHOLE))
add("S_completed_first", stream(COMPLETED, CREATED, ITEM_DONE))
add("S_item_twice", stream(CREATED, ITEM_DONE, ITEM_DONE, COMPLETED))
add("S_type_upper", stream(TEXT.replace(b"response.completed", b"RESPONSE.COMPLETED")))
add("S_type_number", stream(event(None, type=5), *WHOLE))
add("S_type_null", stream(event(None, type=None), *WHOLE))
add("S_created_no_response", stream(event("response.created"), ITEM_DONE, COMPLETED))
add("S_delta_no_text", stream(CREATED, event("response.output_text.delta"), ITEM_DONE, COMPLETED))
add("S_delta_number", stream(CREATED, event("response.output_text.delta", delta=5), ITEM_DONE, COMPLETED))
add("S_item_null", stream(CREATED, event("response.output_item.done", item=None), ITEM_DONE, COMPLETED))
add("S_item_string", stream(CREATED, event("response.output_item.done", item="x"), COMPLETED))
add("S_error_no_fields", stream(CREATED, event("error"), COMPLETED))
add("S_ping_events", stream(event("ping"), *WHOLE, event("ping")))
add(
    "S_usage_big",
    stream(
        CREATED,
        ITEM_DONE,
        event(
            "response.completed",
            response={"id": "r", "usage": {"input_tokens": 2**70, "output_tokens": 1, "total_tokens": 1}},
        ),
    ),
)
add(
    "S_output_in_completed_too",
    stream(CREATED, ITEM_DONE, event("response.completed", response={"id": "r", "output": [{"type": "message"}]})),
)
add(
    "S_completed_extra_nesting",
    stream(CREATED, ITEM_DONE, event("response.completed", response={"response": {"id": "r"}})),
)
add(
    "S_queued_in_progress",
    stream(
        event("response.queued", response={"id": "r"}),
        event("response.in_progress", response={"id": "r"}),
        ITEM_ADDED,
        DELTA,
        ITEM_DONE,
        COMPLETED,
    ),
)
add("S_incomplete_no_details", stream(CREATED, ITEM_DONE, event("response.incomplete", response={"id": "r"})))
add(
    "S_failed_code_number", stream(CREATED, event("response.failed", response={"error": {"code": 500, "message": "x"}}))
)
add(
    "S_failed_invalid_prompt",
    stream(CREATED, event("response.failed", response={"error": {"code": "invalid_prompt", "message": "no"}})),
)
add(
    "S_failed_rate_limit",
    stream(
        CREATED,
        event("response.failed", response={"error": {"code": "rate_limit_exceeded", "message": "try again in 30s"}}),
    ),
)
add(
    "S_failed_key",
    stream(
        CREATED,
        event("response.failed", response={"error": {"code": "invalid_api_key", "message": "api key is invalid"}}),
    ),
)
