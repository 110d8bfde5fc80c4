"""How long answers took, hour by hour: the percentiles that the gateway keeps, of the whole answer and of its first token."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from joytui.core.clock import rfc3339
from joytui.core.errors import JoytuiError
from joytui.tui.charts.cells import PATTERNS
from joytui.tui.charts.plot import Plot, plain
from joytui.tui.charts.ticks import ceiling
from joytui.tui.figures import when
from joytui.tui.logs.latency import HOURS, NAMES, SHARES, Hour, Kind, bars, hours, words
from joytui.tui.shown import visible
from joytui.tui.theme import SERIES_NAMES
from joytui.tui.widgets.dialog import Dialog
from joytui.tui.widgets.fitted import Fitted
from joytui.tui.widgets.hints import Hints

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import LatencyView

SLOTS = (0, 1, 3)


class LatencyDialog(Dialog[str]):
    """A day by hours, from the newest on. ⏎ closes it with the filter that finds the requests of the chosen hour."""

    DIALOG_TITLE = "How long answers took"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "kind", "First token", tooltip="until the first token, or until the end"),
        Binding("left", "hour(-1)", "Hour before", show=False, tooltip="select an hour"),
        Binding("right", "hour(1)", "Hour after", show=False),
        Binding("left_square_bracket", "day(1)", "Earlier", key_display="[", tooltip="the day before"),
        Binding("right_square_bracket", "day(-1)", "Later", key_display="]", tooltip="the day after"),
        Binding("enter", "open", "Its requests", tooltip="the requests of the selected hour, in Logs"),
    ]

    class Read(Message):
        def __init__(self, back: int, rows: Sequence[LatencyView], problem: str = "") -> None:
            super().__init__()
            self.back = back
            self.rows = rows
            self.problem = problem

    def __init__(self) -> None:
        super().__init__()
        self._kind: Kind = "latency"
        self._back = 0
        self._hours: list[Hour] = []
        self._chosen: int | None = None

    def compose_dialog(self) -> ComposeResult:
        yield Static(id="about")
        yield Fitted(id="legend")
        yield Plot(id="plot")
        yield Hints(
            ("← →", "choose an hour"), ("⏎", "shows its requests"), ("t", "first token"), ("[ ]", "another day")
        )

    def on_mount(self) -> None:
        self._ask()

    def _begin(self) -> datetime:
        now = datetime.fromtimestamp(self.console.now_ms() / 1000, UTC)
        full = now.replace(minute=0, second=0, microsecond=0)
        return full - timedelta(hours=HOURS * (self._back + 1) - 1)

    def _ask(self) -> None:
        self._chosen = None
        client, begin = self.console.client, self._begin()
        if client is not None:
            self.query_one("#about", Static).update(Content.styled("◌ asking the gateway", "$warning"))
            self.run_worker(self._read(client, self._back, begin), group="latency", exclusive=True, exit_on_error=False)

    async def _read(self, client: ConsoleClient, back: int, begin: datetime) -> None:
        until = begin + timedelta(hours=HOURS) - timedelta(milliseconds=1)
        try:
            rows = await client.latency(since=rfc3339(begin), until=rfc3339(until))
        except JoytuiError as error:
            self.post_message(self.Read(back, (), error.what))
        else:
            self.post_message(self.Read(back, rows))

    def on_latency_dialog_read(self, message: Read) -> None:
        if message.problem:
            self.query_one("#about", Static).update(Content.styled(f"✗ {visible(message.problem)}", "$error"))
        elif message.back == self._back:
            self.show(message.rows)

    def show(self, rows: Sequence[LatencyView]) -> None:
        self._hours = hours(rows, self._begin(), self.console.options.zone)
        self._draw()

    def _draw(self) -> None:
        if not self._hours:
            return
        labels, series = bars(self._hours, self._kind)
        top = ceiling([sum(column) for column in zip(*series, strict=True)])
        newest = max((place for place, hour in enumerate(self._hours) if hour.requests), default=len(self._hours) - 1)
        hour = self._hours[newest if self._chosen is None else self._chosen]
        now = datetime.fromtimestamp(self.console.now_ms() / 1000, UTC)
        clipped = "  ·  bars with ▲ are clipped" if top is not None else ""
        self.query_one("#about", Static).update(
            Content.assemble(
                (f"{NAMES[self._kind]}, in seconds", "bold"),
                (clipped, "$warning"),
                (f"\n{when(hour.begin, self.console.options.zone, now)}  ", "bold"),
                (words(hour, self._kind), ""),
            )
        )
        self.query_one("#legend", Fitted).show(partial(_legend, plain(self.app)))
        self.query_one(Plot).show(labels, series, SLOTS, mark=self._chosen, top=top)

    def action_kind(self) -> None:
        self._kind = "ttft" if self._kind == "latency" else "latency"
        self._draw()

    def action_day(self, by: int) -> None:
        """Some days further back; the newest is the last 24 hours."""
        if self._back + by >= 0:
            self._back += by
            self._ask()

    def action_hour(self, by: int) -> None:
        """Chooses an hour; past either end none is chosen."""
        start = len(self._hours) if by < 0 else -1
        place = (self._chosen if self._chosen is not None else start) + by
        self._chosen = place if 0 <= place < len(self._hours) else None
        self._draw()

    def on_plot_clicked(self, message: Plot.Clicked) -> None:
        self._chosen = message.place
        self._draw()

    def action_open(self) -> None:
        if self._chosen is None:
            self.notify("← and → choose an hour", timeout=4)
            return
        begin = self._hours[self._chosen].begin
        edges = (begin, begin.astimezone(UTC) + timedelta(hours=1))
        since, until = (edge.astimezone(begin.tzinfo).isoformat(timespec="minutes") for edge in edges)
        self.dismiss(f"since:{since} until:{until}".replace("+00:00", "Z"))


def _legend(plain: bool, width: int) -> Content:
    """What the three parts of a bar are."""
    parts = [
        (f"{PATTERNS[slot] if plain else '■'} p{share}   ", f"${SERIES_NAMES[slot]}")
        for slot, share in zip(SLOTS, SHARES, strict=True)
    ]
    return Content.assemble(*parts).truncate(width)
