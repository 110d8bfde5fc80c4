"""The receiver in a served gateway: what it takes, what it refuses, and what is left of it."""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from joytui.client.console import ConsoleClient
from joytui.core.redaction import Redactor
from joytui.gateway.telemetry import pace, receiver
from joytui.tui.usage.reading import Sources, read
from joytui.tui.usage.snapshot import Question
from tests.gateway.served import ADMIN, Served, served
from tests.support.clock import NOW, Clock
from tests.telemetry.otlp import BINARY, as_json, attempt, done, record

JSON_POST = as_json([record("conversation_starts", 0, provider_name="joytoken"), attempt(20), done(90)])
CODEX = {"content-type": "application/json", "user-agent": "OTel-OTLP-Exporter-Rust/0.31.0"}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path) as here:
        yield here


async def token(gateway: Served, name: str = "ann-laptop", **who: Any) -> str:
    made = await gateway.admin.post("/console/v1/telemetry/tokens", json={"name": name, "owner": "ann", **who})
    assert made.status_code == 201, made.text
    return str(made.json()["token"])


async def post(
    gateway: Served, secret: str | None, body: bytes = JSON_POST, path: str = "logs", **headers: str
) -> httpx.Response:
    named = CODEX | {name.replace("_", "-"): value for name, value in headers.items()}
    if secret is not None:
        named["authorization"] = f"Bearer {secret}"
    return await gateway.http.post(f"/otlp/v1/{path}", content=body, headers=named)


async def rows(gateway: Served) -> list[dict[str, Any]]:
    return list((await gateway.admin.get("/console/v1/requests")).json()["requests"])


async def test_a_post_becomes_a_row(gateway: Served) -> None:
    secret = await token(gateway)
    answer = await post(gateway, secret)
    assert (answer.status_code, answer.json()) == (200, {})
    [row] = await rows(gateway)
    assert {name: row[name] for name in ("source", "sources", "attempts", "status", "owner", "thread_id", "client", "key", "key_id", "tier", "ip")} == {
        "source": "telemetry", "sources": ["telemetry"], "attempts": 1, "status": 200, "owner": "ann", "thread_id": "t1",
        "client": "codex_exec/0.171.0", "key": None, "key_id": None, "tier": None, "ip": None,
    }  # fmt: skip
    assert (row["input_tokens"], row["output_tokens"]) == (100, 7)
    assert (await gateway.admin.get(f"/console/v1/requests/{row['id']}")).json()["id"] == row["id"]
    for source, requests in (("gateway", 0), ("telemetry", 1)):
        asked = {"source": source, "by": "owner", "until": row["time"].replace("2026", "2027")}
        usage = await gateway.admin.get("/console/v1/usage", params=asked)
        assert usage.json()["totals"]["requests"] == requests
    older = await gateway.admin.get("/console/v1/requests", params={"before": row["id"]})
    assert older.json()["requests"] == []


async def test_protobuf_and_gzip_are_taken(gateway: Served) -> None:
    secret = await token(gateway)
    packed = await post(gateway, secret, gzip.compress(JSON_POST), content_encoding="gzip")
    assert packed.status_code == 200
    assert len(await rows(gateway)) == 1
    for media in ("application/x-protobuf", "application/x-protobuf; charset=x"):
        assert (await post(gateway, secret, BINARY, content_type=media)).status_code == 200


async def test_metrics_and_traces_are_answered_and_not_kept(gateway: Served) -> None:
    secret = await token(gateway)
    for path in ("metrics", "traces"):
        assert (await post(gateway, secret, path=path)).json() == {}
        assert (await post(gateway, None, path=path)).status_code == 401
    assert await rows(gateway) == []


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"\xff\xff", {"content_type": "application/x-protobuf"}, 400),
        (JSON_POST, {"content_type": "text/plain"}, 415),
        (JSON_POST, {"content_encoding": "br"}, 415),
        (JSON_POST, {"content_encoding": "gzip"}, 400),
        (b" " * (receiver.MOST_BYTES + 1), {}, 413),
        (gzip.compress(b" " * (receiver.MOST_BYTES + 1)), {"content_encoding": "gzip"}, 413),
    ],
    ids=["no json", "no protobuf", "type", "encoding", "no gzip", "too large", "too large unpacked"],
)
async def test_what_is_no_telemetry_is_refused_in_words(
    gateway: Served, body: bytes, headers: dict[str, str], status: int
) -> None:
    secret = await token(gateway)
    answer = await post(gateway, secret, body, **headers)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["message"]
    assert await rows(gateway) == []


