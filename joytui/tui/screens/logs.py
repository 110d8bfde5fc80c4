"""Logs: what is going through the gateway right now, and why was this request refused?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from joytui.core.filters import FilterError, asks_for_tests, help_lines, parse
from joytui.core.request import RequestRecord
from joytui.tui.column_choice import ColumnChoice
from joytui.tui.logs.context_text import context
from joytui.tui.logs.detail_text import detail
from joytui.tui.logs.empty_text import LookedAt, nothing_yet
from joytui.tui.logs.format import TITLES, header
from joytui.tui.logs.histogram import Histogram, count
from joytui.tui.logs.history import History, OlderCame, OlderEnded, older_error, older_page
from joytui.tui.logs.replay import Replayed, replay_question, replay_worker
from joytui.tui.logs.shown import Shown
from joytui.tui.logs.surroundings import Surroundings, surroundings
from joytui.tui.logs.view import LogView
from joytui.tui.screens.base import ConsoleScreen
from joytui.tui.shown import visible
from joytui.tui.state import LinkState
from joytui.tui.widgets.fitted import Fitted

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.tui.export.exported import Exported
    from joytui.tui.people.owner import Subject

PATIENCE_S = 0.4
"""How long to wait silently for the gateway's answer to a filter: usually it arrives before anyone could read a message."""
FILTER_EXAMPLE = "status:4xx  key:dev-*  model:auto  cost>0.5  since:2h  text      (F1: the whole language)"


GATEWAY_ALONE, CODEX_ALONE = "source:gateway", "-source:gateway"
SOURCE_WORDS = {
    "": "all requests, from the gateway and from Codex itself",
    GATEWAY_ALONE: "only requests through a gateway",
    CODEX_ALONE: "only what Codex itself reports",
}
_SOURCE = re.compile(r"(?:^|(?<=\s))-?source:\S+")


def without_source(text: str) -> tuple[str, str]:
    """A filter without its term on who tells, and that term."""
    found = _SOURCE.search(text)
    return (" ".join(_SOURCE.sub("", text).split()), found[0]) if found else (text, "")


