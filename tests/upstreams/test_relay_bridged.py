"""`/responses` at an upstream that has Chat Completions only."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from joytui.gateway.bridge import quirks
from joytui.gateway.bridge.request import to_chat
from joytui.gateway.upstreams import relay as relay_module
from joytui.gateway.upstreams.bridged import bridged_events, open_bridge
from joytui.gateway.upstreams.capability import Capability
from joytui.gateway.upstreams.exchange import Observation, Upstream
from joytui.gateway.upstreams.factory import make_upstream
from joytui.gateway.upstreams.observe import ChatReader
from joytui.gateway.upstreams.relay import Relay
from joytui.gateway.upstreams.transport import TransportOptions
from tests.bridge.bridging import custom
from tests.bridge.chat_upstream import (
    ChatUpstream,
    Scripted,
    Seen,
    answer_json,
    call_delta,
    chunk,
    not_found,
    sse,
    stream,
    usage,
)
from tests.support.hang import HANG_S
from tests.upstreams.calling import ANSWER, error, events, model_call, read

HI = [chunk({"content": "h"}), chunk({"content": "i"}), chunk({}, "stop"), usage(5, 2)]


async def ask(scripted: Scripted, **fields: Any) -> tuple[Any, bytes, Any, ChatUpstream]:
    async with ChatUpstream(lambda seen: scripted) as upstream:
        relay = make_upstream(upstream.url, "k", api="chat")
        exchange, data, seen = await read(relay, model_call(**fields))
        await relay.aclose()
    return exchange, data, seen, upstream


async def test_stream() -> None:
    exchange, data, seen, upstream = await ask(stream(*HI))
    kinds = [e["type"] for e in events(data)]
    assert (exchange.status, exchange.headers["content-type"]) == (200, "text/event-stream")
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    last = events(data)[-1]["response"]
    assert last["usage"]["input_tokens"] == seen.input_tokens == 5
    assert seen.upstream_id == last["id"]
    assert seen.notes == ["the upstream calls this answer chatcmpl-1"]
    (sent,) = upstream.requests
    assert sent.path == "/v1/chat/completions"
    assert sent.body["stream_options"] == {"include_usage": True}
    assert "x-openai-internal-codex-responses-lite" not in sent.headers


@pytest.fixture
def records_anew() -> Iterator[None]:
    """They are kept by address, and a server of another test may have had the port of this one's, or get it."""
    quirks.quirks_for.cache_clear()
    yield
    quirks.quirks_for.cache_clear()


@pytest.mark.usefixtures("records_anew")
async def test_the_upstreams_own_record_is_used_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = replace(quirks.DEFAULT, renamed={"max_output_tokens": "max_length"}, thought_fields=("mind",))
    monkeypatch.setattr(quirks, "RULES", (("127.0.0.1", "m", odd),))
    thinking = [chunk({"mind": "hm"}), *HI]
    _, data, seen, upstream = await ask(stream(*thinking), max_output_tokens=9)
    assert upstream.requests[0].body["max_length"] == 9
    assert [item["type"] for item in events(data)[-1]["response"]["output"]] == ["reasoning", "message"]
    assert seen.output_bytes == 4


async def test_whole() -> None:
    exchange, data, seen, _ = await ask(answer_json(ANSWER), stream=False)
    made = json.loads(data)
    assert (exchange.headers["content-type"], made["object"], made["status"]) == (
        "application/json",
        "response",
        "completed",
    )
    assert made["usage"]["total_tokens"] == 7
    assert (seen.output_tokens, seen.complete) == (2, True)


async def test_json_where_a_stream_was_asked_for() -> None:
    exchange, data, _, _ = await ask(answer_json(ANSWER))
    assert exchange.headers["content-type"] == "text/event-stream"
    assert events(data)[-1]["type"] == "response.completed"


async def test_stream_where_json_was_asked_for() -> None:
    exchange, data, _, _ = await ask(stream(*HI), stream=False)
    assert exchange.headers["content-type"] == "application/json"
    assert json.loads(data)["output"][0]["content"][0]["text"] == "hi"


async def test_metadata_of_the_gateway() -> None:
    _, data, _, _ = await ask(stream(*HI), metadata=lambda seen: [{"request_id": "r", "n": seen.input_tokens}])
    assert events(data)[-1]["response"]["metadata"] == [{"request_id": "r", "n": 5}]


async def test_error_status_is_kept() -> None:
    body = {"error": {"message": "no money", "type": "insufficient_quota"}}
    exchange, data, seen, _ = await ask(answer_json(body, 402, **{"retry-after": "3"}))
    assert (exchange.status, json.loads(data), exchange.headers["retry-after"]) == (402, body, "3")
    assert seen.error_type == "insufficient_quota"


