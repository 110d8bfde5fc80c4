"""A table that is sorted by any of its columns, shows the columns that fit, and ends with a row of totals.

`o` sorts by the next column and `O` turns the order round; so does a click on a title. Where the width does not do, the
columns that say least leave first: there is no horizontal scroll bar.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from joytui.tui.column_choice import ColumnChoice
from joytui.tui.logs.format import fit

PADDING = 2
"""The cells beside a column's own: one on each side."""
MOST_ROWS = 2000


@dataclass(frozen=True, slots=True)
class TableColumn:
    """`rank`: 0 always stays; of the others, the highest leaves first when there is no room. `least`: down to this many cells
    its texts may be cut, before any column leaves; None: they may not. `numeric`: aligned at the right, largest first.
    `always`: in every choice of columns, as without it nobody knows what a line is about."""

    title: str
    rank: int = 0
    numeric: bool = False
    least: int | None = None
    always: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: its cells and what they are sorted by (the cell's own words, where nothing is said), by the columns' titles.
    `item` is what it stands for; `id` keeps the cursor on it."""

    id: str
    cells: Mapping[str, Text]
    keys: Mapping[str, Any] = field(default_factory=dict)
    item: Any = None

    def key(self, title: str) -> Any:
        return self.keys[title] if title in self.keys else self.cells[title].plain.casefold()


@dataclass(frozen=True, slots=True)
class Filler:
    """A last column in what room is left, where it is at least `least` cells: a bar, by the entry and its cells. Columns of a
    higher rank make room for it."""

    title: str
    least: int
    most: int
    rank: int
    draw: Callable[[Entry, int], Text]


class SortedTable(DataTable[object]):
    """`order` is the title of the column that it is sorted by and whether the last stands first; None: as it was given.
    `chosen`: the titles of the columns that the user wants; none: all that fit."""

    DEFAULT_CSS = """
    SortedTable {
        overflow-x: hidden; scrollbar-size-vertical: 1; background: $background;
        &:focus { background-tint: $foreground 0%; }
        & > .datatable--header { background: $panel; color: $quiet; text-style: none; }
        & > .datatable--header-hover { background: $panel; color: $primary; text-style: none; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "sort", "Sort", show=False, tooltip="sort by the next column; clicking a title works, too"),
        Binding("O", "turn", "Reverse order", show=False, tooltip="largest first, or smallest first"),
    ]

    def __init__(self, *, id: str | None = None, stripes: bool = False, choice: ColumnChoice | None = None) -> None:
        super().__init__(id=id, cursor_type="row", cursor_foreground_priority="renderable", zebra_stripes=stripes)
        self.order = choice.order if choice else None
        self.chosen = choice.columns if choice else ()
        self._given: tuple[Sequence[TableColumn], Sequence[Entry], Entry | None, Filler | None] = ((), (), None, None)
        self._entries: list[Entry] = []
        self._shown: tuple[TableColumn, ...] = ()
        self._for_width = 0

    def on_resize(self) -> None:
        if self.size.width != self._for_width:
            self.refill()

    def fill(
        self,
        columns: Sequence[TableColumn],
        entries: Sequence[Entry],
        totals: Entry | None = None,
        filler: Filler | None = None,
        *,
        cursor: str | None = None,
    ) -> None:
        """Replaces everything. The cursor stays on its entry, or goes to that of the id `cursor`."""
        self._given = (columns, entries, totals, filler)
        self.refill(cursor)

    def refill(self, cursor: str | None = None) -> None:
        """The same once more: for another width, order or theme."""
        columns, entries, totals, filler = self._given
        here = self.entry()
        wanted = cursor or (here.id if here else None)
        self._for_width = self.size.width
        self._entries = self._sorted(entries)[:MOST_ROWS]
        self.clear(columns=True)
        if not columns or not self.size.width:
            return
        rows = [*self._entries, *([totals] if totals and len(entries) > 1 else [])]
        self._shown, widths, left = self._layout(self._wanted(columns), rows, filler)
        for column, width in zip(self._shown, widths, strict=True):
            self.add_column(self._title(column), key=column.title, width=width)
        room = min(filler.most, left - PADDING) if filler else 0
        if filler and room >= filler.least:
            self.add_column(Text(filler.title), key="", width=room)
        for entry in rows:
            cells = [_fitted(entry.cells[c.title], c, width) for c, width in zip(self._shown, widths, strict=True)]
            bars = [filler.draw(entry, room)] if filler and room >= filler.least and entry is not totals else []
            self.add_row(*cells, *bars)
        place = next((at for at, entry in enumerate(self._entries) if entry.id == wanted), None)
        if place is not None:
            self.move_cursor(row=place, animate=False)

    @property
    def reading_line(self) -> int:
        return self.cursor_row + self.header_height

    def entry(self) -> Entry | None:
        """What the cursor is on; None for the totals."""
        return self.entry_at(self.cursor_row)

    def entry_at(self, row: int) -> Entry | None:
        return self._entries[row] if 0 <= row < len(self._entries) else None

    @property
    def choice(self) -> ColumnChoice:
        """What the user has made of the table."""
        return ColumnChoice(self.chosen, self.order)

    @property
    def shown(self) -> tuple[str, ...]:
        """The titles of the columns on the screen."""
        return tuple(column.title for column in self._shown)

    def take(self, choice: ColumnChoice) -> None:
        """The table as it was chosen to be."""
        self.chosen, self.order = choice.columns, choice.order
        self.refill()

    # Order

    def _sorted(self, entries: Sequence[Entry]) -> list[Entry]:
        if self.order is None or not any(c.title == self.order[0] for c in self._given[0]):
            return list(entries)
        title, turned = self.order
        return sorted(entries, key=lambda entry: entry.key(title), reverse=turned)

    def action_sort(self) -> None:
        titles = [column.title for column in self._shown]
        at = titles.index(self.order[0]) + 1 if self.order and self.order[0] in titles else 0
        self.sort_by(titles[at] if at < len(titles) else None)

    def action_turn(self) -> None:
        if self.order is not None:
            self.order = self.order[0], not self.order[1]
            self.refill()

    def sort_by(self, title: str | None) -> None:
        """Largest first, or from A; None: as it was given."""
        column = next((column for column in self._given[0] if column.title == title), None)
        self.order = (column.title, column.numeric) if column else None
        self.refill()

    def on_data_table_header_selected(self, event: DataTable.HeaderSelected) -> None:
        event.stop()
        title = str(event.column_key.value)
        if self.order and self.order[0] == title:
            self.action_turn()
        elif title:
            self.sort_by(title)

    # Columns

    def _wanted(self, columns: Sequence[TableColumn]) -> list[TableColumn]:
        return [column for column in columns if column.always or not self.chosen or column.title in self.chosen]

    def _layout(
        self, columns: Sequence[TableColumn], rows: Sequence[Entry], filler: Filler | None
    ) -> tuple[tuple[TableColumn, ...], list[int], int]:
        """The columns that fit, their widths, and the cells that are left."""
        natural = {
            c.title: max(self._title(c).cell_len, max((entry.cells[c.title].cell_len for entry in rows), default=0))
            for c in columns
        }
        room = self.size.width - 1  # the vertical scroll bar
        shown = list(columns)
        if filler is not None:
            beside = _without(shown, natural, room - filler.least - PADDING, filler.rank)
            shown = beside if _least(beside, natural) <= room - filler.least - PADDING else shown
        shown = _without(shown, natural, room, 0)
        widths = [natural[column.title] for column in shown]
        over = sum(widths) + PADDING * len(shown) - room
        for at, column in enumerate(shown):
            if over > 0 and column.least is not None:
                cut = min(over, max(0, widths[at] - column.least))
                widths[at] -= cut
                over -= cut
        return tuple(shown), widths, max(0, -over)

    def _title(self, column: TableColumn) -> Text:
        sign = ""
        if self.order is not None and self.order[0] == column.title:
            sign = "▼" if self.order[1] else "▲"
        text = f"{sign} {column.title}" if sign and column.numeric else f"{column.title} {sign}".rstrip()
        return Text(text, justify="right" if column.numeric else "left")


def _without(columns: list[TableColumn], natural: Mapping[str, int], room: int, rank: int) -> list[TableColumn]:
    """Those that fit, or are of this rank or a lower one."""
    shown = list(columns)
    while _least(shown, natural) > room and any(column.rank > rank for column in shown):
        shown.remove(max(shown, key=lambda column: column.rank))
    return shown


def _least(columns: Sequence[TableColumn], natural: Mapping[str, int]) -> int:
    """The cells that these columns need, when what may be cut is cut."""
    return sum(PADDING + min(natural[c.title], c.least or natural[c.title]) for c in columns)


def _fitted(cell: Text, column: TableColumn, width: int) -> Text:
    """The cell at its width. DataTable cuts without a sign; a name shows that it was cut."""
    if column.least is not None and cell.cell_len > width:
        cell = Text(fit(cell.plain, width), cell.style)
    cell.justify = "right" if column.numeric else "left"
    return cell
