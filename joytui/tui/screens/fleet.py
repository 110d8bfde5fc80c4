"""A team's Codex according to its telemetry: who works, who fails since when and why, who is silent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import DataTable, Static

from joytui.core.clock import parse_time
from joytui.core.errors import JoytuiError
from joytui.core.filters import worded
from joytui.tui.figures import when
from joytui.tui.shown import visible
from joytui.tui.widgets.dialog import Dialog
from joytui.tui.widgets.hints import Hints
from joytui.tui.widgets.sorted_table import Entry, SortedTable, TableColumn
from joytui.usage.fleet import ELSEWHERE, STATES, elsewhere, name, ordered, why

if TYPE_CHECKING:
    from joytui.core.wire import PersonView

HOW = (
    "`joytui telemetry token create NAME --owner O` makes a token for a person; `joytui telemetry on` on their machine uses it. From"
    " then on, their turns are counted here."
)
_COLOURS = {"ok": "success", "failing": "error", "silent": "warning"}
COLUMNS = (
    TableColumn("owner", least=10, always=True),
    TableColumn("team", rank=3),
    TableColumn("state"),
    TableColumn("cause", rank=1, least=12),
    TableColumn("Codex", rank=5),
    TableColumn("provider", rank=2),
    TableColumn("last turn", rank=4),
)


class FleetDialog(Dialog[None]):
    """Asks the gateway once, `r` again; those whose Codex fails come first. ⏎ opens a person's requests in Logs."""

    DIALOG_TITLE = "Whose Codex works, according to telemetry"
    CSS = "FleetDialog #dialog { width: 110; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Requests"),
        Binding("r", "reload", "Look again"),
    ]

    class Known(Message):
        def __init__(self, people: Sequence[PersonView], problem: str = "") -> None:
            super().__init__()
            self.people = people
            self.problem = problem

    def __init__(self, now: datetime) -> None:
        super().__init__()
        self._now = now
        self._shown: tuple[Sequence[PersonView], str] | None = None

    def compose_dialog(self) -> ComposeResult:
        yield Static("Looking…", id="summary")
        yield SortedTable(id="people")
        yield Static(id="why", classes="box")
        yield Hints(("⏎", "shows their requests in Logs"), ("r", "looks again"), ("o", "sorts"))

    def on_mount(self) -> None:
        self.add_class("-roomy")
        self.app.theme_changed_signal.subscribe(self, self._restyle)
        self.action_reload()

    def action_reload(self) -> None:
        if self.console.client is None:
            self.show((), "there is no gateway to ask")
        else:
            self.run_worker(self._ask(), group="fleet", exclusive=True, exit_on_error=False)

    async def _ask(self) -> None:
        client = self.console.client
        assert client is not None
        try:
            self.post_message(self.Known(await client.fleet()))
        except JoytuiError as error:
            self.post_message(self.Known((), error.what))

    def on_fleet_dialog_known(self, message: Known) -> None:
        self.show(message.people, message.problem)

    def _restyle(self, _: object) -> None:
        if self._shown is not None:
            self.show(*self._shown)

    def show(self, people: Sequence[PersonView], problem: str = "") -> None:
        """These people, those first whose Codex fails; or why there are none."""
        self._shown = people, problem
        grid = self.query_one(SortedTable)
        grid.display = self.query_one("#why").display = self.query_one(Hints).display = bool(people)
        grid.fill(COLUMNS, [self._entry(one) for one in ordered(people)])
        self.query_one("#summary", Static).update(_summary(people, problem))
        if people:
            grid.focus()

    def _entry(self, one: PersonView) -> Entry:
        colours = self.app.theme_variables
        words = {
            "owner": (name(one), "bold"),
            "team": (one.team, ""),
            "state": (STATES[one.state], colours[_COLOURS[one.state]]),
            "cause": (one.cause, ""),
            "Codex": (one.codex_version, ""),
            "provider": (one.provider, colours["warning"] if one.provider in ELSEWHERE else ""),
            "last turn": (self._when(one.last_turn), colours["quiet"]),
        }
        cells = {title: Text(visible(word or "–", limit=24), style) for title, (word, style) in words.items()}
        return Entry(one.token, cells, {"last turn": one.last_turn or ""}, one)

    def _when(self, time: str | None) -> str:
        return when(parse_time(time), self.console.options.zone, self._now) if time else ""

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        one = self._selected()
        if one is not None:
            from joytui.causes import CAUSES

            cause = CAUSES.get(one.cause or "")
            text = [(visible(why(one, self._when(one.since)), limit=300), "")]
            text += [(f"\n{cause.title}", "bold")] if cause else []
            self.query_one("#why", Static).update(Content.assemble(*text))

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        self.action_open()

    def _selected(self) -> PersonView | None:
        entry = self.query_one(SortedTable).entry()
        return entry.item if entry is not None else None

    def action_open(self) -> None:
        one = self._selected()
        if one is None:
            return
        self.dismiss(None)
        self.console.show_logs(worded("owner", one.owner) if one.owner else "source:telemetry")


def _summary(people: Sequence[PersonView], problem: str) -> Content:
    if problem:
        return Content.styled(f"✗ {visible(problem, limit=300)}", "$error")
    if not people:
        return Content.assemble(("No telemetry yet.\n", "bold"), (HOW, "$quiet"))
    counts = {state: sum(one.state == state for one in people) for state in ("failing", "silent", "ok")}
    told = [(f"{STATES[state]} {count}   ", f"bold ${_COLOURS[state]}") for state, count in counts.items() if count]
    return Content.assemble(*told, *((f"\n{line}", "$warning") for line in elsewhere(people)))
