"""How numbers stand on a screen: short enough for a column, as exact as says something. Pure; no textual in it."""

from __future__ import annotations

from joytui.core.money import format_credits


def count(number: int) -> str:
    """A count in at most four characters and a unit: 981, 1.2k, 34k, 5.1M."""
    for limit, divisor, unit in ((1_000_000, 1_000, "k"), (10**9, 10**6, "M"), (10**12, 10**9, "G")):
        if number < 1_000:
            return str(number)
        if number < limit:
            value = number / divisor
            return f"{value:.1f}{unit}" if value < 9.95 else f"{min(999, round(value))}{unit}"
    return f"{number / 10**12:.0f}T"


def credits(nano: int) -> str:
    """Nano-credits as credits, with as many decimals as say something: "0.033962", "1.2500", "140.00"."""
    return format_credits(nano, places=2 if nano >= 10**11 else 4 if nano >= 10**8 else 6)


def span(ms: float) -> str:
    """Milliseconds in at most six characters."""
    if ms < 0:
        return ""
    if ms < 1_000:
        return f"{ms:.0f}ms"
    if ms < 100_000:
        return f"{ms / 1000:.1f}s"
    return f"{ms / 60_000:.0f}min"