async def test_hostile_records_are_bounded_or_dropped(gateway: Served) -> None:
    secret = await token(gateway)
    odd = [attempt(20, thread=f"t{n}") for n in range(6)]
    odd[0]["observed"] = str(2**64 - 1)
    odd[1]["attributes"]["conversation.id"] = "x\ud800\x1b[2J\u202e" + "y" * 9_000
    odd[2]["attributes"] |= {"duration_ms": "9" * 19, "http.response.status_code": "9" * 19}
    odd[3]["attributes"] |= {"model": "m" * 100_000, "endpoint": "/responses"}
    odd[4]["attributes"]["event.timestamp"] = "9999-12-31T23:59:59Z"
    odd[5]["attributes"]["conversation.id"] = ""
    huge = done(90, thread="t2")
    huge["attributes"] |= dict.fromkeys(("input_token_count", "output_token_count", "cached_token_count"), "9" * 19)
    assert (await post(gateway, secret, as_json([*odd, huge]))).status_code == 200
    found = {row["thread_id"]: row for row in await rows(gateway)}
    assert len(found) == 4
    assert (found["t2"]["status"], found["t2"]["input_tokens"]) == (999, 10**9)
    assert len(found["t3"]["model"]) == 200
    assert all(name.isprintable() and len(name) <= 100 for name in found)
    deep = b'{"resourceLogs": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    assert (await post(gateway, secret, deep)).status_code == 400
    many = as_json([record("user_prompt", 0, thread=f"u{n}") for n in range(3_000)])
    assert (await post(gateway, secret, many)).status_code == 200


async def test_only_a_telemetry_token_posts_and_it_opens_nothing_else(gateway: Served) -> None:
    secret, key = await token(gateway), await gateway.key()
    reader = (await gateway.admin.post("/console/v1/tokens", json={"name": "wall"})).json()["token"]
    for wrong in (None, "jtt_wrong", key, reader, gateway.gateway.admin_token):
        assert (await post(gateway, wrong)).status_code == 401
    assert (await gateway.chat(secret)).status_code in (401, 403)
    bearer = {"authorization": f"Bearer {secret}"}
    for path in ("/console/v1/status", "/console/v1/requests", "/openai/v1/models", "/api/v1/pricing"):
        assert (await gateway.http.get(path, headers=bearer)).status_code in (401, 403)
    [listed] = (await gateway.admin.get("/console/v1/telemetry/tokens")).json()["tokens"]
    assert "token" not in listed
    assert (await gateway.admin.delete(f"/console/v1/telemetry/tokens/{listed['id']}")).status_code == 200
    assert (await post(gateway, secret)).status_code == 401
    assert (await gateway.admin.delete(f"/console/v1/telemetry/tokens/{listed['id']}")).status_code == 404


async def test_a_name_is_given_once(gateway: Served) -> None:
    await token(gateway)
    again = await gateway.admin.post("/console/v1/telemetry/tokens", json={"name": "ann-laptop"})
    assert again.status_code == 409


