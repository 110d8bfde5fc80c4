"""Calls and their outputs: paired, in place, with nothing lost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from joytui.gateway.bridge.items import EMPTY_OUTPUT, IMAGES_BELOW, NO_OUTPUT
from joytui.gateway.bridge.request import to_chat
from tests.bridge.bridging import assistant, call, chat, developer, messages, output, sample, user

PICTURE = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}


def shape(found: list[dict[str, Any]]) -> list[Any]:
    """Roles, with the ids of calls and of what they are answered by."""
    return [
        ("calls", [c["id"] for c in m["tool_calls"]])
        if m.get("tool_calls")
        else ("tool", m["tool_call_id"])
        if m["role"] == "tool"
        else m["role"]
        for m in found
    ]


def test_call_and_output() -> None:
    found = messages(user("x"), call("c1", "f", '{"a":1}'), output("c1", "result"))
    assert found[1] == {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}],
    }
    assert found[2] == {"role": "tool", "tool_call_id": "c1", "content": "result"}


def test_consecutive_calls_are_one_message() -> None:
    found = messages(user("x"), call("c1"), call("c2"), output("c1"), output("c2"))
    assert shape(found) == ["user", ("calls", ["c1", "c2"]), ("tool", "c1"), ("tool", "c2")]


def test_calls_one_after_the_other_are_two_messages() -> None:
    found = messages(user("x"), call("c1"), output("c1"), call("c2"), output("c2"))
    assert shape(found) == ["user", ("calls", ["c1"]), ("tool", "c1"), ("calls", ["c2"]), ("tool", "c2")]


def test_outputs_in_another_order_follow_the_calls() -> None:
    found = messages(user("x"), call("c1"), call("c2"), output("c2", "two"), output("c1", "one"))
    assert [(m["tool_call_id"], m["content"]) for m in found[2:]] == [("c1", "one"), ("c2", "two")]


def test_late_output_is_moved_up() -> None:
    found = messages(user("x"), call("c1"), user("wait"), output("c1"), user("go on"))
    assert shape(found) == ["user", ("calls", ["c1"]), ("tool", "c1"), "user"]
    assert found[-1]["content"] == "wait\n\ngo on"


def test_missing_output_is_made_up_and_noted() -> None:
    made = chat(user("x"), call("c1"), user("never mind"))
    assert made.body["messages"][2] == {"role": "tool", "tool_call_id": "c1", "content": NO_OUTPUT}
    assert made.notes == ["a call without an output was given one"]


def test_missing_output_of_the_last_call() -> None:
    assert shape(messages(user("x"), call("c1"))) == ["user", ("calls", ["c1"]), ("tool", "c1")]


def test_orphaned_output_is_dropped_and_noted() -> None:
    made = chat(user("x"), output("c9"), user("y"))
    assert [m["content"] for m in made.body["messages"]] == ["x\n\ny"]
    assert made.notes == ["1 tool outputs without a call were left out"]


def test_output_before_its_call_still_answers_it() -> None:
    found = messages(user("x"), output("c1", "early"), call("c1"))
    assert found[2] == {"role": "tool", "tool_call_id": "c1", "content": "early"}


def test_second_output_for_one_call_is_an_orphan() -> None:
    made = chat(user("x"), call("c1"), output("c1", "first"), output("c1", "second"))
    assert [m["content"] for m in made.body["messages"] if m["role"] == "tool"] == ["first"]


def test_ids_that_repeat_in_every_turn_keep_their_own_outputs() -> None:
    found = messages(
        user("x"),
        call("call_0"),
        output("call_0", "one"),
        assistant("ok"),
        user("y"),
        call("call_0"),
        output("call_0", "two"),
    )
    assert [m["content"] for m in found if m["role"] == "tool"] == ["one", "two"]


def test_repeated_id_whose_first_call_was_interrupted() -> None:
    found = messages(user("x"), call("call_0"), user("stop"), call("call_0"), output("call_0", "late"))
    assert [m["content"] for m in found if m["role"] == "tool"] == [NO_OUTPUT, "late"]


def test_same_id_twice_in_one_message() -> None:
    found = messages(user("x"), call("call_0"), call("call_0"), output("call_0", "one"), output("call_0", "two"))
    assert [m["content"] for m in found if m["role"] == "tool"] == ["one", "two"]


def test_text_before_calls_is_in_their_message() -> None:
    found = messages(user("x"), assistant("let me look"), call("c1"), output("c1"))
    assert found[1]["content"] == "let me look"
    assert found[1]["tool_calls"][0]["id"] == "c1"


def test_text_after_calls_comes_after_their_outputs() -> None:
    found = messages(user("x"), call("c1"), assistant("meanwhile"), output("c1"))
    assert shape(found) == ["user", ("calls", ["c1"]), ("tool", "c1"), "assistant"]


def test_empty_arguments_become_an_object() -> None:
    assert messages(user("x"), call("c1", arguments=""))[1]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_output_array_becomes_text() -> None:
    value = [{"type": "input_text", "text": "a"}, {"type": "output_text", "text": "b"}]
    assert messages(user("x"), call("c1"), output("c1", value))[2]["content"] == "a\nb"


def test_output_object_with_content() -> None:
    assert messages(user("x"), call("c1"), output("c1", {"content": "a", "success": True}))[2]["content"] == "a"


def test_output_of_another_shape_is_json() -> None:
    assert json.loads(messages(user("x"), call("c1"), output("c1", {"rows": [1]}))[2]["content"]) == {"rows": [1]}


def test_image_in_an_output_becomes_a_user_message_after_all_outputs() -> None:
    value = [{"type": "input_text", "text": "see"}, PICTURE]
    found = messages(user("x"), call("c1"), call("c2"), output("c1", value), output("c2", "two"))
    assert shape(found) == ["user", ("calls", ["c1", "c2"]), ("tool", "c1"), ("tool", "c2"), "user"]
    assert found[2]["content"] == "see"
    assert found[4]["content"][1] == {"type": "image_url", "image_url": {"url": PICTURE["image_url"]}}
    assert "c1" in found[4]["content"][0]["text"]


@pytest.mark.parametrize(
    ("value", "told"), [([PICTURE], IMAGES_BELOW), ("", EMPTY_OUTPUT), (" \n", EMPTY_OUTPUT), (None, EMPTY_OUTPUT)]
)
def test_an_output_without_text_says_so_since_vendors_refuse_an_empty_message(value: Any, told: str) -> None:
    assert messages(user("x"), call("c1"), output("c1", value))[2]["content"] == told


def test_developer_message_between_call_and_output_comes_after_both() -> None:
    found = messages(user("x"), call("c1"), developer("rule"), output("c1"))
    assert shape(found) == ["user", ("calls", ["c1"]), ("tool", "c1"), "user"]


def test_follow_up_of_codex_after_apply_patch() -> None:
    found = to_chat(sample("codex_after_patch")).body["messages"]
    assert [m["role"] for m in found] == ["system", "user", "assistant", "tool"]
    assert json.loads(found[2]["tool_calls"][0]["function"]["arguments"])["input"].startswith("*** Begin Patch")
    assert found[3]["content"].startswith("Exit code: 0")


def test_compaction_of_codex_without_tools() -> None:
    made = to_chat(sample("codex_compaction"))
    assert "tools" not in made.body
    assert [m["role"] for m in made.body["messages"]][-3:] == ["assistant", "tool", "user"]