@pytest.mark.parametrize("as_stream", [True, False])
async def test_error_in_a_200(as_stream: bool) -> None:
    body = {"error": {"message": "orchestration failed", "type": "server_error"}, "choices": []}
    _, data, seen, _ = await ask(stream(body) if as_stream else answer_json(body))
    assert events(data)[-1]["response"]["error"]["code"] == "server_error"
    assert (seen.error_type, seen.error_message) == ("server_error", "orchestration failed")


@pytest.mark.parametrize("cut", [True, False], ids=["reset", "clean"])
async def test_cut_stream_fails(cut: bool) -> None:
    _, data, seen, _ = await ask(stream(HI[0], done=False, cut=cut))
    last = events(data)[-1]
    assert (last["type"], last["response"]["error"]["code"]) == ("response.failed", "upstream_error")
    assert (seen.error_type, seen.complete) == ("upstream_error", False)


@pytest.mark.parametrize("cut", [True, False], ids=["reset", "clean"])
async def test_no_done_after_a_finish_reason_completes(cut: bool) -> None:
    _, data, seen, _ = await ask(stream(*HI, done=False, cut=cut))
    assert events(data)[-1]["type"] == "response.completed"
    assert (seen.error_type, seen.complete) == (None, True)


async def test_a_web_page_is_502() -> None:
    exchange, data, _, _ = await ask(Scripted(200, {"content-type": "text/html"}, [b"<html>login</html>"]))
    assert (exchange.status, error(data)["type"]) == (502, "upstream_error")


async def test_what_cannot_be_translated_is_400_and_not_sent() -> None:
    exchange, data, _, upstream = await ask(stream(*HI), previous_response_id="resp_0")
    assert (exchange.status, error(data)["type"]) == (400, "invalid_request_error")
    assert upstream.requests == []


async def test_comments_crlf_and_junk_lines() -> None:
    text = b": hello\r\n\r\n" + sse(HI).replace(b"\n", b"\r\n").replace(b"[DONE]", b"[DONE]") + b"data: junk\n\n"
    _, data, _, _ = await ask(Scripted(pieces=[b"data: {broken\n\n", text]))
    assert events(data)[-1]["type"] == "response.completed"


async def test_silence_gives_events_that_count() -> None:
    go_on = asyncio.Event()
    scripted = Scripted(pieces=[sse(HI[:1], done=False), go_on.wait(), sse(HI[1:])])
    async with asyncio.timeout(HANG_S), ChatUpstream(lambda seen: scripted) as upstream:
        relay = make_upstream(upstream.url, "k", api="chat", options=TransportOptions(keep_alive=0.05))
        exchange = await relay.call(model_call())
        got = b""
        async for piece in exchange.body:
            got += piece
            if got.count(b"event: response.in_progress") >= 3:
                go_on.set()
        await relay.aclose()
    found = events(got)
    assert [e["sequence_number"] for e in found] == list(range(len(found)))
    assert found[-1]["type"] == "response.completed"


