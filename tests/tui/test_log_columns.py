"""The columnar store is a list of records: under any batches, any filter, older rows before it, and the oldest leaving."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from joytui.core.columnar import TEXTS, block_of, from_json, to_json
from joytui.core.filter_meaning import predicate
from joytui.core.filters import (
    TEXT_COLUMNS,
    AllOf,
    AnyOf,
    Compare,
    Contains,
    Equals,
    Failed,
    Match,
    Missing,
    Not,
    Term,
    When,
    fold,
)
from joytui.core.request import FIELDS, names
from joytui.core.request_lines import request_view
from joytui.tui.logs.select import matching
from joytui.tui.logs.shown import Shown
from joytui.tui.logs.store import WINDOW, LogStore
from tests.support.examples import examples
from tests.support.log_rows import block_of_records

HEX = st.text("0123456789abcdef", min_size=1, max_size=40)
UUIDS = st.uuids().map(str)
WORDS = st.sampled_from(
    ["auto", "GPT-5.4", "dev-1", "İstanbul", "漢字", "a*b", "x" * 60, "\udcff", "0199", ""]
) | st.text(max_size=6)
IDS = (
    UUIDS
    | UUIDS.map(str.upper)
    | HEX
    | HEX.map("resp_{}".format)
    | st.text("abcXYZ019_-", min_size=1, max_size=50).map("chatcmpl-{}".format)
    | st.text(min_size=1, max_size=60)
)
OWN = st.integers(1, 2**63 - 1).map("req-{:016x}".format) | st.sampled_from(
    ["req-", "req-0000000000000000", "odd id", "漢"]
)
COUNT = st.sampled_from([0, 1, 255, 256, 65_535, 65_536, 2**33]) | st.integers(0, 70_000)
SPAN = st.none() | st.sampled_from([0.0, 0.1, 812.3, 1000.0, 9_999.99]) | st.integers(0, 10**7).map(lambda n: n / 100)
TIMES = st.sampled_from(
    ["2026-11-23T14:05:13.680Z", "1970-01-01T00:00:00.000Z", "2026-01-01T00:00:00.001Z", "2026-11-23T14:05:14.000Z"]
)
COUNTS = names("count")
NOTHING: dict[str, Any] = {
    **{field.member: [] if field.kind == "list" else None for field in FIELDS if field.name in TEXTS},
    **dict.fromkeys(COUNTS, 0),
}
ROWS = st.fixed_dictionaries(
    {
        "id": OWN, "time": TIMES, "endpoint": WORDS, "request_id": st.none() | IDS, "upstream_id": st.none() | IDS,
        "status": st.none() | st.integers(100, 599), "cost_credits": st.integers(0, 10**10).map(lambda n: f"{n // 10**9}.{n % 10**9:09d}"),
        "cost_source": st.sampled_from(["none", "estimated", "upstream"]), "queue_ms": SPAN, "first_byte_ms": SPAN, "ttft_ms": SPAN, "latency_ms": SPAN, "stream": st.booleans(),
        **{name: st.none() | WORDS for name in ("key", "model", "error_type", "error_message", "cause")}, **dict.fromkeys(COUNTS, COUNT),
    }
).map(lambda row: {**NOTHING, **row, "request_id": row["request_id"] or row["id"]})  # fmt: skip
BATCHES = st.lists(st.lists(ROWS, min_size=1, max_size=3), min_size=1, max_size=3)
NUMBERED = st.sampled_from(["cost_nano", "status", "ttft_ms", "latency_ms", *COUNTS])
TEXTED = st.sampled_from(TEXT_COLUMNS)
OPS = st.sampled_from(["=", "<", "<=", ">", ">="])
NEEDLES = st.sampled_from(["a", "0", "-", "_", "resp_", "req-0", "chat", "l-a", "i", "漢", "0199"]) | HEX.map(
    lambda t: t[:9]
)
GLOBS = st.text("ab019*?-_r", min_size=1, max_size=7) | st.sampled_from(
    ["*", "req-*", "resp_*", "*f", "chatcmpl-*", "?", "*-*-*"]
)
LEAVES: st.SearchStrategy[Term] = st.one_of(
    st.builds(
        Compare, NUMBERED.map(lambda name: (name,)), OPS, COUNT | SPAN.map(lambda ms: ms or 0.0) | st.integers(100, 599)
    ),
    st.builds(Compare, st.just(("input_tokens", "output_tokens")), OPS, COUNT),
    st.builds(Contains, NEEDLES),
    st.builds(
        Match, st.lists(TEXTED, min_size=1, max_size=3, unique=True).map(tuple), GLOBS | IDS.map(fold) | OWN.map(fold)
    ),
    st.just(Failed()),
    st.builds(When, st.sampled_from([">=", "<"]), TIMES),
    st.builds(Missing, st.sampled_from(["status", "error_type", "cause", "upstream_id", "ttft_ms"])),
    st.builds(Equals, st.just("stream"), st.booleans()),
    st.builds(Equals, st.just("cost_source"), st.just("estimated")),
)
TERMS = st.recursive(LEAVES, lambda inner: st.builds(Not, inner) | st.builds(lambda *t: AllOf(t), inner, inner) | st.builds(lambda *t: AnyOf(t), inner, inner), max_leaves=4)  # fmt: skip

FEW = settings(max_examples=examples(40), deadline=None)
PLAIN_ROW: dict[str, Any] = {
    **NOTHING, "id": "req-0000000000000001", "request_id": "req-0000000000000001", "upstream_id": None, "time": "1970-01-01T00:00:00.000Z",
    "endpoint": "", "status": None, "cost_credits": "0.000000000", "cost_source": "none", "queue_ms": None, "first_byte_ms": None,
    "ttft_ms": None, "latency_ms": None, "stream": False,
}  # fmt: skip
UPSTREAM_ROW = {**PLAIN_ROW, "upstream_id": "e3e70682-c209-4cac-629f-6fbed82c07cd"}


def naive(batches: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Each request once, where it came first, as it came last."""
    rows: dict[str, dict[str, Any]] = {}
    for batch in batches:
        for row in batch:
            kept = rows.get(row["id"], row)
            rows[row["id"]] = {**row, "time": row["time"]} if kept is row else row
    return list(rows.values())


