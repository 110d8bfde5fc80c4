"""Moments to come, as users write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from joytui.core.clock import parse_expiry

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "span"), [("12h", timedelta(hours=12)), ("30d", timedelta(days=30)), ("1d 2h", timedelta(hours=26))]
)
def test_spans_reach_forward(text: str, span: timedelta) -> None:
    assert parse_expiry(text, at=AT) == AT + span


def test_dates_and_times() -> None:
    assert parse_expiry("2026-11-23T12:00:01Z", at=AT) == AT + timedelta(seconds=1)
    assert parse_expiry("2026-12-31", at=AT).astimezone().hour == 0


@pytest.mark.parametrize("text", ["", "0d", "yesterday", "2026-11-23T12:00:00Z", "2020-01-01", "12x", "9999999999999w"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"time|future|far"):
        parse_expiry(text, at=AT)
