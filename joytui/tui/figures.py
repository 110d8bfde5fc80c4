"""How amounts and moments are written on screens. The one home of it: columns align at the point, times are local and name
their day where days mix, and the full figure is in the detail. Pure.

Amounts are nano-credits, moments aware; a `zone` of None is the machine's own. (`core.amounts` has what commands share.)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from joytui.core.clock import parse_time
from joytui.core.money import NANO_PER_CREDIT, format_credits, parse_credits
from joytui.tui.shown import visible

TOO_EARLY = "? too early to tell"
NEEDS_A_DAY = "a forecast needs a day of history"
CENT = NANO_PER_CREDIT // 100
_LIMIT = re.compile(
    r"(?P<period>daily|weekly|total) limit of (?P<limit>[\d.]+) credits exceeded: (?P<left>[\d.]+) left \([^()]*\), "
    r"(?P<need>[\w, ]+? may cost up to) (?P<cost>\d+(?:\.\d+)?)"
)
"""The gateway's words for a limit that refused (gateway/refusals.py)."""
_STAMP = re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z| UTC\b)")


def credits(nano: int) -> str:
    """Two decimals and thousands separators: "10,661.65"; "<0.01" for what is not nothing."""
    if 0 < nano < CENT // 2:
        return "<0.01"
    cents = (nano + CENT // 2) // CENT
    return f"{cents // 100:,}.{cents % 100:02d}"


def exact_credits(nano: int) -> str:
    """The full figure, with two decimals at least: "10,661.6475", "5.00"."""
    whole, _, rest = format_credits(nano).partition(".")
    return f"{int(whole):,}.{rest:0<2}"


def at_the_point(figures: Sequence[str]) -> list[str]:
    """Decimal texts padded to one width, so that their points are under one another."""
    parts = [figure.partition(".") for figure in figures]
    before = max((len(whole) for whole, _, _ in parts), default=0)
    after = max((len(point + rest) for _, point, rest in parts), default=0)
    return [f"{whole:>{before}}{point + rest:<{after}}" for whole, point, rest in parts]


def clock(ms: int, zone: tzinfo | None = None, *, precise: bool = False) -> str:
    """The time of day: "14:57:56", or to the millisecond."""
    return f"{datetime.fromtimestamp(ms / 1000, zone):%H:%M:%S}" + (f".{ms % 1000:03d}" if precise else "")


def day(moment: datetime, now: datetime) -> str:
    """A day as it is written beside others: "Sat 28 Nov", and its year where it is another than now."""
    return f"{moment:%a %d %b}" + ("" if moment.year == now.year else f" {moment:%Y}")


def when(moment: datetime, zone: tzinfo | None, now: datetime) -> str:
    """A moment with its day, to the minute: "Sat 28 Nov 14:57"."""
    here = moment.astimezone(zone)
    return f"{day(here, now.astimezone(zone))} {here:%H:%M}"


def soon(moment: datetime, now: datetime, zone: tzinfo | None) -> str:
    """When something ends: "today at 17:05", "on Sat 28 Nov"."""
    here, today = moment.astimezone(zone), now.astimezone(zone)
    return f"today at {here:%H:%M}" if here.date() == today.date() else f"on {day(here, today)}"


def moment_with_day(ms: int, zone: tzinfo | None) -> str:
    """A moment of one request, with its day, its year and its milliseconds: "Sat 28 Nov 2026 14:57:56.120"."""
    here = datetime.fromtimestamp(ms / 1000, zone)
    return f"{here:%a %d %b %Y} {clock(ms, zone, precise=True)}"


def missed(problem: str, read_at: int, zone: tzinfo | None) -> str:
    """Why what is shown is not newer: `read_at` is when it was read (epoch milliseconds; 0: never)."""
    return f"✗ {visible(problem, limit=300)}" + (f"  ·  as of {clock(read_at, zone)}" if read_at else "")


def resets(moment: str, now: datetime, zone: tzinfo | None) -> str:
    """When a budget begins again (RFC 3339), as a person says it: "in 3 h (01:00)", "in 4 days (Mon 30 Nov 01:00)"."""
    try:
        here = parse_time(moment)
    except ValueError:
        return moment
    left = here - now
    clock_time = f"{here.astimezone(zone):%H:%M}" if left < timedelta(days=1) else when(here, zone, now)
    return f"{_span(left)} ({clock_time})"


def _span(left: timedelta) -> str:
    if left < timedelta(minutes=1):
        return "now"
    minutes = round(left.total_seconds() / 60)
    if minutes < 60:
        return f"in {minutes} min"
    if minutes < 48 * 60:
        return f"in {round(minutes / 60)} h"
    return f"in {round(minutes / 1440)} days"


def refusal(text: str, zone: tzinfo | None, now: datetime) -> str:
    """A refusal as a person reads it: times are local, and a limit says what is left before it says no."""
    return _LIMIT.sub(_limit_words, local_times(text, zone, now))


def _limit_words(found: re.Match[str]) -> str:
    """ "This request may cost up to 10.53 Cr, and 7.63 of the daily limit of 40.00 Cr are left"."""
    limit, left, cost = (exact_credits(parse_credits(found[name])) for name in ("limit", "left", "cost"))
    need = found["need"] if found.start() else found["need"].capitalize()
    return f"{need} {cost} Cr, and {left} of the {found['period']} limit of {limit} Cr are left"


def local_times(text: str, zone: tzinfo | None, now: datetime | None = None) -> str:
    """A text of the gateway with its UTC times as local ones: "resets 2026-11-30T00:00:00Z" is "resets Mon 30 Nov 01:00".
    With `now`, what is still to come is told as `resets` tells it."""
    if "20" not in text:
        return text
    return _STAMP.sub(lambda found: _localized(found[0], zone, now), text)


def _localized(stamp: str, zone: tzinfo | None, now: datetime | None) -> str:
    try:
        moment = parse_time(stamp.removesuffix("Z").removesuffix(" UTC"))
    except ValueError:
        return stamp
    if now is not None and moment > now:
        return resets(stamp.removesuffix(" UTC"), now, zone)
    here = moment.astimezone(zone)
    return f"{here:%a %d %b %H:%M}"
