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

from joytui.tui.charts.stacked import Palette, bar_at, stacked_bars
from joytui.tui.theme import SERIES_NAMES


def palette(variables: dict[str, str], *, plain: bool = False) -> Palette:
    """The colours of a theme."""
    return Palette(
        plain=plain,
        series=tuple(rgb(variables[name]) for name in SERIES_NAMES),
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
        self._mark: int | None = None
        self._key: Any = None
        self._ticket = 0
        self._content: Content | None = None

    def on_mount(self) -> None:
        self.watch(self.app, "theme", self._restyle, init=False)

    def show(self, labels: Sequence[str], series: Sequence[Sequence[float]], mark: int | None = None) -> None:
        """`mark` is the place of a bar to point at."""
        self._mark = mark
        self._labels = tuple(labels)
        self._series = tuple(tuple(values) for values in series)
        self._again()

    def on_resize(self) -> None:
        self._again()

    def _restyle(self) -> None:
        self.call_after_refresh(self._again)  # by then the app has the new theme's colours

    def on_click(self, event: events.Click) -> None:
        place = bar_at(event.x, self._labels, self._series, *self.content_size)
        if place is not None:
            self.post_message(self.Clicked(place))

    def _again(self) -> None:
        width, height = self.content_size
        key = (self._labels, self._series, self._mark, width, height, self.app.theme)
        if key == self._key or not self._labels or not width:
            return
        self._key = key
        self._ticket += 1
        job = partial(self._draw, self._ticket, width, height, palette(self.app.theme_variables, plain=plain(self.app)))
        self.run_worker(job, thread=True, group="plot", exit_on_error=False)

    def _draw(self, ticket: int, width: int, height: int, colours: Palette) -> None:
        self.post_message(
            self.Drawn(ticket, stacked_bars(self._labels, self._series, width, height, colours, self._mark))
        )

    def on_plot_drawn(self, message: Drawn) -> None:
        if message.ticket != self._ticket:
            return
        if message.text is None:
            self.post_message(self.Undrawable())
        self._content = Content.from_rich_text(message.text) if message.text is not None else None
        self.refresh()

    def render(self) -> Content:
        return self._content or Content("")
