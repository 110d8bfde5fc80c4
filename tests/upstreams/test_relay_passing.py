"""Pass-through: the upstream's bytes as they are, and what was read from them on the side."""

from __future__ import annotations

import asyncio
import json

import pytest

from joytui.gateway.upstreams.factory import make_upstream
from joytui.gateway.upstreams.transport import TransportOptions
from tests.bridge.chat_upstream import ChatUpstream, Scripted, Seen, answer_json, chunk, sse, usage
from tests.support.hang import HANG_S
from tests.upstreams.calling import ANSWER, error, model_call, read

RESPONSE = {
    "id": "resp_up",
    "object": "response",
    "status": "completed",
    "model": "real-model",
    "output": [],
    "usage": {"input_tokens": 9, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 3, "total_tokens": 12},
    "metadata": {"billing": {"credits_used": "0.5"}, "billing_id": "bill-1", "tier": "premium"},
}
EVENTS = (
    b'event: response.created\r\ndata: {"type":"response.created","response":{"id":"resp_up"}}\r\n\r\n: ping\n\n'
    b'data: {"type":"response.output_text.delta","delta":"h\xc3\xa9"}\n\ndata: not json\n\n'
    b"data: " + json.dumps({"type": "response.completed", "response": RESPONSE}).encode() + b"\n\n"
)


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_responses_stream_byte_for_byte(size: int) -> None:
    async with ChatUpstream(lambda seen: Scripted(pieces=pieces(EVENTS, size))) as upstream:
        relay = make_upstream(upstream.url, "k", api="responses")
        exchange, body, seen = await read(relay, model_call())
        await relay.aclose()
    assert body == EVENTS
    assert exchange.headers["content-type"] == "text/event-stream"
    assert (seen.input_tokens, seen.cached_input_tokens, seen.output_tokens) == (9, 4, 3)
    assert (seen.upstream_id, seen.model_used, seen.finish, seen.complete) == (
        "resp_up",
        "real-model",
        "completed",
        True,
    )
    assert (seen.cost_nano, seen.billing_id, seen.tier) == (500_000_000, "bill-1", "premium")
    assert seen.first_token_at is not None


async def test_chat_stream_byte_for_byte_with_joytokens_record() -> None:
    record = {"metadata": [{"billing": {"credits_used": "0.25"}, "billing_id": "b"}]}
    data = sse([chunk({"content": "hi"}), chunk({}, "stop"), usage(5, 2), record])
    async with ChatUpstream(lambda seen: Scripted(pieces=pieces(data, 11))) as upstream:
        relay = make_upstream(upstream.url, "k")
        asked = {"include_usage": True}
        _, body, seen = await read(relay, model_call("chat/completions", stream_options=asked))
        await relay.aclose()
    assert body == data
    assert (seen.input_tokens, seen.output_tokens, seen.cost_nano, seen.finish) == (5, 2, 250_000_000, "stop")


ALONE = usage(5, 2)
WITH_CHOICES = {**chunk({}, "stop"), "usage": ALONE["usage"]}
WITH_RECORD = {**ALONE, "metadata": {"billing": {"credits_used": "0.25"}}}


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({}, {"include_usage": True}),
        ({"stream_options": None}, {"include_usage": True}),
        ({"stream_options": {"include_usage": False, "x": 1}}, {"include_usage": True, "x": 1}),
    ],
)
@pytest.mark.parametrize(("told", "hidden"), [(ALONE, True), (WITH_CHOICES, False), (WITH_RECORD, False)])
@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_usage_is_asked_for_and_kept_from_who_did_not_ask(
    options: dict, sent: dict, told: dict, hidden: bool, size: int
) -> None:
    before, after = sse([chunk({"content": "hi", "usage": {}}), chunk({}, "stop")], done=False), b"data: [DONE]\n\n"
    data = (before + sse([told], done=False) + after).replace(b"\n", b"\r\n" if size == 7 else b"\n")
    async with ChatUpstream(lambda seen: Scripted(pieces=pieces(data, size))) as upstream:
        relay = make_upstream(upstream.url, "k")
        _, body, seen = await read(relay, model_call("chat/completions", **options))
        await relay.aclose()
    assert (seen.input_tokens, seen.output_tokens, seen.usage_seen, seen.output_bytes) == (5, 2, True, 2)
    assert body.replace(b"\r", b"") == (before + after if hidden else data.replace(b"\r", b""))
    [asked] = upstream.requests
    assert asked.body["stream_options"] == sent
    assert asked.body["messages"] == [{"role": "user", "content": "hi"}]


