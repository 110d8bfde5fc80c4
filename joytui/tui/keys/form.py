"""The rules of the form for keys, new and edited: from what was typed to what the gateway is asked for, or what is wrong with it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from joytui.core.clock import parse_time, rfc3339
from joytui.core.money import MoneyError, format_credits, parse_credits
from joytui.tui.form_field import Field

if TYPE_CHECKING:
    from joytui.core.wire import KeyCreate, KeyEdit, KeyView

TIERS = ("economy", "standard", "premium")
_SPAN = re.compile(r"(\d{1,4})\s*([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


FIELDS = (
    Field("name", "Name", "what it is for: codex-anna, ci-nightly"),
    Field("owner", "Owner", "who is responsible for it; optional"),
    Field("fixed_model", "Model", "a model key fixes it; blank = any model"),
    Field("tiers", "Tiers", "none ticked = all", choices=tuple((tier, tier) for tier in TIERS), several=True),
    Field("ip_allow", "Addresses", "10.0.0.0/8, 192.0.2.7; blank = any address"),
    Field("daily_limit", "Daily limit", "credits a day; blank = no limit"),
    Field("weekly_limit", "Weekly limit", "credits a week; blank = no limit"),
    Field("total_limit", "Total limit", "credits in total; blank = no limit"),
    Field("per_task_limit", "Task limit", "credits a task; blank = no limit"),
    Field("max_requests_per_minute", "Requests/min", "above this, a task is stopped; blank = no limit"),
    Field("max_identical_turns", "Same turns", "in a row, then the task is stopped; blank = no limit"),
    Field("expires", "Expires", "30d, 12h, 2027-01-31; blank = never"),
)


@dataclass(frozen=True, slots=True)
class Wish:
    """A key to be made; amounts are decimal credits, `expires_at` RFC 3339."""

    name: str
    owner: str | None
    fixed_model: str | None
    daily_limit: str | None
    weekly_limit: str | None
    total_limit: str | None
    expires_at: str | None
    tiers: tuple[str, ...] = ()
    ip_allow: tuple[str, ...] = ()
    per_task_limit: str | None = None
    max_requests_per_minute: int | None = None
    max_identical_turns: int | None = None


AMOUNTS = ("daily_limit", "weekly_limit", "total_limit", "per_task_limit")
COUNTS = {"max_requests_per_minute": 1_000_000, "max_identical_turns": 1_000}
"""The most that each may be."""


def read(values: Mapping[str, str], now: datetime) -> tuple[Wish | None, dict[str, str]]:
    """The wish, or None and what is wrong, by field."""
    problems: dict[str, str] = {}
    text = {name: values.get(name, "").strip() for name in (f.name for f in FIELDS)}
    if not text["name"]:
        problems["name"] = "a key needs a name"
    for name in ("name", "owner"):
        if len(text[name]) > 80:
            problems[name] = "at most 80 characters"
        elif text[name] and not text[name].isprintable():
            problems[name] = "printable characters only"
    limits = {name: _limit(name, text[name], problems) for name in AMOUNTS}
    counts = {name: _count(name, text[name], most, problems) for name, most in COUNTS.items()}
    expires = _expiry(text["expires"], now, problems)
    tiers, networks = _tiers(text["tiers"], problems), _networks(text["ip_allow"], problems)
    if any(c.isspace() for c in text["fixed_model"]):
        problems["fixed_model"] = "one model key, without spaces"
    if problems:
        return None, problems
    wish = Wish(
        name=text["name"],
        owner=text["owner"] or None,
        fixed_model=text["fixed_model"] or None,
        expires_at=expires,
        tiers=tiers,
        ip_allow=networks,
        daily_limit=limits["daily_limit"],
        weekly_limit=limits["weekly_limit"],
        total_limit=limits["total_limit"],
        per_task_limit=limits["per_task_limit"],
        **counts,
    )
    return wish, {}


def _tiers(text: str, problems: dict[str, str]) -> tuple[str, ...]:
    words = _words(text.lower())
    if any(word not in TIERS for word in words):
        problems["tiers"] = f"of {', '.join(TIERS)}"
    return words


def _networks(text: str, problems: dict[str, str]) -> tuple[str, ...]:
    from ipaddress import ip_network

    words = _words(text)
    for word in words:
        try:
            ip_network(word, strict=False)
        except ValueError:
            problems["ip_allow"] = f"{word[:40]} is not an address or range (10.0.0.0/8)"
    return words


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for word in re.split(r"[,\s]+", text) if word))


def texts_of(key: KeyView) -> dict[str, str]:
    """A key as the form's texts, to be edited."""
    policy = key.policy
    return {
        "name": key.name,
        "owner": key.owner or "",
        "fixed_model": policy.fixed_model or "",
        "tiers": ", ".join(policy.tiers),
        "ip_allow": ", ".join(policy.ip_allow),
        "daily_limit": policy.daily_limit or "",
        "weekly_limit": policy.weekly_limit or "",
        "total_limit": policy.total_limit or "",
        "per_task_limit": policy.per_task_limit or "",
        "max_requests_per_minute": str(policy.max_requests_per_minute or ""),
        "max_identical_turns": str(policy.max_identical_turns or ""),
        "expires": key.expires_at or "",
    }


