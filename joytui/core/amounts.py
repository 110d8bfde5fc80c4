"""How amounts are written for a person, the same on the screen and in the tables of the commands: short enough for a column,
as exact as says something. Pure."""

from __future__ import annotations

from joytui.core.money import format_credits

SMALLEST_NANO = 500
"""Below this an amount would be written as 0.000000, and it is not nothing."""


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
    """Nano-credits as credits, with as many decimals as say something: "0", "0.033962", "0.4237", "140.00", "2,415.89"."""
    if nano == 0:
        return "0"
    if nano < SMALLEST_NANO:
        return "<0.000001"
    whole, point, rest = format_credits(nano, places=2 if nano >= 10**9 else 4 if nano >= 10**8 else 6).partition(".")
    return f"{int(whole):,}{point}{rest}"


def span(ms: float | None) -> str:
    """Milliseconds in at most six characters: 45ms, 1.2s, 3m20s, 2h05m, 12d04h. Nothing for None and for what is below 0, which
    is how a column of times has "not there"."""
    if ms is None or ms < 0:
        return ""
    if ms < 999.5:
        return f"{ms:.0f}ms"
    if ms < 99_950:
        return f"{ms / 1000:.1f}s"
    seconds = round(ms / 1000)
    if seconds < 6_000:
        return f"{seconds // 60}m{seconds % 60:02d}s"
    if seconds < 48 * 3600:
        return f"{seconds // 3600}h{seconds % 3600 // 60:02d}m"
    return f"{seconds // 86_400}d{seconds % 86_400 // 3600:02d}h"
