"""Each row of the security table, on the wire and on the disk."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from joytui.core.errors import SettingsError
from joytui.core.gateway_state import proves
from joytui.gateway.plain_keys import complaint, new_key
from joytui.gateway.settings import GatewaySettings, load_settings
from tests.gateway.served import ADMIN, SAY_HI, Served, served
from tests.support.hang import HANG_S


async def raw(gateway: Served, head: str) -> bytes:
    """What the gateway answers to bytes that no HTTP client would send."""
    host, port = gateway.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(head.encode("latin-1"))
    answer = await reader.read(4096)
    writer.close()
    return answer


@pytest.mark.parametrize("path", ["/healthz", "/openai/v1/responses", "/console/v1/keys", "/nope", "/api/v1/models"])
async def test_host_is_checked_first_of_all(gateway: Served, path: str) -> None:
    port = gateway.url.rsplit(":", 1)[1]
    for host in (
        "evil.example",
        f"evil.example:{port}",
        "127.0.0.1",
        "127.0.0.1:1",
        f"127.0.0.1.evil.example:{port}",
        "",
    ):
        answer = await gateway.http.get(path, headers={"host": host})
        assert (answer.status_code, answer.json()["error"]["type"]) == (403, "host_rejected")
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"LOCALHOST:{port}", f"[::1]:{port}"):
        assert (await gateway.http.get("/healthz", headers={"host": host})).status_code == 200
    twice = await raw(gateway, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nHost: evil\r\n\r\n")
    assert twice.startswith(b"HTTP/1.1 400")
    assert (await raw(gateway, f"GET {path} HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
async def test_web_pages_are_not_answered(gateway: Served, headers: dict[str, str]) -> None:
    admin = {**headers, "authorization": f"Bearer {ADMIN}"}
    for method, path in (
        ("GET", "/console/v1/keys"),
        ("POST", "/console/v1/keys"),
        ("OPTIONS", "/openai/v1/responses"),
    ):
        answer = await gateway.http.request(method, path, headers=admin, json={"name": "x"})
        assert (answer.status_code, answer.json()["error"]["type"]) == (403, "origin_rejected")
    assert not (await gateway.ask("keys"))["keys"]


async def test_no_cors_no_cookies_and_no_get_with_effects(gateway: Served) -> None:
    for path in ("/healthz", "/api/v1/models", "/console/v1/keys", "/nope"):
        answer = await gateway.admin.get(path)
        assert not [name for name in answer.headers if name.startswith("access-control") or name == "set-cookie"]
    made = await gateway.new_key()
    for path in ("revoke", "disable", "rotate"):
        assert (await gateway.admin.get(f"/console/v1/keys/{made['id']}/{path}")).status_code == 405
    assert (await gateway.ask(f"keys/{made['id']}"))["state"] == "active"


async def test_a_key_is_needed_on_loopback_too_and_files_are_the_owners(gateway: Served) -> None:
    assert (await gateway.chat(None)).status_code == 401
    await gateway.chat(await gateway.key())
    await gateway.logs()
    folder = gateway.gateway.ledger.path.parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    names = {file.name for file in folder.iterdir()}
    assert {"ledger.sqlite3", "ledger.sqlite3-wal", "ledger.sqlite3-shm"} <= names
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


async def test_a_stolen_store_has_no_key_and_no_token(gateway: Served) -> None:
    key = await gateway.key()
    token = (await gateway.admin.post("/console/v1/tokens", json={"name": "wall"})).json()["token"]
    await gateway.chat(key, x_request_id=f"mine {key}", user_agent=f"tool/{key}", thread_id=key)
    await gateway.chat(key, {**SAY_HI, "model": f"sk-{key}"})
    await gateway.chat(key[:-1] + "x")
    await gateway.logs()
    folder = gateway.gateway.ledger.path.parent
    stored = b"".join(file.read_bytes() for file in folder.iterdir())
    for secret in (key, key.removeprefix("jt_local_")[:20], token, ADMIN):
        assert secret.encode() not in stored
    shown = json.dumps([await gateway.ask(path) for path in ("keys", "requests", "tokens", "status")])
    assert key not in shown
    assert key[9:30] not in shown
    assert token not in shown


def test_keys_have_256_bits_and_a_check_sum() -> None:
    made = {new_key() for _ in range(200)}
    assert len(made) == 200
    for key in made:
        assert re.fullmatch(r"jt_local_[A-Za-z0-9_-]{43}[0-9a-f]{6}", key)
        assert complaint(key) is None
        assert complaint(key[:-1]) is not None
        swapped = key[:20] + ("A" if key[20] != "A" else "B") + key[21:]
        assert complaint(swapped) == "its checksum does not match"
    assert complaint("jt_of_joytoken_itself") is None


async def test_read_only_tokens_read(gateway: Served) -> None:
    made = (await gateway.admin.post("/console/v1/tokens", json={"name": "wall"})).json()
    headers = {"authorization": f"Bearer {made['token']}"}
    for path in ("status", "keys", "requests", "usage", "wallet", "models", "latency", "policies", "tokens"):
        assert (await gateway.http.get(f"/console/v1/{path}", headers=headers)).status_code == 200
    for method, path in (
        ("POST", "keys"),
        ("PUT", "wallet/standard"),
        ("POST", "tokens"),
        ("DELETE", f"tokens/{made['id']}"),
    ):
        answer = await gateway.http.request(method, f"/console/v1/{path}", headers=headers, json={"name": "x"})
        assert (answer.status_code, answer.json()["error"]["type"]) == (403, "read_only_token")
    assert (await gateway.http.get("/metrics", headers=headers)).status_code == 200
    assert (await gateway.admin.delete(f"/console/v1/tokens/{made['id']}")).json() == {"deleted": True}
    assert (await gateway.http.get("/console/v1/status", headers=headers)).status_code == 403


async def test_the_console_api_wants_a_token(gateway: Served) -> None:
    key = await gateway.key()
    for headers, status in (
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 403),
        ({"authorization": f"Bearer {key}"}, 403),
    ):
        for path in ("/console/v1/status", "/console/v1/requests/stream", "/metrics"):
            assert (await gateway.http.get(path, headers=headers)).status_code == status


async def test_the_gateway_proves_itself(gateway: Served) -> None:
    answer = (await gateway.http.get("/healthz", params={"nonce": "n1"})).json()
    assert proves(answer["proof"], ADMIN, "n1", gateway.url)
    assert not proves(answer["proof"], ADMIN, "n2", gateway.url)
    assert not proves(answer["proof"], "other", "n1", gateway.url)
    assert "proof" not in (await gateway.http.get("/healthz")).json()
    assert (await gateway.http.get("/healthz", params={"nonce": "x" * 1000})).status_code == 400


async def test_headers_have_a_cap(gateway: Served) -> None:
    answer = await gateway.http.get("/healthz", headers={f"x-{i}": "y" * 1000 for i in range(70)})
    assert answer.status_code in (400, 431)
    assert (await gateway.http.get("/healthz")).status_code == 200


async def test_headers_without_an_end_are_cut_off(gateway: Served) -> None:
    host, port = gateway.url.removeprefix("http://").split(":")
    _reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET /healthz HTTP/1.1\r\nHost: {host}:{port}\r\nx: ".encode())
    sent = 0
    try:
        while sent < 64 * 1024 * 1024 and not writer.is_closing():
            writer.write(b"y" * 65536)
            sent += 65536
            await writer.drain()
    except ConnectionError:
        pass  # what we wait for
    assert sent < 16 * 1024 * 1024
    writer.close()
    body = json.dumps({**SAY_HI, "x": "y" * 500_000}).encode()
    for _ in range(2):  # a large body is no header, nor are the headers of two requests those of one
        assert (await gateway.post("chat/completions", await gateway.key(), body)).status_code == 200


async def test_control_characters_do_not_reach_the_records(gateway: Served) -> None:
    key = await gateway.key()
    await gateway.chat(key, {**SAY_HI, "model": "\x1b]0;owned\x07\x1b[2Jx\r\n"})
    logged = (await gateway.logs())[0]
    assert logged["status"] == 404
    for text in (logged["model"], logged["error_message"]):
        assert text.isprintable()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://gateway.example/v1", "https"),
        ("ftp://gateway.example", "http(s) URL"),
        ("https://user:secret@gateway.example/v1", "user or password"),
        ("https://gateway.example/v1?key=1", "query"),
        ("nonsense", "http(s) URL"),
    ],
)
def test_upstreams_that_are_refused(tmp_path: Path, url: str, why: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(why)) as caught:
        load_settings(tmp_path / "none.toml", {}, {"upstream": url})
    assert "secret" not in str(caught.value)
    assert caught.value.where == "--upstream"


def test_beyond_loopback_only_with_tls_or_on_purpose() -> None:
    with pytest.raises(ValueError, match="not loopback"):
        GatewaySettings(host="0.0.0.0")
    assert GatewaySettings(host="0.0.0.0", insecure=True).host == "0.0.0.0"


async def test_a_body_and_a_key_are_in_no_log(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from joytui.gateway.server import serve; from joytui.gateway.settings import GatewaySettings;"
        "from joytui.core.places import places; serve(GatewaySettings(port=0, access_log=True), places())"
    )
    env = {**os.environ, "JOYTUI_DATA_DIR": str(tmp_path / "data"), "JOYTUI_CONFIG_FILE": str(tmp_path / "c.toml")}
    with subprocess.Popen(
        [sys.executable, "-c", script], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        import httpx

        assert process.stdout is not None
        url = process.stdout.readline().decode().split()[1]
        admin = {"authorization": f"Bearer {(tmp_path / 'data' / 'admin-token').read_text().strip()}"}
        async with httpx.AsyncClient(base_url=url, trust_env=False, verify=False) as http:
            key = (await http.post("/console/v1/keys", json={"name": "k"}, headers=admin)).json()["key"]
            body = {"model": "auto", "input": "the secret plan"}
            assert (await http.post("/openai/v1/responses", json=body, headers={"x-api-key": key})).status_code == 200
        process.terminate()
        _, errors = process.communicate(timeout=HANG_S)
    assert process.returncode == 0
    assert b'"endpoint": "responses"' in errors
    for secret in (key.encode(), b"secret plan", admin["authorization"].encode()):
        assert secret not in errors


async def test_a_limited_request_waits_for_a_store_that_is_busy(tmp_path: Path) -> None:
    """Another program that holds SQLite's write lock for longer than the gateway waits."""
    async with served(tmp_path) as here:
        key = await here.key(daily_limit="100")
        blocker = sqlite3.connect(here.gateway.ledger.path, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(here.chat(key))
        while not here.gateway.ledger.waiting and not waiting.done() and not here.gateway.keys.find(key).running:  # type: ignore[union-attr]
            await asyncio.sleep(0)
        assert not waiting.done()
        blocker.execute("ROLLBACK")
        blocker.close()
        assert (await waiting).status_code == 200
