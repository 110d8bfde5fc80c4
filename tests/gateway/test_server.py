"""`joytui gateway run` as a process: ready line, state file, the port that is taken, signals, draining."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import trustme

from joytui.core.gateway_state import read_state
from joytui.core.hosts import allowed_hosts
from joytui.gateway.app import create_app
from joytui.gateway.runtime import Gateway
from joytui.gateway.server import admin_token
from joytui.ledger.records import Page
from joytui.ledger.sql import reads
from joytui.ledger.sqlite.engine import SqliteLedger
from joytui.ledger.sqlite.writer import Batch
from tests.bridge.chat_upstream import ChatUpstream, Scripted, chunk, sse, usage
from tests.gateway.served import SAY_HI, served
from tests.gateway.test_endings import scripted
from tests.support.hang import HANG_S


def environment(folder: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "JOYTUI_DATA_DIR": str(folder / "data"), "JOYTUI_CONFIG_FILE": str(folder / "c.toml"), **more}


def start(folder: Path, *words: str, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "joytui", "gateway", "run", *words],
        env=environment(folder, **env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_ready_state_file_and_a_clean_end(tmp_path: Path, number: signal.Signals) -> None:
    process = start(tmp_path, "--port", "0")
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("ready http://127.0.0.1:")
    path = tmp_path / "data" / "gateway.json"
    state = read_state(path)
    assert state is not None
    assert (state.url, state.pid) == (line.split()[1], process.pid)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert httpx.get(f"{state.url}/healthz", trust_env=False, verify=False).json()["pid"] == process.pid
    process.send_signal(number)
    out, err = process.communicate(timeout=HANG_S)
    assert (process.returncode, out, err) == (0, "", "")
    assert not path.exists()


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        pytest.param(["--store", "postgres://u:secret@db/x"], 2, "PGPASSWORD", marks=pytest.mark.slow),
        (["--host", "192.0.2.1", "--insecure"], 3, "192.0.2.1"),
        pytest.param(["--host", "0.0.0.0"], 2, "not loopback", marks=pytest.mark.slow),
        pytest.param(["--upstream", "http://far.example/v1"], 2, "https", marks=pytest.mark.slow),
        (["--upstream", "https://far.example/v1", "--upstream-key-env", "NOBODY_SET_THIS"], 2, "NOBODY_SET_THIS"),
    ],
)
def test_what_it_will_not_start_with(tmp_path: Path, words: list[str], code: int, says: str) -> None:
    process = start(tmp_path, "--port", "0", *words)
    out, err = process.communicate(timeout=HANG_S)
    assert (process.returncode, out) == (code, "")
    assert says in err
    assert "Traceback" not in err
    assert "secret" not in err


@pytest.mark.slow
def test_a_port_that_is_taken_says_by_whom(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start(tmp_path, "--port", str(port))
        _, err = process.communicate(timeout=HANG_S)
    assert process.returncode == 3
    assert "taken" in err
    assert f"pid {os.getpid()}" in err


@pytest.mark.slow
def test_a_second_gateway_on_the_same_store(tmp_path: Path) -> None:
    store = str(tmp_path / "ledger.sqlite3")
    first = start(tmp_path / "a", "--port", "0", "--store", store)
    assert first.stdout is not None
    first.stdout.readline()
    second = start(tmp_path / "b", "--port", "0", "--store", store)
    _, err = second.communicate(timeout=HANG_S)
    assert second.returncode == 3
    assert f"process {first.pid}" in err
    assert read_state(tmp_path / "b" / "data" / "gateway.json") is None
    first.terminate()
    assert first.wait(HANG_S) == 0


@pytest.mark.slow
async def test_running_requests_are_let_finish(tmp_path: Path) -> None:
    release = asyncio.Event()

    async def hold() -> None:
        await release.wait()

    def answer(seen: object) -> Scripted:
        end = sse([chunk({"content": "two"}), chunk({}, "stop"), usage(3, 2)])
        return Scripted(pieces=[sse([chunk({"content": "one"})], done=False), hold(), end])

    async with ChatUpstream(scripted(answer)) as upstream:
        process = await asyncio.to_thread(start, tmp_path, "--port", "0", "--upstream", upstream.url)
        assert process.stdout is not None
        url = (await asyncio.to_thread(process.stdout.readline)).split()[1]
        admin = {"authorization": f"Bearer {(tmp_path / 'data' / 'admin-token').read_text().strip()}"}
        async with httpx.AsyncClient(base_url=url, trust_env=False, verify=False, timeout=HANG_S) as http:
            key = (await http.post("/console/v1/keys", json={"name": "k"}, headers=admin)).json()["key"]
            body, mine = {**SAY_HI, "stream": True}, {"authorization": f"Bearer {key}"}
            async with http.stream("POST", "/openai/v1/chat/completions", json=body, headers=mine) as got:
                parts = got.aiter_text()
                text = await anext(parts)
                process.terminate()
                await asyncio.to_thread(_refused, url)
                release.set()
                text += "".join([part async for part in parts])
        assert "two" in text
        assert "[DONE]" in text
        assert await asyncio.to_thread(process.wait, 20) == 0


@pytest.mark.slow
@pytest.mark.parametrize("signals", [1, 2], ids=["after the drain time", "at once by a second signal"])
async def test_what_still_runs_when_the_time_is_over_is_told_and_recorded(tmp_path: Path, signals: int) -> None:
    """A client reads why its stream ends; the record does not blame the upstream; the log has no traceback."""
    never = asyncio.Event()

    async def hold() -> None:
        await never.wait()

    def answer(seen: object) -> Scripted:
        return Scripted(pieces=[sse([chunk({"content": "half"})], done=False), hold()])

    async with ChatUpstream(scripted(answer)) as upstream:
        drain = {"JOYTUI_GATEWAY_DRAIN_S": "1" if signals == 1 else "60"}
        process = await asyncio.to_thread(start, tmp_path, "--port", "0", "--upstream", upstream.url, **drain)
        assert process.stdout is not None
        url = (await asyncio.to_thread(process.stdout.readline)).split()[1]
        admin = {"authorization": f"Bearer {(tmp_path / 'data' / 'admin-token').read_text().strip()}"}
        async with httpx.AsyncClient(base_url=url, trust_env=False, verify=False, timeout=HANG_S) as http:
            policy = {"daily_limit": "10"}
            made = await http.post("/console/v1/keys", json={"name": "k", "policy": policy}, headers=admin)
            mine = {"authorization": f"Bearer {made.json()['key']}"}
            chat = http.build_request(
                "POST", "/openai/v1/chat/completions", json={**SAY_HI, "stream": True}, headers=mine
            )
            codex = {"model": "auto", "input": "hi", "stream": True}
            answers = [
                await http.send(request, stream=True)
                for request in (chat, http.build_request("POST", "/openai/v1/responses", json=codex, headers=mine))
            ]
            parts = [got.aiter_text() for got in answers]
            texts = [await anext(part) for part in parts]
            for _ in range(signals):
                process.send_signal(signal.SIGTERM)
                await asyncio.to_thread(_refused, url)
            for index, part in enumerate(parts):
                texts[index] += "".join([text async for text in part])
        _, errors = await asyncio.to_thread(process.communicate, timeout=HANG_S)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert '"error":{"message":"the gateway is being stopped' in texts[0]
    assert "response.failed" in texts[1]
    assert "response.completed" not in texts[1]
    ledger = SqliteLedger.open_store(tmp_path / "data" / "ledger.sqlite3")
    try:
        assert ledger.interrupted == 0
        rows = [record for _, record in ledger.read_now(reads.page, Page(10))]
        assert {(row.status, row.error_type, row.cause) for row in rows} == {
            (500, "gateway_interrupted", "gateway-error")
        }
        assert {(row.cost_nano > 0, row.cost_source) for row in rows} == {(True, "estimated")}, "what has passed"
        connection = ledger.reader()
        spent = sum(row.cost_nano for row in rows)
        assert connection.execute("SELECT sum(held), sum(spent) FROM budget").fetchone() == (0, spent)
        connection.close()
    finally:
        ledger.close()


BROKEN = """
import sys
from joytui.cli.main import main
from joytui.ledger.sqlite import requests

