"""The event stream of a text answer, its usage and its metadata."""

from __future__ import annotations

import pytest

from tests.bridge.bridging import Run
from tests.bridge.chat_upstream import call_delta, chunk, usage

HI = [chunk({"role": "assistant", "content": ""}), chunk({"content": "he"}), chunk({"content": "y"}), chunk({}, "stop")]


def test_full_set_of_events_in_order() -> None:
    assert Run(HI).types == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]


def test_sequence_numbers_have_no_gaps() -> None:
    events = Run([*HI, usage(1, 1)]).events
    assert [e["sequence_number"] for e in events] == list(range(len(events)))


def test_text_stands_in_output_item_done() -> None:
    assert Run(HI).items[0]["content"] == [{"type": "output_text", "text": "hey", "annotations": [], "logprobs": []}]


def test_message_has_a_role_and_a_status() -> None:
    item = Run(HI).items[0]
    assert (item["type"], item["role"], item["status"]) == ("message", "assistant", "completed")


def test_terminal_event_has_the_same_items_in_the_same_order() -> None:
    run = Run(
        [chunk({"reasoning_content": "hm"}), *HI[:-1], chunk(call_delta(0, "c", "f", "{}")), chunk({}, "tool_calls")]
    )
    assert run.last["output"] == run.items
    assert [i["type"] for i in run.items] == ["reasoning", "message", "function_call"]


def test_ids_of_one_item_agree() -> None:
    run = Run(HI)
    ids = {e.get("item_id") or e["item"]["id"] for e in run.events if "item_id" in e or "item" in e}
    assert len(ids) == 1


def test_completed_has_an_id() -> None:
    assert Run(HI).last["id"] == "resp_1"


def test_usage_in_the_finish_chunk() -> None:
    finish = {**chunk({}, "stop"), "usage": usage(5, 2)["usage"]}
    assert Run([*HI[:-1], finish]).last["usage"]["input_tokens"] == 5


def test_usage_in_a_later_chunk_without_choices() -> None:
    assert Run([*HI, usage(100, 7, cached=40, reasoning=3)]).last["usage"] == {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 40},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 107,
    }


def test_usage_in_responses_spelling_from_a_chat_upstream() -> None:
    odd = {"choices": [], "usage": {"input_tokens": 3, "output_tokens": 2}}
    assert Run([*HI, odd]).last["usage"]["total_tokens"] == 5


def test_cached_tokens_in_deepseeks_spelling() -> None:
    odd = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2, "prompt_cache_hit_tokens": 4}}
    assert Run([*HI, odd]).last["usage"]["input_tokens_details"] == {"cached_tokens": 4}


def test_running_usage_in_every_chunk_takes_the_last() -> None:
    chunks = [{**c, "usage": {"prompt_tokens": 5, "completion_tokens": n}} for n, c in enumerate(HI)]
    assert Run(chunks).last["usage"]["output_tokens"] == len(HI) - 1


def test_without_usage_it_is_null() -> None:
    assert Run(HI).last["usage"] is None


def test_usage_null_in_chunks_is_no_usage() -> None:
    assert Run([{**c, "usage": None} for c in HI]).last["usage"] is None


BILLING = {"billing": {"credits_used": "0.033962", "input_tokens": 113, "output_tokens": 7, "cached_input_tokens": 3}}


@pytest.mark.parametrize("form", [BILLING, [BILLING]], ids=["object", "array"])
@pytest.mark.parametrize("place", [0, 2, 4], ids=["first", "middle", "last"])
def test_metadata_record_anywhere(form: object, place: int) -> None:
    record = {"id": "x", "metadata": form}
    run = Run([*HI[:place], record, *HI[place:]])
    assert run.text == "hey"
    assert run.last["metadata"] == BILLING
    assert run.last["usage"]["input_tokens"] == 113
    assert run.last["usage"]["input_tokens_details"]["cached_tokens"] == 3


def test_protocol_usage_wins_over_billing() -> None:
    assert Run([*HI, usage(1, 1), {"metadata": BILLING, "choices": []}]).last["usage"]["input_tokens"] == 1


def test_several_records_are_an_array_and_add_up() -> None:
    other = {"billing": {"credits_used": "1", "input_tokens": 7, "output_tokens": 1}, "task_id": "t1"}
    run = Run([*HI, {"metadata": [BILLING, other]}])
    assert run.last["metadata"] == [BILLING, other]
    assert run.last["usage"]["input_tokens"] == 120


def test_repeated_record_counts_once() -> None:
    record = {"metadata": {**BILLING, "billing_id": "bill-1"}}
    assert Run([*HI, record, record]).last["usage"]["input_tokens"] == 113


def test_metadata_of_the_gateway_where_the_upstream_has_none() -> None:
    assert Run(HI, metadata={"request_id": "r"}).last["metadata"] == {"request_id": "r"}


def test_model_of_the_upstream_is_named() -> None:
    assert Run(HI).last["model"] == "real-model"


def test_content_as_parts() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert Run([chunk({"content": parts}), chunk({}, "stop")]).text == "ab"


def test_refusal_is_text() -> None:
    assert Run([chunk({"refusal": "I will not"}), chunk({}, "stop")]).text == "I will not"


def test_message_in_place_of_delta() -> None:
    odd = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "hey"}, "finish_reason": "stop"}]}
    assert Run([odd]).text == "hey"


def test_other_choices_are_not_mixed_in() -> None:
    other = {"choices": [{"index": 1, "delta": {"content": "XX"}, "finish_reason": None}]}
    assert Run([HI[1], other, *HI[2:]]).text == "hey"


def test_empty_answer_completes_without_items() -> None:
    run = Run([chunk({"content": ""}), chunk({}, "stop")])
    assert (run.types[-1], run.items) == ("completed", [])


def test_blank_answer_is_its_text() -> None:
    assert Run([chunk({"content": "\n"}), chunk({}, "stop")]).text == "\n"


def test_leading_blank_is_part_of_the_text() -> None:
    assert Run([chunk({"content": "\n\n"}), chunk({"content": "hi"}), chunk({}, "stop")]).text == "\n\nhi"


def test_keep_alive_is_a_real_event_with_a_number() -> None:
    run = Run(HI[:2], end=False)
    events = run.stream.keep_alive()
    assert events[0]["type"] == "response.in_progress"
    assert events[0]["sequence_number"] == len(run.events)


def test_nothing_after_the_terminal_event() -> None:
    run = Run(HI)
    late = run.stream.feed(chunk({"content": "late"}))
    assert (late, run.stream.end(), run.stream.keep_alive()) == ([], [], [])


@pytest.mark.parametrize("junk", [None, 5, "text", [], {}, {"choices": None}, {"choices": [None]}, {"choices": [{}]}])
def test_chunks_without_meaning_are_survived(junk: object) -> None:
    assert Run([HI[1], junk, *HI[2:]]).text == "hey"
