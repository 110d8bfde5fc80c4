"""The two panes of Usage: the chart over time with its legend, and who has how much. A click on either asks for requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo
from functools import partial
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message

from joytui.tui.charts.plot import Plot, plain
from joytui.tui.charts.ticks import ceiling
from joytui.tui.shown import fit_line
from joytui.tui.usage import texts
from joytui.tui.usage.colours import NameColours
from joytui.tui.usage.snapshot import Metric, UsageSnapshot
from joytui.tui.usage.sums import Chart, Line, amount_text, chart
from joytui.tui.widgets.fitted import Fitted

if TYPE_CHECKING:
    from joytui.usage.budget import Burn

LINES_EACH = 2
MOST_NAME = 48


class ChartPane(Vertical):
    """`drawn` is the chart of the spending that is here now; a burn-down leaves it as it was."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.drawn = Chart((), (), "")
        self.colours = NameColours()
        self.border_title = "over time"

    def compose(self) -> ComposeResult:
        yield Fitted(id="legend")
        yield Plot(id="plot")

    @property
    def slots(self) -> dict[str, int]:
        """The colours of the series by their names."""
        return self.drawn.slots

    def step(self, place: int | None) -> str | None:
        """The full name of a bar's time, None for no bar."""
        return self.drawn.steps[place] if place is not None and place < len(self.drawn.steps) else None

    def show_spending(
        self, snapshot: UsageSnapshot, place: int | None, now: datetime, zone: tzinfo | None, *, whole: bool = False
    ) -> None:
        """`place`: the bar that is chosen. `whole`: no bar is clipped, however high."""
        drawn = self.drawn = chart(snapshot, now, zone, self.colours)
        window = snapshot.asked.window(now, zone)
        top = ceiling(drawn.sums)
        self.border_title = f"{drawn.unit} · {window.words} · by {snapshot.asked.group}"
        self.border_subtitle = ""

        def amount(at: int) -> str:
            scale = 10**9 if drawn.unit == "credits" else 1
            return amount_text(round(drawn.sums[at] * scale), snapshot.metric)

        if place is not None:
            opens = "its requests" if snapshot.asked.opened(window.starts[place]) is None else "opens it"
            words = window.step_words(drawn.steps[place], now)
            self.border_subtitle = f"▸ {words}: {amount(place)} · ⏎ {opens}"
        elif top is not None:
            largest = max(range(len(drawn.sums)), key=drawn.sums.__getitem__)
            words = f"{window.step_words(drawn.steps[largest], now)}: {amount(largest)}"
            self.border_subtitle = f"▲ {words} · z clips" if whole else f"▲ clipped, {words} · z shows it whole"
        self.query_one("#legend", Fitted).show(partial(texts.legend, drawn, plain(self.app)))
        values, slots = [one.values for one in drawn.series], [one.slot for one in drawn.series]
        self.query_one(Plot).show(drawn.labels, values, slots, mark=place, top=None if whole else top)

    def show_burn(self, burn: Burn, whose: str, now: datetime, zone: tzinfo | None) -> None:
        """`whose`: the node and its limit, "" for the budget of the settings."""
        from joytui.tui.usage.insight_text import burn_chart, ending

        labels, series = burn_chart(burn, now, zone)
        of = f" credits of {fit_line(whose, MOST_NAME)}" if whose else " budget, in credits"
        self.border_title = Content(f"remaining{of} · {ending(burn, now, zone)}")
        self.border_subtitle = "esc back to spend · B other budgets"
        self.query_one("#legend", Fitted).show(partial(texts.burn_legend, plain(self.app)))
        self.query_one(Plot).show(labels, series, (0, 1))


class RankingText(Fitted):
    """The lines themselves: says which group was clicked."""

    class Clicked(Message):
        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    def on_click(self, event: events.Click) -> None:
        self.post_message(self.Clicked(event.y // LINES_EACH))


class RankingPane(Vertical):
    """Two lines for each group. `lines`: those shown here; `cursor`: the chosen one, -1 for none."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.lines: list[Line] = []
        self.cursor = -1

    def compose(self) -> ComposeResult:
        yield RankingText(id="ranking-text")

    def show(self, lines: Iterable[Line], title: str, metric: Metric, slots: Mapping[str, int]) -> None:
        self.lines = list(lines)
        self.cursor = min(self.cursor, len(self.lines) - 1)
        self.border_title = Content(title)
        words = partial(texts.ranking_text, self.lines, metric, self.cursor, slots)
        self.query_one("#ranking-text", Fitted).show(words)
        if self.cursor >= 0:
            above = self.content_size.height // LINES_EACH // 2
            self.scroll_to(y=LINES_EACH * max(0, self.cursor - above), animate=False)  # no line loses its name

    def chosen(self) -> Line | None:
        return self.lines[self.cursor] if 0 <= self.cursor < len(self.lines) else None

    def move(self, by: int) -> None:
        """The cursor up or down; above the first line none is chosen."""
        self.cursor = max(-1, min(len(self.lines) - 1, self.cursor + by))
