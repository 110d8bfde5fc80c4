"""Times: what users write, and what sorts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joytui.core.clock import parse_time, parse_when, rfc3339

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
