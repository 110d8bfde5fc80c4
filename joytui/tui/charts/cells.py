"""Small charts of eighth-block cells: a bar for a budget, a histogram of two counts. Pure text."""

from __future__ import annotations

import math
from collections.abc import Sequence

RISING = " ▁▂▃▄▅▆▇█"
PATTERNS = "█▒▓░▚▞"
"""Fillings of a chart's series where there are no colours."""

GROWING = " ▏▎▍▌▋▊▉█"


def share(part: float, whole: float) -> float:
    """A part of a whole between 0 and 1, whatever the numbers are."""
    if not (math.isfinite(part) and math.isfinite(whole)) or whole <= 0:
        return 0.0
    return min(1.0, max(0.0, part / whole))


def percent(part: float) -> str:
    """A part as a person reads it, never rounded to nothing or to all: "<1%", "42%", "99%", "100%"."""
    if not math.isfinite(part) or part <= 0:
        return "0%"
    if part < 0.005:
        return "<1%"
    return f"{min(part, 0.99):.0%}" if part < 1 else f"{part:.0%}"


def bar(filled: float, width: int) -> str:
    """A horizontal bar of `width` cells, `filled` from 0 to 1 in steps of an eighth of a cell."""
    if width <= 0:
        return ""
    eighths = round(min(1.0, max(0.0, filled if math.isfinite(filled) else 0.0)) * width * 8)
    if filled > 0 and eighths == 0:
        eighths = 1
    full, rest = divmod(eighths, 8)
    return ("█" * full + (GROWING[rest] if rest else "")).ljust(width)


def bar_parts(filled: float, width: int, colour: str, track: str) -> list[tuple[str, str]]:
    """A bar as text and styles on a track. Full cells carry their colour behind them too, so no font shows seams."""
    text = bar(filled, width)
    full = len(text) - len(text.lstrip("█"))
    return [(text[:full], f"{colour} on {colour}"), (text[full:], f"{colour} on {track}")]


def low_bar(filled: float, width: int) -> str:
    """A bar half a line high, so that those of a table's neighbouring rows do not touch; `filled` from 0 to 1, in half cells."""
    halves = round(min(1.0, max(0.0, filled if math.isfinite(filled) else 0.0)) * width * 2)
    full, rest = divmod(max(halves, 1) if filled > 0 else halves, 2)
    return "▄" * full + "▖" * rest


def low_bar_parts(filled: float, width: int, colour: str, track: str) -> list[tuple[str, str]]:
    """The same as text and styles, with a thin line for what is left: it differs from the bar without colours, too."""
    text = low_bar(filled, width)
    return [(text, colour), ("▁" * (width - len(text)), track)]


def columns(values: Sequence[float], height: int) -> list[str]:
    """Vertical bars for values, one a cell wide, as `height` lines from the top."""
    clean = [v if math.isfinite(v) and v > 0 else 0.0 for v in values]
    top = max(clean, default=0.0)
    eighths = [0 if top == 0 else max(1 if v else 0, round(v / top * height * 8)) for v in clean]
    return ["".join(RISING[min(8, max(0, e - level * 8))] for e in eighths) for level in range(height - 1, -1, -1)]
