"""How costs and times are in tables, on top of `core.amounts`: "~" before an estimate, local time."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from joytui.core.amounts import credits
from joytui.core.clock import now, parse_time
from joytui.core.errors import UsageError
from joytui.core.money import MoneyError, format_credits, parse_credits

if TYPE_CHECKING:
    from joytui.core.request import RequestRecord


def cost(record: RequestRecord) -> str:
    """Credits, with "~" if estimated; empty if nothing was charged and no source reported it."""
    if record.cost_source == "none":
        return ""
    return ("~" if record.cost_source == "estimated" else "") + credits(record.cost_nano)


def credits_text(text: str) -> str:
    """The decimal text of the console API as `credits` writes it. Raises MoneyError."""
    return credits(parse_credits(text))


def local_time(text: str | None, *, at: datetime | None = None) -> str:
    """ "14:03:22" today, "11-21 14:03:22" this year, else "2025-11-21 14:03"; local time. Text that is not a time stays."""
    return _with_date(text, "%H:%M:%S", at)


def local_hour(text: str, *, at: datetime | None = None) -> str:
    """As `local_time`, to the minute: where an hour begins."""
    return _with_date(text, "%H:%M", at)


def time_of_day(text: str) -> str:
    """ "14:03:22", local time, for a table that names the day elsewhere. Text that is not a time stays."""
    moment = _local(text)
    return text if moment is None else f"{moment:%H:%M:%S}"


def date_and_time(text: str) -> str:
    """ "2026-11-21 14:03:22", local time, for a line that stands alone. Text that is not a time stays."""
    moment = _local(text)
    return text if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"


def full_time(text: str) -> str:
    """With date, milliseconds and zone, local."""
    moment = _local(text)
    if moment is None:
        return text
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d} {moment:%z}"


def local_day(text: str) -> date | None:
    """The local day of an RFC 3339 time; None for text that is not a time."""
    moment = _local(text)
    return None if moment is None else moment.date()


def _with_date(text: str | None, clock: str, at: datetime | None) -> str:
    """The time with as much of its date as it takes to tell it from today."""
    moment = _local(text)
    if moment is None:
        return text or ""
    today = (at or now()).astimezone()
    if moment.year != today.year:
        return f"{moment:%Y-%m-%d %H:%M}"
    return moment.strftime(clock if moment.date() == today.date() else f"%m-%d {clock}")


def _local(text: str | None) -> datetime | None:
    try:
        return parse_time(text).astimezone() if text else None
    except (ValueError, OverflowError):  # OverflowError: the first and last hours of the calendar, in another zone
        return None


def given_credits(text: str, where: str) -> str:
    """An amount of the command line as the console API takes it. Raises UsageError."""
    try:
        return format_credits(parse_credits(text))
    except MoneyError as error:
        raise UsageError(str(error), where=where, hint="for example 25, or 0.5") from None
