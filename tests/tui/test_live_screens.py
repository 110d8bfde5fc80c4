"""Keys, Usage and search over a real gateway in its own process, by the console's own link: every action of theirs."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, timedelta
from typing import Any

import pytest
from textual.css.query import NoMatches
from textual.widgets import DataTable, Input

from joytui.tui.app import ConsoleApp
from joytui.tui.link import Link
from joytui.tui.options import Options
from joytui.tui.screens.key_check import CheckDialog
from joytui.tui.screens.key_shown import KeyShown
from joytui.tui.screens.mend import MendDialog
from joytui.tui.screens.outliers import OutliersDialog
from joytui.tui.screens.owner import OwnerDialog
from joytui.tui.screens.reconcile import ReconcileDialog
from joytui.tui.screens.wallets import WalletsDialog
from joytui.tui.settings import ConsoleSettings
from joytui.tui.widgets.form import Several
from tests.support.hang import HANG_S
from tests.tui.opening import text_of
from tests.tui.staging import Stage, now

pytestmark = pytest.mark.usefixtures("machine_clock")
SIZE = (150, 44)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("team"))
    stage.fill(now(), days=10)
    stage.sessions(now())
    stage.start()
    stage.ask("codex-anna")
    stage.ask("docs-bot", "joytui-offline-max")
    yield stage
    stage.close()


@asynccontextmanager
async def opened(stage: Stage, screen: str, **wishes: Any) -> AsyncIterator[tuple[ConsoleApp, Any]]:
    def link(changed: Any) -> Link:
        return Link(stage.where, changed)

    # In UTC, in which the gateway counts its days: else the first hours of a local day are in the bar of the day before.
    given = {
        "theme": "dark",
        "zone": UTC,
        "link": link,
        "start_gateway": False,
        "codex_home": stage.setup.codex_home,
        **wishes,
    }
    app = ConsoleApp(Options(places=stage.where, screen=screen, **given))
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: app.link_state.connected)
        yield app, pilot


@asynccontextmanager
async def no_limits(stage: Stage) -> AsyncIterator[None]:
    """No node of the gateway has a limit for the time of the block."""
    async with opened(stage, "keys") as (app, _):
        nodes = await app.client.budgets()
        for one in nodes:
            await app.client.set_budget(one.node, {f"{limit.period}_limit": None for limit in one.limits})
        try:
            yield
        finally:
            for one in nodes:
                had = {f"{limit.period}_limit": limit.base_limit_credits for limit in one.limits}
                await app.client.set_budget(one.node, had)


async def until(pilot: Any, holds: Callable[[], bool]) -> None:
    """Waits for it. A screen that is not composed yet has not got there."""

    def arrived() -> bool:
        try:
            return holds()
        except NoMatches:
            return False

    async with asyncio.timeout(HANG_S):
        while not arrived():
            await pilot.pause(0.02)
    await pilot.pause()


def key_named(app: Any, name: str) -> Any:
    return next((key for key in app.screen.snapshot.keys if key.name == name), None)


@pytest.mark.slow
async def test_a_key_is_edited_tried_disabled_enabled_and_rotated(stage):
    async with opened(stage, "keys") as (app, pilot):
        await until(pilot, lambda: len(app.screen.snapshot.keys) == 4)
        app.show_key(key_named(app, "docs-bot").id)
        await until(pilot, lambda: app.screen.selected().name == "docs-bot")

        await pilot.press("e")
        await until(pilot, lambda: bool(app.screen.query("#ip_allow")))
        assert app.screen.query_one("#tiers", Several).value == "economy"
        app.screen.query_one("#ip_allow", Input).value = "10.0.0.0/99"
        await pilot.press("enter")
        assert "is not an address or range" in text_of(app)
        app.screen.query_one("#ip_allow", Input).value = ""
        app.screen.query_one("#owner", Input).value = "Dora"
        app.screen.query_one("#daily_limit", Input).value = "50,5"
        await pilot.press("enter")
        await until(pilot, lambda: app.current_mode == "keys" and hasattr(app.screen, "snapshot"))
        await until(pilot, lambda: key_named(app, "docs-bot").owner == "Dora")
        changed = key_named(app, "docs-bot").policy
        assert (changed.daily_limit, changed.tiers) == ("50.5", ["economy"])

        await pilot.press("k")
        await until(pilot, lambda: isinstance(app.screen, CheckDialog) and "✓ Yes" in text_of(app))
        app.screen.query_one("#model", Input).value = "joytui-offline-max"
        await pilot.press("enter")
        await until(pilot, lambda: "✗ No: 403" in text_of(app))
        await pilot.press("escape")

        await pilot.press("d")
        await until(pilot, lambda: key_named(app, "docs-bot").state == "disabled")
        assert stage.ask("docs-bot") in (401, 403)
        await pilot.press("d")
        await until(pilot, lambda: key_named(app, "docs-bot").state == "active")

        await pilot.press("r")
        await until(pilot, lambda: bool(app.screen.query("#line")))
        await pilot.press("enter")  # 24h
        await until(pilot, lambda: isinstance(app.screen, KeyShown))
        await pilot.press("y")
        fresh = app.clipboard
        assert fresh.startswith("jt_local_")
        await pilot.press("escape")
        assert stage.ask(fresh) == 200
        assert stage.ask("docs-bot") == 200  # the old one, for a day


@pytest.mark.slow
async def test_usage_of_the_gateway_leads_to_its_requests(stage):
    async with opened(stage, "usage") as (app, pilot):
        await until(pilot, lambda: app.screen.snapshot.source == "gateway" and not app.screen.snapshot.empty)
        await until(pilot, lambda: app.screen.snapshot.insight is not None)
        assert "NOW" in text_of(app)
        await until(pilot, lambda: "BUDGET key " in text_of(app))
        await pilot.press("g")
        await until(pilot, lambda: app.screen.snapshot.asked.group == "key" and not app.screen.snapshot.loading)
        await pilot.press("left", "down", "i")
        await until(pilot, lambda: app.current_mode == "logs")
        await until(pilot, lambda: app.screen.filter_text != "")
        assert app.screen.filter_text.startswith("key:")
        assert "since:" in app.screen.filter_text


async def test_who_was_away_is_told_what_was_out_of_the_ordinary(stage):
    """The hours in which the most was spent, before this one."""
    async with opened(stage, "keys", last_visit=now() - timedelta(days=2)) as (app, pilot):
        await until(pilot, lambda: "while you were away" in text_of(app))
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, OutliersDialog) and "● new" in text_of(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.current_mode == "logs" and " until:" in app.screen.filter_text)
        await until(pilot, lambda: len(app.screen.view.shown) > 0)


@pytest.mark.slow
async def test_a_person_has_a_card_from_wherever_one_is_chosen(stage):
    async with opened(stage, "keys") as (app, pilot):
        await until(pilot, lambda: len(app.screen.snapshot.keys) >= 4)
        app.show_key(key_named(app, "codex-ben").id)
        await until(pilot, lambda: app.screen.selected().name == "codex-ben")
        await pilot.press("P")
        await until(pilot, lambda: isinstance(app.screen, OwnerDialog) and "LAST TURN" in text_of(app))
        card = app.screen._card
        assert card.owner == "Ben"
        assert [one.key.name for one in card.keys] == ["codex-ben"]
        assert 0 < card.week <= sum(card.days)
        assert card.last is not None
        assert card.last.key == "codex-ben"
        await pilot.press("enter")
        await until(pilot, lambda: app.current_mode == "logs" and app.screen.filter_text == "owner:Ben")
        await until(pilot, lambda: len(app.screen.view.shown) > 0)
        await pilot.press("up", "P")
        await until(pilot, lambda: isinstance(app.screen, OwnerDialog) and "LAST TURN" in text_of(app))
        assert app.screen._card.owner == "Ben"


async def test_a_refusal_is_mended_and_the_mend_undone(stage):
    """A key whose limit is too small: the limit is raised from the refusal, the same request goes through, and u takes it back."""
    from joytui.core.wire import KeyCreate, PolicyView

    async with opened(stage, "logs") as (app, pilot):
        made = await app.client.create_key(KeyCreate(name="short", policy=PolicyView(daily_limit="0.01")))
        stage.plain["short"] = made.key
        assert stage.ask("short") == 402
        await until(pilot, lambda: "short" in app.store.text["key"].values)
        app.screen.set_filter("key:short")
        await until(pilot, lambda: app.screen.selected() is not None and app.screen.selected().status == 402)
        await pilot.press("m")
        await until(pilot, lambda: isinstance(app.screen, MendDialog) and "+ daily_limit: 1.01" in text_of(app))
        assert "- daily_limit: 0.01" in text_of(app)
        assert (await app.client.key(made.id)).policy.daily_limit == "0.01"
        await pilot.press("enter")
        await until(pilot, lambda: bool(app.changes))
        assert stage.ask("short") == 200
        await pilot.press("u")
        await until(pilot, lambda: not app.changes)
        assert (await app.client.key(made.id)).policy.daily_limit == "0.01"


@pytest.mark.slow
async def test_a_wallet_is_shown_and_credited(stage):
    async with opened(stage, "keys") as (app, pilot):
        await until(pilot, lambda: len(app.screen.snapshot.keys) >= 4)
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, WalletsDialog) and "Wallets limit nothing" in text_of(app))
        for tier in ("economy", "standard", "premium"):
            await app.client.set_wallet(tier, "5")
        await pilot.press("escape", "w")
        await until(pilot, lambda: isinstance(app.screen, WalletsDialog) and "of 5" in text_of(app))
        await pilot.press("enter")
        await until(pilot, lambda: bool(app.screen.query("#line")))
        await pilot.press(*"2.5", "enter")
        await until(
            pilot, lambda: isinstance(app.screen, WalletsDialog) and "2.5 Cr for the economy wallet" in text_of(app)
        )
        assert [wallet.balance for wallet in await app.client.wallet()] == ["7.5", "5", "5"]
        for tier in ("economy", "standard", "premium"):
            await app.client.set_wallet(tier, None)


@pytest.mark.slow
async def test_usage_goes_back_and_opens_a_day_and_an_hour(stage):
    async with opened(stage, "usage") as (app, pilot):
        screen = app.screen
        await until(pilot, lambda: screen.snapshot.before is not None)
        week = screen.snapshot
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: screen.snapshot.asked.back == 1 and not screen.snapshot.loading)
        assert screen.snapshot.totals == week.before or screen.snapshot.totals.requests >= week.before.requests
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: screen.snapshot.asked.back == 0 and not screen.snapshot.loading)
        days = screen.query_one("ChartPane").drawn
        place = max(range(7), key=days.sums.__getitem__)
        await pilot.press(*["right"] * (place + 1), "enter")
        await until(pilot, lambda: screen.snapshot.asked.range == "calendar day" and not screen.snapshot.loading)
        hours = screen.query_one("ChartPane").drawn
        assert len(hours.steps) == 24
        assert abs(sum(hours.sums) - days.sums[place]) < 1e-6
        assert "last 7 days › " in text_of(app)
        busy = next(at for at, amount in enumerate(hours.sums) if amount)
        await pilot.press(*["right"] * (busy + 1), "enter")
        await until(pilot, lambda: app.current_mode == "logs")
        assert app.screen.filter_text.startswith(f"since:{hours.steps[busy]}:00Z")
        await pilot.press("3", "escape", "escape")
        await until(pilot, lambda: screen.snapshot.asked.range == "week" and not screen.snapshot.loading)


@pytest.mark.slow
async def test_latency_and_a_thread_are_told_by_the_gateway(stage):
    async with opened(stage, "logs") as (app, pilot):
        await until(pilot, lambda: len(app.screen.view.shown) > 100)
        await pilot.press("l")
        await until(pilot, lambda: "p95" in text_of(app) and "requests" in text_of(app))
        await pilot.press("left_square_bracket", "left")
        await until(pilot, lambda: "p50" in text_of(app))
        await pilot.press("escape")
        app.screen.view.go(50)
        thread = app.screen.selected().thread_id
        await pilot.press("v")
        await until(pilot, lambda: "asking the gateway" not in text_of(app) and "turns, " in text_of(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.screen.filter_text.startswith("id:"))
        assert app.screen.selected().thread_id == thread


@pytest.mark.slow
async def test_tasks_are_read_again_as_requests_come_and_lead_to_theirs(stage):
    child = {
        "session-id": "root",
        "thread-id": "child",
        "x-codex-parent-thread-id": "root",
        "x-openai-subagent": "review",
    }
    async with opened(stage, "logs") as (app, pilot):
        await until(pilot, lambda: len(app.screen.view.shown) > 100)
        await pilot.press("A")
        await until(pilot, lambda: "of the last 24 hours" in text_of(app))
        await asyncio.to_thread(stage.ask, "codex-anna", **{"session-id": "root", "thread-id": "root"})
        await asyncio.to_thread(stage.ask, "codex-anna", **child)
        await until(pilot, lambda: "└─ child review" in text_of(app))
        await pilot.press("X")
        await until(pilot, lambda: "Stop this task?" in text_of(app))
        await pilot.press("y")
        await until(pilot, lambda: "■ stopped" in text_of(app) and "✓ the task is stopped" in text_of(app))
        await pilot.press("u")
        await until(pilot, lambda: "■ stopped" not in text_of(app))
        app.screen.query_one(DataTable).move_cursor(row=1)
        await pilot.press("enter")
        await until(pilot, lambda: app.screen.filter_text == 'thread:"child"' and len(app.screen.view.shown) == 1)
        assert app.screen.selected().root_thread == "root"


async def test_codex_files_are_shown_without_a_word_of_the_gateway(stage):
    options = Options(places=stage.where, screen="usage", theme="dark", codex_home=stage.setup.codex_home)
    app = ConsoleApp(options)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: app.screen.snapshot.source == "codex" and not app.screen.snapshot.empty)
        await until(pilot, lambda: app.screen.snapshot.insight is not None)
        assert "from Codex's files here" in text_of(app)
        assert app.screen.snapshot.metric == "tokens"
        await pilot.press("g", "g")
        await until(pilot, lambda: app.screen.snapshot.asked.group == "project" and not app.screen.snapshot.loading)
        assert "/home/anna/shop" in text_of(app)
        await pilot.press("enter")
        await until(pilot, lambda: "R compares both" in text_of(app))


@pytest.mark.slow
async def test_source_key_goes_round(stage):
    async with opened(stage, "usage") as (app, pilot):
        await until(pilot, lambda: not app.screen.snapshot.empty)
        await pilot.press("s")
        await until(pilot, lambda: app.screen.snapshot.source == "codex" and not app.screen.snapshot.loading)
        await pilot.press("s")
        await until(pilot, lambda: app.screen.snapshot.source == "both" and not app.screen.snapshot.loading)
        assert "(codex)" in text_of(app)
        assert "(gateway)" in text_of(app)
        await pilot.press("s")
        await until(pilot, lambda: app.screen.snapshot.source == "gateway" and not app.screen.snapshot.loading)


@pytest.mark.slow
async def test_both_sides_are_reconciled(stage):
    async with opened(stage, "usage") as (app, pilot):
        await until(pilot, lambda: not app.screen.snapshot.empty)
        await pilot.press("d", "R")
        await until(pilot, lambda: isinstance(app.screen, ReconcileDialog))
        await until(pilot, lambda: app.screen.query_one(DataTable).row_count > 0)
        assert "differences" in text_of(app)
        assert "not in Codex" in text_of(app)
        await pilot.press("enter")
        await until(pilot, lambda: app.current_mode == "logs")
        assert app.screen.filter_text.startswith("id:")


@pytest.mark.slow
async def test_a_budget_of_a_node_burns_down(stage):
    async with opened(stage, "usage") as (app, pilot):
        await until(pilot, lambda: "BUDGET key " in text_of(app))
        await pilot.press("b")
        await until(pilot, lambda: "left at the end" in text_of(app))
        await pilot.press("escape")
        await until(pilot, lambda: "left at the end" not in text_of(app))


@pytest.mark.slow
async def test_a_budget_burns_down(stage):
    """That of the settings, while no node has a limit."""
    settings = ConsoleSettings(budget="100", budget_period="month")
    async with no_limits(stage), opened(stage, "usage", settings=settings) as (app, pilot):
        await until(pilot, lambda: "of 100.00 Cr this month" in text_of(app))
        await pilot.press("b")
        await until(pilot, lambda: "left at the end" in text_of(app))
        await pilot.press("escape")
        await until(pilot, lambda: "left at the end" not in text_of(app))


@pytest.mark.slow
async def test_a_budget_is_set_in_the_settings_file(stage):
    path = stage.where.config_file
    path.write_text("# mine\n[gateway]\nport = 0   # any\n", encoding="utf-8")
    async with no_limits(stage), opened(stage, "usage") as (app, pilot):
        await until(pilot, lambda: app.screen.snapshot.insight is not None)
        assert "BUDGET B sets one" in text_of(app)
        await pilot.press("comma")
        await until(pilot, lambda: bool(app.screen.query("#budget")))
        app.screen.query_one("#budget", Input).focus()
        await pilot.press(*"much", "enter")
        assert "amount of credits" in text_of(app)
        app.screen.query_one("#budget", Input).value = "250"
        await pilot.press("enter")
        await until(pilot, lambda: app.current_mode == "usage" and "of 250.00 Cr this month" in text_of(app))
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# mine\n[gateway]\nport = 0   # any\n")
    assert tomllib.loads(text)["console"] == {"budget": "250"}


@pytest.mark.slow
@pytest.mark.parametrize("what", ["key", "request", "nothing"])
async def test_search_goes_there(stage, what):
    async with opened(stage, "usage") as (app, pilot):
        await until(pilot, lambda: len(app.store) > 0)
        record = app.store.record(len(app.store) - 1)
        text = {"key": "codex-ben", "request": record.request_id or record.id, "nothing": "abc-123"}[what]
        await pilot.press("ctrl+f")
        await until(pilot, lambda: bool(app.screen.query("#id")))
        app.screen.query_one("#id", Input).value = text
        await pilot.press("enter")
        if what == "key":
            await until(pilot, lambda: app.current_mode == "keys" and app.screen.selected() is not None)
            await until(pilot, lambda: app.screen.selected().name == "codex-ben")
        elif what == "request":
            await until(pilot, lambda: app.current_mode == "logs" and app.screen.filter_text == f"id:{text}")
        else:
            await until(pilot, lambda: "nothing found for abc-123" in text_of(app))


async def test_escape_stops_waiting_for_a_gateway(tmp_path):
    from joytui.core.places import places

    where = places({"JOYTUI_DATA_DIR": str(tmp_path), "JOYTUI_CONFIG_FILE": str(tmp_path / "c.toml")})
    waiting = asyncio.Event()

    class Slow(Link):
        async def _connect(self, *, start: bool) -> Any:
            self._become("starting", url="http://127.0.0.1:8791")
            await waiting.wait()

    app = ConsoleApp(Options(places=where, screen="keys", theme="dark", link=lambda changed: Slow(where, changed)))
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "Starting the gateway" in text_of(app))
        await until(pilot, lambda: "starting gateway 1 s" in text_of(app))
        await pilot.press("escape")
        await until(pilot, lambda: app.link_state.phase == "off")
        await until(pilot, lambda: "stopped waiting" in text_of(app))


@pytest.mark.slow
async def test_jump_keys_go_to_a_pane(stage):
    async with opened(stage, "keys") as (app, pilot):
        await until(pilot, lambda: app.screen.snapshot.keys != ())
        await pilot.press("ctrl+o")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press("s")
        await until(pilot, lambda: len(app.screen_stack) == 1 and getattr(app.focused, "id", "") == "detail")
