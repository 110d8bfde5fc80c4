"""The audit log as lines of a table and as one entry in full. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from rich.text import Text
from textual.content import Content

from joytui.core.audit_words import NOTHING, change, facts, readable
from joytui.core.clock import parse_time
from joytui.tui.figures import local_times, when
from joytui.tui.lines import fact, filled
from joytui.tui.shown import visible
from joytui.tui.widgets.sorted_table import Entry, TableColumn

if TYPE_CHECKING:
    from joytui.core.wire import AuditEntry

COLUMNS = (
    TableColumn("time"),
    TableColumn("token", rank=1, least=10),
    TableColumn("what"),
    TableColumn("subject", least=12),
    TableColumn("change", rank=2, least=14),
)
LABEL = 22


def entries(found: Iterable[AuditEntry], now: datetime, zone: tzinfo | None) -> list[Entry]:
    """A line each; its `item` is the entry."""
    return [_line(one, now, zone) for one in found]


def _line(one: AuditEntry, now: datetime, zone: tzinfo | None) -> Entry:
    moment = parse_time(one.time)
    texts = {
        "time": when(moment, zone, now),
        "token": one.token,
        "what": one.what,
        "subject": one.name or one.subject,
        "change": local_times(change(one), zone),
    }
    cells = {title: Text(visible(text).replace("\n", " ")) for title, text in texts.items()}
    return Entry(one.id, cells, {"time": moment.timestamp()}, one)


def matching(lines: Sequence[Entry], text: str) -> list[Entry]:
    """Those that hold every word of the text, in any of their cells or in what the entry changed."""
    words = text.casefold().split()
    return [line for line in lines if all(word in _said(line) for word in words)]


def _said(line: Entry) -> str:
    one: AuditEntry = line.item
    told = [cell.plain for cell in line.cells.values()]
    told += [one.subject, *(part for found in facts(one) for part in found)]
    return " ".join(told).casefold()


def entry_text(one: AuditEntry, zone: tzinfo | None, width: int) -> Content:
    """One change in full: who, of what, when, and each fact as it was and as it is."""
    moment = parse_time(one.time).astimezone(zone)
    named = f"{one.name} ({one.subject})" if one.name and one.name != one.subject else one.subject
    token = f"{one.token} ({one.token_id})" if one.token_id else one.token
    head = [
        Content.styled(visible(f"{one.what}: {named}"), "bold").truncate(width, ellipsis=True),
        fact("by the token", visible(token), width, LABEL),
        fact("at", f"{moment:%a %d %b %Y %H:%M:%S}", width, LABEL),
    ]
    told = facts(one)
    if not told:
        return Content("\n").join([*head, Content.styled("nothing else was recorded", "$quiet")])
    title = "it had" if one.after is None else "it has" if one.before is None else "before, and after"
    rows = [_fact_line(readable(found), *_sides(one, found.before, found.after), zone, width) for found in told]
    return Content("\n").join([*head, Content(""), Content.styled(title.upper(), "bold $quiet"), *rows])


def _sides(one: AuditEntry, before: str, after: str) -> tuple[str, str]:
    """What was ("" where nothing was there at all) and what is."""
    return ("", after) if one.before is None else (before, NOTHING if one.after is None else after)


def _fact_line(name: str, before: str, after: str, zone: tzinfo | None, width: int) -> Content:
    before, after = (local_times(text, zone) for text in (before, after))
    label = Content.styled(f"{visible(name):<{LABEL}}", "$quiet")
    room = max(12, width - LABEL)
    if not before:
        return _beside(label, [(line, "") for line in filled(after, room)])
    if len(before) + len(after) + 3 <= room:
        return Content.assemble(label, (before, "$error"), (" → ", "$quiet"), (after, "$success"))
    was = [(f"{'− ' if not n else '  '}{line}", "$error") for n, line in enumerate(filled(before, room - 2))]
    now = [(f"{'+ ' if not n else '  '}{line}", "$success") for n, line in enumerate(filled(after, room - 2))]
    return _beside(label, was + now)


def _beside(label: Content, lines: Sequence[tuple[str, str]]) -> Content:
    rows = [Content.styled(text, style) for text, style in lines]
    return Content("\n").join([label + rows[0], *(Content(" " * LABEL) + row for row in rows[1:])])
