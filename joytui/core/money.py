"""Credits as integers: one credit is 10^9 nano-credits, so sums stay exact. Decimal only while parsing and formatting.

1 Cr per million tokens is 1,000 nano-credits a token; a `credits_used` of six decimals is exact.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal, InvalidOperation, localcontext

NANO_PER_CREDIT = 1_000_000_000
MAX_NANO = 2**63 - 1


class MoneyError(ValueError):
    """Text that is no amount of credits: not a number, negative, or larger than a 64-bit ledger holds."""


def parse_credits(text: str | int | float | Decimal, *, rounding: str = ROUND_HALF_EVEN) -> int:
    """Nano-credits of a decimal amount of credits ("1.25", "0.033962"). Floats are read by their shortest text."""
    try:
        amount = Decimal(str(text).strip())
    except InvalidOperation:
        raise MoneyError(f"not an amount of credits: {str(text)[:40]!r}") from None
    if not amount.is_finite() or amount < 0:
        raise MoneyError(f"an amount of credits is a finite number from 0 up, not {str(text)[:40]!r}")
    if amount.adjusted() > 12:
        raise MoneyError(f"more credits than the ledger can hold: {str(text)[:40]!r}")
    with localcontext() as context:
        context.prec = 60
        nano = int((amount * NANO_PER_CREDIT).to_integral_value(rounding=rounding))
    if nano > MAX_NANO:
        raise MoneyError(f"more credits than the ledger can hold: {str(text)[:40]!r}")
    return nano


def parse_credits_up(text: str | int | float | Decimal) -> int:
    """Like `parse_credits`, rounded up: for reserving."""
    return parse_credits(text, rounding=ROUND_CEILING)


def format_credits(nano: int, *, places: int | None = None) -> str:
    """A decimal string of credits, without trailing zeros ("0.033962", "3"), or with exactly `places` decimals."""
    if places is None:
        whole, rest = divmod(abs(nano), NANO_PER_CREDIT)
        text = f"{whole}.{rest:09d}".rstrip("0") if rest else str(whole)
        return f"-{text}" if nano < 0 else text
    with localcontext() as context:
        context.prec = 60
        amount = Decimal(nano) / NANO_PER_CREDIT
        return f"{amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN):f}"


def from_millionths(millionths: int) -> int:
    """Nano-credits of tokens times nano-credits per million tokens, rounded half to even."""
    quotient, remainder = divmod(millionths, 1_000_000)
    return quotient + (remainder * 2 > 1_000_000 or (remainder * 2 == 1_000_000 and quotient % 2 == 1))
