"""Behaviours of a stream by its last event: one that Codex cannot parse, and one that says no."""

from __future__ import annotations

import json

from tests.support.behaviours import COMPLETED, CREATED, HEALTHY, ITEM_DONE, USAGE, WHOLE, add, event, message, stream
from tests.support.stream_events import TEXT, completed, failed

# What Codex cannot parse

add("F_completed_no_id", stream(CREATED, ITEM_DONE, completed(usage=USAGE)))
add("F_completed_id_null", stream(CREATED, ITEM_DONE, completed(id=None, usage=USAGE)))
add("F_completed_id_number", stream(CREATED, ITEM_DONE, completed(id=7, usage=USAGE)))
add("F_completed_id_empty", stream(CREATED, ITEM_DONE, completed(id="", usage=USAGE)))
add("F_completed_no_response", stream(CREATED, ITEM_DONE, event("response.completed")))
add("F_completed_response_null", stream(CREATED, ITEM_DONE, event("response.completed", response=None)))
add("F_completed_response_string", stream(CREATED, ITEM_DONE, event("response.completed", response="x")))
add(
    "F_usage_chat_style",
    stream(
        CREATED,
        ITEM_DONE,
        completed(id="resp_1", usage={"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}),
    ),
)
add(
    "F_usage_no_total",
    stream(CREATED, ITEM_DONE, completed(id="resp_1", usage={"input_tokens": 1, "output_tokens": 2})),
)
add(
    "F_usage_strings",
    stream(
        CREATED,
        ITEM_DONE,
        completed(id="resp_1", usage={"input_tokens": "1", "output_tokens": "2", "total_tokens": "3"}),
    ),
)
add(
    "F_usage_floats",
    stream(
        CREATED, ITEM_DONE, completed(id="resp_1", usage={"input_tokens": 1.5, "output_tokens": 2, "total_tokens": 3})
    ),
)
add(
    "F_usage_negative",
    stream(
        CREATED, ITEM_DONE, completed(id="resp_1", usage={"input_tokens": -1, "output_tokens": 2, "total_tokens": 3})
    ),
)
add("F_usage_empty", stream(CREATED, ITEM_DONE, completed(id="resp_1", usage={})))
add(
    "F_usage_details_null",
    stream(
        CREATED,
        ITEM_DONE,
        completed(id="resp_1", usage={**USAGE, "input_tokens_details": None, "output_tokens_details": None}),
    ),
)
add(
    "F_usage_details_empty",
    stream(
        CREATED,
        ITEM_DONE,
        completed(id="resp_1", usage={**USAGE, "input_tokens_details": {}, "output_tokens_details": {}}),
    ),
)
add(
    "F_type_only_in_event_line",
    stream(
        *(
            b"event: " + kind + b"\ndata: " + json.dumps(data).encode() + b"\n\n"
            for kind, data in (
                (b"response.output_item.done", {"item": message()}),
                (b"response.completed", {"response": {"id": "resp_1"}}),
            )
        )
    ),
)
add("F_no_data_prefix", stream(*(piece.split(b"\n", 1)[1].replace(b"data: ", b"") for piece in WHOLE)))
add("F_type_misspelt", stream(CREATED, ITEM_DONE, COMPLETED.replace(b"response.completed", b"response.complete")))
add("F_response_done_event", stream(CREATED, ITEM_DONE, COMPLETED.replace(b"response.completed", b"response.done")))

# Terminal events that say no

add(
    "F_failed_rate_limit",
    stream(CREATED, failed("rate_limit_exceeded", "Rate limit reached. Please try again in 1.5s.")),
)
add("F_failed_quota", stream(CREATED, failed("insufficient_quota", "You exceeded your current quota")))
add("F_failed_invalid_prompt", stream(CREATED, failed("invalid_prompt")))
add("F_failed_context_length", stream(CREATED, failed("context_length_exceeded", "too long")))
add("F_failed_server", stream(CREATED, failed("server_error", "boom")))
add("F_failed_overloaded", stream(CREATED, failed("server_is_overloaded", "busy")))
add("F_failed_slow_down", stream(CREATED, failed("slow_down", "busy")))
add("F_failed_usage_limit", stream(CREATED, failed("usage_limit_reached", "limit")))
add("F_failed_usage_not_included", stream(CREATED, failed("usage_not_included", "plan")))
add("F_failed_policy", stream(CREATED, failed("policy_rejected", "requested tier is not allowed")))
add("F_failed_model", stream(CREATED, failed("model_not_found", "Model not found")))
add("F_failed_no_code", stream(CREATED, failed(None, "just so")))
add("F_failed_no_error", stream(CREATED, event("response.failed", response={"id": "resp_1"})))
add("F_failed_no_response", stream(CREATED, event("response.failed")))
add("F_failed_once", (stream(CREATED, failed("server_error", "boom")), HEALTHY))
add("F_failed_after_text", stream(*TEXT, ITEM_DONE, failed("server_error", "boom")))
add("F_failed_then_completed", stream(CREATED, failed("server_error", "boom"), ITEM_DONE, COMPLETED))
add(
    "F_incomplete_tokens",
    stream(
        *TEXT,
        event("response.incomplete", response={"id": "resp_1", "incomplete_details": {"reason": "max_output_tokens"}}),
    ),
)
add(
    "F_incomplete_filter",
    stream(
        *TEXT,
        event("response.incomplete", response={"id": "resp_1", "incomplete_details": {"reason": "content_filter"}}),
    ),
)
add("F_incomplete_no_reason", stream(*TEXT, event("response.incomplete", response={"id": "resp_1"})))
add("F_completed_status_failed", stream(CREATED, ITEM_DONE, completed(id="resp_1", status="failed")))
add("F_completed_status_incomplete", stream(CREATED, ITEM_DONE, completed(id="resp_1", status="incomplete")))
add("F_cancelled", stream(CREATED, event("response.cancelled", response={"id": "resp_1"})))
