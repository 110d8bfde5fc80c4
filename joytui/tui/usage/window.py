"""The time that Usage shows: a range as steps that begin and end in local time, and the words for it. Pure.

Days, weeks and months are those of the calendar on this machine, also where the clocks change: a day has 23 to 25 hours then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal

from joytui.tui.figures import day as day_words

Range = Literal["day", "week", "month", "weeks", "months", "calendar day", "calendar week", "calendar month"]
Bucket = Literal["hour", "day", "week", "month"]


@dataclass(frozen=True, slots=True)
class Span:
    """A range: its words while it ends now, its steps' word, how many there are; `unit`: the part of the calendar that it is."""

    words: str
    bucket: Bucket
    steps: int = 0
    unit: Bucket | None = None


RANGES: dict[Range, Span] = {
    "day": Span("last 24 hours", "hour", 24),
    "week": Span("last 7 days", "day", 7),
    "month": Span("last 30 days", "day", 30),
    "weeks": Span("last 13 weeks", "week", 13),
    "months": Span("last 12 months", "month", 12),
    "calendar day": Span("today", "hour", unit="day"),
    "calendar week": Span("this week", "day", unit="week"),
    "calendar month": Span("this month", "day", unit="month"),
}
CALENDAR: dict[Range, Range] = {"day": "calendar day", "week": "calendar week", "month": "calendar month"}
"""By a range that ends now, that of the calendar which its key shows when it is pressed again."""
OPENED: dict[Bucket, Range] = {"month": "calendar month", "week": "calendar week", "day": "calendar day"}
STEP_NAMES: dict[Bucket, str] = {"hour": "%Y-%m-%dT%H", "day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}
"""What steps are called in the rows."""
LABELS: dict[Bucket, str] = {"hour": "%H:00", "day": "%d %b", "week": "%d %b", "month": "%b %y"}
"""What they are called under the chart."""


@dataclass(frozen=True, slots=True)
class Window:
    """`starts` of its steps and the `end` of the last, local times; `before`: where the window before it begins; `words` for
    it."""

    bucket: Bucket
    starts: tuple[datetime, ...]
    end: datetime
    before: datetime
    words: str

    @property
    def begin(self) -> datetime:
        return self.starts[0]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(start.strftime(STEP_NAMES[self.bucket]) for start in self.starts)

    @property
    def labels(self) -> tuple[str, ...]:
        mixed = self.bucket == "hour" and self.starts[0].date() != self.starts[-1].date()
        return tuple(start.strftime("%a %H:00" if mixed else LABELS[self.bucket]) for start in self.starts)

    @property
    def asked(self) -> Bucket:
        """By which steps the sources are asked. They count by days of UTC: where the local ones are others, by hours."""
        edges = (*self.starts, self.end)
        local = any(edge.utcoffset() for edge in edges)
        return "hour" if self.bucket == "day" and local else self.bucket

    def before_until(self, now: datetime) -> datetime:
        """So far into the window before as this one has come."""
        return min(self.before + (now - self.begin), self.begin)

    def bounds(self, step: str | None) -> tuple[datetime, datetime]:
        """Where a step (by its name) begins and ends; without one, the window."""
        if step not in self.names:
            return self.begin, self.end
        at = self.names.index(step)
        return (*self.starts, self.end)[at], (*self.starts, self.end)[at + 1]

    def step_words(self, step: str | None, now: datetime) -> str:
        """A step as a person says it: "Sat 28 Nov 14:00", "Sat 28 Nov", "week of Mon 23 Nov", "Nov 2026"."""
        begin, _ = self.bounds(step)
        if step not in self.names:
            return step or ""
        return _step_words(self.bucket, begin, now)


def window(name: Range, now: datetime, zone: tzinfo | None, *, back: int = 0, at: date | None = None) -> Window:
    """The window of a range, `back` windows before the one that holds `at` (a local day), or now."""
    span, here = RANGES[name], now.astimezone(zone)
    if span.unit is None:
        starts, end = _rolling(span, here, zone, back)
        before = _rolling(span, here, zone, back + 1)[0][0]
        words = span.words if not back else _between(starts[0], end, span.bucket, here)
    else:
        day = _shifted(at or here.date(), span.unit, -back)
        before, begin, end = (_midnight(_shifted(day, span.unit, by), zone) for by in (-1, 0, 1))
        starts = _hours(begin, end, zone) if span.bucket == "hour" else _days(day, end, zone)
        words = span.words if begin <= here < end else _step_words(span.unit, begin, here)
    return Window(span.bucket, starts, end, before, words)


def _rolling(span: Span, here: datetime, zone: tzinfo | None, back: int) -> tuple[tuple[datetime, ...], datetime]:
    last = span.steps * back
    many = range(last + span.steps - 1, last - 2, -1)
    if span.bucket == "hour":
        full = here.replace(minute=0, second=0, microsecond=0).astimezone(UTC)
        edges = [(full - timedelta(hours=step)).astimezone(zone) for step in many]
    else:
        first = _shifted(here.date(), span.bucket, 0)
        edges = [_midnight(_shifted(first, span.bucket, -step), zone) for step in many]
    return tuple(edges[:-1]), edges[-1]


def _hours(begin: datetime, end: datetime, zone: tzinfo | None) -> tuple[datetime, ...]:
    first, many = begin.astimezone(UTC), round((end.astimezone(UTC) - begin.astimezone(UTC)) / timedelta(hours=1))
    return tuple((first + timedelta(hours=hour)).astimezone(zone) for hour in range(many))


def _days(first: date, end: datetime, zone: tzinfo | None) -> tuple[datetime, ...]:
    return tuple(_midnight(first + timedelta(days=day), zone) for day in range((end.date() - first).days))


def _midnight(day: date, zone: tzinfo | None) -> datetime:
    """Where a local day begins."""
    naive = datetime.combine(day, time())
    return naive.replace(tzinfo=zone) if zone is not None else naive.astimezone()


def _shifted(day: date, unit: Bucket, by: int) -> date:
    """The first day of the day, week or month that is `by` of them later."""
    if unit == "month":
        months = day.year * 12 + day.month - 1 + by
        return date(months // 12, months % 12 + 1, 1)
    first = day - timedelta(days=day.weekday()) if unit == "week" else day
    return first + timedelta(days=by * (7 if unit == "week" else 1))


_WORDS: dict[Bucket, Callable[[datetime, datetime], str]] = {
    "hour": lambda begin, now: f"{day_words(begin, now)} {begin:%H:%M}",
    "day": day_words,
    "week": lambda begin, now: f"week of {day_words(begin, now)}",
    "month": lambda begin, now: f"{begin:%b %Y}",
}


def _step_words(bucket: Bucket, begin: datetime, now: datetime) -> str:
    return _WORDS[bucket](begin, now.astimezone(begin.tzinfo))


def _between(begin: datetime, end: datetime, bucket: Bucket, now: datetime) -> str:
    """From the first to the last step: "Tue 10 – Mon 16 Nov"."""
    last = end - timedelta(seconds=1)
    if bucket == "month":
        return f"{begin:%b %Y} – {last:%b %Y}"
    if bucket == "hour":
        return f"{_WORDS['hour'](begin, now)} – {_WORDS['hour'](end, now)}"
    start = f"{begin:%a %d}" if (begin.year, begin.month) == (last.year, last.month) else day_words(begin, last)
    return f"{start} – {day_words(last, now)}"
