"""The failures of Logs by what they say: one line a pattern, with its count, its keys and when it came."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import DataTable, Static

from joytui.tui.figures import when
from joytui.tui.logs.format import clean, status_cell
from joytui.tui.logs.patterns import MOST, Failures, failures
from joytui.tui.logs.shown import Shown
from joytui.tui.widgets.dialog import Dialog
from joytui.tui.widgets.hints import Hints
from joytui.tui.widgets.sorted_table import Entry, SortedTable, TableColumn

COLUMNS = (
    TableColumn("count", numeric=True),
    TableColumn("status"),
    TableColumn("message", least=30),
    TableColumn("key", rank=2),
    TableColumn("first", rank=3),
    TableColumn("last", rank=1),
)


class PatternsDialog(Dialog[str]):
    """⏎ closes it with the filter that finds the failures of the chosen line."""

    DIALOG_TITLE = "Failures by pattern"
    AUTO_FOCUS = "SortedTable"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "open", "Only these")]

    def __init__(self, shown: Shown) -> None:
        super().__init__()
        self._found = failures(shown)
        self._failed = len(shown.failed)

    def compose_dialog(self) -> ComposeResult:
        many = sum(one.many for one in self._found)
        newest = f"the newest {MOST:,} of {self._failed:,}" if self._failed > many else f"{many:,}"
        patterns = f"{len(self._found)} pattern{'' if len(self._found) == 1 else 's'}"
        yield Static(f"{newest} failures, {patterns}", id="about", classes="note")
        yield Hints(("⏎", "shows the requests"), ("o", "sorts"))
        yield SortedTable(id="patterns")
        yield Static(id="said", classes="box")

    def on_mount(self) -> None:
        now = datetime.fromtimestamp(self.console.now_ms() / 1000, UTC)
        rows = entries(self._found, now, self.console.options.zone, self.app.theme_variables["error"])
        self.query_one(SortedTable).fill(COLUMNS, rows)

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        if (entry := self.query_one(SortedTable).entry()) is not None:
            one: Failures = entry.item
            keys = ", ".join(f"{clean(key)} {many:,}" for key, many in one.keys.most_common(8))
            self.query_one("#said", Static).update(Content.assemble(one.words or "no message", (f"\n{keys}", "$quiet")))

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        self.action_open()

    def action_open(self) -> None:
        entry = self.query_one(SortedTable).entry()
        self.dismiss(entry.item.filter if entry is not None else None)


def entries(found: Sequence[Failures], now: datetime, zone: tzinfo | None, colour: str) -> list[Entry]:
    """One a pattern, in their order."""
    made = []
    for place, one in enumerate(found):
        first, last = (datetime.fromtimestamp(ms / 1000, UTC) for ms in (one.first_ms, one.last_ms))
        (key, _), *others = one.keys.most_common()
        cells = {
            "count": Text(f"{one.many:,}", "bold"),
            "status": Text(status_cell(one.status)[0], colour),
            "message": Text(clean(": ".join(part for part in (one.cause, one.words) if part))),
            "key": Text(clean(key) if not others else f"{len(one.keys)} keys"),
            "first": Text(when(first, zone, now)),
            "last": Text(when(last, zone, now)),
        }
        keys = {"count": one.many, "first": one.first_ms, "last": one.last_ms}
        made.append(Entry(str(place), cells, keys, one))
    return made
