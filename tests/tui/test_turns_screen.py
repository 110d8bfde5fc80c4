"""Logs on a machine that has a Codex: its turns are there without any gateway, as they happen."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from joytui.core.filters import parse
from joytui.tui.logs import codex_turns, history
from tests.support.hang import HANG_S
from tests.support.rollout_corpus import Thread, Truth
from tests.tui.opening import console, text_of

AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


def write_turn(home: Path, number: int, error: str = "") -> Thread:
    """A thread of one turn, so many minutes after AT."""
    thread = Thread(
        random.Random(number), Truth(), AT + timedelta(minutes=number), version="0.171.0", cwd="/home/dev/shop"
    )
    thread.begin_turn()
    if not error:
        thread.answer((100 + number, 40, 7, 3))
    thread.end_turn(error or None)
    path = thread.write(home)
    os.utime(path, (thread.moment.timestamp(),) * 2)
    return thread


Until = Callable[[Callable[[], Any]], Any]


@asynccontextmanager
async def logs_of(home: Path) -> AsyncIterator[tuple[Any, Any, Until]]:
    app = console("logs", turns_home=home)
    async with app.run_test(size=(120, 40)) as pilot:

        async def until(holds: Callable[[], Any]) -> None:
            async with asyncio.timeout(HANG_S):
                while not holds():
                    await pilot.pause(0.02)

        await until(lambda: app.codex_turns is not None and app.codex_turns.looked)
        await until(lambda: app.store.turns_from is not None)
        yield app, pilot, until


async def test_what_is_there_and_what_happens(tmp_path: Path) -> None:
    write_turn(tmp_path, 0)
    write_turn(tmp_path, 1, "unexpected status 402 Payment Required: Wallet balance is too low, url: u, request id: r")
    async with logs_of(tmp_path) as (app, pilot, until):
        await until(lambda: "insufficient-quota: Wallet balance is too low" in text_of(app))
        shown = text_of(app)
        assert "Codex only: no gateway is running" in shown
        assert "shop  codex_exec/0.171.0" in shown
        titles = next(line.split() for line in shown.splitlines() if "status" in line)
        assert titles[:3] == ["time", "status", "model"], "no column for keys where no row has one"
        write_turn(tmp_path, 2)
        await until(lambda: "3 requests" in text_of(app))
        await pilot.press("enter")
        await until(lambda: "Codex's own file on this machine" in text_of(app))
        await pilot.press("escape", "v")
        await until(lambda: "One thread, turn by turn" in text_of(app))
        await pilot.press("escape", "s", "s")
        assert app.screen.filter_text == "-source:gateway"
        await until(lambda: len(app.screen.view.shown) == 3)
        await pilot.press("s")
        assert app.screen.filter_text == ""


async def test_nothing_is_said_before_it_was_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    look = asyncio.Event()
    run = codex_turns.CodexTurns.run

    async def later(self: codex_turns.CodexTurns) -> None:
        await look.wait()
        await run(self)

    monkeypatch.setattr(codex_turns.CodexTurns, "run", later)
    app = console("logs", turns_home=tmp_path)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        app.screen.each_second()
        await pilot.pause()
        assert "Reading what Codex did" in text_of(app)
        look.set()
        async with asyncio.timeout(HANG_S):
            while "Codex has done nothing on this machine yet" not in text_of(app):
                await pilot.pause(0.02)


async def test_older_turns_come_a_page_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (codex_turns, history):
        monkeypatch.setattr(module, "PAGE", 6)
    monkeypatch.setattr(codex_turns, "FIRST", 4)
    for number in range(20):
        write_turn(tmp_path, number, "unexpected status 402 Payment Required: no" if number == 1 else "")
    async with logs_of(tmp_path) as (app, pilot, until):
        await until(lambda: len(app.store) == 6)
        await pilot.press("home")
        await until(lambda: len(app.store) == 12)
        await pilot.press("E")
        await until(lambda: (there := app.screen.selected()) is not None and there.status == 402)
        numbers = [app.store.record(row).input_tokens for row in range(len(app.store))]
        assert numbers == [0 if number == 1 else 100 + number for number in range(20)]
        assert app.store.turns_from == 0
        app.screen.set_filter("input:103")
        await until(lambda: len(app.screen.view.shown) == 1)


async def test_a_filter_finds_turns_that_are_not_here_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (codex_turns, history):
        monkeypatch.setattr(module, "PAGE", 6)
    monkeypatch.setattr(codex_turns, "FIRST", 4)
    for number in range(20):
        write_turn(tmp_path, number)
    async with logs_of(tmp_path) as (app, _, until):
        await until(lambda: len(app.store) == 6)
        app.screen.set_filter("tokens:110")
        assert parse(app.screen.filter_text)
        await until(lambda: len(app.screen.view.shown) == 1)
        assert app.screen.view.shown.record(0).input_tokens == 103
