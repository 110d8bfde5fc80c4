"""The log view: draws the visible rows of a store, at most 15 times a second, whatever comes in.

Rules measured for it (Textual 8.2.8, two cores): ingest only appends; one timer compares a version number and repaints
once; the virtual size is set without a layout and the scroll bar by hand; a strip is kept while its row stays as it is
(`RowStrips`); following stops when the user scrolls up.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import tzinfo
from math import ceil
from time import monotonic
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.filter import LineFilter
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.strip import Strip
from textual.timer import Timer

from joytui.tui.console import console_of
from joytui.tui.logs.days import Days
from joytui.tui.logs.format import Column, cells, layout
from joytui.tui.logs.shown import Shown
from joytui.tui.logs.store import LogStore

KEPT_STRIPS = 400
STYLES = ("quiet", "good", "bad", "warn", "running", "key", "model", "number", "cost", "reason", "rule", "cursor")
ACTIVE_HZ = 15
BLURRED_HZ = 5
FLOOD = 600
"""With this many new rows between two looks (3,000 a second) nobody can follow, so it looks less often."""


class LogView(ScrollView, can_focus=True):
    """Newest last. `follow` holds the end in sight; the cursor is on a row of the store."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"log--{name}" for name in STYLES}
    DEFAULT_CSS = """
    LogView {
        overflow-y: scroll; overflow-x: hidden; scrollbar-size-vertical: 1; background: $background;
        .log--quiet { color: $quiet; }
        .log--good { color: $quiet; }
        .log--bad { color: $error; text-style: bold; }
        .log--warn { color: $warning; }
        .log--running { color: $secondary; }
        .log--key { color: $foreground; }
        .log--model { color: $foreground; }
        .log--number { color: $foreground 90%; }
        .log--cost { color: $foreground 90%; }
        .log--reason { color: $error; }
        .log--rule { color: $rule; }
        .log--cursor { background: $block-cursor-background; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "first", "Oldest", show=False),
        Binding("end,G", "follow", "Follow", show=False, tooltip="go to the newest, and follow"),
    ]
    follow: reactive[bool] = reactive(True)
    """Whether the end is held in sight; `fresh` counts what came since that stopped."""
    day: reactive[str] = reactive("")
    """The day of the first row in sight; "" while all rows are of today."""

    keyless: reactive[bool] = reactive(False)
    """Whether no row has a key: their column is left out."""

    class Moved(Message):
        """The cursor is on another row, or its row has changed."""

    class Top(Message):
        """The user reached the oldest row that is here."""

    def __init__(
        self, shown: Shown, *, zone: tzinfo | None = None, columns: tuple[str, ...] = (), id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self.shown = shown
        self.columns = columns  # those that the user wants; none: all that fit
        self.shown.attach(self._left)
        self.marked: tuple[str, ...] = ()  # own ids
        self._loading = False
        self._paused_at = 0
        self._looked = 0.0
        self._stored = 0
        self.zone = zone
        self.days = Days(zone)
        self.cursor = -1
        self._seen = -1
        self._rows = 0  # lines: rows, and the days over them
        self._strips = RowStrips(self)
        self._bar = (0, 0, 0)
        self._tick: Timer | None = None
        self.painted = 0

    # Time

    def on_mount(self) -> None:
        self._pace(ACTIVE_HZ)
        self.watch(self.app, "theme", self._restyle, init=False)
        self.watch(self.app, "app_focus", self._focus_changed, init=False)
        if hasattr(self.app, "link_state"):
            self.watch(self.app, "link_state", self.catch_up, init=False)  # the first page does not wait for the timer

    def _focus_changed(self, focus: bool) -> None:
        self._pace(ACTIVE_HZ if focus else BLURRED_HZ)

    def _pace(self, hertz: int) -> None:
        if self._tick is not None:
            self._tick.stop()
        self._tick = self.set_interval(1 / hertz, self.catch_up)

    def _restyle(self) -> None:
        self._strips.restyle()
        self.refresh()

    def choose(self, columns: tuple[str, ...]) -> None:
        """These columns, by their titles; none: all that fit."""
        self.columns = columns
        self._strips.rearrange()
        self.refresh()

    def columns_for(self, width: int) -> tuple[Column, ...]:
        return layout(width, self.columns, keyless=self.keyless)

    def watch_keyless(self) -> None:
        self._strips.rearrange()
        self.refresh()

    def show(self, shown: Shown) -> None:
        """Draws something else (what a filter finds), from its end."""
        self.shown = shown
        shown.attach(self._left)
        self.cursor = -1
        self.follow = True
        self._seen = -1
        self._rows = -1
        self._looked = 0.0
        self._strips.forget()
        self.catch_up()

    def catch_up(self) -> None:
        """Takes over what the store has got since the last time; called by the timer, and by tests."""
        shown = self.shown
        if shown.store.version == self._seen or not self.is_attached or not self.screen.is_current:
            return
        now = monotonic()
        stored = len(shown.store) + shown.store.away.requests
        if stored - self._stored > FLOOD and now - self._looked < 1 / BLURRED_HZ:
            return
        self._looked, self._stored = now, stored
        self._seen = shown.store.version
        anchor = shown.at(self.cursor) if not self.follow and 0 <= self.cursor < len(shown) else None
        changed = shown.refresh()
        self.keyless = shown.keyless
        self._strips.forget(changed)
        if changed is None:
            self._stay(anchor)
        self._look_at_days(anchor=changed is not None)
        if self.follow and len(shown):
            self._to_end()
        if changed is None or self.cursor in changed:
            self.post_message(self.Moved())
        self.refresh()

    def _look_at_days(self, *, anchor: bool = True) -> None:
        """Where a day's line comes or goes, the rows in sight stay where they are (`anchor`: they have their places still)."""
        top = self.days.place(int(self.scroll_offset.y))
        above = self.days.line(top) if top is not None else None
        if self.days.find(self.shown, self._now_ms()) and anchor and above is not None and top is not None:
            self._scroll(max(0, int(self.scroll_y) + self.days.line(top) - above))
        if (lines := self.days.lines(len(self.shown))) != self._rows:
            self._resize_virtual(lines)
        self._tell_day()

    def _now_ms(self) -> int:
        return console_of(self).now_ms()

    def _tell_day(self) -> None:
        self.day = self.days.name(int(self.scroll_offset.y))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._tell_day()

    def _stay(self, anchor: tuple[LogStore, int] | None) -> None:
        """Places have changed: cursor and scroll stay on the request they were on, or on the one after it."""
        if anchor is None or anchor[0] is not self.shown.store:
            return
        place = self.shown.place_near(anchor[1])
        before = self.days.line(self.cursor)
        self.days.find(self.shown, self._now_ms())
        moved, self.cursor = self.days.line(place) - before, place
        self._paused_at = max(0, self._paused_at + moved)
        self.scroll_to(y=max(0, self.scroll_offset.y + moved), animate=False, immediate=True, force=True)

    def _left(self, places: int) -> None:
        """This many have left the start of what is shown; the gateway has them."""
        self._strips.forget()
        if self.is_attached:
            self.shift(-places)

    def hold(self, *, loading: bool | None = None) -> None:
        """Rows stay while somebody reads older ones, or loads them."""
        self._loading = self._loading if loading is None else loading
        self.shown.store.held = self._loading or not self.follow

    @property
    def reading_line(self) -> int:
        return self.days.line(max(0, self.cursor))

    @property
    def fresh(self) -> int:
        """How many requests have come since the view stopped following."""
        return 0 if self.follow else max(0, len(self.shown) - self._paused_at)

    def watch_follow(self, follow: bool) -> None:
        if not follow:
            self._paused_at = len(self.shown)
        self.hold()

    def _resize_virtual(self, rows: int) -> None:
        self._rows = rows
        self.set_reactive(ScrollView.virtual_size, Size(self.size.width, rows))
        bar = self.vertical_scrollbar
        bar.set_reactive(ScrollBar.window_virtual_size, max(1, rows))
        bar.set_reactive(ScrollBar.window_size, self.size.height)
        self._show_bar()

    def _show_bar(self) -> None:
        """Draws the scroll bar where it would look different: at the end of a long log each new row would redraw the same."""
        height, rows = self.size.height, max(1, self._rows)
        thumb = max(1.0, height * height / rows)
        start = int((height - thumb) * self.scroll_y / max(1, rows - height) * 8)
        if (picture := (start, ceil(thumb * 8), height)) != self._bar:
            self._bar = picture
            self.vertical_scrollbar.refresh()

    def _to_end(self) -> None:
        before = self.cursor
        self.cursor = len(self.shown) - 1
        if self._scroll(max(0, self._rows - self.size.height)):
            self.refresh()
        if self.cursor != before:
            self.post_message(self.Moved())

    def _scroll(self, y: int) -> bool:
        """Like `scroll_to`, but draws nothing: neither rows, nor the scroll bar where it looks the same. Whether it moved."""
        if y == self.scroll_y and y == self.scroll_target_y:
            return False
        self.set_reactive(ScrollView.scroll_target_y, y)
        self.set_reactive(ScrollView.scroll_y, y)
        self.vertical_scrollbar.set_reactive(ScrollBar.position, y)
        self._show_bar()
        self._tell_day()
        return True

    # Moving

    def action_move(self, by: int) -> None:
        self.go(self.cursor + by)

    def action_page(self, by: int) -> None:
        self.go(self.cursor + by * max(1, self.size.height - 1))

    def action_first(self) -> None:
        self.go(0)

    def action_follow(self) -> None:
        self.follow = True
        self._to_end()
        self.refresh()

    def go(self, row: int) -> None:
        """The cursor to a row; leaving the last one stops following, coming back to it resumes."""
        if not len(self.shown):
            return
        if row <= 0:
            self.post_message(self.Top())
        self.cursor = max(0, min(len(self.shown) - 1, row))
        self.follow = self.cursor == len(self.shown) - 1
        self._to_cursor()
        self.refresh()
        self.post_message(self.Moved())

    def _to_cursor(self) -> None:
        """The cursor's row into sight; the first of a day with its day's line."""
        line = self.days.line(self.cursor)
        first = self.cursor in self.days.starts and line > 0
        region = Region(0, line - 1, 1, 2) if first else Region(0, line, 1, 1)
        self.scroll_to_region(region, animate=False, force=True)

    def shift(self, rows: int) -> None:
        """Older rows were put before the others, or (below 0) have left: cursor and scroll stay on what they showed."""
        self._strips.shift(rows)
        full = self._rows >= self.size.height
        self._seen = -1
        before = self.days.line(max(0, self.cursor))
        self.cursor = max(min(0, self.cursor), self.cursor + rows)
        self._paused_at = max(0, self._paused_at + rows)
        self.days.find(self.shown, self._now_ms())
        self._resize_virtual(self.days.lines(len(self.shown)))
        moved = self.days.line(max(0, self.cursor)) - before
        self._scroll(max(0, min(int(self.scroll_y) + moved, self._rows - self.size.height)))
        if not full:
            self.refresh()
            self.post_message(self.Moved())

    def next_error(self, step: int) -> bool:
        """The cursor to the next (1) or previous (-1) row with a status of 400 or above; whether there is one."""
        failed = self.shown.failed
        at = bisect_right(failed, self.cursor) if step > 0 else bisect_left(failed, self.cursor) - 1
        if not 0 <= at < len(failed):
            return False
        self.go(failed[at])
        return True

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.follow = False
        if self.scroll_offset.y == 0:
            self.post_message(self.Top())

    def on_click(self, event: events.Click) -> None:
        row = self.days.place(int(event.y + self.scroll_offset.y))
        if row is not None and 0 <= row < len(self.shown):
            self.go(row)

    def on_resize(self) -> None:
        self._strips.forget()
        self._resize_virtual(self.days.lines(len(self.shown)))
        if self.follow and len(self.shown):
            self._to_end()
        elif self.cursor >= 0:  # the selected row stays in sight when the detail opens below
            self._to_cursor()

    # Drawing

    def render_lines(self, crop: Region) -> list[Strip]:
        """The rows in sight. They fill their width and have no border, so nothing is put around them."""
        self._strips.begin_frame()
        self.painted += 1
        strips = [self.render_line(y) for y in crop.line_range]
        if crop.column_span != (0, self.region.width):
            return [strip.crop(*crop.column_span) for strip in strips]
        return strips

    def render_line(self, y: int) -> Strip:
        line, width = y + int(self.scroll_offset.y), self.scrollable_content_region.width
        place = self.days.place(line)
        return self._strips.day(self.days.name(line), width) if place is None else self._strips.strip(place, width)


class RowStrips:
    """The rows of one view as strips, by their places. Styles are read once a frame, and a strip of the final width is kept while
    neither its row nor the width changes. There is no border, and the app's filters (NO_COLOR, ASCII) are applied once a strip:
    half the cost of a frame."""

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

    def rearrange(self) -> None:
        """The columns are others."""
        self._width = -1

    def restyle(self) -> None:
        """The theme is another."""
        self._palette = {}
        self._strips.clear()

    def shift(self, places: int) -> None:
        """This many were put before the others."""
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
            self._width, self._columns = width, self._view.columns_for(width)
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

    def day(self, name: str, width: int) -> Strip:
        """The line over the first row of a day."""
        quiet = self._palette["quiet"]
        start = f" {name} "
        segments = [
            Segment(start, quiet + Style(bold=True)),
            Segment("─" * max(0, width - len(start)), self._palette["rule"]),
        ]
        return self._filtered(Strip(segments).crop(0, width))

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
