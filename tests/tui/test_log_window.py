"""The oldest rows leave while the newest are followed: memory stays where it is, and nothing is lost to who looks back."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joytui.core.columnar import Block, block_of
from joytui.core.filter_meaning import predicate
from joytui.core.filters import Term, parse
from joytui.core.places import places
from joytui.core.request import RequestRecord, request_number
from joytui.tui.app import ConsoleApp
from joytui.tui.link import Link
from joytui.tui.logs import shown as shown_module
from joytui.tui.logs import store as store_module
from joytui.tui.logs.histogram import count
from joytui.tui.logs.history import LARGE_PAGE, MOST_PAGES
from joytui.tui.logs.shown import Shown
from joytui.tui.logs.store import CHUNK, READING, WINDOW, LogStore
from joytui.tui.options import Options
from tests.support.examples import examples
from tests.support.hang import HANG_S
from tests.support.log_rows import block_of_records
from tests.tui import data
from tests.tui.opening import LIVE as LINK_LIVE
from tests.tui.opening import console, settle
from tests.tui.test_logs import long_ledger  # noqa: F401

TEMPLATE = data.requests(1)[0]
FEW = settings(max_examples=examples(60), deadline=None)


def row(number: int, status: int | None = 200, **values: Any) -> dict[str, Any]:
    """The request of that number, one a second."""
    return {
        **TEMPLATE, "id": f"req-{number:016x}", "request_id": f"0199f3a2-0000-7c11-9d20-{number:012x}", "upstream_id": None,
        "time": f"2026-11-23T{8 + number // 3600:02d}:{number // 60 % 60:02d}:{number % 60:02d}.000Z", "status": status, **values,
    }  # fmt: skip


class Gateway:
    """Has all rows; answers as the real one does: the newest of those before an id, oldest first."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        whole = LogStore()
        whole.append(rows)
        self.records = sorted((whole.record(place) for place in range(len(whole))), key=lambda r: request_number(r.id))

    def page(self, edge: str | None, size: int, term: Term | None = None) -> tuple[Block, str]:
        holds = predicate(term) if term is not None else lambda record: True
        before = request_number(edge or "") or 1 << 63
        found = [r for r in self.records if request_number(r.id) < before and holds(r)]
        return block_of_records(found[-size:]), found[-size].id if len(found) > size else "end"


def load_all(shown: Shown, gateway: Gateway, size: int) -> None:
    """Scrolls back to the very first request."""
    shown.store.held = True
    while shown.older != "end":
        block, edge = gateway.page(shown.older, size, shown.term)
        shown.prepend(block)
        shown.older = edge


def records_of(shown: Shown) -> list[RequestRecord]:
    shown.refresh()
    return [shown.record(place) for place in range(len(shown))]


NUMBERS = st.lists(st.integers(1, 60), min_size=1, max_size=40, unique=True)
TERMS = st.sampled_from([None, parse("status:4xx"), parse("is:running"), parse("-status:200"), parse("req")])


