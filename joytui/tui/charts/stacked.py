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

from rich.style import Style
from rich.text import Text

from joytui.tui.charts.ticks import LIMIT, finite, label_places, round_ticks, tick_text
from joytui.tui.shown import visible

RGB = tuple[int, int, int]
SMALLEST = (16, 5)
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Palette:
    """The theme's colours, as plotext takes them."""

    series: tuple[RGB, ...]
    text: RGB
    grid: RGB


def stacked_bars(
    labels: Sequence[str], series: Sequence[Sequence[float]], width: int, height: int, palette: Palette
) -> Text | None:
    """The chart as text of that size, without a legend; None where it cannot be drawn and the table should stand."""
    if width < SMALLEST[0] or height < SMALLEST[1] or not labels:
        return None
    length = len(labels)
    clean = [[max(0.0, finite(v)) for v in values][:length] + [0.0] * (length - len(values)) for values in series]
    names = [visible(label, limit=16).replace("\n", " ") for label in labels]
    with _lock:
        try:
            return _draw(names, clean, min(width, 400), min(height, 120), palette)
        except Exception:  # a chart is never worth the console: whatever plotext meets, the table is shown
            return None


def _draw(labels: list[str], series: list[list[float]], width: int, height: int, palette: Palette) -> Text:
    import plotext

    bars = len(labels)
    top = max((sum(column) for column in zip(*series, strict=True)), default=0.0)
    ticks = round_ticks(min(top, LIMIT), max(2, min(5, (height - 2) // 3)))
    tick_labels = [tick_text(t, ticks[1]) for t in ticks]
    margin = max(len(text) for text in tick_labels)
    # Bars begin at whole cells and are whole cells wide: plotext then rounds nothing, and no two of them touch.
    room = max(bars, width - margin)
    spacing = room / bars
    filled = max(1, round(int(spacing) * 0.62))
    plotext.clear_figure()
    plotext.limit_size(False, False)
    plotext.plotsize(margin + room, height)
    plotext.canvas_color("default")
    plotext.axes_color("default")
    plotext.ticks_color(palette.text)
    plotext.frame(False)
    places = [int(i * spacing + (spacing - filled) / 2) + (filled - 1) / 2 for i in range(bars)]
    mean = (places[-1] - places[0]) / (bars - 1) if bars > 1 else 1.0
    # Values between 0 and 1: plotext never sees the size of the real ones.
    heights = [[v / ticks[-1] for v in values] for values in series] or [[0.0] * bars]
    colours = [palette.series[i % len(palette.series)] for i in range(len(heights))]
    plotext.stacked_bar(places, heights, width=(filled - 1) / mean, color=colours, marker="sd", minimum=0)
    plotext.ylim(0, 1)
    plotext.xlim(0, room - 1)
    plotext.yticks([t / ticks[-1] for t in ticks], tick_labels)
    shown = label_places(labels, room)
    plotext.xticks([places[i] for i in shown], [labels[i] for i in shown])
    plotext.grid(True, False)
    text = Text.from_ansi(plotext.build())
    plotext.clear_figure()
    return _finish(text, palette)


def _finish(text: Text, palette: Palette) -> Text:
    """What plotext cannot say: a grid quieter than its labels and without gaps under empty bars, and bars with their
    colour behind them too, so that no seams show whatever the font and the line height are."""
    grid = Style(color="#{:02x}{:02x}{:02x}".format(*palette.grid))
    rows = text.plain.split("\n")
    plain = "\n".join(re.sub(r"(?<=─) +| +(?=─)", _across, row) if row.count("─") > 1 else row for row in rows)
    for span in list(text.spans):
        style = span.style if isinstance(span.style, Style) else Style.parse(span.style)
        if style.color is not None and plain[span.start : span.end].strip("█") == "":
            text.stylize(Style(bgcolor=style.color.name), span.start, span.end)
    text.plain = plain
    for run in re.finditer("─+", plain):
        text.stylize(grid, *run.span())
    return text


def _across(gap: re.Match[str]) -> str:
    return gap[0] if gap.start() == 0 else "─" * len(gap[0])
