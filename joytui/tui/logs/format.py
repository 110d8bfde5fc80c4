"""A row of the log as cells: which columns fit a width, and what is in them. Pure; no textual in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING

from joytui.core.amounts import count, span
from joytui.core.columnar import SOURCES
from joytui.core.request import FIELDS, ROLLOUT, folder_name
from joytui.tui.figures import clock, credits, local_times
from joytui.tui.logs.columns import NO_STATUS, Spans
from joytui.tui.shown import visible

if TYPE_CHECKING:
    from joytui.tui.logs.store import LogStore

Cell = tuple[str, str]
"""Text of exactly its column's width, and the name of its style in the view's palette."""


NOTE_GAP, ROOMY_NOTE = " ", 22
"""Before the last column, where it is that wide: its text follows numbers that end at their right edge."""

SHORT_MODELS = ((72, 99), (36, 13), (0, 5))
"""By the room that a reason has at least: to how many cells the model before it is cut."""


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    title: str
    width: int
    right: bool = False


_CELLS = {field.cell.title: (field, field.cell) for field in FIELDS if field.cell is not None}
TITLES = ("time", "status", "key", "model", *_CELLS, "client")
"""All columns that Logs can show, in their order; the last takes what is left, or says why a request was refused."""


def layout(width: int, chosen: Sequence[str] = (), *, keyless: bool = False) -> tuple[Column, ...]:
    """The columns for a width in cells: all that fit, or as many of the chosen (by `TITLES`) as fit. The last one takes the
    remaining cells, or else the model. Each is followed by one space. `keyless`: no row has a key, so its column is left out."""
    key = 10 if width < 76 else 12 if width < 110 else 18 if width < 170 else 24
    model = 13 if width < 76 else 20 if width < 110 else 26 if width < 170 else 36
    widths = {"time": 8 if width < 130 else 12, "status": 6, "key": key, "model": model}
    if keyless and not chosen:
        del widths["key"]
    columns = [Column(name, name, cells) for name, cells in widths.items() if not chosen or name in chosen]
    for title, (field, cell) in _CELLS.items():
        if title in chosen or (not chosen and cell.room is not None and width >= cell.room):
            columns.append(Column(field.name, title, cell.width, right=field.kind != "text"))
    while chosen and len(columns) > 1 and sum(c.width + 1 for c in columns) > width:
        columns.remove(max(reversed(columns), key=lambda column: _room(column.title)))
    rest = width - sum(c.width + 1 for c in columns) - 1
    if rest >= 14 and (not chosen or "client" in chosen):
        columns.append(Column("note", f"{NOTE_GAP}client, or the reason" if rest >= ROOMY_NOTE else "client", rest))
    else:
        columns = [replace(c, width=max(4, c.width + rest + 1)) if c.name == "model" else c for c in columns]
    return tuple(columns)


def _room(title: str) -> int:
    """From which width on there is room for a column: the one that needs most leaves first, those that were asked for last."""
    return 0 if title not in _CELLS else _CELLS[title][1].room or 1


def header(columns: tuple[Column, ...], day: str = "") -> str:
    """The titles over their columns. `day`: that of the first row in sight, where it is not today; it is over the times."""
    titles = [_day_title(day, c.width) if day and c.name == "time" else c.title for c in columns]
    return " " + " ".join(fit(title, c.width, right=c.right) for title, c in zip(titles, columns, strict=True))


def cells(store: LogStore, row: int, columns: tuple[Column, ...], zone: tzinfo | None = None) -> list[Cell]:
    """One row. A refusal tells its reason instead of the numbers, as it has no tokens to show; all reasons begin in the
    same cell."""
    if store.status[row] >= 400:
        columns = refused_layout(columns)
    out = [(_cell(store, row, column, zone), column) for column in columns]
    return [(fit(text, column.width, right=column.right), style) for (text, style), column in out]


def _day_title(day: str, width: int) -> str:
    """ "Sat 28 Nov", without its weekday where there is no room."""
    words = day.partition(" · ")[0]
    return words if len(words) <= width else words[4:10]


@lru_cache(maxsize=8)
def refused_layout(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """The columns of a row that failed: from the first number on its reason; where that has little room, the model before it
    is cut."""
    at = next((at for at, column in enumerate(columns) if column.right or column.name == "note"), None)
    if at is None:
        return columns
    *before, last = columns[:at]
    room = sum(column.width + 1 for column in columns[at:]) - 1
    short = next((cells for least, cells in SHORT_MODELS if room + max(0, last.width - cells) >= least))
    cut = max(0, last.width - short)
    return (*before, replace(last, width=last.width - cut), Column("reason", "reason", room + cut))


def _cell(store: LogStore, row: int, column: Column, zone: tzinfo | None) -> Cell:
    match column.name:
        case "time":
            return clock(store.time[row], zone, precise=column.width > 8), "quiet"
        case "status":
            return status_cell(store.status[row])
        case "key":
            return store.text["key"].get(row) or "–", "key"
        case "model":
            return model_text(store, row), "model"
        case "reason":
            return local_times(reason(store, row), zone), "reason"
        case "note":
            gap = NOTE_GAP if column.width >= ROOMY_NOTE else ""
            return gap + note(store, row, column.width - len(gap)), "quiet"
        case "input_tokens":
            return tokens_text(store, row), "number"
        case "cost_nano":
            estimated = SOURCES[store.numbers["cost_source"][row]] == "estimated"
            return cost_text(store.numbers["cost_nano"][row], estimated=estimated), "cost"
        case "project":  # a path says most at its end
            text = store.text["project"].get(row) or ""
            return text if len(text) <= column.width else "…" + text[1 - column.width :], "quiet"
        case name if name in store.text:
            return store.text[name].get(row) or "", "quiet"
        case name if isinstance(numbers := store.numbers[name], Spans):
            return span(numbers[row]), "number" if name == "latency_ms" else "quiet"
        case name:
            return count(store.numbers[name][row]), "number"


def status_cell(status: int) -> Cell:
    """Glyph and code: colour is never the only sign."""
    if status == 0:
        return "◌ …", "running"
    if status < 400:
        return f"✓ {status}", "good"
    if status == NO_STATUS:
        return "✗ –", "bad"
    if status == 499:
        return "– 499", "warn"
    return f"✗ {status}", "bad"


def reason(store: LogStore, row: int) -> str:
    """Why a request was refused or failed: how often it was sent, where that is more than once, the cause, and what was said."""
    cause = store.text["cause"].get(row) or store.text["error_type"].get(row) or ""
    message = store.text["error_message"].get(row) or ""
    if store.status[row] == 499 and not message:
        message = "the client disconnected"
    if store.text["source"].get(row) == ROLLOUT:
        from joytui.causes.codex_failure import answer_in

        message = answer_in(message)
    many = store.numbers["attempts"][row]
    return clean((f"{many}× " if many > 1 else "") + ": ".join(part for part in (cause, message) if part))


def note(store: LogStore, row: int, room: int) -> str:
    if store.status[row] == 0:
        return "running"
    names = ("notes", "client", "ip") if room >= 34 else ("notes", "client")
    texts = [store.text[name].get(row) for name in names]
    if store.text["source"].get(row) == ROLLOUT:  # no key is in its row: the folder says whose turn it is
        texts[0] = folder_name(store.text["project"].get(row))
    return clean("  ".join(text for text in texts if text))


def model_text(store: LogStore, row: int) -> str:
    """The model asked for, and the one used where the router chose another."""
    asked, used = store.text["model"].get(row), store.text["model_used"].get(row)
    if used and asked and used != asked:
        return f"{asked} → {used}"
    return used or asked or "–"


def tokens_text(store: LogStore, row: int) -> str:
    incoming, outgoing = store.numbers["input_tokens"][row], store.numbers["output_tokens"][row]
    if not incoming and not outgoing:
        return ""
    return f"{count(incoming)} → {count(outgoing)}"


def cost_text(nano: int, *, estimated: bool = False) -> str:
    """Credits, "~" before an estimate; nothing for nothing."""
    if nano == 0:
        return ""
    return ("~" if estimated else "") + credits(nano)


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Text in exactly `width` cells: cut with an ellipsis or padded. Wide characters count twice, control characters
    become spaces: this is the last gate before the terminal."""
    if not text.isprintable():
        text = clean(text)
    if not text.isascii():
        return _fit_wide(text, width, right)
    if len(text) > width:
        return text[: max(0, width - 1)] + "…" if width else ""
    return text.rjust(width) if right else text.ljust(width)


def _fit_wide(text: str, width: int, right: bool) -> str:
    from rich.cells import cell_len, set_cell_size

    size = cell_len(text)
    if size > width:
        return set_cell_size(text, width - 1) + "…" if width else ""
    return " " * (width - size) + text if right else text + " " * (width - size)


def clean(text: str) -> str:
    """Text from the wire on one line, without control characters."""
    return visible(text, limit=600).replace("\n", " ")
