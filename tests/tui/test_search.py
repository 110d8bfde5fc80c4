"""Search: what a query finds while it is typed, and where it leads."""

from __future__ import annotations

import pytest

from joytui.tui.screens.search import SearchDialog
from joytui.tui.search.candidates import MOST, Candidate, found, of_store, unique
from tests.tui.opening import SIZE, console, fill, settle, text_of

NAMED = [
    Candidate("key", "ci-nightly", "active", "key_1"),
    Candidate("key", "codex-anna", "active", "key_2"),
    Candidate("owner", "Anna Berger", "2 keys", "Anna Berger"),
    Candidate("model", "gpt-5.4-mini", "economy", "used:gpt-5.4-mini"),
    Candidate("command", "Export", "x", "x"),
    Candidate("thread", "0199f3a0-1111-7000", "", "thread:0199f3a0-1111-7000"),
    Candidate("request", "req-00000000000000ab", "", "id:req-00000000000000ab"),
]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("anna", "Anna Berger"), ("codex-a", "codex-anna"), ("cnight", "ci-nightly"), ("mini", "gpt-5.4-mini"), ("exp", "Export"),
        ("f3a0-11", "0199f3a0-1111-7000"), ("00ab", "req-00000000000000ab"),
    ],
)  # fmt: skip
def test_the_best_comes_first(query: str, first: str) -> None:
    assert found(query, NAMED)[0].candidate.text == first


def test_what_is_not_there_finds_nothing() -> None:
    assert found("", NAMED) == []
    assert found("zzz", NAMED) == []
    assert found("r0b", NAMED[-2:]) == [], "letters here and there find any id"
    assert len(found("a", [Candidate("key", f"a{n}", "", "") for n in range(99)])) == MOST
    assert len(unique(NAMED * 2)) == len(NAMED)


@pytest.mark.slow
async def test_requests_models_threads_and_commands_are_found_while_typing() -> None:
    app = console("logs")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        kinds = {one.kind for one in of_store(app.store)}
        assert kinds == {"request", "model", "thread"}
        await pilot.press("ctrl+f", *"compa")
        await settle(app, pilot)
        assert "command  Compare" in text_of(app)
        await pilot.press(*["backspace"] * 5, *"haiku")
        await settle(app, pilot)
        assert "model    claude-haiku-5" in text_of(app)
        await pilot.press("enter")
        await settle(app, pilot)
        assert app.screen.filter_text == "used:claude-haiku-5"


async def test_a_command_is_run_on_the_screen_below() -> None:
    app = console("usage")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("ctrl+f", *"table")
        await settle(app, pilot)
        assert isinstance(app.screen, SearchDialog)
        await pilot.press("enter")
        await settle(app, pilot)
        assert app.screen.has_class("-table")


async def test_the_palette_names_the_keys() -> None:
    app = console("logs")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        helps = {command.title: command.help for command in app.get_system_commands(app.screen)}
    assert helps["Export"].startswith("x  ")
    assert helps["Search"].startswith("^f  ")
