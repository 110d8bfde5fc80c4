"""From a refusal to its mend: which changes are offered, what they change, and nothing over somebody else's change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from joytui.client.console import record_of
from joytui.core.errors import RefusedError
from joytui.core.wire import BudgetView, KeyView, PolicyView
from joytui.tui.keys import changes
from joytui.tui.keys.mend import amount, difference, mends, suggested, wallet_of
from tests.tui import data

LIMIT = "daily limit of 40 credits exceeded: 7.63206 left (32.36794 spent, 0 held by running requests), this request may cost up to 10.53; resets 2026-11-30T00:00:00Z"
WALLET = "insufficient wallet balance: the premium wallet has 0 credits left (0 held by running requests), this request may cost up to 2"
ADDRESS = "IP 203.0.113.7 is not allowed by the key's policy (allowed: 10.0.0.0/8)"
TIER = "requested tier is not allowed: premium (this key may use economy, standard)"
MODEL = "model gpt-5.4 is not allowed: this key is fixed to auto-mini (use it, or auto)"


def refused(cause: str, message: str, **fields: Any) -> Any:
    return replace(record_of(data.requests(1)[0]), cause=cause, error_message=message, **fields)


def key(**policy: Any) -> KeyView:
    view = PolicyView(**policy)
    limits = {"daily": view.daily_limit, "weekly": view.weekly_limit, "total": view.total_limit}
    budgets = [
        BudgetView(period=period, limit=limit, spent="0", held="0", left=limit)
        for period, limit in limits.items()
        if limit
    ]
    return data.keys()[0].model_copy(update={"policy": view, "budgets": budgets})


def offered(record: Any, of: KeyView, by: int = 20 * 10**9) -> list[tuple[str, str]]:
    """Titles, and the lines that are added."""
    found = [(mend.title, difference(of.policy, mend.change(of.policy, by))) for mend in mends(record, of)]
    return [(title, " ".join(line for line in text.splitlines() if line.startswith("+"))) for title, text in found]


@pytest.mark.parametrize(
    ("record", "of", "wanted"),
    [
        (
            refused("insufficient-quota", LIMIT),
            key(weekly_limit="100", daily_limit="40"),
            [("Raise today's limit by", "+ daily_limit: 60"), ("Raise this week's limit by", "+ weekly_limit: 120")],
        ),
        (refused("insufficient-quota", WALLET), key(daily_limit="40"), []),
        (
            refused("policy-rejected", ADDRESS, ip="203.0.113.7", model="auto"),
            key(ip_allow=["10.0.0.0/8"]),
            [("Allow 203.0.113.7", "+ ip_allow: 10.0.0.0/8, 203.0.113.7")],
        ),
        (refused("policy-rejected", ADDRESS, ip="10.1.2.3", model="auto"), key(ip_allow=["10.0.0.0/8"]), []),
        (
            refused("policy-rejected", "IP 10.1.2.3 is blocked by the key's policy", ip="10.1.2.3", model="auto"),
            key(ip_block=["10.0.0.0/8", "192.0.2.1"]),
            [("Stop blocking 10.0.0.0/8", "+ ip_block: 192.0.2.1")],
        ),
        (
            refused("policy-rejected", TIER, model="auto"),
            key(tiers=["standard", "economy"]),
            [("Permit the tier premium", "+ tiers: economy, standard, premium")],
        ),
        (
            refused("policy-rejected", MODEL, model="gpt-5.4", ip=None),
            key(fixed_model="auto-mini"),
            [("Permit gpt-5.4 instead of auto-mini", "+ fixed_model: gpt-5.4"), ("Permit any model", "+ fixed_model: none")],
        ),
        (
            refused("policy-rejected", "model openai/GPT-x is blacklisted by the key's policy", model="openai/GPT-x", ip=None),
            key(model_blacklist=["gpt-x", "other"]),
            [("Permit the model openai/GPT-x", "+ model_blacklist: other")],
        ),
        (
            refused("policy-rejected", "this key is blocked by its policy: misuse", model="auto", ip=None),
            key(blocked=True, block_reason="misuse"),
            [("Remove the block", "+ blocked: false + block_reason: none")],
        ),
        (refused("key-rejected", "invalid api key"), key(daily_limit="1"), []),
        *((refused("insufficient-quota", f"{node}: {LIMIT}"), key(daily_limit="40"), []) for node in ("org", "team:core", "owner:ann", "task 01a2")),
    ],
)  # fmt: skip
def test_what_is_offered(record: Any, of: KeyView, wanted: list[tuple[str, str]]) -> None:
    assert offered(record, of) == wanted


def test_the_wallet_that_was_empty() -> None:
    assert wallet_of(refused("insufficient-quota", WALLET)) == "premium"
    assert wallet_of(refused("insufficient-quota", LIMIT)) is None


def test_amounts() -> None:
    assert amount(" 2,5 ") == 2_500_000_000
    assert [suggested(key(daily_limit=limit), "daily") for limit in ("40", "0.5", "7")] == ["20", "1", "3"]
    for wrong in ("", "0", "-1", "much"):
        with pytest.raises(ValueError, match="an amount of credits"):
            amount(wrong)


class Gateway:
    """One key; its policy is what was written last."""

    def __init__(self, of: KeyView) -> None:
        self.of = of

    async def key(self, key_id: str) -> KeyView:
        return self.of

    async def edit_key(self, key_id: str, edit: Any) -> KeyView:
        self.of = self.of.model_copy(update={"policy": edit.policy})
        return self.of


async def test_nothing_is_written_over_a_change_of_somebody_else() -> None:
    gateway: Any = Gateway(key(daily_limit="1"))
    change = changes.PolicyChange("k", "dev", PolicyView(daily_limit="1"), PolicyView(daily_limit="2"))
    assert (await changes.make(gateway, change)).policy.daily_limit == "2"
    assert (await changes.undo(gateway, change)).policy.daily_limit == "1"
    with pytest.raises(RefusedError, match="changed in the meantime"):
        await changes.undo(gateway, change)
    assert gateway.of.policy.daily_limit == "1"
