"""The doctor's requests through the real gateway: known as such, left out of what is counted, paid all the same."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

from joytui.codex.world import Invocation
from joytui.core.joytoken import DOCTOR_BODY
from joytui.doctor import examine
from tests.doctor.test_whole_turn import GUIDE, OFFLINE, through
from tests.gateway.served import SAY_HI, served

OWN_ID = '[model_providers.joytoken.http_headers]\nx-request-id = "mine"\n'


async def test_a_test_of_the_doctor_is_left_out_and_paid(tmp_path: Path) -> None:
    async with served(tmp_path) as gateway:
        found = await through(gateway, tmp_path, **OFFLINE, daily_limit="100")
        (row,) = await gateway.logs()
        sums = await gateway.ask("usage", tests="out")
        whole = await gateway.ask("usage")
        (key,) = (await gateway.ask("keys"))["keys"]
        assert await gateway.logs(tests="out") == await gateway.logs(filter="-is:doctor") == []
        assert [one["id"] for one in await gateway.logs(tests="only")] == [row["id"]]
    assert found.verdict.works is True
    assert row["doctor"] is True
    assert row["client"].startswith("joytui doctor, as codex")
    assert (sums["totals"]["requests"], sums["left_out"]["requests"], whole["totals"]["requests"]) == (0, 1, 1)
    spent = Decimal(row["cost_credits"])
    assert spent > 0
    assert Decimal(sums["left_out"]["cost_credits"]) == spent == Decimal(key["budgets"][0]["spent"])
    assert (key["requests"], key["last_used_at"], key["clients"]) == (0, None, [])


async def test_also_where_the_configuration_has_a_request_id_of_its_own_and_the_key_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "codex"
    home.mkdir()
    env = {"HOME": str(tmp_path), "CODEX_HOME": str(home), "PATH": "/nowhere", "JOY_TOKEN_API_KEY": "jt_local_wrong"}
    env |= {"JOYTUI_DATA_DIR": str(tmp_path / "none")}
    async with served(tmp_path) as gateway:
        (home / "config.toml").write_text(GUIDE.format(port=gateway.url.rsplit(":", 1)[1]) + OWN_ID)
        found = await asyncio.to_thread(examine, Invocation((), env, tmp_path, "0.169.0", tmp_path / "etc"))
        rows = await gateway.logs()
        sums = await gateway.ask("usage", tests="out")
    assert found.verdict.cause == "key-rejected"
    assert {(row["request_id"], row["doctor"]) for row in rows} == {("mine", True)}
    assert (sums["totals"]["requests"], sums["left_out"]["errors"]) == (0, len(rows))


async def test_a_whole_turn_is_no_test_whoever_calls_it_one(tmp_path: Path) -> None:
    async with served(tmp_path) as gateway:
        key = await gateway.key(**OFFLINE)
        large = {"model": "auto", "messages": [{"role": "user", "content": "x" * DOCTOR_BODY}]}
        picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * DOCTOR_BODY}}
        pictured = {"model": "auto", "messages": [{"role": "user", "content": [picture]}]}
        for body in (SAY_HI, large, pictured):
            await gateway.chat(key, body, x_joytui_doctor="1")
        await gateway.chat(key)
        assert [row["doctor"] for row in await gateway.logs()] == [False, False, False, True]
