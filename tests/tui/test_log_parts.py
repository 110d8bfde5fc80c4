"""The log's store and what a row looks like."""

from __future__ import annotations

from datetime import UTC

import pytest

from joytui.core.amounts import count, span
from joytui.core.request_lines import request_view
from joytui.tui.charts.cells import columns as bars
from joytui.tui.logs.format import cells, cost_text, fit, header, layout, status_cell
from joytui.tui.logs.histogram import count as histogram
from joytui.tui.logs.shown import Shown
from joytui.tui.logs.store import LogStore
from tests.support.log_rows import block_of_records
from tests.tui import data


def filled(many: int = 240) -> LogStore:
    store = LogStore()
    store.append(data.requests(many))
    return store


def test_records_come_back_as_they_went_in():
    store = filled()
    for place, row in enumerate(data.requests()):
        back = request_view(store.record(place))
        for name, value in row.items():
            if name == "seq":
                continue
            if isinstance(value, float):
                assert back[name] == pytest.approx(value, abs=0.06), name
            elif name == "cost_credits":
                assert float(back[name]) == pytest.approx(float(value))
            else:
                assert back[name] == value, name


def test_the_end_of_a_request_replaces_its_beginning():
    store = filled(3)
    late = {**data.requests(3)[-1], "status": 402, "error_message": "no budget", "cause": "insufficient-quota"}
    version, errors = store.version, store.errors
    store.append([late])
    assert len(store) == 3
    assert store.version > version
    assert store.errors == errors + 1
    assert store.record(2).cause == "insufficient-quota"
    assert store.changed == {2}


def test_older_requests_go_before_and_none_comes_twice():
    rows = data.requests(50)
    store = LogStore()
    store.append(rows[30:])
    whole = LogStore()
    whole.append(rows)
    added = store.prepend_block(block_of_records(whole.record(i) for i in range(35)))
    assert added == 30
    assert [store.record(i) for i in range(50)] == [whole.record(i) for i in range(50)]
    assert store.find(rows[3]["request_id"]) == 3
    store.append([{**rows[40], "status": 499}])
    assert store.record(40).status == 499
    assert len(store) == 50


def test_memory_of_a_row_is_small():
    store = filled(2000)
    per_row = sum(len(c.rows) * c.rows.itemsize for c in store.text.values()) / len(store)
    assert per_row <= 29


@pytest.mark.parametrize("width", [20, 40, 56, 79, 80, 119, 160, 300])
def test_rows_fill_their_width_exactly(width):
    store = filled()
    columns = layout(width)
    for row in range(len(store)):
        line = " " + " ".join(text for text, _ in cells(store, row, columns, UTC))
        assert len(line) <= max(width, 44)
    assert len(header(columns)) <= max(width, 44)


def test_refusals_say_why():
    store = filled()
    bad = next(i for i in range(len(store)) if store.status[i] == 402)
    line = " ".join(text for text, _ in cells(store, bad, layout(140), UTC))
    assert "insufficient-quota: daily limit of 2 Cr reached" in line


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (981, "981"), (1200, "1.2k"), (9_960, "10k"), (34_000, "34k"), (5_100_000, "5.1M"), (10**13, "10T")],
)
def test_counts(number, text):
    assert count(number) == text


def test_small_texts():
    assert cost_text(0) == ""
    assert cost_text(33_962_000, estimated=True) == "~0.03"
    assert [span(ms) for ms in (-1, 12.4, 1240, 125_000)] == ["", "12ms", "1.2s", "2m05s"]
    assert fit("abcdef", 4) == "abc…"
    assert fit("漢字漢字", 5) == "漢字…"
    assert status_cell(0)[0] == "◌ …"
    assert status_cell(499)[1] == "warn"


def test_histogram_counts_everything_once():
    store = filled()
    counts = histogram(Shown(store), 60, data.NOW_MS)
    assert sum(counts.requests) == 240
    assert sum(counts.errors) == store.errors
    assert counts.span_s == 3600
    assert len(bars(counts.requests, 3)) == 3


def test_control_characters_do_not_reach_the_screen():
    store = LogStore()
    store.append(
        [{**data.requests(2)[0], "status": 500, "error_message": "\x1b]0;owned\x07\x1b[2J", "key": "a\x1b[31m"}]
    )
    line = "".join(text for text, _ in cells(store, 0, layout(120), UTC))
    assert "\x1b" not in line
    assert "\x07" not in line


def test_narrow_columns_widen_when_older_rows_come_before():
    older, store = data.requests(4)[:3], LogStore()
    store.append([{**row, "id": f"new_{row['id']}", "input_tokens": 7} for row in data.requests(4)])
    wide = LogStore()
    wide.append(older)
    assert store.prepend_block(block_of_records(wide.record(row) for row in range(3))) == 3
    assert [store.record(row) for row in range(3)] == [wide.record(row) for row in range(3)]
