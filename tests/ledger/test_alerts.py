"""Alerts in a store, on every engine: raised once a window, claimed by one, sent or given up with a word."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from joytui.core.clock import now_ms
from joytui.core.money import NANO_PER_CREDIT as CREDIT
from joytui.core.redaction import clean
from joytui.gateway.alerts.noticing import thresholds
from joytui.ledger.alerts import FRESH_MS, AlertRow, NewAlert, alert_id, budget_alert_id, threshold_of
from joytui.ledger.api import Ledger
from joytui.ledger.records import Candidate, KeyRow, Limit, Reservation, window_start
from tests.ledger.filling import DAY, START
from tests.ledger.test_conformance import a_key, a_request, good, wanting
from tests.support.stores import ENGINES, new_store


@pytest.fixture(params=ENGINES)
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Ledger]:
    return new_store(request, tmp_path)


@pytest.fixture
def ledger(open_store: Callable[[], Ledger]) -> Iterator[Ledger]:
    opened = open_store()
    yield opened
    opened.close()


async def spend(ledger: Ledger, key: KeyRow, credits_spent: float, **fields: Any) -> None:
    """One request that costs so much, under the key's limits."""
    limits = [
        (period, int(float(key.policy[f"{period}_limit"]) * CREDIT))
        for period in ("daily", "weekly", "total")
        if f"{period}_limit" in key.policy
    ]
    opened = a_request(ledger, key, **fields)
    await ledger.reserve(opened, wanting(key, 1, *limits))
    await ledger.end(opened, good(cost_nano=int(credits_spent * CREDIT)), key.budget_id, held=True)


async def told(ledger: Ledger) -> list[tuple[str, int]]:
    """Period and threshold of what was raised about budgets."""
    rows = await ledger.alerts(0, 1_000)
    return sorted((row.facts["period"], row.facts["threshold"]) for row in rows if row.kind == "budget")


def an_alert(about: str, **fields: Any) -> NewAlert:
    return replace(NewAlert(alert_id(about), "gateway", f"gateway:{about}", None, {"url": about}), **fields)


# --- raised ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("spent", "reached"), [(0, 0), (49, 0), (50, 50), (94, 80), (99, 95), (100, 100), (300, 100)])
def test_the_highest_threshold_counts(spent: int, reached: int) -> None:
    assert threshold_of(spent, 100) == reached
    assert threshold_of(0, 0) == 100


async def test_each_threshold_is_told_once_in_a_window_and_again_in_the_next(ledger: Ledger) -> None:
    key = await a_key(ledger, daily_limit="10")
    for spent in (4.9, 0.1, 0.2, 2.8, 0.1, 1.5, 0.3, 0.1):
        await spend(ledger, key, spent)
    once = [("daily", 50), ("daily", 80), ("daily", 95), ("daily", 100)]
    assert await told(ledger) == once
    await spend(ledger, key, 6, started_at=START + DAY)
    await spend(ledger, key, 3.5, started_at=START + DAY)
    assert await told(ledger) == sorted([*once, ("daily", 50), ("daily", 95)])


async def test_an_alert_says_of_whom_and_how_much(ledger: Ledger) -> None:
    await ledger.create_team(clean("core", 80))
    await ledger.add_owner("core", clean("ann", 80))
    key = await a_key(ledger, daily_limit="10", weekly_limit="100")
    await spend(ledger, key, 8.25)
    [row] = await ledger.alerts(0, 10)
    window = window_start("daily", START)
    assert (row.kind, row.subject, row.team, row.state, row.tries) == ("budget", f"key:{key.id}", "core", "waiting", 0)
    assert row.id == budget_alert_id(key.budget_id, "daily", window, 10 * CREDIT, 80)
    assert row.facts == {
        "name": "dev", "owner": "ann", "period": "daily", "window": window, "limit": 10 * CREDIT,
        "spent": 8_250_000_000, "threshold": 80,
    }  # fmt: skip


async def test_a_limit_that_was_changed_is_told_of_anew(ledger: Ledger) -> None:
    key = await a_key(ledger, total_limit="10")
    await spend(ledger, key, 6)
    key = await ledger.edit_key(key.id, {"policy": {"total_limit": "20"}}) or key
    await spend(ledger, key, 5)
    assert await told(ledger) == [("total", 50), ("total", 50)]


