"""The doctor's test requests on the screens: kept aside, counted, shown when asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from joytui.core.columnar import block_of
from joytui.core.request import request_id
from joytui.core.token_counts import UsageTotals
from joytui.tui.logs.store import LogStore
from tests.tui import data
from tests.tui.opening import LIVE, console, settle, text_of, usage

MANY = 12


def rows() -> list[dict[str, Any]]:
    """Requests of which every third is the doctor's."""
    return [
        {**row, "id": request_id(place + 1), "doctor": place % 3 == 0} for place, row in enumerate(data.requests(MANY))
    ]


def ids(store: LogStore) -> list[str]:
    return [store.id(row) for row in range(len(store))]


def test_hidden_ones_come_back_at_their_place():
    whole, store = LogStore(), LogStore()
    whole.append(rows())
    store.append_block(store.sorted_out(block_of(rows()[:7])))
    store.append_block(store.sorted_out(block_of(rows()[5:])))
    mine = [row["id"] for row in rows() if not row["doctor"]]
    assert (ids(store), store.hidden) == (mine, MANY - len(mine))
    epoch = store.epoch
    store.show_tests(True)
    assert (ids(store), store.hidden) == (ids(whole), 0)
    assert store.epoch > epoch
    assert [store.record(row) for row in range(MANY)] == [whole.record(row) for row in range(MANY)]
    assert store.find(rows()[3]["id"]) == 3
    store.append_block(store.sorted_out(block_of(rows()[3:4])))  # its end, in its place
    store.show_tests(False)
    assert (ids(store), store.hidden, store.errors) == (mine, MANY - len(mine), errors_of(rows()))


def errors_of(some: list[dict[str, Any]]) -> int:
    return sum((row["status"] or 0) >= 400 for row in some if not row["doctor"])


def test_what_is_older_than_the_rows_stays_the_gateway_s_to_show():
    store = LogStore()
    store.append_block(store.sorted_out(block_of(rows())))
    store.cut(4)
    assert store.older == rows()[6]["id"]
    store.show_tests(True)
    assert ids(store) == [row["id"] for row in rows()[6:]]


async def test_t_shows_and_hides_them_in_logs():
    app = console("logs")
    async with app.run_test(size=(120, 30)) as pilot:
        app.link_state = LIVE
        app.store.append_block(app.store.sorted_out(block_of(rows())))
        await settle(app, pilot)
        app.screen.each_second()
        assert "4 doctor tests hidden" in text_of(app)
        await pilot.press("T")
        await settle(app, pilot)
        assert len(app.screen.view.shown) == MANY
        assert "hidden" not in text_of(app)
        await pilot.press("T")
        await settle(app, pilot)
        assert len(app.screen.view.shown) == MANY - 4
        app.screen.set_filter("is:doctor")
        assert len(app.screen.view.shown) == 4
        app.screen.set_filter("")
        assert len(app.screen.view.shown) == MANY - 4


async def test_usage_says_how_many_are_left_out():
    app = console("usage")
    async with app.run_test(size=(120, 30)) as pilot:
        app.link_state = LIVE
        await settle(app, pilot)
        app.screen.show(replace(usage(), left_out=UsageTotals(requests=3)))
        await settle(app, pilot)
        assert "3 doctor tests left out" in text_of(app)
        await pilot.press("T")
        assert app.screen.snapshot.asked.tests is True