async def test_an_upstream_that_does_not_know_the_option_is_asked_without_it() -> None:
    """Once with it, then never again; a refusal that only speaks of it is not taken for one."""

    def script(seen: Seen) -> Scripted:
        if "stream_options" in seen.body or seen.body["model"] == "none":
            return answer_json({"detail": [{"loc": ["body", "stream_options"], "msg": "no such field"}]}, 422)
        return Scripted(pieces=[sse([chunk({"content": "hi"}, "stop")])])

    async with ChatUpstream(script) as upstream:
        relay = make_upstream(upstream.url, "k")
        refused, _, _ = await read(relay, model_call("chat/completions", model="none"))
        for _ in range(2):
            exchange, body, _ = await read(relay, model_call("chat/completions"))
            assert (exchange.status, b"hi" in body) == (200, True)
        await relay.aclose()
    assert refused.status == 422
    assert ["stream_options" in seen.body for seen in upstream.requests] == [True, False, True, False, False]


@pytest.mark.parametrize("kind", [None, "application/json", "text/plain", "text/event-stream"])
@pytest.mark.parametrize("asked", [True, False])
async def test_a_body_is_read_as_what_it_is_whatever_it_is_called(kind: str | None, asked: bool) -> None:
    headers = {"content-type": kind} if kind else {}
    events = sse([chunk({"content": "hi"}), chunk({}, "stop"), ALONE])
    for data, streamed in ((events, True), (json.dumps(ANSWER).encode(), False)):
        async with ChatUpstream(lambda seen, data=data: Scripted(200, headers, pieces(data, 3))) as upstream:
            relay = make_upstream(upstream.url, "k", api="chat")
            call = model_call("chat/completions", stream=asked, stream_options={"include_usage": True})
            passed, body, seen = await read(relay, call)
            assert (body, seen.input_tokens, seen.output_tokens, seen.complete) == (data, 5, 2, True)
            assert not streamed or passed.headers["content-type"] == "text/event-stream"
            _, body, seen = await read(relay, model_call(stream=asked))
            assert (b"completed" in body, seen.input_tokens, seen.output_tokens) == (True, 5, 2)
            await relay.aclose()


async def test_whole_answers() -> None:
    def script(seen: Seen) -> Scripted:
        return answer_json(RESPONSE if seen.path.endswith("/responses") else ANSWER)

    async with ChatUpstream(script) as upstream:
        relay = make_upstream(upstream.url, "k", api="responses")
        _, one, seen_one = await read(relay, model_call(stream=False))
        _, two, seen_two = await read(relay, model_call("chat/completions", stream=False))
        await relay.aclose()
    assert (json.loads(one), json.loads(two)) == (RESPONSE, ANSWER)
    assert (seen_one.input_tokens, seen_two.input_tokens) == (9, 5)


async def test_raw_body_and_allowed_headers_only() -> None:
    async with ChatUpstream(lambda seen: answer_json(ANSWER)) as upstream:
        relay = make_upstream(upstream.url, "upstream-key", api="responses")
        call = model_call("chat/completions", stream=False)
        await read(relay, call)
        await relay.aclose()
    (seen,) = upstream.requests
    assert seen.raw == call.raw
    assert seen.headers["authorization"] == "Bearer upstream-key"
    assert seen.headers["x-codex-window-id"] == "w:0"
    assert seen.headers["x-request-id"] == "req-1"
    assert seen.headers["user-agent"] == "u"
    assert "cookie" not in seen.headers
    assert "clients_own" not in str(seen.headers)


async def test_headers_of_the_answer_are_an_allowlist() -> None:
    headers = {
        "content-type": "application/json",
        "X-DAOE-Used-Model": "gemini",
        "X-DAOE-Used-Provider": "google",
        "set-cookie": "a=b",
        "server": "s",
    }
    async with ChatUpstream(lambda seen: Scripted(200, headers, [json.dumps(ANSWER).encode()])) as upstream:
        relay = make_upstream(upstream.url, "k")
        exchange, _, seen = await read(relay, model_call("chat/completions", stream=False))
        await relay.aclose()
    assert set(exchange.headers) == {"content-type", "x-daoe-used-model", "x-daoe-used-provider"}
    assert seen.provider == "google"