async def test_a_raised_limit_is_told_of_as_it_is(ledger: Ledger) -> None:
    key = await a_key(ledger, daily_limit="10")
    await ledger.raise_limits(clean(f"key:{key.budget_id}", 200), 10 * CREDIT, START + 36_500 * DAY)
    await spend(ledger, key, 9.9)
    assert await told(ledger) == []
    await spend(ledger, key, 0.2)
    (row,) = await ledger.alerts(0, 10)
    assert (row.facts["threshold"], row.facts["limit"]) == (50, 20 * CREDIT)


async def test_64_at_once_tell_each_threshold_once(ledger: Ledger) -> None:
    key = await a_key(ledger, daily_limit="10", total_limit="10")
    await asyncio.gather(*(spend(ledger, key, 10 / 64) for _ in range(64)))
    once = [(period, threshold) for period in ("daily", "total") for threshold in (50, 80, 95, 100)]
    assert await told(ledger) == sorted(once)


async def test_what_nobody_limits_raises_nothing(ledger: Ledger) -> None:
    key = await a_key(ledger)
    await spend(ledger, key, 1)
    key = await ledger.edit_key(key.id, {"policy": {"daily_limit": "10"}}) or key
    await spend(ledger, key, 0.1)
    key = await ledger.edit_key(key.id, {"policy": {}}) or key
    await spend(ledger, key, 100)
    assert await told(ledger) == []


async def test_the_same_is_kept_once(ledger: Ledger) -> None:
    one, two = an_alert("a"), an_alert("b", team="core")
    assert await ledger.raise_alerts([one, two]) == 2
    assert await ledger.raise_alerts([one, an_alert("c")]) == 1
    assert {row.id for row in await ledger.alerts(0, 10)} == {one.id, two.id, an_alert("c").id}
    assert [row.id for row in await ledger.alerts(0, 10, ["core"])] == [two.id]
    assert await ledger.alerts(0, 10, []) == []
    assert len(await ledger.alerts(0, 2)) == 2
    assert await ledger.alerts(now_ms() + FRESH_MS, 10) == []


async def test_windows_that_are_limited(ledger: Ledger) -> None:
    key = await a_key(ledger, daily_limit="10", total_limit="40")
    await a_key(ledger, "free")
    await spend(ledger, key, 2)
    day = window_start("daily", START)
    assert await ledger.budgets(START) == [
        (f"key:{key.id}", "daily", day, 10 * CREDIT, 10 * CREDIT, None, 2 * CREDIT, 0, None, frozenset()),
        (f"key:{key.id}", "total", 0, 40 * CREDIT, 40 * CREDIT, None, 2 * CREDIT, 0, None, frozenset()),
    ]
    await ledger.edit_key(key.id, {"state": "revoked"})
    assert await ledger.budgets(START) == []


# --- sent ------------------------------------------------------------------------------------------------------------


async def only(ledger: Ledger) -> AlertRow:
    [row] = await ledger.alerts(0, 10)
    return row


async def test_a_claim_is_one_gateways_until_its_lease_ends(ledger: Ledger) -> None:
    at = now_ms()
    await ledger.raise_alerts([an_alert("a"), an_alert("b"), an_alert("c")])
    assert await ledger.due_alerts(at) == 3
    first = await ledger.claim_alerts(at, 1_000, 2)
    rest = await ledger.claim_alerts(at, 1_000, 2)
    assert len({row.id for row in [*first, *rest]}) == 3
    assert {row.tries for row in [*first, *rest]} == {1}
    assert await ledger.claim_alerts(at + 999, 1_000, 9) == []
    assert await ledger.due_alerts(at + 999) == 0
    again = await ledger.claim_alerts(at + 1_000, 1_000, 9)
    assert [row.tries for row in again] == [2, 2, 2]


async def test_what_was_sent_is_sent(ledger: Ledger) -> None:
    await ledger.raise_alerts([an_alert("a")])
    [row] = await ledger.claim_alerts(now_ms(), 1_000, 9)
    await ledger.alert_sent(row.id, 77)
    assert ((sent := await only(ledger)).state, sent.sent_at, sent.error) == ("sent", 77, None)
    await ledger.alert_failed(row.id, clean("late", 100), now_ms())
    assert (await only(ledger)).state == "sent"
    assert await ledger.claim_alerts(now_ms() + 5_000, 1_000, 9) == []


