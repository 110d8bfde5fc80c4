"""Tables that fit the terminal: columns give way by their rank, long cells are cut; what goes into a pipe is not cut."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from joytui.cli.output import emit, paint
from joytui.core.redaction import visible

GAP = "  "
EXTRA = 5


@dataclass(frozen=True, slots=True)
class Column:
    """`rank` 0 stays always; the highest rank gives way first, from EXTRA up before anything is cut.

    A column with `least` may be cut down to that width.
    """

    title: str
    right: bool = False
    rank: int = 0
    least: int | None = None
    style: str | None = None


def screen_width() -> int | None:
    """The terminal's width; None if stdout is not a terminal and nothing needs to fit."""
    return max(shutil.get_terminal_size().columns, 20) if sys.stdout.isatty() else None


def emit_table(columns: Sequence[Column], rows: Sequence[Sequence[str]], *, width: int | None = None) -> None:
    """Prints head and rows. `width` None: as wide as the terminal, or as it needs in a pipe."""
    for line in lines(columns, rows, width=width or screen_width()):
        emit(line)


def lines(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    *,
    width: int | None,
    fixed: Mapping[str, int] | None = None,
) -> list[str]:
    """The head and the rows as text of at most `width` cells, as far as the columns can shrink.

    `fixed` gives columns their width by title, whatever the rows hold: for tables that grow gradually. Columns that are
    empty in every row are left out, except under `fixed`.
    """
    cells = [[visible(cell).replace("\n", " ") for cell in row] for row in rows]
    widths: dict[int, int] = {}
    for i, column in enumerate(columns):
        if fixed is not None and column.title in fixed:
            widths[i] = fixed[column.title]
        elif fixed is not None or not cells or any(row[i] for row in cells):
            widths[i] = max([cell_width(column.title), *(cell_width(row[i]) for row in cells)])
    widths = _fit(columns, widths, width)
    if fixed is not None:
        _widen_last(widths, width)
    head = _line([columns[i].title for i in widths], [columns[i] for i in widths], list(widths.values()))
    body = (_line([row[i] for i in widths], [columns[i] for i in widths], list(widths.values()), True) for row in cells)
    return [paint(head, "bold"), *body]


def _fit(columns: Sequence[Column], widths: dict[int, int], limit: int | None) -> dict[int, int]:
    """Which columns stay, and how wide: extras (EXTRA and up) go first, then what may be cut is cut, then others go."""
    while limit is not None:
        excess = sum(widths.values()) + len(GAP) * (len(widths) - 1) - limit
        if excess <= 0:
            return widths
        slack = {i: w - floor for i, w in widths.items() if (floor := columns[i].least) is not None and w > floor}
        last = max(widths, key=lambda i: columns[i].rank)
        if columns[last].rank < EXTRA and sum(slack.values()) >= excess:
            return _shrink(widths, slack, excess)
        if columns[last].rank == 0:
            return _shrink(widths, slack, sum(slack.values()))
        widths = {i: w for i, w in widths.items() if i != last}
    return widths


def _widen_last(widths: dict[int, int], limit: int | None) -> None:
    """The last column takes what is left of the line; in a pipe it is never cut."""
    last = max(widths)
    rest = 100_000 if limit is None else limit - sum(widths.values()) - len(GAP) * (len(widths) - 1)
    widths[last] += max(rest, 0)


def _shrink(widths: dict[int, int], slack: dict[int, int], excess: int) -> dict[int, int]:
    """Takes the excess from the widest of those that may shrink, one cell at a time."""
    widths = dict(widths)
    for _ in range(excess):
        widest = max((i for i in slack if slack[i]), key=lambda i: widths[i])
        widths[widest] -= 1
        slack[widest] -= 1
    return widths


def _line(cells: Sequence[str], columns: Sequence[Column], widths: Sequence[int], styled: bool = False) -> str:
    parts = []
    for cell, column, width in zip(cells, columns, widths, strict=True):
        text = cut(cell, width)
        padding = " " * (width - cell_width(text))
        text = paint(text, column.style) if styled and column.style and text else text
        parts.append(padding + text if column.right else text + padding)
    return GAP.join(parts).rstrip()


def cell_width(text: str) -> int:
    """The columns of a terminal that the text takes: two for wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text)


def cut(text: str, width: int) -> str:
    """At most `width` cells, with "…" where something is missing."""
    if cell_width(text) <= width:
        return text
    while text and cell_width(text) > width - 1:
        text = text[:-1]
    return text + "…" if width > 0 else ""
