"""JoyToken's statuses, types and bodies (docs-dev.joytokens.ai, errors), as a client reads them off the wire."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path

import pytest

from tests.gateway.served import SAY_HI, Served, served

RESPONSE = {"model": "auto", "input": "say hi"}


def refusal(answer) -> tuple[int, str]:
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type"}
    return answer.status_code, body["error"]["type"]


async def test_without_a_key(gateway: Served) -> None:
    answer = await gateway.chat(None)
    assert refusal(answer) == (401, "missing_api_key")
    assert answer.json()["error"]["message"] == "missing api key"
    for header in ({"authorization": "Bearer"}, {"authorization": "Basic abc"}, {"x_api_key": ""}):
        assert refusal(await gateway.chat(None, **header)) == (401, "missing_api_key")


async def test_a_key_that_is_not_good(gateway: Served) -> None:
    key = await gateway.key()
    for wrong, part in (
        ("jt_foreign", "invalid api key"),
        (key[:-1], "characters of"),
        (key[:-3] + ("abc" if key[-3:] != "abc" else "abd"), "checksum"),
        (key[:15] + ("x" if key[15] != "x" else "y") + key[16:], "checksum"),
    ):
        answer = await gateway.chat(wrong)
        assert refusal(answer) == (403, "invalid_api_key")
        assert part in answer.json()["error"]["message"]
        assert wrong not in answer.text


async def test_x_api_key_beats_bearer(gateway: Served) -> None:
    key = await gateway.key()
    assert (await gateway.chat("jt_wrong", x_api_key=key)).status_code == 200
    assert (await gateway.chat(key, x_api_key="jt_wrong")).status_code == 403


@pytest.mark.parametrize("state", ["disable", "revoke"])
async def test_a_key_that_is_not_active(gateway: Served, state: str) -> None:
    made = await gateway.new_key()
    assert (await gateway.chat(made["key"])).status_code == 200
    await gateway.admin.post(f"/console/v1/keys/{made['id']}/{state}")
    assert refusal(await gateway.chat(made["key"])) == (403, "invalid_api_key")
    logged = (await gateway.logs())[0]
    assert (logged["key"], logged["cause"]) == ("dev", "key-rejected")


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"", b"[]", b"null", b"\xff\xfe", b'{"model":', b"[" * 100_000,
        {"messages": []}, {"model": "auto"}, {"messages": "hi"}, {"messages": [1]}, {**SAY_HI, "model": 1},
        {**SAY_HI, "stream": "yes"}, {**SAY_HI, "max_tokens": 0}, {**SAY_HI, "max_tokens": True}, {**SAY_HI, "tier": 1},
    ],
)  # fmt: skip
async def test_a_body_that_is_no_request(gateway: Served, body: object) -> None:
    key = await gateway.key()
    answer = await gateway.post("chat/completions", key, body)
    assert refusal(answer) == (400, "invalid_request_error")


@pytest.mark.parametrize("body", [{}, {"input": ""}, {"input": []}, {"input": [1]}, {"input": 7}])
async def test_responses_without_input(gateway: Served, body: dict) -> None:
    assert refusal(await gateway.post("responses", await gateway.key(), body)) == (400, "invalid_request_error")


async def test_a_body_over_the_cap_is_read_to_its_end_and_refused(tmp_path: Path) -> None:
    async with served(tmp_path, max_body_bytes=2 * 1024 * 1024) as gateway:
        key = await gateway.key()
        body = json.dumps({**SAY_HI, "x": "y" * (2 * 1024 * 1024)}).encode()
        answer = await gateway.post("chat/completions", key, body)
        assert refusal(answer) == (400, "invalid_request_error")
        assert "at most 2 MiB" in answer.json()["error"]["message"]
        assert "max_body_bytes" in answer.json()["error"]["message"]
        assert refusal(await gateway.post("chat/completions", None, body)) == (401, "missing_api_key")
        assert (await gateway.chat(key)).status_code == 200
        gateway.gateway.bodies.limit = 0
        large = json.dumps({**SAY_HI, "x": "y" * (1024 * 1024)}).encode()
        answer = await gateway.post("chat/completions", key, large)
        assert (*refusal(answer), answer.headers["retry-after"]) == (503, "upstream_error", "1")
        assert (await gateway.chat(key)).status_code == 200
        gateway.gateway.bodies.limit = 2 * 1024 * 1024
        assert (await gateway.post("chat/completions", key, large)).status_code == 200
        assert (gateway.gateway.bodies.taken, gateway.gateway.keys.judge(key).running) == (0, 0)


async def test_compressed_bodies(gateway: Served) -> None:
    key = await gateway.key()
    plain = json.dumps(SAY_HI).encode()
    for name, packed in (("gzip", gzip.compress(plain)), ("deflate", zlib.compress(plain))):
        assert (await gateway.post("chat/completions", key, packed, content_encoding=name)).status_code == 200
    bomb = gzip.compress(b" " * (64 * 1024 * 1024))
    for name, packed in (("gzip", bomb), ("gzip", gzip.compress(plain)[:-9]), ("gzip", plain), ("zstd", plain)):
        answer = await gateway.post("chat/completions", key, packed, content_encoding=name)
        assert refusal(answer) == (400, "invalid_request_error")


async def test_routes_and_methods(gateway: Served) -> None:
    http = gateway.http
    for path in ("/nope", "/openai/v1/embeddings", "/openai/v1/responses/", "/", "/console/v1/nope"):
        assert refusal(await http.get(path)) == (404, "not_found")
    for method, path in (("GET", "/openai/v1/responses"), ("PUT", "/openai/v1/chat/completions"), ("POST", "/healthz")):
        answer = await http.request(method, path)
        assert refusal(answer) == (405, "method_not_allowed")
        assert answer.headers["allow"]
    assert (await http.head("/openai/v1/responses")).status_code == 405
    assert refusal(await http.get("/openai/v1/responses/compact")) == (404, "not_found")


async def test_a_fault_of_the_gateway_itself_is_told_and_recorded(
    gateway: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await gateway.key()

    async def fails(call: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(gateway.gateway.upstream, "call", fails)
    for endpoint, body in (("chat/completions", SAY_HI), ("responses", {"model": "auto", "input": "hi"})):
        answer = await gateway.post(endpoint, key, body)
        assert refusal(answer) == (500, "server_error")
        assert answer.json()["error"]["message"] == "the gateway failed; its log has details"


async def test_a_websocket_is_refused_at_once_with_the_status_after_which_codex_uses_http(gateway: Served) -> None:
    headers = {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-key": "eA==",
        "sec-websocket-version": "13",
    }
    answer = await gateway.http.get("/openai/v1/responses", headers=headers)
    assert refusal(answer) == (426, "invalid_request_error")


async def test_a_conversation_is_compacted_into_one_item(gateway: Served) -> None:
    key = await gateway.key()
    answer = await gateway.post("responses/compact", key, {"model": "auto", "input": "say hi", "stream": True})
    assert answer.status_code == 200, answer.text
    (item,) = answer.json()["output"]
    again = [item, {"type": "message", "role": "user", "content": "go on"}]
    assert item["type"] == "compaction"
    assert (await gateway.post("responses", key, {"model": "auto", "input": again})).status_code == 200


async def test_a_model_that_nobody_has(gateway: Served) -> None:
    key = await gateway.key()
    answer = await gateway.post("responses", key, {**RESPONSE, "model": "no-such"})
    assert refusal(answer) == (404, "model_not_found")
    assert "no-such" in answer.json()["error"]["message"]
    assert (await gateway.logs())[0]["cause"] == "model-not-found"


async def test_a_request_id_is_used_once_with_a_key(gateway: Served) -> None:
    key, other = await gateway.key("one"), await gateway.key("other")
    assert (await gateway.chat(key, x_request_id="mine-1")).status_code == 200
    again = await gateway.chat(key, x_request_id="mine-1")
    assert again.status_code == 409
    assert again.json()["error"]["message"].startswith("duplicate request_id")
    assert (await gateway.chat(other, x_request_id="mine-1")).status_code == 200
    assert (await gateway.chat(key, x_request_id="mine-2")).status_code == 200
    for _ in range(2):  # Codex sends these, the same on every retry
        assert (await gateway.chat(key, x_client_request_id="same", thread_id="same")).status_code == 200


async def test_a_refused_request_does_not_spend_its_id(gateway: Served) -> None:
    made = await gateway.new_key(policy={"daily_limit": "0.0001"})
    assert (await gateway.chat(made["key"], x_request_id="again")).status_code == 402
    change = await gateway.admin.patch(f"/console/v1/keys/{made['id']}", json={"policy": {"daily_limit": "10"}})
    assert change.status_code == 200
    assert (await gateway.chat(made["key"], x_request_id="again")).status_code == 200


async def test_ids_and_used_model_stand_in_the_headers(gateway: Served) -> None:
    key = await gateway.key()
    answer = await gateway.chat(key, x_request_id="ticket-7")
    assert answer.headers["x-request-id"] == "ticket-7"
    assert answer.headers["x-daoe-used-model"] == "joytui-offline"
    assert answer.headers["x-daoe-used-provider"]
    own = answer.headers["x-daoe-request-id"]
    assert (await gateway.ask("requests/ticket-7"))["id"] == own == (await gateway.ask(f"requests/{own}"))["id"]
    refused = await gateway.chat(None)
    assert refused.headers["x-request-id"].startswith("req-")
    assert "x-daoe-used-model" not in refused.headers


async def test_too_many_at_the_same_time(tmp_path) -> None:
    async with served(tmp_path, max_parallel_per_key=1) as here:
        made = await here.new_key()
        here.gateway.keys.get(made["id"]).running = 1
        answer = await here.chat(made["key"])
        assert refusal(answer) == (429, "rate_limited")
        assert answer.headers["retry-after"] == "1"
        here.gateway.keys.get(made["id"]).running = 0
        assert (await here.chat(made["key"])).status_code == 200
        assert here.gateway.keys.get(made["id"]).running == 0
