"""Money is exact: integers inside, decimals at the edges."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joytui.core.money import MAX_NANO, MoneyError, format_credits, from_millionths, parse_credits, parse_credits_up


@given(st.integers(0, MAX_NANO))
def test_what_is_formatted_parses_back(nano: int) -> None:
    assert parse_credits(format_credits(nano)) == nano


@pytest.mark.parametrize(
    ("text", "nano"), [("0.033962", 33_962_000), ("1", 10**9), (" 2.5 ", 2_500_000_000), (0.1, 10**8)]
)
def test_credits_used_of_an_upstream_is_exact(text: str | float, nano: int) -> None:
    assert parse_credits(text) == nano


@pytest.mark.parametrize("text", ["", "abc", "NaN", "-1", "Infinity", "1e400", "9" * 30, "1,5", None])
def test_what_is_no_amount_is_refused_in_words(text: object) -> None:
    with pytest.raises(MoneyError, match="credits"):
        parse_credits(text)  # type: ignore[arg-type]


def test_reserving_rounds_up_and_estimating_half_to_even() -> None:
    assert parse_credits_up("0.0000000001") == 1
    assert parse_credits("0.0000000005") == 0
    assert parse_credits("0.0000000015") == 2


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_token_cost_is_the_exact_product_rounded_half_to_even(tokens: int, price: int) -> None:
    exact = Decimal(tokens) * Decimal(price) / 1_000_000
    assert abs(Decimal(from_millionths(tokens * price)) - exact) <= Decimal("0.5")
    assert from_millionths(tokens * price) == int(exact.quantize(Decimal(1)))


@given(st.integers(0, 10**12))
def test_half_a_nano_credit_goes_to_the_even_one(nano: int) -> None:
    """Prices are per million tokens: a tie is what a property over tokens and prices hardly ever draws."""
    assert from_millionths(nano * 1_000_000 + 500_000) == nano + nano % 2
    assert from_millionths(nano * 1_000_000 + 499_999) == nano
    assert from_millionths(nano * 1_000_000 + 500_001) == nano + 1


def test_places_and_the_largest_amount() -> None:
    assert format_credits(1_234_567_890, places=2) == "1.23"
    assert format_credits(0) == "0"
    assert format_credits(MAX_NANO).startswith("9223372036.")
