"""How numbers and times stand in tables: short, with their units, local time, "~" before an estimate."""

from __future__ import annotations

from datetime import datetime

from joytui.core.clock import parse_time
from joytui.core.money import format_credits, parse_credits
from joytui.core.records import RequestRecord


def tokens(count: int) -> str:
    """ "812", "12.3k", "4.56M" """
    if count < 10_000:
        return str(count)
    if count < 999_950:
        return f"{count / 1_000:.1f}k"
    return f"{count / 1_000_000:.2f}M"


def duration(milliseconds: float | None) -> str:
    """ "45ms", "1.2s", "3m20s"; nothing for None."""
    if milliseconds is None:
        return ""
    if milliseconds < 999.5:
        return f"{milliseconds:.0f}ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.1f}s"
    return f"{int(milliseconds // 60_000)}m{int(milliseconds % 60_000 // 1000):02d}s"


def cost(record: RequestRecord) -> str:
    """Credits, with "~" where they are estimated; nothing where nothing was charged and nobody said so."""
    if record.cost_source == "none":
        return ""
    return ("~" if record.cost_source == "estimated" else "") + credits(record.cost_nano)


def credits(nano: int) -> str:
    """Credits short enough for a column: six decimals at most, fewer for larger sums."""
    if 0 < nano < 500:
        return "<0.000001"
    text = format_credits(nano, places=6 if nano < 10**10 else 2)
    return text.rstrip("0").rstrip(".") if "." in text else text


def credits_text(text: str) -> str:
    """The same for the decimal text of the console API. Raises MoneyError."""
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
