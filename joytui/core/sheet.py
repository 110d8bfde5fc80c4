"""A table as text for other programs: CSV for spreadsheets, Markdown for tickets. Pure; cells are redacted and harmless."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""With these a spreadsheet takes a text for a formula, and runs it."""


class Sheet(NamedTuple):
    """Rows under their titles. Texts may come from the wire; numbers are written as they are."""

    head: tuple[str, ...]
    rows: Sequence[Sequence[object]]


def csv_text(sheet: Sheet, *, headed: bool = True) -> str:
    """The sheet as CSV (RFC 4180). A text that a spreadsheet would run as a formula begins with a quote."""
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    if headed:
        writer.writerow(sheet.head)
    writer.writerows([_cell(value) for value in row] for row in _clean(sheet.rows))
    return text.getvalue()


def markdown_text(sheet: Sheet, title: str = "") -> str:
    """The sheet as a Markdown table under its title; columns of numbers are aligned to the right."""
    rows = [[_marked(value) for value in row] for row in _clean(sheet.rows)]
    rule = ["---:" if _numeric(sheet, place) else "---" for place in range(len(sheet.head))]
    lines = [_line(sheet.head), _line(rule), *map(_line, rows)]
    return "\n".join([*([f"## {title}", ""] if title else []), *lines]) + "\n"


def _clean(rows: Iterable[Sequence[object]]) -> Iterable[list[object]]:
    from joytui.core.redaction import Redactor, visible

    redact = Redactor().text
    for row in rows:
        yield [visible(redact(value)) if isinstance(value, str) else value for value in row]


def _cell(value: object) -> object:
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULAS) else value


def _marked(value: object) -> str:
    text = "" if value is None else str(value)
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _numeric(sheet: Sheet, place: int) -> bool:
    values = [row[place] for row in sheet.rows if row[place] not in (None, "")]
    return bool(values) and all(_is_number(value) for value in values)


def _is_number(value: object) -> bool:
    text = str(value)
    return isinstance(value, (int, float)) or text.replace(".", "", 1).isdecimal()


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
