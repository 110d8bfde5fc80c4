"""Doctor by its keys: the run, its verdict, what is copied, the report, a tried turn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from joytui.core.records import Evidence, Report, Step
from joytui.tui.clipboard import words
from joytui.tui.doctor.step_text import about
from joytui.tui.doctor.verdict_text import evidence, places_of
from joytui.tui.doctor.walk_lines import walk_lines
from joytui.tui.doctor.worker import Order
from joytui.tui.screens.step import StepDialog
from joytui.tui.screens.trial import TrialDialog
from joytui.tui.widgets.walk import Walk
from tests.tui import data
from tests.tui.opening import SIZE, console, done, fill, settle, text_of


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
        assert "The doctor itself failed" in shown
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
        assert words("The config.toml block", served=False) in text_of(app)


async def test_a_step_opens_with_what_it_found():
    app = console("doctor")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("enter")
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
        step: Step = data.step("config.loads")
        screen.post_message(StepCame(0, step))
        await settle(app, pilot)
        assert "Codex accepts its configuration" in text_of(app)
        assert "1 ms" in text_of(app)


async def test_another_theme_moves_nothing() -> None:
    app = console("doctor")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        before = text_of(app)
        app.theme = "joytui-light"
        await settle(app, pilot)
        assert text_of(app) == before


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (120, 40), (200, 60)])
async def test_no_title_of_the_walk_is_cut(size: tuple[int, int]) -> None:
    app = console("doctor")
    async with app.run_test(size=size) as pilot:
        await app.screen.show(done(data.KEY_UNSET))
        await settle(app, pilot)
        walk = app.screen.query_one(Walk)
        room = walk.scrollable_content_region.width - 5
        assert [line.text for line in walk.lines if line.step and "…" in line.fitted(room)[0]] == []


async def test_the_cursor_lands_on_what_failed_and_each_line_says_something() -> None:
    app = console("doctor")
    async with app.run_test(size=(80, 24)) as pilot:
        await fill(app, pilot)
        walk = app.screen.query_one(Walk)
        landed = walk.lines[walk.cursor].step
        assert landed is not None
        assert landed.id == "key.value"
        for line in walk.lines:
            said = about(line, app.screen.snapshot, 70).plain.split("\n")
            assert len([part for part in said if part]) >= 2, line


def test_what_a_working_turn_did_not_need_is_no_question() -> None:
    steps = tuple(replace(one, status="unknown") if one.id == "net.proxy" else one for one in data.HEALTHY.steps)
    healthy = done(replace(data.HEALTHY, steps=steps))
    (line,) = (one for one in walk_lines(healthy) if one.step and one.step.id == "net.proxy")
    assert line.glyph == "–"
    assert "not needed here" in about(line, healthy, 70).plain


def test_places_are_short_and_break_at_their_signs() -> None:
    at = places_of(data.KEY_UNSET)
    assert at("/home/anna/.codex/config.toml:7") == "~/.codex/config.toml:7"
    assert at("/srv/home/anna/x") == "/srv/home/anna/x"
    told = evidence((Evidence("fact", "/very/long/folder/name/config.toml:2"),), 24, at).plain
    assert "config.toml:2" in told


async def test_without_a_codex_nothing_is_claimed_of_one() -> None:
    app = console("doctor", examine=Examiner(data.NO_CODEX))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        shown = text_of(app)
        assert "No Codex here yet" in shown
        assert "s Set up" in shown
        assert app.codex_goes_to is None
        await pilot.press("y")
        assert app.clipboard == "npm install -g @openai/codex"
