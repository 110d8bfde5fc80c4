"""Stacked bars over time by plotext, behind one function that takes anything and never fails.

plotext 5.3.2 and not 6.1: 6 is a C++ kernel that aborts the process on NaN or infinity, and plotext 5 is pure Python. Used
directly and not through textual-plotext, because that widget draws on the event loop; here a worker draws, and the view
shows the finished text. plotext keeps one figure per module, hence the lock.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from rich.style import Style
from rich.text import Text

from joytui.core.amounts import count
from joytui.tui.charts.cells import PATTERNS, RISING
from joytui.tui.charts.ticks import LIMIT, finite, label_places, round_ticks, tick_text
from joytui.tui.shown import visible

RGB = tuple[int, int, int]
SMALLEST = (16, 5)
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Palette:
    """The series' colours, as plotext takes them. `plain`: they cannot be told apart (no colours), so their `patterns` are
    drawn."""

    series: tuple[RGB, ...]
    text: RGB
    grid: RGB
    plain: bool = False
    patterns: str = PATTERNS


def stacked_bars(
    labels: Sequence[str],
    series: Sequence[Sequence[float]],
    width: int,
    height: int,
    palette: Palette,
    mark: int | None = None,
    top: float | None = None,
) -> Text | None:
    """The chart as text of that size, without a legend; None if it cannot be drawn and the table should stand.

    `mark`: the place of a bar to point at. `top`: what the scale must hold; bars above it are clipped and bear their amount.
    """
    if width < SMALLEST[0] or height < SMALLEST[1] or not labels:
        return None
    length = len(labels)
    clean = [[max(0.0, finite(v)) for v in values][:length] + [0.0] * (length - len(values)) for values in series]
    names = [visible(label, limit=16).replace("\n", " ") for label in labels]
    with _lock:
        try:
            return _draw(names, clean, min(width, 400), min(height, 120), palette, mark, top)
        except Exception:  # a chart is never worth the console: whatever plotext meets, the table is shown
            return None


def _draw(
    labels: list[str],
    series: list[list[float]],
    width: int,
    height: int,
    palette: Palette,
    mark: int | None,
    top: float | None,
) -> Text:
    import plotext

    bars = len(labels)
    ticks = _ticks(series, height, top)
    tick_labels = [tick_text(t, ticks[1]) for t in ticks]
    margin = max(len(text) for text in tick_labels)
    # Every tick at a whole row, the same number of rows apart; every bar at whole cells, the same number of cells apart:
    # plotext then rounds nothing. Lines and labels are in the middle of their rows, row 0 is the zero line; so half of
    # row 0 is the foot of the bars.
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
    plotext.scatter([0], [0], marker=" ")  # without data there is no grid
    plotext.ylim(0, rows - 1)
    plotext.xlim(0, room - 1)
    plotext.yticks([i * each for i in range(len(ticks))], tick_labels)
    plotext.xticks(middles[:1], labels[:1])  # for the row of them; plotext drops some where the last has little room
    plotext.grid(True, False)
    canvas = _Canvas(rows, margin, margin + room, lefts, filled, mark, _clipped(series, ticks[-1]))
    canvas.labels.update(_placed(labels, middles, margin, canvas.width, spacing))
    text = _finish(Text.from_ansi(plotext.build()), heights, canvas, palette)
    plotext.clear_figure()
    return text


def _ticks(series: Sequence[Sequence[float]], height: int, top: float | None) -> list[float]:
    highest = max((sum(column) for column in zip(*series, strict=True)), default=0.0)
    highest = highest if top is None else min(highest, top)
    return round_ticks(min(highest, LIMIT), max(2, min(5, (height - 2) // 3)))


def _clipped(series: Sequence[Sequence[float]], most: float) -> dict[int, str]:
    """The amounts of the bars that are higher than the scale, by their places."""
    sums = [sum(column) for column in zip(*series, strict=True)]
    return {place: count(round(total)) for place, total in enumerate(sums) if total > most * (1 + 1e-9)}


def _across(bars: int, width: int) -> tuple[int, int, int]:
    """Cells for all bars, cells from one bar to the next, and where the first bar's share begins."""
    room = max(bars, width)
    spacing = max(1, room // bars)
    return room, spacing, (room - spacing * bars) // 2


def bar_at(
    x: int,
    labels: Sequence[str],
    series: Sequence[Sequence[float]],
    width: int,
    height: int,
    top: float | None = None,
) -> int | None:
    """The bar whose share of the chart's width the cell `x` is in, as `stacked_bars` draws it; None beside all bars."""
    if not labels or width < SMALLEST[0] or height < SMALLEST[1]:
        return None
    length = len(labels)
    ticks = _ticks([[max(0.0, finite(v)) for v in values][:length] for values in series], min(height, 120), top)
    margin = max(len(tick_text(tick, ticks[1])) for tick in ticks)
    _, spacing, left = _across(length, min(width, 400) - margin)
    place = (x - margin - left) // spacing
    return place if 0 <= place < length else None


@dataclass(frozen=True, slots=True)
class _Canvas:
    """Where the bars stand: `lefts` are cells from the margin's end, `filled` is how many cells wide each is. `clipped`: what
    is written on those that go on above the chart. `labels`: by the cell where each begins."""

    rows: int
    margin: int
    width: int
    lefts: list[int]
    filled: int
    mark: int | None
    clipped: dict[int, str]
    labels: dict[int, str] = field(default_factory=dict)


def _placed(labels: list[str], middles: list[float], margin: int, width: int, spacing: int) -> dict[int, str]:
    """Labels under the middles of their bars, as many as do not touch, counted back from the last that has all its room."""
    starts = [round(margin + middle - (len(label) - 1) / 2) for label, middle in zip(labels, middles, strict=True)]
    fitting = [at for at, start in enumerate(starts) if start >= 0 and start + len(labels[at]) <= width]
    places = label_places([labels[at] for at in fitting], spacing * len(fitting))
    return {starts[fitting[place]]: labels[fitting[place]] for place in places}


def _running(column: Sequence[float]) -> list[float]:
    sums, total = [], 0.0
    for value in column:
        total += value
        sums.append(total)
    return sums


def _finish(text: Text, heights: list[list[float]], canvas: _Canvas, palette: Palette) -> Text:
    """The bars, which plotext draws in whole cells alone: they end at an eighth of a cell, with their colour behind them too,
    so that no seams show whatever the font is; and lines that are quieter than their labels."""
    cells = [list(line.ljust(canvas.width)) for line in text.plain.rstrip("\n").split("\n")]
    grid = Style(color=_hex(palette.grid))
    styles = [[grid if cell == "─" else Style(color=_hex(palette.text)) for cell in line] for line in cells]
    for number, left in enumerate(canvas.lefts):
        tops = _running([values[number] for values in heights])
        for row in range(canvas.rows):
            found = _foot(tops, palette) if row == 0 else _cell([top + 0.5 for top in tops], row + 1, palette)
            place = canvas.rows - 1 - row
            for at in range(canvas.margin + left, canvas.margin + left + canvas.filled):
                if found is not None and at < len(cells[place]):
                    cells[place][at], styles[place][at] = found
        if number in canvas.clipped:
            _write_amount(cells[0], styles[0], canvas.margin + left, canvas.filled, canvas.clipped[number])
    cells[-1], styles[-1] = [" "] * canvas.width, [Style(color=_hex(palette.text))] * canvas.width
    for start, label in canvas.labels.items():
        cells[-1][start : start + len(label)] = label
    if canvas.mark is not None and canvas.mark < len(canvas.lefts):
        at = canvas.margin + canvas.lefts[canvas.mark] + (canvas.filled - 1) // 2
        cells[canvas.rows - 1][at], styles[canvas.rows - 1][at] = "▲", Style(color=_hex(palette.text), bold=True)
    return Text("\n").join(_line(line, style) for line, style in zip(cells, styles, strict=True))


def _write_amount(line: list[str], styles: list[Style], left: int, filled: int, amount: str) -> None:
    """On a clipped bar: that it goes on, and how far where its width holds it."""
    words = f"▲{amount}"
    words = words if len(words) <= filled else "▲"
    start = left + (filled - len(words)) // 2
    for at, char in enumerate(words, start):
        if at < len(line):
            colour = styles[at].color
            line[at], styles[at] = (
                char,
                Style(color="#ffffff" if _dark(styles[at]) else "#000000", bgcolor=colour, bold=True),
            )


def _dark(style: Style) -> bool:
    """Whether white stands out on a bar of this style."""
    red, green, blue = style.color.triplet if style.color and style.color.triplet else (0, 0, 0)
    return 0.299 * red + 0.587 * green + 0.114 * blue < 140


def _foot(tops: Sequence[float], palette: Palette) -> tuple[str, Style] | None:
    """What a bar shows in the row of the zero line: it begins in the middle of it."""
    if not tops or tops[-1] <= 0:
        return None
    under = next((i for i, top in enumerate(tops) if top >= 0.25), len(tops) - 1)
    colour = _hex(palette.series[under % len(palette.series)])
    return "▀" if tops[-1] >= 0.25 else "━", Style(color=colour)


def _cell(tops: Sequence[float], row: int, palette: Palette) -> tuple[str, Style] | None:
    """What a bar shows in one row: its colour, or where it changes within the row, both; None above the bar."""
    under = next((i for i, top in enumerate(tops) if top > row - 1 + 1 / 16), None)
    if under is None:
        return None
    colour = _hex(palette.series[under % len(palette.series)])
    eighths = round((tops[under] - (row - 1)) * 8)
    if palette.plain:
        return palette.patterns[under % len(palette.patterns)], Style(color=colour)
    if eighths >= 8:
        return "█", Style(color=colour, bgcolor=colour)
    above = _fills_the_rest(tops, under, row)
    behind = _hex(palette.series[above % len(palette.series)]) if above is not None else None
    return RISING[max(1, eighths)], Style(color=colour, bgcolor=behind)


def _fills_the_rest(tops: Sequence[float], under: int, row: int) -> int | None:
    """The series that has the most of a row above the series `under`; None if the most of it is empty. A stack that goes
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
