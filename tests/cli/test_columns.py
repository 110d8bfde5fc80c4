"""Tables fit the terminal, whatever stands in them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joytui.cli import request_view, usage_table, wallet_command
from joytui.cli.amounts import local_hour, local_time
from joytui.cli.columns import Column, cell_width, cut, lines
from joytui.cli.request_view import Feed, describe, table_lines
from joytui.core.clock import parse_time, rfc3339
from joytui.core.request import RequestRecord
from joytui.core.token_counts import UsageRow, UsageTotals
from joytui.core.wire import WalletEntryView
from tests.core.test_filters import REFUSED
from tests.support.clock import NOW, Clock

# Today, another day of this year, another year; local days, in every zone.
AGES = [timedelta(minutes=1), timedelta(days=40), timedelta(days=400)]
NAMED = (Column("name", least=6), Column("state"), Column("spent", right=True), Column("note", rank=1, least=4))


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120, 200])
def test_rows_fit(width: int) -> None:
    cells = [["a-rather-long-name-of-a-key", "active", "1.25", "something about it"], ["b", "off", "0", ""]]
    for line in lines(NAMED, cells, width=width):
        assert cell_width(line) <= max(width, 21)


def aged(age: timedelta, record: RequestRecord = REFUSED) -> RequestRecord:
    return replace(record, time=rfc3339(NOW - age))


def day_line(moment: datetime) -> str:
    return f"── {moment.astimezone():%a %Y-%m-%d} ──"


@pytest.mark.parametrize("age", AGES)
@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("width", [40, 43, 60, 80, 100, 120, 129, 130, 200])
def test_requests_fit_and_keep_what_matters(width: int, fixed: bool, age: timedelta) -> None:
    """A narrow terminal shows the reason below the request, a wide one beside it; another day than today is named."""
    record = aged(age)
    page = table_lines([record], width=width, fixed=fixed)
    assert all(cell_width(line) <= width for line in page), page
    days = [day_line(parse_time(record.time))] if age >= timedelta(days=1) else []
    assert page[1 : 1 + len(days)] == days
    head, row, *reason = page[:1] + page[1 + len(days) :]
    assert len(reason) == (0 if width >= 130 else 1)
    assert head.split()[:2] == ["time", "status"]
    assert row.split()[:3] == [f"{parse_time(record.time).astimezone():%H:%M:%S}", "403", "dev-Ada"]
    assert "policy_rejected: " in (reason or [row])[0]


def test_each_day_is_named_once() -> None:
    records = [aged(age) for age in (*AGES[::-1], timedelta(seconds=2))]
    page = table_lines(records, width=80)
    assert [line for line in page if line.startswith("──")] == [day_line(NOW - age) for age in AGES[::-1]]
    assert len(page) == 1 + 3 + 2 * len(records)
    assert not [line for line in table_lines([aged(AGES[0])] * 3, width=80) if line.startswith("──")]


@pytest.mark.parametrize("fixed", [False, True])
def test_in_a_pipe_each_row_has_its_date(fixed: bool) -> None:
    """A row that grep finds, or that is read next week, stands alone."""
    records = [aged(age) for age in AGES]
    head, *rows = table_lines(records, width=None, fixed=fixed)
    assert head.split()[:2] == ["time", "status"]
    assert [row[:19] for row in rows] == [f"{(NOW - age).astimezone():%Y-%m-%d %H:%M:%S}" for age in AGES]
    assert all(row.split()[2:4] == ["403", "dev-Ada"] for row in rows)


def test_a_feed_that_runs_past_midnight_names_the_new_day(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(request_view, "screen_width", lambda: 80)
    good = replace(REFUSED, status=200, error_type=None, error_message=None)
    midnight = NOW.astimezone().replace(hour=0, minute=0, second=0) + timedelta(days=1)
    clock.moment = midnight - timedelta(seconds=20)
    feed = Feed("table")

    def ends(number: int, begun: timedelta) -> None:
        feed.show([replace(good, id=f"req-{number}", time=rfc3339(midnight + begun))])

    ends(1, timedelta(seconds=-19))
    clock.advance(timedelta(seconds=40))
    ends(2, timedelta(seconds=10))
    ends(3, timedelta(seconds=11))
    ends(4, timedelta(seconds=-1))  # a long one: begun before the two above
    ends(5, timedelta(seconds=12))
    before, after = day_line(midnight - timedelta(seconds=1)), day_line(midnight)
    told = [line if line.startswith("──") else line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert told == [
        "time", "23:59:41", after, "00:00:10", "00:00:11", before, "23:59:59", after, "00:00:12"
    ]  # fmt: skip


def test_a_feed_that_saw_nothing_until_the_next_day_names_it(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(request_view, "screen_width", lambda: 80)
    feed = Feed("table")
    clock.advance(timedelta(days=1))
    feed.show([replace(REFUSED, time=rfc3339(clock.moment))])
    assert day_line(clock.moment) in capsys.readouterr().out


@pytest.mark.parametrize("age", AGES)
@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_other_tables_never_cut_a_time(
    width: int, age: timedelta, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("joytui.cli.columns.screen_width", lambda: width)
    at = rfc3339(NOW - age)
    totals = UsageTotals(
        requests=120, errors=3, input_tokens=1_200_000, output_tokens=39_000, cost_nano=102_331_100_000
    )
    usage_table.emit_usage(
        [UsageRow({"hour": at, "key": "a-rather-long-name"}, "gateway", totals)], ["hour", "key"], {"gateway": totals}
    )
    wallet_command._show_entries([
        WalletEntryView(id=1, time=at, tier="standard", kind="settle", amount="-100.0012", held="-0.5000",
                        request="req-063581b980000001", note="what a note may say"),
    ])  # fmt: skip
    shown = capsys.readouterr().out.splitlines()
    assert all(cell_width(line) <= width for line in shown), shown
    assert shown[1].startswith(f"{local_hour(at)}  ")
    assert shown[4].startswith(f"{local_time(at)}  ")
    assert "102.33" in shown[1]
    assert "-100.0012" in shown[4]


@pytest.mark.parametrize("width", [80, 160])
def test_a_feed_keeps_its_columns(width: int) -> None:
    """The widths do not depend on the rows, so that what comes later stands below what came first."""
    other = replace(REFUSED, key="k" * 40, status=200, error_type=None, error_message=None, input_tokens=9_000_000)
    first, second = (table_lines([record], width=width, fixed=True) for record in (REFUSED, other))
    assert first[0] == second[0]
    assert all(cell_width(line) <= width for line in first + second)


def test_a_pipe_is_not_cut() -> None:
    assert "something about it" in lines(NAMED, [["n" * 300, "s", "1", "something about it"]], width=None)[1]


@given(st.text(max_size=30), st.integers(1, 30))
def test_cut_never_exceeds(text: str, width: int) -> None:
    assert cell_width(cut(text, width)) <= width


def test_control_characters_stay_out() -> None:
    line = lines(NAMED, [["\x1b[31mred\x1b]0;x\x07", "a\nb", "1", ""]], width=None)[1]
    assert "\x1b" not in line
    assert "\x07" not in line


def test_wide_characters_count_twice() -> None:
    assert cell_width("网关") == 4
    assert cell_width("Ｋｅｙ１") == 8  # fullwidth forms
    assert cell_width("e\u0301") == 1
    assert cut("网关网关", 5) == "网关…"


def test_times_are_local(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        at = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
        assert local_time("2026-11-23T11:30:00.000Z", at=at) == "19:30:00"
        assert local_time("2026-11-22T11:30:00.000Z", at=at) == "11-22 19:30:00"
        assert local_time("2025-11-22T11:30:00.000Z", at=at) == "2025-11-22 19:30"
        assert local_time("no time", at=at) == "no time"
        assert local_time(None) == ""
        assert local_hour("2026-11-23T11:00:00Z", at=at) == "19:00"
        assert local_hour("2026-11-22T11:00:00Z", at=at) == "11-22 19:00"
        assert local_time("9999-12-31T23:59:59Z", at=at) == "9999-12-31T23:59:59Z"  # no such time in Shanghai
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_refusal_is_explained() -> None:
    from joytui.causes import CAUSES

    cause = next(cause for cause in CAUSES.values() if cause.row == "403")
    page = describe(replace(REFUSED, cause=cause.id))
    for part in (cause.title, cause.explanation, cause.remedy, "403 Forbidden", "estimated", "4000 in (1000 cached)"):
        assert part in page
