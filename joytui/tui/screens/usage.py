"""Usage: who spends what, on which model?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import DataTable, Static

from joytui.core.clock import rfc3339
from joytui.core.errors import JoytuiError
from joytui.tui.charts.plot import Plot
from joytui.tui.screens.base import ConsoleScreen
from joytui.tui.state import LinkState
from joytui.tui.usage import texts
from joytui.tui.usage.snapshot import Question, Range, UsageSnapshot
from joytui.tui.usage.sums import chart, ranking, table
from joytui.tui.widgets.fitted import Fitted

REFRESH_S = 3.0


class UsageScreen(ConsoleScreen):
    MODE = "usage"
    CSS_PATH = "usage.tcss"
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "range('day')", "Day", tooltip="the last 24 hours, by hour"),
        Binding("w", "range('week')", "Week", tooltip="the last 7 days"),
        Binding("m", "range('month')", "Month", tooltip="the last 30 days"),
        Binding("g", "group", "Group by", tooltip="model, key, owner, tier"),
        Binding("u", "unit", "Unit", tooltip="spend, tokens, requests"),
        Binding("v", "table", "Table", tooltip="the numbers behind the chart, and back"),
        Binding("l", "reload", "Load again", show=False),
    ]

    class Loaded(Message):
        def __init__(self, snapshot: UsageSnapshot) -> None:
            super().__init__()
            self.snapshot = snapshot

    def __init__(self) -> None:
        super().__init__()
        self.snapshot = UsageSnapshot(Question(), loading=True)
        self._asked_at_version = -1

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="context")
        yield Fitted(id="totals")
        yield Static(id="empty")
        with Horizontal(id="body"):
            with Vertical(id="chart"):
                yield Fitted(id="legend")
                yield Plot(id="plot")
            with Vertical(id="ranking"):
                yield Fitted(id="ranking-text")
        yield DataTable(id="table", cursor_type="row", zebra_stripes=True)

    def on_mount(self) -> None:
        self.query_one("#chart").border_title = "over time"
        self.watch(self.console, "link_state", self._link_changed)
        self.set_interval(REFRESH_S, self._refresh)
        self.call_after_refresh(self.show, self.snapshot)

    # Loading

    def _link_changed(self, state: LinkState) -> None:
        if state.connected and self.snapshot.totals is None:
            self.action_reload()
        else:
            self.call_after_refresh(self.show, self.snapshot)

    def on_screen_resume(self) -> None:
        self._refresh()

    def _refresh(self) -> None:
        """Asks again where requests have come since the last answer."""
        if self.is_current and self.console.store.version != self._asked_at_version:
            self.action_reload()

    def action_reload(self) -> None:
        if self.console.client is None:
            return
        self._asked_at_version = self.console.store.version
        self.run_worker(self._load(self.snapshot.asked), group="usage", exclusive=True, exit_on_error=False)

    async def _load(self, asked: Question) -> None:
        client = self.console.client
        if client is None:
            return
        since = rfc3339(asked.since(self.now(), self.console.options.zone))
        try:
            view = await client.usage([asked.bucket, asked.group], since=since)
        except JoytuiError as error:
            self.post_message(self.Loaded(UsageSnapshot(asked, problem=error.what)))
            return
        self.post_message(self.Loaded(UsageSnapshot(asked, tuple(view.rows), view.totals.model_dump())))

    def on_usage_screen_loaded(self, message: Loaded) -> None:
        loaded, here = message.snapshot.asked, self.snapshot.asked
        if (loaded.range, loaded.group) == (here.range, here.group):
            self.show(replace(message.snapshot, asked=here))

    # Showing

    def show(self, snapshot: UsageSnapshot) -> None:
        """The whole screen as a function of one snapshot."""
        self.snapshot = snapshot
        zone = self.console.options.zone
        self.query_one("#context", Static).update(texts.context(snapshot))
        self.query_one("#totals", Fitted).show(partial(texts.totals, snapshot))
        self.set_class(snapshot.empty, "-empty")
        if snapshot.empty:
            self.query_one("#empty", Static).update(texts.empty(snapshot, self.console.link_state))
            return
        drawn = chart(snapshot, self.now(), zone)
        box = self.query_one("#chart")
        box.border_title = f"{drawn.unit} · {snapshot.asked.words} · by {snapshot.asked.group}"
        self.query_one("#legend", Fitted).show(partial(texts.legend, drawn))
        self.query_one(Plot).show(drawn.labels, [s.values for s in drawn.series])
        side = self.query_one("#ranking")
        side.border_title = f"by {snapshot.asked.group}"
        self.query_one("#ranking-text", Fitted).show(
            partial(texts.ranking_text, ranking(snapshot), snapshot.asked.metric)
        )
        if self.has_class("-table"):
            self._fill_table()

    def _fill_table(self) -> None:
        grid: DataTable[object] = self.query_one("#table", DataTable)
        grid.clear(columns=True)
        for title in texts.table_titles(self.snapshot.asked):
            grid.add_column(title)
        for row in table(self.snapshot, self.console.options.zone)[:2000]:
            grid.add_row(row[0], row[1], *(texts.right(cell) for cell in row[2:]))

    def on_plot_undrawable(self) -> None:
        if not self.has_class("-table") and not self.snapshot.empty:
            self.action_table()

    # Actions

    def _ask(self, asked: Question, *, load: bool) -> None:
        if load:
            self.show(UsageSnapshot(asked, loading=True) if self.console.link else replace(self.snapshot, asked=asked))
            self.action_reload()
        else:
            self.show(replace(self.snapshot, asked=asked))

    def action_range(self, name: Range) -> None:
        self._ask(replace(self.snapshot.asked, range=name), load=True)

    def action_group(self) -> None:
        self._ask(self.snapshot.asked.next_group(), load=True)

    def action_unit(self) -> None:
        self._ask(self.snapshot.asked.next_metric(), load=False)

    def action_table(self) -> None:
        self.toggle_class("-table")
        if self.has_class("-table"):
            self._fill_table()
            self.query_one("#table").focus()
        else:
            self.set_focus(None)
