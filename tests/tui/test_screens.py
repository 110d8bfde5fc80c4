"""Every action of every screen, driven by its key."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import DataTable, Input

from joytui.core.records import Report, Step
from joytui.tui.doctor.worker import Order
from joytui.tui.keys.snapshot import KeysSnapshot
from joytui.tui.screens.ask import Ask, Confirm
from joytui.tui.screens.help import HelpDialog
from joytui.tui.screens.key_form import KeyForm
from joytui.tui.screens.key_shown import KeyShown
from joytui.tui.screens.step import StepDialog
from joytui.tui.screens.trial import TrialDialog
from joytui.tui.state import LinkState
from tests.tui import data
from tests.tui.opening import LIVE, console, fill, settle

SIZE = (120, 40)


def text_of(app: Any) -> str:
    """All text on the screen, as it is drawn."""
    lines = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in lines)


# The frame


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (300, 80), (40, 12), (20, 5), (3, 2)])
@pytest.mark.parametrize("screen", ["doctor", "logs", "usage", "keys"])
async def test_every_screen_at_every_size(screen, size):
    app = console(screen)
    async with app.run_test(size=size) as pilot:
        await fill(app, pilot)
        if size[0] >= 64:
            first = text_of(app).splitlines()[0]
            assert all(name in first for name in ("1 Doctor", "2 Logs", "3 Usage", "4 Keys"))


async def test_too_small_says_what_it_needs():
    app = console("doctor")
    async with app.run_test(size=(30, 8)) as pilot:
        await fill(app, pilot)
        assert "40×10" in text_of(app)
        await pilot.resize_terminal(100, 30)
        await settle(app, pilot)
        assert "40×10" not in text_of(app)


async def test_number_keys_walk_the_screens_and_mouse_too():
    app = console("doctor")
    async with app.run_test(size=SIZE) as pilot:
        for key, mode in (("2", "logs"), ("3", "usage"), ("4", "keys"), ("1", "doctor")):
            await pilot.press(key)
            await pilot.pause()
            assert app.current_mode == mode
        await pilot.click("Masthead", offset=(38, 0))
        await pilot.pause()
        assert app.current_mode == "keys"


async def test_help_is_made_from_the_bindings():
    app = console("logs")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("question_mark")
        await settle(app, pilot)
        assert isinstance(app.screen, HelpDialog)
        shown = text_of(app)
        assert "the next request that failed" in shown
        await pilot.press("escape")
        assert not isinstance(app.screen, HelpDialog)


async def test_theme_key_goes_round_and_says_so():
    app = console("doctor")
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("ctrl+t")
        await settle(app, pilot)
        assert app.theme == "joytui-light"
        assert "theme: light" in text_of(app)


async def test_palette_offers_the_screens_actions():
    app = console("doctor")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        titles = {command.title for command in app.get_system_commands(app.screen)}
        assert {"Test", "Copy fix", "Logs", "Quit", "Copy the try command"} <= titles
        assert "Down" not in titles


async def test_ascii_mode_draws_nothing_else():
    for screen in ("doctor", "logs", "usage", "keys"):
        app = console(screen, ascii=True)
        async with app.run_test(size=SIZE) as pilot:
            await fill(app, pilot)
            assert app.export_screenshot()
            filters = app.get_line_filters()
            lines = app.screen._compositor.render_strips()
            drawn = "".join(
                s.text for strip in lines for s in filters[-1].apply(list(strip), app.screen.background_colors[1])
            )
            assert drawn.isascii()


async def test_link_states_reach_the_masthead():
    app = console("logs")
    async with app.run_test(size=SIZE) as pilot:
        app.link_state = LinkState("failed", note="port 8791 is taken by nginx (pid 7)", hint="free the port")
        await pilot.pause()
        shown = text_of(app)
        assert "port 8791 is taken by nginx" in shown
        assert "free the port" in shown


# Doctor


class Examiner:
    """Stands where the doctor's `examine` is called, and lets the test decide when it goes on."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.orders: list[Order] = []
        self.error: Exception | None = None
        self.wait_for_cancel = False

    def __call__(self, order: Order, on_step: Any, cancelled: Any) -> Report:
        self.orders.append(order)
        if self.error:
            raise self.error
        for step in self.report.steps:
            on_step(step)
        if self.wait_for_cancel and order.send:
            cancelled.__self__.wait(30)  # the screen's own event
        return self.report


