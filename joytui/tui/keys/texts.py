"""A key as cells of the list and as the text of the detail pane. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import chain, repeat
from typing import TYPE_CHECKING

from rich.text import Text
from textual.content import Content

from joytui.core.clock import parse_time
from joytui.core.money import format_credits, parse_credits
from joytui.tui.charts.cells import bar_parts, percent
from joytui.tui.keys.snapshot import KeysSnapshot
from joytui.tui.lines import fact, keyed
from joytui.tui.no_gateway import no_gateway, older
from joytui.tui.shown import visible
from joytui.tui.state import LinkState
from joytui.tui.usage.sums import amount_text

if TYPE_CHECKING:
    from joytui.core.wire import KeyView

STATES = {
    "active": ("●", "success"),
    "disabled": ("○", "warning"),
    "expired": ("▲", "warning"),
    "revoked": ("✗", "error"),
}
NARROW = 58
LABEL = 11
PERIODS = {"daily": "day", "weekly": "week", "total": "total"}


def columns(width: int) -> tuple[str, ...]:
    """The titles of the columns that fit a width."""
    if width < NARROW:
        return ("name", "", "budget")
    names = ["name", "state", "spent", "budget"]
    if width >= 64:
        names.insert(1, "key")
    if width >= 80:
        names.append("last used")
    if width >= 96:
        names.insert(3, "owner")
    if width >= 116:
        names += ["requests", "refused today"]
    if width >= 136:
        names += ["model", "expires"]
    return tuple(names)


def row(key: KeyView, names: tuple[str, ...], now: datetime, colours: Mapping[str, str]) -> list[Text]:
    """The cells of one key. `colours` are the theme's variables."""
    return [_cell(key, name, now, colours, narrow="state" not in names) for name in names]


def right(name: str) -> bool:
    """Whether a column holds numbers, whose title stands over their end."""
    return name in ("spent", "requests", "refused today")


def _cell(key: KeyView, name: str, now: datetime, colours: Mapping[str, str], *, narrow: bool = False) -> Text:
    gone = key.state in ("revoked", "expired")
    plain = colours["quiet"] if gone else colours["foreground"]
    match name:
        case "name":
            return Text(fit_line(key.name, 12 if narrow else 28), f"{'' if gone else 'bold '}{plain}")
        case "key":
            return Text(_line(key.hint, 16), colours["quiet"])
        case "state" | "":
            glyph, colour = STATES.get(key.state, ("?", "warning"))
            return Text(f"{glyph} {key.state}" if name else glyph, colours[colour])
        case "owner":
            return Text(_line(key.owner or "–", 18), plain)
        case "spent":
            return Text(amount_text(parse_credits(key.spent), "spend"), plain, justify="right")
        case "budget":
            return budget_cell(key, colours)
        case "last used":
            return Text(ago(key.last_used_at, now), colours["quiet"])
        case "requests":
            return Text(f"{key.requests:,}", plain, justify="right")
        case "refused today":
            many = key.refused_today
            return Text(f"✗ {many:,}" if many else "–", colours["error" if many else "quiet"], justify="right")
        case "model":
            return Text(_line(key.policy.fixed_model or "as asked", 20), plain)
        case _:
            return Text((key.expires_at or "never")[:10], colours["quiet"])


def budget_cell(key: KeyView, colours: Mapping[str, str]) -> Text:
    """The budget that is nearest to its end, as a bar."""
    tight = key.tightest
    if tight is None:
        return Text("no limit", colours["quiet"])
    part = tight.used
    colour = colours["error" if part >= 1 else "warning" if part >= 0.8 else "primary"]
    text = Text()
    for cells, style in bar_parts(part, 8, colour, colours["rule"]):
        text.append(cells, style)
    text.append(f" {percent(part):>4} ", colours["foreground"])
    text.append(PERIODS[tight.period], colours["quiet"])
    return text


def ago(moment: str | None, now: datetime) -> str:
    """How long ago, as a person says it."""
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
    return moment[:10]


def detail(key: KeyView, now: datetime, width: int) -> Content:
    """Everything about one key."""
    glyph, colour = STATES.get(key.state, ("?", "warning"))
    head = Content.assemble(
        (f"{glyph} ", f"bold ${colour}"),
        (visible(key.name), "bold"),
        (f"  {key.state}\n", f"${colour}"),
        (key.hint, "$quiet"),
    )
    return Content("\n\n").join([head, *_budgets(key, width), _policy(key, width), _use(key, now, width)])


