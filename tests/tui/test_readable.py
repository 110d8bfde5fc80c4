"""A few states at the smallest size are readable, and what judges them sees what is wrong. `test_pictures` judges all states."""

from __future__ import annotations

import pytest

from joytui.tui.logs.days import Days
from joytui.tui.widgets import sorted_table
from tests.tui.readable import faults
from tests.tui.states import STATES, opened

NAMED = {state.name: state for state in STATES}
SMALLEST = (80, 24)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["logs-days-above", "usage-table-sorted", "keys-problem"])
async def test_a_screen_is_readable_where_it_is_smallest(name: str) -> None:
    async with opened(NAMED[name], SMALLEST) as (app, _):
        assert faults(app) == []


@pytest.mark.slow
async def test_a_day_without_its_line_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Days, "find", lambda *_: False)
    async with opened(NAMED["logs-days"], (120, 60)) as (app, _):
        assert any(fault.startswith("a time without its day") for fault in faults(app))


@pytest.mark.slow
async def test_an_amount_beside_its_point_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorted_table, "_fitted", lambda cell, *_: cell)
    async with opened(NAMED["usage-table"], SMALLEST) as (app, _):
        assert any("is not under its title" in fault for fault in faults(app))