@FEW
@given(NUMBERS, st.data(), TERMS, st.booleans())
def test_whatever_leaves_is_counted_and_comes_back_once(
    numbers: list[int], draw: st.DataObject, term: Term | None, held: bool
) -> None:
    """Rows in nearly any order, chunks that leave between them, running ones that end, a filter or none."""
    statuses = draw.draw(st.lists(st.sampled_from([None, 200, 402]), min_size=len(numbers), max_size=len(numbers)))
    rows = [row(number, status) for number, status in zip(numbers, statuses, strict=True)]
    cuts = draw.draw(st.lists(st.integers(0, 10), min_size=len(rows), max_size=len(rows)))
    store = LogStore()
    store.held = held
    shown = Shown(store, term)
    moves: list[int] = []
    shown.attach(moves.append)
    before, shown_module.STAYING = shown_module.STAYING, 3
    try:
        for one, cut in zip(rows, cuts, strict=True):
            store.append([one])
            if cut > 7:
                shown.refresh()
            store.drop(min(max(0, cut - 6), len(store)))
        ended = [{**one, "status": 500} if one["status"] is None else one for one in rows]
        store.append([after for one, after in zip(rows, ended, strict=True) if one is not after])
        assert store.away.requests + len(store) == len(rows)
        gateway = Gateway(ended)
        load_all(shown, gateway, 4)
    finally:
        shown_module.STAYING = before
    holds = predicate(term) if term is not None else lambda record: True
    wanted = [record for record in gateway.records if holds(record)]
    assert sorted(records_of(shown), key=lambda r: r.id) == wanted
    assert shown.away.requests == 0
    assert shown.errors == sum((record.status or 0) >= 400 for record in wanted)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A window of 200 to 300 rows, and room for all that a reader meets."""
    monkeypatch.setattr(store_module, "WINDOW", 300)
    monkeypatch.setattr(store_module, "READING", 10_000)
    monkeypatch.setattr(store_module, "CHUNK", 100)


@pytest.mark.usefixtures("small")
def test_the_newest_stay_and_all_are_counted() -> None:
    store = LogStore()
    shown = Shown(store)
    for start in range(1, 2001, 50):
        store.append([row(number, 402 if number % 10 == 0 else 200) for number in range(start, start + 50)])
        assert len(store) <= 300
    shown.refresh()
    assert (shown.total, shown.errors) == (2000, 200)
    assert store.find(row(1)["request_id"]) is None
    assert request_number(store.older or "") == request_number(shown.id(0))
    store.held = True
    store.append([row(number) for number in range(2001, 3001)])
    assert len(store) > 1000


def test_a_reader_has_room_for_what_the_gateway_brings() -> None:
    """Up to an older failure, beside a window that is full: nothing of that leaves at once."""
    assert WINDOW % CHUNK == 0
    assert READING >= WINDOW + MOST_PAGES * LARGE_PAGE


@pytest.mark.usefixtures("small")
def test_the_chart_still_knows_what_has_left() -> None:
    store = LogStore()
    shown = Shown(store)
    for start in range(1, 3001, 50):
        store.append([row(number, 402 if number % 10 == 0 else 200) for number in range(start, start + 50)])
    shown.refresh()
    counts = count(shown, 60, shown.time(len(shown) - 1))
    assert sum(counts.requests) == 3000
    assert sum(counts.errors) == 300
    assert counts.span_s == 3600
    assert sum(many > 0 for many in counts.requests) >= 50


def test_the_chart_stands_still_until_its_newest_bucket_is_over() -> None:
    store = LogStore()
    store.append([row(1)])
    shown = Shown(store)
    shown.refresh()
    now = shown.time(0) + 1
    counts = count(shown, 60, now)
    width = counts.span_s * 1000 // 60
    assert now <= counts.end_ms < now + width
    assert counts.requests[-1] == 1
    assert count(shown, 60, counts.end_ms) == counts
    assert count(shown, 60, counts.end_ms + 1).end_ms == counts.end_ms + width


@pytest.mark.usefixtures("small")
def test_texts_that_only_old_rows_had_leave_with_them() -> None:
    store = LogStore()
    for start in range(1, 12_001, 50):
        store.append([row(number, error_message=f"0.{number} Cr left") for number in range(start, start + 50)])
    assert len(store.text["error_message"].values) < 4 * 300 + 1_000
    assert store.record(len(store) - 1).error_message == "0.12000 Cr left"
    assert store.text["error_message"].rows.itemsize <= 2


def test_a_request_that_runs_long_is_ended_where_it_stands() -> None:
    store = LogStore()
    store.append([row(1, None), *(row(number) for number in range(2, 40))])
    store.drop(30)
    assert [store.id(place) for place in range(2)] == [row(1)["id"], row(31)["id"]]
    store.append([row(1, 504)])
    assert len(store) == 10
    assert store.status[0] == 504


async def caught_up(app: Any, pilot: Any) -> None:
    """Until the list has taken over what the store has: in a flood it does so a few times a second."""
    view = app.screen.view
    while view._seen != app.store.version:
        await pilot.pause(0.02)
        view.catch_up()
    app.screen.each_second()
    await settle(app, pilot)


def block(numbers: range) -> Block:
    return block_of([row(number) for number in numbers])


@pytest.mark.usefixtures("small")
async def test_a_followed_list_loses_no_mark_and_a_paused_one_no_row() -> None:
    app = console("logs")
    async with app.run_test(size=(120, 40)) as pilot:
        app.link_state = LINK_LIVE
        app.store.append_block(block(range(1, 151)))
        await pilot.pause()
        view = app.screen.view
        view.catch_up()
        await pilot.press("up", "space", "G")
        marked = row(149)["id"]
        for start in range(151, 2001, 50):
            app.store.append_block(block(range(start, start + 50)))
            assert view.cursor < len(view.shown)
        await caught_up(app, pilot)
        assert len(app.store) <= 300
        assert view.shown.find(marked) is None
        assert "2,000 requests" in app.screen.query_one("#context").render().plain
        await pilot.press("equals_sign")
        await settle(app, pilot)
        assert app.screen.__class__.__name__ == "CompareDialog"
        await pilot.press("escape")
        await pilot.press("home")
        here, long = app.screen.selected(), len(app.store)
        for start in range(2001, 4001, 50):
            app.store.append_block(block(range(start, start + 50)))
        await caught_up(app, pilot)
        assert app.screen.selected() == here
        assert len(app.store) == long + 2000
        assert view.fresh == 2000
        await pilot.press("G")
        app.store.append_block(block(range(4001, 4051)))
        await caught_up(app, pilot)
        assert len(app.store) == 200
        assert app.screen.selected().id == row(4050)["id"]


@pytest.mark.usefixtures("small")
async def test_a_followed_filter_keeps_what_it_found() -> None:
    """One failed in the first chunk: it stands there while thousands go by."""
    app = console("logs")
    async with app.run_test(size=(120, 40)) as pilot:
        app.link_state = LINK_LIVE
        app.store.append([row(number, 402 if number in (7, 90) else 200) for number in range(1, 151)])
        await pilot.pause()
        app.screen.set_filter("status:402")
        for start in range(151, 2001, 50):
            app.store.append_block(block(range(start, start + 50)))
        app.store.append([row(2001, 402)])
        await caught_up(app, pilot)
        view = app.screen.view
        assert [view.shown.id(place) for place in range(len(view.shown))] == [row(n)["id"] for n in (7, 90, 2001)]
        assert list(view.shown.failed) == [0, 1, 2]
        assert view.shown.older == "end"


# Over a real gateway


def insert(ledger: Path, numbers: range, start_ms: int) -> None:
    """Ended requests, a millisecond after each other, as another process of the gateway would write them."""
    with sqlite3.connect(ledger) as connection:
        last = connection.execute("SELECT max(seq) FROM request").fetchone()[0]
        connection.executemany(
            "INSERT INTO request (n, started_at, seq, model, endpoint, status, stream, request_id) VALUES (?, ?, ?, 'auto', '/x', 200, 1, ?)",
            [(start_ms + n << 21, start_ms + n, last + n, f"live-{n}") for n in numbers],
        )
    connection.close()


@pytest.mark.slow
@pytest.mark.usefixtures("small", "machine_clock")
async def test_what_has_left_comes_back_from_the_gateway(long_ledger: dict[str, str]) -> None:  # noqa: F811
    """1,300 requests there, 900 more while it follows: scrolled back to the first, all are there, once and in order."""
    where = places(long_ledger)
    ledger = where.data_dir / "ledger.sqlite3"
    app = ConsoleApp(Options(places=where, screen="logs", theme="dark", link=lambda changed: Link(where, changed)))
    async with app.run_test(size=(120, 40)) as pilot:
        start_ms = int(time.time() * 1000)

        async def until(holds: Callable[[], bool]) -> None:
            async with asyncio.timeout(HANG_S):
                while not holds():
                    await pilot.pause(0.02)

        await until(lambda: app.link_state.phase == "live" and len(app.store) > 0)
        shown = app.screen.view.shown
        for start in range(1, 901, 300):
            insert(ledger, range(start, start + 300), start_ms)
            await until(lambda seen=start: app.store.find(f"live-{seen + 299}") is not None)
        await until(lambda: shown.total == 1400)
        assert len(app.store) <= 300
        await pilot.press("E")  # the only failure is the very first request
        await until(lambda: not app.screen.view.follow)
        assert app.screen.selected().status == 402
        assert shown.older == "end"
        numbers = [request_number(shown.id(place)) for place in range(len(shown))]
        assert numbers == sorted(set(numbers))
        assert len(numbers) == shown.total == 2200
        await pilot.press("G")
        insert(ledger, range(901, 902), start_ms)
        await until(lambda: len(app.store) == 200)
        await until(lambda: app.screen.selected().request_id == "live-901")
        app.workers.cancel_group(app, "link")
        await until(lambda: app.link is not None and app.link.wanted())
        insert(ledger, range(902, 903), start_ms)
        app.need_gateway(start=False)  # goes on behind what is here
        await until(lambda: app.screen.selected().request_id == "live-902")
        assert len(app.store) == 201
        assert [shown.record(place).request_id for place in (0, 200)] == ["live-702", "live-902"]
        assert request_number(shown.older or "") <= request_number(shown.id(0))
        app.screen.go_to("live-3")
        await until(lambda: (there := app.screen.selected()) is not None and there.request_id == "live-3")


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("filter_text", ["", "status:402"])
async def test_what_is_read_stays_in_sight_also_at_the_cap(filter_text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody reads, and more comes than a console keeps at all: a filter keeps what it found, the rest moves up."""
    monkeypatch.setattr(store_module, "READING", 500)
    app = console("logs")
    async with app.run_test(size=(120, 40)) as pilot:
        app.link_state = LINK_LIVE
        app.store.append([row(number, 402 if number % 2 else 200) for number in range(1, 301)])
        await caught_up(app, pilot)
        if filter_text:
            app.screen.set_filter(filter_text)
        view = app.screen.view
        view.go(view.shown.find(row(201)["id"]))
        await settle(app, pilot)
        above = view.cursor - int(view.scroll_offset.y)
        for start in range(301, 601, 50):
            app.store.append([row(number, 402 if number % 2 else 200) for number in range(start, start + 50)])
            assert app.screen.selected().id == row(201)["id"]
        await caught_up(app, pilot)
        assert len(app.store) == 450
        assert app.screen.selected().id == row(201)["id"]
        assert abs(view.cursor - int(view.scroll_offset.y) - above) <= 1
        assert view.fresh == (150 if filter_text else 300)
        assert view.shown.total == (300 if filter_text else 600)
        app.store.append([row(number) for number in range(601, 1201)])
        await caught_up(app, pilot)
        assert app.screen.selected().id == (row(201) if filter_text else row(801))["id"]
