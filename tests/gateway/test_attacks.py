"""What no client sends, on bare sockets: requests that could be smuggled, never end, queue up, or are no HTTP at all."""

from __future__ import annotations

import asyncio
import json
import os
import resource
from pathlib import Path

import pytest

from tests.bridge.chat_upstream import Scripted, Seen, chunk, sse, usage
from tests.gateway.served import ADMIN, SAY_HI, Served, served
from tests.gateway.test_endings import relayed
from tests.support.hang import HANG_S

BODY = json.dumps(SAY_HI).encode()
POST = "POST /openai/v1/chat/completions HTTP/1.1\r\n"


async def talk(gateway: Served, *parts: str | bytes, end: bool = False) -> bytes:
    """All that the gateway answers until it closes the connection."""
    host, port = gateway.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        for part in parts:
            writer.write(part.encode("latin-1") if isinstance(part, str) else part)
            await writer.drain()
        if end:
            writer.write_eof()
        async with asyncio.timeout(HANG_S):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def head(gateway: Served, *lines: str, key: str | None = None) -> str:
    signed = [f"Authorization: Bearer {key}"] if key else []
    return "".join(f"{line}\r\n" for line in (f"Host: {gateway.url.removeprefix('http://')}", *signed, *lines)) + "\r\n"


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 10",),
        ("Content-Length: -5",),
        ("Content-Length: 99999999999999999999999999",),
        (f"Content-Length: {len(BODY)}", "Content-Length: 3"),
        (f"Content-Length: {len(BODY)}", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: xchunked",),
        ("Transfer-Encoding: chunked",),
        ("X: a", " folded"),
        ("X : a",),
        ("X: a\0b",),
    ],
)
async def test_requests_that_two_readers_would_read_differently_are_refused(
    gateway: Served, lines: tuple[str, ...]
) -> None:
    key = await gateway.key()
    answer = await talk(gateway, POST + head(gateway, *lines, key=key), BODY)
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1") == 1
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["type"] == "invalid_request_error"
    assert not [row for row in await gateway.logs() if row["status"] == 200]


@pytest.mark.parametrize(
    "what",
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(60), b"\x05\x01\x00\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n"],
)  # fmt: skip
async def test_what_is_no_http_is_told_so_and_closed(gateway: Served, what: bytes) -> None:
    answer = await talk(gateway, what)
    assert answer.startswith(b"HTTP/1.1 400")
    assert (await gateway.http.get("/healthz")).status_code == 200


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_old_and_chunked_clients_are_served(gateway: Served, version: str) -> None:
    key = await gateway.key()
    start = POST.replace("1.1", version)
    lines = (f"Content-Length: {len(BODY)}", "Connection: close")
    whole = await talk(gateway, start + head(gateway, *lines, key=key), BODY)
    assert whole.startswith(b"HTTP/1.1 200")
    if version == "1.1":
        chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in BODY) + b"0\r\n\r\n"
        lines = ("Transfer-Encoding: chunked", "Connection: close")
        assert (await talk(gateway, POST + head(gateway, *lines, key=key), chunks)).startswith(b"HTTP/1.1 200")


async def test_a_request_that_does_not_go_on_is_closed(tmp_path: Path) -> None:
    """Without a byte, in its headers, in its body; while one that waits for its answer is not."""
    async with served(tmp_path) as here:
        key = await here.key()
    async with (
        served(tmp_path, request_wait_s=1.0) as here,
        here.admin.stream("GET", "/console/v1/requests/stream") as tail,
    ):
        lines = tail.aiter_lines()
        assert await anext(lines) == ": joytui"
        started = POST + head(here, "Content-Length: 999", key=key)
        unfinished = ((POST + "Host: x\r\nX: ",), (started,), (started, BODY), (POST + head(here, "Transfer-Encoding: chunked", key=key), b"5\r\nab"))  # fmt: skip
        nothing, *answers = await asyncio.gather(talk(here), *(talk(here, *parts) for parts in unfinished))
        assert nothing == b""
        for answer in answers:
            assert answer.startswith(b"HTTP/1.1 408")
            assert b"was not complete in time" in answer
        assert not here.gateway.running
        assert here.gateway.keys.find(key).running == 0  # type: ignore[union-attr]
        assert (await here.chat(key)).status_code == 200
        async for line in lines:  # the tail began before those, and came whole
            if line.startswith("data:"):
                break


async def test_a_body_that_never_ends_gives_its_slot_back(tmp_path: Path) -> None:
    """A byte now and then, each well within the time for a piece: it held a slot of its key for as long as it liked."""
    async with served(tmp_path, body_wait_s=0.5) as here:
        key = await here.key()
        host, port = here.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write((POST + head(here, "Content-Length: 99999", key=key)).encode())
        answer = asyncio.create_task(reader.read())
        while not answer.done():
            writer.write(b" ")
            await asyncio.sleep(0.05)
        assert answer.result().startswith(b"HTTP/1.1 408")
        assert b"its body may take 0.5 s (body_wait_s)" in answer.result()
        writer.close()
        assert (await here.chat(key)).status_code == 200
        assert here.gateway.keys.find(key).running == 0  # type: ignore[union-attr]


