"""What the real Codex tells when it talks to a gateway directly: each outcome one row, with its status, tokens and thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from joytui.core.joytoken import KEY_VARIABLE
from tests.gateway.served import Served, served
from tests.support.app_server import app_server
from tests.support.codex_run import bounded
from tests.support.fault_gateway import GOOD_KEY, FaultGateway
from tests.support.hang import HANG_S
from tests.support.real_codex import NEWEST, codex

pytestmark = [pytest.mark.codex, pytest.mark.usefixtures("machine_clock")]

CONFIG = """\
model_provider = "joytoken"
model = "auto"

[model_providers.joytoken]
name = "joytoken"
base_url = "{base_url}"
env_key = "{variable}"
request_max_retries = 1
stream_max_retries = 1

[otel]
environment = "test"
log_user_prompt = true
exporter = {{ otlp-http = {{ endpoint = "{url}/otlp/v1/logs", protocol = "{protocol}", headers = {{ authorization = "Bearer {token}" }} }} }}
"""


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path / "gateway") as here:
        yield here


async def token(gateway: Served, name: str = "ann") -> str:
    made = await gateway.admin.post("/console/v1/telemetry/tokens", json={"name": name, "owner": name})
    return str(made.json()["token"])


def environment(folder: Path, plays: FaultGateway, gateway: Served, secret: str, protocol: str) -> dict[str, str]:
    """A Codex of its own, with telemetry on."""
    import os

    for name in ("ch", "home", "work"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    text = CONFIG.format(
        base_url=plays.base_url, variable=KEY_VARIABLE, url=gateway.url, protocol=protocol, token=secret
    )
    (folder / "ch" / "config.toml").write_text(text)
    return {
        "PATH": os.environ["PATH"], "HOME": str(folder / "home"), "CODEX_HOME": str(folder / "ch"), KEY_VARIABLE: GOOD_KEY,
        "OTEL_RESOURCE_ATTRIBUTES": "team=core,user.email=ann4711@example.com",
    }  # fmt: skip


async def rows(gateway: Served) -> list[dict[str, Any]]:
    return list(reversed((await gateway.admin.get("/console/v1/requests")).json()["requests"]))


async def until(gateway: Served, good: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    """The rows, once they are as they should be in the end; what they are where that takes too long."""
    found: list[dict[str, Any]] = []
    for _ in range(int(HANG_S * 10)):
        found = await rows(gateway)
        if found and good(found):
            break
        await asyncio.sleep(0.1)
    return found


@pytest.mark.parametrize("protocol", ["json", "binary"])
async def test_exec_that_works_is_one_row(protocol: str, gateway: Served, tmp_path: Path) -> None:
    secret = await token(gateway)
    with FaultGateway("healthy") as plays:
        env = environment(tmp_path, plays, gateway, secret, protocol)
        command = [codex(NEWEST), "exec", "--skip-git-repo-check", "PROMPT-4711 say hi"]
        done = await asyncio.to_thread(bounded, command, env, tmp_path / "work", HANG_S)
    assert done.exit_code == 0, done.stderr
    [row] = await until(gateway, lambda found: bool(found[0]["input_tokens"]))
    assert (row["source"], row["status"], row["attempts"], row["owner"], row["provider"]) == (
        "telemetry",
        200,
        1,
        "ann",
        "joytoken",
    )
    assert (row["input_tokens"], row["cached_input_tokens"], row["output_tokens"], row["reasoning_tokens"]) == (
        100,
        40,
        7,
        3,
    )
    assert row["client"] == f"codex_exec/{NEWEST}"
    assert row["thread_id"] in row["id"]
    await gateway.gateway.ledger.written()
    held = b"".join(path.read_bytes() for path in (tmp_path / "gateway").rglob("*") if path.is_file())
    for word in ("PROMPT-4711", "ann4711", secret, GOOD_KEY):
        assert word.encode() not in held, word


OUTCOMES = {
    "healthy": (200, None, True),
    "E_401": (401, "key-rejected", False),
    "E_402": (402, "insufficient-quota", True),
    "E_403": (403, "policy-rejected", False),
    "model_not_found_404": (404, "responses-unsupported", False),
    "E_429_retry_after_0": (429, "rate-limited", True),
    "E_500": (500, "gateway-error", True),
    "E_503": (503, "upstream-error", True),
    "F_cut_clean": (200, "stream-truncated", True),
    "V_cut_then_good": (200, None, True),
    "F_failed_quota": (200, "insufficient-quota", True),
}


@pytest.mark.parametrize("plays_", OUTCOMES)
async def test_a_codex_that_stays_tells_each_outcome(plays_: str, gateway: Served, tmp_path: Path) -> None:
    status, cause, sure = OUTCOMES[plays_]
    secret = await token(gateway)
    with FaultGateway(plays_) as plays:
        env = environment(tmp_path, plays, gateway, secret, "json")
        with app_server(codex(NEWEST), env, tmp_path / "work") as server:

            def turn() -> str:
                thread = str(server.ask("thread/start")["thread"]["id"])
                server.turn(thread, "say hi")
                return thread

            thread = await asyncio.to_thread(turn)
            asked = sum(1 for one in plays.seen if one.path.endswith("/responses"))
            found = await until(
                gateway, lambda all_: all_[0]["attempts"] == asked and all_[0]["latency_ms"] is not None
            )
            [person] = (await gateway.admin.get("/console/v1/fleet")).json()["people"]
    [row] = found
    assert (row["status"], row["cause"], row["thread_id"], row["attempts"]) == (status, cause, thread, asked)
    assert person["state"] == ("failing" if cause else "ok")
    assert (person["cause"], person["sure"]) == (cause, sure)
    assert person["codex_version"] == NEWEST


async def test_nobody_there_is_a_row_without_a_status(gateway: Served, tmp_path: Path) -> None:
    secret = await token(gateway)
    with FaultGateway("healthy") as plays:
        env = environment(tmp_path, plays, gateway, secret, "json")
    with app_server(codex(NEWEST), env, tmp_path / "work") as server:
        thread = await asyncio.to_thread(lambda: str(server.ask("thread/start")["thread"]["id"]))
        await asyncio.to_thread(server.ask, "turn/start", threadId=thread, input=[{"type": "text", "text": "say hi"}])
        [row] = await until(gateway, lambda found: found[0]["attempts"] >= 2)
        [person] = (await gateway.admin.get("/console/v1/fleet")).json()["people"]
    assert (row["status"], row["error_type"], row["cause"]) == (None, "no_answer", None)
    assert (person["state"], person["sure"]) == ("failing", False)


async def test_relay_and_telemetry_tell_of_the_same_requests_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Turns of several threads through the gateway, some of them retried, with telemetry on: the ledger's sums hold."""
    monkeypatch.setenv("KEY_BEHIND", GOOD_KEY)
    with FaultGateway("flaky_503_twice") as plays:
        async with served(
            tmp_path / "gateway", upstream=plays.base_url, upstream_key_env="KEY_BEHIND", upstream_api="responses"
        ) as gateway:
            secret, key = await token(gateway), await gateway.key("dev")
            env = environment(tmp_path, plays, gateway, secret, "binary")
            config = tmp_path / "ch" / "config.toml"
            config.write_text(config.read_text().replace(plays.base_url, f"{gateway.url}/openai/v1"))
            with app_server(codex(NEWEST), env | {KEY_VARIABLE: key}, tmp_path / "work") as server:

                def live() -> set[str]:
                    threads = {str(server.ask("thread/start")["thread"]["id"]) for _ in range(3)}
                    for n in range(4):
                        for thread in threads:
                            server.turn(thread, f"say {n}")
                    return threads

                threads = await asyncio.to_thread(live)
                found = await until(gateway, lambda all_: all(len(row["sources"]) == 2 for row in all_))
            assert {row["source"] for row in found} == {"gateway"}
            assert [row["sources"] for row in found] == [["gateway", "telemetry"]] * len(found)
            assert {row["thread_id"] for row in found} == threads
            assert [row["differs"] for row in found] == [None] * len(found)
            sums = {
                source: (await gateway.admin.get("/console/v1/usage", params={"source": source})).json()["totals"]
                for source in ("gateway", "telemetry")
            }
    assert sums["telemetry"]["requests"] == 0
    assert sums["gateway"]["requests"] == len(found) >= 12
    assert sums["gateway"]["input_tokens"] == sum(row["input_tokens"] for row in found)