async def test_what_failed_comes_again_or_is_given_up_with_a_word(ledger: Ledger) -> None:
    at = now_ms()
    await ledger.raise_alerts([an_alert("a")])
    [row] = await ledger.claim_alerts(at, 1_000, 9)
    await ledger.alert_failed(row.id, clean("HTTP 500", 100), at + 60_000)
    assert await ledger.claim_alerts(at + 59_999, 1_000, 9) == []
    [row] = await ledger.claim_alerts(at + 60_000, 1_000, 9)
    assert (row.tries, row.error) == (2, "HTTP 500")
    await ledger.alert_failed(row.id, clean("HTTP 502", 100), None)
    assert ((gone := await ledger.alert(row.id)) and (gone.state, gone.error)) == ("failed", "HTTP 502")
    assert await ledger.claim_alerts(at + FRESH_MS - 1, 1_000, 9) == []


async def test_what_is_no_news_any_more_is_not_sent(ledger: Ledger) -> None:
    await ledger.raise_alerts([an_alert("a")])
    at = (await only(ledger)).at
    assert await ledger.claim_alerts(at + FRESH_MS + 1, 1_000, 9) == []
    assert (await only(ledger)).state == "unsent"


async def test_one_gateway_looks(ledger: Ledger) -> None:
    assert await ledger.take_watch("a", 0, 1_000)
    assert not await ledger.take_watch("b", 999, 1_000)
    assert await ledger.take_watch("a", 999, 1_000)
    assert not await ledger.take_watch("b", 1_998, 1_000)
    assert await ledger.take_watch("b", 1_999, 1_000)


# --- of other nodes ---------------------------------------------------------------------------------------------------


async def test_a_request_tells_of_every_node_that_it_crosses(ledger: Ledger) -> None:
    await ledger.create_team(clean("core", 80))
    await ledger.add_owner("core", clean("ann", 80))
    key = await a_key(ledger, per_task_limit="4")
    limits: dict[str, Any] = {
        "org": {"daily": 10 * CREDIT},
        "team:core": {"weekly": 5 * CREDIT},
        "owner:ann": {"total": 8 * CREDIT},
    }
    for node, wanted in limits.items():
        await ledger.set_limits(clean(node, 80), wanted)
    windows = {"org": "daily", "team:core": "weekly", "owner:ann": "total", "task:t": "total"}
    asked = [Limit(node, period, 100 * CREDIT) for node, period in windows.items()]
    opened = a_request(ledger, key, root_thread="t")
    await ledger.reserve(opened, Reservation(asked, [Candidate("m", "p", "standard", 1)], 60_000))
    await ledger.end(opened, good(cost_nano=4_100_000_000), key.budget_id, held=True)
    rows = {row.subject: row for row in await ledger.alerts(0, 10)}
    found = {
        node: (row.team, row.facts["owner"], row.facts["name"], row.facts["threshold"]) for node, row in rows.items()
    }
    assert found == {
        "team:core": ("core", None, "core", 80),
        "owner:ann": ("core", "ann", "ann", 50),
        "task:t": ("core", "ann", "t", 100),
    }
    week = window_start("weekly", START)
    assert rows["team:core"].id == budget_alert_id("team:core", "weekly", week, 5 * CREDIT, 80)
    assert rows["task:t"].id == budget_alert_id("task:t", "total", 0, 4 * CREDIT, 100)
    looked = [*thresholds(await ledger.budgets(START), {key.id: key}, lambda owner: "core" if owner else None)]
    for one in looked:
        if one.subject in rows:
            assert (one.id, one.facts, one.team) == (
                rows[one.subject].id,
                rows[one.subject].facts,
                rows[one.subject].team,
            )


async def test_a_raised_node_is_told_of_as_it_is(ledger: Ledger) -> None:
    key = await a_key(ledger)
    forever = START + 36_500 * DAY
    for node in ("org", "task:t"):
        await ledger.set_limits(clean(node, 80), {"total": 10 * CREDIT})
        await ledger.raise_limits(clean(node, 80), 10 * CREDIT, forever)
    asked = [Limit(node, "total", 100 * CREDIT) for node in ("org", "task:t")]
    for cost in (9.9, 0.2):
        opened = a_request(ledger, key, root_thread="t")
        await ledger.reserve(opened, Reservation(asked, [Candidate("m", "p", "standard", 1)], 60_000))
        await ledger.end(opened, good(cost_nano=int(cost * CREDIT)), key.budget_id, held=True)
        rows = await ledger.alerts(0, 10)
        told_of = sorted((row.subject, row.facts["threshold"], row.facts["limit"]) for row in rows)
        assert told_of == ([] if cost == 9.9 else [("org", 50, 20 * CREDIT), ("task:t", 50, 20 * CREDIT)])