class FilterLine(Input):
    """While it is open the last line of the screen says what its keys do."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Filter"),
        Binding("escape", "screen.back", "Cancel"),
        Binding("f1", "app.help", "The language"),
    ]


OF_A_ROW = frozenset({"detail", "copy_id", "copy_curl", "replay", "mend", "mark", "compare", "turns"})
"""Actions that need a request in the list."""
OF_THE_LIST = frozenset({"error", "follow"})
"""Those that need one in the log, whatever the filter shows of it."""


class LogsScreen(ConsoleScreen):
    MODE = "logs"
    CSS_PATH = "logs.tcss"
    AUTO_FOCUS = "LogView"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "detail", "Detail", tooltip="everything about the selected request"),
        Binding("slash", "filter", "Filter", tooltip="status:4xx key:dev-* cost>0.5 text …"),
        Binding("f", "follow", "Follow", tooltip="go to the newest and stay there; scrolling up pauses"),
        Binding(
            "e",
            "error(1)",
            "Failures",
            tooltip="next failed request; wraps to the first",
            key_display="e/E",
        ),
        Binding(
            "E",
            "error(-1)",
            "Failure before",
            show=False,
            tooltip="previous failed request, also in older pages; wraps to the last",
        ),
        Binding("c", "copy_id", "Copy id", tooltip="copy the request id, for a ticket"),
        Binding("y", "copy_curl", "Curl", tooltip="copy as curl, the key as $JOY_TOKEN_API_KEY"),
        Binding("r", "replay", "Replay", tooltip="ask the same model again, with a small body and a temporary key"),
        Binding(
            "m",
            "mend",
            "Fix refusal",
            show=False,
            tooltip="raise the limit of a key, team or task, allow the address or the model",
        ),
        Binding("u", "undo_mend", "Undo", show=False, tooltip="undo the change that m made last"),
        Binding("space", "mark", "Mark", tooltip="mark or unmark a request; two can be compared"),
        Binding(
            "equals_sign", "compare", "Compare", tooltip="compare the marked request with this one", key_display="="
        ),
        Binding("colon", "go_to_id", "Go to id", tooltip="find a request by any of its ids", key_display=":"),
        Binding("p", "patterns", "Patterns", tooltip="all failures, counted by message"),
        Binding("v", "turns", "Thread", tooltip="the thread of this request: its turns and their cost"),
        Binding("A", "tasks", "Tasks", show=False, tooltip="agents with their sub-agents: cost, and which are running"),
        Binding("l", "latency", "Latency", tooltip="how long answers took, by hour: p50, p95, p99"),
        Binding("C", "columns", "Columns", show=False, tooltip="which columns the list shows"),
        Binding("b", "copy_block", "Config", tooltip="copy the config.toml block for this gateway"),
        Binding("t", "app.try_turn", "Try a turn", tooltip="one real Codex turn through this gateway"),
        Binding("T", "tests", "Doctor's tests", show=False, tooltip="show or hide joytui doctor's test requests"),
        Binding("s", "source", "Source", show=False, tooltip="all, only the gateway's, or only Codex's own"),
        Binding("escape", "back", "Back", show=False, tooltip="close the detail, then the filter, then the marks"),
    ]

    class Surrounded(Message):
        """What is around a request, when the gateway has said it."""

        def __init__(self, around: Surroundings) -> None:
            super().__init__()
            self.around = around

    def __init__(self) -> None:
        super().__init__()
        self.filter_text = ""
        self.loading_history: Shown | None = None
        self.kept_marks: dict[str, RequestRecord] = {}
        self._around: Surroundings | None = None
        self._drawn = False
        self._asked = 0.0
        self._with_tests = False
        self.columns: tuple[str, ...] = ()

    @staticmethod
    def HELP_LINES() -> tuple[str, list[tuple[str, str]]]:
        return "Filter", help_lines()

    def compose_body(self) -> Iterable[Widget]:
        yield Fitted(id="context", one_line=True)
        yield FilterLine(placeholder=FILTER_EXAMPLE, id="filter")
        yield Histogram(zone=self.console.options.zone, id="histogram")
        with Horizontal(id="body"):
            with Vertical(id="list"):
                yield Fitted(id="titles")
                yield Fitted(id="empty")
                zone = self.console.options.zone
                yield LogView(Shown(self.console.store), zone=zone, columns=self.columns, id="log")
            with VerticalScroll(id="detail", can_focus=True):
                yield Fitted(id="detail-text")

    def on_mount(self) -> None:
        self.view.watch(self.app, "link_state", self._link_changed)
        self.watch(self.view, "follow", self.show_context, init=False)
        self.query_one("#filter").border_title = "filter"
        self.query_one("#detail").border_title = "request"
        self.watch(self.view, "day", self._show_titles)
        self.watch(self.view, "keyless", self._show_titles, init=False)
        self.set_interval(1.0, self.each_second)
        self.call_after_refresh(self.each_second)
        self._drawn = True
        if self.filter_text:
            self.set_filter(self.filter_text)

    def _show_titles(self) -> None:
        view = self.view
        self.query_one("#titles", Fitted).show(
            lambda width: Content.styled(header(view.columns_for(width - 1), view.day), "$quiet")
        )

    @property
    def view(self) -> LogView:
        return self.query_one(LogView)

    # Showing

    def _link_changed(self, state: LinkState) -> None:
        self.show_context()
        self._show_empty()

    def each_second(self) -> None:
        """What need not be redrawn with every request."""
        if not self.is_current:
            return
        self.show_context()
        self._show_empty()
        chart = self.query_one(Histogram)
        if chart.display and chart.content_size.width:
            chart.show(count(self.view.shown, chart.content_size.width, self.console.now_ms()))

    def on_histogram_resized(self) -> None:
        self.each_second()

    def show_context(self) -> None:
        view = self.view
        words = partial(
            context,
            view.shown,
            self.console.link_state,
            filter_text=self.filter_text,
            fresh=view.fresh if not view.follow else None,
            marked=len(view.marked),
            asking=self._asking(),
            turns=self._looked_at_codex(),
        )
        self.query_one("#context", Fitted).show(lambda width: words(width=width))

    def view_values(self) -> dict[str, str]:
        found = {"filter": self.filter_text} if self.filter_text else {}
        return found | ColumnChoice(self.columns).saved()

    def take_view(self, values: Mapping[str, str]) -> str:
        choice, problem = ColumnChoice.restored(values, TITLES)
        self.choose_columns(choice.columns)
        text = values.get("filter", "")
        try:
            parse(text)  # before it is kept: a screen that is not composed yet would meet it there
        except FilterError as error:
            return error.what
        self.open_with(text)
        return problem

    def action_columns(self) -> None:
        from joytui.tui.screens.columns import ColumnsDialog

        shown = {"client" if c.name == "note" else c.title for c in self.view.columns_for(self.view.size.width - 1)}
        self.app.push_screen(ColumnsDialog(TITLES, shown), self.choose_columns)

    def choose_columns(self, columns: tuple[str, ...] | None) -> None:
        """Shows these; () for all that fit, None for no change. The reason of a refusal is in the last ones' place."""
        if columns is None:
            return
        self.columns = columns
        for view in self.query(LogView):
            view.choose(columns)
            self._show_titles()

    def subject(self) -> Subject | None:
        from joytui.tui.people.owner import Subject

        record = self.selected()
        return Subject(record.owner, record.key_id) if record and (record.owner or record.key_id) else None

    def exported(self) -> Exported | None:
        from joytui.tui.export.screens import requests_exported

        counts, zone, colours = self.query_one(Histogram).counts, self.view.zone, self.app.theme_variables
        return requests_exported(self.view.shown, self.filter_text, counts, self.now(), zone, colours)

    def _asking(self) -> bool:
        """Whether nothing is here yet and the gateway was asked a moment ago."""
        return self.loading_history is not None and monotonic() - self._asked < PATIENCE_S

    def _show_empty(self) -> None:
        empty = len(self.view.shown) == 0 and not self._asking()
        if empty != self.has_class("-empty"):
            self.set_class(empty, "-empty")
            self.refresh_bindings()
        if not empty and self.focused is None:
            self.set_focus(self.view)
        if empty:
            state, goes_to, text = self.console.link_state, self.console.codex_goes_to, self.filter_text
            loading, turns = self.loading_history is not None, self._looked_at_codex()
            self.query_one("#empty", Fitted).show(
                lambda width: nothing_yet(state, goes_to, text, loading=loading, turns=turns, width=width)
            )

    def _looked_at_codex(self) -> LookedAt:
        """How far the look at this machine's Codex turns has come."""
        if self.console.options.turns_home is None:
            return "no"
        codex = self.console.codex_turns
        return "yes" if codex is not None and codex.looked else "not yet"

    def turns_came(self) -> None:
        """Codex's newest turns are here, or there are none."""
        self.view.catch_up()
        self.each_second()

    def on_log_view_moved(self) -> None:
        if self.has_class("-empty"):
            self._show_empty()  # the first request is seen at once
        if self.has_class("-detail"):
            self._show_detail()

    def _show_detail(self) -> None:
        record = self.selected()
        zone, around, now = self.view.zone, self._around, self.now()
        if record is not None and (around is None or around.request != record.id):
            around = None
            self._ask_around(record)
        self.query_one("#detail-text", Fitted).show(
            lambda width: detail(record, width=width, now=now, zone=zone, around=around) if record else Content("")
        )

    def _ask_around(self, record: RequestRecord) -> None:
        client = self.console.client
        if client is not None and not self.view.follow:
            self.run_worker(self._surround(client, record), group="around", exclusive=True, exit_on_error=False)

    async def _surround(self, client: ConsoleClient, record: RequestRecord) -> None:
        self.post_message(self.Surrounded(await surroundings(client, record)))

    def on_logs_screen_surrounded(self, message: Surrounded) -> None:
        self._around = message.around
        self._show_detail()

    def selected(self) -> RequestRecord | None:
        place = self.view.cursor
        return self.view.shown.record(place) if 0 <= place < len(self.view.shown) else None

    # The filter

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if self.has_class("-empty") and (action in OF_A_ROW or (action in OF_THE_LIST and not self.filter_text)):
            return False  # the key bar then has room for what fills the log
        return not (action == "filter" and self.has_class("-filtering"))

    def action_filter(self) -> None:
        self._ask_filter(True)

    def _ask_filter(self, open: bool) -> None:
        """Shows the line and takes the keys at once: what is typed right behind the slash belongs to it."""
        self.set_class(open, "-filtering")
        box = self.query_one("#filter", Input)
        box.display = open
        box.border_subtitle = ""
        self.set_focus(box if open else self.view)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        try:
            self.set_filter(event.value.strip())
        except FilterError as error:
            self.console.tell(f"{error.what}: {error.hint or ''}".rstrip(": "), error=True)
            event.input.border_subtitle = Content(f"✗ {visible(error.what, limit=60)}")
            event.input.cursor_position = min(error.position, len(event.value))
            return
        event.input.border_subtitle = ""
        self._ask_filter(False)

    def open_with(self, text: str) -> None:
        """This filter from the first frame on, also where the screen was not open before."""
        if self._drawn:
            self.set_filter(text)
        else:
            self.filter_text = text

    def set_filter(self, text: str) -> None:
        """Shows only what the filter finds: here at once, and from the gateway's history. Raises FilterError."""
        term = parse(text)
        self.filter_text = text
        self.console.store.show_tests(self._with_tests or asks_for_tests(term))
        self.view.show(Shown(self.console.store, term if text else None))
        if text:
            self._asked = monotonic()
            self.load_history()
            self.set_timer(PATIENCE_S, self.each_second)
        self.query_one("#filter", Input).value = text
        self.each_second()

    def on_log_view_top(self) -> None:
        self.load_history()

    # Actions

    def action_detail(self) -> None:
        self.toggle_class("-detail")
        if self.has_class("-detail"):
            if self.view.follow and self.view.cursor >= 0:
                self.view.follow = False  # what is read must not run away
            self.call_after_refresh(self._show_detail)

    def action_follow(self) -> None:
        self.view.action_follow()

    def action_error(self, step: int) -> None:
        """To the next failure, wherever the cursor stands: beyond the last one it continues at the other end, and says so."""
        if self.view.next_error(step):
            return
        if self.more_history and (step < 0 or not self.view.shown.failed):
            self.load_history(error=True)
        else:
            self._wrap(step)

    def _wrap(self, step: int) -> None:
        failed, here = self.view.shown.failed, self.view.cursor
        if not failed:
            self.console.tell("no request failed", note=True)
        elif len(failed) == 1 and failed[0] == here:
            self.console.tell("this is the only failure", note=True)
        else:
            self.view.go(failed[0] if step > 0 else failed[-1])
            self.console.tell(
                "no later failure: back to the oldest here" if step > 0 else "no earlier failure: back to the newest",
                note=True,
            )

    def action_tests(self) -> None:
        """The doctor's test requests come among the others, or go."""
        self._with_tests = not self._with_tests
        self.set_filter(self.filter_text)
        self.console.tell(f"the doctor's test requests are {'shown' if self._with_tests else 'hidden'}")

    def action_source(self) -> None:
        """All requests, those that passed a gateway, or those that only Codex reports: a term of the filter."""
        rest, now = without_source(self.filter_text)
        term = {"": GATEWAY_ALONE, GATEWAY_ALONE: CODEX_ALONE}.get(now, "")
        self.set_filter(f"{rest} {term}".strip())
        self.console.tell(SOURCE_WORDS[term])

    def action_copy_block(self) -> None:
        self.console.copy_block()

    def action_go_to_id(self) -> None:
        from joytui.tui.screens.ask import Ask

        self.app.push_screen(Ask("Go to a request", "own id, request id, or the upstream's", "", "Go"), self.go_to)

    def go_to(self, request_id: str | None) -> None:
        """Opens a request by any of its ids: here, or found in the gateway's history."""
        if not request_id:
            return
        place = self.view.shown.find(request_id)
        if place is None:
            quoted = request_id.replace('"', "")
            self.set_filter(f'id:"{quoted}"')
            place = 0 if len(self.view.shown) else None
        if place is not None:
            self.view.go(place)
        self.add_class("-detail")
        self.call_after_refresh(self._show_detail)

    def history_came(self) -> None:
        """Older requests are there now."""
        if self.view.cursor < 0 and len(self.view.shown):
            self.view.go(len(self.view.shown) - 1)
        self.each_second()
        self.on_log_view_moved()

    def action_back(self) -> None:
        if self.has_class("-filtering"):
            self._ask_filter(False)
        elif self.has_class("-detail"):
            self.remove_class("-detail")
        elif self.filter_text:
            self.set_filter("")
        elif self.view.marked:
            self.mark()

    # Older requests

    @property
    def more_history(self) -> bool:
        """Whether the gateway or Codex may have older requests than those that are here."""
        return self._history().more(self.view.shown)

    def _history(self) -> History:
        text = self.filter_text if self.view.shown.term is not None else ""
        return History(self.console.client, self.console.codex_turns, text)

    def load_history(self, *, error: bool = False) -> None:
        """One page more, or (`error`) as many as the next older failure needs. Loading something else gives way."""
        shown = self.view.shown
        if not self.more_history or self.loading_history is shown:
            return
        self._loading(shown)
        body = older_error if error else older_page
        self.run_worker(body(self, self._history(), shown), group="history", exclusive=True, exit_on_error=False)

    def _loading(self, shown: Shown | None) -> None:
        """What is loaded must not leave before it is seen."""
        self.loading_history = shown
        self.view.hold(loading=shown is not None)

    def on_older_came(self, message: OlderCame) -> None:
        if message.edge != message.shown.older:
            return  # rows have left meanwhile: between them and this page others would be missing
        page, store = message.page, self.console.store
        block = page.block if message.shown.term else store.sorted_out(page.block)
        if self.console.codex_turns is not None:
            block = self.console.codex_turns.beside.among(block, page.turns, page.told)
        added = message.shown.prepend(block)
        if page.next is not None:
            message.shown.older = page.next
        if page.begin is not None:
            message.shown.turns_from = page.begin
        if message.shown is self.view.shown and added:
            self.view.shift(added)

    def on_older_ended(self, message: OlderEnded) -> None:
        if self.loading_history is message.shown:
            self._loading(None)
        if message.shown is not self.view.shown:
            return
        if message.exhausted:
            self._wrap(-1)
        place = message.shown.find(message.found) if message.found else None
        if place is not None and not self.view.next_error(-1):  # Codex may tell of a nearer one than the gateway
            self.view.go(place)
        if message.words or message.problem:
            self.console.tell(message.words or message.problem, error=bool(message.problem))
        self.history_came()

    # The selected request

    def action_copy_id(self) -> None:
        if (record := self.selected()) is not None:
            self.console.copy(record.request_id, "The request id")

    def action_copy_curl(self) -> None:
        from joytui.tui.logs.curl import curl

        if (record := self.selected()) is not None:
            url = self.console.link_state.base_url.removesuffix("/openai/v1")
            self.console.copy(curl(record, url), "The request as curl, with a small body instead of its own,")

    # The whole of it

    def action_patterns(self) -> None:
        from joytui.tui.screens.patterns import PatternsDialog

        if self.view.shown.failed:
            self.app.push_screen(PatternsDialog(self.view.shown), self._filter_further)
        else:
            self.console.tell("no request failed", note=True)

    def action_turns(self) -> None:
        from joytui.tui.screens.turns import TurnsDialog

        record = self.selected()
        if record is None or not record.thread_id:
            self.console.tell("this request names no thread", note=True)
            return
        store = self.view.shown.store
        here = [store.record(row) for row in range(len(store)) if store.text["thread_id"].get(row) == record.thread_id]
        self.app.push_screen(TurnsDialog(record.thread_id, here), self._filter_anew)

    def action_tasks(self) -> None:
        from joytui.tui.screens.tasks import TasksDialog

        if self.console.client is None:
            self.console.tell("there is no gateway to ask", error=True)
        else:
            self.app.push_screen(TasksDialog(), self._filter_anew)

    def action_latency(self) -> None:
        from joytui.tui.screens.latency import LatencyDialog

        if self.console.client is None:
            self.console.tell("there is no gateway to ask", error=True)
        else:
            self.app.push_screen(LatencyDialog(), self._filter_anew)

    def _filter_anew(self, text: str | None) -> None:
        if text:
            self.set_filter(text)

    def _filter_further(self, text: str | None) -> None:
        """Beside the terms that hold already."""
        if text:
            self.set_filter(f"{self.filter_text} {text}".strip())

    def action_mend(self) -> None:
        from joytui.tui.screens.mend import MendDialog

        record = self.selected()
        if record is not None and record.cause in ("task-stopped", "runaway-stopped"):
            self.console.tell("A lists the tasks; u there resumes this one")
            return
        if record is None or record.cause not in ("insufficient-quota", "policy-rejected"):
            self.console.tell("m fixes a request that a limit or a policy refused; select one with e", error=True)
            return
        self.app.push_screen(MendDialog(record), lambda change: self.console.make_change(change) if change else None)

    def action_undo_mend(self) -> None:
        self.console.undo_change()

    # Marks

    def action_mark(self) -> None:
        record = self.selected()
        if record is None:
            return
        marked = self._marked()
        if marked.pop(record.id, None) is not None:
            self.mark(*marked.values())
        else:
            self.mark(*[*marked.values()][-1:], record)

    def mark(self, *records: RequestRecord) -> None:
        """These and no others are marked. They are kept: a request may leave the list before it is compared."""
        self.kept_marks = {record.id: record for record in records}
        self.view.marked = tuple(self.kept_marks)
        self.view.refresh()
        self.show_context()

    def _marked(self) -> dict[str, RequestRecord]:
        """The marked requests as they are now, or as they were when they were seen last."""
        shown, kept = self.view.shown, self.kept_marks
        places = {id: shown.find(id) for id in self.view.marked}
        return {id: kept[id] if place is None else shown.record(place) for id, place in places.items()}

    def action_compare(self) -> None:
        from joytui.tui.screens.compare import CompareDialog

        records = self._marked()
        selected = self.selected()
        if len(records) < 2 and selected is not None:
            records.setdefault(selected.id, selected)
        if len(records) < 2:
            self.console.tell("mark a request with space, then = compares it with another", error=True)
            return
        left, right = sorted(records.values(), key=lambda record: record.time)
        self.app.push_screen(CompareDialog(left, right, self.view.zone))

    # Replay

    def action_replay(self) -> None:
        from joytui.tui.logs.curl import sendable

        record = self.selected()
        if record is None:
            return
        if self.console.client is None:
            self.console.tell("there is no gateway to ask", error=True)
        elif not sendable(record):
            self.console.tell(f"only prompts can be sent again, not {record.endpoint}", error=True)
        else:
            self.app.push_screen(replay_question(record), lambda yes: self._start_replay(record) if yes else None)

    def _start_replay(self, record: RequestRecord) -> None:
        client = self.console.client
        if client is not None:
            self.console.tell("asking again…")
            self.run_worker(replay_worker(self, client, record), group="replay", exclusive=True, exit_on_error=False)

    def on_replayed(self, message: Replayed) -> None:
        if message.request is not None:
            self.mark(message.request)
        self.console.tell(message.words, error=message.error)