async def test_local_checks_run_at_once_and_r_sends():
    examiner = Examiner(data.KEY_UNSET)
    app = console("doctor", examine=examiner)
    async with app.run_test(size=SIZE) as pilot:
        await settle(app, pilot)
        assert [o.send for o in examiner.orders] == [False]
        assert "JOY_TOKEN_API_KEY is not set" in text_of(app)
        assert app.codex_goes_to == "https://api-dev.joytokens.ai/openai/v1"
        examiner.report = data.HEALTHY
        await pilot.press("r")
        await settle(app, pilot)
        assert [o.send for o in examiner.orders] == [False, True]
        assert "Codex works through the gateway" in text_of(app)


async def test_escape_stops_a_run():
    examiner = Examiner(data.HEALTHY)
    examiner.wait_for_cancel = True
    app = console("doctor", examine=examiner)
    async with app.run_test(size=SIZE) as pilot:
        await settle(app, pilot)
        await pilot.press("r")
        await pilot.pause()
        assert app.screen.snapshot.phase == "sending"
        await pilot.press("escape")
        await settle(app, pilot)
        assert app.screen.snapshot.phase == "cancelled"


async def test_a_doctor_that_fails_says_so_and_the_console_lives():
    examiner = Examiner(data.HEALTHY)
    examiner.error = RuntimeError("broken, with jt_live_0123456789abcdef in it")
    app = console("doctor", examine=examiner)
    async with app.run_test(size=SIZE) as pilot:
        await settle(app, pilot)
        shown = text_of(app)
        assert "The doctor itself could not finish" in shown
        assert "jt_live" not in shown


async def test_copying_from_doctor():
    app = console("doctor")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("y")
        assert app.clipboard == 'source ~/.zshrc\ncodex exec "say hi"'
        await pilot.press("c")
        assert "key-unset" in app.clipboard
        await pilot.press("b")
        assert app.clipboard.startswith('model_provider = "joytoken"')
        await settle(app, pilot)
        assert "is on the clipboard" in text_of(app)


async def test_export_asks_where_and_writes_the_report(tmp_path: Path):
    app = console("doctor")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("e")
        await settle(app, pilot)
        assert isinstance(app.screen, Ask)
        app.screen.query_one(Input).value = str(tmp_path / "r.json")
        await pilot.press("enter")
        await settle(app, pilot)
        assert json.loads((tmp_path / "r.json").read_text())["verdict"]["cause"] == "key-unset"
        assert (tmp_path / "r.json").stat().st_mode & 0o777 == 0o600
        await pilot.press("e")
        await settle(app, pilot)
        app.screen.query_one(Input).value = str(tmp_path)
        await pilot.press("enter")
        await settle(app, pilot)
        assert "Not written" in text_of(app)


async def test_a_step_opens_with_what_it_found():
    app = console("doctor")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("down", "enter")
        await settle(app, pilot)
        assert isinstance(app.screen, StepDialog)
        assert "54 bytes" in text_of(app)


async def test_try_asks_first_and_says_what_stands_in_the_way():
    app = console("doctor")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("t")
        await settle(app, pilot)
        assert isinstance(app.screen, TrialDialog)
        assert "codex exec -c model_provider=joytui" in text_of(app)
        await pilot.press("y")
        assert app.clipboard.startswith("codex exec -c model_provider=joytui")
        await pilot.press("enter")
        await settle(app, pilot)
        assert "no gateway" in text_of(app)


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (120, 40)])
async def test_try_shows_its_outcome_however_much_codex_says(size: tuple[int, int]) -> None:
    app = console("doctor")
    async with app.run_test(size=size) as pilot:
        await app.push_screen(TrialDialog())
        await settle(app, pilot)
        for line in data.CODEX_SAYS * 3:
            app.screen.post_message(TrialDialog.Said(line))
        app.screen.post_message(TrialDialog.Ended(data.trial()))
        await settle(app, pilot)
        outcome, box = app.screen.query_one("#outcome"), app.screen.query_one("#dialog")
        assert outcome.size.height >= 3
        assert box.content_region.contains_region(outcome.region), text_of(app)
        assert "it works" in text_of(app)
        assert "shows it in Logs" in text_of(app)


