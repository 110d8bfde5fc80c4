"""The tree of budgets on the screen: what is left, whether it lasts, its burn-down on Usage, limits set and raised by who may."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from joytui.core.errors import RefusedError
from joytui.core.periods import hour_of
from joytui.tui.budgets.form import limits_wanted, node_wanted, raise_wanted
from joytui.tui.budgets.reading import OLDER, BudgetsSnapshot, chosen_limit, read_budgets
from joytui.tui.budgets.table import _stems, limit_text, outcome
from joytui.tui.screens.budgets import STALE_TICKS, BudgetsDialog
from joytui.tui.screens.node_forms import LimitsForm, RaiseForm
from joytui.tui.screens.tasks import TasksDialog
from joytui.tui.screens.usage import UsageScreen
from joytui.tui.settings import ConsoleSettings
from joytui.tui.usage.reading import Sources, stands_out
from tests.support.clock import NOW
from tests.tui import data
from tests.tui.opening import LIVE, console, fill, settle, text_of

CR = 10**9


class Gateway:
    """The console API's side: the tree, what was spent by model, and what was asked to be changed."""

    url = "http://gateway"
    local = None

    def __init__(self, nodes: Any = None, refuses: RefusedError | None = None) -> None:
        self.nodes = data.budgets().nodes if nodes is None else nodes
        self.refuses = refuses
        self.asked: list[Any] = []

    async def budgets(self) -> Any:
        if self.refuses is not None:
            raise self.refuses
        return list(self.nodes)

    async def usage(self, by: Any = (), **words: Any) -> Any:
        from joytui.core.wire import UsageView

        rows = data.usage_rows("day", "model", 7) if "model" in by else []
        return UsageView.model_validate({"rows": rows, "totals": data.usage_totals(rows).numbers()})

    async def keys(self) -> Any:
        return list(data.keys())

    async def teams(self) -> Any:
        return []

    async def set_budget(self, node: str, limits: Any) -> Any:
        self._change("set", node, limits)

    async def raise_budget(self, node: str, amount: str, until: str | None = None) -> Any:
        self._change("raise", node, amount, until)

    def _change(self, *asked: Any) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.asked.append(asked)


class Over:
    """A link to it."""

    def __init__(self, client: Gateway) -> None:
        self.client = client

    def wanted(self) -> bool:
        return False

    async def leave(self) -> None:
        return None


def over(gateway: Gateway, screen: str = "usage", **wishes: Any) -> Any:
    return console(screen, link=lambda changed: Over(gateway), **wishes)


# What is told of a limit


def test_a_limit_lasts_or_it_is_gone() -> None:
    said = {one.id: outcome(one, NOW, NOW.tzinfo)[0] for one in data.budgets().limits(NOW)}
    assert said["org weekly"] == "▲ gone on Fri 27 Nov"
    assert said["team:core daily"] == "✓ lasts until its reset"
    assert said["owner:Ben daily"] == "✗ used up"
    assert said["key:key_1 total"] == "✓ lasts until Fri 18 Jun 2027"
    assert said["team:web weekly"] == "✓ nothing is being spent"
    by_id = {one.id: one for one in data.budgets().limits(NOW)}
    assert by_id["owner:Anna daily"].raised == 20 * CR
    core = by_id["team:core weekly"]
    assert (core.burn.spent, core.burn.left, core.held) == (882_500_000_000, 317_500_000_000, 2_500_000_000)
    assert core.burn.points[-1][1] == core.burn.left, "the burn-down ends at what is left"


def test_a_limit_without_a_day_of_history_is_not_forecast() -> None:
    snapshot = data.budgets()
    young = replace(snapshot, hours={"org": {hour_of(NOW): 300 * CR}})
    org = young.limits(NOW)[0]
    assert outcome(org, NOW, NOW.tzinfo) == ("? too early to tell", "quiet")
    assert "too early to tell  (a forecast needs a day of history)" in limit_text(org, NOW, NOW.tzinfo, 76).plain


def test_the_tree_is_drawn_as_a_tree() -> None:
    stems = dict(_stems(data.budgets().nodes))
    assert stems["org"] == ""
    assert stems["team:core"] == "├─ "
    assert stems["team:web"] == "└─ "
    assert stems["key:key_1"] == "│  │  └─ "
    assert dict(_stems(data.budgets().nodes[3:4])) == {"key:key_1": ""}, "whose parent the token does not see"


async def test_usage_shows_the_topmost_node_or_the_one_that_was_chosen() -> None:
    client: Any = Gateway()
    first = await chosen_limit(client, None, NOW)
    assert first is not None
    assert first.id == "org weekly"
    chosen = await chosen_limit(client, ("team:core", "daily"), NOW)
    assert chosen is not None
    assert chosen.id == "team:core daily"
    gone = await chosen_limit(client, ("team:gone", "daily"), NOW)
    assert gone is not None
    assert gone.id == "org weekly"
    fullest = await chosen_limit(client, ("team:core", "total"), NOW)
    assert fullest is not None
    assert fullest.id == "team:core weekly"


