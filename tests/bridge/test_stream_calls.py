"""Tool calls in a stream, in every way in which vendors send them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.bridge.bridging import Run, custom, function, namespace
from tests.bridge.chat_upstream import call_delta, chunk

END = chunk({}, "tool_calls")


def made(*deltas: Any, tools: Any = (), finish: Any = END) -> list[tuple[str, str]]:
    run = Run([*(chunk(d) for d in deltas), finish], tools=tools)
    return [(c["name"], c.get("arguments", c.get("input"))) for c in run.calls]


def test_one_call_in_pieces() -> None:
    assert made(call_delta(0, "c1", "f", ""), call_delta(0, arguments='{"a'), call_delta(0, arguments='":1}')) == [
        ("f", '{"a":1}')
    ]


def test_events_of_a_call() -> None:
    run = Run([chunk(call_delta(0, "c1", "f", "")), chunk(call_delta(0, arguments="{}")), END])
    assert run.types[2:] == [
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]


def test_call_id_is_the_upstreams() -> None:
    assert Run([chunk(call_delta(0, "call_abc", "f", "{}")), END]).calls[0]["call_id"] == "call_abc"


def test_interleaved_by_index() -> None:
    assert made(
        call_delta(0, "c1", "f", ""),
        call_delta(1, "c2", "g", ""),
        call_delta(0, arguments='{"a"'),
        call_delta(1, arguments='{"b"'),
        call_delta(0, arguments=":1}"),
        call_delta(1, arguments=":2}"),
    ) == [("f", '{"a":1}'), ("g", '{"b":2}')]


def test_two_calls_in_one_chunk() -> None:
    both = {"tool_calls": call_delta(0, "c1", "f", "{}")["tool_calls"] + call_delta(1, "c2", "g", "{}")["tool_calls"]}
    assert made(both) == [("f", "{}"), ("g", "{}")]


def test_without_index_told_apart_by_id() -> None:
    assert made(call_delta(None, "c1", "f", '{"a":1}'), call_delta(None, "c2", "f", '{"b":2}')) == [
        ("f", '{"a":1}'),
        ("f", '{"b":2}'),
    ]


def test_without_index_pieces_without_id_belong_to_the_last() -> None:
    assert made(
        call_delta(None, "c1", "f", "{"), call_delta(None, arguments="}"), call_delta(None, "c2", "g", "{}")
    ) == [
        ("f", "{}"),
        ("g", "{}"),
    ]


def test_index_0_for_all_told_apart_by_id() -> None:
    assert made(call_delta(0, "c1", "f", '{"a":1}'), call_delta(0, "c2", "g", '{"b":2}')) == [
        ("f", '{"a":1}'),
        ("g", '{"b":2}'),
    ]


def test_index_0_for_all_without_ids_told_apart_by_name() -> None:
    assert made(call_delta(0, None, "f", '{"a":1}'), call_delta(0, None, "g", '{"b":2}')) == [
        ("f", '{"a":1}'),
        ("g", '{"b":2}'),
    ]


def test_index_0_for_all_without_ids_same_name_told_apart_by_whole_arguments() -> None:
    assert made(call_delta(0, None, "f", '{"a":1}'), call_delta(0, None, "f", '{"b":2}')) == [
        ("f", '{"a":1}'),
        ("f", '{"b":2}'),
    ]


def test_index_0_for_all_pieces_follow_their_id() -> None:
    assert made(
        call_delta(0, "c1", "f", '{"a"'),
        call_delta(0, arguments=":1}"),
        call_delta(0, "c2", "f", "{"),
        call_delta(0, arguments="}"),
    ) == [("f", '{"a":1}'), ("f", "{}")]


def test_id_and_name_repeated_in_every_piece() -> None:
    assert made(call_delta(0, "c1", "f", '{"a"'), call_delta(0, "c1", "f", ":1}")) == [("f", '{"a":1}')]


def test_name_repeated_without_id() -> None:
    assert made(call_delta(0, None, "f", '{"a"'), call_delta(0, None, "f", ":1}")) == [("f", '{"a":1}')]


def test_new_id_in_every_piece() -> None:
    assert made(call_delta(0, "x1", "f", '{"a"'), call_delta(0, "x2", None, ":1}")) == [("f", '{"a":1}')]


def test_id_before_name() -> None:
    run = Run(
        [chunk(call_delta(0, "c1")), chunk(call_delta(0, None, "f", "")), chunk(call_delta(0, arguments="{}")), END]
    )
    assert [(c["call_id"], c["name"], c["arguments"]) for c in run.calls] == [("c1", "f", "{}")]


def test_arguments_before_name_are_not_lost() -> None:
    assert made(call_delta(0, "c1", None, '{"a":'), call_delta(0, None, "f", "1}")) == [("f", '{"a":1}')]


def test_no_ids_at_all_get_some() -> None:
    run = Run([chunk(call_delta(0, None, "f", "{}")), chunk(call_delta(1, None, "g", "{}")), END])
    ids = [c["call_id"] for c in run.calls]
    assert len(set(ids)) == 2
    assert all(ids)


def test_the_same_id_for_two_calls_becomes_two() -> None:
    run = Run([chunk(call_delta(0, "c", "f", "{}")), chunk(call_delta(1, "c", "g", "{}")), END])
    assert [c["name"] for c in run.calls] == ["f", "g"]
    assert len({c["call_id"] for c in run.calls}) == 2


def test_legacy_function_call() -> None:
    run = Run(
        [
            chunk({"function_call": {"name": "f", "arguments": ""}}),
            chunk({"function_call": {"arguments": "{}"}}),
            chunk({}, "function_call"),
        ]
    )
    assert [(c["name"], c["arguments"]) for c in run.calls] == [("f", "{}")]


def test_arguments_as_an_object() -> None:
    assert made({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": {"a": 1}}}]}) == [
        ("f", '{"a": 1}')
    ]


def test_no_arguments_become_an_empty_object() -> None:
    assert made(call_delta(0, "c1", "f", "")) == [("f", "{}")]


def test_finish_stop_with_calls() -> None:
    run = Run([chunk(call_delta(0, "c1", "f", "{}")), chunk({}, "stop")])
    assert (run.types[-1], len(run.calls)) == ("completed", 1)


def test_no_empty_message_on_a_turn_of_calls() -> None:
    run = Run(
        [
            chunk({"role": "assistant", "content": ""}),
            chunk({"content": "\n\n"}),
            chunk(call_delta(0, "c", "f", "{}")),
            END,
        ]
    )
    assert [i["type"] for i in run.items] == ["function_call"]


def test_text_before_calls_is_a_message_before_them() -> None:
    run = Run([chunk({"content": "let me see"}), chunk(call_delta(0, "c", "f", "{}")), END])
    assert [i["type"] for i in run.items] == ["message", "function_call"]


def test_text_after_calls_is_kept_and_order_stays() -> None:
    run = Run([chunk(call_delta(0, "c", "f", "{")), chunk({"content": "so"}), chunk(call_delta(0, arguments="}")), END])
    assert [i["type"] for i in run.items] == ["function_call", "message"]
    assert run.last["output"] == run.items
    assert run.calls[0]["arguments"] == "{}"


def test_namespace_is_restored() -> None:
    run = Run([chunk(call_delta(0, "c", "agents__spawn", "{}")), END], tools=[namespace("agents", function("spawn"))])
    assert (run.calls[0]["namespace"], run.calls[0]["name"]) == ("agents", "spawn")


def test_name_without_namespace_has_none() -> None:
    assert "namespace" not in Run([chunk(call_delta(0, "c", "f", "{}")), END], tools=[function("f")]).calls[0]


@pytest.mark.parametrize("name", ["functions__exec", "functions.exec", "exec"])
def test_shortened_and_dotted_names_are_understood(name: str) -> None:
    run = Run([chunk(call_delta(0, "c", name, '{"input":"x"}')), END], tools=[namespace("functions", custom("exec"))])
    assert (run.calls[0]["type"], run.calls[0]["namespace"], run.calls[0]["name"]) == (
        "custom_tool_call",
        "functions",
        "exec",
    )


def test_suffixed_name_is_restored() -> None:
    tools = [function("a.b"), function("a/b")]
    assert made(call_delta(0, "c", "a_b_2", "{}"), tools=tools) == [("a/b", "{}")]


def test_unknown_name_passes() -> None:
    assert made(call_delta(0, "c", "invented", "{}"), tools=[function("f")]) == [("invented", "{}")]


MAYBE = {"type": "object", "properties": {"ms": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}}


@pytest.mark.parametrize(
    ("said", "ms"), [("10", 10), ("null", None), ("None", None), ("10s", "10s"), ("", ""), ("[1", "[1")]
)
def test_only_what_says_nothing_is_null(said: str, ms: Any) -> None:
    tools = [{"type": "function", "name": "f", "parameters": MAYBE}]
    [(_, arguments)] = made(call_delta(0, "c1", "f", json.dumps({"ms": said})), tools=tools)
    assert json.loads(arguments) == {"ms": ms}


PATCH = "*** Begin Patch\n*** Add File: a.txt\n+hi\n*** End Patch\n"


def test_custom_call_is_unwrapped() -> None:
    arguments = '{"input":"*** Begin Patch\\n*** Add File: a.txt\\n+hi\\n*** End Patch\\n"}'
    run = Run(
        [chunk(call_delta(0, "c1", "apply_patch", arguments[:9])), chunk(call_delta(0, arguments=arguments[9:])), END],
        tools=[custom()],
    )
    assert run.calls[0] == {
        "id": run.calls[0]["id"],
        "type": "custom_tool_call",
        "name": "apply_patch",
        "input": PATCH,
        "call_id": "c1",
        "status": "completed",
    }
    assert [e["delta"] for e in run.of("custom_tool_call_input.delta")] == [PATCH]


@pytest.mark.parametrize(
    "arguments",
    [PATCH, '"*** Begin Patch\\n*** Add File: a.txt\\n+hi\\n*** End Patch\\n"', '{"patch":"*** Begin Patch\\n*** Add File: a.txt\\n+hi\\n*** End Patch\\n"}'],
    ids=["raw", "json-string", "other-name"],
)  # fmt: skip
def test_custom_call_of_a_model_that_forgets_the_wrapping(arguments: str) -> None:
    assert made(call_delta(0, "c1", "apply_patch", arguments), tools=[custom()]) == [("apply_patch", PATCH)]


def test_tool_search_call() -> None:
    search = {"type": "tool_search", "execution": "client", "parameters": {}}
    run = Run([chunk(call_delta(0, "c1", "tool_search", '{"query":"x"}')), END], tools=[search])
    item = run.calls[0]
    assert (item["type"], item["execution"], item["arguments"]) == ("tool_search_call", "client", {"query": "x"})
