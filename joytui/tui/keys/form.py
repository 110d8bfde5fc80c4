"""The rules of the create form: from what was typed to what the gateway is asked for, or what is wrong with it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from joytui.core.clock import parse_time, rfc3339
from joytui.core.money import MoneyError, format_credits, parse_credits

_SPAN = re.compile(r"(\d{1,4})\s*([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    label: str
    placeholder: str
    value: str = ""


FIELDS = (
    Field("name", "Name", "what it is for: codex-anna, ci-nightly"),
    Field("owner", "Owner", "who answers for it"),
    Field("fixed_model", "Model", "empty: whatever is asked for; a model key pins it"),
    Field("daily_limit", "Daily limit", "credits a day, empty: none"),
    Field("weekly_limit", "Weekly limit", "credits a week, empty: none"),
    Field("total_limit", "Total limit", "credits altogether, empty: none"),
    Field("expires", "Expires", "30d, 12h, 2027-01-31, empty: never"),
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
    limits = {name: _limit(name, text[name], problems) for name in ("daily_limit", "weekly_limit", "total_limit")}
    expires = _expiry(text["expires"], now, problems)
    if problems:
        return None, problems
    wish = Wish(text["name"], text["owner"] or None, text["fixed_model"] or None, expires_at=expires, **limits)
    return wish, {}


def _limit(name: str, text: str, problems: dict[str, str]) -> str | None:
    if not text:
        return None
    try:
        return format_credits(parse_credits(text.replace(",", ".")))
    except MoneyError:
        problems[name] = "an amount of credits: 0.5, 2, 100"
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
