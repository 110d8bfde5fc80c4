"""`joytui triage --request ID`: the gateway's record, the key, the wallet at that moment and the Codex thread, joined."""

from __future__ import annotations

import json
from pathlib import Path

from joytui.client.console import ConsoleClient
from joytui.doctor.triage.joining import join, render_story, story_json
from tests.gateway.served import ADMIN, SAY_HI, served
from tests.triage.test_history import EMPTY, turn


def plain(text: str, *_: str) -> str:
    return text


async def test_a_refused_request_is_joined(tmp_path: Path) -> None:
    async with served(tmp_path) as gateway:
        plain_key = await gateway.key("codex-ann", tiers=["economy"], daily_limit="5")
        thread = "01a207cd-b973-7603-8c55-9c9ba1c60002"
        turn(tmp_path, 2, "joytoken", EMPTY)
        answer = await gateway.chat(
            plain_key,
            {**SAY_HI, "model": "no-such-model"},
            thread_id=thread,
            x_request_id="req-of-ann",
        )
        assert answer.status_code in (403, 404)
        record = (await gateway.logs())[0]
        async with ConsoleClient(gateway.url, ADMIN) as console:
            story = await join(console, record["request_id"], {"CODEX_HOME": str(tmp_path / ".codex")})
            assert story is not None
            assert await join(console, "no-such-request", {}) is None
    assert story.cause is not None
    assert story.cause.id == record["cause"]
    assert story.key is not None
    assert story.key.name == "codex-ann"
    shown = render_story(story, plain) + json.dumps(story_json(story))
    assert "codex-ann" in shown
    assert "daily budget 5" in shown
    assert story.cause.title in shown
    assert plain_key not in shown
    assert "provider joytoken, Codex 0.169.0" in shown
    assert story.turn is not None
    assert story.turn.http_status is None


async def test_the_wallet_at_that_moment(tmp_path: Path) -> None:
    async with served(tmp_path) as gateway:
        await gateway.admin.put("/console/v1/wallet/economy", json={"balance": "10"})
        await gateway.admin.put("/console/v1/wallet/standard", json={"balance": "10"})
        await gateway.admin.put("/console/v1/wallet/premium", json={"balance": "10"})
        key = await gateway.key()
        assert (await gateway.chat(key)).status_code == 200
        record = (await gateway.logs())[0]
        await gateway.admin.post(f"/console/v1/wallet/{record['tier']}/credit", json={"amount": "90"})
        async with ConsoleClient(gateway.url, ADMIN) as console:
            story = await join(console, record["id"], {})
    assert story is not None
    assert story.cause is None
    assert story.wallet is not None
    assert story.wallet.balance is not None
    assert float(story.wallet.balance) == 10
    assert any(move.startswith("settle") for move in story.wallet.movements)
    assert "The gateway served this request" in render_story(story, plain)
