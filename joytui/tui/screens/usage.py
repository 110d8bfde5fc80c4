"""Usage: who spends what, on which model, and when is the budget gone?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import DataTable, Static

from joytui.core.errors import JoytuiError
from joytui.tui.charts.plot import Plot
from joytui.tui.screens.base import ConsoleScreen
from joytui.tui.state import LinkState
from joytui.tui.usage import texts
from joytui.tui.usage.drill import requests_filter
from joytui.tui.usage.reading import Sources, read, stands_out
from joytui.tui.usage.snapshot import SOURCES, Question, Range, UsageSnapshot
from joytui.tui.usage.sums import Line, TableRow, amount_text, chart, ranking, table
from joytui.tui.widgets.fitted import Fitted

if TYPE_CHECKING:
    from joytui.tui.usage.insight import Insight

REFRESH_S = 3.0
INSIGHT_S = 30.0
MOST_ROWS = 2000


class UsageScreen(ConsoleScreen):
    MODE = "usage"
    CSS_PATH = "usage.tcss"
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "range('day')", "Day", tooltip="the last 24 hours, by hour"),
        Binding("w", "range('week')", "Week", tooltip="the last 7 days"),
        Binding("m", "range('month')", "Month", tooltip="the last 30 days"),
        Binding("s", "source", "Source", tooltip="the gateway, Codex's own files on this machine, both"),
        Binding("g", "group", "Group by", tooltip="model, key, owner, tier, provider, project, thread"),
        Binding("u", "unit", "Unit", tooltip="spend, tokens, requests"),
        Binding("v", "table", "Table", tooltip="the numbers behind the chart, and back"),
        Binding("enter", "drill", "Requests", tooltip="the requests of the chosen bar or line, in Logs"),
        Binding("b", "budget", "Budget", tooltip="its burn-down and the day it is gone; sets one where there is none"),
        Binding("R", "reconcile", "Reconcile", tooltip="Codex's files against the gateway, each difference explained"),
        Binding("W", "range('weeks')", "Weeks", show=False, tooltip="the last 13 weeks"),
        Binding("M", "range('months')", "Months", show=False, tooltip="the last 12 months"),
        Binding("left", "step(-1)", "Earlier bar", show=False, tooltip="choose a bar; the ranking shows it alone"),
        Binding("right", "step(1)", "Later bar", show=False),
        Binding("up", "line(-1)", "Line above", show=False, tooltip="choose a line of the ranking"),
        Binding("down", "line(1)", "Line below", show=False),
        Binding("escape", "back", "Back", show=False, tooltip="nothing chosen; the chart again"),
        Binding("l", "reload", "Load again", show=False),
    ]

    class Loaded(Message):
        def __init__(self, snapshot: UsageSnapshot) -> None:
            super().__init__()
            self.snapshot = snapshot

    class Noticed(Message):
        """What stands out, when it was read."""

        def __init__(self, source: str, found: Insight | None) -> None:
            super().__init__()
            self.source = source
            self.found = found

    def __init__(self) -> None:
        super().__init__()
        self.snapshot = UsageSnapshot(Question(), loading=True)
        self._asked_at_version = -1
        self._step: int | None = None
        self._line = -1
        self._steps: tuple[str, ...] = ()
        self._order: tuple[str, ...] = ()
        self._lines: list[Line] = []
        self._rows: list[TableRow] = []

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="context")
        yield Fitted(id="totals")
        yield Fitted(id="insight")
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
        self.set_interval(INSIGHT_S, self.action_notice)
        self.call_after_refresh(self.show, self.snapshot)
        self.call_after_refresh(self.action_reload)

    # Loading

    @property
    def sources(self) -> Sources:
        options = self.console.options
        return Sources(self.console.client, options.codex_home, options.places.cache_dir)

    def _link_changed(self, state: LinkState) -> None:
        if state.connected and (self.snapshot.totals is None or self.snapshot.source == "codex"):
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
        if self.console.client is None and self.console.options.codex_home is None:
            return
        self._asked_at_version = self.console.store.version
        job = partial(self._load, self.snapshot.asked)
        self.run_worker(job, group="usage", exclusive=True, exit_on_error=False)  # type: ignore[arg-type]

    async def _load(self, asked: Question) -> None:
        try:
            found = await read(self.sources, asked, self.now(), self.console.options.zone)
        except JoytuiError as error:
            found = UsageSnapshot(asked, problem=error.what)
        self.post_message(self.Loaded(found))

    def on_usage_screen_loaded(self, message: Loaded) -> None:
        loaded, here = message.snapshot.asked, self.snapshot.asked
        if (loaded.range, loaded.group, loaded.source) == (here.range, here.group, here.source):
            fresh = message.snapshot.source != self.snapshot.source or self.snapshot.insight is None
            kept = None if message.snapshot.source != self.snapshot.source else self.snapshot.insight
            self.show(replace(message.snapshot, asked=here, insight=kept))
            if fresh:
                self.action_notice()

    def action_notice(self) -> None:
        """Reads again what stands out."""
        if self.is_current and not self.snapshot.empty:
            look = partial(self._look, self.snapshot.source)
            self.run_worker(look, group="insight", exclusive=True, exit_on_error=False)  # type: ignore[arg-type]

    async def _look(self, source: str) -> None:
        try:
            found = await stands_out(self.sources, source, self.now(), self.console.settings)
        except JoytuiError:
            return  # the numbers themselves say what is wrong
        self.post_message(self.Noticed(source, found))

    def on_usage_screen_noticed(self, message: Noticed) -> None:
        if message.source == self.snapshot.source:
            self.show(replace(self.snapshot, insight=message.found))

    # Showing

    def show(self, snapshot: UsageSnapshot) -> None:
        """The whole screen as a function of one snapshot and of what is chosen in it."""
        self.snapshot = snapshot
        self.query_one("#context", Static).update(texts.context(snapshot))
        self.query_one("#totals", Fitted).show(partial(texts.totals, snapshot))
        self.set_class(snapshot.empty, "-empty")
        self.set_class(snapshot.codex_totals is not None, "-both")
        self._show_insight()
        if snapshot.empty:
            self.query_one("#empty", Static).update(texts.empty(snapshot, self.console.link_state))
            return
        if self.has_class("-budget"):
            self._show_burn()
        else:
            self._show_chart()
        self._show_ranking()
        if self.has_class("-table"):
            self._fill_table()
        self.refresh_bindings()

    def _show_insight(self) -> None:
        found, now, zone = self.snapshot.insight, self.now(), self.console.options.zone
        self.set_class(found is not None, "-insight")
        if found is not None:
            from joytui.tui.usage.insight_text import insight_text

            self.query_one("#insight", Fitted).show(lambda width: insight_text(found, now, zone, width))

    def _show_chart(self) -> None:
        snapshot = self.snapshot
        drawn = chart(snapshot, self.now(), self.console.options.zone)
        self._steps = drawn.steps
        self._order = tuple(one.name for one in drawn.series)
        box = self.query_one("#chart")
        box.border_title = f"{drawn.unit} · {snapshot.asked.words} · by {snapshot.asked.group}"
        box.border_subtitle = ""
        if self._step is not None:
            total = round(
                sum(one.values[self._step] for one in drawn.series) * (10**9 if drawn.unit == "credits" else 1)
            )
            box.border_subtitle = (
                f"▸ {drawn.labels[self._step]}: {amount_text(total, snapshot.metric)} · ⏎ its requests"
            )
        self.query_one("#legend", Fitted).show(partial(texts.legend, drawn))
        self.query_one(Plot).show(drawn.labels, [s.values for s in drawn.series], mark=self._step)

    def _show_burn(self) -> None:
        from joytui.tui.usage.insight_text import burn_chart, ending

        burn = self.snapshot.insight.burn if self.snapshot.insight else None
        if burn is None:
            return
        now, zone = self.now(), self.console.options.zone
        labels, series = burn_chart(burn, now, zone)
        box = self.query_one("#chart")
        box.border_title = f"what is left of the budget, in credits · {ending(burn, now, zone)}"
        box.border_subtitle = "esc: the spending again"
        self.query_one("#legend", Fitted).show(partial(texts.burn_legend))
        self.query_one(Plot).show(labels, series)

    def _show_ranking(self) -> None:
        step = self._steps[self._step] if self._step is not None and self._step < len(self._steps) else None
        self._lines = ranking(self.snapshot, step, self.console.options.zone)
        self._line = min(self._line, len(self._lines) - 1)
        side = self.query_one("#ranking")
        side.border_title = f"by {self.snapshot.asked.group}" + (f" · {step}" if step else "")
        words = partial(texts.ranking_text, self._lines, self.snapshot.metric, self._line, self._order)
        self.query_one("#ranking-text", Fitted).show(words)
        if self._line >= 0:
            side.scroll_to(y=max(0, 2 * self._line - side.content_size.height // 2), animate=False)

    def _fill_table(self) -> None:
        grid: DataTable[object] = self.query_one("#table", DataTable)
        here = grid.cursor_row
        grid.clear(columns=True)
        for title in texts.table_titles(self.snapshot.asked):
            grid.add_column(title)
        self._rows = table(self.snapshot, self.console.options.zone)[:MOST_ROWS]
        for row in self._rows:
            grid.add_row(row.cells[0], row.cells[1], *(texts.right(cell) for cell in row.cells[2:]))
        if 0 < here < len(self._rows):
            grid.move_cursor(row=here, animate=False)

    def on_plot_undrawable(self) -> None:
        if not self.has_class("-table") and not self.snapshot.empty:
            self.action_table()

    # Actions

    def _ask(self, asked: Question, *, load: bool) -> None:
        self._step, self._line = None, -1
        self.remove_class("-budget")
        if load:
            loads = self.console.link is not None or self.console.options.codex_home is not None
            fresh = UsageSnapshot(asked, loading=True, source=self.snapshot.source, insight=self.snapshot.insight)
            self.show(fresh if loads else replace(self.snapshot, asked=asked))
            self.action_reload()
        else:
            self.show(replace(self.snapshot, asked=asked))

    def action_range(self, name: Range) -> None:
        self._ask(replace(self.snapshot.asked, range=name), load=True)

    def action_source(self) -> None:
        here = SOURCES.index(self.snapshot.source)
        source = SOURCES[(here + 1) % len(SOURCES)]
        asked = replace(self.snapshot.asked, source=source)
        if source == "codex" and asked.group in ("key", "owner", "tier"):
            asked = replace(asked, group="model")  # Codex's files know neither keys nor tiers
        if source != "gateway" and self.console.options.codex_home is None:
            self.console.tell("there is no home of a Codex on this machine", error=True)
            return
        self._ask(asked, load=True)

    def action_group(self) -> None:
        self._ask(self.snapshot.asked.next_group(self.snapshot.groups), load=True)

    def action_unit(self) -> None:
        asked = replace(self.snapshot.asked, metric=self.snapshot.metric).next_metric()
        if asked.metric == "spend" and self.snapshot.source != "gateway":
            asked = asked.next_metric()
        self._ask(asked, load=False)

    def action_table(self) -> None:
        self.toggle_class("-table")
        if self.has_class("-table"):
            self._fill_table()
            self.query_one("#table").focus()
        else:
            self.set_focus(None)

    def action_step(self, by: int) -> None:
        """Chooses a bar; past either end none is chosen."""
        if self.snapshot.empty or not self._steps or self.has_class("-budget"):
            return
        start = len(self._steps) if by < 0 else -1
        place = (self._step if self._step is not None else start) + by
        self._step = place if 0 <= place < len(self._steps) else None
        self.show(self.snapshot)

    def action_line(self, by: int) -> None:
        if self._lines:
            self._line = max(-1, min(len(self._lines) - 1, self._line + by))
            self._show_ranking()

    def action_back(self) -> None:
        if self.has_class("-table"):
            self.action_table()
        self.remove_class("-budget")
        self._step, self._line = None, -1
        self.show(self.snapshot)

    def action_drill(self) -> None:
        """From the chosen bar and line to their requests, in Logs."""
        if self.snapshot.empty:
            return
        step = self._steps[self._step] if self._step is not None else None
        self._open_logs(step, self._lines[self._line].value if self._line >= 0 else None, named=self._line >= 0)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        if 0 <= event.cursor_row < len(self._rows):
            row = self._rows[event.cursor_row]
            self._open_logs(row.step, row.value, named=True)

    def _open_logs(self, step: str | None, value: str | None, *, named: bool) -> None:
        if self.snapshot.source == "codex":
            self.console.tell("these are Codex's own files: the gateway's logs do not have them; R compares both")
            return
        asked, zone = self.snapshot.asked, self.console.options.zone
        text, left_out = requests_filter(asked, step, value, named=named, now=self.now(), zone=zone)
        self.console.show_logs(text)
        if left_out:
            self.console.tell(left_out)

    def action_budget(self) -> None:
        if self.snapshot.insight is not None and self.snapshot.insight.burn is not None:
            self.toggle_class("-budget")
            self.remove_class("-table")
            self.show(self.snapshot)
        else:
            self.console.action_settings("budget")

    def action_reconcile(self) -> None:
        from joytui.tui.screens.reconcile import ReconcileDialog

        if self.console.client is None or self.console.options.codex_home is None:
            self.console.tell("comparing needs a gateway and a home of a Codex on this machine", error=True)
            return
        self.console.push_screen(ReconcileDialog(self.sources, self.snapshot.asked, self.now()))
