"""Logs: what is going through the gateway right now, and why was this request refused?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from joytui.core.errors import JoytuiError
from joytui.core.filters import FilterError, help_lines, parse, predicate
from joytui.core.records import RequestRecord
from joytui.tui.logs.detail_text import detail
from joytui.tui.logs.empty_text import nothing_yet
from joytui.tui.logs.format import header, layout
from joytui.tui.logs.histogram import Histogram, count, span_of, span_words
from joytui.tui.logs.store import LogStore
from joytui.tui.logs.view import LogView
from joytui.tui.screens.base import ConsoleScreen
from joytui.tui.state import LinkState
from joytui.tui.widgets.fitted import Fitted

PAGE = 500


class LogsScreen(ConsoleScreen):
    MODE = "logs"
    CSS_PATH = "logs.tcss"
    AUTO_FOCUS = "LogView"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "detail", "Detail", tooltip="everything about the selected request"),
        Binding("slash", "filter", "Filter", tooltip="status:4xx key:dev-* cost>0.5 text …"),
        Binding("f", "follow", "Follow", tooltip="to the newest, and stay there; scrolling up pauses"),
        Binding("e", "error(1)", "Next error", tooltip="the next request that failed"),
        Binding("E", "error(-1)", "Previous error", show=False, tooltip="the one before"),
        Binding("c", "copy_id", "Copy id", tooltip="the request id, for a ticket"),
        Binding("b", "copy_block", "Config", tooltip="copy the config.toml block for this gateway"),
        Binding("t", "app.try_turn", "Try a turn", tooltip="one real Codex turn through this gateway"),
        Binding("escape", "back", "Back", show=False, tooltip="close the detail, then clear the filter"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.filter_text = ""
        self._matches: Callable[[RequestRecord], bool] | None = None
        self._copied = 0
        self._loading = False

    @staticmethod
    def HELP_LINES() -> tuple[str, list[tuple[str, str]]]:
        return "Filter", help_lines()

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="context")
        yield Input(placeholder="status:4xx  key:dev-*  model:auto  cost>0.5  since:2h  text", id="filter")
        yield Histogram(id="histogram")
        with Horizontal(id="body"):
            with Vertical(id="list"):
                yield Fitted(id="titles")
                yield Static(id="empty")
                yield LogView(self.console.store, zone=self.console.options.zone, id="log")
            with VerticalScroll(id="detail", can_focus=True):
                yield Fitted(id="detail-text")

    def on_mount(self) -> None:
        self.view.watch(self.console, "link_state", self._link_changed)
        self.watch(self.view, "follow", self.show_context, init=False)
        self.query_one("#titles", Fitted).show(lambda width: Content.styled(header(layout(width - 1)), "$quiet"))
        self.set_interval(1.0, self.each_second)
        self.call_after_refresh(self.each_second)

    @property
    def view(self) -> LogView:
        return self.query_one(LogView)

    # Showing

    def _link_changed(self, state: LinkState) -> None:
        self.show_context()
        self._show_empty()

    def each_second(self) -> None:
        """What need not be redrawn with every request."""
        self._pump()
        self.show_context()
        self._show_empty()
        chart = self.query_one(Histogram)
        if chart.display and chart.content_size.width:
            chart.show(count(self.view.store, chart.content_size.width, self.console.now_ms()))

    def on_histogram_resized(self) -> None:
        self.each_second()

    def show_context(self) -> None:
        view = self.view
        total, errors = len(view.store), view.store.errors
        parts: list[Content] = []
        if self.filter_text:
            parts.append(Content.assemble(("filter ", "$quiet"), (self.filter_text, "bold $accent")))
        parts.append(Content.assemble((f"{total:,}", "bold"), (" requests", "$quiet")))
        if errors:
            parts.append(Content.assemble((f"✗ {errors:,}", "bold $error"), (" failed", "$quiet")))
        if total and self.query_one(Histogram).display:
            span = span_words(span_of(view.store, self.console.now_ms()))
            parts.append(Content.styled(f"chart: last {span}", "$quiet"))
        if view.follow:
            parts.append(Content.styled("● following", "$success"))
        else:
            parts.append(Content.assemble(("▲ paused", "bold $warning"), ("  f follows again", "$quiet")))
        self.query_one("#context", Static).update(Content.styled("  ·  ", "$quiet").join(parts))

    def _show_empty(self) -> None:
        empty = len(self.view.store) == 0
        self.set_class(empty, "-empty")
        if not empty and self.focused is None:
            self.call_after_refresh(self.view.focus)
        if empty:
            words = nothing_yet(self.console.link_state, self.console.codex_goes_to, self.filter_text)
            self.query_one("#empty", Static).update(words)

    def on_log_view_moved(self) -> None:
        if self.has_class("-detail"):
            self._show_detail()

    def _show_detail(self) -> None:
        record = self.selected()
        zone = self.view.zone
        self.query_one("#detail-text", Fitted).show(
            lambda width: detail(record, width=width, zone=zone) if record else Content("")
        )

    def selected(self) -> RequestRecord | None:
        row = self.view.cursor
        return self.view.store.record(row) if 0 <= row < len(self.view.store) else None

    # The filter

    def action_filter(self) -> None:
        self.add_class("-filtering")
        self.query_one("#filter", Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        try:
            self.set_filter(event.value.strip())
        except FilterError as error:
            self.console.tell(f"{error.what}: {error.hint or ''}".rstrip(": "), error=True)
            event.input.cursor_position = min(error.position, len(event.value))
            return
        self.remove_class("-filtering")
        self.view.focus()

    def set_filter(self, text: str) -> None:
        """Shows only what the filter finds: here at once, and from the gateway's history. Raises FilterError."""
        term = parse(text)
        self.filter_text = text
        if not text:
            self._matches = None
            self.view.show_store(self.console.store)
        else:
            self._matches = predicate(term)
            self._copied = 0
            self.view.show_store(LogStore())
            self._pump()
            self._load_history()
        self.query_one("#filter", Input).value = text
        self.each_second()

    def _pump(self) -> None:
        """Copies what came or ended since the last time and passes the filter; an ended request replaces its beginning."""
        if self._matches is None:
            return
        source = self.console.store
        rows = sorted(row for row in source.changed if row < self._copied)
        source.changed.clear()
        rows.extend(range(self._copied, len(source)))
        self._copied = len(source)
        fresh = [record for record in map(source.record, rows) if self._matches(record)]
        if fresh:
            self.view.store.append_records(fresh)
            self.view.catch_up()

    def _load_history(self) -> None:
        """The gateway's older requests that pass the filter, before those that are here."""
        if self.console.client is None or self._loading:
            return
        self._loading = True
        self.run_worker(self._history(self.view.store, self.filter_text), group="history", exit_on_error=False)

    async def _history(self, store: LogStore, text: str) -> None:
        client = self.console.client
        try:
            if client is None:
                return
            page = await client.requests(text, limit=PAGE, before=store.older)
            store.older = page.next or "end"
            added = store.prepend_records(list(reversed(page.records)))
            if store is self.view.store and added:
                self.view.shift(added)
        except JoytuiError as error:
            self.console.tell(error.what, error=True)
        finally:
            self._loading = False

    def on_log_view_top(self) -> None:
        store = self.view.store
        if store.older not in (None, "end"):
            self._load_history()

    # Actions

    def action_detail(self) -> None:
        self.toggle_class("-detail")
        if self.has_class("-detail"):
            self.call_after_refresh(self._show_detail)

    def action_follow(self) -> None:
        self.view.action_follow()

    def action_error(self, step: int) -> None:
        if not self.view.next_error(step):
            self.console.tell("no more failed requests in this direction")

    def action_copy_id(self) -> None:
        record = self.selected()
        if record is not None:
            self.console.copy(record.request_id, "The request id")

    def action_copy_block(self) -> None:
        self.console.copy_block()

    def action_back(self) -> None:
        if self.has_class("-filtering"):
            self.remove_class("-filtering")
            self.view.focus()
        elif self.has_class("-detail"):
            self.remove_class("-detail")
        elif self.filter_text:
            self.set_filter("")
