"""Every binding of every screen and dialog is pressed, and does what it says. A binding without a line here fails."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from textual.binding import Binding
from textual.command import CommandPalette
from textual.dom import DOMNode
from textual.widgets import Input

import joytui.tui
from tests.tui import data
from tests.tui.opening import settle, text_of
from tests.tui.states import STATES, opened

SIZE = (110, 34)
NAMED = {state.name: state for state in STATES}
Holds = Callable[[Any], object]


def words(*wanted: str) -> Holds:
    """These words are on the screen."""
    return lambda app: all(text in text_of(app) for text in wanted)


def gone(text: str) -> Holds:
    return lambda app: text not in text_of(app)


def front(name: str) -> Holds:
    """The screen in front is of this class."""
    return lambda app: type(app.screen).__name__ == name


def clip(start: str) -> Holds:
    return lambda app: app.clipboard.startswith(start)


def mode(name: str) -> Holds:
    return lambda app: app.current_mode == name


def focused(id: str) -> Holds:
    return lambda app: app.focused is not None and app.focused.id == id


def closed(app: Any) -> bool:
    return len(app.screen_stack) == 1


def asked(**wanted: Any) -> Holds:
    """What Usage asks now."""
    return lambda app: all(getattr(app.screen.snapshot.asked, name) == value for name, value in wanted.items())


def cursor(place: int) -> Holds:
    return lambda app: app.screen.query_one("LogView").cursor == place


NEED_LINK = "there is no gateway"

# By "Class.action": the state it is pressed in, the keys before it, and what holds after it.
CHECKS: dict[str, tuple[str, tuple[str, ...], Holds]] = {
    # The frame
    "ConsoleApp.show_screen('doctor')": ("logs-full", (), mode("doctor")),
    "ConsoleApp.show_screen('logs')": ("doctor-full", (), mode("logs")),
    "ConsoleApp.show_screen('usage')": ("doctor-full", (), mode("usage")),
    "ConsoleApp.show_screen('keys')": ("doctor-full", (), mode("keys")),
    "ConsoleApp.search": ("logs-full", (), front("SearchDialog")),
    "ConsoleApp.settings": ("logs-full", (), front("SettingsDialog")),
    "ConsoleApp.owner": ("keys-full", (), front("OwnerDialog")),
    "OwnerDialog.requests": ("keys-owner", (), lambda app: app.screen.filter_text == "owner:Ben"),
    "OwnerDialog.refused": ("keys-owner", (), lambda app: app.screen.filter_text == "owner:Ben is:refused since:7d"),
    "OwnerDialog.keys": ("keys-owner", (), lambda app: app.screen.selected().name == "codex-ben"),
    "LogsScreen.mend": ("logs-refusal", (), front("MendDialog")),
    "LogsScreen.undo_mend": ("logs-refusal", (), words("no policy and no budget was changed in this console")),
    "MendDialog.apply": ("logs-mend-limit", (), closed),
    "MendDialog.close": ("logs-mend-limit", (), closed),
    "MendDialog.app.focus_next": ("logs-mend-limit", (), focused("amount")),
    "KeysScreen.wallets": ("keys-full", (), front("WalletsDialog")),
    "KeysScreen.undo_change": ("keys-full", (), words("no policy and no budget was changed in this console")),
    "WalletsDialog.credit": ("keys-wallets", ("down",), words("Credit the standard wallet")),
    "LogsScreen.columns": ("logs-full", (), front("ColumnsDialog")),
    "UsageScreen.columns": ("usage-table", (), front("ColumnsDialog")),
    "KeysScreen.columns": ("keys-full", (), front("ColumnsDialog")),
    "ColumnsDialog.tick": ("keys-full", ("C",), words("· ")),
    "ColumnsDialog.apply": ("keys-full", ("C", "space"), front("KeysScreen")),
    "ColumnsDialog.everything": ("keys-full", ("C", "space"), front("KeysScreen")),
    "ConsoleApp.views": ("keys-full", (), front("ViewsDialog")),
    "ViewsDialog.open": ("usage-views", ("down",), lambda app: app.screen.snapshot.asked.group == "owner"),
    "ViewsDialog.delete": ("usage-views", (), words("✓ failed-today is deleted")),
    "ViewsDialog.app.focus_next": ("usage-views", (), focused("name")),
    "KeysScreen.limit": ("keys-full", (), words("Limits of codex-anna")),
    "ConsoleApp.dismiss_alert": ("keys-full", (), lambda app: app.alerts == ()),  # with one in test_alert_line
    "ConsoleApp.audit": ("keys-full", (), words(NEED_LINK)),  # over a gateway in gateway/test_screens
    "ConsoleApp.budgets": ("keys-full", (), words(NEED_LINK)),  # with one in test_budgets
    "BudgetsDialog.burn_down": ("usage-budgets", (), closed),
    "BudgetsDialog.edit": ("usage-budgets", ("down",), words("Limits of team core", "300")),
    "BudgetsDialog.raise_limit": ("usage-budgets", ("down",), words("Raise team core")),
    "BudgetsDialog.new": ("usage-budgets", (), words("A limit for another node")),
    "BudgetsDialog.export": ("usage-budgets", (), words("Export", "8 limits")),
    "BudgetsDialog.reload": ("usage-budgets", (), words(NEED_LINK)),
    "NodeForm.submit": ("usage-budgets-raise", (), words(NEED_LINK)),
    "AuditDialog.open": ("usage-audit", ("down", "down"), words("A change", "IT HAS", "team-a")),
    "AuditDialog.filter": ("usage-audit", (), focused("filter")),
    "AuditDialog.export": ("usage-audit", (), words("Export", "8 changes")),
    "AuditDialog.reload": ("usage-audit", (), words(NEED_LINK)),
    "AuditDialog.app.focus_next": ("usage-audit", ("slash",), focused("changes")),
    "AuditDialog.back": ("usage-audit", (), closed),
    "ConsoleApp.export": ("keys-full", (), front("ExportDialog")),
    "ConsoleApp.outliers": ("keys-full", (), front("OutliersDialog")),
    "ConsoleApp.messages": ("keys-full", (), front("MessagesDialog")),
    "ExportDialog.write": ("logs-export", ("tab", "ctrl+u"), words("✗ give a file name")),
    "ExportDialog.app.focus_next": ("logs-export", (), focused("path")),
    "OutliersDialog.requests": ("usage-outliers", ("down",), mode("logs")),
    "ConsoleApp.jump": ("doctor-full", (), front("JumpOverlay")),
    "ConsoleApp.next_theme": ("doctor-full", (), lambda app: app.theme == "joytui-light"),
    "ConsoleApp.cancel_start": ("keys-starting", (), lambda app: app.link_state.phase == "off"),
    "ConsoleApp.quit": ("doctor-full", (), lambda app: not app.is_running or app._exit),
    "ConsoleApp.suspend_process": ("doctor-full", (), lambda app: app.is_running),  # for real in test_suspend
    "ConsoleApp.help": ("usage-full", (), front("HelpDialog")),
    # Doctor
    "DoctorScreen.send": ("doctor-full", (), lambda app: app.screen.snapshot.phase == "done"),  # no doctor here: below
    "DoctorScreen.look": ("doctor-full", (), lambda app: app.screen.snapshot.phase == "done"),
    "DoctorScreen.cancel": ("doctor-sending", (), lambda app: app.screen.snapshot.phase == "cancelled"),
    "DoctorScreen.fix": ("doctor-patch", (), words("no file change fixes this any more")),
    "DoctorScreen.undo": ("doctor-full", (), words("nothing to undo")),
    "DoctorScreen.copy_fix": ("doctor-full", (), clip("source ~/.zshrc")),
    "DoctorScreen.copy_ticket": ("doctor-full", (), clip("joytui doctor: JOY_TOKEN_API_KEY is not set")),
    "DoctorScreen.copy_block": ("doctor-full", (), clip('model_provider = "joytoken"')),
    "DoctorScreen.set_up": ("doctor-full", (), front("SetupDialog")),
    "SetupDialog.go_on": ("doctor-setup-done", (), closed),
    "SetupDialog.new_key": ("doctor-setup-other-key", (), words("✗ this console has no doctor")),
    "DoctorScreen.try_turn": ("doctor-full", (), front("TrialDialog")),
    "DoctorScreen.triage": ("doctor-full", (), front("TriageDialog")),
    "DoctorScreen.app.export": ("doctor-full", (), front("ExportDialog")),
    "DoctorScreen.surfaces": ("doctor-healthy", (), front("SurfacesDialog")),
    "DoctorScreen.fleet": ("doctor-full", (), front("FleetDialog")),
    "FleetDialog.open": ("doctor-fleet", (), lambda app: app.screen.filter_text == "owner:bo"),
    "FleetDialog.reload": ("doctor-fleet", (), words("there is no gateway to ask")),
    "SurfacesDialog.start_shells": ("doctor-surfaces", (), words("a login shell", "key missing")),
    "DoctorScreen.focus_walk": ("doctor-full", ("right",), focused("walk")),
    "DoctorScreen.focus_verdict": ("doctor-full", (), focused("verdict")),
    "Walk.move(-1)": ("doctor-full", (), lambda app: app.screen.query_one("Walk").cursor == 1),
    "Walk.move(1)": ("doctor-full", (), lambda app: app.screen.query_one("Walk").cursor == 3),
    "Walk.move(-9999)": ("doctor-full", ("down",), lambda app: app.screen.query_one("Walk").cursor == 0),
    "Walk.move(9999)": ("doctor-full", (), lambda app: app.screen.query_one("Walk").cursor == 28),
    "Walk.choose": ("doctor-full", (), front("StepDialog")),
    # Logs
    "LogsScreen.detail": ("logs-full", (), words("WHO AND WHAT")),
    "LogsScreen.filter": ("logs-full", (), focused("filter")),
    "LogsScreen.follow": ("logs-full", ("up",), words("● following")),
    "LogsScreen.error(1)": ("logs-full", ("home",), lambda app: app.screen.selected().status >= 400),
    "LogsScreen.error(-1)": ("logs-full", (), lambda app: app.screen.selected().status >= 400),
    "LogsScreen.copy_id": ("logs-full", (), clip("0199f3a2-")),
    "LogsScreen.copy_curl": ("logs-full", (), clip("curl ")),
    "LogsScreen.replay": ("logs-full", (), words(NEED_LINK)),  # with one in test_logs
    "LogsScreen.mark": ("logs-full", (), words("1 marked")),
    "LogsScreen.compare": ("logs-full", ("space", "up"), front("CompareDialog")),
    "LogsScreen.go_to_id": ("logs-full", (), words("Go to a request")),
    "LogsScreen.patterns": ("logs-full", (), words("Failures by pattern", "23 failures")),
    "LogsScreen.turns": ("logs-full", (), words("One thread, turn by turn")),
    "LogsScreen.tasks": ("logs-full", (), words(NEED_LINK)),  # over a gateway in test_live_screens
    "TasksDialog.open": ("logs-tasks", ("down",), closed),  # with what it finds in test_live_screens
    "TasksDialog.budget": ("logs-tasks", (), words("Raise task …00000003")),
    "TasksDialog.running": ("logs-tasks", (), words("1 running", "2.44 Cr")),
    "TasksDialog.stop": (
        "logs-tasks",
        ("down",),
        words("Stop this task?", "and its 3 sub-agents"),
    ),  # and does in test_live_screens
    "TasksDialog.resume": ("logs-tasks", (), words("✗ this task is not stopped")),
    "LogsScreen.latency": ("logs-full", (), words(NEED_LINK)),  # over a gateway in test_live_screens
    "PatternsDialog.open": ("logs-patterns", (), lambda app: app.screen.filter_text.startswith("status:")),
    "TurnsDialog.open": ("logs-turns", (), closed),
    "LatencyDialog.kind": ("logs-latency", (), words("until the first token")),
    "LatencyDialog.hour(-1)": ("logs-latency", (), words("Mon 23 Nov 14:00  p50")),
    "LatencyDialog.hour(1)": ("logs-latency", (), words("Sun 22 Nov 15:00  p50")),
    "LatencyDialog.day(1)": ("logs-latency", (), lambda app: app.screen._back == 1),
    "LatencyDialog.day(-1)": ("logs-latency", ("left_square_bracket",), lambda app: app.screen._back == 0),
    "LatencyDialog.open": ("logs-latency", ("left",), closed),
    "LogsScreen.source": ("logs-full", (), lambda app: app.screen.filter_text == "source:gateway"),
    "LogsScreen.tests": ("logs-full", (), words("the doctor's test requests are shown")),
    "LogsScreen.copy_block": ("logs-full", (), clip('model_provider = "joytoken"')),
    "LogsScreen.app.try_turn": ("logs-full", (), front("TrialDialog")),
    "LogsScreen.back": ("logs-full", ("space",), gone("marked")),
    "FilterLine.submit": ("logs-filter-line", (), lambda app: app.screen.filter_text == "key:codex-"),
    "FilterLine.screen.back": ("logs-filter-line", (), focused("log")),
    "FilterLine.app.help": ("logs-filter-line", (), front("HelpDialog")),
    "LogView.move(-1)": ("logs-full", (), cursor(238)),
    "LogView.move(1)": ("logs-full", ("up", "up"), cursor(238)),
    "LogView.page(-1)": ("logs-full", (), lambda app: app.screen.query_one("LogView").cursor < 220),
    "LogView.page(1)": ("logs-full", ("home",), lambda app: app.screen.query_one("LogView").cursor > 20),
    "LogView.first": ("logs-full", (), cursor(0)),
    "LogView.follow": ("logs-full", ("home",), cursor(239)),
    # Usage
    "UsageScreen.range('day')": ("usage-full", (), asked(range="day")),
    "UsageScreen.range('week')": ("usage-month", (), asked(range="week")),
    "UsageScreen.range('month')": ("usage-full", (), asked(range="month")),
    "UsageScreen.range('weeks')": ("usage-full", (), asked(range="weeks")),
    "UsageScreen.range('months')": ("usage-full", (), asked(range="months")),
    "UsageScreen.source": ("usage-full", (), words("there is no Codex home")),  # with one in test_live_screens
    "UsageScreen.group": ("usage-full", (), asked(group="key")),
    "UsageScreen.group(-1)": ("usage-full", (), asked(group="client")),
    "UsageScreen.tasks": ("usage-full", (), words(NEED_LINK)),
    "UsageScreen.unit": ("usage-full", (), asked(metric="tokens")),
    "UsageScreen.table": ("usage-full", (), words("claude-haiku-5", "Mon 23 Nov")),
    "UsageScreen.drill": (
        "usage-full",
        ("left",),
        lambda app: app.screen.filter_text.startswith("since:2026-11-23T00"),
    ),
    "UsageScreen.move(-1)": ("usage-full", (), asked(back=1)),
    "UsageScreen.move(1)": ("usage-full", ("left_square_bracket", "left_square_bracket"), asked(back=1)),
    "UsageScreen.open": ("usage-full", ("left",), asked(range="calendar day", at=data.NOW.date())),
    "UsageScreen.scale": ("usage-wild", (), words("z clips")),
    "UsageScreen.budget": ("usage-full", (), front("SettingsDialog")),
    "UsageScreen.reconcile": (
        "usage-full",
        (),
        words("nothing to compare: no gateway"),
    ),  # with both in test_live_screens
    "UsageScreen.step(-1)": ("usage-full", (), words("▸ Mon 23 Nov")),
    "UsageScreen.step(1)": ("usage-full", (), words("▸ Tue 17 Nov")),
    "UsageScreen.line(-1)": ("usage-full", ("down", "down"), words("▸ gpt-5.4-mini")),
    "UsageScreen.line(1)": ("usage-full", (), words("▸ gpt-5.4-mini")),
    "UsageScreen.back": ("usage-full", ("left",), gone("▸ Mon 23 Nov")),
    "UsageScreen.tests": ("usage-full", (), words("the doctor's test requests are counted")),
    "UsageScreen.reload": ("usage-full", (), words("6.19 Cr")),  # over a gateway in test_live_screens
    "SortedTable.sort": ("keys-full", (), words("name ▲")),
    "SortedTable.turn": ("keys-full", ("o",), words("name ▼")),
    # Keys: what asks the gateway is pressed over one in test_live_screens; here it must say that there is none
    "KeysScreen.create": ("keys-full", (), words(NEED_LINK)),
    "KeysScreen.edit": ("keys-full", (), front("KeyForm")),
    "KeysScreen.check": ("keys-full", (), words("May codex-anna call this now?", NEED_LINK)),
    "KeysScreen.disable": ("keys-full", (), words(NEED_LINK)),
    "KeysScreen.enable": ("keys-disabled", (), words(NEED_LINK)),
    "KeysScreen.rotate": ("keys-full", (), words("Rotate this key")),
    "KeysScreen.revoke": ("keys-full", (), words("Revoke this key?")),
    "KeysScreen.toggle_detail": ("keys-full", (), gone("POLICY")),
    "KeysScreen.requests": ("keys-full", (), lambda app: app.screen.filter_text == "key_id:key_01JD8Z4M5NANNA"),
    "KeysScreen.copy_id": ("keys-full", (), clip("key_01JD8Z4M5NANNA")),
    "KeysScreen.copy_block": ("keys-full", (), clip('model_provider = "joytoken"')),
    "KeysScreen.app.try_turn": ("keys-full", (), front("TrialDialog")),
    "KeysScreen.reload": ("keys-full", (), words("6 keys")),
    # Dialogs
    "Dialog.close": ("doctor-step", (), closed),
    "Confirm.answer(True)": ("keys-revoke", (), closed),
    "Confirm.answer(False)": ("keys-revoke", (), closed),
    "Confirm.app.focus_previous": ("keys-revoke", (), focused("yes")),
    "Confirm.app.focus_next": ("keys-revoke", (), focused("yes")),
    "FixDialog.answer(True)": ("doctor-fix", (), closed),
    "FixDialog.answer(False)": ("doctor-fix", (), closed),
    "FixDialog.app.focus_previous": ("doctor-fix", (), focused("yes")),
    "FixDialog.app.focus_next": ("doctor-fix", (), focused("yes")),
    "FormBox.app.focus_next": ("keys-new", (), focused("owner")),
    "FormBox.app.focus_previous": ("keys-new", ("down",), focused("name")),
    "Choice.show_overlay": ("frame-settings", (), words("contrast-light")),
    "KeyForm.submit": ("keys-new", (), words("a key needs a name")),
    "CheckDialog.check": ("keys-dry-run-yes", (), words("✗ there is no gateway to ask")),
    "KeyShown.copy('key')": ("keys-shown", (), clip("jt_local_")),
    "KeyShown.copy('shell')": ("keys-shown", (), clip("export JOY_TOKEN_API_KEY=jt_local_")),
    "KeyShown.copy('block')": ("keys-shown", (), clip('model_provider = "joytoken"')),
    "KeyShown.copy('try')": ("keys-shown", (), clip("codex exec -c")),
    "SettingsDialog.save": ("frame-settings-wrong", (), words("budget must be an amount of credits")),
    "SearchDialog.move(1)": ("frame-search-hits", (), lambda app: app.screen.query_one("#hits").highlighted == 1),
    "SearchDialog.move(-1)": ("frame-search-hits", (), lambda app: app.screen.query_one("#hits").highlighted > 1),
    "SearchDialog.search": ("frame-search", ("x",), words(NEED_LINK)),
    "TrialDialog.run": ("doctor-try", (), words("✗ this console has no gateway")),
    "TrialDialog.copy_command": ("doctor-try", (), clip("codex exec -c")),
    "TrialDialog.copy_block": ("doctor-try", (), clip('model_provider = "joytoken"')),
    "TriageDialog.copy_reply": ("doctor-triage", (), words("paste something first")),  # with an answer in tests/triage
    "TriageDialog.empty": ("doctor-triage", (), lambda app: not app.screen.query_one("#ticket").text),
    "ReconcileDialog.open": ("usage-reconcile", (), lambda app: app.screen.filter_text == "id:req-1"),
}


def owners() -> Iterator[type[DOMNode]]:
    """Every class of the console that binds keys itself."""
    for module in pkgutil.walk_packages(joytui.tui.__path__, "joytui.tui."):
        for value in vars(importlib.import_module(module.name)).values():
            ours = isinstance(value, type) and issubclass(value, DOMNode) and value.__module__ == module.name
            if ours and vars(value).get("BINDINGS"):
                yield value


def bindings() -> list[tuple[str, str]]:
    """ "Class.action" and one key (of several): each as its own case."""
    found = []
    for owner in owners():
        for binding in vars(owner)["BINDINGS"]:
            assert isinstance(binding, Binding)
            found += [(f"{owner.__name__}.{binding.action}", key.strip()) for key in binding.key.split(",")]
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("action", "key"), bindings())
async def test_the_key_does_it(action: str, key: str) -> None:
    assert action in CHECKS, f"the binding {key!r} of {action} is pressed by no test: give it a line in CHECKS"
    name, before, holds = CHECKS[action]
    async with opened(NAMED[name], SIZE) as (app, pilot):
        for one in before:
            await pilot.press(one)
            await settle(app, pilot)
        await pilot.press(key)
        await settle(app, pilot)
        assert holds(app), text_of(app)


def test_no_line_is_left_of_a_binding_that_is_gone() -> None:
    assert set(CHECKS) == {action for action, _ in bindings()}


async def test_the_palette_opens_and_closes() -> None:
    async with opened(NAMED["doctor-full"], SIZE) as (app, pilot):
        await pilot.press("ctrl+p")
        await settle(app, pilot)
        assert isinstance(app.screen, CommandPalette)
        assert app.screen.query_one(Input).has_focus
        await pilot.press("escape")
        await settle(app, pilot)
        assert closed(app)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_a_click_on_a_bar_opens_it(size: tuple[int, int]) -> None:
    async with opened(NAMED["usage-full"], size) as (app, pilot):
        plot = app.screen.query_one("#plot")
        rows = plot.render().plain.split("\n")
        at = next(row for row in rows if "18 Nov" in row).index("18 Nov") + 3
        await pilot.click(plot, offset=(at, plot.size.height - 3))
        await settle(app, pilot)
        assert app.screen.snapshot.asked.at == date(2026, 11, 18)
        assert app.screen.snapshot.asked.range == "calendar day"


async def test_a_click_beside_the_bars_opens_nothing() -> None:
    async with opened(NAMED["usage-full"], SIZE) as (app, pilot):
        await pilot.click("#plot", offset=(0, 4))
        await settle(app, pilot)
        assert app.current_mode == "usage"


async def test_a_click_on_a_line_of_the_ranking_opens_its_requests() -> None:
    async with opened(NAMED["usage-full"], SIZE) as (app, pilot):
        await pilot.click("#ranking-text", offset=(3, 2))
        await settle(app, pilot)
        assert app.current_mode == "logs"
        assert app.screen.filter_text == "used:gpt-5.4 since:2026-11-17T00:00Z"
