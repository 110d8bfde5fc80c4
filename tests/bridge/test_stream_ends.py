"""How a stream ends: finish reasons, cuts, errors, orchestration."""

from __future__ import annotations

import pytest

from tests.bridge.bridging import Run, custom
from tests.bridge.chat_upstream import call_delta, chunk, usage

TEXT = chunk({"content": "hey"})


@pytest.mark.parametrize(
    "reason", ["stop", "STOP", "end_turn", "tool_calls", "tool_use", "function_call", "eos", "Stop"]
)
def test_reasons_that_complete(reason: str) -> None:
    assert Run([TEXT, chunk({}, reason)]).types[-1] == "completed"


@pytest.mark.parametrize("reason", ["length", "MAX_TOKENS", "max_tokens", "model_length"])
def test_length_is_incomplete(reason: str) -> None:
    run = Run([TEXT, chunk({}, reason), usage(1, 2)])
    assert run.types[-1] == "incomplete"
    assert run.last["incomplete_details"] == {"reason": "max_output_tokens"}
    assert run.last["usage"]["output_tokens"] == 2
    assert run.items[0]["status"] == "incomplete"
    assert run.text == "hey"


@pytest.mark.parametrize("reason", ["content_filter", "SAFETY", "RECITATION", "PROHIBITED_CONTENT", "refusal"])
def test_filters_are_incomplete(reason: str) -> None:
    run = Run([TEXT, chunk({}, reason)])
    assert run.types[-1] == "incomplete"
    assert run.last["incomplete_details"] == {"reason": "content_filter"}


def test_malformed_function_call_fails_so_that_the_turn_is_tried_again() -> None:
    run = Run([chunk({}, "MALFORMED_FUNCTION_CALL")])
    assert run.types[-1] == "failed"
    assert run.last["error"]["code"] == "malformed_function_call"


def test_finish_error_fails() -> None:
    assert Run([TEXT, chunk({}, "error")]).types[-1] == "failed"


def test_unknown_reason_completes_and_is_noted() -> None:
    run = Run([TEXT, chunk({}, "because")])
    assert run.types[-1] == "completed"
    assert run.stream.notes == ["unknown finish reason 'because' was taken as stop"]


def test_closed_without_a_finish_reason_fails() -> None:
    run = Run([TEXT])
    assert run.types[-1] == "failed"
    assert run.last["status"] == "failed"
    assert run.last["error"]["code"] == "upstream_error"


def test_cut_answer_leaves_no_half_finished_item() -> None:
    assert Run([TEXT]).items == []
    assert [i["type"] for i in Run([TEXT, chunk(call_delta(0, "c", "f", '{"a'))]).items] == ["message"]


def test_nothing_at_all_fails() -> None:
    assert Run([]).types == ["created", "in_progress", "failed"]


def test_half_a_call_at_the_length_limit_is_left_out() -> None:
    run = Run(
        [TEXT, chunk(call_delta(0, "c", "apply_patch", '{"input":"*** Begin')), chunk({}, "length")], tools=[custom()]
    )
    assert [i["type"] for i in run.items] == ["message"]
    assert run.last["output"] == run.items
    assert run.stream.notes == ["a tool call that was cut off was left out"]


def test_whole_call_at_the_length_limit_is_kept() -> None:
    run = Run([chunk(call_delta(0, "c", "f", '{"a":1}')), chunk({}, "length")])
    assert run.calls[0]["arguments"] == '{"a":1}'


def test_error_object_in_the_stream() -> None:
    run = Run([TEXT, {"error": {"message": "orchestration failed", "type": "server_error"}, "choices": []}])
    assert run.types[-1] == "failed"
    assert run.last["error"] == {"code": "server_error", "message": "orchestration failed"}


@pytest.mark.parametrize(
    "code", ["rate_limit_exceeded", "insufficient_quota", "context_length_exceeded", "invalid_prompt"]
)
def test_error_keeps_the_code_that_codex_knows(code: str) -> None:
    assert Run([{"error": {"message": "m", "type": "t", "code": code}}]).last["error"]["code"] == code


def test_error_as_text() -> None:
    assert Run([{"error": "boom"}]).last["error"] == {"code": "upstream_error", "message": "boom"}


def test_error_with_a_number_as_code() -> None:
    assert Run([{"error": {"message": "m", "code": 503}}]).last["error"]["code"] == "503"


def test_error_in_the_catalogs_envelope() -> None:
    run = Run([{"code": 50300, "message": "admin-bff not available"}])
    assert run.last["error"] == {"code": "50300", "message": "admin-bff not available"}


def test_error_null_is_none() -> None:
    assert Run([{**TEXT, "error": None}, chunk({}, "stop")]).types[-1] == "completed"


def test_error_after_the_finish_reason_fails() -> None:
    assert Run([TEXT, chunk({}, "stop"), {"error": {"message": "billing"}}]).types[-1] == "failed"


def test_nothing_after_an_error() -> None:
    run = Run([{"error": "boom"}, TEXT, chunk({}, "stop")])
    assert run.types == ["created", "in_progress", "failed"]


def orchestrated(task: str | None, text: str, finish: str | None = None) -> dict[str, object]:
    task_id = {} if task is None else {"task_id": task, "task_status": "running"}
    return chunk({"content": text}, finish, orchestration={"phase": "executing", **task_id})


def test_only_the_final_task_is_the_answer() -> None:
    run = Run(
        [
            chunk({}, orchestration={"phase": "planning", "plan": [{"seq": 1, "task_id": "t1", "title": "search"}]}),
            orchestrated("__planner__", "I plan"),
            orchestrated("t1", "half", "stop"),
            orchestrated("__final__", "the answer"),
            orchestrated("__final__", "", "stop"),
        ]
    )
    assert run.text == "the answer"
    assert run.types[-1] == "completed"


def test_finish_of_a_sub_task_is_not_the_end() -> None:
    assert Run([orchestrated("t1", "half", "stop")]).types[-1] == "failed"


def test_orchestration_metadata_of_each_task_adds_up() -> None:
    bills = [
        {
            "metadata": {"task_id": t, "billing": {"credits_used": "1", "input_tokens": n, "output_tokens": 1}},
            "orchestration": {"task_id": t},
        }
        for t, n in (("t1", 5), ("__final__", 6))
    ]
    run = Run([*bills, orchestrated("__final__", "x", "stop")])
    assert run.last["usage"]["input_tokens"] == 11


def test_empty_orchestration_object_is_a_plain_chunk() -> None:
    assert Run([{**TEXT, "orchestration": {}}, chunk({}, "stop")]).text == "hey"
