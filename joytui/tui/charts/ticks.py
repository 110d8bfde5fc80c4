"""Round ticks that we choose: 0, 25, 50, 75, 100, never 23.4 and 46.8; and labels that fit a width."""

from __future__ import annotations

import math
from collections.abc import Sequence

LIMIT = 1e15


def finite(value: float) -> float:
    """A number that is safe to draw: finite and within ±LIMIT; what is not a number is 0."""
    if not isinstance(value, (int, float)) or math.isnan(value):
        return 0.0
    return max(-LIMIT, min(LIMIT, float(value)))


def round_ticks(top: float, most: int) -> list[float]:
    """From 0 to at least `top` in steps of 1, 2, 2.5 or 5 times a power of ten, at most `most` + 1 ticks."""
    top = finite(top)
    if top <= 0:
        return [0.0, 1.0]
    raw = top / max(1, most)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * (1 - 1e-9)), 10 * power)
    count = max(1, math.ceil(top / step - 1e-9))
    return [i * step for i in range(count + 1)]


ORDINARY = 3
"""At least this many bars must not be outliers."""
FLATTENS = 4
"""An outlier is at least this many times the next lower bar: the others would have at most a quarter of the height."""


def ceiling(values: Sequence[float]) -> float | None:
    """The height of the highest ordinary bar, where a few others (a third at most) would flatten all the rest; else None."""
    ranked = sorted((finite(value) for value in values if finite(value) > 0), reverse=True)
    for outliers in range(1, len(ranked) // 3 + 1):
        if len(ranked) - outliers >= ORDINARY and ranked[outliers - 1] >= FLATTENS * ranked[outliers]:
            return ranked[outliers]
    return None


def tick_text(value: float, step: float) -> str:
    """A tick's label, with only the decimals that its step needs, and a unit from a thousand on."""
    for divisor, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= divisor:
            return f"{_plain(value / divisor, step / divisor)}{unit}"
    return _plain(value, step)


def _plain(value: float, step: float) -> str:
    decimals = 0 if step >= 1 and step == int(step) else min(9, max(0, math.ceil(-math.log10(step) + 1e-9)))
    while decimals < 9 and abs(round(step, decimals) - step) > step * 1e-6:
        decimals += 1
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def label_places(labels: Sequence[str], width: int) -> list[int]:
    """Which labels to show so that they never touch: every n-th, n as small as it can be, ending at the last."""
    if not labels or width <= 0:
        return []
    longest = max(len(label) for label in labels) + 2
    room = max(1, width // max(1, longest))
    every = max(1, math.ceil(len(labels) / room))
    return [i for i in range(len(labels)) if (len(labels) - 1 - i) % every == 0]
