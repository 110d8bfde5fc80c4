"""Usage rows: sums by any fields, the JSON contract, CSV."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joytui.codex.rollouts import Origin, RolloutRow
from joytui.core.money import MoneyError
from joytui.core.periods import PERIODS, hour_of, period_bounds, period_label
from joytui.core.sheet import csv_text
from joytui.core.token_counts import OTHERS, USAGE_NUMBERS, TokenCounts, UsageRow, UsageTotals
from joytui.usage.rows import codex_rows, gateway_rows, usage_sheet, usage_view

HOUR = hour_of(datetime(2026, 11, 23, 12, tzinfo=UTC))
ROWS = [
    RolloutRow(HOUR, "joytoken", "auto", "/a", "t1", UsageTotals(2, 1, 100, 40, 7, 3)),
    RolloutRow(HOUR + 1, "joytoken", "gpt-5.5", "/a", "t1", UsageTotals(1, 0, 10, 0, 1, 0)),
    RolloutRow(HOUR + 24, "openai", "auto", "/b", "t2", UsageTotals(1, 0, 1000, 0, 1, 0)),
    RolloutRow(HOUR + 24, None, None, None, "t3", UsageTotals(1, 0, 1, 0, 1, 0)),
]


def test_codex_rows_by_day_and_provider() -> None:
    rows = codex_rows(ROWS, ["day", "provider"])
    assert [(row.by["day"], row.by["provider"], row.totals.requests, row.totals.input_tokens) for row in rows] == [
        ("2026-11-23", "joytoken", 3, 110),
        ("2026-11-24", "openai", 1, 1000),
        ("2026-11-24", None, 1, 1),
    ]
    assert {row.source for row in rows} == {"codex"}


def test_no_fields_is_one_row_of_all() -> None:
    (row,) = codex_rows(ROWS, [])
    assert row.by == {}
    assert row.totals == UsageTotals.sum(one.totals for one in codex_rows(ROWS, ["thread", "hour"]))
    assert codex_rows([], []) == []


def test_what_codex_does_not_know_is_null() -> None:
    (row,) = codex_rows(ROWS, ["key", "owner", "team", "label", "tier"])
    assert row.by == {"key": None, "owner": None, "team": None, "label": None, "tier": None}


def test_what_a_rollout_says_of_its_origin() -> None:
    origins = [Origin(f"t{n % 2}", "host/app", "main", f"c{n}", "codex_exec/0.171.0") for n in range(3)]
    rows = [row._replace(origin=origin) for row, origin in zip(ROWS, [*origins, Origin()], strict=True)]
    for by, value, requests in (("task", "t0", 3), ("repo", "host/app", 4), ("branch", "main", 4), ("commit", "c2", 1)):
        found = codex_rows(rows, [by])
        assert {row.by[by]: row.totals.requests for row in found}[value] == requests
        assert UsageTotals.sum(row.totals for row in found) == UsageTotals.sum(row.totals for row in rows)
    shown = codex_rows(rows, ["task"], 1)
    assert [(row.by["task"], row.totals.requests) for row in shown] == [("t0", 3), (OTHERS, 2)]


def test_the_totals_of_rows_that_overlap_are_told() -> None:
    rows = codex_rows(ROWS[:1], ["label"]) * 2
    view = usage_view(rows, ("codex",), {"codex": ROWS[0].totals})
    assert view["totals"] == ROWS[0].totals.numbers()


def test_the_view_is_the_contract() -> None:
    gateway = [{"model": "auto", "source": "gateway", "requests": 2, "input_tokens": 5, "cost_credits": "0.1"}]
    rows = gateway_rows(gateway, ["model"]) + codex_rows(ROWS[:1], ["model"])
    view = usage_view(rows, ("gateway", "codex"))
    assert view["rows"][0] == {
        "model": "auto",
        "source": "gateway",
        "requests": 2,
        "errors": 0,
        "input_tokens": 5,
        "cached_input_tokens": 0,
        "output_tokens": 0,
        "reasoning_tokens": 0,
        "cost_credits": "0.1",
    }
    assert view["rows"][1]["source"] == "codex"
    assert view["totals"] is None  # two witnesses of the same turns are not added up
    assert {name: one["requests"] for name, one in view["totals_by_source"].items()} == {"gateway": 2, "codex": 2}


@pytest.mark.parametrize("rows", [codex_rows(ROWS, ["model"]), []])
def test_the_totals_are_those_of_the_one_source(rows: list[UsageRow]) -> None:
    view = usage_view(rows, ("codex",))
    assert view["totals"] == view["totals_by_source"]["codex"] == UsageTotals.sum(row.totals for row in rows).numbers()


def test_an_amount_that_is_none() -> None:
    with pytest.raises(MoneyError):
        gateway_rows([{"cost_credits": "much"}], [])


def test_csv_is_read_back_and_runs_nothing() -> None:
    row = ROWS[0]._replace(project='=HYPERLINK("x"),\n"q"')
    text = csv_text(usage_sheet(codex_rows([row], ["project", "hour"]), ["project", "hour"]))
    head, line = csv.reader(io.StringIO(text))
    assert head[:3] == ["project", "hour", "source"]
    assert line[0] == "'" + (row.project or "")
    assert line[1:4] == ["2026-11-23T12:00:00Z", "codex", "2"]


def test_periods_are_named_in_utc_and_weeks_begin_on_monday() -> None:
    named = [period_label(period, HOUR) for period in PERIODS]
    assert named == ["2026-11-23T12:00:00Z", "2026-11-23", "2026-W48", "2026-11"]
    assert period_label("week", HOUR - 12) == "2026-W48"
    assert period_label("week", HOUR - 13) == "2026-W47"


@given(moment=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_a_period_holds_its_moment_and_has_one_name(moment: datetime) -> None:
    for period in PERIODS:
        begin, end = period_bounds(period, moment)
        assert begin <= moment < end
        last = hour_of(end) - 1
        assert (
            period_label(period, hour_of(begin)) == period_label(period, last) == period_label(period, hour_of(moment))
        )
        assert period_label(period, last + 1) != period_label(period, last)


def test_the_largest_by_tokens_and_the_others_last() -> None:
    rows = codex_rows(ROWS, ["thread"], 1)
    assert [(row.by["thread"], row.totals.input_tokens) for row in rows] == [("t2", 1000), (OTHERS, 111)]
    assert UsageTotals.sum(row.totals for row in rows) == UsageTotals.sum(row.totals for row in ROWS)
    assert codex_rows(ROWS, ["day", "thread"], 9) == codex_rows(ROWS, ["day", "thread"])


def test_the_wire_has_the_same_numbers() -> None:
    from joytui.core.wire import UsageNumbers

    assert tuple(UsageNumbers.model_fields) == USAGE_NUMBERS
    assert UsageNumbers().model_dump() == UsageTotals().numbers()


def test_token_counts_by_their_names() -> None:
    counts = TokenCounts.sum([TokenCounts(100, 40, 7, 3), TokenCounts(1, 0, 2, 1)])
    assert counts.named() == {
        "input_tokens": 101,
        "cached_input_tokens": 40,
        "output_tokens": 9,
        "reasoning_tokens": 4,
    }
    assert TokenCounts.sum([]) == TokenCounts()