def broken(*args):
    raise SystemExit("the thread is made to end")

requests.open_request = broken
sys.exit(main(["gateway", "run", "--port", "0"]))
"""


def test_a_gateway_whose_ledger_fails_ends_and_says_so(tmp_path: Path) -> None:
    """Its one writing thread ends, as it cannot in earnest: nothing waits for it, and the process is not one that seems well."""
    process = subprocess.Popen(
        [sys.executable, "-c", BROKEN], env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )  # fmt: skip
    assert process.stdout is not None
    try:
        url = process.stdout.readline().split()[1]
        admin = {"authorization": f"Bearer {(tmp_path / 'data' / 'admin-token').read_text().strip()}"}
        with httpx.Client(base_url=url, trust_env=False, verify=False, timeout=HANG_S) as http:
            key = http.post("/console/v1/keys", json={"name": "k"}, headers=admin).json()["key"]
            got = http.post("/openai/v1/chat/completions", json=SAY_HI, headers={"authorization": f"Bearer {key}"})
        assert (got.status_code, got.json()["error"]["type"]) == (503, "store_unavailable")
        out, errors = process.communicate(timeout=HANG_S)
    finally:
        process.kill()  # one that did not end would run on forever
        process.wait()
    assert (process.returncode, out) == (3, "")
    *logged, what, hint = errors.splitlines()
    lines = [json.loads(line) for line in logged]
    assert {line["level"] for line in lines} <= {"critical", "error"}
    assert "SystemExit: the thread is made to end" in lines[0]["trace"]
    assert "the store can no longer be written: the gateway stops" in [line["message"] for line in lines]
    assert what.startswith(
        f"joytui: {tmp_path / 'data' / 'ledger.sqlite3'}: not everything could be written to the store"
    )
    assert "log says why" in hint
    assert not (tmp_path / "data" / "gateway.json").exists()


async def test_health_is_not_ok_once_the_store_cannot_be_written(tmp_path: Path) -> None:
    def fail(batch: Batch) -> None:
        raise SystemExit

    async with served(tmp_path) as here:
        port = httpx.URL(here.url).port
        assert port is not None
        app = httpx.ASGITransport(create_app(here.gateway, "127.0.0.1", port))  # the socket may be closed before we ask
        async with httpx.AsyncClient(transport=app, base_url=here.url) as http:
            well = await http.get("/healthz")
            assert (well.status_code, well.json()["status"]) == (200, "ok")
            here.gateway.ledger.submit(fail)
            await asyncio.wait_for(here.gateway.ledger.broken(), HANG_S)
            ill = await http.get("/healthz", params={"nonce": "n"})
        assert (ill.status_code, ill.json()["status"]) == (503, "failed")
        assert {**ill.json(), "status": "ok"}.keys() == {*well.json(), "proof"}


async def test_upkeep_that_fails_goes_on_and_leaves_its_traceback(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    twice = asyncio.Event()
    rounds = 0

    async def work(gateway: Gateway) -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 2:
            twice.set()
        raise KeyError("what upkeep met")

    monkeypatch.setattr("joytui.gateway.runtime.LEASE_RENEWAL_S", 0)
    monkeypatch.setattr(Gateway, "_renew", work)
    async with served(tmp_path):
        await asyncio.wait_for(twice.wait(), HANG_S)
    told = next(record for record in caplog.records if record.name == "joytui.gateway")
    assert told.levelname == "WARNING"
    assert told.exc_info is not None
    assert isinstance(told.exc_info[1], KeyError)


def _refused(url: str) -> None:
    """Until the gateway takes no connection any more."""
    host, port = url.removeprefix("http://").split(":")
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=HANG_S).close()
        except OSError:
            return
        time.sleep(0.02)  # it takes connections faster than it closes them, and has 1,024 descriptors


@pytest.mark.slow
def test_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.1")
    made.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    made.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    process = start(
        tmp_path, "--port", "0", "--tls-cert", str(tmp_path / "cert.pem"), "--tls-key", str(tmp_path / "key.pem")
    )
    assert process.stdout is not None
    url = process.stdout.readline().split()[1]
    assert url.startswith("https://")
    import ssl

    trusted = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    assert httpx.get(f"{url}/healthz", verify=trusted, trust_env=False).status_code == 200
    process.terminate()
    assert process.wait(HANG_S) == 0


@pytest.mark.slow
def test_a_console_on_another_address_over_tls(tmp_path: Path) -> None:
    """The commands of a lead's machine: they trust the team's authority, and send the token nowhere that it did not sign."""
    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.2")
    made.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    made.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    words = ("--tls-cert", str(tmp_path / "cert.pem"), "--tls-key", str(tmp_path / "key.pem"))
    process = start(tmp_path / "server", "--host", "127.0.0.2", "--port", "0", *words)
    assert process.stdout is not None
    url = process.stdout.readline().split()[1]
    assert url.startswith("https://127.0.0.2:")
    token = (tmp_path / "server" / "data" / "admin-token").read_text().strip()

    def status(**env: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "joytui", "gateway", "status", "--gateway", url, "--json"]
        here = environment(tmp_path / "lead", **env)
        return subprocess.run(command, env=here, capture_output=True, text=True, timeout=HANG_S)

    good = status(JOYTUI_ADMIN_TOKEN=token, SSL_CERT_FILE=str(tmp_path / "ca.pem"))
    assert good.returncode == 0, good.stderr
    assert json.loads(good.stdout)["url"] == url
    untrusted = status(JOYTUI_ADMIN_TOKEN=token)
    assert untrusted.returncode == 3
    assert "certificate" in untrusted.stderr.lower()
    assert status(JOYTUI_ADMIN_TOKEN="wrong", SSL_CERT_FILE=str(tmp_path / "ca.pem")).returncode == 1
    process.terminate()
    _, errors = process.communicate(timeout=HANG_S)
    assert process.returncode == 0
    assert "Traceback" not in errors


def test_the_admin_token_is_made_once_and_kept_close(tmp_path: Path) -> None:
    path = tmp_path / "data" / "admin-token"
    token = admin_token(path)
    path.chmod(0o644)
    assert admin_token(path) == token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("\n")
    assert admin_token(path) not in ("", token)


def test_hosts_that_are_let_in() -> None:
    assert allowed_hosts("127.0.0.1", 8791, ["Gw.Example", "other:1"], tls=False) == {
        b"127.0.0.1:8791", b"localhost:8791", b"[::1]:8791", b"gw.example:8791", b"other:1",
    }  # fmt: skip
    assert b"gw.example" in allowed_hosts("0.0.0.0", 443, ["gw.example"], tls=True)
    behind = allowed_hosts("10.0.0.5", 9000, ["gw.example:443", "[2001:db8::1]:80"], tls=False)
    assert {b"gw.example", b"gw.example:443", b"[2001:db8::1]"} < behind
    assert b"gw.example:9000" not in behind
    assert b"10.0.0.5:9000" in allowed_hosts("10.0.0.5", 9000, [], tls=False)
    assert b"localhost:9000" not in allowed_hosts("10.0.0.5", 9000, [], tls=False)
