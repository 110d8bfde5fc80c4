"""A request's life to scale, with all of its times, with some, and with none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joytui.core.request import RequestRecord
from joytui.tui.lines import filled, hanging
from joytui.tui.logs.store import LogStore
from joytui.tui.logs.timeline import cells_of, parts, timeline
from tests.tui import data


def record(**times: object) -> RequestRecord:
    store = LogStore()
    store.append(data.requests(3)[:1])
    whole = {"status": 200, "latency_ms": 1000.0, "ttft_ms": None, "queue_ms": None, "first_byte_ms": None, **times}
    return replace(store.record(0), **whole)


def test_all_four_parts_follow_each_other():
    found = parts(record(queue_ms=10.0, first_byte_ms=200.0, ttft_ms=400.0))
    assert [(p.name, p.start_ms, p.end_ms) for p in found] == [
        ("queue", 0, 10), ("first byte", 10, 200), ("first token", 200, 400), ("end", 400, 1000),
    ]  # fmt: skip
    assert len({p.cell for p in found}) == 4


@pytest.mark.parametrize(
    ("times", "names"),
    [
        ({"ttft_ms": 300.0}, ["first token", "end"]),  # a row of before these times were kept
        ({"queue_ms": 3.0, "first_byte_ms": 90.0}, ["queue", "first byte", "end"]),  # in one piece
        ({"status": 402}, ["refused"]),
        ({"status": 502, "queue_ms": 3.0, "first_byte_ms": 90.0}, ["queue", "first byte", "end"]),
        ({"latency_ms": None}, []),
    ],
)
def test_what_was_not_measured_has_no_part(times, names):
    assert [p.name for p in parts(record(**times))] == names


def test_times_that_contradict_each_other_do_not_go_back():
    found = parts(record(queue_ms=500.0, first_byte_ms=400.0, ttft_ms=2000.0))
    assert all(p.took_ms >= 0 for p in found)
    assert found[-1].end_ms == 1000


moments = st.none() | st.floats(0, 10**7)


@given(moments, moments, moments, st.floats(0, 10**7), st.integers(1, 200))
def test_the_bar_has_the_width_that_there_is(queue, head, token, total, width):
    one = record(queue_ms=queue, first_byte_ms=head, ttft_ms=token, latency_ms=total)
    found = parts(one)
    room = max(10, min(60, width - 1))
    assert sum(cells_of(found, room)) == room
    lines = timeline(one, max(width, 40)).plain.split("\n")
    assert len(lines) == 2 + len(found)
    assert all(len(line) <= max(width, 40) for line in lines)


@given(st.text(max_size=200), st.integers(0, 100))
def test_lines_fit(text, width):
    assert all(len(line) <= max(12, width) for line in filled(text, width))


def test_addresses_are_not_cut_at_hyphens_and_further_lines_hang():
    text = 'base_url = "https://api-dev.joytokens.ai/v1"'
    assert filled(text, 40) == ["base_url =", '"https://api-dev.joytokens.ai/v1"']
    assert hanging("${EDITOR:-vi} /home/anna/.codex/config.toml", "$", "bold", 36).plain.split("\n") == [
        "$ ${EDITOR:-vi}",
        "  /home/anna/.codex/config.toml",
    ]
