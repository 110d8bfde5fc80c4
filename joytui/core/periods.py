"""Periods and their names in every row of usage: "2026-11-23T12:00:00Z", "2026-11-23", "2026-W48", "2026-11" (all UTC)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

PERIODS = ("hour", "day", "week", "month")
HOUR = timedelta(hours=1)


def hour_of(moment: datetime) -> int:
    """Unix time in hours."""
    return int(moment.timestamp()) // 3600


def start_of_hour(hour: int) -> datetime:
    """The moment at which an hour (Unix time in hours) begins, UTC."""
    return datetime.fromtimestamp(hour * 3600, UTC)


def period_label(period: str, hour: int) -> str:
    """What the period that holds this hour is called."""
    moment = start_of_hour(hour)
    if period == "hour":
        return moment.strftime("%Y-%m-%dT%H:00:00Z")
    if period == "day":
        return moment.strftime("%Y-%m-%d")
    if period == "month":
        return moment.strftime("%Y-%m")
    year, week, _ = moment.isocalendar()
    return f"{year}-W{week:02d}"


def period_bounds(period: str, moment: datetime) -> tuple[datetime, datetime]:
    """Begin and end of the day, week (from Monday) or month that holds the moment, UTC; the end is not part of it."""
    day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "hour":
        begin = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return begin, begin + HOUR
    if period == "day":
        return day, day + timedelta(days=1)
    if period == "week":
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=7)
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1)
