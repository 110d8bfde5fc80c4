"""Every request leaves a record, however it ends: the client goes, the upstream cuts, the process is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
import time
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from joytui.core.clock import now, rfc3339
from joytui.core.wire import TRIAL_LABEL
from joytui.gateway import model_api, visit
from joytui.gateway.upstreams import observe, relay
from joytui.ledger.records import Page
from joytui.ledger.sql import reads, wallets
from joytui.ledger.sqlite import writer
from joytui.ledger.sqlite.engine import SqliteLedger
from tests.bridge.chat_upstream import ChatUpstream, Scripted, chunk, not_found, sse, stream, usage
from tests.gateway.served import SAY_HI, Served, served
from tests.ledger.test_store import fill
from tests.support.hang import HANG_S, MEANWHILE_S

STREAM = {**SAY_HI, "stream": True}
CODEX = {"model": "auto", "input": [{"type": "message", "role": "user", "content": "hi"}], "stream": True}


def scripted(answer):
    """An upstream with Chat Completions only: `answer` says what a turn gets."""

    def script(seen):
        if not seen.path.endswith("/chat/completions"):
            return not_found(seen)
        if seen.raw.strip() in (b"{}", b""):
            return Scripted(400, {"content-type": "application/json"}, [b'{"error":{"message":"empty","type":"x"}}'])
        return answer(seen)

    return script


@asynccontextmanager
async def relayed(folder: Path, answer, **settings):
    async with ChatUpstream(scripted(answer)) as upstream, served(folder, upstream=upstream.url, **settings) as here:
        yield here, upstream


async def ended(gateway: Served) -> dict:
    [row] = await gateway.logs()
    return row


async def test_a_client_that_goes_away_is_recorded_and_charged_by_estimate(tmp_path: Path) -> None:
    release = asyncio.Event()

    async def hold() -> None:
        await release.wait()

    def answer(seen):
        return Scripted(pieces=[sse([chunk({"content": "word " * 40})], done=False), hold()])

    catalog = tmp_path / "catalog.toml"
    catalog.write_text('[[model]]\nkey = "m"\ninput = "100"\noutput = "1000"\n')
    async with relayed(tmp_path, answer, catalog=catalog) as (here, _):
        key = await here.key(daily_limit="10")
        headers = {"authorization": f"Bearer {key}"}
        for endpoint, body in (("chat/completions", STREAM), ("responses", CODEX)):
            async with here.http.stream(
                "POST", f"/openai/v1/{endpoint}", json={**body, "model": "m"}, headers=headers
            ) as got:
                assert got.status_code == 200
                async for part in got.aiter_bytes():
                    if b"word" in part:
                        break
            row = (await here.logs())[0]
            assert (row["status"], row["error_type"], row["cost_source"]) == (499, "client_disconnected", "estimated")
            assert row["output_tokens"] == 50
            assert row["input_tokens"] > 0
            assert float(row["cost_credits"]) > 0
        [budget] = (await here.ask("keys"))["keys"][0]["budgets"]
        assert budget["held"] == "0"
        assert float(budget["spent"]) > 0
        release.set()


async def test_who_hangs_up_on_auto_pays_by_estimate_too(tmp_path: Path) -> None:
    """The upstream routes `auto`, and its bill never came: before its first byte, and in the middle."""
    release = asyncio.Event()

    async def hold() -> None:
        await release.wait()

    held_back = iter([[hold()], [sse([chunk({"content": "word " * 40})], done=False), hold()]])

    def answer(seen):
        return Scripted(pieces=next(held_back))

    async with relayed(tmp_path, answer) as (here, upstream):
        key = await here.key(daily_limit="10")
        headers = {"authorization": f"Bearer {key}"}
        for expected in (0, 50):
            async with here.http.stream("POST", "/openai/v1/responses", json=CODEX, headers=headers) as got:
                assert got.status_code == 200
                parts = got.aiter_bytes()
                while expected and b"word" not in await anext(parts):
                    pass
            row = (await here.logs())[0]
            assert (row["status"], row["cost_source"], row["output_tokens"]) == (499, "estimated", expected)
            assert float(row["cost_credits"]) > 0
            assert "priced as" in row["notes"]
        [budget] = (await here.ask("keys"))["keys"][0]["budgets"]
        assert (budget["held"], float(budget["spent"]) > 0) == ("0", True)
        assert len(upstream.turns) == 2
        release.set()


async def test_the_times_of_a_request_are_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Handed on, first byte, first token, end: each measured where it happens, and none if it never did."""
    seconds = 0.0
    first_byte_seen = asyncio.Event()

    def monotonic() -> float:
        nonlocal seconds
        seconds += 0.001
        return seconds

    for module in (visit, model_api, relay, observe):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=monotonic))

    async def pause() -> None:
        nonlocal seconds
        await first_byte_seen.wait()
        seconds = 20.0

    def answer(seen):
        nonlocal seconds
        seconds = 10.0
        said = sse([chunk({"content": "hi"}), chunk({}, "stop"), usage(1, 1)])
        return Scripted(pieces=[sse([chunk({"role": "assistant"})], done=False), pause(), said])

    async with relayed(tmp_path, answer) as (here, _):
        headers = {"authorization": f"Bearer {await here.key()}"}
        async with here.http.stream("POST", "/openai/v1/chat/completions", json=STREAM, headers=headers) as got:
            async for _part in got.aiter_raw():
                first_byte_seen.set()
        assert (await here.chat(None)).status_code == 401
        refused, row = await here.logs()
    assert 0 < row["queue_ms"] < 1_000
    assert 9_000 < row["first_byte_ms"] < 11_000
    assert 19_000 < row["ttft_ms"] < row["latency_ms"] < 21_000
    assert [refused[name] for name in ("queue_ms", "first_byte_ms", "ttft_ms")] == [None] * 3


