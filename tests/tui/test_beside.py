"""Codex's turns among the rows of the log, in whichever order they and the gateway's requests come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from joytui.core.clock import rfc3339
from joytui.core.columnar import Block
from joytui.core.filters import parse
from joytui.core.request import RequestRecord
from joytui.tui.logs.beside import Beside
from joytui.tui.logs.shown import Shown
from joytui.tui.logs.store import LogStore
from tests.support.log_rows import block_of_records
from tests.usage.test_joined import AT, request, turn


def rows(store: LogStore) -> list[str]:
    """What stands in the log: "g" and "r" (who tells of it) with the number of the turn, and "…" while it runs."""
    shown = []
    for row in range(len(store)):
        record = store.record(row)
        told = "".join(one[0] for one in record.sources)
        shown.append(told + (record.turn_id or "").removeprefix("turn-") + "…" * record.running)
    return shown


def requests(*records: RequestRecord) -> Block:
    return block_of_records(records)


def at(record: RequestRecord, minutes: float) -> RequestRecord:
    return replace(record, time=rfc3339(AT + timedelta(minutes=minutes)))


def test_the_end_is_the_same_in_any_order() -> None:
    """A turn that begins and ends, and its two requests, the first of them admitted and ended."""
    running = request(1, status=None, latency_ms=None)
    second = request(1, id="req-00000000000000ff", upstream_id="resp-other")
    steps: list[Callable[[LogStore, Beside], None]] = [
        lambda store, beside: beside.tell([turn(1, outcome="running", responses=())]),
        lambda store, beside: beside.tell([turn(1)]),
        lambda store, beside: store.take_in(requests(running)),
        lambda store, beside: store.take_in(requests(request(1))),
        lambda store, beside: store.take_in(requests(second)),
    ]
    orders = [
        order for order in permutations(range(5)) if order.index(0) < order.index(1) and order.index(2) < order.index(3)
    ]
    for order in orders:
        store = LogStore()
        beside = Beside(store)
        for step in order:
            steps[step](store, beside)
        assert rows(store) == ["gr1", "gr1"], order
        assert {store.id(row) for row in range(2)} == {request(1).id, second.id}, order


def test_a_turn_that_no_gateway_sees_runs_and_ends_in_its_place() -> None:
    store = LogStore()
    beside = Beside(store)
    beside.tell([turn(1), turn(2, outcome="running")])
    store.take_in(requests(request(3)))
    assert rows(store) == ["r1", "r2…", "g3"]
    beside.tell([turn(2, outcome="failed", error="no", error_info="other")])
    assert rows(store) == ["r1", "r2", "g3"]
    assert list(store.failed) == [1]
    assert store.record(1).status is None
    assert len(Shown(store, parse("is:error"))) == 1
    assert len(Shown(store, parse("is:running"))) == 0
    assert len(Shown(store, parse("status>=400"))) == 0
    assert len(Shown(store, parse("source:rollout"))) == 2


def test_rows_of_long_ago_are_put_where_they_belong() -> None:
    store = LogStore()
    beside = Beside(store)
    store.take_in(requests(*(request(number) for number in (10, 20, 30))))
    beside.tell([turn(15), turn(5)])
    assert rows(store) == ["r5", "g10", "r15", "g20", "g30"]


@pytest.mark.parametrize(
    ("older", "shown"), [(None, ["r1", "g10", "r11", "gr20"]), ("req-0000000000000001", ["g10", "r11", "gr20"])]
)
def test_the_newest_page_leaves_no_gap(older: str | None, shown: Sequence[str]) -> None:
    """Turns from before it wait where the gateway has more requests from their time."""
    store = LogStore()
    beside = Beside(store)
    store.turns_from = 0
    beside.tell([turn(1), turn(11), turn(20)])
    store.open_with(requests(request(10), request(20)), older)
    assert rows(store) == shown
    assert (store.turns_from > 0) is (older is not None)


def test_a_page_of_older_requests_with_the_turns_of_its_time() -> None:
    store = LogStore()
    beside = Beside(store)
    store.take_in(requests(at(request(9), 8.5), request(10)))
    page = beside.among(requests(request(2), request(4)), [turn(3), turn(4), turn(9, time=AT + timedelta(minutes=8))])
    shown = Shown(store)
    assert shown.prepend(page) == 3
    assert rows(store) == ["g2", "r3", "gr4", "gr9", "g10"]


def test_hidden_tests_come_back_among_the_turns() -> None:
    store = LogStore()
    beside = Beside(store)
    beside.tell([turn(1), turn(3)])
    store.take_in(requests(request(2, doctor=True), request(4)))
    assert rows(store) == ["r1", "r3", "g4"]
    store.show_tests(True)
    assert rows(store) == ["r1", "g2", "r3", "g4"]
    store.show_tests(False)
    assert rows(store) == ["r1", "r3", "g4"]
