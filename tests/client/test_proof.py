"""A program on our port that is not our gateway never sees the token."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from joytui.client.http import gateway_url
from joytui.client.local import connect, ensure, find, stop
from joytui.client.proof import ask_proof
from joytui.core.clock import now, rfc3339
from joytui.core.errors import UnreachableError, UsageError
from joytui.core.gateway_state import GatewayState, proof, write_state
from joytui.core.places import Places

TOKEN = "secret-admin-token-" + "x" * 40


class Listener:
    """Something that listens and keeps every byte it got. `answer` makes the body of /healthz from the nonce; where it raises
    ConnectionAbortedError, the connection is closed without an answer."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.heard = b""
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heard += head
        nonce = parse_qs(urlsplit(head.split()[1].decode()).query).get("nonce", [""])[0]
        try:
            body = await self.answer(nonce, self.url)  # type: ignore[operator]
        except ConnectionAbortedError:
            writer.close()
            return
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n")
        writer.write(b"content-length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()


@asynccontextmanager
async def listening(answer: object) -> AsyncIterator[Listener]:
    listener = Listener(answer)
    server = await asyncio.start_server(listener.serve, "127.0.0.1", 0)
    listener.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield listener


@pytest.fixture
def places(tmp_path: Path) -> Places:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    here = Places(data_dir=data, config_file=tmp_path / "config.toml", cache_dir=tmp_path / "cache")
    here.admin_token_file.write_text(TOKEN + "\n")
    return here


def leave_state(places: Places, url: str, pid: int = 2**22 + 1) -> None:
    write_state(places.state_file, GatewayState(url, pid, "0.1.0", rfc3339(now()), "ledger.sqlite3"))


async def honest(nonce: str, url: str) -> bytes:
    return json.dumps({"status": "ok", "version": "9.9", "pid": 7, "proof": proof(TOKEN, nonce, url)}).encode()


async def guessing(nonce: str, url: str) -> bytes:
    return json.dumps(
        {"status": "ok", "version": "9.9", "pid": 7, "proof": proof("another token", nonce, url)}
    ).encode()


async def silent(nonce: str, url: str) -> bytes:
    return b'{"status": "ok", "version": "9.9"}'


async def strange(nonce: str, url: str) -> bytes:
    return b"<html>hello</html>"


async def echoing(nonce: str, url: str) -> bytes:
    return json.dumps({"proof": nonce}).encode()


@pytest.mark.parametrize("answer", [guessing, silent, strange, echoing])
async def test_an_impostor_gets_no_token(places: Places, answer: object) -> None:
    async with listening(answer) as impostor:
        leave_state(places, impostor.url)
        for action in (find, ensure, connect, stop):
            with pytest.raises(UnreachableError, match="no token was sent"):
                await action(places)  # type: ignore[operator]
    assert b"/healthz" in impostor.heard
    assert TOKEN.encode() not in impostor.heard
    assert b"authorization" not in impostor.heard.lower()


async def test_passing_the_question_on_is_no_proof(places: Places) -> None:
    """A relay on another port answers with what the real gateway said: it holds for the real one's URL only."""
    async with listening(honest) as real:

        async def relay(nonce: str, url: str) -> bytes:
            import httpx

            async with httpx.AsyncClient(trust_env=False, verify=False) as client:
                return (await client.get(f"{real.url}/healthz", params={"nonce": nonce})).content

        async with listening(relay) as impostor:
            leave_state(places, impostor.url)
            with pytest.raises(UnreachableError, match="no token was sent"):
                await find(places)
    assert b"nonce=" in real.heard


async def test_the_right_answer_is_accepted(places: Places) -> None:
    async with listening(honest) as gateway:
        leave_state(places, gateway.url)
        proven = await find(places)
    assert proven is not None
    assert (proven.pid, proven.version, proven.started) == (7, "9.9", False)
    assert "joytui gateway stop && joytui gateway start" in (proven.outdated or "")
    assert TOKEN not in repr(proven)


async def test_a_connection_that_was_taken_by_one_that_ends_is_tried_again(places: Places) -> None:
    """A gateway that is just ending takes the connection and closes it; the next one has the port already."""
    closed = []

    async def ending_first(nonce: str, url: str) -> bytes:
        if not closed:
            closed.append(nonce)
            raise ConnectionAbortedError  # nothing is answered
        return await honest(nonce, url)

    async with listening(ending_first) as gateway:
        proven = await ask_proof(gateway.url, TOKEN)
    assert closed
    assert proven is not None
    assert proven.pid == 7


async def test_the_port_is_proven_again_on_each_connection(places: Places) -> None:
    """The gateway ends, another program takes its port: the client that is open notices before it sends anything."""
    async with listening(honest) as gateway:
        leave_state(places, gateway.url)
        console = await connect(places, start=False)
        port = int(gateway.url.rsplit(":", 1)[1])
    impostor = Listener(guessing)
    server = await asyncio.start_server(impostor.serve, "127.0.0.1", port, reuse_address=True)
    async with server, console:
        with pytest.raises(UnreachableError, match="no token was sent"):
            await console.status()
    assert impostor.heard
    assert TOKEN.encode() not in impostor.heard


async def test_nobody_there_is_no_gateway(places: Places) -> None:
    async with listening(honest) as gateway:
        leave_state(places, gateway.url)
    assert await find(places) is None
    assert await ask_proof(gateway.url, TOKEN) is None
    assert await stop(places) is None
    with pytest.raises(UnreachableError, match="not running"):
        await ensure(places, start=False)


async def test_one_that_hangs_is_told_apart(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("joytui.client.proof.PROOF_TIMEOUT", 0.2)

    async def hanging(nonce: str, url: str) -> bytes:
        await asyncio.Event().wait()
        return b""

    async with listening(hanging) as gateway:
        leave_state(places, gateway.url)
        with pytest.raises(UnreachableError, match="does not answer like a gateway"):
            await find(places)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"url": 1}', '{"url": "x", "pid": "y"}', "\x00\xff"])
async def test_a_broken_state_file_is_no_gateway(places: Places, text: str) -> None:
    places.state_file.write_text(text)
    assert await find(places) is None


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("127.0.0.1:8791", "http://127.0.0.1:8791"),
        ("http://127.0.0.1:8791/openai/v1?x=1#y", "http://127.0.0.1:8791"),
        ("https://gw.example.com/", "https://gw.example.com"),
        ("http://[::1]:8791", "http://[::1]:8791"),
    ],
)
def test_addresses(text: str, url: str) -> None:
    assert gateway_url(text) == url


@pytest.mark.parametrize(
    "text", ["", "ftp://x", "http://", "http://x:99999", "http://u:pass@x", "http://[::1", "exa mple"]
)
def test_addresses_that_are_none(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        gateway_url(text)
    assert "pass" not in str(caught.value).replace("password", "")


async def test_a_named_gateway_needs_a_token(places: Places) -> None:
    with pytest.raises(UsageError, match="needs a token"):
        await connect(places, gateway_url="http://127.0.0.1:9", env={})
    with pytest.raises(UsageError, match="plain http over a network"):
        await connect(places, gateway_url="http://gw.example.com:8791", env={"JOYTUI_ADMIN_TOKEN": TOKEN})
    with pytest.raises(UsageError, match="characters"):
        await connect(places, gateway_url="https://gw.example.com", env={"JOYTUI_ADMIN_TOKEN": "a\nb"})