@pytest.mark.parametrize("status", [400, 402, 403, 404, 409, 413, 422, 429, 500, 503])
async def test_errors_keep_status_body_and_retry_after(status: int) -> None:
    body = {"error": {"message": "told so", "type": "policy_rejected", "extra": [1]}}
    async with ChatUpstream(lambda seen: answer_json(body, status, **{"retry-after": "7"})) as upstream:
        relay = make_upstream(upstream.url, "k", api="responses")
        exchange, data, seen = await read(relay, model_call())
        await relay.aclose()
    assert (exchange.status, json.loads(data), exchange.headers["retry-after"]) == (status, body, "7")
    assert (seen.error_type, seen.error_message) == ("policy_rejected", "told so")
    assert "x-joytui-error-origin" not in exchange.headers


@pytest.mark.parametrize(("status", "kind"), [(401, "missing_api_key"), (401, "anything"), (403, "invalid_api_key")])
async def test_a_refusal_of_the_relays_own_key_is_marked(status: int, kind: str) -> None:
    body = {"error": {"message": "no", "type": kind}}
    async with ChatUpstream(lambda seen: answer_json(body, status)) as upstream:
        relay = make_upstream(upstream.url, "k", api="responses")
        exchange, data, _ = await read(relay, model_call())
        await relay.aclose()
    assert exchange.headers["x-joytui-error-origin"] == "upstream"
    assert json.loads(data) == body


async def test_a_redirect_is_not_followed() -> None:
    headers = {"location": "https://elsewhere.example/v1/responses"}
    async with ChatUpstream(lambda seen: Scripted(307, headers)) as upstream:
        relay = make_upstream(upstream.url, "k", api="responses")
        exchange, data, _ = await read(relay, model_call())
        await relay.aclose()
    assert exchange.status == 502
    assert "https://elsewhere.example" in error(data)["message"]
    assert "location" not in exchange.headers
    assert len(upstream.requests) == 1


async def test_nobody_listens() -> None:
    async with ChatUpstream(lambda seen: Scripted()) as upstream:
        url = upstream.url
    relay = make_upstream(url, "secret-key", api="responses")
    exchange, data, seen = await read(relay, model_call())
    await relay.aclose()
    assert (exchange.status, error(data)["type"], seen.error_type) == (502, "upstream_error", "upstream_error")
    assert not exchange.from_upstream
    assert b"secret-key" not in data