async def test_steps_appear_while_the_doctor_runs():
    from joytui.tui.doctor.worker import StepCame

    app = console("doctor")
    async with app.run_test(size=SIZE) as pilot:
        screen: Any = app.screen
        await screen.show(screen.snapshot.started(send=False))
        step: Step = data.step("config.read")
        screen.post_message(StepCame(0, step))
        await settle(app, pilot)
        assert "config.toml parses" in text_of(app)
        assert "1 ms" in text_of(app)


# Logs


async def test_log_follows_pauses_and_resumes():
    app = console("logs")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        view = app.screen.view
        assert view.follow
        assert view.cursor == 239
        await pilot.press("up", "up")
        await settle(app, pilot)
        assert not view.follow
        assert "paused" in text_of(app)
        app.store.append([{**data.requests(2)[0], "id": "req_new"}])
        view.catch_up()
        assert view.cursor == 237
        await pilot.press("f")
        await settle(app, pilot)
        assert view.follow
        assert view.cursor == 240
        await pilot.press("home")
        assert view.cursor == 0


async def test_errors_are_found_by_key():
    app = console("logs")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        view = app.screen.view
        await pilot.press("E")
        assert view.shown.status(view.cursor) >= 400
        last = view.cursor
        await pilot.press("E")
        assert view.cursor < last
        await pilot.press("e")
        assert view.cursor == last
        await pilot.press("e")
        await settle(app, pilot)
        assert "no more failed requests" in text_of(app)


async def test_detail_explains_a_refusal():
    app = console("logs")
    async with app.run_test(size=(160, 50)) as pilot:
        await fill(app, pilot)
        store = app.store
        app.screen.view.go(next(i for i in range(len(store)) if store.status[i] == 402))
        await pilot.press("enter")
        await settle(app, pilot)
        shown = text_of(app)
        assert "402 Payment Required · insufficient-quota" in shown
        assert "daily limit of 2 Cr reached" in shown
        await pilot.press("c")
        assert app.clipboard == app.screen.selected().request_id
        await pilot.press("escape")
        await settle(app, pilot)
        assert "WHO AND WHAT" not in text_of(app)


async def test_filter_narrows_and_escape_widens():
    app = console("logs")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("slash", *"status:4xx", "enter")
        await settle(app, pilot)
        shown = app.screen.view.shown
        before = len(shown)
        assert 0 < before < 240
        assert all(400 <= shown.status(i) < 500 for i in range(before))
        app.store.append([{**data.requests(2)[0], "id": "req_late", "status": 404}])
        app.screen.view.catch_up()
        assert len(shown) == before + 1
        await pilot.press("escape")
        assert len(app.screen.view.shown) == 241


async def test_a_wrong_filter_is_named_and_nothing_changes():
    app = console("logs")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("slash", *"stauts:4xx", "enter")
        await settle(app, pilot)
        assert "no field is called 'stauts'" in text_of(app)
        assert len(app.screen.view.shown) == 240


async def test_empty_log_says_where_codex_goes():
    app = console("logs")
    app.codex_goes_to = "https://api-dev.joytokens.ai/openai/v1"
    async with app.run_test(size=SIZE) as pilot:
        app.link_state = LIVE
        await settle(app, pilot)
        shown = text_of(app)
        assert "Your Codex talks to https://api-dev.joytokens.ai/openai/v1 directly" in shown
        assert 'base_url = "http://127.0.0.1:8791/openai/v1"' in shown
        await pilot.press("b")
        assert "127.0.0.1:8791" in app.clipboard


async def test_the_log_repaints_once_for_many_requests():
    app = console("logs")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        view = app.screen.view
        before = view.painted
        for row in data.requests(400):
            app.store.append([{**row, "id": f"again_{row['id']}"}])
        view.catch_up()
        await pilot.pause()
        assert 1 <= view.painted - before <= 4
        assert view.cursor == len(app.store) - 1


# Usage


async def test_usage_keys_change_the_question():
    app = console("usage")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        assert "6.1901 Cr" in text_of(app)
        await pilot.press("u")
        await settle(app, pilot)
        assert app.screen.snapshot.asked.metric == "tokens"
        await pilot.press("g")
        assert app.screen.snapshot.asked.group == "key"
        await pilot.press("d")
        assert app.screen.snapshot.asked.range == "day"
        await pilot.press("m")
        assert app.screen.snapshot.asked.range == "month"
        await pilot.press("w")
        assert app.screen.snapshot.asked.range == "week"