def filled(batches: list[list[dict[str, Any]]], *, wire: bool = False) -> LogStore:
    store = LogStore()
    for batch in batches:
        block = block_of(batch)
        if wire:
            block = from_json(json.loads(to_json(block))["columns"])
        store.append_block(block)
    return store


@FEW
@given(BATCHES, st.booleans())
def test_it_holds_what_came_each_request_once_as_it_came_last(batches: list[list[dict[str, Any]]], wire: bool) -> None:
    store = filled(batches, wire=wire)
    rows = naive(batches)
    assert len(store) == len(rows)
    for place, row in enumerate(rows):
        back = request_view(store.record(place))
        assert {name: back[name] for name in row if name != "cost_credits"} == {
            name: value for name, value in row.items() if name != "cost_credits"
        }
        assert float(back["cost_credits"]) == pytest.approx(float(row["cost_credits"]))
    failed = [row["error_type"] is not None if row["status"] is None else row["status"] >= 400 for row in rows]
    assert list(store.failed) == [place for place, bad in enumerate(failed) if bad]


@FEW
@given(BATCHES, TERMS)
@example([[PLAIN_ROW]], Contains("1"))  # in the middle of an id's digits
@example([[UPSTREAM_ROW]], Contains("07"))
@example([[UPSTREAM_ROW]], Contains("9-4cac-6"))
@example([[UPSTREAM_ROW]], Contains("0e7"))  # nothing
@example([[UPSTREAM_ROW]], Match(("upstream_id",), "*cd"))
@example([[{**PLAIN_ROW, "upstream_id": "resp_" + "aaaaaaaa" * 4}]], Contains("aaaaa"))
@example([[PLAIN_ROW, {**UPSTREAM_ROW, "id": "req-0000000000000002"}]], Missing("upstream_id"))
@example([[{**PLAIN_ROW, "input_tokens": 3, "output_tokens": 4}]], Compare(("input_tokens", "output_tokens"), ">=", 7))
def test_a_filter_finds_what_it_finds_in_a_list(batches: list[list[dict[str, Any]]], term: Term) -> None:
    store = filled(batches)
    holds = predicate(term)
    assert list(matching(term, store)) == [row for row in range(len(store)) if holds(store.record(row))]


@FEW
@given(BATCHES, BATCHES, st.integers(0, 5))
def test_older_rows_come_before_and_the_oldest_leave(
    older: list[list[dict[str, Any]]], newer: list[list[dict[str, Any]]], gone: int
) -> None:
    store = filled(newer)
    before = filled(older)
    known = {store.record(row).id for row in range(len(store))}
    records = [before.record(row) for row in range(len(before))]
    wanted = [r for r in records if r.id not in known] + [store.record(row) for row in range(len(store))]
    store.prepend_block(block_of_records(records))
    assert [store.record(row) for row in range(len(store))] == wanted
    wanted = [record for place, record in enumerate(wanted) if place >= gone or record.running]
    store.drop(min(gone, len(store)))
    assert [store.record(row) for row in range(len(store))] == wanted
    for row, record in enumerate(wanted):
        found = store.find(record.id)
        assert found is not None
        assert record.id in (store.record(found).id, store.record(found).request_id, store.record(found).upstream_id), (
            row
        )


