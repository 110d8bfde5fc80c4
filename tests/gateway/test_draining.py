"""A gateway that is stopped loses no request: it says so first (`/readyz`), and serves whatever was sent to it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
from pathlib import Path

import httpx
import pytest

from joytui.gateway.closing import let_nobody_in, take_in
from tests.gateway.served import SAY_HI, served
from tests.gateway.test_server import start
from tests.support.hang import HANG_S
from tests.support.needs import lacking


async def test_readiness_is_told_apart_from_health(tmp_path: Path) -> None:
    async with served(tmp_path) as here:
        ready = await here.http.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "ready")
        here.gateway.draining = True
        leaving = await here.http.get("/readyz")
        assert (leaving.status_code, leaving.json()["status"]) == (503, "draining")
        assert leaving.headers["retry-after"] == "1"
        assert leaving.headers["connection"] == "close"
        assert (await here.http.get("/healthz")).status_code == 200
        key = await here.key()
        assert (await here.chat(key)).status_code == 200, "what is sent all the same is served"


async def test_who_asks_often_makes_the_store_write_seldom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may ask."""
    async with served(tmp_path) as here:
        probe, probes = here.gateway.ledger.probe, []
        monkeypatch.setattr(here.gateway.ledger, "probe", lambda: probes.append(1) or probe())
        monkeypatch.setattr("joytui.gateway.runtime.PROBED_S", 3600.0)
        answers = await asyncio.gather(*(here.http.get("/readyz") for _ in range(40)))
        assert {answer.status_code for answer in answers} == {200}
        assert len(probes) == 1


async def test_a_connection_without_a_request_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has connected, or keeps a connection, may have sent a request that has not come yet."""
    monkeypatch.setattr("joytui.gateway.protocol.LAST_S", HANG_S)  # here it comes when this process gets to it
    async with served(tmp_path) as here:
        host, port = here.url.removeprefix("http://").split(":")
        fresh, kept = [await asyncio.open_connection(host, int(port)) for _ in range(2)]
        ask = f"GET /healthz HTTP/1.1\r\nhost: {host}:{port}\r\n\r\n".encode()
        kept[1].write(ask)
        assert b"200 OK" in await kept[0].readuntil(b"}")
        here.stop.set()
        await asyncio.to_thread(_until_refused, here.url)
        for reader, writer in (fresh, kept):
            writer.write(ask)
            answer = await asyncio.wait_for(reader.read(), HANG_S)
            assert answer.startswith(b"HTTP/1.1 200 OK")
            assert b"connection: close" in answer
            writer.close()


def _until_refused(url: str) -> None:
    host, port = url.removeprefix("http://").split(":")
    while True:
        try:
            with httpx.Client(trust_env=False) as http:
                http.get(f"http://{host}:{port}/healthz")
        except httpx.TransportError:
            return


async def test_nobody_comes_in_between_the_last_look_and_the_close() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as late:
        with socket.create_server(("127.0.0.1", 0)) as tried:
            there = let_nobody_in(tried)
        if not there:
            lacking("a filter of sockets", "run the tests on Linux, as root where it is kept from others")
        listening.setblocking(False)
        early = socket.create_connection(listening.getsockname())
        await take_in(listening)
        late.setblocking(False)
        late.connect_ex(listening.getsockname())
        taken, _ = listening.accept()
        early.sendall(b"sent before")
        taken.setblocking(True)
        assert taken.recv(100) == b"sent before", "the filter is not for those who were in"
        with pytest.raises(BlockingIOError):
            listening.accept()
        taken.close()
        early.close()


@pytest.mark.slow
async def test_a_rolling_restart_loses_no_request(tmp_path: Path) -> None:
    """Two gateways, clients that go to the other one where a connection is refused, and nowhere else: each of the two is
    stopped once, in the middle."""
    names = ("a", "b")
    running = {name: await asyncio.to_thread(start, tmp_path / name, "--port", "0") for name in names}
    try:
        ready = {name: await asyncio.to_thread(_ready, running[name]) for name in names}
        keys = {name: await _key(tmp_path / name, ready[name]) for name in names}
        done = asyncio.Event()
        clients = [asyncio.create_task(_ask_until(done, ready, keys, lasting=number % 2 == 0)) for number in range(6)]
        await asyncio.to_thread(_stop, running["a"])
        running["a"] = await asyncio.to_thread(start, tmp_path / "a", "--port", ready["a"].rpartition(":")[2])
        await asyncio.to_thread(_ready, running["a"])
        await asyncio.to_thread(_stop, running["b"])
        done.set()
        statuses = [status for told in await asyncio.wait_for(asyncio.gather(*clients), HANG_S) for status in told]
        assert set(statuses) == {200}
        assert len(statuses) > len(clients)
    finally:
        for process in running.values():
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.communicate()


async def _ask_until(done: asyncio.Event, urls: dict[str, str], keys: dict[str, str], *, lasting: bool) -> list[int]:
    """The statuses of one question after another; `lasting`: on connections that are kept."""
    told: list[int] = []
    limits = httpx.Limits(max_keepalive_connections=10 if lasting else 0)
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=HANG_S, limits=limits) as http:
        while not done.is_set():
            for name, url in urls.items():
                headers = {"authorization": f"Bearer {keys[name]}"}
                with contextlib.suppress(httpx.ConnectError):
                    answer = await http.post(f"{url}/openai/v1/chat/completions", json=SAY_HI, headers=headers)
                    told.append(answer.status_code)
                    break
            else:
                raise AssertionError("both refused")
    return told


def _ready(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().split()[1]


def _stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait(HANG_S) == 0


async def _key(folder: Path, url: str) -> str:
    admin = {"authorization": f"Bearer {(folder / 'data' / 'admin-token').read_text().strip()}"}
    async with httpx.AsyncClient(base_url=url, trust_env=False, verify=False, timeout=HANG_S) as http:
        key: str = (await http.post("/console/v1/keys", json={"name": "k"}, headers=admin)).json()["key"]
    return key
