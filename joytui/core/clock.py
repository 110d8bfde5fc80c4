"""The one clock: aware UTC times inside, local time on screen, and the spans that users write ("2h", "today")."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from time import time_ns  # the only read of the time of day in the program: tests put their own clock here

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SPAN = re.compile(r"(\d{1,12})\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def now() -> datetime:
    """The current time, aware, in UTC."""
    return _EPOCH + timedelta(microseconds=time_ns() // 1000)


def now_ms() -> int:
    """The current time in milliseconds since 1970, as the store keeps times."""
    return time_ns() // 1_000_000


# Clocks that nobody sets, and that go on while the machine sleeps: Linux's, then macOS's. time.monotonic stands still then,
# but for Windows, which has neither of the two.
_UNSET = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


def passed_ms() -> int:
    """Milliseconds since some moment in the past, whatever happens to the time of day: for differences alone."""
    seconds = time.monotonic() if _UNSET is None else time.clock_gettime(_UNSET)
    return round(seconds * 1000)


class JumpWatch:
    """Tells when the time of day was changed: when it went on by another span than really passed."""

    SMALL_MS = 60_000
    """What is not a jump: a clock that is kept right is moved by less."""

    def __init__(self) -> None:
        self._seen = now_ms(), passed_ms()

    def jumped(self) -> int:
        """By how many milliseconds the clock was set ahead (or back: negative) since the last look; 0: it was not."""
        (wall, passed), self._seen = self._seen, (now_ms(), passed_ms())
        ahead = (self._seen[0] - wall) - (self._seen[1] - passed)
        return ahead if abs(ahead) >= self.SMALL_MS else 0


def span_text(ms: int) -> str:
    """A span as a person says it, in its largest unit: "3,653 days", "1 day", "2 hours", "5 minutes"."""
    units = (("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000))
    unit, length = next((one for one in units if ms >= one[1]), units[-1])
    count = round(ms / length)
    return f"{count:,} {unit}{'' if count == 1 else 's'}"


def rfc3339(moment: datetime) -> str:
    """RFC 3339 with milliseconds and a Z, which sorts as text."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def parse_time(text: str) -> datetime:
    """An RFC 3339 time as an aware UTC moment; a time without a zone is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return _utc(moment if moment.tzinfo else moment.replace(tzinfo=UTC), text)


def _utc(moment: datetime, text: str) -> datetime:
    """The moment in UTC; of one without a zone, local time is meant. Raises ValueError at the ends of the calendar, where
    another zone has no such time."""
    try:
        return moment.astimezone(UTC)
    except (OverflowError, OSError, ValueError):
        raise ValueError(f"beyond the calendar: {text[:60]!r}") from None


def parse_when(text: str, *, at: datetime | None = None) -> datetime:
    """What users write for a moment in the past: "2h", "1d12h", "today", "yesterday", a date, an RFC 3339 time.

    Days begin at midnight local time. Raises ValueError with the accepted forms.
    """
    at = at or now()
    word = text.strip().lower()
    midnight = at.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    if word in ("now", ""):
        return at
    if word == "today":
        return midnight.astimezone(UTC)
    if word == "yesterday":
        return (midnight - timedelta(days=1)).astimezone(UTC)
    if spans := _SPAN.findall(word):
        if _SPAN.sub("", word).strip():
            raise ValueError(f"not a time: {text[:60]!r} (use 30m, 2h, 7d, today, 2026-11-23 or an RFC 3339 time)")
        try:
            return at - timedelta(**{_UNITS[unit]: float(count) for count, unit in _merged(spans)})
        except OverflowError:
            raise ValueError(f"too far back: {text[:60]!r}") from None
    try:
        moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        raise ValueError(
            f"not a time: {text[:60]!r} (use 30m, 2h, 7d, today, 2026-11-23 or an RFC 3339 time)"
        ) from None
    return _utc(moment, text)


def parse_expiry(text: str, *, at: datetime | None = None) -> datetime:
    """What users write for a moment to come: "12h", "30d", a date (its midnight, local time), an RFC 3339 time.

    Raises ValueError: not a time, or not in the future.
    """
    at = at or now()
    word = text.strip().lower()
    if (spans := _merged(_SPAN.findall(word))) and not _SPAN.sub("", word).strip() and any(n for n, _ in spans):
        try:
            return at + timedelta(**{_UNITS[unit]: float(count) for count, unit in spans})
        except OverflowError:
            raise ValueError(f"too far ahead: {text[:60]!r}") from None
    try:
        moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        raise ValueError(f"not a time: {text[:60]!r} (use 12h, 30d, 2026-12-31 or an RFC 3339 time)") from None
    moment = _utc(moment, text)
    if moment <= at:
        raise ValueError(f"not in the future: {text[:60]!r}")
    return moment


def _merged(spans: list[tuple[str, str]]) -> list[tuple[int, str]]:
    sums: dict[str, int] = {}
    for count, unit in spans:
        sums[unit] = sums.get(unit, 0) + int(count)
    return [(count, unit) for unit, count in sums.items()]
