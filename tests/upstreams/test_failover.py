"""Several upstreams, and what is not accepted as one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from joytui.core.errors import SettingsError
from joytui.gateway.upstreams.factory import make_failover, make_upstream
from joytui.gateway.upstreams.failover import Failover
from joytui.gateway.upstreams.transport import TransportOptions
from tests.bridge.chat_upstream import ChatUpstream, Scripted, Seen, answer_json, chunk, stream
from tests.support.hang import HANG_S
from tests.upstreams.calling import ANSWER, error, model_call, read


async def two(first: ChatUpstream, second: ChatUpstream) -> Failover:
    made = make_failover([make_upstream(first.url, "a", name="first"), make_upstream(second.url, "b", name="second")])
    assert isinstance(made, Failover)
    return made


@pytest.mark.parametrize("status", [500, 502, 503, 529])
async def test_5xx_goes_to_the_next(status: int) -> None:
    async with (
        ChatUpstream(lambda s: answer_json({"error": {"message": "x"}}, status)) as bad,
        ChatUpstream(lambda s: answer_json(ANSWER)) as good,
    ):
        both = await two(bad, good)
        exchange, _, seen = await read(both, model_call("chat/completions", stream=False))
        await both.aclose()
    assert exchange.status == 200
    assert exchange.headers["x-daoe-failover"] == f"first ({status}) -> second"
    assert seen.upstream == "second"
    assert good.requests[0].headers["authorization"] == "Bearer b"


async def test_unreachable_goes_to_the_next_and_rests() -> None:
    async with ChatUpstream(lambda s: Scripted()) as gone:
        url = gone.url
    async with ChatUpstream(lambda s: answer_json(ANSWER)) as good:
        both = Failover([make_upstream(url, "a", name="first"), make_upstream(good.url, "b", name="second")])
        first, _, _ = await read(both, model_call("chat/completions", stream=False))
        again, _, _ = await read(both, model_call("chat/completions", stream=False))
        assert [both.healthy(u) for u in both.upstreams] == [False, True]
        await both.aclose()
    assert "x-daoe-failover" in first.headers
    assert "x-daoe-failover" not in again.headers


async def test_of_two_on_one_host_the_one_that_failed_rests() -> None:
    """Without names in the settings both go by the host."""
    async with (
        ChatUpstream(lambda s: answer_json({"error": {"message": "x"}}, 503)) as bad,
        ChatUpstream(lambda s: answer_json(ANSWER)) as good,
    ):
        both = Failover([make_upstream(bad.url, None), make_upstream(good.url, None)])
        assert len({one.name for one in both.upstreams}) == 1
        for _ in range(2):
            await read(both, model_call("chat/completions", stream=False))
        assert [both.healthy(one) for one in both.upstreams] == [False, True]
        await both.aclose()
    assert (len(bad.requests), len(good.requests)) == (1, 2)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 429])
async def test_a_refusal_is_an_answer(status: int) -> None:
    async with (
        ChatUpstream(lambda s: answer_json({"error": {"message": "no"}}, status)) as first,
        ChatUpstream(lambda s: answer_json(ANSWER)) as second,
    ):
        both = await two(first, second)
        exchange, _, _ = await read(both, model_call("chat/completions", stream=False))
        await both.aclose()
    assert exchange.status == status
    assert second.requests == []


async def test_what_has_begun_is_not_asked_elsewhere() -> None:
    async with (
        ChatUpstream(lambda s: stream(chunk({"content": "h"}), done=False, cut=True)) as first,
        ChatUpstream(lambda s: answer_json(ANSWER)) as second,
    ):
        both = await two(first, second)
        _, data, _ = await read(both, model_call("chat/completions"))
        await both.aclose()
    assert b"the connection to the upstream failed" in data
    assert second.requests == []


@pytest.mark.parametrize("status", [504, 524])
async def test_a_proxy_that_gave_up_waiting_is_not_doubled(status: int) -> None:
    """Who stands behind it has the request, and may go on and bill for it; another joytui says 504 for the same reason."""
    async with (
        ChatUpstream(lambda s: answer_json({"error": {"message": "x"}}, status)) as first,
        ChatUpstream(lambda s: answer_json(ANSWER)) as second,
    ):
        both = await two(first, second)
        exchange, _, seen = await read(both, model_call("chat/completions", stream=False))
        assert (exchange.status, second.requests) == (status, [])
        assert any("not sent elsewhere" in note for note in seen.notes)
        again, _, _ = await read(both, model_call("chat/completions", stream=False))
        await both.aclose()
    assert (again.status, len(first.requests), len(second.requests)) == (200, 1, 1)


@pytest.mark.parametrize(("status", "elsewhere"), [(502, False), (520, False), (500, True), (503, True), (521, True)])
@pytest.mark.parametrize("page", [b"<html><center><h1>Bad Gateway</h1></center><hr><center>nginx</center></html>", b""])
async def test_a_proxy_that_lost_its_upstream_is_not_doubled(status: int, elsewhere: bool, page: bytes) -> None:
    """A 502 without an error of the API's is a proxy's: whoever was behind it had the request, or did not. The others say
    that it never got there."""
    async with (
        ChatUpstream(lambda s: Scripted(status, {"content-type": "text/html"}, [page])) as first,
        ChatUpstream(lambda s: answer_json(ANSWER)) as second,
    ):
        both = await two(first, second)
        exchange, _, seen = await read(both, model_call("chat/completions", stream=False))
        await both.aclose()
    assert (exchange.status, len(second.requests)) == ((200, 1) if elsewhere else (status, 0))
    assert any("not sent elsewhere" in note for note in seen.notes) is not elsewhere


def vanish(seen: Seen) -> Scripted:
    raise ConnectionError("closed without a word")


@pytest.mark.parametrize(
    ("script", "idle_s", "status", "words"),
    [
        (lambda seen: Scripted(200, {"content-type": "application/json"}, [asyncio.Event().wait()]), 1.0, 504, "stopped sending"),
        (vanish, HANG_S, 502, "closed the connection without an answer"),
        (lambda seen: Scripted(200, {"content-type": "application/json"}, [b'{"id"'], cut=True), HANG_S, 502, "was cut off"),
    ],
    ids=["silent", "gone", "half an answer"],
)  # fmt: skip
async def test_an_upstream_that_may_be_at_work_is_not_doubled(
    script: Any, idle_s: float, status: int, words: str
) -> None:
    """It had the request and may bill for it: the client is told, and the next request goes elsewhere."""
    async with ChatUpstream(script) as first, ChatUpstream(lambda s: answer_json(ANSWER)) as second:
        options = TransportOptions(idle_timeout=idle_s)
        both = Failover(
            [
                make_upstream(first.url, "a", name="first", options=options),
                make_upstream(second.url, "b", name="second"),
            ]
        )
        exchange, data, seen = await read(both, model_call("chat/completions", stream=False))
        assert (exchange.status, second.requests) == (status, [])
        assert words in error(data)["message"]
        assert any("not sent elsewhere" in note for note in seen.notes)
        again, _, _ = await read(both, model_call("chat/completions", stream=False))
        await both.aclose()
    assert (again.status, len(first.requests), len(second.requests)) == (200, 1, 1)


async def test_an_upstream_that_never_answers_is_not_doubled() -> None:
    """joytui's own 504, after the request was sent."""
    got, over = asyncio.Event(), asyncio.Event()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        got.set()
        await over.wait()
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with server, ChatUpstream(lambda s: answer_json(ANSWER)) as second:
        first = make_upstream(url, "a", name="first", options=TransportOptions(idle_timeout=1.0))
        both = Failover([first, make_upstream(second.url, "b", name="second")])
        exchange, data, _ = await read(both, model_call("chat/completions", stream=False))
        assert got.is_set()
        assert (exchange.status, second.requests) == (504, [])
        assert "did not answer in time" in error(data)["message"]
        assert not both.healthy(first)
        over.set()
        await both.aclose()