def key_create(wish: Wish) -> KeyCreate:
    """What the gateway is asked for."""
    from joytui.core.wire import KeyCreate, PolicyView

    policy = PolicyView.model_validate(_policy(wish))
    return KeyCreate(name=wish.name, owner=wish.owner, expires_at=wish.expires_at, policy=policy)


def key_edit(wish: Wish, key: KeyView) -> KeyEdit:
    """What the form changed of the key. All else stays, as somebody may have changed it meanwhile."""
    from joytui.core.wire import KeyEdit, PolicyView

    fields = {name: getattr(wish, name) for name in ("name", "owner", "expires_at")}
    changes: dict[str, object] = {name: value for name, value in fields.items() if value != getattr(key, name)}
    wanted = PolicyView.model_validate({**key.policy.model_dump(), **_policy(wish)})
    if (policy := key.policy.changes_to(wanted)).model_fields_set:
        changes["policy_changes"] = policy
    return KeyEdit.model_validate(changes)


def _policy(wish: Wish) -> dict[str, object]:
    return {
        "fixed_model": wish.fixed_model,
        "tiers": list(wish.tiers),
        "ip_allow": list(wish.ip_allow),
        **{name: getattr(wish, name) for name in (*AMOUNTS, *COUNTS)},
    }


def _limit(name: str, text: str, problems: dict[str, str]) -> str | None:
    if not text:
        return None
    try:
        return format_credits(parse_credits(text.replace(",", ".")))
    except MoneyError:
        problems[name] = "an amount of credits: 0.5, 2, 100"
        return None


def _count(name: str, text: str, most: int, problems: dict[str, str]) -> int | None:
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most:
        return int(text)
    problems[name] = f"a whole number from 1 to {most:,}"
    return None


def _expiry(text: str, now: datetime, problems: dict[str, str]) -> str | None:
    if not text:
        return None
    try:
        moment = expiry(text, now)
    except (ValueError, OverflowError):
        problems["expires"] = "a time from now (30d, 12h) or a date (2027-01-31)"
        return None
    if moment <= now:
        problems["expires"] = "that is in the past"
        return None
    return rfc3339(moment)


def expiry(text: str, now: datetime) -> datetime:
    """A moment in the future: a span from now, a date (until its end, local time), an RFC 3339 time. Raises ValueError."""
    if match := _SPAN.fullmatch(text.lower()):
        return now + timedelta(**{_UNITS[match[2]]: int(match[1])})
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        day = datetime.fromisoformat(text).astimezone()
        return day + timedelta(days=1) - timedelta(seconds=1)
    return parse_time(text)
