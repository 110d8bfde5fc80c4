"""The tree of budgets as lines of a table, and one limit in full. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from rich.text import Text
from textual.content import Content

from joytui.core.clock import parse_time
from joytui.core.money import parse_credits
from joytui.tui.budgets.reading import BudgetsSnapshot, Limit, words
from joytui.tui.charts.cells import bar, percent
from joytui.tui.figures import NEEDS_A_DAY, TOO_EARLY, credits, day, exact_credits, resets, soon, when
from joytui.tui.lines import fact
from joytui.tui.shown import visible
from joytui.tui.widgets.sorted_table import Entry, Filler, TableColumn

if TYPE_CHECKING:
    from joytui.core.wire import NodeBudget

COLUMNS = (
    TableColumn("node", least=18, always=True),
    TableColumn("limit", numeric=True),
    TableColumn("each", rank=1),
    TableColumn("spent", rank=6, numeric=True),
    TableColumn("held", rank=7, numeric=True),
    TableColumn("left", rank=2, numeric=True),
    TableColumn("resets", rank=4),
    TableColumn("forecast", rank=3, least=14),
)
EACH = {"daily": "day", "weekly": "week", "total": "all"}
LEAST_BAR, MOST_BAR, BAR_RANK = 8, 40, 3
LABEL = 12
FAR_OFF = timedelta(days=30)
"""A limit in total that lasts longer needs nobody's attention now."""


def entries(snapshot: BudgetsSnapshot, now: datetime, zone: tzinfo | None, colours: Mapping[str, str]) -> list[Entry]:
    """A line for each limit, in the order of the tree; its `item` is the `Limit`."""
    stems = dict(_stems(snapshot.nodes))
    return [_line(one, stems[one.node.node], now, zone, colours) for one in snapshot.limits(now)]


def _stems(nodes: Sequence[NodeBudget]) -> Iterator[tuple[str, str]]:
    """What stands before each node in the tree: `├─ `, `└─ ` and the lines of those above."""
    below: dict[str | None, list[NodeBudget]] = {}
    known = {one.node for one in nodes}
    for one in nodes:
        below.setdefault(one.parent if one.parent in known else None, []).append(one)

    def walk(parent: str, indent: str) -> Iterator[tuple[str, str]]:
        children = below.get(parent, [])
        for one in children:
            last = one is children[-1]
            yield one.node, f"{indent}{'└─ ' if last else '├─ '}"
            yield from walk(one.node, f"{indent}{'   ' if last else '│  '}")

    for root in below.get(None, []):
        yield root.node, ""
        yield from walk(root.node, "")


def name(node: NodeBudget) -> str:
    """A node on one line."""
    return visible(words(node)).replace("\n", " ")


def _line(one: Limit, stem: str, now: datetime, zone: tzinfo | None, colours: Mapping[str, str]) -> Entry:
    limit, burn = one.limit, one.burn
    forecast, colour = outcome(one, now, zone)
    raised = "▲ " if one.raised else ""
    spent = max(0, burn.spent - one.held)
    cells = {
        "node": Text(f"{stem}{name(one.node)}", "bold" if not stem else ""),
        "limit": Text(f"{raised}{credits(burn.limit)}"),
        "each": Text(EACH[limit.period]),
        "spent": Text(credits(spent)),
        "held": Text(credits(one.held) if one.held else "–"),
        "left": Text(credits(max(0, burn.left)), "bold"),
        "resets": Text(resets(limit.resets_at, now, zone).partition(" (")[0] if limit.resets_at else "–"),
        "forecast": Text(forecast, colours[colour]),
    }
    ends = burn.runs_out.timestamp() if burn.runs_out else float("inf")
    keys = {
        "limit": burn.limit,
        "spent": spent,
        "held": one.held,
        "left": burn.left,
        "forecast": 0.0 if one.is_gone else ends,
    }
    return Entry(one.id, cells, keys, one)


def outcome(one: Limit, now: datetime, zone: tzinfo | None) -> tuple[str, str]:
    """Whether the limit lasts, with a sign before it, and the colour's name."""
    burn = one.burn
    if one.is_gone:
        return "✗ used up", "error"
    if not burn.rate:
        return "✓ nothing is being spent", "quiet"
    if burn.early:
        return TOO_EARLY, "quiet"
    if burn.will_be_over and burn.runs_out is not None:
        if not one.limit.resets_at and burn.runs_out - now > FAR_OFF:
            return f"✓ lasts until {day(burn.runs_out.astimezone(zone), now.astimezone(zone))}", "success"
        return f"▲ gone {soon(burn.runs_out, now, zone)}", "warning"
    return ("✓ lasts until its reset" if one.limit.resets_at else "✓ lasts for a year or longer"), "success"


def filler(now: datetime, zone: tzinfo | None, colours: Mapping[str, str]) -> Filler:
    """The bar of what is spent and held."""

    def draw(entry: Entry, room: int) -> Text:
        one: Limit = entry.item
        warns = one.used >= 0.8 or outcome(one, now, zone)[1] == "warning"
        colour = colours["error" if one.is_gone else "warning" if warns else "primary"]
        filled = bar(one.used, room - 5)
        full = len(filled) - len(filled.lstrip("█"))
        text = Text(f"{percent(one.used):>4} ", colours["quiet"])
        return text.append(filled[:full], f"{colour} on {colour}").append(
            filled[full:], f"{colour} on {colours['rule']}"
        )

    return Filler("used", LEAST_BAR, MOST_BAR, BAR_RANK, draw)


def limit_text(one: Limit, now: datetime, zone: tzinfo | None, width: int) -> Content:
    """One limit in full: the exact figures, a raise, the rate and what comes of it."""
    limit, burn = one.limit, one.burn
    forecast, colour = outcome(one, now, zone)
    title = visible(f"{words(one.node)}, {limit.period} limit of {exact_credits(burn.limit)} Cr").replace("\n", " ")
    spent = exact_credits(parse_credits(limit.spent_credits.lstrip("-")))
    figures = (
        f"{spent} spent, {exact_credits(one.held)} held by running requests, {exact_credits(max(0, burn.left))} left"
    )
    lines = [Content.styled(title, "bold").truncate(width, ellipsis=True), fact("credits", figures, width, LABEL)]
    if one.raised and limit.raised_until:
        until = when(parse_time(limit.raised_until), zone, now)
        base = exact_credits(parse_credits(limit.base_limit_credits))
        lines.append(fact("raised", f"by {exact_credits(one.raised)} until {until}; {base} then", width, LABEL))
    elif one.raised:
        lines.append(fact("raised", f"by {exact_credits(one.raised)}, for good", width, LABEL))
    if limit.resets_at:
        lines.append(fact("resets", resets(limit.resets_at, now, zone), width, LABEL))
    rate = NEEDS_A_DAY if burn.early else f"{credits(burn.rate)} Cr/h, the last 7 days' rate" if burn.rate else ""
    forecast_line = Content.assemble(
        (f"{'forecast':<{LABEL}}", "$quiet"), (forecast, f"bold ${colour}"), (f"  ({rate})" if rate else "", "$quiet")
    )
    return Content("\n").join([*lines, forecast_line.truncate(width, ellipsis=True)])