async def test_the_table_stands_behind_the_chart():
    app = console("usage")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("v")
        await settle(app, pilot)
        assert app.screen.query_one(DataTable).row_count == 28
        assert "2026-11-23" in text_of(app)
        await pilot.press("v")
        await settle(app, pilot)
        assert "23 Nov" in text_of(app)


async def test_empty_usage_says_what_will_be_there():
    app = console("usage")
    async with app.run_test(size=SIZE) as pilot:
        app.link_state = LIVE
        from joytui.tui.usage.snapshot import Question, UsageSnapshot

        app.screen.show(UsageSnapshot(Question(), totals={"requests": 0}))
        await settle(app, pilot)
        assert "Nothing was spent in the last 7 days" in text_of(app)


# Keys


class Gateway:
    """The link's side of the Keys screen, answered from memory."""

    def __init__(self) -> None:
        self.wishes: list[Any] = []
        self.revoked: list[str] = []
        self.client = self

    def wanted(self) -> bool:
        return False

    async def keys(self) -> list[Any]:
        return list(reversed(data.keys()))

    async def create_key(self, wanted: Any) -> Any:
        from joytui.core.wire import KeyCreated

        self.wishes.append(wanted)
        first = data.keys()[0].model_dump()
        return KeyCreated(**{**first, "name": wanted.name, "key": "jt_local_" + "k" * 48})

    async def revoke_key(self, key_id: str) -> Any:
        self.revoked.append(key_id)
        return data.keys()[0]

    async def leave(self) -> str | None:
        return "gateway keeps running at http://127.0.0.1:8791"


def with_gateway() -> tuple[Any, Gateway]:
    gateway = Gateway()
    app = console("keys", link=lambda changed: gateway)
    return app, gateway


async def test_a_key_is_made_shown_once_and_copied():
    app, gateway = with_gateway()
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("n")
        await settle(app, pilot)
        assert isinstance(app.screen, KeyForm)
        await pilot.press("enter")
        assert "a key needs a name" in text_of(app)
        await pilot.press(*"codex-dora")
        app.screen.query_one("#daily_limit", Input).value = "2"
        await pilot.press("enter")
        await settle(app, pilot)
        assert [(w.name, w.policy.daily_limit) for w in gateway.wishes] == [("codex-dora", "2")]
        assert isinstance(app.screen, KeyShown)
        assert "jt_local_kkkk" in text_of(app)
        await pilot.press("y")
        assert app.clipboard == "jt_local_" + "k" * 48
        await pilot.press("s")
        assert app.clipboard.startswith("export JOY_TOKEN_API_KEY=jt_local_")
        await pilot.press("b")
        assert 'base_url = "http://127.0.0.1:8791/openai/v1"' in app.clipboard
        await pilot.press("t")
        assert app.clipboard.startswith("codex exec")
        await pilot.press("escape")
        await settle(app, pilot)
        assert "jt_local_kkkk" not in text_of(app)


async def test_revoking_asks_and_no_means_no():
    app, gateway = with_gateway()
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("down", "x")
        await settle(app, pilot)
        assert isinstance(app.screen, Confirm)
        assert "codex-ben" in text_of(app)
        await pilot.press("enter")  # "No" has the focus
        await settle(app, pilot)
        assert gateway.revoked == []
        await pilot.press("x")
        await settle(app, pilot)
        await pilot.press("y")
        await settle(app, pilot)
        assert gateway.revoked == ["key_01JD8Z4M5NBEN0"]


async def test_a_revoked_key_cannot_be_revoked_again():
    app, _ = with_gateway()
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        app.screen.table.move_cursor(row=4)
        await pilot.pause()
        assert app.screen.check_action("revoke", ()) is False


async def test_the_cursor_stays_on_its_key():
    app = console("keys")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("down", "down")
        app.screen.show(KeysSnapshot(tuple(reversed(data.keys())), loaded=True))
        await settle(app, pilot)
        assert app.screen.selected().name == "ci-nightly"


async def test_quitting_says_where_the_gateway_runs_on():
    app, _ = with_gateway()
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("q")
        for _ in range(20):
            if app.goodbye:
                break
            await asyncio.sleep(0)
    assert app.goodbye == "gateway keeps running at http://127.0.0.1:8791"