@FEW
@given(BATCHES, TERMS, st.lists(st.integers(0, 5), max_size=6))
@example([[PLAIN_ROW]], Contains("1"), [])
def test_what_is_shown_follows_the_store(batches: list[list[dict[str, Any]]], term: Term, looks: list[int]) -> None:
    """Rows come, end, and are looked at at any time: in the end it shows what a list would."""
    store = LogStore()
    shown = Shown(store, term)
    for turn, batch in enumerate(batches):
        store.append(batch)
        if turn in looks:
            shown.refresh()
    shown.refresh()
    holds = predicate(term)
    rows = [row for row in range(len(store)) if holds(store.record(row))]
    assert [shown.at(place)[1] for place in range(len(shown))] == rows
    assert list(shown.failed) == [at for at, row in enumerate(rows) if store.status[row] >= 400]


@FEW
@given(BATCHES)
def test_the_wire_changes_nothing(batches: list[list[dict[str, Any]]]) -> None:
    for batch in batches:
        block = block_of(batch)
        text = to_json(block, next="x").encode("utf-8", "surrogatepass").decode("utf-8", "surrogatepass")
        data = json.loads(text)
        assert from_json(data["columns"]) == block
        assert data["next"] == "x"


@pytest.mark.parametrize(
    "broken",
    [
        {"rows": 2}, {"rows": -1}, {"rows": 10**9}, {"rows": "x"}, {"time": {"Q": "AA"}}, {"time": {"Q": "!!"}}, {"time": {}}, {"time": 5},
        {"key": {"values": ["a", "b"], "B": "Ag=="}}, {"key": {"values": [1]}}, {"key": {"values": []}}, {"key": ["a"]}, {"id": [None]},
        {"id": ["a", "b"]}, {"id": [3]}, {"id": {"prefix": "x", "size": 4, "kind": "hex", "data": "AA=="}},
        {"id": {"prefix": "x", "size": 1, "kind": "odd", "data": "AA=="}}, {"upstream_id": {"prefix": "", "size": 4, "kind": "hex", "data": "AAAAAA==", "none": [9]}},
    ],
)  # fmt: skip
def test_broken_columns_are_refused(broken: dict[str, Any]) -> None:
    row = {"id": "req-0000000000000001", "time": "2026-11-23T14:05:13.680Z", "endpoint": "/x", "request_id": None}
    good = json.loads(to_json(block_of([row])))["columns"]
    assert from_json(good).rows == 1
    with pytest.raises(ValueError, match=r".+"):
        from_json({**good, **broken})


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"id": 5},
        {"id": "a", "time": 7},
        {"id": "a", "time": "t", "input_tokens": "x"},
        {"id": "a", "time": "t", "key": 5},
    ],
)
def test_rows_that_are_none_are_refused(row: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        block_of([row])


def test_ids_that_an_older_gateway_packed_are_read() -> None:
    row = {"id": "req-0000000000000001", "time": "2026-11-23T14:05:13.680Z", "endpoint": "/x", "request_id": None}
    columns = json.loads(to_json(block_of([row, {**row, "id": "req-0000000000000002"}])))["columns"]
    own = {"prefix": "req-", "size": 8, "kind": "hex", "data": "AAAAAAAAAAEAAAAAAAAAAg=="}
    given = {
        "prefix": "",
        "size": 16,
        "kind": "uuid",
        "data": "AZnzogAAfBGdIAAAAAAAKgAAAAAAAAAAAAAAAAAAAAA=",
        "none": [1],
    }
    block = from_json({**columns, "id": own, "request_id": given})
    assert block.ids["id"] == ["req-0000000000000001", "req-0000000000000002"]
    assert block.ids["request_id"] == ["0199f3a2-0000-7c11-9d20-00000000002a", None]


def test_a_window_is_small() -> None:
    """Some 45 MB; the ids are most of that."""
    store = LogStore()
    row = {
        "time": "2026-11-23T14:05:13.680Z",
        "endpoint": "/x",
        "status": 200,
        "cost_credits": "0.5",
        "latency_ms": 20_000.5,
    }
    store.append(
        [{**row, "id": f"req-{n:016x}", "request_id": f"0199f3a2-0000-7c11-9d20-{n:012x}", "upstream_id": f"resp_{n:032x}"} for n in range(1, 1001)]
    )  # fmt: skip
    assert store.size / len(store) * WINDOW <= 45e6
