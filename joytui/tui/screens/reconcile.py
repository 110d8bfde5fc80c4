"""Codex's own files against the gateway's records: what both know, what only one knows, and why."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import DataTable, Static

from joytui.core.amounts import count
from joytui.core.errors import JoytuiError
from joytui.tui.figures import when
from joytui.tui.shown import visible
from joytui.tui.usage.reading import Sources
from joytui.tui.usage.snapshot import Question
from joytui.tui.usage.window import Window
from joytui.tui.widgets.dialog import Dialog
from joytui.tui.widgets.sorted_table import Entry, SortedTable, TableColumn

if TYPE_CHECKING:
    from joytui.core.token_counts import TokenCounts
    from joytui.usage.reconcile import Difference, Reconciliation

KINDS = {
    "elsewhere": ("→", "elsewhere"),
    "unrecorded": ("▲", "not recorded"),
    "unknown-to-codex": ("◌", "not in Codex"),
    "tokens-differ": ("▲", "tokens differ"),
    "retried": ("✗", "failed, retried"),
    "failed-before": ("✗", "failed before"),
    "telemetry-differs": ("▲", "told otherwise"),
}
MOST = 2000
COLUMNS = (
    TableColumn("time"),
    TableColumn("what"),
    TableColumn("model", rank=1, least=8),
    TableColumn("Codex", numeric=True),
    TableColumn("gateway", numeric=True),
)


class ReconcileDialog(Dialog[None]):
    """Reads both sides in a worker, then lists every difference; ⏎ opens its request in Logs."""

    DIALOG_TITLE = "Codex's files against the gateway"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "open", "Open in Logs")]

    class Compared(Message):
        def __init__(self, found: Reconciliation | None, problem: str = "") -> None:
            super().__init__()
            self.found = found
            self.problem = problem

    def __init__(self, sources: Sources, asked: Question, now: datetime) -> None:
        super().__init__()
        self._sources, self._asked, self._now = sources, asked, now
        self._differences: tuple[Difference, ...] = ()

    def compose_dialog(self) -> ComposeResult:
        yield Static(Content.styled(f"Comparing {self._window().words}…", "bold"), id="summary")
        yield SortedTable(id="differences")
        yield Static(id="why", classes="box")

    def on_mount(self) -> None:
        self.add_class("-roomy")
        self.run_worker(self._compare(), group="reconcile", exclusive=True, exit_on_error=False)

    def _window(self) -> Window:
        return self._asked.window(self._now, self.console.options.zone)

    async def _compare(self) -> None:
        from joytui.usage.comparing import reconciled

        client, home = self._sources.client, self._sources.home
        if client is None or home is None:
            return
        window = self._window()
        try:
            found = await reconciled(client, home, self._sources.cache_dir, window.begin, min(self._now, window.end))
        except JoytuiError as error:
            self.post_message(self.Compared(None, f"{error.what}\n{error.hint or ''}".strip()))
        else:
            self.post_message(self.Compared(found))

    def on_reconcile_dialog_compared(self, message: Compared) -> None:
        summary = self.query_one("#summary", Static)
        if message.found is None:
            summary.update(Content.styled(f"✗ {visible(message.problem)}", "$error"))
            return
        self.show(message.found)

    def show(self, found: Reconciliation) -> None:
        self._differences = tuple(reversed(found.differences))[:MOST]
        self.query_one("#summary", Static).update(summary_text(found, self._window().words))
        table = self.query_one(SortedTable)
        table.fill(COLUMNS, [self._entry(place, one) for place, one in enumerate(self._differences)])
        table.display = bool(self._differences)
        table.focus()

    def _entry(self, place: int, one: Difference) -> Entry:
        glyph, words = KINDS[one.kind]
        cells = {
            "time": when(one.time, self.console.options.zone, self._now),
            "what": f"{glyph} {words}",
            "model": visible(one.model or "–", limit=24),
            "Codex": _counts(one.codex),
            "gateway": _counts(one.gateway),
        }
        keys = {"time": one.time, "Codex": _sum(one.codex), "gateway": _sum(one.gateway)}
        return Entry(str(place), {title: Text(cell) for title, cell in cells.items()}, keys, one)

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        one = self._selected()
        if one is not None:
            thread = f"\nthread {one.thread}" if one.thread else ""
            self.query_one("#why", Static).update(
                Content.assemble((visible(one.explanation), ""), (visible(thread), "$quiet"))
            )

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        self.action_open()

    def _selected(self) -> Difference | None:
        entry = self.query_one(SortedTable).entry()
        return entry.item if entry is not None else None

    def action_open(self) -> None:
        one = self._selected()
        if one is None:
            return
        if one.requests:
            self.dismiss(None)
            self.console.show_logs(f"id:{','.join(one.requests[:20])}")
        else:
            self.notify("the gateway has no such request", timeout=4)


def summary_text(found: Reconciliation, words: str) -> Content:
    """How much agrees, and the sums of both sides."""
    many = len(found.differences)
    ours, theirs = found.gateway_tokens, found.codex_tokens
    verdict = ("✓ no differences", "bold $success") if not many else (f"▲ {many} differences", "bold $warning")
    return Content.assemble(
        verdict,
        (f"  ·  {_agreeing(found.matched)} in every count  ·  {words}\n", ""),
        ("Codex ", "$quiet"),
        (f"{count(theirs.input)} in, {count(theirs.output)} out", ""),
        ("   gateway ", "$quiet"),
        (f"{count(ours.input)} in, {count(ours.output)} out", ""),
    )


def _agreeing(many: int) -> str:
    return "1 response agrees" if many == 1 else f"{many:,} responses agree"


def _counts(counts: TokenCounts | None) -> str:
    return f"{count(counts.input)} → {count(counts.output)}" if counts else "–"


def _sum(counts: TokenCounts | None) -> int:
    return counts.input + counts.output if counts else -1
