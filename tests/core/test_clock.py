"""Times: what users write, and what sorts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joytui.core import clock as core_clock
from joytui.core.clock import JumpWatch, parse_time, parse_when, rfc3339, span_text
from tests.support.clock import Clock

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "back"),
    [("2h", timedelta(hours=2)), ("1d12h", timedelta(hours=36)), ("90 m", timedelta(minutes=90)), ("now", timedelta())],
)
def test_spans_count_back_from_now(text: str, back: timedelta) -> None:
    assert parse_when(text, at=AT) == AT - back


@pytest.mark.parametrize("text", ["2x", "h2", "soon", "2h later", "2026-13-40", "99999999999d"])
def test_what_is_no_time_says_what_is(text: str) -> None:
    with pytest.raises(ValueError, match=r"30m|too far"):
        parse_when(text, at=AT)


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(1990, 1, 1)))
def test_rfc3339_survives_the_round_trip_to_the_millisecond(moment: datetime) -> None:
    assert abs(parse_time(rfc3339(moment)) - moment) < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("passed", "ahead", "jump"),
    [
        (timedelta(seconds=10), timedelta(), timedelta()),
        (timedelta(hours=9), timedelta(), timedelta()),  # the machine slept
        (timedelta(seconds=10), timedelta(seconds=59), timedelta()),
        (timedelta(seconds=10), timedelta(days=3653), timedelta(days=3653)),
        (timedelta(seconds=10), timedelta(days=-1), timedelta(days=-1)),
    ],
)
def test_a_clock_that_was_set_is_told_from_one_that_went_on(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, passed: timedelta, ahead: timedelta, jump: timedelta
) -> None:
    watch = JumpWatch()
    before = core_clock.passed_ms()
    monkeypatch.setattr(core_clock, "passed_ms", lambda: before + passed // timedelta(milliseconds=1))
    clock.advance(passed + ahead)
    assert abs(watch.jumped() - jump // timedelta(milliseconds=1)) < 1000
    assert watch.jumped() == 0, "told once"


@pytest.mark.parametrize(
    ("ms", "text"),
    [(60_000, "1 minute"), (119 * 60_000, "2 hours"), (86_400_000, "1 day"), (3653 * 86_400_000 + 5, "3,653 days")],
)
def test_a_span_in_its_largest_unit(ms: int, text: str) -> None:
    assert span_text(ms) == text
