"""Tables fit the terminal, whatever stands in them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joytui.cli.amounts import local_time
from joytui.cli.columns import Column, cell_width, cut, lines
from joytui.cli.request_view import describe, table_lines
from tests.core.test_filters import REFUSED

NAMED = (Column("name", least=6), Column("state"), Column("spent", right=True), Column("note", rank=1, least=4))


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120, 200])
def test_rows_fit(width: int) -> None:
    cells = [["a-rather-long-name-of-a-key", "active", "1.25", "something about it"], ["b", "off", "0", ""]]
    for line in lines(NAMED, cells, width=width):
        assert cell_width(line) <= max(width, 21)


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("width", [40, 80, 100, 129, 130, 200])
def test_requests_fit_and_keep_what_matters(width: int, fixed: bool) -> None:
    """A narrow terminal shows the reason below the request, a wide one beside it."""
    page = table_lines([REFUSED], width=width, fixed=fixed)
    assert all(cell_width(line) <= width for line in page), page
    assert len(page) == (2 if width >= 130 else 3)
    assert page[0].split()[:2] == ["time", "status"]
    for word in ("403", "dev-Ada", "policy_rejected: "):
        assert any(word in line for line in page)


@pytest.mark.parametrize("width", [80, 160])
def test_a_feed_keeps_its_columns(width: int) -> None:
    """The widths do not depend on the rows, so that what comes later stands below what came first."""
    from dataclasses import replace

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
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_refusal_is_explained() -> None:
    from dataclasses import replace

    from joytui.causes import CAUSES

    cause = next(cause for cause in CAUSES.values() if cause.row == "403")
    page = describe(replace(REFUSED, cause=cause.id))
    for part in (cause.title, cause.explanation, cause.remedy, "403 Forbidden", "estimated", "4000 in (1000 cached)"):
        assert part in page
