"""A key as the text of the detail pane, and the words around the list. Pure."""

from __future__ import annotations

from datetime import datetime, tzinfo
from itertools import chain, repeat
from typing import TYPE_CHECKING

from textual.content import Content

from joytui.core.clock import parse_time
from joytui.core.money import parse_credits
from joytui.tui.charts.cells import bar_parts, percent
from joytui.tui.figures import credits, exact_credits, resets, when
from joytui.tui.keys.forecast import forecast_text
from joytui.tui.keys.snapshot import KeysSnapshot
from joytui.tui.keys.table import STATES, ago
from joytui.tui.lines import fact, filled, fitting, hanging, keyed
from joytui.tui.no_gateway import no_gateway, older
from joytui.tui.shown import visible
from joytui.tui.state import LinkState

if TYPE_CHECKING:
    from joytui.core.wire import BudgetView, KeyView
    from joytui.usage.limits import KeyForecast

LABEL = 11
BESIDE = 70
"""From this width on what belongs together is in one line."""


def detail(
    key: KeyView,
    now: datetime,
    width: int,
    *,
    zone: tzinfo | None = None,
    share_without_limit: float | None = None,
    forecast: KeyForecast | None = None,
) -> Content:
    """Everything about one key. `share_without_limit`: it has no limit and spent most of all such, this part of everything.
    `forecast`: None while it is not known."""
    glyph, colour = STATES.get(key.state, ("?", "warning"))
    head = Content.assemble(
        (f"{glyph} ", f"bold ${colour}"),
        (visible(key.name), "bold"),
        (f"  {key.state}", f"${colour}"),
        ("  " if width >= BESIDE else "\n", ""),
        (key.hint, "$quiet"),
    )
    ahead = [forecast_text(key, forecast, now, zone, width)] if forecast else []
    budgets = _budgets(key, now, zone, share_without_limit, width)
    return Content("\n\n").join([head, *budgets, *ahead, _policy(key, width), _use(key, now, zone, width)])


def _budgets(
    key: KeyView, now: datetime, zone: tzinfo | None, share_without_limit: float | None, width: int
) -> list[Content]:
    if share_without_limit is not None:
        words = f"No limit, and the highest spending of all keys without one: {percent(share_without_limit)} of the total. e sets one."
        return [hanging(words, "▲", "$warning", width, "bold $warning")]
    if not key.budgets:
        return [Content.styled("no budget", "$quiet")]
    if width >= BESIDE:
        return [Content("\n").join(_budget_line(budget, now, zone, width) for budget in key.budgets)]
    return [_budget_block(budget, now, zone, width) for budget in key.budgets]


def _budget_line(budget: BudgetView, now: datetime, zone: tzinfo | None, width: int) -> Content:
    """A budget in a line, where there is room for it; what its words do not fit goes on under them."""
    head = Content.assemble(
        (f"{budget.period:<8}", "bold $quiet"),
        *bar_parts(budget.used, 12, _colour(budget), "$rule"),
        (f" {percent(budget.used):>4}  ", "bold"),
    )
    words = filled(", ".join(_left(budget, now, zone)), width - head.cell_length)
    return head + ("\n" + " " * head.cell_length).join(words)


def _budget_block(budget: BudgetView, now: datetime, zone: tzinfo | None, width: int) -> Content:
    parts = _left(budget, now, zone)
    words = ", ".join(parts)
    return Content.assemble(
        (f"{budget.period} budget\n".upper(), "bold $quiet"),
        *bar_parts(budget.used, max(8, min(40, width - 8)), _colour(budget), "$rule"),
        (f" {percent(budget.used)}\n", "bold"),
        words if len(words) <= width else "\n".join(parts),
    )


def _colour(budget: BudgetView) -> str:
    return "$error" if budget.used >= 1 else "$warning" if budget.used >= 0.8 else "$primary"


def _left(budget: BudgetView, now: datetime, zone: tzinfo | None) -> list[str]:
    """What is left of it, and when it begins again."""
    left, limit = (exact_credits(parse_credits(text)) for text in (budget.left, budget.limit))
    again = [f"resets {resets(budget.resets_at, now, zone)}"] if budget.resets_at else []
    return [f"{left} of {limit} Cr left", *again]


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


def _use(key: KeyView, now: datetime, zone: tzinfo | None, width: int) -> Content:
    pairs = [
        ("owner", key.owner or "–"),
        ("spent", f"{exact_credits(parse_credits(key.spent))} Cr"),
        ("requests", f"{key.requests:,}"),
        ("refused", f"{key.refused_today:,} today"),
        ("last used", ago(key.last_used_at, now, zone)),
        *zip(chain(("used by",), repeat("")), key.clients or ["nobody in 7 days"], strict=False),  # a line for each
        ("created", _when(key.created_at, now, zone)),
        ("expires", _when(key.expires_at, now, zone)),
        ("id", key.id),
    ]
    return _pairs("USE", pairs, width)


def _when(moment: str | None, now: datetime, zone: tzinfo | None) -> str:
    return when(parse_time(moment), zone, now) if moment else "never"


def _pairs(title: str, pairs: list[tuple[str, str]], width: int) -> Content:
    lines = [fact(name, visible(value, limit=200), width, LABEL) for name, value in pairs]
    return Content("\n").join([Content.styled(title, "bold $quiet"), *lines])


def context(snapshot: KeysSnapshot, width: int) -> Content:
    if snapshot.problem and snapshot.keys:
        return older(snapshot.problem, width)
    if not snapshot.loaded and not snapshot.keys:
        return Content("")
    active = sum(key.state == "active" for key in snapshot.keys)
    count = len(snapshot.keys)
    parts = [Content.assemble((str(count), "bold"), (" key" if count == 1 else " keys", "$quiet"))]
    if snapshot.keys:
        parts.append(Content.assemble((f"● {active}", "bold $success"), (" active", "$quiet")))
    spent = sum(parse_credits(key.spent) for key in snapshot.keys)
    if spent:
        parts.append(Content.assemble((f"{credits(spent)} Cr", "bold"), (" spent", "$quiet")))
    refused = sum(key.refused_today for key in snapshot.keys)
    if refused:
        parts.append(Content.assemble((f"✗ {refused:,}", "bold $error"), (" refused today", "$quiet")))
    return fitting(parts, width)


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
        ("A key lets Codex use this gateway, within the limits that you set:\n", ""),
        ("one per developer or workflow, separate from production keys.\n\n", ""),
        keyed("n", "creates one. It is shown once, together with its config.toml block.", width),
    )
