"""The official `openai` client against the served gateway: offline, and at a Chat-only upstream through the bridge."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest
import pytest_asyncio

from joytui.core.joytoken import KEY_VARIABLE
from tests.bridge.chat_upstream import (
    ChatUpstream,
    Scripted,
    Seen,
    answer_json,
    call_delta,
    chunk,
    not_found,
    stream,
    usage,
)
from tests.support.hang import HANG_S
from tests.support.real_setup import Setup

# the client's models know only text in `metadata`; JoyToken's records are nested
pytestmark = pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")

TOOL: Any = {
    "type": "function",
    "name": "look",
    "description": "looks",
    "parameters": {"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"]},
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setup]:
    setup = Setup(tmp_path_factory.mktemp("openai"))
    setup.start_gateway()
    setup.create_key("client")
    yield setup
    setup.stop_gateway()


@pytest.fixture(scope="module")
def client(served: Setup) -> Iterator[openai.OpenAI]:
    with client_of(served) as made:
        yield made


def client_of(setup: Setup, **options: Any) -> openai.OpenAI:
    given = {"api_key": setup.env[KEY_VARIABLE], "max_retries": 0, "timeout": 20, **options}
    return openai.OpenAI(base_url=f"{setup.url}/openai/v1", **given)


def test_chat(client: openai.OpenAI) -> None:
    made = client.chat.completions.create(model="auto", messages=[{"role": "user", "content": "say hi"}])
    assert made.choices[0].message.content == "hi"
    assert made.choices[0].finish_reason == "stop"
    assert made.usage is not None
    assert made.usage.total_tokens == made.usage.prompt_tokens + made.usage.completion_tokens


def test_chat_stream(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model="auto",
            messages=[{"role": "user", "content": "say one two three"}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "one two three"
    assert [c.usage.completion_tokens for c in chunks if c.usage] == [3]


def test_chat_stream_helper(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="auto", messages=[{"role": "user", "content": "say hi"}]) as events:
        for _ in events:
            continue
        assert events.get_final_completion().choices[0].message.content == "hi"


def test_chat_tool_call(client: openai.OpenAI) -> None:
    tool: Any = {"type": "function", "function": {k: v for k, v in TOOL.items() if k != "type"}}
    prompt = 'call the tool look with {"at": "stars"}'
    made = client.chat.completions.create(model="auto", messages=[{"role": "user", "content": prompt}], tools=[tool])
    (called,) = made.choices[0].message.tool_calls or []
    assert called.type == "function"
    assert (called.function.name, called.function.arguments) == ("look", '{"at": "stars"}')


def test_responses(client: openai.OpenAI) -> None:
    made = client.responses.create(model="auto", input="say hi")
    assert (made.output_text, made.status) == ("hi", "completed")
    assert made.usage is not None
    assert made.usage.total_tokens == made.usage.input_tokens + made.usage.output_tokens


def test_responses_stream(client: openai.OpenAI) -> None:
    events = list(client.responses.create(model="auto", input="say one two", stream=True))
    assert [e.sequence_number for e in events] == list(range(len(events)))
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == "one two"
    assert events[-1].type == "response.completed"


def test_responses_stream_helper_with_tools(client: openai.OpenAI) -> None:
    prompt = 'think first and call the tool look with {"at": "stars"}'
    with client.responses.stream(model="auto", input=prompt, tools=[TOOL], reasoning={"summary": "auto"}) as events:
        for _ in events:
            continue
        final = events.get_final_response()
    assert [item.type for item in final.output] == ["reasoning", "function_call"]
    called = final.output[1]
    assert called.type == "function_call"
    assert called.arguments == '{"at": "stars"}'
    answered: Any = [
        {"role": "user", "content": prompt},
        *(item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in final.output),
        {"type": "function_call_output", "call_id": called.call_id, "output": "bright"},
    ]
    assert (
        client.responses.create(model="auto", input=answered, tools=[TOOL]).output_text == "The tool answered: bright"
    )


def test_models(client: openai.OpenAI) -> None:
    assert "auto" in [model.id for model in client.models.list()]


def test_missing_key_is_an_authentication_error(served: Setup) -> None:
    with client_of(served) as anonymous, pytest.raises(openai.AuthenticationError) as caught:
        anonymous.responses.create(model="auto", input="x", extra_headers={"Authorization": openai.Omit()})
    assert caught.value.status_code == 401
    assert caught.value.type == "missing_api_key"


def test_wrong_key_is_a_permission_error(served: Setup) -> None:
    with client_of(served, api_key="jt_wrong") as wrong, pytest.raises(openai.PermissionDeniedError) as caught:
        wrong.responses.create(model="auto", input="x")
    assert caught.value.type == "invalid_api_key"


def test_unknown_model_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model="no/such-model", input="x")


@pytest.mark.parametrize("messages", [[], [5]])
def test_bad_messages_are_a_bad_request(client: openai.OpenAI, messages: Any) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="auto", messages=messages)
    assert caught.value.type == "invalid_request_error"


def test_previous_response_id_is_a_bad_request_with_words(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="previous_response_id is only supported"):
        client.responses.create(model="auto", input="x", previous_response_id="resp_1")


def test_a_spent_request_id_is_a_conflict(client: openai.OpenAI) -> None:
    headers = {"X-Request-ID": "openai-client-once"}
    client.responses.create(model="auto", input="say hi", extra_headers=headers)
    with pytest.raises(openai.ConflictError):
        client.responses.create(model="auto", input="say hi", extra_headers=headers)


def test_no_budget_is_a_402(served: Setup) -> None:
    kept = served.env[KEY_VARIABLE]
    try:
        served.create_key("poor", "--daily", "0")
        with client_of(served) as poor, pytest.raises(openai.APIStatusError) as caught:
            poor.responses.create(model="auto", input="x")
    finally:
        served.env[KEY_VARIABLE] = kept
    assert caught.value.status_code == 402
    assert caught.value.type == "insufficient_quota"


# --- through the bridge ---


def script(seen: Seen) -> Scripted:
    """A Chat-only upstream that does what the prompt's first word says."""
    if not seen.path.endswith("/chat/completions"):
        return not_found(seen)
    if not seen.body.get("messages"):
        return answer_json({"error": {"message": "messages is required"}}, 400)
    word = seen.body["messages"][-1]["content"].split(" ")[0]
    if word == "limit":
        return answer_json({"error": {"message": "slow down", "type": "rate_limit"}}, 429, **{"retry-after": "9"})
    if word == "fail":
        return answer_json({"error": {"message": "down", "type": "upstream_error"}}, 503)
    if word == "break":
        return stream({"error": {"message": "lost", "type": "server_error"}, "choices": []})
    if word == "long":
        return stream(chunk({"content": "cut"}), chunk({}, "length"), usage(4, 1))
    if seen.body.get("stream"):
        return stream(
            chunk({"content": "h"}),
            chunk(call_delta(0, "c1", "look", '{"at":"x"}')),
            chunk({}, "tool_calls"),
            usage(4, 2),
        )
    message = {"role": "assistant", "content": "hi"}
    return answer_json({"id": "c", "object": "chat.completion", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": {"prompt_tokens": 4, "completion_tokens": 1, "total_tokens": 5}})  # fmt: skip


@pytest_asyncio.fixture
async def bridged(tmp_path: Any) -> AsyncIterator[openai.AsyncOpenAI]:
    setup = Setup(tmp_path)
    async with ChatUpstream(script) as upstream:
        await asyncio.to_thread(setup.start_gateway, "--upstream", upstream.url)
        await asyncio.to_thread(setup.create_key, "client")
        async with openai.AsyncOpenAI(
            base_url=f"{setup.url}/openai/v1", api_key=setup.env[KEY_VARIABLE], max_retries=0, timeout=HANG_S
        ) as made:
            yield made
        await asyncio.to_thread(setup.stop_gateway)


@pytest.mark.slow
async def test_through_the_bridge(bridged: openai.AsyncOpenAI) -> None:
    whole = await bridged.responses.create(model="m", input="hello")
    assert (whole.output_text, whole.model) == ("hi", "m")
    async with bridged.responses.stream(model="m", input="hello", tools=[TOOL]) as events:
        kinds = [event.type async for event in events]
        final = await events.get_final_response()
    assert kinds[-1] == "response.completed"
    assert [item.type for item in final.output] == ["message", "function_call"]
    long = await bridged.responses.create(model="m", input="long", stream=True)
    last = [event async for event in long][-1]
    assert last.type == "response.incomplete"
    with pytest.raises(openai.RateLimitError) as limited:
        await bridged.responses.create(model="m", input="limit")
    assert limited.value.response.headers["retry-after"] == "9"
    with pytest.raises(openai.InternalServerError) as failed:
        await bridged.responses.create(model="m", input="fail")
    assert failed.value.status_code == 503
    broken = await bridged.responses.create(model="m", input="break", stream=True)
    last = [event async for event in broken][-1]
    assert last.type == "response.failed"
    assert last.response.error is not None
    assert (last.response.error.code, last.response.error.message) == ("server_error", "lost")
