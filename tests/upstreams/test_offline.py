"""The offline model: the same answer each time, both endpoints, tools when told to."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joytui.gateway.upstreams.factory import offline
from joytui.gateway.upstreams.offline import tokens
from tests.bridge.bridging import custom, function, namespace, sample
from tests.upstreams.calling import error, events, model_call, read


async def response(prompt: Any, **fields: Any) -> dict[str, Any]:
    _, data, _ = await read(offline(), model_call(stream=False, input=prompt, **fields))
    found: dict[str, Any] = json.loads(data)
    return found


async def text(prompt: Any, **fields: Any) -> str:
    return str((await response(prompt, **fields))["output"][-1]["content"][0]["text"])


async def test_say_hi() -> None:
    assert await text("say hi") == "hi"


async def test_anything_else_is_answered() -> None:
    assert "What is up?" in await text("What is up?")


LOOK = {
    **function("get_weather"),
    "parameters": {"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"]},
}


@pytest.mark.parametrize(
    ("prompt", "more", "called"),
    [
        ("What's the weather like?", {}, "get_weather"),
        ("The weather is fine", {}, None),
        ("What's the news?", {}, None),
        ("What's the weather like?", {"tools": [LOOK, function("other")]}, None),
        ("What's the weather like?", {"tool_choice": "none"}, None),
        ("hello", {"tool_choice": "required"}, "get_weather"),
        ("hello", {"tools": [LOOK, function("other")], "tool_choice": {"type": "function", "name": "other"}}, "other"),
    ],
)
async def test_a_tool_that_is_wanted_is_called(prompt: str, more: dict[str, Any], called: str | None) -> None:
    last = (await response(prompt, **{"tools": [LOOK], **more}))["output"][-1]
    assert last.get("name") == called
    if called == "get_weather":
        assert json.loads(last["arguments"]) == {"at": "offline"}


@pytest.mark.parametrize("endpoint", ["responses", "chat/completions"])
@pytest.mark.parametrize("stream", [True, False])
async def test_same_text_and_counts_streamed_and_not(endpoint: Any, stream: bool) -> None:
    given_one = (
        {"input": "say one two"}
        if endpoint == "responses"
        else {"messages": [{"role": "user", "content": "say one two"}]}
    )
    exchange, data, seen = await read(offline(), model_call(endpoint, stream=stream, **given_one))
    assert exchange.status == 200
    assert b"[DONE]" in data or endpoint == "responses" or not stream
    assert (seen.input_tokens, seen.output_tokens, seen.usage_seen, seen.complete) == (7, 2, True, True)


async def test_chat_stream_ends_with_record_and_done() -> None:
    call = model_call("chat/completions", metadata=lambda seen: {"billing": {"output_tokens": seen.output_tokens}})
    _, data, _ = await read(offline(), call)
    assert events(data)[-1]["metadata"]["billing"]["output_tokens"] > 0
    assert events(data)[-1]["choices"] == []
    assert data.endswith(b"data: [DONE]\n\n")


async def test_usage_chunk_only_when_asked_for() -> None:
    for options, expected in (({}, False), ({"stream_options": {"include_usage": True}}, True)):
        _, data, _ = await read(offline(), model_call("chat/completions", **options))
        assert any("usage" in e for e in events(data)) == expected


async def test_tool_with_json_arguments() -> None:
    made = await response('call the tool look with {"a": {"b": 1}} please', tools=[function("look")])
    assert (made["output"][0]["name"], json.loads(made["output"][0]["arguments"])) == ("look", {"a": {"b": 1}})


async def test_tool_that_is_not_offered_is_not_called() -> None:
    assert (await response("call the tool look with {}"))["output"][0]["type"] == "message"


async def test_freeform_tool_in_a_namespace() -> None:
    made = await response("call the tool exec with text('hi')", tools=[namespace("functions", custom("exec"))])
    item = made["output"][0]
    assert (item["type"], item["namespace"], item["name"], item["input"]) == (
        "custom_tool_call",
        "functions",
        "exec",
        "text('hi')",
    )


async def test_patch_over_several_lines() -> None:
    patch = "*** Begin Patch\n*** Add File: a\n+x\n*** End Patch\n"
    made = await response(f"call the tool apply_patch with\n{patch}\nand that is all", tools=[custom()])
    assert made["output"][0]["input"] == patch


async def test_parallel_calls() -> None:
    made = await response(
        'call the tool f with {"n":1} and in parallel call the tool f with {"n":2}', tools=[function()]
    )
    assert [json.loads(i["arguments"])["n"] for i in made["output"]] == [1, 2]


async def test_one_call_after_the_other_then_the_answer() -> None:
    conversation: list[Any] = [
        {"role": "user", "content": 'call the tool f with {"n":1} then call the tool f with {"n":2}'}
    ]
    seen = []
    for _ in range(3):
        (item,) = (await response(conversation, tools=[function()]))["output"]
        seen.append(item["type"])
        conversation += [item, {"type": "function_call_output", "call_id": item.get("call_id"), "output": "42"}]
    assert seen == ["function_call", "function_call", "message"]
    assert item["content"][0]["text"] == "The tool answered: 42"


async def test_reasoning() -> None:
    made = await response("think first and say hi")
    assert [i["type"] for i in made["output"]] == ["reasoning", "message"]
    assert made["usage"]["output_tokens_details"]["reasoning_tokens"] > 0


async def test_limit() -> None:
    made = await response("count to 100", max_output_tokens=5)
    assert (made["status"], made["output"][0]["content"][0]["text"]) == ("incomplete", "1 2 3 4 5")


async def test_schema_is_met() -> None:
    made = json.loads(await text("x", text=sample("codex_title")["text"]))
    assert isinstance(made, dict)
    assert made


@pytest.mark.parametrize("name", ["codex_auto", "codex_gpt_5_5", "codex_lite", "codex_compaction", "codex_title"])
async def test_requests_of_codex(name: str) -> None:
    body = sample(name)
    _, data, seen = await read(offline(), model_call(**{**body, "stream": True}))
    assert events(data)[-1]["type"] == "response.completed"
    assert seen.error_type is None


@pytest.mark.parametrize("messages", [None, [], "x", [5]])
async def test_messages_of_another_shape(messages: object) -> None:
    exchange, data, _ = await read(offline(), model_call("chat/completions", messages=messages))
    assert (exchange.status, error(data)["type"]) == (400, "invalid_request_error")


@given(st.text())
def test_pieces_are_the_text(words: str) -> None:
    assert "".join(tokens.pieces(words)) == words
    assert len(tokens.pieces(words)) >= tokens.count(words)


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": 5},
        {"tools": True},
        *({"tool_choice": {"type": "function", "function": named}} for named in ("x", None, {"name": 5})),
        *({"tools": [{"function": {"name": "get_weather", "parameters": odd}}]} for odd in (5, {"required": 5})),
        *({"tools": [{"function": {"name": "get_weather", "parameters": odd}}]} for odd in ({"type": {}}, {"enum": 5})),
        {"tools": [{"function": {"name": None}}], "tool_choice": "required"},
        {"response_format": {"type": "json_schema", "json_schema": 5}},
    ],
    ids=json.dumps,
)
async def test_what_is_of_the_wrong_kind_does_no_harm(fields: dict[str, Any]) -> None:
    tools = [{"type": "function", "function": {"name": "get_weather"}}]
    messages = [{"role": "user", "content": "how is the weather? call get_weather with x"}]
    call = model_call("chat/completions", stream=False, messages=messages, **{"tools": tools, **fields})
    exchange, data, _ = await read(offline(), call)
    assert exchange.status == 200
    assert json.loads(data)["choices"]
