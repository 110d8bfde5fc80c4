"""The audit log on the screen: what was changed, by whom, from what to what; filtered, exported, and over a real gateway."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from joytui.core.audit_words import change, facts
from joytui.core.errors import UnreachableError
from joytui.tui.export.screens import changes_exported
from joytui.tui.screens.audit import MOST, AuditDialog
from joytui.tui.widgets.sorted_table import SortedTable
from tests.tui import data
from tests.tui.opening import console, fill, settle, text_of


async def over(app: Any, pilot: Any) -> AuditDialog:
    await fill(app, pilot)
    screen = AuditDialog()
    await app.push_screen(screen)
    screen.show(data.changes())
    await settle(app, pilot)
    return screen


def test_a_change_in_words() -> None:
    edited, wallet, created, *_, revoked = data.changes()
    assert change(edited) == "daily limit: 40 → 60, ip allow: – → 10.0.0.0/8, 192.168.0.0/16"
    assert change(wallet) == "balance: 12.5 → 40"
    assert (change(created), change(revoked)) == ("", "")
    assert ("owner", "–", "Ben") in facts(created)
    assert ("role", "viewer", "–") in facts(revoked)


async def test_newest_first_and_the_chosen_one_before_and_after() -> None:
    app = console("usage")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await over(app, pilot)
        shown = text_of(app)
        assert "8 changes" in shown
        assert shown.index("key edited") < shown.index("wallet set") < shown.index("token revoked")
        assert "40 → 60" in shown
        await pilot.press("down")
        await settle(app, pilot)
        assert "12.5 → 40" in screen.query_one("#entry").render().plain


async def test_every_word_filters_also_what_was_changed() -> None:
    app = console("usage")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await over(app, pilot)
        for typed, ids in (("bea KEY", {"0", "2"}), ("192.168", {"0"}), ("max_completion", {"5"}), ("zzz", set())):
            await pilot.press("slash", "ctrl+u", *typed)
            await settle(app, pilot)
            assert {line.id.removeprefix("audit_") for line in screen._shown} == ids, typed
        assert "No change matches" in text_of(app)
        await pilot.press("escape")
        await settle(app, pilot)
        assert "8 changes" in text_of(app)
        await pilot.press("escape")
        await settle(app, pilot)
        assert len(app.screen_stack) == 1


def test_the_export_holds_what_is_listed() -> None:
    exported = changes_exported(data.changes()[:2], " daily ", data.NOW)
    assert exported is not None
    assert (exported.name, exported.what) == ("joytui-audit-2026-11-23", "2 changes · daily")
    first, *rows = exported.text("csv").splitlines()
    assert first == "time,token,what,name,subject,fact,before,after"
    assert rows[0].endswith(",bea (lead),key edited,codex-ben,key_3W1,policy.daily_limit,40,60")
    assert len(rows) == 3
    assert json.loads(exported.text("json"))["entries"][1]["after"] == {"balance": "40"}
    assert changes_exported((), "", data.NOW) is None


class Gateway:
    """The console API's side: the changes, or no answer."""

    url, local = "http://gateway", None

    def __init__(self) -> None:
        self.found = list(data.changes())[1:]
        self.away = False
        self.asked: list[int] = []

    async def audit(self, *, limit: int) -> Any:
        self.asked.append(limit)
        if self.away:
            raise UnreachableError("the gateway does not answer")
        return self.found[:limit]


class Over:
    """A link to it."""

    def __init__(self, client: Gateway) -> None:
        self.client = client

    def wanted(self) -> bool:
        return False

    async def leave(self) -> None:
        return None


async def test_newer_changes_come_by_themselves_and_the_cursor_stays() -> None:
    gateway = Gateway()
    app: Any = console("usage", link=lambda changed: Over(gateway))
    async with app.run_test(size=(120, 40)) as pilot:
        await fill(app, pilot)
        screen = AuditDialog()
        await app.push_screen(screen)
        await settle(app, pilot)
        await pilot.press("down")
        here = screen.query_one(SortedTable).entry().id
        screen._tick()
        await settle(app, pilot)
        assert gateway.asked == [MOST, 1], "nothing newer: nothing is read again"
        gateway.found = list(data.changes())
        screen._tick()
        await settle(app, pilot)
        assert "8 changes" in text_of(app)
        assert screen.query_one(SortedTable).entry().id == here
        gateway.away = True
        screen._tick()
        await settle(app, pilot)
        assert "✗ the gateway does not answer  ·  as of " in text_of(app)
        gateway.away = False
        screen._tick()
        await settle(app, pilot)
        assert "8 changes" in text_of(app)


async def test_a_read_only_console_writes_no_file(tmp_path: Path) -> None:
    app = console("usage", read_only=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await over(app, pilot)
        assert "x exports" not in text_of(app)
        await pilot.press("x")
        await settle(app, pilot)
        assert isinstance(app.screen, AuditDialog)


@pytest.mark.parametrize(
    ("known", "says"),
    [
        (AuditDialog.Known(), "Nobody has changed anything yet"),
        (AuditDialog.Known(problem="the gateway failed: HTTP 500"), "✗ the gateway failed: HTTP 500"),
        (AuditDialog.Known(problem="no", beyond=True), "a lead's token sees only its own"),
        (AuditDialog.Known(data.changes() * (MOST // 8)), "older ones: `joytui audit --limit 5000`"),
    ],
)
async def test_where_there_is_nothing_it_says_why(known: AuditDialog.Known, says: str) -> None:
    app = console("usage")
    async with app.run_test(size=(120, 40)) as pilot:
        await over(app, pilot)
        app.screen.post_message(known)
        await settle(app, pilot)
        assert says in text_of(app)