async def test_a_task_is_not_shown_before_what_stands_above_tasks() -> None:
    """Without a limited node above it, it comes first in the tree."""
    nodes = {one.kind: one.model_copy(update={"parent": None}) for one in data.budgets().nodes}
    client: Any = Gateway((nodes["task"], nodes["key"]))
    shown = await chosen_limit(client, None, NOW)
    assert shown is not None
    assert shown.node.kind == "key"


@pytest.mark.parametrize(
    ("gateway", "name", "period"),
    [
        (Gateway(), "organisation, weekly", "week"),
        (Gateway(()), "", "day"),
        (Gateway(refuses=RefusedError("no such path", status=404, kind="not_found")), "", "day"),
    ],
)
async def test_the_settings_budget_is_shown_until_a_node_has_a_limit(gateway: Any, name: str, period: str) -> None:
    settings = ConsoleSettings(budget="180", budget_period="day")
    found = await stands_out(Sources(gateway, None, None), "gateway", NOW, settings)  # type: ignore[arg-type]
    assert found is not None
    assert found.burn is not None
    assert (found.budget, found.period) == (name, period)
    assert found.burn.limit == (2500 if name else 180) * CR


async def test_a_gateway_without_the_tree_is_named() -> None:
    old: Any = Gateway(refuses=RefusedError("no such path", status=404, kind="not_found"))
    with pytest.raises(RefusedError, match=OLDER):
        await read_budgets(old, NOW)


# The forms' rules


def test_limits_as_they_are_typed() -> None:
    before = {"daily_limit": "5", "weekly_limit": "20"}
    typed = {"daily_limit": "7,5", "weekly_limit": "", "total_limit": ""}
    assert limits_wanted(typed, before) == ({"daily_limit": "7.5", "weekly_limit": None}, {})
    assert limits_wanted(before, before)[1] == {"daily_limit": "nothing has changed"}
    assert list(limits_wanted({**typed, "total_limit": "much"}, before)[1]) == ["total_limit"]
    assert list(limits_wanted({**typed, "total_limit": "0"}, before)[1]) == ["total_limit"]
    assert node_wanted("key:codex", {"key:codex": "key:key_1"}) == "key:key_1"
    for wrong in ("key:other", "cores", "team:", ""):
        with pytest.raises(ValueError, match=r"no active key|not a node"):
            node_wanted(wrong, {"key:codex": "key:key_1"})


def test_a_raise_as_it_is_typed() -> None:
    assert raise_wanted({"amount": "5", "until": "24h"}, "team", NOW) == (("5", "2026-11-24T14:05:30.000Z"), {})
    assert raise_wanted({"amount": "0", "until": ""}, "team", NOW) == (("0", None), {}), "0 ends one"
    assert raise_wanted({"amount": "5", "until": ""}, "task", NOW) == (("5", None), {})
    assert list(raise_wanted({"amount": "5", "until": ""}, "team", NOW)[1]) == ["until"]
    assert list(raise_wanted({"amount": "-5", "until": "soon"}, "team", NOW)[1]) == ["amount", "until"]
    assert raise_wanted({"amount": "5", "until": "2020-01-01"}, "org", NOW)[1] == {"until": "that is in the past"}


# On the screen


async def test_from_the_tree_to_a_burn_down_on_usage() -> None:
    app = over(Gateway())
    async with app.run_test(size=(140, 40)) as pilot:
        await fill(app, pilot)
        await pilot.press("B")
        await settle(app, pilot)
        assert "8 limits" in text_of(app)
        await pilot.press("down", "down", "enter")
        await settle(app, pilot)
        assert isinstance(app.screen, UsageScreen)
        shown = text_of(app)
        assert "remaining credits of team core, weekly" in shown
        assert "74% of 1,200.00 Cr  " in shown
        await pilot.press("escape")
        await settle(app, pilot)
        assert "remaining credits of" not in text_of(app)


async def test_a_limit_is_set_after_a_second_enter() -> None:
    gateway = Gateway()
    app = over(gateway)
    async with app.run_test(size=(140, 40)) as pilot:
        await fill(app, pilot)
        await pilot.press("B")
        await settle(app, pilot)
        await pilot.press("down", "e", "ctrl+u", *"350", "enter")
        await settle(app, pilot)
        assert isinstance(app.screen, LimitsForm)
        assert "team core: each day 300.00 → 350.00 Cr" in text_of(app)
        assert gateway.asked == []
        await pilot.press("enter")
        await settle(app, pilot)
        assert gateway.asked == [("set", "team:core", {"daily_limit": "350"})]
        assert isinstance(app.screen, BudgetsDialog)
        assert "✓ team core: each day 300.00 → 350.00 Cr" in text_of(app)