async def test_an_upstream_that_cuts_in_mid_stream(tmp_path: Path) -> None:
    def answer(seen):
        return stream(chunk({"content": "half an"}), done=False, cut=True)

    async with relayed(tmp_path, answer) as (here, _):
        key = await here.key(daily_limit="10")
        got = await here.post("responses", key, CODEX)
        assert got.status_code == 200
        assert "response.failed" in got.text
        assert "response.completed" not in got.text
        row = await ended(here)
        assert row["error_type"]
        assert row["cause"] in ("stream-truncated", "upstream-error")
        assert (row["output_tokens"], row["cost_source"]) == (2, "estimated"), "what passed is charged for"
        [budget] = (await here.ask("keys"))["keys"][0]["budgets"]
        assert (budget["spent"], budget["held"]) == (row["cost_credits"], "0")


async def test_what_the_upstream_says_it_cost_wins(tmp_path: Path) -> None:
    bill = {
        "choices": [],
        "metadata": [{"billing": {"credits_used": "0.033962", "input_tokens": 113, "output_tokens": 7}}],
    }

    def answer(seen):
        return stream(chunk({"content": "hi"}), chunk({}, "stop"), usage(113, 7), bill)

    async with relayed(tmp_path, answer) as (here, _):
        got = await here.post("responses", await here.key(), CODEX)
        assert "response.completed" in got.text
        row = await ended(here)
        assert (row["cost_credits"], row["cost_source"]) == ("0.033962", "upstream")
        assert (row["input_tokens"], row["output_tokens"]) == (113, 7)


async def test_an_error_of_the_upstream_keeps_its_status_and_costs_nothing(tmp_path: Path) -> None:
    def answer(seen):
        body = b'{"error":{"message":"the standard wallet is empty","type":"insufficient_quota"}}'
        return Scripted(402, {"content-type": "application/json"}, [body])

    async with relayed(tmp_path, answer) as (here, _):
        key = await here.key(total_limit="10")
        got = await here.post("responses", key, CODEX, x_request_id="again")
        assert (got.status_code, got.json()["error"]["type"]) == (402, "insufficient_quota")
        row = await ended(here)
        assert (row["status"], row["cause"], row["cost_credits"]) == (402, "insufficient-quota", "0")
        assert (await here.post("responses", key, CODEX, x_request_id="again")).status_code == 402
        await here.logs()
        [budget] = (await here.ask("keys"))["keys"][0]["budgets"]
        assert (budget["spent"], budget["held"]) == ("0", "0")


async def test_the_relays_own_key_refused_is_not_the_users_key(tmp_path: Path) -> None:
    def answer(seen):
        body = b'{"error":{"message":"invalid api key","type":"invalid_api_key"}}'
        return Scripted(403, {"content-type": "application/json"}, [body])

    async with relayed(tmp_path, answer) as (here, _):
        got = await here.post("responses", await here.key(), CODEX)
        assert (got.status_code, got.headers["x-joytui-error-origin"]) == (403, "upstream")
        assert (await ended(here))["cause"] == "upstream-key-rejected"


