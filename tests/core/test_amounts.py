"""Amounts as a person reads them: one rule for the screen and for the tables."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from joytui.core.amounts import count, credits, span


def test_counts_have_at_most_four_characters_and_a_unit() -> None:
    numbers = (0, 999, 1_000, 9_949, 9_950, 12_345, 999_999, 4_560_000, 10**9, 7 * 10**12)
    assert [count(n) for n in numbers] == ["0", "999", "1.0k", "9.9k", "10k", "12k", "999k", "4.6M", "1.0G", "7T"]


def test_credits_have_the_decimals_that_say_something() -> None:
    amounts = (0, 499, 1_000, 33_962_000, 10**8, 12_345_678_901, 2_415_888_888_888)
    assert [credits(n) for n in amounts] == [
        "0", "<0.000001", "0.000001", "0.033962", "0.1000", "12.35", "2,415.89",
    ]  # fmt: skip


def test_times() -> None:
    times = (None, -1, 0.4, 999.4, 999.6, 59_999, 99_949, 99_950, 200_000, 7_500_000)
    assert [span(ms) for ms in times] == ["", "", "0ms", "999ms", "1.0s", "60.0s", "99.9s", "1m40s", "3m20s", "2h05m"]
    assert [span(hours * 3_600_000) for hours in (47, 48, 483)] == ["47h00m", "2d00h", "20d03h"]


@given(st.integers(0, 10**15 - 1), st.floats(0, 86_400_000))
def test_they_fit_their_columns(number: int, ms: float) -> None:
    assert len(count(number)) <= 5
    assert len(span(ms)) <= 6
