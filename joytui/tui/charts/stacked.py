"""Stacked bars over time by plotext, behind one function that takes anything and never fails.

plotext 5.3.2 and not 6.1: 6 is a C++ kernel that aborts the process on NaN or infinity, and plotext 5 is pure Python. Used
directly and not through textual-plotext, because that widget draws on the event loop; here a worker draws, and the view
shows the finished text. plotext keeps one figure per module, hence the lock.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from rich.style import Style
from rich.text import Text

from joytui.tui.charts.cells import PATTERNS, RISING
from joytui.tui.charts.ticks import LIMIT, finite, label_places, round_ticks, tick_text
from joytui.tui.shown import visible

RGB = tuple[int, int, int]
SMALLEST = (16, 5)
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Palette:
    """The theme's colours, as plotext takes them. `plain`: they cannot be told apart (no colours), so patterns are drawn."""

    series: tuple[RGB, ...]
    text: RGB
    grid: RGB
    plain: bool = False


def stacked_bars(
    labels: Sequence[str],
    series: Sequence[Sequence[float]],
    width: int,
    height: int,
    palette: Palette,
    mark: int | None = None,
) -> Text | None:
    """The chart as text of that size, without a legend; None where it cannot be drawn and the table should stand."""
    if width < SMALLEST[0] or height < SMALLEST[1] or not labels:
        return None
    length = len(labels)
    clean = [[max(0.0, finite(v)) for v in values][:length] + [0.0] * (length - len(values)) for values in series]
    names = [visible(label, limit=16).replace("\n", " ") for label in labels]
    with _lock:
        try:
            return _draw(names, clean, min(width, 400), min(height, 120), palette, mark)
        except Exception:  # a chart is never worth the console: whatever plotext meets, the table is shown
            return None