async def test_chat_goes_to_the_upstream_that_has_it() -> None:
    """The first has Responses only: it is not ill, and goes on to be asked first for those."""

    def responses_only(seen: Seen) -> Scripted:
        if not seen.path.endswith("/responses"):
            return answer_json({"error": {"message": "no such route"}}, 404)
        return answer_json({"error": {"message": "empty"}}, 400)

    async with ChatUpstream(responses_only) as first, ChatUpstream(lambda s: answer_json(ANSWER)) as second:
        both = await two(first, second)
        exchange, _, seen = await read(both, model_call("chat/completions", stream=False))
        assert (exchange.status, seen.upstream) == (200, "second")
        assert all(both.healthy(one) for one in both.upstreams)
        await both.aclose()


async def test_all_fail() -> None:
    async with (
        ChatUpstream(lambda s: answer_json({"error": {"message": "one"}}, 503)) as first,
        ChatUpstream(lambda s: answer_json({"error": {"message": "two"}}, 502)) as second,
    ):
        both = await two(first, second)
        exchange, data, _ = await read(both, model_call("chat/completions", stream=False))
        await both.aclose()
    assert (exchange.status, error(data)["message"]) == (502, "two")


async def test_model_lists_are_joined() -> None:
    async with (
        ChatUpstream(lambda s: answer_json({"data": [{"id": "a", "from": 1}]})) as first,
        ChatUpstream(lambda s: answer_json({"data": [{"id": "a", "from": 2}, {"id": "b"}]})) as second,
    ):
        both = await two(first, second)
        entries = await both.models()
        await both.aclose()
    assert entries == [{"id": "a", "from": 1}, {"id": "b"}]


def test_one_upstream_stays_itself() -> None:
    one = make_upstream("http://127.0.0.1:1/v1", None)
    assert make_failover([one]) is one


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://gateway.example/v1", "plain http"),
        ("ftp://x/v1", "URL with a host"),
        ("https://", "URL with a host"),
        ("https://host:99999/v1", "URL with a host"),
        ("https://user:pw@host/v1", "user or password"),
        ("https://user:pw@host:99999/v1", "URL with a host"),
        ("https://[::1/v1", "URL with a host"),
        ("https://host/v1?a=b", "query"),
        ("", "URL with a host"),
    ],
)
def test_urls_that_cannot_work(url: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        make_upstream(url, "k")
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize("key", ["a\nb", "a b", "schlüssel", "a\x00b"])
def test_keys_that_no_header_can_carry(key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        make_upstream("https://host/v1", key)
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://localhost:1/v1", "http://127.0.0.1/v1", "http://[::1]:1/v1", "https://host/v1"]
)
def test_urls_that_work(url: str) -> None:
    assert make_upstream(url, " key ").name
