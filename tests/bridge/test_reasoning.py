"""Reasoning and opaque fields: out through `encrypted_content`, and back as they were."""

from __future__ import annotations

from typing import Any

import pytest

from joytui.gateway.bridge.reasoning import TAG, Carried, pack, unpack
from tests.bridge.bridging import Run, assistant, chat, messages, output, user
from tests.bridge.chat_upstream import call_delta, chunk

SIGNED = {"extra_content": {"google": {"thought_signature": "c2ln"}}}


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_becomes_an_item_before_the_answer(name: str) -> None:
    run = Run([chunk({name: "let me "}), chunk({name: "think"}), chunk({"content": "hi"}), chunk({}, "stop")])
    assert [i["type"] for i in run.items] == ["reasoning", "message"]
    assert run.items[0]["content"] == [{"type": "reasoning_text", "text": "let me think"}]
    assert unpack(run.items[0]["encrypted_content"]) == Carried("let me think", name=name)


def test_the_same_text_under_both_names_counts_once() -> None:
    run = Run([chunk({"reasoning_content": "a", "reasoning": "a"}), chunk({"content": "x"}), chunk({}, "stop")])
    assert run.items[0]["content"][0]["text"] == "a"


def test_thinking_parts_of_content() -> None:
    part = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    run = Run([chunk({"content": [part]}), chunk({"content": "x"}), chunk({}, "stop")])
    assert run.items[0]["content"][0]["text"] == "hm"


def test_events_with_a_summary() -> None:
    run = Run([chunk({"reasoning": "hm"}), chunk({}, "stop")], summary=True)
    assert run.types[2:-1] == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
    ]
    assert run.items[0]["summary"] == [{"type": "summary_text", "text": "hm"}]


def test_events_without_a_summary() -> None:
    types = Run([chunk({"reasoning": "hm"}), chunk({}, "stop")]).types
    assert "reasoning_text.delta" in types
    assert "reasoning_summary_text.delta" not in types


def test_reasoning_again_after_text_is_a_second_item() -> None:
    run = Run(
        [
            chunk({"reasoning": "a"}),
            chunk({"content": "b"}),
            chunk({"reasoning": "c"}),
            chunk({"content": "d"}),
            chunk({}, "stop"),
        ]
    )
    assert [i["type"] for i in run.items] == ["reasoning", "message", "reasoning", "message"]


def back(run: Run, *more: Any) -> list[dict[str, Any]]:
    """The next request's messages, with the items as Codex sends them: without `content` and `status`."""
    items = [
        {k: v for k, v in i.items() if k != "status" and not (i["type"] == "reasoning" and k == "content")}
        for i in run.items
    ]
    return messages(user("x"), *items, *more)


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_comes_back_under_the_name_by_which_it_came(name: str) -> None:
    run = Run([chunk({name: "why"}), chunk({"content": "hi"}), chunk({}, "stop")])
    assert back(run, user("y"))[1] == {"role": "assistant", "content": "hi", name: "why"}


def test_reasoning_comes_back_with_its_calls() -> None:
    run = Run([chunk({"reasoning_content": "why"}), chunk(call_delta(0, "c", "f", "{}")), chunk({}, "tool_calls")])
    found = back(run, output("c"))
    assert found[1]["reasoning_content"] == "why"
    assert found[1]["tool_calls"][0]["id"] == "c"
    assert found[2]["role"] == "tool"


def test_opaque_call_fields_come_back_on_their_call() -> None:
    first = chunk(call_delta(0, "c1", "f", "{}", **SIGNED))
    second = chunk(call_delta(1, "c2", "g", "{}", thought_signature="dHdv"))
    run = Run([first, second, chunk({}, "tool_calls")])
    calls = back(run, output("c1"), output("c2"))[1]["tool_calls"]
    assert calls[0]["extra_content"] == SIGNED["extra_content"]
    assert "extra_content" not in calls[1]
    assert calls[1]["thought_signature"] == "dHdv"


def test_opaque_fields_with_reasoning_and_text() -> None:
    run = Run(
        [
            chunk({"reasoning_content": "why"}),
            chunk({"content": "t"}),
            chunk(call_delta(0, "c", "f", "{}", **SIGNED)),
            chunk({}, "tool_calls"),
        ]
    )
    message = back(run, output("c"))[1]
    assert (message["reasoning_content"], message["content"]) == ("why", "t")
    assert message["tool_calls"][0]["extra_content"] == SIGNED["extra_content"]


def test_opaque_fields_in_a_later_piece() -> None:
    run = Run(
        [chunk(call_delta(0, "c", "f", "{}")), chunk(call_delta(0, None, None, "", **SIGNED)), chunk({}, "tool_calls")]
    )
    assert back(run, output("c"))[1]["tool_calls"][0]["extra_content"] == SIGNED["extra_content"]


def test_opaque_fields_with_an_id_that_the_bridge_gave() -> None:
    run = Run([chunk(call_delta(0, None, "f", "{}", **SIGNED)), chunk({}, "tool_calls")])
    call_id = run.calls[0]["call_id"]
    assert back(run, output(call_id))[1]["tool_calls"][0]["extra_content"] == SIGNED["extra_content"]


def test_opaque_fields_of_the_message_come_back_joined() -> None:
    pieces = [chunk({"reasoning_details": [{"i": n}]}) for n in (1, 2)]
    run = Run([*pieces, chunk({"content": "x"}), chunk({}, "stop")])
    assert back(run, user("y"))[1]["reasoning_details"] == [{"i": 1}, {"i": 2}]


def test_opaque_fields_of_two_turns_with_the_same_call_id_stay_apart() -> None:
    runs = [
        Run([chunk(call_delta(0, "call_0", "f", "{}", thought_signature=s)), chunk({}, "tool_calls")])
        for s in ("one", "two")
    ]
    found = messages(user("x"), *runs[0].items, output("call_0"), *runs[1].items, output("call_0"))
    signatures = [m["tool_calls"][0]["thought_signature"] for m in found if m.get("tool_calls")]
    assert signatures == ["one", "two"]


@pytest.mark.parametrize("content", ["gAAAAABo-foreign", TAG + "!!!", TAG + "AAAA", TAG])
def test_foreign_or_damaged_content_is_not_forwarded(content: str) -> None:
    made = chat(user("x"), {"type": "reasoning", "summary": [], "encrypted_content": content}, user("y"))
    assert content not in str(made.body)
    assert made.notes == ["reasoning that another provider encrypted was left out"]


def test_reasoning_in_the_open_comes_back() -> None:
    item = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "plain"}]}
    assert messages(user("x"), item, assistant("so"), user("y"))[1]["reasoning_content"] == "plain"


def test_packing_is_compressed_and_repeats() -> None:
    carried = Carried("think " * 1000)
    assert pack(carried) == pack(carried)
    assert len(pack(carried)) < 300


def test_a_bomb_is_not_unpacked() -> None:
    import base64
    import zlib

    bomb = TAG + base64.urlsafe_b64encode(zlib.compress(b"[" * 40_000_000)).decode()
    assert unpack(bomb) is None
