"""Each refusal costs one more request, once; the next turn is right at once."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from joytui.gateway.upstreams.relay import Relay
from tests.bridge.chat_upstream import ChatUpstream, Scripted, Seen, answer_json, stream
from tests.support.clock import Clock
from tests.upstreams.calling import events, model_call, read
from tests.upstreams.recorded.strict import ANSWER, NOT_LEARNED, PLAIN, REFUSALS, TAKEN_AT_ONCE, Strict, field_refused


async def two_turns(strict: Strict) -> tuple[list[str], list[int], list[Any], ChatUpstream]:
    """How both turns ended, how many requests there were after each, the records, and the upstream."""
    ends, counts, records = [], [], []
    async with ChatUpstream(strict.script) as upstream:
        relay = Relay(upstream.url, "k", name="r", api="chat")
        for _ in range(2):
            exchange, data, seen = await read(relay, model_call(**strict.asks))
            ends.append(events(data)[-1]["type"] if exchange.status == 200 else data.decode())
            counts.append(len(upstream.requests))
            records.append(seen)
        await relay.aclose()
    return ends, counts, records, upstream


@pytest.mark.parametrize("strict", REFUSALS, ids=lambda strict: strict.name)
async def test_a_refusal_is_mended_once_and_learned(strict: Strict) -> None:
    ends, counts, records, upstream = await two_turns(strict)
    assert ends == ["response.completed"] * 2
    assert counts == [1 + strict.retries, 2 + strict.retries]
    assert [sum(note.startswith("refused (") for note in seen.notes) for seen in records] == [strict.retries, 0]
    assert all(strict.sent(request.body) for request in upstream.requests[strict.retries :])
    assert records[0].output_tokens == 50


@pytest.mark.parametrize("strict", TAKEN_AT_ONCE, ids=lambda strict: strict.name)
async def test_what_hurts_nobody_is_done_without_being_asked(strict: Strict) -> None:
    ends, counts, _, _ = await two_turns(strict)
    assert ends == ["response.completed"] * 2
    assert counts == [1, 2]


@pytest.mark.parametrize(
    ("name", "status", "body"), NOT_LEARNED, ids=lambda value: value if isinstance(value, str) else ""
)
async def test_nothing_is_learned_from(name: str, status: int, body: Any) -> None:
    async with ChatUpstream(lambda seen: answer_json(body, status)) as upstream:
        relay = Relay(upstream.url, "k", name="r", api="chat")
        exchange, _, _ = await read(relay, model_call(**PLAIN))
        await relay.aclose()
    assert (exchange.status, len(upstream.requests), relay.lessons.shown()) == (status, 1, [])


ANSWERED = {
    "choices": [{"message": {"content": "Hello wörld ✓"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 50},
}


@pytest.mark.parametrize(
    ("wants", "words"),
    [
        (True, "This model only support stream mode, please enable the stream parameter to access the model."),
        (True, "parameter.enable_thinking must be set to false for non-streaming calls"),
        (False, "This model doesn't support tool use in streaming mode."),
        (False, "Streaming is not supported with tools for this model"),
    ],
)
async def test_an_upstream_that_streams_always_or_never_is_asked_so(wants: bool, words: str) -> None:
    def script(seen: Seen) -> Scripted:
        if bool(seen.body.get("stream")) is not wants:
            return answer_json({"error": {"message": words}}, 400)
        return stream(*ANSWER) if wants else answer_json(ANSWERED)

    async with ChatUpstream(script) as upstream:
        relay = Relay(upstream.url, "k", name="r", api="chat")
        for requests in (2, 3):
            exchange, data, seen = await read(relay, model_call(stream=not wants, **PLAIN))
            answer = json.loads(data) if wants else events(data)[-1]["response"]
            assert (exchange.status, answer["status"], len(upstream.requests)) == (200, "completed", requests)
            assert answer["output"][0]["content"][0]["text"] == "Hello wörld ✓"
            assert (seen.input_tokens, seen.output_tokens) == (1000, 50)
        await relay.aclose()


async def test_the_models_own_fault_teaches_nothing_and_is_tried_once_more() -> None:
    failed = {"message": "Failed to call a function.", "code": "tool_use_failed", "failed_generation": "<function="}
    async with ChatUpstream(lambda seen: answer_json({"error": failed}, 400)) as upstream:
        relay = Relay(upstream.url, "k", name="r", api="chat")
        exchange, _, seen = await read(relay, model_call(**PLAIN))
        await relay.aclose()
    assert (exchange.status, len(upstream.requests), relay.lessons.shown()) == (400, 2, [])
    assert len({request.raw for request in upstream.requests}) == 1
    assert seen.notes == ["refused (Failed to call a function.); sent again as it was"]


async def test_what_a_context_has_left_for_an_answer_is_no_lesson() -> None:
    def full(body: Any) -> str | None:
        left = "max_tokens is too large: 64000. This model's maximum context length is 32768 tokens and your request has 5000 input tokens."
        return left if body.get("max_tokens", 0) > 27768 else None

    async with ChatUpstream(Strict("", full, {}).script) as upstream:
        relay = Relay(upstream.url, "k", name="r", api="chat")
        exchange, _, _ = await read(relay, model_call(**PLAIN, max_output_tokens=64000))
        await relay.aclose()
    assert (exchange.status, upstream.requests[-1].body["max_tokens"], relay.lessons.shown()) == (200, 27768, [])


async def test_a_request_is_sent_four_times_at_most_and_no_lesson_twice() -> None:
    def never(body: Any) -> str:
        return "unsupported: stream_options, parallel_tool_calls, tool_choice, metadata, user, prompt_cache_key"

    async with ChatUpstream(Strict("", never, {}).script) as upstream:
        relay = Relay(upstream.url, "k", name="r", api="chat")
        exchange, _, _ = await read(relay, model_call(**PLAIN, tool_choice="auto", metadata={"a": "b"}, user="u"))
        await relay.aclose()
    assert exchange.status == 400
    assert len({request.raw for request in upstream.requests}) == len(upstream.requests) == 4
    assert relay.lessons.shown() == []


async def test_a_server_that_names_one_of_many_fields_at_a_time_is_learned_over_two_turns() -> None:
    fields = ("stream_options", "parallel_tool_calls", "prompt_cache_key", "tool_choice", "user")

    def one_by_one(body: Any) -> str | None:
        return next((f"Unrecognized request argument: {name}" for name in fields if name in body), None)

    async with ChatUpstream(Strict("", one_by_one, {}).script) as upstream:
        relay = Relay(upstream.url, "k", name="r", api="chat")
        asks = {**PLAIN, "tool_choice": "auto", "user": "u", "prompt_cache_key": "k"}
        statuses = [(await read(relay, model_call(**asks)))[0].status for _ in range(3)]
        await relay.aclose()
    assert statuses == [400, 200, 200]
    assert len(upstream.requests) == 4 + 3 + 1


async def test_a_refusal_that_lists_several_faults_costs_one_more_request() -> None:
    def listed(body: Any) -> Any:
        extra = [name for name in ("stream_options", "parallel_tool_calls", "prompt_cache_key") if name in body]
        faults = [
            {"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs are not permitted"}
            for name in extra
        ]
        return {"detail": faults} if faults else None

    async with ChatUpstream(Strict("", listed, {}, 422).script) as upstream:
        relay = Relay(upstream.url, "k", name="r", api="chat")
        exchange, _, _ = await read(relay, model_call(**PLAIN, prompt_cache_key="k"))
        await relay.aclose()
    assert (exchange.status, len(upstream.requests)) == (200, 2)


async def test_a_value_is_taken_for_an_effort_only_where_it_is_spoken_of() -> None:
    def too_high(body: Any) -> str | None:
        return "temperature is too high; use a low one" if body.get("temperature") else None

    async with ChatUpstream(Strict("", too_high, {}).script) as upstream:
        relay = Relay(upstream.url, "k", name="r", api="chat")
        exchange, _, _ = await read(relay, model_call(**PLAIN, temperature=2, reasoning={"effort": "high"}))
        await relay.aclose()
    assert (exchange.status, len(upstream.requests)) == (200, 2)
    assert [row.lesson for row in relay.lessons.shown()] == ["no temperature"]


async def test_a_lesson_that_did_not_help_is_not_kept() -> None:
    def odd(body: Any) -> str | None:
        return "unsupported: tool_choice and user" if "user" in body else None

    async with ChatUpstream(Strict("", odd, {}).script) as upstream:
        relay = Relay(upstream.url, "k", name="r", api="chat")
        exchange, _, _ = await read(relay, model_call(**PLAIN, tool_choice="auto", user="u"))
        await relay.aclose()
    assert exchange.status == 200
    assert [row.lesson for row in relay.lessons.shown()] == ["no user"]


async def test_a_lesson_holds_for_seven_days_for_its_model_and_can_be_forgotten(clock: Clock) -> None:
    strict = Strict("", field_refused("stream_options", "stream_options: unknown field"), PLAIN)
    async with ChatUpstream(strict.script) as upstream:
        relay = Relay(upstream.url, "k", name="r", api="chat")
        await read(relay, model_call(**PLAIN))
        held = relay.lessons.of("m"), relay.lessons.of("another")
        clock.advance(timedelta(days=7, seconds=1))
        later = relay.lessons.of("m")
        await read(relay, model_call(**PLAIN))
        forgotten = relay.lessons.forget("m")
        await relay.aclose()
    assert held == (("no stream_options",), ())
    assert later == ()
    assert (len(upstream.requests), forgotten, relay.lessons.of("m")) == (4, 1, ())
