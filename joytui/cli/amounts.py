"""How costs and times stand in tables, on top of `core.amounts`: "~" before an estimate, local time."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from joytui.core.amounts import credits
from joytui.core.clock import parse_time
from joytui.core.money import parse_credits

if TYPE_CHECKING:
    from joytui.core.records import RequestRecord


def cost(record: RequestRecord) -> str:
    """Credits, with "~" where they are estimated; nothing where nothing was charged and nobody said so."""
    if record.cost_source == "none":
        return ""
    return ("~" if record.cost_source == "estimated" else "") + credits(record.cost_nano)


def credits_text(text: str) -> str:
    """The decimal text of the console API as `credits` writes it. Raises MoneyError."""
    return credits(parse_credits(text))


def local_time(text: str | None, *, at: datetime | None = None) -> str:
    """ "14:03:22" today, "11-21 14:03:22" this year, else with the year; local time. Text that is no time stays."""
    if not text:
        return ""
    try:
        moment = parse_time(text).astimezone()
    except ValueError:
        return text
    today = (at or datetime.now().astimezone()).astimezone()
    if moment.date() == today.date():
        return f"{moment:%H:%M:%S}"
    return f"{moment:%m-%d %H:%M:%S}" if moment.year == today.year else f"{moment:%Y-%m-%d %H:%M}"


def full_time(text: str) -> str:
    """With date, milliseconds and zone, local."""
    try:
        moment = parse_time(text).astimezone()
    except ValueError:
        return text
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d} {moment:%z}"