def _draw(
    labels: list[str], series: list[list[float]], width: int, height: int, palette: Palette, mark: int | None
) -> Text:
    import plotext

    bars = len(labels)
    ticks = _ticks(series, height)
    tick_labels = [tick_text(t, ticks[1]) for t in ticks]
    margin = max(len(text) for text in tick_labels)
    # Every tick at a whole row, the same number of rows apart; every bar at whole cells, the same number of cells apart:
    # plotext then rounds nothing. Row 0 is the zero line, and bars stand on it.
    rows = height - 1
    each = max(1, (rows - 1) // (len(ticks) - 1))
    room, spacing, left = _across(bars, width - margin)
    filled = max(1, round(spacing * 0.62))
    lefts = [left + (spacing - filled) // 2 + i * spacing for i in range(bars)]
    middles = [left + (filled - 1) / 2 for left in lefts]
    heights = [[v / ticks[-1] * each * (len(ticks) - 1) for v in values] for values in series] or [[0.0] * bars]
    plotext.clear_figure()
    plotext.limit_size(False, False)
    plotext.plotsize(margin + room, height)
    plotext.canvas_color("default")
    plotext.axes_color("default")
    plotext.ticks_color(palette.text)
    plotext.frame(False)
    _bars(plotext, lefts, heights, filled, palette)
    plotext.ylim(0, rows - 1)
    plotext.xlim(0, room - 1)
    plotext.yticks([i * each for i in range(len(ticks))], tick_labels)
    shown = label_places(labels, spacing * bars)
    plotext.xticks([middles[i] for i in shown], [labels[i] for i in shown])
    plotext.grid(True, False)
    canvas = _Canvas(rows, margin, lefts, filled, mark)
    text = _finish(Text.from_ansi(plotext.build()), heights, canvas, palette)
    plotext.clear_figure()
    return text


def _ticks(series: Sequence[Sequence[float]], height: int) -> list[float]:
    top = max((sum(column) for column in zip(*series, strict=True)), default=0.0)
    return round_ticks(min(top, LIMIT), max(2, min(5, (height - 2) // 3)))


def _across(bars: int, width: int) -> tuple[int, int, int]:
    """Cells for all bars, cells from one bar to the next, and where the first bar's share begins."""
    room = max(bars, width)
    spacing = max(1, room // bars)
    return room, spacing, (room - spacing * bars) // 2


def bar_at(x: int, labels: Sequence[str], series: Sequence[Sequence[float]], width: int, height: int) -> int | None:
    """The bar whose share of the chart's width the cell `x` is in, as `stacked_bars` draws it; None beside all bars."""
    if not labels or width < SMALLEST[0] or height < SMALLEST[1]:
        return None
    length = len(labels)
    ticks = _ticks([[max(0.0, finite(v)) for v in values][:length] for values in series], min(height, 120))
    margin = max(len(tick_text(tick, ticks[1])) for tick in ticks)
    _, spacing, left = _across(length, min(width, 400) - margin)
    place = (x - margin - left) // spacing
    return place if 0 <= place < length else None


@dataclass(frozen=True, slots=True)
class _Canvas:
    """Where the bars stand: `lefts` are cells from the margin's end, `filled` is how many cells wide each is."""

    rows: int
    margin: int
    lefts: list[int]
    filled: int
    mark: int | None


def _bars(plotext: Any, lefts: list[int], heights: list[list[float]], filled: int, palette: Palette) -> None:
    """The whole cells of the bars, from row 1 up, the uppermost series first: the lower ones cover its foot."""
    for left, column in zip(lefts, zip(*heights, strict=True), strict=True):
        for number, top in reversed(list(enumerate(_running(column)))):
            if int(top) >= 1 and column[number] > 0:
                colour = palette.series[number % len(palette.series)]
                plotext.rectangle([left, left + filled - 1], [1, int(top)], color=colour, fill=True, marker="sd")


def _running(column: Sequence[float]) -> list[float]:
    sums, total = [], 0.0
    for value in column:
        total += value
        sums.append(total)
    return sums


def _finish(text: Text, heights: list[list[float]], canvas: _Canvas, palette: Palette) -> Text:
    """What plotext cannot say: lines at the very height of their values and quieter than their labels, bars that end
    at an eighth of a cell, and bars with their colour behind them too, so that no seams show whatever the font is."""
    lines = text.plain.split("\n")
    cells = [list(re.sub("─(?: *─)*", lambda run: "▔" * len(run[0]), line)) for line in lines]
    grid = Style(color=_hex(palette.grid))
    styles = [[grid if cell == "▔" else Style(color=_hex(palette.text)) for cell in line] for line in cells]
    for number, left in enumerate(canvas.lefts):
        column = [values[number] for values in heights]
        for row in range(1, canvas.rows):
            found = _cell(_running(column), row, palette)
            place = canvas.rows - 1 - row
            for at in range(canvas.margin + left, canvas.margin + left + canvas.filled):
                if found is not None and at < len(cells[place]):
                    cells[place][at], styles[place][at] = found
    if canvas.mark is not None and canvas.mark < len(canvas.lefts):
        at = canvas.margin + canvas.lefts[canvas.mark] + (canvas.filled - 1) // 2
        cells[canvas.rows - 1][at], styles[canvas.rows - 1][at] = "▲", Style(color=_hex(palette.text), bold=True)
    return Text("\n").join(_line(line, style) for line, style in zip(cells, styles, strict=True))


def _cell(tops: Sequence[float], row: int, palette: Palette) -> tuple[str, Style] | None:
    """What a bar shows in one row: its colour, or where it changes within the row, both; None above the bar."""
    under = next((i for i, top in enumerate(tops) if top > row - 1 + 1 / 16), None)
    if under is None:
        first = next((i for i, top in enumerate(tops) if top > 0), None)
        if row != 1 or first is None:
            return None
        return RISING[1], Style(color=_hex(palette.series[first % len(palette.series)]))
    colour = _hex(palette.series[under % len(palette.series)])
    eighths = round((tops[under] - (row - 1)) * 8)
    if palette.plain:
        return PATTERNS[under % len(PATTERNS)], Style(color=colour)
    if eighths >= 8:
        return "█", Style(color=colour, bgcolor=colour)
    above = _fills_the_rest(tops, under, row)
    behind = _hex(palette.series[above % len(palette.series)]) if above is not None else None
    return RISING[max(1, eighths)], Style(color=colour, bgcolor=behind)


def _fills_the_rest(tops: Sequence[float], under: int, row: int) -> int | None:
    """The series that has the most of a row above the series `under`; None where the most of it is empty. A stack that goes
    on in the next row leaves no hole here."""
    parts = [(min(tops[i], row) - min(tops[i - 1], row), i) for i in range(under + 1, len(tops))]
    most, above = max(parts, default=(0.0, -1))
    return above if most > max(1 / 16, row - tops[-1]) else None


def _line(cells: list[str], styles: list[Style]) -> Text:
    line = Text()
    for (style, _), run in groupby(zip(cells, styles, strict=True), key=lambda pair: (pair[1], pair[0] == " ")):
        line.append("".join(pair[0] for pair in run), style)
    return line


def _hex(colour: RGB) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
