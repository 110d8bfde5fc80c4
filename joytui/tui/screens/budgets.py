"""Budgets: the tree of limits, what is left of each, when it resets, and whether it lasts."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import DataTable

from joytui.core.errors import JoytuiError
from joytui.tui.budgets.reading import BudgetsSnapshot, Limit, read_budgets, words
from joytui.tui.budgets.table import COLUMNS, entries, filler, limit_text
from joytui.tui.figures import exact_credits, missed
from joytui.tui.lines import hint
from joytui.tui.shown import visible
from joytui.tui.widgets.dialog import Dialog
from joytui.tui.widgets.fitted import Fitted
from joytui.tui.widgets.sorted_table import SortedTable

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient

REFRESH_S = 5.0
STALE_TICKS = 6
"""So often it is read again although no request came."""
NONE = "No limits yet, or none that this token may see."
WHY = (
    "Limits of the organisation, its teams, owners, keys and tasks appear here. A request must fit"
    " into the limit of every node above it."
)


class BudgetsDialog(Dialog[tuple[str, str]]):
    """⏎ closes it with the node and the period whose burn-down Usage is to show."""

    DIALOG_TITLE = "Budgets"
    AUTO_FOCUS = "SortedTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "burn_down", "Burn-down"),
        Binding("e", "edit", "Limits"),
        Binding("plus", "raise_limit", "Raise"),
        Binding("n", "new", "Another node"),
        Binding("x", "export", "Export"),
        Binding("r", "reload", "Look again"),
    ]

    class Known(Message):
        """What was read; `words` about what was just done."""

        def __init__(self, snapshot: BudgetsSnapshot | None, problem: str = "", words: str = "") -> None:
            super().__init__()
            self.snapshot = snapshot
            self.problem = problem
            self.words = words

    def __init__(self) -> None:
        super().__init__()
        self._snapshot: BudgetsSnapshot | None = None
        self._read_at = 0
        self._seen, self._ticks, self._told = -1, 0, ""
        self._missed = False

    def compose_dialog(self) -> ComposeResult:
        yield Fitted(id="about")
        yield SortedTable(id="budgets")
        yield Fitted(id="limit", classes="box")
        yield Fitted(id="own", classes="note")

    def on_mount(self) -> None:
        self._say(Content.styled("◌ asking the gateway", "$quiet"))
        self._display(there=False)
        self.app.theme_changed_signal.subscribe(self, self._restyle)
        self.action_reload()
        self.set_interval(REFRESH_S, self._tick)

    def _restyle(self, _: object) -> None:
        if self._snapshot is not None:
            self.show(self._snapshot, self._told)

    def _tick(self) -> None:
        """Reads again where requests came since the last time, or the gateway went or came back; and from time to time anyway: others
        change limits, too."""
        self._ticks += 1
        fresh = self.console.store.version != self._seen or self._ticks % STALE_TICKS == 0
        if (fresh or self._missed != (self.console.link_state.phase == "lost")) and self.console.client is not None:
            self.action_reload(self._told)

    def action_reload(self, told: str = "") -> None:
        self._seen, self._told = self.console.store.version, told
        client = self.console.client
        if client is None:
            self.post_message(self.Known(None, "there is no gateway to ask"))
        else:
            self.run_worker(self._read(client, told), exclusive=True, exit_on_error=False)

    async def _read(self, client: ConsoleClient, told: str) -> None:
        try:
            self.post_message(self.Known(await read_budgets(client, self._now()), words=told))
        except JoytuiError as error:
            self.post_message(self.Known(None, error.what))

    def on_budgets_dialog_known(self, message: Known) -> None:
        self._missed = message.snapshot is None
        if message.snapshot is None:
            self._say(Content.styled(missed(message.problem, self._read_at, self.console.options.zone), "$error"))
        else:
            self._read_at = self.console.now_ms()
            self.show(message.snapshot, message.words)

    # Showing

    def show(self, snapshot: BudgetsSnapshot, told: str = "") -> None:
        self._snapshot = snapshot
        colours, zone, now = self.app.theme_variables, self.console.options.zone, self._now()
        lines = entries(snapshot, now, zone, colours)
        self._display(there=bool(lines))
        self.query_one(SortedTable).fill(COLUMNS, lines, filler=filler(now, zone, colours))
        self._say(*self._about(len(lines), told))
        self._show_own()
        self._show_limit()

    def _display(self, *, there: bool) -> None:
        self.query_one(SortedTable).display = self.query_one("#limit").display = there

    def _about(self, many: int, told: str) -> list[Content]:
        if not many:
            first = ("  n sets the first one.", "") if self.console.may_change() else ("", "")
            return [Content.assemble((NONE, "bold"), first, (f"\n{WHY}", "$quiet"))]
        head = (
            Content.styled(f"✓ {visible(told, limit=200)}", "bold $success")
            if told
            else Content.styled(f"{many} limit{'' if many == 1 else 's'}", "bold")
        )
        keys = (("e", "edits"), ("+", "raises"), ("n", "adds")) if self.console.may_change() else ()
        changes = [hint(*pair) for pair in keys]
        return [head, hint("⏎", "burn-down"), *changes, hint("o", "sorts")]

    def _show_own(self) -> None:
        """What became of the budget that the settings of this console have."""
        settings, there = self.console.settings, self._snapshot is not None and bool(self._snapshot.nodes)
        own = self.query_one("#own", Fitted)
        own.display = settings.budget_nano is not None
        if settings.budget_nano is not None:
            budget = f"The settings of this console have a budget of {exact_credits(settings.budget_nano)} Cr a {settings.budget_period}"
            shown = "does not show it while a node has a limit" if there else "shows it until a node has a limit"
            text = Content.styled(f"{budget}. It refuses nothing; Usage {shown}.", "$quiet")
            own.show(lambda width: text)

    def _say(self, *parts: Content) -> None:
        self.query_one("#about", Fitted).flow(*parts)

    def _chosen(self) -> Limit | None:
        entry = self.query_one(SortedTable).entry()
        return entry.item if entry is not None else None

    def _show_limit(self) -> None:
        if (one := self._chosen()) is not None:
            self.query_one("#limit", Fitted).show(partial(limit_text, one, self._now(), self.console.options.zone))

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        self._show_limit()

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.console.now_ms() / 1000, UTC)

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("edit", "raise_limit", "new"):
            return self.console.may_change()
        return not (action == "export" and self.console.options.read_only)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        self.action_burn_down()

    def action_burn_down(self) -> None:
        if (one := self._chosen()) is not None:
            self.dismiss((one.node.node, one.limit.period))

    def action_edit(self) -> None:
        from joytui.tui.screens.node_forms import LimitsForm

        if (one := self._chosen()) is not None:
            self.app.push_screen(LimitsForm(one.node, words(one.node)), self._done)

    def action_new(self) -> None:
        from joytui.tui.screens.node_forms import LimitsForm

        if self._snapshot is not None:
            self.app.push_screen(LimitsForm(None, ""), self._done)

    def action_raise_limit(self) -> None:
        from joytui.tui.screens.node_forms import RaiseForm

        if (one := self._chosen()) is not None:
            self.app.push_screen(RaiseForm(one.node.node, words(one.node), one.node.limits), self._done)

    def _done(self, told: str | None) -> None:
        if told is not None:
            self.action_reload(told)

    def action_export(self) -> None:
        """What is listed, as a file."""
        from joytui.tui.export.screens import budgets_exported

        if self._snapshot is not None:
            self.console.export(budgets_exported(self._snapshot, self._now()))
