"""Usage: who spends what, on which model, and when is the budget gone?"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, get_args

from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget
from textual.widgets import DataTable

from joytui.core.errors import JoytuiError
from joytui.tui.charts.plot import Plot
from joytui.tui.charts.ticks import ceiling
from joytui.tui.screens.fresh import FreshScreen
from joytui.tui.usage import texts
from joytui.tui.usage.drill import requests_filter
from joytui.tui.usage.grid import columns, entries, filler
from joytui.tui.usage.panes import ChartPane, RankingPane, RankingText
from joytui.tui.usage.reading import Sources, read, stands_out
from joytui.tui.usage.saved import restored, saved
from joytui.tui.usage.snapshot import CODEX_GROUPS, GROUPS, SOURCES, Group, Question, UsageSnapshot
from joytui.tui.usage.sums import ranking
from joytui.tui.usage.window import Range, Window
from joytui.tui.widgets.fitted import Fitted
from joytui.tui.widgets.sorted_table import SortedTable, TableColumn

if TYPE_CHECKING:
    from datetime import datetime

    from textual.theme import Theme

    from joytui.tui.export.exported import Exported
    from joytui.tui.people.owner import Subject
    from joytui.tui.usage.insight import Insight

INSIGHT_S = 30.0
ROOMY = 30
"""From this height on there is room for what the forecast assumes; on a lower screen it is beside the burn-down."""


class UsageScreen(FreshScreen):
    MODE = "usage"
    CSS_PATH = "usage.tcss"
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "range('day')", "Day", tooltip="the last 24 hours; again: today from midnight"),
        Binding("w", "range('week')", "Week", tooltip="the last 7 days; again: this week from Monday"),
        Binding("m", "range('month')", "Month", tooltip="the last 30 days; again: this month"),
        Binding("left_square_bracket", "move(-1)", "Earlier", tooltip="the previous window", key_display="["),
        Binding("right_square_bracket", "move(1)", "Later", tooltip="the next window", key_display="]"),
        Binding("enter", "open", "Open", tooltip="zoom into the selected bar; for an hour or a line, its requests"),
        Binding("s", "source", "Source", tooltip="the gateway, Codex's own files on this machine, both"),
        Binding("g", "group", "Group by", tooltip=f"{', '.join(get_args(Group))}; G goes back"),
        Binding("G", "group(-1)", "Group before", show=False, tooltip="the previous grouping"),
        Binding("u", "unit", "Unit", tooltip="spend, tokens, requests"),
        Binding("v", "table", "Table", tooltip="the numbers behind the chart, or the chart"),
        Binding("i", "drill", "Requests", tooltip="the requests of the selected bar and line, in Logs"),
        Binding("A", "tasks", "Tasks", show=False, tooltip="agents with their sub-agents: cost, and which are running"),
        Binding("b", "budget", "Budget", tooltip="burn-down and run-out date of a limit; B lists all"),
        Binding(
            "R", "reconcile", "Reconcile", tooltip="compare Codex's files with the gateway, each difference explained"
        ),
        Binding("z", "scale", "Clip", show=False, tooltip="clip bars that flatten all others, or show them whole"),
        Binding(
            "T",
            "tests",
            "Doctor's tests",
            show=False,
            tooltip="count or leave out joytui doctor's test requests",
        ),
        Binding("C", "columns", "Columns", show=False, tooltip="which columns the table shows"),
        Binding("W", "range('weeks')", "Weeks", show=False, tooltip="the last 13 weeks"),
        Binding("M", "range('months')", "Months", show=False, tooltip="the last 12 months"),
        Binding(
            "left", "step(-1)", "Earlier bar", show=False, tooltip="select a bar; the ranking then shows only that bar"
        ),
        Binding("right", "step(1)", "Later bar", show=False),
        Binding("up", "line(-1)", "Line above", show=False, tooltip="select a line of the ranking"),
        Binding("down", "line(1)", "Line below", show=False),
        Binding(
            "escape", "back", "Back", show=False, tooltip="clear the selection; back to the chart; the wider window"
        ),
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
        self._step: int | None = None
        self._trail: list[Question] = []
        self._whole = False
        self._budget: tuple[str, str] | None = None  # the node and the period that were chosen in Budgets

    def compose_body(self) -> Iterable[Widget]:
        yield Fitted(id="context", one_line=True)
        yield Fitted(id="totals")
        yield Fitted(id="insight")
        yield Fitted(id="empty")
        with Horizontal(id="body"):
            yield ChartPane(id="chart")
            yield RankingPane(id="ranking")
        yield SortedTable(id="table", stripes=True, choice=self.choice)

    def on_mount(self) -> None:
        self.set_interval(INSIGHT_S, self.action_notice)
        self.app.theme_changed_signal.subscribe(self, self._restyle)

    # Loading

    @property
    def sources(self) -> Sources:
        options = self.console.options
        return Sources(self.console.client, options.codex_home, options.places.cache_dir)

    def reading(self) -> Callable[[], Coroutine[Any, Any, None]] | None:
        if self.console.client is None and self.console.options.codex_home is None:
            return None
        return partial(self._load, self.snapshot.asked)

    def unread(self) -> bool:
        return self.snapshot.totals is None or self.snapshot.source == "codex"

    def settled(self) -> bool:
        return not self.unread() and self._window().end <= self.now()

    def show_again(self) -> None:
        self.show(self.snapshot)

    async def _load(self, asked: Question) -> None:
        try:
            found = await read(self.sources, asked, self.now(), self.console.options.zone)
        except JoytuiError as error:
            found = UsageSnapshot(asked, problem=error.what)
        self.post_message(self.Loaded(found))

    def on_usage_screen_loaded(self, message: Loaded) -> None:
        loaded, here = message.snapshot.asked, self.snapshot.asked
        if loaded.same_numbers(here):
            if message.snapshot.problem and not self.snapshot.empty:
                self.show(replace(self.snapshot, problem=message.snapshot.problem))
                return
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
            settings, begin = self.console.settings, self.window_begin()
            found = await stands_out(self.sources, source, self.now(), settings, begin, self._budget)
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
        words = partial(texts.context, snapshot, self.console.link_state, self._crumbs())
        self.query_one("#context", Fitted).show(words)
        self.query_one("#totals", Fitted).show(partial(texts.totals, snapshot))
        self.set_class(snapshot.empty, "-empty")
        self.set_class(snapshot.codex_totals is not None or snapshot.before is not None, "-both")
        self._show_insight()
        if snapshot.empty:
            window = self._crumbs()[-1]
            self.query_one("#empty", Fitted).show(partial(texts.empty, snapshot, self.console.link_state, window))
            return
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

            roomy = self.size.height >= ROOMY or self.has_class("-budget")
            self.query_one("#insight", Fitted).show(lambda width: insight_text(found, now, zone, width, forecast=roomy))

    def _show_chart(self) -> None:
        pane, now, zone = self.query_one(ChartPane), self.now(), self.console.options.zone
        burn = self.snapshot.insight.burn if self.snapshot.insight else None
        if self.has_class("-budget") and burn is not None:
            pane.show_burn(burn, self.snapshot.insight.budget if self.snapshot.insight else "", now, zone)
        else:
            pane.show_spending(self.snapshot, self._step, now, zone, whole=self._whole)

    def _show_ranking(self) -> None:
        chart, asked = self.query_one(ChartPane), self.snapshot.asked
        step = chart.step(self._step)
        words = self._window().step_words(step, self.now())
        overlap = " (a key may have several)" if asked.group == "label" else ""
        title = f"by {asked.group}{overlap}" + (f" · {words}" if step else "")
        lines = ranking(self.snapshot, step, self.console.options.zone)
        self.query_one(RankingPane).show(lines, title, self.snapshot.metric, chart.slots)

    def _fill_table(self) -> None:
        snapshot, slots = self.snapshot, self.query_one(ChartPane).slots
        rows, sums = entries(snapshot, self.now(), self.console.options.zone, self.size.width)
        bars = filler(snapshot, rows, slots, self.app.theme_variables)
        self.query_one(SortedTable).fill(columns(snapshot), rows, sums, bars)

    def _restyle(self, _: Theme) -> None:
        if self.has_class("-table"):
            self._fill_table()  # its bars have the theme's colours

    def on_plot_undrawable(self) -> None:
        if not self.has_class("-table") and not self.snapshot.empty:
            self.action_table()

    def window_begin(self) -> datetime:
        return self._window().begin

    def table_columns(self) -> Sequence[TableColumn]:
        return columns(self.snapshot)

    def view_values(self) -> dict[str, str]:
        return {**saved(self.snapshot.asked, table=self.has_class("-table")), **super().view_values()}

    def take_view(self, values: Mapping[str, str]) -> str:
        asked, problem = restored(values)
        self._trail.clear()
        if self.is_mounted:
            self._ask(asked, load=True)
            if self.has_class("-table") != (values.get("table") == "yes"):
                self.action_table()
        else:  # it is shown, and read, when the screen is there
            self.snapshot = replace(self.snapshot, asked=asked)
            self.set_class(values.get("table") == "yes", "-table")
        return "; ".join(filter(None, (problem, super().take_view(values))))

    def subject(self) -> Subject | None:
        from joytui.tui.people.owner import Subject

        group = self.snapshot.asked.group
        if self.has_class("-table"):
            entry = self.query_one(SortedTable).entry()
            value = entry.item[1] if entry is not None and entry.item else None
        else:
            line = self.query_one(RankingPane).chosen()
            value = line.value if line is not None else None
        if not value or group not in ("owner", "key"):
            return None
        return Subject(owner=value) if group == "owner" else Subject(key=value)

    def exported(self) -> Exported | None:
        from joytui.tui.export.screens import usage_exported

        return usage_exported(self.snapshot, self.now(), self.console.options.zone, self.app.theme_variables)

    # Actions

    def _window(self) -> Window:
        return self.snapshot.asked.window(self.now(), self.console.options.zone)

    def _crumbs(self) -> list[str]:
        """The words of the windows that were opened, the one that is shown last."""
        zone = self.console.options.zone
        return [asked.window(self.now(), zone).words for asked in (*self._trail, self.snapshot.asked)]

    def _ask(self, asked: Question, *, load: bool) -> None:
        self._choose_nothing()
        self.remove_class("-budget")
        if load:
            loads = self.console.link is not None or self.console.options.codex_home is not None
            fresh = UsageSnapshot(asked, loading=True, source=self.snapshot.source, insight=self.snapshot.insight)
            self.show(fresh if loads else replace(self.snapshot, asked=asked))
            self.action_reload()
        else:
            self.show(replace(self.snapshot, asked=asked))

    def action_range(self, name: Range) -> None:
        self._trail.clear()
        self._ask(self.snapshot.asked.ranged(name), load=True)

    def action_move(self, by: int) -> None:
        """To the window before or after this one, of the same length."""
        asked = self.snapshot.asked.moved(by)
        window = asked.window(self.now(), self.console.options.zone)
        if asked == self.snapshot.asked or window.begin > self.now():
            self.console.tell("this is the newest: [ goes back", note=True)
        else:
            self._ask(asked, load=True)

    def action_open(self) -> None:
        """The chosen bar as its own window, the chosen line kept; else the requests of what is chosen."""
        if self.snapshot.empty or self.has_class("-budget"):
            return
        asked = self.snapshot.asked.opened(self._window().starts[self._step]) if self._step is not None else None
        if asked is None:
            self.action_drill()
            return
        self._trail.append(self.snapshot.asked)
        self._ask(asked, load=True)

    def action_scale(self) -> None:
        """Bars that would flatten the others: clipped, or whole."""
        if ceiling(self.query_one(ChartPane).drawn.sums) is None:
            self.console.tell("no bar is high enough to flatten the others", note=True)
        else:
            self._whole = not self._whole
            self.show(self.snapshot)

    def action_source(self) -> None:
        here = SOURCES.index(self.snapshot.source)
        source = SOURCES[(here + 1) % len(SOURCES)]
        asked = replace(self.snapshot.asked, source=source)
        if asked.group not in (CODEX_GROUPS if source == "codex" else GROUPS):
            asked = replace(asked, group="model")
        if source != "gateway" and self.console.options.codex_home is None:
            self.console.tell("there is no Codex home on this machine", error=True)
            return
        self._ask(asked, load=True)

    def action_group(self, by: int = 1) -> None:
        self._ask(self.snapshot.asked.next_group(self.snapshot.groups, by), load=True)

    def action_tests(self) -> None:
        asked = self.snapshot.asked
        self._ask(replace(asked, tests=not asked.tests), load=True)
        self.console.tell(f"the doctor's test requests are {'left out' if asked.tests else 'counted'}")

    def action_unit(self) -> None:
        asked = replace(self.snapshot.asked, metric=self.snapshot.metric).next_metric()
        if asked.metric == "spend" and self.snapshot.source != "gateway":
            asked = asked.next_metric()
        self._ask(asked, load=False)

    def action_columns(self) -> None:
        if not self.has_class("-table"):
            self.action_table()
        super().action_columns()

    def action_table(self) -> None:
        self.toggle_class("-table")
        if self.has_class("-table"):
            self._fill_table()
            self.query_one("#table").focus()
        else:
            self.set_focus(None)

    def _choose_nothing(self) -> None:
        self._step = None
        self.query_one(RankingPane).cursor = -1

    def action_step(self, by: int) -> None:
        """Chooses a bar; past either end none is chosen."""
        many = len(self.query_one(ChartPane).drawn.steps)
        if self.snapshot.empty or not many or self.has_class("-budget"):
            return
        start = many if by < 0 else -1
        place = (self._step if self._step is not None else start) + by
        self._step = place if 0 <= place < many else None
        self.show(self.snapshot)

    def action_line(self, by: int) -> None:
        self.query_one(RankingPane).move(by)
        self._show_ranking()

    def action_back(self) -> None:
        if self.has_class("-table"):
            self.action_table()
        elif self.has_class("-budget"):
            self.remove_class("-budget")
        elif self._trail and self._step is None and self.query_one(RankingPane).cursor < 0:
            self._ask(self._trail.pop(), load=True)
            return
        self._choose_nothing()
        self.show(self.snapshot)

    def action_drill(self) -> None:
        """From the chosen bar and line to their requests, in Logs."""
        if self.snapshot.empty:
            return
        line = self.query_one(RankingPane).chosen()
        step = self.query_one(ChartPane).step(self._step)
        self._open_logs(step, line.value if line else None, named=line is not None)

    def on_plot_clicked(self, message: Plot.Clicked) -> None:
        """A click on a bar is that bar and the key that opens it."""
        if not self.has_class("-budget"):
            self._step = message.place
            self.action_open()

    def on_ranking_text_clicked(self, message: RankingText.Clicked) -> None:
        self.query_one(RankingPane).cursor = message.place
        self._show_ranking()
        self.action_drill()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        entry = self.query_one(SortedTable).entry_at(event.cursor_row)
        step, value = entry.item if entry is not None else (None, None)
        self._open_logs(step, value, named=entry is not None)

    def _open_logs(self, step: str | None, value: str | None, *, named: bool) -> None:
        if self.snapshot.source == "codex":
            self.console.tell("these are Codex's own files, which are not in the gateway's logs; R compares both")
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
        elif self.console.client is not None:
            self.console.action_budgets()
        else:
            self.console.action_settings("budget")

    def show_budget(self, node: str, period: str) -> None:
        """The burn-down of this limit, as soon as it is read."""
        self._budget = node, period
        self.remove_class("-table")
        self.add_class("-budget")
        if self.snapshot.insight is not None:
            self.show(replace(self.snapshot, insight=replace(self.snapshot.insight, burn=None)))
        self.action_notice()

    def action_tasks(self) -> None:
        from joytui.tui.screens.tasks import TasksDialog

        if self.console.client is None:
            self.console.tell("there is no gateway to ask", error=True)
        else:
            self.app.push_screen(TasksDialog(), lambda text: self.console.show_logs(text) if text else None)

    def action_reconcile(self) -> None:
        from joytui.tui.screens.reconcile import ReconcileDialog

        if self.console.client is None or self.console.options.codex_home is None:
            self.console.tell("nothing to compare: no gateway, or no Codex sessions on this machine", error=True)
            return
        self.app.push_screen(ReconcileDialog(self.sources, self.snapshot.asked, self.now()))