async def test_a_token_has_its_pace(gateway: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    secret, other = await token(gateway), await token(gateway, "bea", owner="bea")
    monkeypatch.setattr(pace, "BURST", 3)
    monkeypatch.setattr(pace, "A_SECOND", 0)
    statuses = [(await post(gateway, secret)).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    assert (await post(gateway, other)).status_code == 200
    assert pace.A_SECOND < 50 < receiver.A_SECOND


async def test_a_gateway_with_a_telemetry_token_stays(gateway: Served) -> None:
    gateway.gateway.console_seen -= 5
    assert gateway.gateway.alone_s > 0
    await token(gateway)
    assert gateway.gateway.alone_s == 0
    assert (await gateway.admin.get("/console/v1/status")).json()["telemetry_tokens"] == 1


async def test_relay_and_telemetry_are_one_row(gateway: Served, clock: Clock) -> None:
    secret, key = await token(gateway), await gateway.key()
    answer = await gateway.chat(key, thread_id="t1")
    assert answer.status_code == 200
    [seen] = await rows(gateway)
    usage = {"given": seen["input_tokens"], "written": seen["output_tokens"]}
    assert (await post(gateway, secret, as_json([attempt(5), done(20, **usage)]))).status_code == 200
    [row] = await rows(gateway)
    assert (row["id"], row["sources"], row["key"]) == (seen["id"], ["gateway", "telemetry"], "dev")


async def test_usage_on_the_screen_counts_it_as_codex(gateway: Served, tmp_path: Path, clock: Clock) -> None:
    await post(gateway, await token(gateway))
    clock.advance(timedelta(hours=1))
    async with ConsoleClient(gateway.url, ADMIN) as client:
        sources, later = Sources(client, None, tmp_path / "cache"), NOW + timedelta(hours=1)
        for source, group in (("codex", "owner"), ("auto", "model")):
            shown = await read(sources, Question("day", group, source=source), later, None)
            assert (shown.source, shown.totals and shown.totals.requests) == ("codex", 1)
            assert {row.by[group] for row in shown.rows} == {"ann" if group == "owner" else "auto"}
        both = await read(sources, Question("day", source="both"), later, None)
        assert (both.totals and both.totals.requests, both.codex_totals and both.codex_totals.requests) == (0, 1)


async def test_fleet_says_who_works_and_who_does_not(gateway: Served, clock: Clock) -> None:
    async def people() -> list[dict[str, Any]]:
        return list((await gateway.admin.get("/console/v1/fleet")).json()["people"])

    ann, bea = await token(gateway, team="core"), await token(gateway, "bea", owner="bea")
    assert [one["state"] for one in await people()] == ["silent", "silent"]
    await post(gateway, ann)
    other = [record("conversation_starts", 0, "t2", provider_name="openai"), attempt(20, 402, "t2")]
    await post(gateway, bea, as_json(other))
    well, ill = await people()
    assert (well["owner"], well["team"], well["codex_version"], well["provider"], well["state"]) == (
        "ann",
        "core",
        "0.171.0",
        "joytoken",
        "ok",
    )
    assert (ill["state"], ill["cause"], ill["sure"], ill["status"], ill["provider"]) == (
        "failing",
        "insufficient-quota",
        True,
        402,
        "openai",
    )
    assert ill["since"] == record("x", 10)["attributes"]["event.timestamp"]
    clock.advance(timedelta(hours=2))
    well, ill = await people()
    assert (well["state"], ill["state"]) == ("silent", "failing")
    await post(gateway, ann, as_json([record("user_prompt", 7_200_000)]))
    clock.advance(timedelta(minutes=2))
    assert (await people())[0]["state"] == "silent", "its request never came"


async def test_a_codex_without_its_key_fails_though_it_sends_no_request(gateway: Served) -> None:
    """Codex refuses each turn itself then; its session says that the variable of the key is not there."""

    def unset(ms: int, thread: str = "t1") -> dict[str, Any]:
        said = {"auth__env_provider_key_name": "configured", "auth__env_provider_key_present": False}
        return record("conversation_starts", ms, thread, provider_name="joytoken", **said)

    async def state() -> tuple[Any, ...]:
        [person] = (await gateway.admin.get("/console/v1/fleet")).json()["people"]
        return person["state"], person["cause"], person["sure"], person["since"]

    secret = await token(gateway)
    await post(gateway, secret, as_json([unset(0)]))
    assert (await state())[:2] == ("silent", None), "nobody has asked it for anything yet"
    first = record("user_prompt", 10)
    await post(gateway, secret, as_json([first, record("user_prompt", 20)]))
    assert await state() == ("failing", "key-unset", True, first["attributes"]["event.timestamp"])
    assert await rows(gateway) == []
    await post(gateway, secret, as_json([attempt(40, thread="t2"), done(60, thread="t2")]))
    assert (await state())[0] == "ok", "another of theirs has the key"


async def test_a_warm_up_that_was_told_in_halves_is_no_row(gateway: Served) -> None:
    secret = await token(gateway)
    await post(gateway, secret, as_json([record("websocket_request", 0, duration_ms="5", success="true")]))
    assert len(await rows(gateway)) == 1
    await post(gateway, secret, as_json([done(10, 0, 0)]))
    assert await rows(gateway) == []
    totals = (await gateway.admin.get("/console/v1/usage", params={"source": "telemetry"})).json()["totals"]
    assert totals["requests"] == 0


async def test_nothing_planted_is_left_anywhere(
    gateway: Served, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = await token(gateway)
    planted = [
        "PROMPT-4711",
        "ARGUMENT-4711",
        "OUTPUT-4711",
        "ann4711@example.com",
        "HOST-4711",
        "sk-4711abcdefghijklmnop",
    ]
    prompt, argument, output, person, host, key = planted
    post_ = as_json(
        [
            record("user_prompt", 0, prompt=prompt), attempt(20, 401, auth__note=key), record("tool_result", 30, arguments=argument, output=output),
            record("sse_event", 35, error__message=f"stream disconnected before completion: {key}"), record("nonsense", 40, prompt=prompt), done(90),
        ],
        {"user.email": person, "host.name": host},
    )  # fmt: skip
    assert (await post(gateway, secret, post_)).status_code == 200
    assert len(await rows(gateway)) == 1
    await gateway.gateway.ledger.written()
    held = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    shown = json.dumps(await rows(gateway)) + caplog.text
    for word in [*planted, secret]:
        assert word.encode() not in held, word
        assert word not in shown, word
    assert Redactor().text(f"x {secret} y") == "x ‹redacted› y"
