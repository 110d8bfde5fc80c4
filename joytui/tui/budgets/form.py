"""The rules of the forms for a node's limits and for raising them: from what was typed to what the gateway is asked for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from joytui.core.clock import parse_time, rfc3339
from joytui.core.money import MoneyError, format_credits, parse_credits
from joytui.core.nodes import parse_node
from joytui.tui.figures import credits, exact_credits, resets, when
from joytui.tui.form_field import Field
from joytui.tui.keys.form import expiry

if TYPE_CHECKING:
    from joytui.core.wire import NodeBudget, NodeLimit

LIMITS = (
    Field("daily_limit", "Each day", "credits a day (UTC); blank = no limit"),
    Field("weekly_limit", "Each week", "credits a week, from Monday; blank = no limit"),
    Field("total_limit", "In all", "credits that are never reset; blank = no limit"),
)
NODE = Field("node", "Node", "org, team:NAME, owner:NAME or key:NAME")
AMOUNT = Field("amount", "By", "credits on top of each limit; 0 ends a raise")
UNTIL = Field("until", "Until", "24h, 7d, 2027-01-31: it ends by itself", "24h")
UNTIL_OF_TASK = Field("until", "Until", "24h, 7d; blank = for good")


def limit_fields(kind: str) -> tuple[Field, ...]:
    """A task has a total alone."""
    return LIMITS[2:] if kind == "task" else LIMITS


def texts_of(node: NodeBudget) -> dict[str, str]:
    """A node's limits as the form's texts, without what raises them for a time."""
    return {f"{limit.period}_limit": limit.base_limit_credits for limit in node.limits}


def limits_wanted(values: Mapping[str, str], before: Mapping[str, str]) -> tuple[dict[str, str | None], dict[str, str]]:
    """The limits that change (None: it goes), and what is wrong, by field."""
    wanted: dict[str, str | None] = {}
    problems = {}
    for field in LIMITS:
        text = values.get(field.name, before.get(field.name, "")).strip()
        try:
            amount = format_credits(_amount(text)) if text else None
        except ValueError as error:
            problems[field.name] = str(error)
            continue
        if amount != (before.get(field.name) or None):
            wanted[field.name] = amount
    if not wanted and not problems:
        problems[next(iter(values))] = "nothing has changed"
    return wanted, problems


def limit_words(wanted: Mapping[str, str | None], before: Mapping[str, str]) -> str:
    """For example "each week 10.00 → 20.00 Cr"."""
    labels = {field.name: field.label.lower() for field in LIMITS}
    return ", ".join(
        f"{labels[name]} {_shown(before.get(name))} → {_shown(amount)}{' Cr' if amount else ''}"
        for name, amount in wanted.items()
    )


def _shown(amount: str | None) -> str:
    return credits(parse_credits(amount)) if amount else "no limit"


def node_wanted(text: str, known: Mapping[str, str]) -> str:
    """The node as the API calls it. Raises ValueError."""
    typed = known.get(text.strip(), text.strip())
    if typed.startswith("key:") and typed not in known.values():
        raise ValueError(f"no active key is called {typed[4:][:40]}")
    return str(parse_node(typed))


def raise_wanted(values: Mapping[str, str], kind: str, now: datetime) -> tuple[tuple[str, str | None], dict[str, str]]:
    """The amount and the time until which it holds (RFC 3339; None: for good), and what is wrong, by field."""
    problems: dict[str, str] = {}
    amount, until = "0", None
    try:
        amount = format_credits(_amount(values["amount"].strip(), least=0))
    except ValueError as error:
        problems["amount"] = str(error)
    text = values["until"].strip()
    try:
        moment = expiry(text, now) if text else None
        if moment is None and kind != "task" and parse_credits(amount):
            problems["until"] = "a time at which it ends: 24h, 7d, 2027-01-31"
        elif moment is not None and moment <= now:
            problems["until"] = "that is in the past"
        until = rfc3339(moment) if moment is not None else None
    except (ValueError, OverflowError):
        problems["until"] = "a time from now (24h, 7d) or a date (2027-01-31)"
    return (amount, until), problems


def present(limit: NodeLimit, now: datetime, zone: tzinfo | None) -> str:
    """For example "daily: 4.20 of 5.00 Cr spent, 0.30 held, raised by 2.00 until Tue 24 Nov 12:30, resets in 3 h (01:00)"."""
    most, base = parse_credits(limit.limit_credits), parse_credits(limit.base_limit_credits)
    spent, held = parse_credits(limit.spent_credits.lstrip("-")), parse_credits(limit.held_credits)
    parts = [f"{limit.period}: {exact_credits(spent)} of {exact_credits(most)} Cr spent"]
    if held:
        parts.append(f"{exact_credits(held)} held")
    if limit.raised_until:
        parts.append(f"raised by {exact_credits(most - base)} until {when(parse_time(limit.raised_until), zone, now)}")
    if limit.resets_at:
        parts.append(f"resets {resets(limit.resets_at, now, zone)}")
    return ", ".join(parts)


def raise_words(
    limits: list[NodeLimit], amount: str, until: datetime | None, now: datetime, zone: tzinfo | None
) -> str:
    """For example "daily 5.00 → 7.00 Cr until Tue 24 Nov 12:30"."""
    more = parse_credits(amount)
    parts = []
    for limit in limits:
        base = parse_credits(limit.base_limit_credits)
        parts.append(f"{limit.period} {credits(parse_credits(limit.limit_credits))} → {credits(base + more)}")
    change = ", ".join(parts) or f"{credits(more)} more"
    if not more:
        return f"the raise ends: {change} Cr"
    return f"{change} Cr {'until ' + when(until, zone, now) if until else 'for good'}"


def _amount(text: str, *, least: int = 1) -> int:
    """Nano-credits of what was typed. Raises ValueError."""
    try:
        nano = parse_credits(text.replace(",", "."))
    except MoneyError:
        nano = -1
    if nano < least:
        raise ValueError("an amount of credits: 0.5, 2, 100")
    return nano
