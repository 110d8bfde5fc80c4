"""The doctor's own request is small; a key with too little left for a whole turn is told all the same, by the real gateway."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from joytui.codex.world import Invocation
from joytui.core.records import Report
from joytui.doctor import examine
from tests.gateway.served import Served, served
from tests.support.raw_gateway import CONFIG, HEAD, OK, answering

GUIDE = CONFIG.replace("stream_idle_timeout_ms = 60000\n", "")
OFFLINE = {"fixed_model": "joytui-offline"}


def report(tmp_path: Path, port: int, key: str, extra: str = "") -> Report:
    home = tmp_path / "codex"
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text(extra + GUIDE.format(port=port))
    env = {"HOME": str(tmp_path), "CODEX_HOME": str(home), "PATH": "/nowhere", "JOY_TOKEN_API_KEY": key}
    env |= {"JOYTUI_DATA_DIR": str(tmp_path / "none")}
    return examine(Invocation((), env, tmp_path, "0.169.0", tmp_path / "etc"))


async def through(gateway: Served, tmp_path: Path, extra: str = "", **policy: Any) -> Report:
    key = await gateway.key(**policy)
    return await asyncio.to_thread(report, tmp_path, int(gateway.url.rsplit(":", 1)[1]), key, extra)


async def test_too_little_for_the_smallest_turn_is_the_verdict(tmp_path: Path) -> None:
    async with served(tmp_path) as gateway:
        found = await through(gateway, tmp_path, **OFFLINE, daily_limit="2")
        rows = await gateway.logs()
    verdict = found.verdict
    assert (verdict.works, verdict.cause, verdict.row) == (False, "insufficient-quota", "402")
    assert verdict.details["quota"] == "daily"
    assert verdict.details["turn_bytes"] == 38_000
    assert (verdict.codex_says or "").startswith("unexpected status 402 Payment Required: ")
    assert "a whole turn would be refused" in verdict.evidence[0].what
    assert next(row for row in found.table if row.row == "402").status == "fail"
    assert {step.id: step.status for step in found.steps}["stream"] == "pass"
    assert [row["status"] for row in rows] == [200]  # the question itself is not a request


async def test_the_gateway_refuses_that_very_turn(tmp_path: Path) -> None:
    async with served(tmp_path) as gateway:
        for limit, works, status in (("2", False, 402), ("9", True, 200)):
            found = await through(gateway, tmp_path, **OFFLINE, daily_limit=limit)
            key = await gateway.key(**OFFLINE, daily_limit=limit)
            body = {"model": "auto", "input": [{"type": "message", "role": "user", "content": "x" * 38_000}]}
            assert (found.verdict.works, (await gateway.post("responses", key, body)).status_code) == (works, status)


async def test_a_turn_that_may_or_may_not_fit_is_a_warning(tmp_path: Path) -> None:
    async with served(tmp_path) as gateway:
        between = await through(gateway, tmp_path, **OFFLINE, daily_limit="5")
        (tmp_path / "short.md").write_text("Answer.")
        own = f'model_instructions_file = "{tmp_path / "short.md"}"\n'
        shortened = await through(gateway, tmp_path, own, **OFFLINE, daily_limit="2")
    for found in (between, shortened):
        assert found.verdict.works is True
        assert [warning.cause for warning in found.warnings if warning.row == "402"] == ["insufficient-quota"]


async def test_an_empty_wallet_and_one_that_suffices(tmp_path: Path) -> None:
    async with served(tmp_path) as gateway:
        for balance, cause in (("2", "insufficient-quota"), ("1000", None)):
            for tier in ("economy", "standard", "premium"):
                answer = await gateway.admin.put(f"/console/v1/wallet/{tier}", json={"balance": balance})
                assert answer.status_code == 200
            found = await through(gateway, tmp_path, **OFFLINE)
            assert found.verdict.cause == cause
        assert "whole turn" in found.verdict.evidence[-1].what


async def test_a_key_hears_of_itself_alone(tmp_path: Path) -> None:
    async with served(tmp_path) as gateway:
        mine = await gateway.new_key("mine", policy={"ip_allow": ["127.0.0.0/8"], "tiers": ["economy"]})
        other = await gateway.new_key("other")
        head = {"authorization": f"Bearer {mine['key']}"}
        answer = (await gateway.http.get("/api/v1/key/check", headers=head, params={"key": other["id"]})).json()
        assert answer["data"]["key_id"] == mine["id"]
        assert (answer["data"]["allowed"], answer["data"]["tier"]) == (True, "economy")
        tier = (await gateway.http.get("/api/v1/key/check?tier=premium", headers=head)).json()["data"]
        assert (tier["allowed"], tier["status"], tier["error_type"]) == (False, 403, "policy_rejected")
        for no_key in ({}, {"authorization": "Bearer jt_live_of_nobody"}):
            told = (await gateway.http.get("/api/v1/key/check", headers=no_key)).json()["data"]
            refused = await gateway.http.post("/openai/v1/responses", headers=no_key, content=b"{}")
            assert (told["allowed"], told["status"], told["key_id"]) == (False, refused.status_code, None)
        for wrong in ("-1", "1e9", "x", "٣", "9" * 10):
            answer = await gateway.http.get("/api/v1/key/check", headers=head, params={"input_bytes": wrong})
            assert answer.status_code == 400, wrong


@pytest.mark.parametrize("answer", [HEAD + OK, HEAD.replace(b"\r\n\r\n", b"\r\nx-daoe-request-id: r\r\n\r\n") + OK])
def test_another_gateway_is_judged_by_its_answer(tmp_path: Path, answer: bytes) -> None:
    """One that does not know the question: here it answers every GET with a stream of events."""
    with answering(answer) as port:
        found = report(tmp_path, port, "jt_live_planted0123456789")
    assert found.verdict.works is True
    assert "whole_turn" not in found.verdict.details


async def test_a_local_fault_asks_without_a_request(tmp_path: Path) -> None:
    """Behind what Codex stops at by itself, the gateway's own refusals are told, and none of its rows is made."""
    async with served(tmp_path) as gateway:
        cases = (
            ({"daily_limit": "0.01"}, ["insufficient-quota"]),
            ({"tiers": ["economy"], "fixed_model": "joytui-offline-max"}, ["policy-rejected"]),
            ({"fixed_model": "no-such"}, ["model-not-found"]),
            ({}, []),
        )
        for policy, causes in cases:
            found = await through(gateway, tmp_path, 'web_search = "nonsense"\n', **policy)
            assert found.verdict.cause == "config-type"
            gateways = [one.cause for one in found.warnings if one.row in ("401", "402", "403", "model-not-found")]
            assert gateways == causes
        port = int(gateway.url.rsplit(":", 1)[1])
        found = await asyncio.to_thread(report, tmp_path, port, "")
        assert found.verdict.cause == "key-unset"
        assert await gateway.logs() == []


async def test_logs_tell_the_doctor_from_codex(tmp_path: Path) -> None:
    async with served(tmp_path) as gateway:
        await through(gateway, tmp_path)
        [row] = await gateway.logs()
    assert row["client"].startswith("joytui doctor, as codex_exec/0.169.0 ")