async def test_a_call_that_is_withheld_until_it_is_whole_is_not_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The upstream writes it without a pause, ten seconds a piece: Codex hears of the answer every 15 s all the same."""
    seconds = 0.0
    arguments = json.dumps({"input": "*** Begin Patch"})

    async def pieces() -> AsyncIterator[list[Any]]:
        nonlocal seconds
        for part in (call_delta(0, "c1", "apply_patch", ""), *(call_delta(0, arguments=one) for one in arguments[:6])):
            seconds += 10
            yield [chunk(part)]
        yield [chunk(call_delta(0, arguments=arguments[6:])), chunk({}, "tool_calls"), usage(5, 2)]

    monkeypatch.setattr("joytui.gateway.upstreams.bridged.time", SimpleNamespace(monotonic=lambda: seconds))
    call = model_call(tools=[custom()])
    bridge = open_bridge(call, to_chat(call.body), ChatReader(Observation()))
    told: list[str] = []
    at: list[float] = []
    async for data in bridged_events(bridge, pieces()):
        told += [event["type"] for event in events(data)]
        at.append(seconds)
    assert told[-1] == "response.completed"
    assert told[: told.index("response.output_item.done")].count("response.in_progress") >= 3
    assert all(later - earlier <= 20 for earlier, later in pairwise(at))


async def test_a_stream_that_is_not_closed_after_its_end() -> None:
    never = asyncio.Event()
    scripted = Scripted(pieces=[sse(HI, done=False), never.wait()])
    async with asyncio.timeout(HANG_S), ChatUpstream(lambda seen: scripted) as upstream:
        relay = make_upstream(upstream.url, "k", api="chat", options=TransportOptions(linger=0.1))
        _, data, seen = await read(relay, model_call())
        never.set()
        await relay.aclose()
    assert events(data)[-1]["type"] == "response.completed"
    assert "the upstream kept the stream open after its finish reason" in seen.notes


@pytest.mark.parametrize("streamed", [True, False])
async def test_usage_may_come_behind_the_end_mark_but_is_not_waited_for_long(streamed: bool) -> None:
    never = asyncio.Event()
    scripted = Scripted(pieces=[sse(HI[:3]), never.wait()])
    async with asyncio.timeout(HANG_S), ChatUpstream(lambda seen: scripted) as upstream:
        relay = make_upstream(upstream.url, "k", api="chat", options=TransportOptions(linger=0.1))
        _, data, seen = await read(relay, model_call(stream=streamed))
        never.set()
        await relay.aclose()
    answer = events(data)[-1]["response"] if streamed else json.loads(data)
    assert answer["status"] == "completed"
    assert not seen.usage_seen


async def test_a_whole_answer_whose_stream_breaks_off_is_an_error() -> None:
    exchange, data, seen, _ = await ask(stream(*HI[:2], done=False, cut=True), stream=False)
    assert (exchange.status, exchange.headers["content-type"]) == (502, "application/json")
    assert "failed" in error(data)["message"]
    assert seen.error_type == "upstream_error"


async def test_each_chunk_is_passed_on_at_once() -> None:
    gates = [asyncio.Event() for _ in range(3)]
    parts: list[Any] = []
    for n, gate in enumerate(gates):
        parts += [sse([chunk({"content": f"word{n} "})], done=False), gate.wait()]
    scripted = Scripted(pieces=[*parts, sse(HI[2:])])
    async with asyncio.timeout(HANG_S), ChatUpstream(lambda seen: scripted) as upstream:
        relay = make_upstream(upstream.url, "k", api="chat")
        exchange = await relay.call(model_call())
        async for piece in exchange.body:
            for n, gate in enumerate(gates):
                if f"word{n}".encode() in piece:
                    gate.set()
        await relay.aclose()
    assert all(gate.is_set() for gate in gates)


# --- what the upstream has ---


def chat_only(seen: Seen) -> Scripted:
    if not seen.path.endswith("/chat/completions"):
        return not_found(seen)
    return stream(*HI) if seen.body.get("messages") else answer_json({"error": {"message": "no messages"}}, 400)


def responses_only(seen: Seen) -> Scripted:
    return answer_json({"id": "r", "object": "response"}) if seen.path.endswith("/responses") else answer_json({}, 405)


async def found(relay: Upstream, upstream: ChatUpstream) -> tuple[Any, list[str]]:
    await read(relay, model_call())
    await read(relay, model_call())
    return relay.api, [seen.path.removeprefix("/v1") for seen in upstream.requests]


async def test_chat_only_is_found_out_once() -> None:
    async with ChatUpstream(chat_only) as upstream:
        relay = make_upstream(upstream.url, "k")
        assert relay.api is None
        api, paths = await found(relay, upstream)
        await relay.aclose()
    assert api == "chat"
    assert sorted(paths[:2]) == ["/chat/completions", "/responses"]
    assert paths[2:] == ["/chat/completions"] * 2
    assert [seen.raw for seen in upstream.requests[:2]] == [b"{}", b"{}"]


async def test_responses_is_found_out_once() -> None:
    async with ChatUpstream(responses_only) as upstream:
        relay = make_upstream(upstream.url, "k")
        api, paths = await found(relay, upstream)
        await relay.aclose()
    assert (api, paths[2:]) == ("responses", ["/responses"] * 2)


async def test_twenty_first_calls_ask_once() -> None:
    async with ChatUpstream(chat_only) as upstream:
        relay = make_upstream(upstream.url, "k")
        await asyncio.gather(*(read(relay, model_call()) for _ in range(20)))
        await relay.aclose()
    assert sum(seen.raw == b"{}" for seen in upstream.requests) == 2


async def test_a_server_error_tells_nothing_and_is_asked_again() -> None:
    async with ChatUpstream(lambda seen: answer_json({}, 503)) as upstream:
        relay = make_upstream(upstream.url, "k")
        await read(relay, model_call())
        assert relay.api is None
        upstream.script = chat_only
        exchange, _, _ = await read(relay, model_call())
        await relay.aclose()
    assert (exchange.status, relay.api) == (200, "chat")


async def test_a_404_on_a_real_request_tries_chat_and_later_asks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from joytui.gateway.upstreams import capability

    async with ChatUpstream(responses_only) as upstream:
        relay = Relay(upstream.url, "k", name="r")
        await read(relay, model_call())
        upstream.script = chat_only
        early, _, seen = await read(relay, model_call())
        taught = relay.lessons.of("m")
        monkeypatch.setattr(capability, "RELEARN_AFTER_S", 0.0)
        later, data, _ = await read(relay, replace(model_call(), model="another"))
        await relay.aclose()
    assert early.status == 200
    assert taught == ("speaks chat",)
    assert "the upstream has no /responses for this model, so /chat/completions was used" in seen.notes
    assert (later.status, relay.api) == (200, "chat")
    assert events(data)[-1]["type"] == "response.completed"


@pytest.mark.parametrize("probed", [429, 500, 503])
async def test_a_probe_that_tells_nothing_does_not_leave_the_route_that_is_known_to_be_missing(probed: int) -> None:
    def script(seen: Seen) -> Scripted:
        if seen.path.endswith("/responses"):
            return not_found(seen)
        return answer_json({}, probed) if seen.raw == b"{}" else stream(*HI)

    async with ChatUpstream(script) as upstream:
        relay = make_upstream(upstream.url, "k")
        exchange, data, _ = await read(relay, model_call())
        await relay.aclose()
    assert (exchange.status, relay.api) == (200, "chat")
    assert events(data)[-1]["type"] == "response.completed"


async def test_routes_are_asked_for_one_after_the_other_since_a_small_server_takes_one_connection_at_a_time() -> None:
    asked: list[str] = []

    async def probe(endpoint: str) -> int:
        asked.append(f"{endpoint}?")
        await asyncio.sleep(0)
        asked.append(f"{endpoint}.")
        return 404 if endpoint == "responses" else 400

    assert await Capability(probe).get() == "chat"
    assert asked == ["responses?", "responses.", "chat/completions?", "chat/completions."]


@pytest.mark.parametrize("missing", [404, 405, 501])
async def test_a_route_that_answers_its_probe_and_no_model_is_asked_by_chat_from_then_on(missing: int) -> None:
    """LiteLLM has /responses and answers 404 for each model that has Chat alone."""

    def script(seen: Seen) -> Scripted:
        if seen.raw == b"{}":
            return answer_json({"error": {"message": "model is required"}}, 400)
        return answer_json({}, missing) if seen.path.endswith("/responses") else stream(*HI)

    async with ChatUpstream(script) as upstream:
        relay = Relay(upstream.url, "k", name="r")
        ends = [events((await read(relay, model_call()))[1])[-1]["type"] for _ in range(2)]
        await relay.aclose()
    assert ends == ["response.completed"] * 2
    assert [seen.path.rpartition("/")[2] for seen in upstream.turns] == ["responses", "completions", "completions"]
    assert relay.lessons.of("m") == ("speaks chat",)


@pytest.mark.parametrize(("busy", "ends"), [(1, [200, 200]), (9, [429, 429])])
async def test_a_model_that_cools_down_after_its_missing_route_is_waited_for_and_asked_by_chat(
    busy: int, ends: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """LiteLLM's router answers 429 for 5 s after the 404 of its own /responses."""
    monkeypatch.setattr(relay_module, "COOL_DOWN_S", 0.0)

    def script(seen: Seen) -> Scripted:
        if seen.raw == b"{}":
            return answer_json({"error": {"message": "input is required"}}, 400)
        if seen.path.endswith("/responses"):
            return answer_json({}, 404)
        asked = sum(one.path.endswith("/completions") for one in upstream.turns)
        return answer_json({"error": {"message": "No deployments available"}}, 429) if asked <= busy else stream(*HI)

    async with ChatUpstream(script) as upstream:
        relay = Relay(upstream.url, "k", name="r")
        statuses = [(await read(relay, model_call()))[0].status for _ in range(2)]
        await relay.aclose()
    assert statuses == ends
    assert [seen.path.rpartition("/")[2] for seen in upstream.turns].count("responses") == 1
    assert relay.lessons.of("m") == ("speaks chat",)


