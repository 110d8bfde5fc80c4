"""A key's limits: which is used up first, when, at the recent and at the usual rate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from joytui.core.clock import rfc3339
from joytui.core.money import NANO_PER_CREDIT as CR
from joytui.core.periods import hour_of
from joytui.core.wire import BudgetView
from joytui.usage.limits import key_forecast, outlook, used_up

AT = datetime(2026, 11, 18, 12, tzinfo=UTC)
NOW = hour_of(AT)


def limit(period: Any, left: str, *, resets_in: float | None = None, of: str = "100") -> BudgetView:
    resets = rfc3339(AT + timedelta(hours=resets_in)) if resets_in is not None else None
    return BudgetView(period=period, limit=of, spent="50", held="0", left=left, resets_at=resets)


def test_a_limit_ends_when_the_rest_of_it_is_spent() -> None:
    assert used_up(limit("daily", "6", resets_in=12), 2 * CR, AT) == AT + timedelta(hours=3)
    assert used_up(limit("daily", "6", resets_in=3), 2 * CR, AT) is None, "it begins anew first"
    assert used_up(limit("total", "6"), 0, AT) is None
    assert used_up(limit("total", "1000000"), CR, AT) is None, "longer than a year"


@pytest.mark.parametrize("left", ["0", "0.00", "-3.5"])
def test_a_limit_that_is_gone_ends_now(left: str) -> None:
    assert used_up(limit("weekly", left, resets_in=50), 0, AT) == AT


def test_the_first_to_end_is_named() -> None:
    daily, weekly = limit("daily", "5", resets_in=2), limit("weekly", "8", resets_in=80)
    found = outlook([daily, weekly, limit("total", "90")], 2 * CR, AT)
    assert (found.limit, found.at) == (weekly, AT + timedelta(hours=4))
    assert outlook([daily], 2 * CR, AT).limit is None
    assert outlook([], 2 * CR, AT).rate == 2 * CR


def test_the_usual_rate_is_without_what_was_out_of_the_ordinary() -> None:
    steady = dict.fromkeys(range(NOW - 500, NOW + 1), CR)
    assert key_forecast([limit("total", "50")], steady, AT).usual is None
    wild = steady | {NOW - 30: 400 * CR}
    found = key_forecast([limit("total", "100")], wild, AT)
    assert found.odd == 399 * CR
    assert found.usual is not None
    assert (found.usual.rate, found.usual.at) == (CR, AT + timedelta(hours=100))
    assert found.recent.at is not None
    assert found.recent.at < AT + timedelta(hours=50)
