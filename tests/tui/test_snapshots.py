"""The screens as pictures: fixed data, fixed clock, fixed zone. They hold for one Textual and are skipped on others."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from joytui.tui.keys.snapshot import KeysSnapshot
from joytui.tui.screens.key_check import CheckDialog
from joytui.tui.screens.key_form import KeyForm
from joytui.tui.screens.reconcile import ReconcileDialog
from joytui.tui.screens.search import SearchDialog
from joytui.tui.screens.settings import SettingsDialog
from joytui.tui.state import LinkState
from joytui.tui.usage.reading import Sources
from joytui.tui.usage.snapshot import Question, UsageSnapshot
from tests.tui import data
from tests.tui.opening import LIVE, console, done, fill, settle, usage

PINNED = "8.2.8"
pytestmark = pytest.mark.skipif(
    version("textual") != PINNED and os.environ.get("JOYTUI_REQUIRE") != "1",
    reason=f"snapshots hold for textual {PINNED}, here is {version('textual')}: pip install textual=={PINNED}",
)

Before = Callable[[Any], Awaitable[None]]


def filled(*keys: str) -> Before:
    """The screen with its data, then these keys."""

    async def before(pilot: Any) -> None:
        await fill(pilot.app, pilot)
        for key in keys:
            await pilot.press(key)
            await settle(pilot.app, pilot)

    return before


def showing(snapshot: Any) -> Before:
    """The screen with this snapshot."""

    async def before(pilot: Any) -> None:
        pilot.app.link_state = LIVE
        shown = pilot.app.screen.show(snapshot)
        if shown is not None:
            await shown
        await settle(pilot.app, pilot)

    return before


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=["80x24", "120x40", "200x60"])
@pytest.mark.parametrize("screen", ["doctor", "logs", "usage", "keys"])
def test_dark(snap_compare, screen, size):
    assert snap_compare(console(screen), terminal_size=size, run_before=filled())


@pytest.mark.parametrize("screen", ["doctor", "logs", "usage", "keys"])
def test_light(snap_compare, screen):
    assert snap_compare(console(screen, theme="light"), terminal_size=(100, 30), run_before=filled())


@pytest.mark.parametrize("name", ["HEALTHY", "BASE_URL_PATH", "NO_CODEX", "UNDECIDED"])
def test_verdicts(snap_compare, name):
    app = console("doctor")
    assert snap_compare(
        app, terminal_size=(110, 36), run_before=showing(done(getattr(data, name), sent=name != "UNDECIDED"))
    )


def test_log_detail(snap_compare):
    assert snap_compare(console("logs"), terminal_size=(120, 40), run_before=filled("E", "enter"))


def test_log_filtered(snap_compare):
    keys = ("slash", *"status:4xx", "enter")
    assert snap_compare(console("logs"), terminal_size=(100, 30), run_before=filled(*keys))


def test_log_empty(snap_compare):
    async def before(pilot: Any) -> None:
        pilot.app.codex_goes_to = "https://api-dev.joytokens.ai/openai/v1"
        pilot.app.link_state = LIVE
        await settle(pilot.app, pilot)

    assert snap_compare(console("logs"), terminal_size=(100, 30), run_before=before)


def test_usage_month_and_table(snap_compare):
    app = console("usage")
    assert snap_compare(app, terminal_size=(120, 40), run_before=showing(usage(Question(range="month", group="key"))))


def test_usage_table(snap_compare):
    assert snap_compare(console("usage"), terminal_size=(100, 30), run_before=filled("v"))


def test_usage_empty(snap_compare):
    app = console("usage")
    nothing = UsageSnapshot(Question(), totals={"requests": 0})
    assert snap_compare(app, terminal_size=(100, 30), run_before=showing(nothing))


def test_keys_empty(snap_compare):
    assert snap_compare(console("keys"), terminal_size=(100, 30), run_before=showing(KeysSnapshot(loaded=True)))


def test_high_contrast(snap_compare):
    assert snap_compare(console("keys", theme="contrast"), terminal_size=(100, 30), run_before=filled())


def test_ascii(snap_compare):
    assert snap_compare(console("doctor", ascii=True), terminal_size=(80, 24), run_before=filled())


def test_help(snap_compare):
    assert snap_compare(console("doctor"), terminal_size=(100, 36), run_before=filled("question_mark"))


def standing_out(*keys: str, **wishes: Any) -> Before:
    """Usage with its rate, its anomaly and its budget, then these keys."""

    async def before(pilot: Any) -> None:
        await fill(pilot.app, pilot)
        pilot.app.screen.show(replace(pilot.app.screen.snapshot, insight=data.insight(**wishes)))
        await settle(pilot.app, pilot)
        for key in keys:
            await pilot.press(key)
            await settle(pilot.app, pilot)

    return before


def dialog(screen: Any, show: Callable[[Any], object] | None = None) -> Before:
    """A dialog over the filled screen."""

    async def before(pilot: Any) -> None:
        await fill(pilot.app, pilot)
        await pilot.app.push_screen(screen)
        await settle(pilot.app, pilot)
        if show is not None:
            show(screen)
            await settle(pilot.app, pilot)

    return before


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
def test_usage_insight_and_chosen_bar(snap_compare, size):
    assert snap_compare(console("usage"), terminal_size=size, run_before=standing_out("left", "down", "down"))


def test_usage_burn_down(snap_compare):
    assert snap_compare(console("usage", theme="light"), terminal_size=(120, 40), run_before=standing_out("b"))


def test_usage_of_both_sources(snap_compare):
    rows = data.usage_rows("day", "model", 7)
    codex = [{**row, "source": "codex", "cost_credits": "0"} for row in rows if row["model"] != "deepseek-v4"]
    sums = data.usage_totals(rows)
    shown = UsageSnapshot(
        Question(source="both"), (*rows, *codex), sums, source="both", codex_totals=data.usage_totals(codex)
    )
    assert snap_compare(console("usage"), terminal_size=(120, 40), run_before=showing(shown))


def test_reconciliation(snap_compare):
    asked = ReconcileDialog(Sources(None, None, Path()), Question(), data.NOW)
    before = dialog(asked, lambda screen: screen.show(data.reconciliation()))
    assert snap_compare(console("usage"), terminal_size=(120, 40), run_before=before)


@pytest.mark.parametrize("allowed", [True, False])
def test_dry_run(snap_compare, allowed):
    asked = CheckDialog(data.keys()[0])
    before = dialog(asked, lambda screen: screen.post_message(CheckDialog.Answered(data.verdict(allowed=allowed))))
    assert snap_compare(console("keys"), terminal_size=(80, 24) if allowed else (120, 40), run_before=before)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
def test_key_form(snap_compare, size):
    assert snap_compare(console("keys"), terminal_size=size, run_before=dialog(KeyForm(data.NOW, data.keys()[2])))


def test_settings(snap_compare):
    app = console("usage", theme="light")
    app.options = replace(
        app.options, places=app.options.places._replace(config_file=Path("/nowhere/joytui/config.toml"))
    )
    assert snap_compare(app, terminal_size=(100, 36), run_before=dialog(SettingsDialog("budget")))


def test_search(snap_compare):
    assert snap_compare(console("logs"), terminal_size=(100, 30), run_before=dialog(SearchDialog()))


def test_the_gateway_is_starting(snap_compare):
    async def before(pilot: Any) -> None:
        pilot.app.link_state = LinkState("starting", url="http://127.0.0.1:8791", waited_s=3)
        await settle(pilot.app, pilot)

    assert snap_compare(console("keys"), terminal_size=(80, 24), run_before=before)
