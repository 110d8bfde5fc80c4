"""Budgets: what is left, when it is gone, what the period will have cost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from joytui.core.money import NANO_PER_CREDIT as CR
from joytui.core.periods import hour_of, period_bounds
from joytui.core.spending_rate import hourly_rate
from joytui.usage.budget import burn_down

AT = datetime(2026, 11, 18, 12, tzinfo=UTC)
NOW = hour_of(AT)


def steady(amount: int, hours: int) -> dict[int, int]:
    return {NOW - back: amount for back in range(hours)}


def test_a_steady_rate_runs_out_when_it_should() -> None:
    hours = steady(CR, 100)
    burn = burn_down(hours, 600 * CR, AT, "month")
    assert burn.rate == CR
    assert (burn.spent, burn.left) == (100 * CR, 500 * CR)
    assert burn.runs_out == AT + timedelta(hours=500)
    assert burn.at_end == 100 * CR + CR * 24 * 12 + CR * 12
    assert not burn.over
    assert not burn.will_be_over


def test_a_budget_that_will_be_over_before_the_month_ends() -> None:
    burn = burn_down(steady(CR, 100), 200 * CR, AT, "month")
    assert burn.runs_out == AT + timedelta(hours=100)
    assert burn.will_be_over


def test_an_overspent_budget_names_the_hour() -> None:
    burn = burn_down(steady(CR, 10), 5 * CR, AT, "day")
    assert burn.over
    assert burn.left == -5 * CR
    assert burn.runs_out == AT - timedelta(hours=4)  # the sixth of ten hours took the last of it


def test_nothing_spent_never_runs_out() -> None:
    burn = burn_down({}, 5 * CR, AT)
    assert (burn.spent, burn.rate, burn.runs_out, burn.at_end) == (0, 0, None, 0)


def test_only_the_period_counts_but_the_rate_looks_back() -> None:
    burn = burn_down(steady(CR, 48), 100 * CR, AT, "day")
    assert burn.spent == 13 * CR
    assert burn.rate == CR


def test_with_less_than_a_day_of_history_there_is_no_forecast() -> None:
    young, old = (burn_down(steady(CR, hours), 200 * CR, AT, "month") for hours in (24, 25))
    assert (young.early, young.runs_out, young.at_end, young.will_be_over) == (True, None, 24 * CR, False)
    assert (old.early, old.runs_out, old.will_be_over) == (False, AT + timedelta(hours=175), True)
    assert burn_down(steady(CR, 10), 5 * CR, AT, "day").runs_out is not None, "what is gone is no forecast"


def test_newer_hours_weigh_more() -> None:
    rising = {NOW - 9: CR, NOW: 10 * CR}
    falling = {NOW - 9: 10 * CR, NOW: CR}
    assert hourly_rate(rising, AT) > hourly_rate(falling, AT)


def test_the_first_minutes_are_not_an_hour() -> None:
    assert hourly_rate({NOW: 3 * CR}, AT + timedelta(minutes=5)) == 3 * CR


def test_the_points_fall_from_the_limit_to_what_is_left() -> None:
    burn = burn_down({NOW - 2: CR, NOW: 3 * CR}, 10 * CR, AT, "week")
    assert [left for _, left in burn.points] == [10 * CR, 9 * CR, 6 * CR]
    assert burn.points[0][0] == period_bounds("week", AT)[0]


@given(
    hours=st.dictionaries(st.integers(NOW - 400, NOW), st.integers(0, 10**12), max_size=50),
    limit=st.integers(0, 10**13),
    period=st.sampled_from(["day", "week", "month"]),
)
def test_amounts_stay_whole_and_agree(hours: dict[int, int], limit: int, period) -> None:
    burn = burn_down(hours, limit, AT, period)
    assert burn.spent + burn.left == limit
    assert burn.points[-1][1] == burn.left
    assert burn.at_end >= burn.spent
    assert all(type(value) is int for value in (burn.spent, burn.left, burn.rate, burn.at_end))
    assert 0 <= burn.rate <= max(hours.values(), default=0)
    if burn.over:
        assert burn.runs_out is not None
        assert burn.runs_out <= AT


def test_the_usual_rate_leaves_out_what_was_out_of_the_ordinary() -> None:
    hours = {**steady(CR, 22 * 24), NOW - 30: 500 * CR}
    burn = burn_down(hours, 2000 * CR, AT, "month")
    assert burn.usual is not None
    assert burn.usual.rate == CR < burn.rate
    assert burn.odd == 499 * CR
    assert burn.usual.at_end < burn.recent.at_end
    older = burn_down({**steady(CR, 22 * 24), NOW - 200: 500 * CR}, 2000 * CR, AT, "month")
    assert older.usual is None, "older than the rate looks back"
