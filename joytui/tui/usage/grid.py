"""The table behind the chart."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.widgets import DataTable

from joytui.tui.usage.texts import right

NAMES = 2
"""How many columns are words; the others are numbers."""


class UsageTable(DataTable[object]):
    def fill(self, titles: Sequence[Text], rows: Sequence[Sequence[str]]) -> None:
        """Replaces everything; the cursor stays on its line."""
        here = self.cursor_row
        self.clear(columns=True)
        for title in titles:
            self.add_column(title)
        for cells in rows:
            self.add_row(*cells[:NAMES], *(right(cell) for cell in cells[NAMES:]))
        if 0 < here < len(rows):
            self.move_cursor(row=here, animate=False)
