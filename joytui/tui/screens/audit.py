"""The audit log: who changed what at the gateway, newest first; what was and what is, of each change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import DataTable, Input

from joytui.core.errors import JoytuiError, RefusedError
from joytui.tui.figures import missed
from joytui.tui.lines import hint
from joytui.tui.people.changes import COLUMNS, entries, entry_text, matching
from joytui.tui.widgets.dialog import Dialog
from joytui.tui.widgets.fitted import Fitted
from joytui.tui.widgets.sorted_table import Entry, SortedTable

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import AuditEntry

REFRESH_S = 5.0
MOST = 1_000
"""So many of the newest are asked for."""
NONE = (
    "Changes to keys, budgets, policies, tokens, teams and wallets are listed here, each with the token that made it. They are kept for"
    " 400 days and contain no secrets."
)
BEYOND = "The audit log covers all teams, and a lead's token sees only its own. Use an admin's or a viewer's token."


class AuditDialog(Dialog[None]):
    """Looks for newer changes by itself. `/` filters by every word that is typed; ⏎ shows one change in full."""

    DIALOG_TITLE = "Audit: who changed what"
    AUTO_FOCUS = "SortedTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "In full"),
        Binding("slash", "filter", "Filter"),
        Binding("x", "export", "Export"),
        Binding("r", "reload", "Look again"),
        Binding("down", "app.focus_next", "List", show=False),
        Binding("escape", "back", "Back"),
    ]

    class Known(Message):
        """`beyond`: the token may not read it."""

        def __init__(self, found: Sequence[AuditEntry] = (), problem: str = "", *, beyond: bool = False) -> None:
            super().__init__()
            self.found = found
            self.problem = problem
            self.beyond = beyond

    def __init__(self) -> None:
        super().__init__()
        self._found: Sequence[AuditEntry] | None = None
        self._read_at = 0
        self._problem = self._beyond = False
        self._lines: list[Entry] = []
        self._shown: list[Entry] = []

    def compose_dialog(self) -> ComposeResult:
        yield Fitted(id="about")
        yield Input(placeholder="/ filters: a token, a key, a team, a kind of change", id="filter")
        yield SortedTable(id="changes")
        yield Fitted(id="entry", classes="box")

    def on_mount(self) -> None:
        self._say(Content.styled("◌ asking the gateway", "$quiet"))
        self._display()
        self.action_reload()
        self.set_interval(REFRESH_S, self._tick)

    def _tick(self) -> None:
        """Reads again where there is a newer change than those here."""
        if (client := self.console.client) is not None and not self._beyond:
            self.run_worker(self._look(client), exclusive=True, exit_on_error=False)

    async def _look(self, client: ConsoleClient) -> None:
        try:
            newest = await client.audit(limit=1)
        except JoytuiError as error:
            self.post_message(self.Known(problem=error.what))
            return
        if self._problem or [one.id for one in newest] != [one.id for one in (self._found or ())[:1]]:
            await self._read(client)

    def action_reload(self) -> None:
        client = self.console.client
        if client is None:
            self.post_message(self.Known(problem="there is no gateway to ask"))
        else:
            self.run_worker(self._read(client), exclusive=True, exit_on_error=False)

    async def _read(self, client: ConsoleClient) -> None:
        try:
            self.post_message(self.Known(await client.audit(limit=MOST)))
        except RefusedError as error:
            self.post_message(self.Known(problem=error.what, beyond=error.kind == "beyond_teams"))
        except JoytuiError as error:
            self.post_message(self.Known(problem=error.what))

    def on_audit_dialog_known(self, message: Known) -> None:
        self._problem, self._beyond = bool(message.problem), message.beyond
        if message.beyond:
            self._say(Content.styled(BEYOND, ""))
        elif message.problem:
            self._say(Content.styled(missed(message.problem, self._read_at, self.console.options.zone), "$error"))
        else:
            self._read_at = self.console.now_ms()
            self.show(message.found)

    # Showing

    def show(self, found: Sequence[AuditEntry]) -> None:
        """These changes, newest first, as far as the filter finds them."""
        now = datetime.fromtimestamp(self.console.now_ms() / 1000, UTC)
        self._found = found
        self._lines = entries(found, now, self.console.options.zone)
        self._show()

    def _show(self) -> None:
        text = self.query_one(Input).value
        self._shown = matching(self._lines, text)
        self._display()
        self.query_one(SortedTable).fill(COLUMNS, self._shown)
        self._say(*self._about(text))
        self._show_entry()

    def _display(self) -> None:
        """What there is nothing for is not there."""
        self.query_one(SortedTable).display = self.query_one("#entry").display = bool(self._shown)
        self.query_one(Input).display = bool(self._lines)

    def _about(self, text: str) -> list[Content]:
        many, found = len(self._lines), len(self._shown)
        if not many:
            return [Content.assemble(("Nobody has changed anything yet.\n", "bold"), (NONE, "$quiet"))]
        if text.strip() and not found:
            return [Content.assemble(("No change matches. ", "bold"), ("esc clears the filter", "$quiet"))]
        what = f"{found:,} of {many:,} changes" if found < many else f"{many:,} change{'' if many == 1 else 's'}"
        keys = [("⏎", "shows it in full"), ("/", "filters"), ("o", "sorts")]
        keys += [] if self.console.options.read_only else [("x", "exports")]
        older = [Content.styled("older ones: `joytui audit --limit 5000`", "$quiet")] if many >= MOST else []
        return [Content.styled(what, "bold"), *(hint(*pair) for pair in keys), *older]

    def _say(self, *parts: Content) -> None:
        self.query_one("#about", Fitted).flow(*parts)

    def _show_entry(self) -> None:
        entry = self.query_one(SortedTable).entry()
        if entry is not None:
            self.query_one("#entry", Fitted).show(partial(entry_text, entry.item, self.console.options.zone))

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        self._show_entry()

    # Actions

    def on_input_changed(self, event: Input.Changed) -> None:
        if self._found is not None:
            self._show()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.query_one(SortedTable).focus()

    def action_filter(self) -> None:
        if self._lines:
            self.query_one(Input).focus()

    def action_back(self) -> None:
        """The filter goes first, then the dialog."""
        line = self.query_one(Input)
        if line.value:
            line.value = ""
            self.query_one(SortedTable).focus()
        else:
            self.dismiss(None)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        self.action_open()

    def action_open(self) -> None:
        entry = self.query_one(SortedTable).entry()
        if entry is not None:
            self.app.push_screen(ChangeDialog(entry.item))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return not (action == "export" and self.console.options.read_only)

    def action_export(self) -> None:
        """What is listed, as a file."""
        from joytui.tui.export.screens import changes_exported

        now = datetime.fromtimestamp(self.console.now_ms() / 1000, UTC)
        exported = changes_exported([line.item for line in self._shown], self.query_one(Input).value, now)
        self.console.export(exported)


class ChangeDialog(Dialog[None]):
    """One change in full."""

    DIALOG_TITLE = "A change"
    CSS = "ChangeDialog #dialog { width: 110; }"

    def __init__(self, entry: AuditEntry) -> None:
        super().__init__()
        self._entry = entry

    def compose_dialog(self) -> ComposeResult:
        text = Fitted()
        text.show(partial(entry_text, self._entry, self.console.options.zone))
        yield text

    def on_mount(self) -> None:
        box = self.query_one("#dialog")
        box.can_focus = True  # a policy is longer than a low terminal: arrows and pages scroll it
        box.focus()
