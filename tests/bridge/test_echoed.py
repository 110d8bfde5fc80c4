"""The Response object has every field of the API's, each of its kind, with what the client asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from joytui.gateway.bridge.echoed import metadata_with
from joytui.gateway.upstreams.bridged import from_codex
from joytui.gateway.upstreams.factory import offline
from joytui.gateway.upstreams.relay import Relay
from tests.bridge.bridging import function, messages, user
from tests.bridge.chat_upstream import ChatUpstream, chunk, stream, usage
from tests.upstreams.calling import events, model_call, read

TEXT, WHOLE, NUMBER, TRUTH, OBJECT, LIST = str, int, (int, float), bool, dict, list
NONE = type(None)
KINDS: dict[str, Any] = {
    "id": TEXT, "object": TEXT, "created_at": WHOLE, "completed_at": (WHOLE, NONE), "status": TEXT, "incomplete_details": (OBJECT, NONE),
    "model": TEXT, "previous_response_id": (TEXT, NONE), "instructions": (TEXT, NONE), "output": LIST, "error": (OBJECT, NONE),
    "tools": LIST, "tool_choice": (TEXT, OBJECT), "truncation": TEXT, "parallel_tool_calls": TRUTH, "text": OBJECT, "top_p": NUMBER,
    "presence_penalty": NUMBER, "frequency_penalty": NUMBER, "top_logprobs": WHOLE, "temperature": NUMBER, "reasoning": (OBJECT, NONE),
    "usage": (OBJECT, NONE), "max_output_tokens": (WHOLE, NONE), "max_tool_calls": (WHOLE, NONE), "store": TRUTH, "background": TRUTH,
    "service_tier": TEXT, "metadata": OBJECT, "safety_identifier": (TEXT, NONE), "prompt_cache_key": (TEXT, NONE),
}  # fmt: skip
"""openresponses.org, `ResponseResource`: what is required, and of which kind."""
ASKED: dict[str, Any] = {
    "instructions": "be brief", "max_output_tokens": 9, "max_tool_calls": 3, "parallel_tool_calls": False, "prompt_cache_key": "k",
    "safety_identifier": "s", "service_tier": "flex", "temperature": 0, "top_p": 0.5, "top_logprobs": 2, "presence_penalty": 1,
    "frequency_penalty": -1, "metadata": {"team": "a"}, "user": "u",
}  # fmt: skip
TOOL = function("look")
RECORD = {"billing": {"credits_used": "1"}}


def check(response: dict[str, Any]) -> None:
    wrong = {
        name: response.get(name, "missing")
        for name, kind in KINDS.items()
        if not isinstance(response.get(name, ...), kind)
    }
    assert wrong == {}
    assert {"format"} <= set(response["text"])
    assert response["reasoning"] is None or {"effort", "summary"} <= set(response["reasoning"])
    assert all({"type", "name", "description", "parameters", "strict"} <= set(tool) for tool in response["tools"])


async def responses(**asked: Any) -> list[dict[str, Any]]:
    """The objects of all events of a bridged stream."""
    answer = stream(chunk({"content": "hi"}), chunk({}, "stop"), usage(3, 1))
    call = model_call()
    call.body.update(asked)
    async with ChatUpstream(lambda seen: answer) as upstream:
        relay = Relay(upstream.url, "k", name="r", api="chat")
        _, data, _ = await read(relay, replace(call, metadata=lambda seen: RECORD))
        await relay.aclose()
    return [event["response"] for event in events(data) if "response" in event]


async def test_every_field_is_there_in_each_event() -> None:
    first, second, last = await responses(tools=[TOOL])
    for response in (first, second, last):
        check(response)
    assert (first["completed_at"], first["status"]) == (None, "in_progress")
    assert last["completed_at"] >= last["created_at"]
    assert last["metadata"] == RECORD


@pytest.mark.parametrize("more", [{}, {"tools": [TOOL], "tool_choice": "required"}])
async def test_the_offline_model_answers_with_the_same_object(more: dict[str, Any]) -> None:
    _, data, _ = await read(offline(), model_call(stream=False, **more))
    check(json.loads(data))


async def test_what_was_asked_for_is_repeated() -> None:
    given = {**ASKED, "tools": [TOOL, {"type": "web_search"}], "tool_choice": "none", "text": {"verbosity": "low"}, "reasoning": {"effort": "low"}}  # fmt: skip
    for response in await responses(**given):
        assert {name: response[name] for name in ASKED if name != "metadata"} == {
            n: v for n, v in ASKED.items() if n != "metadata"
        }
        assert response["tools"] == [{**TOOL, "strict": None}, {"type": "web_search"}]
        assert response["text"] == {"format": {"type": "text"}, "verbosity": "low"}
        assert response["reasoning"] == {"effort": "low", "summary": None}
        assert response["metadata"]["team"] == "a"


async def test_what_is_done_otherwise_is_told_as_it_is_done() -> None:
    last = (await responses(store=True, truncation="auto", service_tier="auto"))[-1]
    assert (last["store"], last["truncation"], last["service_tier"]) == (False, "disabled", "default")


async def test_codex_is_not_sent_its_own_tools_three_times_a_turn() -> None:
    body = model_call(instructions="long", tools=[TOOL])
    async with ChatUpstream(lambda seen: stream(chunk({"content": "hi"}), chunk({}, "stop"))) as upstream:
        relay = Relay(upstream.url, "k", name="r", api="chat")
        body.headers["originator"] = "codex_exec"  # type: ignore[index]
        _, data, _ = await read(relay, body)
        await relay.aclose()
    assert [(e["response"]["tools"], e["response"]["instructions"]) for e in events(data) if "response" in e] == [
        ([], None)
    ] * 3
    assert from_codex({"user-agent": "codex_cli_rs/0.171.0"})
    assert not from_codex({"user-agent": "OpenAI/Python 2"})


@pytest.mark.parametrize(
    ("given", "record", "told"),
    [
        (None, RECORD, RECORD),
        ({}, [RECORD, RECORD], [RECORD, RECORD]),
        ({"a": "b"}, {}, {"a": "b"}),
        ({"a": "b"}, RECORD, {"a": "b", **RECORD}),
        ({"a": "b"}, [RECORD], {"a": "b", **RECORD}),
        ({"a": "b"}, [RECORD, RECORD], {"a": "b", "records": [RECORD, RECORD]}),
        ({"billing": "mine"}, RECORD, {"billing": "mine"}),
        ("odd", RECORD, RECORD),
    ],
)
def test_joytokens_record_stands_beside_the_clients_metadata(given: Any, record: Any, told: Any) -> None:
    assert metadata_with(given, record) == told


FILE = {"type": "input_file", "filename": "a.pdf"}


@pytest.mark.parametrize(
    ("part", "sent"),
    [
        ({**FILE, "file_data": "data:x"}, {"type": "file", "file": {"file_data": "data:x", "filename": "a.pdf"}}),
        ({**FILE, "file_id": "file-1"}, {"type": "file", "file": {"file_id": "file-1", "filename": "a.pdf"}}),
        ({**FILE, "file_url": "https://x/a.pdf"}, "[file a.pdf: https://x/a.pdf]"),
        ({"type": "input_file", "file_url": "https://x/a"}, "[file: https://x/a]"),
        ({"type": "input_image", "file_id": "file-1"}, '{"type": "input_image", "file_id": "file-1"}'),
    ],
)
def test_no_file_is_lost(part: dict[str, Any], sent: Any) -> None:
    content = messages(user([part]))[0]["content"]
    assert content == (sent if isinstance(sent, str) else [sent])


async def test_a_part_that_is_told_in_words_is_noted() -> None:
    async with ChatUpstream(lambda seen: stream(chunk({"content": "hi"}), chunk({}, "stop"))) as upstream:
        relay = Relay(upstream.url, "k", name="r", api="chat")
        _, _, seen = await read(relay, model_call(input=[user([{**FILE, "file_url": "https://x/a.pdf"}])]))
        await relay.aclose()
    assert "a part of type input_file was sent as text: Chat Completions has no such part" in seen.notes
