"""The list of keys as a table: its columns, what each is sorted by, the totals, and who spends most without a limit. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from rich.text import Text

from joytui.core.clock import parse_time
from joytui.core.money import parse_credits
from joytui.tui.charts.cells import low_bar_parts, percent
from joytui.tui.figures import credits, day
from joytui.tui.shown import fit_line
from joytui.tui.widgets.sorted_table import Entry, TableColumn

if TYPE_CHECKING:
    from joytui.core.wire import KeyView

STATES = {
    "active": ("●", "success"),
    "disabled": ("○", "warning"),
    "expired": ("▲", "warning"),
    "revoked": ("✗", "error"),
}
PERIODS = {"daily": "day", "weekly": "week", "total": "total"}
COLUMNS = (
    TableColumn("name", least=12, always=True),
    TableColumn("key", rank=6),
    TableColumn("state", rank=2),
    TableColumn("owner", rank=5, least=8),
    TableColumn("spent", rank=1, numeric=True),
    TableColumn("budget"),
    TableColumn("last used", rank=4),
    TableColumn("requests", rank=7, numeric=True),
    TableColumn("refused", rank=3, numeric=True),
    TableColumn("model", rank=8),
    TableColumn("expires", rank=9),
)
NAME = 28


def entries(
    keys: Sequence[KeyView], now: datetime, zone: tzinfo | None, colours: Mapping[str, str]
) -> tuple[list[Entry], Entry]:
    """The keys in the order of the gateway, and their totals. `colours` are the theme's variables."""
    unlimited = most_without_limit(keys)
    rows = [Entry(key.id, _cells(key, now, zone, colours, key is unlimited), _keys(key), key) for key in keys]
    return rows, Entry("", _totals(keys, colours))


def most_without_limit(keys: Sequence[KeyView]) -> KeyView | None:
    """The key that works, has no limit, and has spent most of all such; None if none has spent anything."""
    free = [key for key in keys if key.state == "active" and key.tightest is None and parse_credits(key.spent)]
    return max(free, key=lambda key: parse_credits(key.spent), default=None)


def _cells(
    key: KeyView, now: datetime, zone: tzinfo | None, colours: Mapping[str, str], unlimited: bool
) -> dict[str, Text]:
    gone = key.state in ("revoked", "expired")
    plain, quiet = colours["quiet"] if gone else colours["foreground"], colours["quiet"]
    glyph, colour = STATES.get(key.state, ("?", "warning"))
    refused = key.refused_today
    return {
        "name": Text(fit_line(key.name, NAME), f"{'' if gone else 'bold '}{plain}"),
        "key": Text(fit_line(key.hint, 16), quiet),
        "state": Text(f"{glyph} {key.state}", colours[colour]),
        "owner": Text(fit_line(key.owner or "–", 18), plain),
        "spent": Text(credits(parse_credits(key.spent)), plain),
        "budget": budget_cell(key, colours, alone=unlimited),
        "last used": Text(ago(key.last_used_at, now, zone), quiet),
        "requests": Text(f"{key.requests:,}", plain),
        "refused": Text(f"✗ {refused:,}" if refused else "–", colours["error" if refused else "quiet"]),
        "model": Text(fit_line(key.policy.fixed_model or "as asked", 20), plain),
        "expires": Text(_day(key.expires_at, now, zone), quiet),
    }


def _keys(key: KeyView) -> dict[str, object]:
    """What the cells are sorted by, where their words would not do."""
    tight = key.tightest
    return {
        "state": list(STATES).index(key.state) if key.state in STATES else len(STATES),
        "spent": parse_credits(key.spent),
        "budget": -1.0 if tight is None else tight.used,
        "last used": key.last_used_at or "",
        "requests": key.requests,
        "refused": key.refused_today,
        "expires": key.expires_at or "9999",
    }


def _totals(keys: Sequence[KeyView], colours: Mapping[str, str]) -> dict[str, Text]:
    refused = sum(key.refused_today for key in keys)
    words = {
        "name": f"all {len(keys):,} keys",
        "spent": credits(sum(parse_credits(key.spent) for key in keys)),
        "requests": f"{sum(key.requests for key in keys):,}",
        "refused": f"✗ {refused:,}" if refused else "–",
    }
    return {column.title: Text(words.get(column.title, ""), f"bold {colours['quiet']}") for column in COLUMNS}


def budget_cell(key: KeyView, colours: Mapping[str, str], *, alone: bool = False) -> Text:
    """The budget that is nearest to its end, as a bar. `alone`: of all keys without one, this one spends most."""
    tight = key.tightest
    if tight is None:
        return Text("▲ no limit", colours["warning"]) if alone else Text("no limit", colours["quiet"])
    part = tight.used
    colour = colours["error" if part >= 1 else "warning" if part >= 0.8 else "primary"]
    text = Text()
    for cells, style in low_bar_parts(part, 8, colour, colours["rule"]):
        text.append(cells, style)
    text.append(f" {percent(part):>4} ", colours["foreground"])
    text.append(PERIODS[tight.period], colours["quiet"])
    return text


def ago(moment: str | None, now: datetime, zone: tzinfo | None = None) -> str:
    """How long ago, as a person says it; a day where it is longer than two months."""
    if not moment:
        return "never"
    try:
        seconds = (now - parse_time(moment)).total_seconds()
    except ValueError:
        return "–"
    if seconds < 60:
        return "just now"
    for size, unit in ((3600, "min"), (86400, "h"), (86400 * 60, "d")):
        if seconds < size:
            return f"{int(seconds // {'min': 60, 'h': 3600, 'd': 86400}[unit])} {unit} ago"
    return _day(moment, now, zone)


def _day(moment: str | None, now: datetime, zone: tzinfo | None) -> str:
    if not moment:
        return "never"
    try:
        return day(parse_time(moment).astimezone(zone), now.astimezone(zone))
    except ValueError:
        return moment[:10]
