"""Tools of every kind as Chat functions, and their names."""

from __future__ import annotations

import re
from typing import Any

import pytest

from joytui.gateway.bridge.errors import BridgeError
from joytui.gateway.bridge.request import to_chat
from tests.bridge.bridging import call, chat, custom, function, messages, namespace, output, sample, user


def functions(*tools: Any, **fields: Any) -> list[dict[str, Any]]:
    return [tool["function"] for tool in chat(user("x"), tools=list(tools), **fields).body.get("tools", [])]


def test_function_tool() -> None:
    tool = function("look", strict=False)
    assert functions(tool) == [{"name": "look", "description": "d", "parameters": tool["parameters"], "strict": False}]


def test_function_tool_in_chat_form_is_understood() -> None:
    assert functions({"type": "function", "function": {"name": "look"}})[0]["name"] == "look"


def test_function_without_parameters_gets_an_empty_object() -> None:
    assert functions({"type": "function", "name": "f"})[0]["parameters"] == {"type": "object", "properties": {}}


def test_custom_tool_is_a_function_of_one_string() -> None:
    made = functions(custom())[0]
    assert made["parameters"]["required"] == ["input"]
    assert made["parameters"]["properties"]["input"]["type"] == "string"


def test_grammar_is_appended_to_the_description() -> None:
    description = functions(custom(grammar='start: begin_patch\nbegin_patch: "*** Begin Patch"'))[0]["description"]
    assert description.startswith("edits files")
    assert description.endswith('start: begin_patch\nbegin_patch: "*** Begin Patch"')
    assert "lark" in description


def test_custom_tool_without_grammar_keeps_its_description() -> None:
    assert functions(custom(grammar=None))[0]["description"] == "edits files"


def test_namespace_is_flattened() -> None:
    made = functions(namespace("multi_agent_v1", function("spawn"), function("wait")))
    assert [f["name"] for f in made] == ["multi_agent_v1__spawn", "multi_agent_v1__wait"]


def test_custom_tool_in_a_namespace() -> None:
    assert functions(namespace("functions", custom("exec")))[0]["name"] == "functions__exec"


def test_same_name_in_two_namespaces_is_two_tools() -> None:
    made = functions(namespace("a", function("go")), namespace("b", function("go")))
    assert [f["name"] for f in made] == ["a__go", "b__go"]


def test_name_is_cleaned() -> None:
    assert functions(function("mcp.ologs/get profile"))[0]["name"] == "mcp_ologs_get_profile"


def test_long_name_fits_and_stays_unique() -> None:
    long = "x" * 80
    made = [f["name"] for f in functions(function(long + "a"), function(long + "b"))]
    assert len(set(made)) == 2
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) for name in made)


def test_colliding_names_get_a_suffix() -> None:
    made = [f["name"] for f in functions(function("a.b"), function("a-b"), function("a/b"), function("a_b"))]
    assert made == ["a_b", "a-b", "a_b_2", "a_b_3"]


def test_the_same_tool_twice_is_one() -> None:
    assert len(functions(function("f"), function("f"))) == 1


def test_hosted_tools_are_left_out_and_noted() -> None:
    made = chat(user("x"), tools=[{"type": "web_search"}, function("f")])
    assert len(made.body["tools"]) == 1
    assert made.notes == ["tool web_search is hosted by the provider and was left out"]


def test_tool_search_that_the_client_runs_is_a_function() -> None:
    tool = {"type": "tool_search", "execution": "client", "description": "d", "parameters": {"type": "object"}}
    assert functions(tool)[0]["name"] == "tool_search"


def test_tool_search_of_the_provider_is_left_out() -> None:
    assert functions({"type": "tool_search"}) == []


def test_tools_found_by_a_search_are_offered() -> None:
    found = [namespace("multi_agent_v1", function("spawn"))]
    made = chat(
        user("x"),
        {"type": "tool_search_call", "call_id": "s1", "execution": "client", "arguments": {"query": "agents"}},
        {"type": "tool_search_output", "call_id": "s1", "execution": "client", "tools": found},
        tools=[{"type": "tool_search", "execution": "client", "parameters": {}}],
    )
    assert [t["function"]["name"] for t in made.body["tools"]] == ["tool_search", "multi_agent_v1__spawn"]
    assert made.body["messages"][1]["tool_calls"][0]["function"] == {
        "name": "tool_search",
        "arguments": '{"query": "agents"}',
    }
    assert made.body["messages"][2]["role"] == "tool"
    assert "spawn" in made.body["messages"][2]["content"]


def test_additional_tools_are_unpacked() -> None:
    item = {"type": "additional_tools", "role": "developer", "tools": [namespace("functions", custom("exec"))]}
    made = chat(item, {"role": "developer", "content": "rules"}, user("x"))
    assert [t["function"]["name"] for t in made.body["tools"]] == ["functions__exec"]
    assert [m["role"] for m in made.body["messages"]] == ["system", "user"]