async def test_an_upstream_that_is_not_there(tmp_path: Path) -> None:
    async with served(tmp_path, upstream="http://127.0.0.1:9/v1") as here:
        got = await here.post("responses", await here.key(), CODEX)
        assert got.status_code in (502, 503)
        assert got.json()["error"]["type"] == "upstream_error"
        assert (await ended(here))["cause"] == "upstream-error"


async def test_no_byte_is_answered_before_the_row_is_kept(tmp_path: Path) -> None:
    """With SQLite's write lock taken by somebody else, the upstream is asked, and its answer waits."""
    asked = asyncio.Event()

    def answer(seen):
        asked.set()
        return stream(chunk({"content": "hi"}), chunk({}, "stop"), usage(1, 1))

    async with relayed(tmp_path, answer) as (here, _):
        key = await here.key()
        await here.logs()
        blocker = sqlite3.connect(here.gateway.ledger.path, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(here.chat(key, STREAM))
        await asyncio.wait_for(asked.wait(), HANG_S)
        done, _ = await asyncio.wait([waiting], timeout=MEANWHILE_S)
        assert not done
        blocker.execute("ROLLBACK")
        blocker.close()
        assert (await waiting).status_code == 200
        assert (await ended(here))["status"] == 200


async def test_a_full_disk_refuses_promptly_and_asks_no_upstream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite itself says "database or disk is full". What it refused is not tried again: refused at once, and nothing is spent."""

    def answer(seen):
        return stream(chunk({"content": "hi"}), chunk({}, "stop"), usage(1, 1))

    async with relayed(tmp_path, answer) as (here, upstream):
        keys = [await here.key(), await here.key(daily_limit="100")]
        await here.gateway.ledger.write(fill)
        while (await here.chat(keys[0], {**STREAM, "model": "m"})).status_code == 200:
            pass  # there is room in the last pages
        asked = len(upstream.requests)
        paused: list[float] = []
        monkeypatch.setattr(writer, "time", SimpleNamespace(monotonic=time.monotonic, sleep=paused.append))
        for key in keys * 3:
            got = await here.chat(key, STREAM)
            assert (got.status_code, got.json()["error"]["type"]) == (503, "store_unavailable")
            assert "store cannot be written" in got.json()["error"]["message"]
            assert got.headers["retry-after"] == "1"
        ready = await here.http.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "store_unavailable")
        assert (await here.http.get("/healthz")).status_code == 200
        assert (await here.ask("status"))["turned_away"] >= 6
        assert not paused
        assert len(upstream.requests) == asked
        with sqlite3.connect(here.gateway.ledger.location) as another:
            another.execute("DELETE FROM junk")
        another.close()
        for key in keys:
            assert (await here.chat(key, STREAM)).status_code == 200
        assert (await here.http.get("/readyz")).status_code == 200
        assert {row["status"] for row in await here.logs()} == {200}, "what was turned away has no row"
        assert (await here.ask("keys"))["keys"][1]["budgets"][0]["held"] == "0"


async def test_kill_9_in_the_middle_of_32_streams(tmp_path: Path) -> None:
    release = asyncio.Event()

    async def hold() -> None:
        await release.wait()

    def answer(seen):
        return Scripted(pieces=[sse([chunk({"content": "word"})], done=False), hold()])

    async with ChatUpstream(scripted(answer)) as upstream:
        env = {
            **os.environ, "JOYTUI_DATA_DIR": str(tmp_path), "JOYTUI_CONFIG_FILE": str(tmp_path / "c.toml"),
            "JOYTUI_GATEWAY_PORT": "0", "JOYTUI_GATEWAY_UPSTREAM": upstream.url,
        }  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "joytui", "gateway", "run", env=env, stdout=asyncio.subprocess.PIPE
        )
        try:
            assert process.stdout is not None
            url = (await process.stdout.readline()).decode().split()[1]
            await _fill(url, (tmp_path / "admin-token").read_text().strip(), process)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        release.set()
    ledger = SqliteLedger.open_store(tmp_path / "ledger.sqlite3")
    try:
        assert ledger.interrupted == 32
        rows = [record for _, record in ledger.read_now(reads.page, Page(100))]
        assert len({row.id for row in rows}) == len(rows) == 33
        assert sorted(row.status or 0 for row in rows) == [400] + [500] * 32
        assert {row.cause for row in rows} == {"request-rejected", "gateway-error"}
        [standard] = [w for w in ledger.read_now(wallets.wallets) if w.tier == "standard"]
        entries = ledger.read_now(wallets.wallet_entries, None, None, 1000)
        assert standard.held == sum(entry.held for entry in entries) == 0
        charged = sum(row.cost_nano for row in rows)
        assert standard.balance == sum(entry.amount for entry in entries) == 10**12 - charged
        assert {row.cost_source for row in rows if row.cost_nano} == {"estimated"}
        connection = ledger.reader()
        assert connection.execute("SELECT count(*) FROM hold").fetchone() == (0,)
        assert connection.execute("SELECT sum(held), sum(spent) FROM budget").fetchone() == (0, charged)
        assert connection.execute("SELECT sum(requests) FROM rollup_day").fetchone() == (33,)
        connection.close()
    finally:
        ledger.close()


async def _fill(url: str, admin: str, process: asyncio.subprocess.Process) -> None:
    """32 streams that have begun, one refused request, then kill -9."""
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(base_url=url, trust_env=False, verify=False, timeout=HANG_S, limits=limits) as http:
        headers = {"authorization": f"Bearer {admin}"}
        await http.put("/console/v1/wallet/standard", json={"balance": "1000"}, headers=headers)
        policy = {"daily_limit": "900"}
        made = (await http.post("/console/v1/keys", json={"name": "k", "policy": policy}, headers=headers)).json()
        mine = {"authorization": f"Bearer {made['key']}"}
        begun: list[httpx.Response] = []
        for _ in range(32):
            request = http.build_request("POST", "/openai/v1/chat/completions", json=STREAM, headers=mine)
            begun.append(await http.send(request, stream=True))
            assert begun[-1].status_code == 200
        refused = await http.post("/openai/v1/chat/completions", json={"model": "auto"}, headers=mine)
        assert refused.status_code == 400
        process.send_signal(signal.SIGKILL)
        await process.wait()
        for response in begun:
            await response.aclose()


async def test_odd_texts_of_clients_and_upstreams_lose_no_record(tmp_path: Path) -> None:
    """Half surrogate pairs cannot be stored, control characters must not be: the record is there, and readable."""
    odd = "x\ud800\x1b[2J"

    def answer(seen):
        told = {
            "model": odd,
            "provider": odd,
            "metadata": {"tier": odd, "provider": odd, "billing": {"credits_used": "1"}},
        }
        return stream(chunk({"content": "hi"}), chunk({}, odd), {**usage(3, 2), **told})

    async with relayed(tmp_path, answer) as (here, _):
        key = await here.key()
        body = {**CODEX, "tools": [{"type": odd}, {"type": "function", "name": "f"}]}
        assert (await here.post("responses", key, body, x_request_id="mine", user_agent="a")).status_code == 200
        assert (await here.chat(key, STREAM)).status_code == 200
        rows = await here.logs()
        assert [row["status"] for row in rows] == [200, 200]
        assert "hosted by the provider" in rows[1]["notes"]
        for row in rows:
            assert all(value.isprintable() for value in row.values() if isinstance(value, str))
        assert here.gateway.ledger.lost == 0


async def test_odd_kinds_of_an_upstreams_error_lose_no_record(tmp_path: Path) -> None:
    def answer(seen):
        body = b'{"error": {"message": ["x"], "type": {"a": 1}, "code": 7}, "model": 5}'
        return Scripted(418, {"content-type": "application/json"}, [body])

    async with relayed(tmp_path, answer) as (here, _):
        key = await here.key()
        for got in (await here.post("responses", key, CODEX), await here.chat(key)):
            assert got.status_code == 418
        assert [row["status"] for row in await here.logs()] == [418, 418]


async def test_a_trials_key_does_not_outlive_the_gateway(tmp_path: Path) -> None:
    """The gateway ended during `joytui try`, which could not take its key away; keys that people made stay."""
    hour = rfc3339(now() + timedelta(hours=1))
    async with served(tmp_path) as here:
        trial = await here.new_key("try-1", labels=[TRIAL_LABEL, "x"], expires_at=hour)
        named = await here.new_key("a", labels=["mine"], expires_at=hour)
        lasting = await here.new_key("b", labels=[TRIAL_LABEL], expires_at=rfc3339(now() + timedelta(days=9)))
        assert (await here.chat(trial["key"])).status_code == 200
    async with served(tmp_path) as here:
        states = {key["id"]: key["state"] for key in (await here.ask("keys"))["keys"]}
        assert states == {trial["id"]: "revoked", named["id"]: "active", lasting["id"]: "active"}
        assert (await here.chat(trial["key"])).status_code == 403
        assert (await here.chat(named["key"])).status_code == 200
