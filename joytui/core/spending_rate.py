"""How fast credits are spent, and when none are left. Pure; whole numbers throughout.

The rule: the rate is the weighted mean of the last seven days' hours (since the first spending, if that is later), the newest
hour weighing most and the oldest least, in a straight line. Hours without spending count as 0, and an hour that has only begun as
a whole one. An estimate is rounded down to nano-credits.

After unusual spending, that rate is too high: `ordinary` gives the hours without the unusual part. Where the first spending is less
than a day old, the rate says too little for a forecast: `too_early`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from joytui.core.anomalies import excess_by_hour
from joytui.core.periods import hour_of

WINDOW_HOURS = 168
ENOUGH_HOURS = 24
"""Less history than this has no night in it: a forecast from it would be a guess."""


def hourly_rate(hours: Mapping[int, int], at: datetime) -> int:
    """Nano-credits an hour to expect from here on, by the rule above."""
    now, known = hour_of(at), _known(hours, at)
    if not known:
        return 0
    span = min(WINDOW_HOURS, now - min(known) + 1)
    weighed = sum((span - (now - hour)) * hours[hour] for hour in known)
    return weighed // (span * (span + 1) // 2)


def too_early(hours: Mapping[int, int], at: datetime) -> bool:
    """Whether there is spending, but too little history to forecast from."""
    known = _known(hours, at)
    return bool(known) and hour_of(at) - min(known) < ENOUGH_HOURS


def _known(hours: Mapping[int, int], at: datetime) -> list[int]:
    """The hours of the rate's window in which something was spent."""
    now = hour_of(at)
    return [hour for hour, spent in hours.items() if spent and now - WINDOW_HOURS < hour <= now]


def ordinary(hours: Mapping[int, int], at: datetime) -> tuple[dict[int, int], int]:
    """The hours without the unusual spending in the rate's window, and how much that was."""
    now = hour_of(at)
    odd = excess_by_hour(hours, [hour for hour in hours if now - WINDOW_HOURS < hour <= now])
    return {hour: amount - odd.get(hour, 0) for hour, amount in hours.items()}, sum(odd.values())


def runs_out(left: int, rate: int, at: datetime) -> datetime | None:
    """When `left` nano-credits are used up at this hourly rate; None if that takes longer than a year."""
    if rate <= 0 or left // rate > 366 * 24:
        return None
    return at + timedelta(seconds=left * 3600 // rate)