def test_namespaced_call_in_the_history_has_the_flat_name() -> None:
    found = messages(
        user("x"), call("c1", "spawn", namespace="agents"), output("c1"), tools=[namespace("agents", function("spawn"))]
    )
    assert found[1]["tool_calls"][0]["function"]["name"] == "agents__spawn"


def test_call_of_a_tool_that_is_not_offered_any_more_keeps_its_name() -> None:
    assert messages(user("x"), call("c1", "gone"), output("c1"))[1]["tool_calls"][0]["function"]["name"] == "gone"


def test_custom_call_in_the_history_is_wrapped() -> None:
    item = {"type": "custom_tool_call", "call_id": "c1", "name": "apply_patch", "input": '*** Begin "Patch"\n'}
    out = {"type": "custom_tool_call_output", "call_id": "c1", "output": "ok"}
    found = messages(user("x"), item, out, tools=[custom()])
    assert found[1]["tool_calls"][0]["function"]["arguments"] == '{"input": "*** Begin \\"Patch\\"\\n"}'
    assert found[2] == {"role": "tool", "tool_call_id": "c1", "content": "ok"}


def test_local_shell_call_is_a_call() -> None:
    item = {"type": "local_shell_call", "call_id": "c1", "action": {"type": "exec", "command": ["ls"]}}
    found = messages(user("x"), item, {"type": "local_shell_call_output", "call_id": "c1", "output": "a"})
    assert found[1]["tool_calls"][0]["function"]["name"] == "local_shell"
    assert '"ls"' in found[1]["tool_calls"][0]["function"]["arguments"]


def test_without_tools_neither_choice_nor_parallel() -> None:
    body = chat(user("x"), tool_choice="auto", parallel_tool_calls=False).body
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & set(body)


def test_only_hosted_tools_count_as_none() -> None:
    body = chat(user("x"), tools=[{"type": "web_search"}], tool_choice="auto", parallel_tool_calls=True).body
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & set(body)


@pytest.mark.parametrize("choice", ["auto", "none", "required"])
def test_choice_by_word(choice: str) -> None:
    assert chat(user("x"), tools=[function()], tool_choice=choice).body["tool_choice"] == choice


def test_choice_of_a_function() -> None:
    body = chat(user("x"), tools=[function("f")], tool_choice={"type": "function", "name": "f"}).body
    assert body["tool_choice"] == {"type": "function", "function": {"name": "f"}}


def test_choice_of_a_namespaced_custom_tool() -> None:
    choice = {"type": "custom", "name": "exec", "namespace": "functions"}
    body = chat(user("x"), tools=[namespace("functions", custom("exec"))], tool_choice=choice).body
    assert body["tool_choice"]["function"]["name"] == "functions__exec"


def test_choice_of_a_hosted_tool_becomes_auto_and_is_noted() -> None:
    made = chat(user("x"), tools=[function()], tool_choice={"type": "web_search"})
    assert made.body["tool_choice"] == "auto"
    assert made.notes == ["tool_choice web_search was left out"]


def test_allowed_tools_narrow_the_list() -> None:
    choice = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "b"}]}
    body = chat(user("x"), tools=[function("a"), function("b")], tool_choice=choice).body
    assert [t["function"]["name"] for t in body["tools"]] == ["b"]
    assert body["tool_choice"] == "required"


def test_parallel_calls_are_kept() -> None:
    assert chat(user("x"), tools=[function()], parallel_tool_calls=False).body["parallel_tool_calls"] is False


@pytest.mark.parametrize("tools", ["x", [5], [{"type": "function"}], [{"type": "namespace", "tools": []}]])
def test_tools_of_another_shape_are_refused(tools: object) -> None:
    with pytest.raises(BridgeError, match="tools"):
        chat(user("x"), tools=tools)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("codex_auto", ("exec_command", "multi_agent_v1__spawn_agent", "update_goal")),
        ("codex_gpt_5_5", ("exec_command", "apply_patch", "tool_search")),
        ("codex_lite", ("functions__exec", "functions__wait", "collaboration__spawn_agent")),
    ],
)
def test_every_shape_of_codex_0_169(name: str, expected: tuple[str, ...]) -> None:
    made = to_chat(sample(name))
    offered = [tool["function"]["name"] for tool in made.body["tools"]]
    assert set(expected) <= set(offered)
    assert len(offered) == len(set(offered))
    assert made.body["messages"][0]["role"] == "system"
    assert [m["role"] for m in made.body["messages"]] == ["system", "user"]
    assert made.body["messages"][-1]["content"].endswith("\n\nsay hi")
    assert made.body["stream_options"] == {"include_usage": True}
