"""A read-only console: what changes something is refused with a line, and its keys are not offered."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import Any

import pytest

from joytui.tui.app import ConsoleApp
from joytui.tui.read_only import REFUSED
from joytui.tui.screens.wallets import WalletsDialog
from joytui.tui.widgets.keybar import KeyBar, shown_bindings
from joytui.tui.widgets.masthead import masthead
from tests.tui import data
from tests.tui.opening import LIVE, console, fill, settle, text_of

# Every other action of the screens and of the console: each was judged to change nothing beyond this console's own view
# and the user's clipboard. A new action belongs into one of the two.
HARMLESS = {
    "": {"show_screen", "search", "jump", "next_theme", "cancel_start", "dismiss_alert", "quit", "suspend_process", "help", "outliers", "messages", "owner", "views", "audit", "budgets"},
    "doctor": {"look", "cancel", "fleet", "copy_fix", "copy_ticket", "copy_block", "triage", "focus_walk", "focus_verdict"},
    "logs": {
        "detail", "filter", "follow", "error", "copy_id", "copy_curl", "mark", "compare", "go_to_id", "patterns", "turns", "latency", "copy_block",
        "back", "tests", "columns", "source", "tasks",
    },
    "usage": {
        "range", "move", "open", "scale", "source", "group", "unit", "table", "drill", "budget", "reconcile", "step", "line", "back", "reload",
        "tests", "columns", "tasks",
    },
    "keys": {"wallets", "check", "toggle_detail", "requests", "copy_id", "copy_block", "reload", "columns"},
}  # fmt: skip


def screen_class(mode: str) -> Any:
    if not mode:
        return ConsoleApp
    return getattr(import_module(f"joytui.tui.screens.{mode}"), f"{mode.capitalize()}Screen")


@pytest.mark.parametrize("mode", REFUSED)
def test_every_action_is_either_refused_or_known_to_change_nothing(mode: str):
    actions = {binding.action.partition("(")[0] for binding in screen_class(mode).BINDINGS}
    own = {action for action in actions if "." not in action}
    judged = set(REFUSED[mode]) | HARMLESS[mode]
    assert own <= judged, f"new and not judged: {own - judged}"
    assert {action.removeprefix("app.") for action in actions - own} <= set(REFUSED[""]) | HARMLESS[""]
    for name in REFUSED[mode]:
        assert hasattr(screen_class(mode), f"action_{name}"), f"{mode}: no such action: {name}"


def said(app: ConsoleApp) -> str:
    return app.screen.query_one(KeyBar).render().plain


@pytest.mark.parametrize("mode", [mode for mode in REFUSED if mode])
async def test_a_key_that_changes_something_says_why_not(mode: str):
    app = console(mode, read_only=True)
    async with app.run_test(size=(120, 36)) as pilot:
        await fill(app, pilot)
        keys = {b.action: b.key.split(",")[0] for b in app.screen.BINDINGS if b.action in REFUSED[mode]}
        assert set(keys) == set(REFUSED[mode])
        for key in [*keys.values(), "comma"]:
            await pilot.press(key)
            await settle(app, pilot)
            assert "this console is read-only" in said(app)
            assert len(app.screen_stack) == 1
        offered = {binding.action.removeprefix("app.") for binding in shown_bindings(app.screen)}
        assert not offered & (set(REFUSED[mode]) | set(REFUSED[""]))
        named = {command.title for command in app.get_system_commands(app.screen)}
        assert not named & {"Fix", "Test", "Replay", "New key", "Revoke", "Settings", "Try a turn"}


async def test_a_budget_is_not_set_from_usage_either():
    app = console("usage", read_only=True)
    async with app.run_test(size=(120, 36)) as pilot:
        await fill(app, pilot)
        await pilot.press("b")
        await settle(app, pilot)
        assert len(app.screen_stack) == 1
        assert "the settings stay as they are" in said(app)


async def test_the_frame_says_that_it_is_read_only_and_nothing_else_does():
    for read_only in (True, False):
        app = console("keys", read_only=read_only)
        async with app.run_test(size=(80, 24)) as pilot:
            await fill(app, pilot)
            assert ("read-only" in app.screen.query_one("Masthead").render().plain) is read_only
            await pilot.press("n")
            await settle(app, pilot)
            assert ("read-only" in said(app)) is read_only if read_only else True


async def test_looking_still_works():
    app = console("logs", read_only=True)
    async with app.run_test(size=(120, 36)) as pilot:
        await fill(app, pilot)
        await pilot.press("enter")
        await settle(app, pilot)
        assert app.screen.has_class("-detail")
        await pilot.press("question_mark")
        await settle(app, pilot)
        assert len(app.screen_stack) == 2


async def test_tasks_are_seen_and_not_stopped():
    from joytui.tui.screens.tasks import TasksDialog

    app = console("logs", read_only=True)
    async with app.run_test(size=(120, 36)) as pilot:
        await fill(app, pilot)
        app.push_screen(TasksDialog())
        await settle(app, pilot)
        app.screen.show(data.tasks())
        await settle(app, pilot)
        await pilot.press("X", "u")
        await settle(app, pilot)
        assert len(app.screen_stack) == 2, "no question"
        assert "u resumes" not in text_of(app)
        assert "■ runaway" in text_of(app)


async def test_dialogs_that_only_show_offer_no_change():
    """Views are opened and not saved or deleted, wallets are seen and not credited."""
    app = console("keys", read_only=True)
    async with app.run_test(size=(120, 36)) as pilot:
        await fill(app, pilot)
        await pilot.press("V")
        await settle(app, pilot)
        assert not app.screen.query("#name")
        assert app.screen.check_action("delete", ()) is False
        await pilot.press("escape", "w")
        await settle(app, pilot)
        app.screen.post_message(app.screen.Known(*data.wallets()))
        await settle(app, pilot)
        await pilot.press("enter")
        await settle(app, pilot)
        assert len(app.screen_stack) == 2, "no question about credits"
        assert "adds credits to the selected one" not in text_of(app)


def test_the_frame_names_whose_things_are_seen():
    lead = replace(LIVE, role="lead", teams=("core", "web"))
    many = replace(lead, teams=tuple(f"team-{number}" for number in range(20)))
    for state, read_only, words in (
        (LIVE, False, "Keys  "),
        (LIVE, True, " read-only "),
        (lead, True, " read-only · core, web "),
        (lead, False, " lead of core, web "),
        (replace(LIVE, role="viewer"), False, " viewer "),
        (replace(LIVE, role="admin"), False, "Keys  "),
    ):
        line = masthead("keys", state, 100, read_only=read_only).plain
        assert words in line, line
    for width in (80, 120):
        line = masthead("keys", many, width, read_only=True)
        assert "read-only · team-0, team-1, te" in line.plain
        assert line.cell_length <= width


async def test_a_viewers_token_changes_the_machine_and_not_the_gateway():
    """Its keys for what changes the gateway are not offered, and say why not; a lead's are; settings are this machine's."""
    for role, refused in (("viewer", True), ("lead", False), ("admin", False), (None, False)):
        app = console("keys")
        async with app.run_test(size=(120, 36)) as pilot:
            await fill(app, pilot)
            app.link_state = replace(LIVE, role=role, teams=("core",) if role == "lead" else None)
            await settle(app, pilot)
            offered = {binding.action for binding in shown_bindings(app.screen)}
            assert ("create" in offered) is not refused
            await pilot.press("X")
            await settle(app, pilot)
            assert (len(app.screen_stack) == 1) is refused
            if refused:
                assert "a viewer's token only reads: keys stay as they are" in said(app)
                await pilot.press("comma")
                await settle(app, pilot)
                assert len(app.screen_stack) == 2


async def test_wallets_are_credited_by_an_admin_alone():
    for role, credits in (("viewer", False), ("lead", False), ("admin", True)):
        app = console("keys")
        async with app.run_test(size=(120, 36)) as pilot:
            await fill(app, pilot)
            app.link_state = replace(LIVE, role=role)
            await pilot.press("w")
            await settle(app, pilot)
            app.screen.post_message(WalletsDialog.Known(data.wallets()[0], None))
            await settle(app, pilot)
            assert "the movements are of all teams' requests" in text_of(app)
            assert ("⏎ adds credits to the selected one" in text_of(app)) is credits
            await pilot.press("plus")
            await settle(app, pilot)
            assert (len(app.screen_stack) == 3) is credits