async def test_another_node_gets_its_first_limit() -> None:
    gateway = Gateway()
    app = over(gateway)
    async with app.run_test(size=(140, 40)) as pilot:
        await fill(app, pilot)
        await pilot.press("B")
        await settle(app, pilot)
        await pilot.press("n", *"key:codex-ben", "down", *"4", "enter")
        await settle(app, pilot)
        assert "key:codex-ben: each day no limit → 4.00 Cr" in text_of(app)
        await pilot.press("enter")
        await settle(app, pilot)
        [ben] = [key.id for key in (*data.keys(),) if (key.name, key.state) == ("codex-ben", "active")]
        assert gateway.asked == [("set", f"key:{ben}", {"daily_limit": "4"})]


async def test_a_raise_that_is_refused_says_why_and_what_is_changed_is_asked_again() -> None:
    gateway = Gateway(refuses=RefusedError("this token raises nodes of its teams alone", status=403))
    app = over(gateway)
    async with app.run_test(size=(120, 40)) as pilot:
        await fill(app, pilot)
        await app.push_screen(RaiseForm("owner:Anna", "owner Anna", data.budgets().nodes[2].limits))
        await settle(app, pilot)
        await pilot.press(*"5", "enter")
        await settle(app, pilot)
        assert "daily 70.00 → 55.00 Cr until Tue 24 Nov 14:05" in text_of(app)
        await pilot.press(*"0", "enter")
        await settle(app, pilot)
        assert "daily 70.00 → 100.00 Cr" in text_of(app), "another amount needs another yes"
        await pilot.press("enter")
        await settle(app, pilot)
        assert "✗ this token raises nodes of its teams alone" in text_of(app)
        gateway.refuses = None
        await pilot.press("enter", "enter")
        await settle(app, pilot)
        assert gateway.asked == [("raise", "owner:Anna", "50", "2026-11-24T14:05:30.000Z")]


async def test_from_a_task_to_its_limit() -> None:
    gateway = Gateway()
    app = over(gateway)
    async with app.run_test(size=(120, 40)) as pilot:
        await fill(app, pilot)
        screen = TasksDialog()
        await app.push_screen(screen)
        screen.show(data.tasks())
        await settle(app, pilot)
        await pilot.press("down", "b")
        await settle(app, pilot)
        await pilot.press(*"2", "down", "ctrl+u", "enter")
        await settle(app, pilot)
        assert "total: 2.438 of 5.00 Cr spent, 0.10 held" in text_of(app), "what it may cost, and has cost"
        assert "task …00000003: total 5.00 → 7.00 Cr for good" in text_of(app)
        await pilot.press("enter")
        await settle(app, pilot)
        assert gateway.asked == [("raise", f"task:{data.tasks()[0].id}", "2", None)]


async def test_the_tree_is_read_again_by_itself_and_says_how_old_it_is() -> None:
    gateway = Gateway()
    app = over(gateway)
    async with app.run_test(size=(140, 40)) as pilot:
        await fill(app, pilot)
        await pilot.press("B")
        await settle(app, pilot)
        await pilot.press("down", "down")
        here = app.screen._chosen().id
        team, *rest = gateway.nodes[1:]
        gateway.nodes = [team, *rest]
        app.screen._seen = -1  # as after a request
        app.screen._tick()
        await settle(app, pilot)
        assert "7 limits" in text_of(app)
        assert app.screen._chosen().id == here
        gateway.refuses = RefusedError("the gateway does not answer")
        for _ in range(STALE_TICKS):
            app.screen._tick()
        await settle(app, pilot)
        assert "✗ the gateway does not answer  ·  as of " in text_of(app)
        assert app.screen._chosen().id == here, "what was read stays"


@pytest.mark.parametrize(("role", "read_only"), [("viewer", False), (None, True), ("lead", True)])
async def test_who_only_reads_sees_the_tree_and_changes_nothing(role: str | None, read_only: bool) -> None:
    gateway = Gateway()
    app = over(gateway, read_only=read_only)
    async with app.run_test(size=(120, 40)) as pilot:
        await fill(app, pilot)
        app.link_state = replace(LIVE, role=role)
        await pilot.press("B")
        await settle(app, pilot)
        assert "8 limits" in text_of(app)
        assert "raises" not in text_of(app)
        await pilot.press("e", "plus", "n")
        await settle(app, pilot)
        assert isinstance(app.screen, BudgetsDialog)
        screen = LimitsForm(data.budgets().nodes[1], "team core")
        await app.push_screen(screen)
        await settle(app, pilot)
        await pilot.press("ctrl+u", *"9", "enter", "enter")
        await settle(app, pilot)
        assert gateway.asked == []


async def test_without_a_limit_it_says_what_comes_here_and_what_the_settings_have() -> None:
    app = console("usage", settings=ConsoleSettings(budget="180"))
    async with app.run_test(size=(120, 40)) as pilot:
        await fill(app, pilot)
        screen = BudgetsDialog()
        await app.push_screen(screen)
        await settle(app, pilot)
        screen.show(BudgetsSnapshot(()))
        await settle(app, pilot)
        shown = text_of(app)
        assert "No limits yet, or none that this token may see.  n sets the first one." in shown
        assert "have a budget of 180.00 Cr a month" in shown
        assert "until a node has a limit" in " ".join(shown.replace("│", " ").split())
