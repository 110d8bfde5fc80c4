"""What Codex is told that its turns cost; the real Codex takes it in tests/real/test_turn_costs.py."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from joytui.core.clock import now_ms
from joytui.core.redaction import clean
from joytui.core.request import Opened
from joytui.gateway.codex_api import usd
from joytui.gateway.settings import GatewaySettings
from joytui.ledger.records import Candidate
from tests.gateway.served import Served, served

PATH = "analytics/codex/turn-costs"


@pytest.fixture
async def paid(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path, usd_per_credit="0.002") as here:
        yield here


async def turn(gateway: Served, key: str, turn_id: str, **body: Any) -> None:
    asked = {"model": "auto", "input": "say hi", **body}
    answer = await gateway.post("responses", key, asked, x_codex_turn_metadata=json.dumps({"turn_id": turn_id}))
    assert answer.status_code == 200, answer.text


async def told(gateway: Served, key: str, *turns: str) -> list[dict[str, Any]]:
    answer = await gateway.post(PATH, key, {"turn_ids": turns})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["turns"])


async def test_turns_cost_what_the_ledger_says_in_dollars(paid: Served) -> None:
    key, other = await paid.key(), await paid.key()
    await turn(paid, key, "one")
    await turn(paid, key, "one")
    await turn(paid, key, "two")
    await turn(paid, other, "foreign")
    credits = [Decimal(row["cost_credits"]) for row in await paid.logs() if row["key"] == "dev"]
    assert len(credits) == 3
    assert min(credits) > 0
    found = {
        one.pop("turn_id"): one for one in await told(paid, key, "never", "two", "foreign", "one", "two", "\ud800")
    }
    cost = f"{(credits[0] * Decimal('0.002')).normalize():f}"
    both = f"{((credits[1] + credits[2]) * Decimal('0.002')).normalize():f}"
    assert found == {
        "one": {"status": "priced", "total_usd": both, "event_count": 2},
        "two": {"status": "priced", "total_usd": cost, "event_count": 1},
    }
    assert list(found) == ["two", "one"]
    assert await told(paid, key) == []


async def test_a_turn_that_runs_is_pending(paid: Served) -> None:
    key = await paid.new_key()
    await turn(paid, key["key"], "runs")
    ledger = paid.gateway.ledger
    running = Opened(
        ledger.next_number(), now_ms(), key["id"], "auto", "responses", True, None, None, None, None, None,
        turn_id=clean("runs", 100),
    )  # fmt: skip
    await ledger.open(running, Candidate("m", "p", "standard", 0))
    assert await told(paid, key["key"], "runs") == [{"turn_id": "runs", "status": "pending"}]


async def test_a_price_that_nobody_knows_is_not_told(tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.toml"
    catalog.write_text('[[model]]\nkey = "unpriced"\n')
    async with served(tmp_path, usd_per_credit="1", catalog=catalog) as gateway:
        key = await gateway.key()
        await turn(gateway, key, "one")
        await gateway.logs()
        assert await told(gateway, key, "one") == []


async def test_without_a_rate_there_is_no_such_endpoint(gateway: Served) -> None:
    answer = await gateway.post(PATH, await gateway.key(), {"turn_ids": []})
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"{}", {"turn_ids": "one"}, {"turn_ids": [1]}, {"turn_ids": ["x"] * 1_001}, b"[" * 300_000],
    ids=["nothing", "no JSON", "a list", "no ids", "a text", "a number", "too many", "too large"],
)  # fmt: skip
async def test_a_body_that_asks_for_no_turns(paid: Served, body: Any) -> None:
    answer = await paid.post(PATH, await paid.key(), body)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error"), answer.text


async def test_only_a_good_key_hears_of_costs(paid: Served) -> None:
    for key in (None, "jt_xxx"):
        assert (await paid.post(PATH, key, {"turn_ids": []})).status_code == 401


async def test_the_rate_is_told_with_the_prices(paid: Served) -> None:
    answer = await paid.http.get("/api/v1/pricing", headers={"authorization": f"Bearer {await paid.key()}"})
    tier = answer.json()["data"]["tiers"][0]
    assert (tier["usdPerCredit"], tier["creditsPerUsd"]) == (0.002, 500.0)


@pytest.mark.parametrize("rate", ["0", "-1", "much", "nan"])
def test_a_rate_that_is_none(rate: str) -> None:
    with pytest.raises(ValueError, match="usd_per_credit"):
        GatewaySettings(usd_per_credit=rate)


@pytest.mark.parametrize(
    ("nano", "rate", "told"),
    [(0, "1", "0"), (1, "1", "0.000000001"), (2**63 - 1, "3", "27670116110.564327421"), (100 * 10**9, "1", "100"), (1, "0.0001", "0")],
)  # fmt: skip
def test_dollars_are_exact_decimals(nano: int, rate: str, told: str) -> None:
    assert usd(nano, Decimal(rate)) == told
