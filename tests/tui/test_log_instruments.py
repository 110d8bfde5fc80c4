"""Failures by pattern, a thread by turns, latency by hour, reasons in one column. Pure."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest

from joytui.core.filters import parse
from joytui.core.wire import LatencyView
from joytui.tui.logs.format import cells, layout
from joytui.tui.logs.latency import bars, hours, words
from joytui.tui.logs.patterns import failures, pattern
from joytui.tui.logs.select import matching
from joytui.tui.logs.shown import Shown
from joytui.tui.logs.store import LogStore
from joytui.tui.logs.turns import turns
from tests.tui import data


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("daily limit of 2 Cr reached: 0.0031 Cr left", "daily limit of … Cr reached: … Cr left"),
        ("7.63 of the limit of 40 are left; resets 2026-11-30T00:00:00Z", "… of the limit of … are left; resets …"),
        ("IP 203.0.113.7 is not allowed (allowed: 10.0.0.0/8)", "IP … is not allowed (allowed: …)"),
        ("model not found: gpt-5.4-turbo (use auto)", "model not found: … (use auto)"),
        (
            "no thread '0199f3a2-0007-7c11-9d20-000000000000' at https://a.example/v1, 3 times",
            "no thread … at …, … times",
        ),
        ("the upstream closed the connection", "the upstream closed the connection"),
        ("", ""),
    ],
)
def test_what_varies_is_left_out_of_a_pattern(message: str, words: str) -> None:
    assert pattern(message) == words


def test_every_failure_is_in_one_pattern_and_its_filter_finds_it() -> None:
    store = LogStore()
    rows = data.requests()
    for place, row in enumerate(rows):
        if row["status"] == 402:
            row["error_message"] = f"daily limit of {place} Cr reached: 0.{place} Cr left"
    store.append(rows)
    found = failures(Shown(store))
    assert sum(one.many for one in found) == store.errors
    assert len(found) == 5
    assert [one.many for one in found] == sorted((one.many for one in found), reverse=True)
    for one in found:
        matched = matching(parse(one.filter), store)
        assert len(matched) == one.many == one.keys.total()
        times = [store.time[row] for row in matched]
        assert (min(times), max(times)) == (one.first_ms, one.last_ms)


def test_a_pattern_of_nothing_but_what_varies_still_has_a_filter() -> None:
    store = LogStore()
    store.append([{**data.requests(2)[0], "status": 500, "error_message": '"12"', "cause": None, "error_type": None}])
    (one,) = failures(Shown(store))
    assert list(matching(parse(one.filter), store)) == [0]


def test_a_thread_is_its_turns_and_their_costs_add_up() -> None:
    records = data.thread_records()
    found = turns(reversed(records))
    assert [turn.number for turn in found] == list(range(1, len(found) + 1))
    assert sum(len(turn.requests) for turn in found) == len(records)
    assert found[-1].spent_nano == sum(record.cost_nano for record in records)
    assert [turn.begin_ms for turn in found] == sorted(turn.begin_ms for turn in found)
    assert found[-1].took_ms is None  # its last request still runs
    assert all(turn.took_ms is not None for turn in found[:-1])
    alone = turns([record for record in records if record.id == records[0].id])
    assert alone[0].filter == f'turn:"{records[0].turn_id}"'


def test_latency_has_every_hour_of_its_day_and_its_bars_end_at_the_percentiles() -> None:
    begin = data.NOW.replace(minute=0, second=0) - timedelta(hours=23)
    found = hours(data.latencies(), begin, UTC)
    labels, series = bars(found, "latency")
    assert len(found) == len(labels) == 24
    assert labels[0] == "Sun 15:00"
    p99 = [(hour.ms["latency"][2] or 0) / 1000 for hour in found]
    assert [sum(column) for column in zip(*series, strict=True)] == pytest.approx(p99)
    assert words(next(hour for hour in found if not hour.requests), "ttft") == "no request"
    partly = hours([LatencyView(hour=found[0].begin.isoformat(), requests=1, latency_p50=5.0)], begin, UTC)
    assert words(partly[0], "latency") == "p50 5ms  p95 –  p99 –  ·  1 request"


@pytest.mark.parametrize("width", [56, 60, 79, 119, 160, 300])
def test_all_reasons_begin_in_the_same_cell(width: int) -> None:
    store = LogStore()
    store.append(data.requests())
    starts, rooms = set(), set()
    for row in store.failed:
        *before, (reason, style) = cells(store, row, layout(width), UTC)
        assert style == "reason"
        starts.add(sum(len(text) + 1 for text, _ in before))
        rooms.add(len(reason))
    assert len(starts) == len(rooms) == 1
    assert rooms.pop() >= 22