async def test_no_answer_in_time() -> None:
    held = asyncio.Event()

    async def never() -> None:
        await held.wait()

    async with asyncio.timeout(HANG_S):
        server = await asyncio.start_server(lambda r, w: never(), "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        relay = make_upstream(url, "k", api="responses", options=TransportOptions(idle_timeout=0.2))
        exchange, data, _ = await read(relay, model_call())
        await relay.aclose()
        held.set()
        server.close()
    assert (exchange.status, error(data)["type"]) == (504, "upstream_error")


async def test_connection_closed_without_an_answer() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    relay = make_upstream(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", "k", api="responses")
    exchange, data, _ = await read(relay, model_call())
    await relay.aclose()
    server.close()
    assert (exchange.status, error(data)["type"]) == (502, "upstream_error")


@pytest.mark.parametrize("endpoint", ["responses", "chat/completions"])
@pytest.mark.parametrize("whole_event", [True, False])
async def test_a_broken_stream_ends_in_its_own_words(endpoint: str, whole_event: bool) -> None:
    start = b'data: {"type":"response.created","response":{"id":"r"}}\n\n' if whole_event else b'data: {"type":"resp'
    async with ChatUpstream(lambda seen: Scripted(pieces=[start], cut=True)) as upstream:
        relay = make_upstream(upstream.url, "k", api="responses")
        _, body, seen = await read(relay, model_call(endpoint))  # type: ignore[arg-type]
        await relay.aclose()
    assert body.startswith(start)
    last = json.loads(body.split(b"data: ")[-1])
    told = last["error"] if endpoint == "chat/completions" else last["response"]["error"]
    assert "the connection to the upstream failed" in told["message"]
    assert (seen.error_type, seen.complete) == ("upstream_error", False)


async def test_a_clean_end_without_a_terminal_event_stays_what_it_is() -> None:
    data = b'data: {"type":"response.created","response":{"id":"r"}}\n\n'
    async with ChatUpstream(lambda seen: Scripted(pieces=[data])) as upstream:
        relay = make_upstream(upstream.url, "k", api="responses")
        _, body, seen = await read(relay, model_call())
        await relay.aclose()
    assert body == data
    assert not seen.complete


async def test_a_whole_body_that_breaks_off_is_502() -> None:
    headers = {"content-type": "application/json"}
    async with ChatUpstream(lambda seen: Scripted(200, headers, [b'{"id":'], cut=True)) as upstream:
        relay = make_upstream(upstream.url, "k")
        exchange, data, _ = await read(relay, model_call("chat/completions", stream=False))
        await relay.aclose()
    assert (exchange.status, error(data)["type"]) == (502, "upstream_error")


async def test_closing_early_closes_the_connection() -> None:
    waiting, gone = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        writer.write(b"9\r\ndata: 1\n\n\r\n")
        waiting.set()
        while await reader.read(65536):
            continue
        gone.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    relay = make_upstream(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", "k", api="responses")
    async with asyncio.timeout(HANG_S):
        exchange = await relay.call(model_call())
        await waiting.wait()
        assert await anext(exchange.body) == b"data: 1\n\n"
        await exchange.aclose()
        await exchange.aclose()
        await gone.wait()
    await relay.aclose()
    server.close()


async def test_connections_are_used_again() -> None:
    async with ChatUpstream(lambda seen: answer_json(ANSWER)) as upstream:
        relay = make_upstream(upstream.url, "k")
        for _ in range(5):
            await read(relay, model_call("chat/completions", stream=False))
        connections = len(upstream._tasks)
        await relay.aclose()
    assert connections == 1


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/openai/v1/models", {"object": "list", "data": [{"id": "a"}]}),
        ("/api/v1/models", {"code": 0, "message": "success", "data": {"models": [{"model_key": "a"}]}}),
        ("/openai/v1/models", {"models": [{"id": "a"}, "junk"]}),
    ],
)
async def test_model_lists_of_every_envelope(path: str, answer: object) -> None:
    def script(seen: Seen) -> Scripted:
        return answer_json(answer) if seen.path == path else answer_json({}, 404)

    async with ChatUpstream(script, base="/openai/v1") as upstream:
        relay = make_upstream(upstream.url, "k")
        entries = await relay.models()
        await relay.aclose()
    assert [list(entry.values()) for entry in entries] == [["a"]]


async def test_no_model_list() -> None:
    async with ChatUpstream(lambda seen: Scripted(200, {"content-type": "text/html"}, [b"<html>"])) as upstream:
        relay = make_upstream(upstream.url, "k")
        assert await relay.models() == ()
        await relay.aclose()


async def test_a_connection_that_is_lost_while_much_is_held_back_is_told_in_words() -> None:
    """More than is taken at once, then a chunk whose length is not a number: aiohttp has no error of its own for who reads on."""
    data, sent = sse([chunk({"content": "x" * 400_000})]).removesuffix(b"data: [DONE]\n\n"), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
        writer.write(b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        writer.write(b"%x\r\n%b\r\nzz\r\n" % (len(data), data))
        writer.close()
        sent.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        relay = make_upstream(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", "k")
        exchange = await relay.call(model_call("chat/completions"))
        await sent.wait()
        body = b""
        async for piece in exchange.body:
            body += piece
            await asyncio.sleep(0.01)  # a client that is slower than the upstream
        await relay.aclose()
    assert body.startswith(data[:1000])
    assert b"the connection to the upstream failed: " in body
    assert exchange.observation.error_type == "upstream_error"


async def test_an_event_may_name_its_place_in_any_way() -> None:
    """With a key of the upstream's own, texts are followed by their place."""
    data = b'data: {"type": {}, "output_index": [], "delta": "upstream-"}\n\ndata: {"type": {}, "delta": "words"}\n\n'
    async with ChatUpstream(lambda seen: Scripted(pieces=[data])) as upstream:
        relay = make_upstream(upstream.url, "upstream-key-1", api="responses")
        _, body, _ = await read(relay, model_call())
        await relay.aclose()
    assert body == data