def _budgets(key: KeyView, width: int) -> list[Content]:
    room = max(8, min(40, width - 8))
    blocks = []
    for budget in key.budgets:
        used = budget.used
        colour = "$error" if used >= 1 else "$warning" if used >= 0.8 else "$primary"
        left = amount_text(parse_credits(budget.left), "spend")
        limit = f"{format_credits(parse_credits(budget.limit))} Cr"
        resets = f"resets {budget.resets_at[:16].replace('T', ' ')} UTC" if budget.resets_at else ""
        words = ", ".join(part for part in (f"{left} left of {limit}", resets) if part)
        lines = [words] if len(words) <= width else words.split(", ")
        blocks.append(
            Content.assemble(
                (f"{budget.period} budget\n", "bold $quiet"),
                *bar_parts(used, room, colour, "$rule"),
                (f" {percent(used)}", "bold"),
                ("\n" + "\n".join(lines), ""),
            )
        )
    return blocks or [Content.styled("no budget limits this key", "$quiet")]


def _policy(key: KeyView, width: int) -> Content:
    policy = key.policy
    pairs = [
        ("model", policy.fixed_model or "as asked"),
        ("tiers", ", ".join(policy.tiers) or "all"),
        ("addresses", ", ".join(policy.ip_allow) or "all"),
        ("routing", policy.routing_strategy.lower().replace("_", " ")),
        ("logs", "kept" if policy.logs else "not kept"),
    ]
    if policy.blocked:
        pairs.append(("blocked", policy.block_reason or "yes"))
    return _pairs("POLICY", pairs, width)


def _use(key: KeyView, now: datetime, width: int) -> Content:
    pairs = [
        ("owner", key.owner or "–"),
        ("spent", amount_text(parse_credits(key.spent), "spend")),
        ("requests", f"{key.requests:,}"),
        ("refused", f"{key.refused_today:,} today"),
        ("last used", ago(key.last_used_at, now)),
        *zip(chain(("used by",), repeat("")), key.clients or ["nobody in 7 days"], strict=False),  # a line for each
        ("created", key.created_at[:10]),
        ("expires", (key.expires_at or "never")[:16].replace("T", " ")),
        ("id", key.id),
    ]
    return _pairs("USE", pairs, width)


def _pairs(title: str, pairs: list[tuple[str, str]], width: int) -> Content:
    lines = [fact(name, visible(value, limit=200), width, LABEL) for name, value in pairs]
    return Content("\n").join([Content.styled(title, "bold $quiet"), *lines])


def context(snapshot: KeysSnapshot) -> Content:
    if snapshot.problem and snapshot.keys:
        return older(snapshot.problem)
    if not snapshot.loaded and not snapshot.keys:
        return Content("")
    active = sum(key.state == "active" for key in snapshot.keys)
    count = len(snapshot.keys)
    parts = [Content.assemble((str(count), "bold"), (" key" if count == 1 else " keys", "$quiet"))]
    if snapshot.keys:
        parts.append(Content.assemble((f"● {active}", "bold $success"), (" active", "$quiet")))
    spent = sum(parse_credits(key.spent) for key in snapshot.keys)
    if spent:
        parts.append(Content.assemble((amount_text(spent, "spend"), "bold"), (" spent", "$quiet")))
    refused = sum(key.refused_today for key in snapshot.keys)
    if refused:
        parts.append(Content.assemble((f"✗ {refused:,}", "bold $error"), (" refused today", "$quiet")))
    return Content.styled("  ·  ", "$quiet").join(parts)


def empty(snapshot: KeysSnapshot, state: LinkState, width: int) -> Content:
    """Why there is no key, and how to make one."""
    if (words := no_gateway(state)) is not None:
        return words
    if snapshot.problem:
        return Content.assemble(("The keys could not be read.\n\n", "bold $error"), (visible(snapshot.problem), ""))
    if not snapshot.loaded:
        return Content.styled("Loading…", "bold")
    return Content.assemble(
        ("No key yet.\n\n", "bold"),
        ("A key lets a Codex use this gateway, within the limits that you give it:\n", ""),
        ("one a developer or workflow, apart from production keys.\n\n", ""),
        keyed("n", "creates one. It is shown once, with the config.toml block that goes with it.", width),
    )


def fit_line(text: str, limit: int) -> str:
    """A name on one line, with an ellipsis where it is cut."""
    line = visible(text).replace("\n", " ")
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _line(text: str, limit: int) -> str:
    return visible(text, limit=limit).replace("\n", " ")