async def test_a_body_that_ends_early_is_no_request(gateway: Served) -> None:
    key = await gateway.key()
    assert await talk(gateway, POST + head(gateway, "Content-Length: 999", key=key), BODY, end=True) == b""
    assert gateway.gateway.keys.find(key).running == 0  # type: ignore[union-attr]
    assert not await gateway.logs()


async def test_pipelined_requests_are_answered_in_order_and_have_a_bound(gateway: Served) -> None:
    request = "GET /healthz HTTP/1.1\r\n" + head(gateway)
    last = "GET /nope HTTP/1.1\r\n" + head(gateway, "Connection: close")
    few = await talk(gateway, request * 8 + last)
    assert few.count(b"HTTP/1.1 200") == 8
    assert few.rindex(b"HTTP/1.1 404") > few.rindex(b"HTTP/1.1 200")
    before = resident()
    for _ in range(4):
        answer = await talk(gateway, (request * 4000).encode())
        assert answer.count(b"HTTP/1.1 200") < 100
    assert resident() - before < 64
    assert (await gateway.http.get("/healthz")).status_code == 200


async def test_sixteen_pipelined_requests_may_wait_and_no_more(tmp_path: Path) -> None:
    """Behind a request that is being answered. One more ends the connection, without an answer to the first."""
    release = asyncio.Event()

    def answer(seen: Seen) -> Scripted:
        return Scripted(pieces=[release.wait(), sse([chunk({"content": "hi"}), chunk({}, "stop"), usage(1, 1)])])

    async with relayed(tmp_path, answer) as (here, _):
        body = json.dumps({**SAY_HI, "stream": True})
        first = POST + head(here, f"Content-Length: {len(body)}", key=await here.key()) + body
        one = "GET /healthz HTTP/1.1\r\n" + head(here)
        last = "GET /healthz HTTP/1.1\r\n" + head(here, "Connection: close")
        too_many = await talk(here, first + one * 17)
        assert too_many.startswith(b"HTTP/1.1 400 ")
        assert too_many.count(b"HTTP/1.1") == 1
        waiting = asyncio.create_task(talk(here, first + one * 15 + last))
        async with asyncio.timeout(HANG_S):
            while not here.gateway.running:  # nothing tells when it is on its way to the upstream
                await asyncio.sleep(0.005)
        release.set()
        assert (await waiting).count(b"HTTP/1.1 200") == 17


def resident() -> float:
    """Megabytes of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def test_head_of_a_stream_does_not_hold_the_connection(gateway: Served) -> None:
    for _ in range(2):
        answer = await gateway.admin.head("/console/v1/requests/stream", timeout=HANG_S)
        assert (answer.status_code, answer.content) == (200, b"")
    assert (await gateway.ask("status"))["consoles"] == 0


async def test_more_connections_than_files_end_by_themselves(gateway: Served) -> None:
    """A flood takes all descriptors of the process: nothing breaks, and when it ebbs, requests are answered again."""
    key = await gateway.key()
    host, port = gateway.url.removeprefix("http://").split(":")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 40, hard))
    open_: list[asyncio.StreamWriter] = []
    try:
        with pytest.raises(OSError, match="Too many open files"):  # noqa: PT012 (the last of many)
            while True:
                open_.append((await asyncio.open_connection(host, int(port)))[1])
    finally:
        for writer in open_:
            writer.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    async with asyncio.timeout(HANG_S):
        assert (await gateway.chat(key)).status_code == 200


async def test_all_wrong_tokens_get_the_same_words(gateway: Served) -> None:
    answers = [
        await gateway.http.get("/console/v1/status", headers={"authorization": b"Bearer " + token})
        for token in (ADMIN[:-1].encode(), f"{ADMIN}x".encode(), b"x", b"\xff\xe9")
    ]
    assert {(a.status_code, a.text) for a in answers} == {(403, answers[0].text)}


@pytest.mark.parametrize("named", ["\\ud800", "a\\u0000b", "resp_\\u202e"])
async def test_an_id_that_no_store_can_look_for_is_nobodys(gateway: Served, named: str) -> None:
    body = f'{{"model": "auto", "input": "hi", "previous_response_id": "{named}"}}'.encode()
    headers = {"authorization": f"Bearer {await gateway.key()}", "content-type": "application/json"}
    answer = await gateway.http.post("/openai/v1/responses", content=body, headers=headers)
    assert (answer.status_code, "that this key received" in answer.text) == (400, True)
