"""A widget that shows a chart: drawn in a thread, kept until data, size or theme change."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from rich.text import Text
from textual import events
from textual.app import App
from textual.color import Color
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from joytui.tui.charts.cells import PATTERNS
from joytui.tui.charts.stacked import Palette, bar_at, stacked_bars
from joytui.tui.theme import SERIES_NAMES


def palette(variables: dict[str, str], slots: Sequence[int], *, plain: bool = False) -> Palette:
    """The colours of a theme; `slots`: which of them the series have."""
    return Palette(
        plain=plain,
        series=tuple(rgb(variables[SERIES_NAMES[slot]]) for slot in slots),
        patterns="".join(PATTERNS[slot] for slot in slots),
        text=rgb(variables["quiet"]),
        grid=rgb(variables["rule"]),
    )


def plain(app: App[object]) -> bool:
    """Whether colours cannot tell series apart on this terminal: `NO_COLOR`, or nothing but ASCII."""
    return app.no_color or bool(getattr(getattr(app, "options", None), "ascii", False))


def rgb(text: str) -> tuple[int, int, int]:
    colour = Color.parse(text)
    return colour.r, colour.g, colour.b


class Plot(Widget):
    """Stacked bars. `show` asks for a drawing; what was drawn before stays until the new one is there."""

    DEFAULT_CSS = "Plot { height: 1fr; min-height: 5; }"

    class Undrawable(Message):
        """This size or this data cannot be drawn: the table should stand instead."""

    class Clicked(Message):
        """A bar, by its place."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    class Drawn(Message):
        def __init__(self, ticket: int, text: Text | None) -> None:
            super().__init__()
            self.ticket = ticket
            self.text = text

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._labels: tuple[str, ...] = ()
        self._series: tuple[tuple[float, ...], ...] = ()
        self._slots: tuple[int, ...] = ()
        self._mark: int | None = None
        self._top: float | None = None
        self._key: Any = None
        self._ticket = 0
        self._content: Content | None = None

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(
            self, lambda _: self._again()
        )  # by then the app has the new theme's colours

    def show(
        self,
        labels: Sequence[str],
        series: Sequence[Sequence[float]],
        slots: Sequence[int],
        mark: int | None = None,
        top: float | None = None,
    ) -> None:
        """`slots`: the theme's colour of each series; `mark`: the place of a bar to point at; `top`: the highest value that
        the scale must hold, bars above it are clipped."""
        self._mark, self._top = mark, top
        self._labels, self._slots = tuple(labels), tuple(slots)
        self._series = tuple(tuple(values) for values in series)
        self._again()

    def on_resize(self) -> None:
        self._again()

    def on_click(self, event: events.Click) -> None:
        place = bar_at(event.x, self._labels, self._series, *self.content_size, self._top)
        if place is not None:
            self.post_message(self.Clicked(place))

    def _again(self) -> None:
        width, height = self.content_size
        key = (self._labels, self._series, self._slots, self._mark, self._top, width, height, self.app.theme)
        if key == self._key or not self._labels or not width:
            return
        self._key = key
        self._ticket += 1
        colours = palette(self.app.theme_variables, self._slots, plain=plain(self.app))
        job = partial(self._draw, self._ticket, width, height, colours)
        self.run_worker(job, thread=True, group="plot", exit_on_error=False)

    def _draw(self, ticket: int, width: int, height: int, colours: Palette) -> None:
        text = stacked_bars(self._labels, self._series, width, height, colours, self._mark, self._top)
        self.post_message(self.Drawn(ticket, text))

    def on_plot_drawn(self, message: Drawn) -> None:
        if message.ticket != self._ticket:
            return
        if message.text is None:
            self.post_message(self.Undrawable())
        self._content = Content.from_rich_text(message.text) if message.text is not None else None
        self.refresh()

    def render(self) -> Content:
        return self._content or Content("")
