"""Whole answers: a Chat completion as a Response."""

from __future__ import annotations

import json
from typing import Any

import pytest

from joytui.gateway.bridge.answer import feed_completion
from joytui.gateway.bridge.stream import Answer, ResponsesStream
from tests.bridge.bridging import custom, function, names_of, namespace


def response(completion: Any, *tools: Any) -> dict[str, Any]:
    stream = ResponsesStream(Answer("resp_1", 7, "asked", names_of(*tools)))
    feed_completion(stream, completion)
    stream.end()
    return stream.response


def completion(message: Any, finish: str | None = "stop", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return {"id": "x", "object": "chat.completion", "model": "real", "choices": [choice], **more}


def test_text() -> None:
    made = response(completion({"content": "hi"}, usage={"prompt_tokens": 3, "completion_tokens": 1}))
    assert (made["status"], made["object"], made["model"]) == ("completed", "response", "real")
    assert made["output"][0]["content"][0]["text"] == "hi"
    assert made["usage"]["total_tokens"] == 4


@pytest.mark.parametrize(
    ("said", "tokens"),
    [(7, 7), ("7", 7), (7.0, 7), (True, 0), (-1, 0), (7.5, 0), ("seven", 0), (10**12 + 1, 0), (None, 0), ([7], 0)],
)
def test_a_count_is_believed_where_it_can_be_one(said: Any, tokens: int) -> None:
    made = response(completion({"content": "hi"}, usage={"prompt_tokens": said, "completion_tokens": 1}))
    assert (made["usage"]["input_tokens"], made["usage"]["output_tokens"]) == (tokens, 1)


def test_calls_without_index_and_id() -> None:
    calls = [{"function": {"name": "f", "arguments": "{}"}}, {"function": {"name": "f", "arguments": "{}"}}]
    made = response(completion({"content": None, "tool_calls": calls}, "tool_calls"))
    assert [i["type"] for i in made["output"]] == ["function_call", "function_call"]
    assert len({i["call_id"] for i in made["output"]}) == 2


def test_custom_and_namespaced_calls() -> None:
    calls = [
        {"id": "a", "function": {"name": "apply_patch", "arguments": '{"input":"P"}'}},
        {"id": "b", "function": {"name": "ns__go", "arguments": "{}"}},
    ]
    made = response(completion({"tool_calls": calls}, "tool_calls"), custom(), namespace("ns", function("go")))
    assert [(i["type"], i["name"], i.get("namespace")) for i in made["output"]] == [
        ("custom_tool_call", "apply_patch", None),
        ("function_call", "go", "ns"),
    ]


def test_reasoning() -> None:
    made = response(completion({"content": "hi", "reasoning_content": "why"}))
    assert [i["type"] for i in made["output"]] == ["reasoning", "message"]


def test_length() -> None:
    made = response(completion({"content": "hi"}, "length"))
    assert (made["status"], made["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})


def test_whole_answer_without_a_finish_reason_is_complete() -> None:
    assert response(completion({"content": "hi"}, None))["status"] == "completed"


def test_error_in_a_200_body() -> None:
    made = response({"error": {"message": "orchestration failed", "type": "server_error"}, "choices": []})
    assert (made["status"], made["error"]) == ("failed", {"code": "server_error", "message": "orchestration failed"})


def test_a_body_that_is_no_completion_fails() -> None:
    assert [response(body)["status"] for body in ({}, [], "hi", None, {"choices": []})] == ["failed"] * 5


def test_real_answer_of_joytoken_without_usage() -> None:
    record = {
        "billing": {"cached_input_tokens": 0, "credits_used": "0.033962", "input_tokens": 113, "output_tokens": 7},
        "request_id": "auto-req-1",
    }
    made = response(completion({"content": "hi"}, "length", metadata=[record]))
    assert made["usage"]["input_tokens"] == 113
    assert made["metadata"] == record


def test_orchestrated_content_is_unpacked() -> None:
    parts = [{"content": "found", "title": "Search"}, {"content": "said", "title": "Answer"}]
    made = response(completion({"content": json.dumps(parts)}, plan=[{"seq": 1}]))
    assert made["output"][0]["content"][0]["text"] == "## Search\n\nfound\n\n## Answer\n\nsaid"


def test_orchestrated_single_part_is_the_answer() -> None:
    made = response(completion({"content": json.dumps([{"content": "said", "title": "A"}])}, plan=[{"seq": 1}]))
    assert made["output"][0]["content"][0]["text"] == "said"


def test_json_array_without_a_plan_is_text() -> None:
    text = json.dumps([{"content": "x"}])
    assert response(completion({"content": text}))["output"][0]["content"][0]["text"] == text
