"""Alerts as the console shows them: those of the last hours that need action, in one line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import TYPE_CHECKING

from textual.content import Content

from joytui.core.clock import parse_time
from joytui.tui.figures import local_times
from joytui.tui.shown import visible
from joytui.tui.state import MOODS

if TYPE_CHECKING:
    from joytui.core.wire import AlertView

HOURS = 6
MOST = 100


@dataclass(frozen=True, slots=True)
class ShownAlert:
    """`at_ms`: when it was raised."""

    id: str
    at_ms: int
    title: str
    text: str


def of_note(rows: Iterable[AlertView], now_ms: int) -> tuple[ShownAlert, ...]:
    """The critical ones of the last HOURS (a limit that is used up, a gateway that is gone, somebody who keeps failing), newest first."""
    shown = [
        ShownAlert(row.id, int(parse_time(row.time).timestamp() * 1000), row.title, row.text)
        for row in rows
        if row.severity == "critical"
    ]
    recent = [one for one in shown if now_ms - one.at_ms <= HOURS * 3_600_000]
    return tuple(sorted(recent, key=lambda one: (one.at_ms, one.id), reverse=True))


def alert_line(alerts: Sequence[ShownAlert], key: str, width: int, zone: tzinfo | None) -> Content:
    """The newest, and how many there are besides; its text where there is room. `key` dismisses it."""
    newest, more = alerts[0], len(alerts) - 1
    glyph, style = MOODS["error"]
    others = f" +{more} more" if more else ""
    left = Content.assemble(" ", (glyph, style), " ")
    right = Content.assemble((others, "$quiet"), (f" {key} ", "bold $primary"), ("dismiss ", "$foreground 85%"))
    room = max(8, width - left.cell_length - right.cell_length)
    title, text = visible(newest.title), visible(local_times(newest.text, zone))
    words = Content.styled(title, "bold $foreground").truncate(room, ellipsis=True)
    rest = room - words.cell_length - 2
    if rest >= 16:
        words = Content.assemble(words, "  ", Content.styled(text, "$quiet").truncate(rest, ellipsis=True))
    gap = max(0, width - left.cell_length - words.cell_length - right.cell_length)
    return Content.assemble(left, words, " " * gap, right)
