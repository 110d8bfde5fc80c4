"""The rows in sight as strips: styles are read once a frame, and a strip of the final width is kept while neither its row nor
the width changes. They have no border, and the filters of the app (NO_COLOR, ASCII) are applied once a strip: half the cost
of a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.strip import Strip

from joytui.tui.logs.format import Column, cells, layout

if TYPE_CHECKING:
    from joytui.tui.logs.view import LogView

KEPT_STRIPS = 400
STYLES = ("quiet", "good", "bad", "warn", "running", "key", "model", "number", "cost", "reason", "cursor")


class RowStrips:
    """Of one view, by the places of what it shows."""

    def __init__(self, view: LogView) -> None:
        self._view = view
        self._strips: dict[int, Strip] = {}
        self._palette: dict[str, Style] = {}
        self._filters: list[LineFilter] = []
        self._behind = Color(0, 0, 0)
        self._columns: tuple[Column, ...] = ()
        self._width = -1

    def forget(self, places: set[int] | None = None) -> None:
        """These look different now; None: all may."""
        if places is None:
            self._strips.clear()
        for place in places or ():
            self._strips.pop(place, None)

    def restyle(self) -> None:
        """The theme is another."""
        self._palette = {}
        self._strips.clear()

    def shift(self, places: int) -> None:
        """So many were put before the others."""
        self._strips = {place + places: strip for place, strip in self._strips.items()}

    def begin_frame(self) -> None:
        """Reads what all strips of a frame share."""
        view = self._view
        if not self._palette:
            base = view.rich_style
            self._palette = {
                name: base + view.get_component_rich_style(f"log--{name}", partial=True) for name in STYLES
            }
            self._palette["base"] = base
            self._palette["mark"] = Style(bgcolor=self._palette["cursor"].bgcolor)
        filters = list(view.get_line_filters())
        if filters != self._filters:
            self._filters = filters
            self._strips.clear()
        self._behind = view.background_colors[1]

    def strip(self, place: int, width: int) -> Strip:
        """The row at a place, with cursor and mark; an empty one behind the last."""
        if width != self._width:
            self._width, self._columns = width, layout(width)
            self._strips.clear()
        view = self._view
        if place >= len(view.shown):
            return self._filtered(Strip([Segment(" " * width, self._palette["base"])], width))
        strip = self._strips.get(place)
        if strip is None:
            strip = self._filtered(self._draw(place, width))
            if len(self._strips) >= KEPT_STRIPS:
                self._strips.clear()
            self._strips[place] = strip
        marked = bool(view.marked) and view.shown.id(place) in view.marked
        if place != view.cursor and not marked:
            return strip
        segments = list(strip)
        if marked:
            segments[0] = Segment("◆", self._palette["model"])
        if place == view.cursor:
            mark = self._palette["mark"]
            segments = [Segment(s.text, (s.style or Style()) + mark) for s in segments]
        return self._filtered(Strip(segments, width))

    def _filtered(self, strip: Strip) -> Strip:
        for line_filter in self._filters:
            strip = strip.apply_filter(line_filter, self._behind)
        return strip

    def _draw(self, place: int, width: int) -> Strip:
        palette, view = self._palette, self._view
        base = palette["base"]
        segments = [Segment(" ", base)]
        used = 1
        for text, name in cells(*view.shown.at(place), self._columns, view.zone):
            segments.append(Segment(text + " ", palette[name]))
            used += len(text) + 1 if text.isascii() else Segment(text).cell_length + 1
        if used < width:
            segments.append(Segment(" " * (width - used), base))
            return Strip(segments, width)
        return Strip(segments, used).crop(0, width)