async def test_a_model_that_neither_route_has_is_not_asked_for_twice_each_time() -> None:
    async with ChatUpstream(lambda seen: answer_json({}, 400 if seen.raw == b"{}" else 404)) as upstream:
        relay = Relay(upstream.url, "k", name="r")
        statuses = [(await read(relay, model_call()))[0].status for _ in range(2)]
        await relay.aclose()
    assert statuses == [404, 404]
    assert len(upstream.turns) == 3


async def test_a_model_that_is_not_there_stays_a_404() -> None:
    body = {"error": {"message": "model m not found", "type": "model_not_found"}}

    def script(seen: Seen) -> Scripted:
        return answer_json({}, 400) if seen.raw == b"{}" else answer_json(body, 404)

    async with ChatUpstream(script) as upstream:
        relay = make_upstream(upstream.url, "k")
        exchange, data, _ = await read(relay, model_call())
        await relay.aclose()
    assert (exchange.status, json.loads(data)) == (404, body)


async def test_what_is_set_is_not_asked_for() -> None:
    async with ChatUpstream(chat_only) as upstream:
        relay = make_upstream(upstream.url, "k", api="chat")
        await read(relay, model_call())
        await relay.aclose()
    assert [seen.raw == b"{}" for seen in upstream.requests] == [False]
