"""The table behind the chart: a line for each step and group, and in what room is left a bar that compares them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.message import Message
from textual.widgets import DataTable

from joytui.tui.charts.cells import bar, percent, share
from joytui.tui.theme import SERIES_NAMES
from joytui.tui.usage.sums import TableRow
from joytui.tui.usage.texts import right

NAMES = 2
"""How many columns are words; the others are numbers."""
LEAST_BAR = 16
MOST_BAR = 60


class UsageTable(DataTable[object]):
    class Resized(Message):
        """Another width: other columns, longer bars."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, cursor_type="row", zebra_stripes=True, cursor_foreground_priority="renderable")
        self._for_width = 0

    def on_resize(self) -> None:
        if self.size.width != self._for_width:
            self._for_width = self.size.width
            self.post_message(self.Resized())

    def fill(self, titles: Sequence[Text], rows: Sequence[TableRow], order: Sequence[str]) -> None:
        """Replaces everything; the cursor stays on its line. The last title is the bars', drawn where there is room for
        them. `order`: the chart's series, for their colours."""
        here = self.cursor_row
        self.clear(columns=True)
        widths = [max([len(title.plain), *(len(row.cells[i]) for row in rows)]) for i, title in enumerate(titles[:-1])]
        for title, width in zip(titles, widths, strict=False):
            self.add_column(title, width=width)
        room = min(MOST_BAR, self.size.width - sum(widths) - 2 * (len(widths) + 1) - self.scrollbar_size_vertical)
        barred = room >= LEAST_BAR
        if barred:
            self.add_column(titles[-1], width=room)
        whole, top = sum(row.amount for row in rows), max((row.amount for row in rows), default=0)
        for row in rows:
            cells = [*row.cells[:NAMES], *(right(cell) for cell in row.cells[NAMES:])]
            self.add_row(*cells, *([self._bar(row, whole, top, room - 5, order)] if barred else ()))
        if 0 < here < len(rows):
            self.move_cursor(row=here, animate=False)

    def _bar(self, row: TableRow, whole: int, top: int, room: int, order: Sequence[str]) -> Text:
        colours = self.app.theme_variables
        colour = colours[SERIES_NAMES[order.index(row.name) if row.name in order else -1]]
        text = Text(f"{percent(share(row.amount, whole)):>4} ", colours["quiet"])
        filled = bar(share(row.amount, top), room).rstrip()
        full = len(filled) - len(filled.lstrip("█"))
        return text.append(filled[:full], f"{colour} on {colour}").append(filled[full:], colour)
