"""From a refusal to its mend: which changes are offered, what they change, and nothing over somebody else's change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from joytui.client.console import record_of
from joytui.core.errors import RefusedError
from joytui.core.money import format_credits, parse_credits
from joytui.core.wire import BudgetView, KeyView, NodeBudget, NodeLimit, PolicyView
from joytui.tui.budgets.changes import NodeRaise, raises_of
from joytui.tui.keys import changes
from joytui.tui.keys.mend import amount, difference, mends, node_of, suggested, wallet_of
from tests.support.clock import NOW
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
    asked = refused("insufficient-quota", "daily limit of 40 credits exceeded")
    assert [suggested(asked, key(daily_limit=limit), "daily") for limit in ("40", "0.5", "7")] == ["20", "1", "3"]
    assert suggested(refused("insufficient-quota", LIMIT), key(daily_limit="4"), "daily") == "7", "it needs 10.53"
    for wrong in ("", "0", "-1", "much"):
        with pytest.raises(ValueError, match="an amount of credits"):
            amount(wrong)


TASK = "task:01a2-b3"


@pytest.mark.parametrize(
    ("said", "node"),
    [
        ("org", ("org", "daily")),
        ("insufficient_quota: team:core, south", ("team:core, south", "daily")),
        ("owner:ann: b", ("owner:ann: b", "daily")),
        ("unexpected status 402 Payment Required: task 01a2-b3", (TASK, "daily")),
    ],
)
def test_the_node_that_refused(said: str, node: tuple[str, str]) -> None:
    assert node_of(refused("insufficient-quota", f"{said}: {LIMIT}")) == node


def test_a_key_or_a_wallet_is_no_node() -> None:
    assert [node_of(refused("insufficient-quota", text)) for text in (LIMIT, WALLET)] == [None, None]


def a_node(name: str, limit: str = "40", raised: str = "0", until: str | None = None) -> NodeBudget:
    kind, _, rest = name.partition(":")
    period, resets = ("total", None) if kind == "task" else ("daily", "2026-11-24T00:00:00Z")
    most = format_credits(parse_credits(limit) + parse_credits(raised))
    one = NodeLimit.model_validate(
        {"period": period, "limit_credits": most, "base_limit_credits": limit, "raised_until": until,
         "spent_credits": "1", "held_credits": "0", "left_credits": "1", "resets_at": resets}
    )  # fmt: skip
    return NodeBudget.model_validate({"node": name, "kind": kind, "name": rest or kind, "limits": [one]})


def test_how_a_node_may_be_raised() -> None:
    week = "2026-11-30T14:05:30.000Z"
    assert raises_of(a_node("team:core"), "daily", NOW) == [
        ("Raise team core until its daily limit resets by", "2026-11-24T00:00:00Z"),
        ("Raise team core for 7 days by", week),
    ]
    longer = raises_of(a_node("team:core", raised="5", until="2026-12-24T00:00:00Z"), "daily", NOW)
    assert [until for _, until in longer] == ["2026-12-24T00:00:00Z"] * 2, "what raises it already is not cut short"
    assert raises_of(a_node(TASK), "total", NOW)[0] == ("Raise task 01a2-b3 for good by", None)
    assert raises_of(a_node("org"), "weekly", NOW) == []


def test_a_raise_as_a_diff() -> None:
    change = NodeRaise(a_node("org", raised="2", until="2026-11-24T00:00:00Z"), 3 * 10**9, "2026-11-24T00:00:00Z")
    assert change.difference(NOW, UTC) == (
        "- daily: 42.00 Cr until Tue 24 Nov 00:00\n+ daily: 45.00 Cr until Tue 24 Nov 00:00"
    )
    assert NodeRaise(a_node(TASK), 10**9, None).difference(NOW, UTC) == "- total: 40.00 Cr\n+ total: 41.00 Cr"


class Tree:
    """One node, as the gateway changes it."""

    def __init__(self, node: NodeBudget) -> None:
        self.node = node

    async def budgets(self) -> list[NodeBudget]:
        return [self.node]

    async def raise_budget(self, node: str, amount: str, until: str | None = None) -> None:
        [limit] = self.node.limits
        if until is None and parse_credits(amount):
            total = format_credits(parse_credits(limit.base_limit_credits) + parse_credits(amount))
            self.node = a_node(node, total)
        else:
            self.node = a_node(node, limit.base_limit_credits, amount, until)

    async def set_budget(self, node: str, limits: dict[str, str]) -> None:
        self.node = a_node(node, limits["total_limit"])


@pytest.mark.parametrize(
    ("before", "until"),
    [
        (a_node("team:core"), "2026-11-24T00:00:00Z"),
        (a_node("team:core", raised="5", until="2026-12-24T00:00:00Z"), "2026-12-24T00:00:00Z"),
        (a_node(TASK), None),
    ],
)
async def test_a_node_is_raised_and_that_is_undone(before: NodeBudget, until: str | None) -> None:
    tree: Any = Tree(before)
    change = NodeRaise(before, 3 * 10**9, until)
    await change.make(tree)
    [limit], [was] = tree.node.limits, before.limits
    assert parse_credits(limit.limit_credits) == parse_credits(was.limit_credits) + 3 * 10**9
    with pytest.raises(RefusedError, match="changed in the meantime"):
        await change.make(tree)
    await change.undo(tree)
    assert tree.node == before
    with pytest.raises(RefusedError, match="changed in the meantime"):
        await change.undo(tree)


class Gateway:
    """One key; its policy is what was written last."""

    def __init__(self, of: KeyView) -> None:
        self.of = of

    async def key(self, key_id: str) -> KeyView:
        return self.of

    async def edit_key(self, key_id: str, edit: Any) -> KeyView:
        changes = edit.policy_changes.model_dump(exclude_unset=True)
        self.of = self.of.model_copy(update={"policy": self.of.policy.model_copy(update=changes)})
        return self.of


async def test_nothing_is_written_over_a_change_of_somebody_else() -> None:
    gateway: Any = Gateway(key(daily_limit="1"))
    change = changes.PolicyChange("k", "dev", PolicyView(daily_limit="1"), PolicyView(daily_limit="2"))
    await change.make(gateway)
    assert gateway.of.policy.daily_limit == "2"
    await change.undo(gateway)
    assert gateway.of.policy.daily_limit == "1"
    with pytest.raises(RefusedError, match="changed in the meantime"):
        await change.undo(gateway)
    assert gateway.of.policy.daily_limit == "1"
