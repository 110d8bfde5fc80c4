"""A read-only console: what changes something is refused with a line, and its keys are not offered."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from joytui.tui.app import ConsoleApp
from joytui.tui.read_only import REFUSED
from joytui.tui.widgets.keybar import KeyBar, shown_bindings
from tests.tui import data
from tests.tui.opening import console, fill, settle, text_of

# Every other action of the screens and of the console: each was judged to change nothing beyond this console's own view
# and the user's clipboard. A new action belongs into one of the two.
HARMLESS = {
    "": {"show_screen", "search", "jump", "next_theme", "cancel_start", "dismiss_alert", "quit", "suspend_process", "help", "outliers", "messages", "owner", "views"},
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
        assert "credits the chosen one" not in text_of(app)
