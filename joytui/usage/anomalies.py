"""Spending that is out of the ordinary, with the one who did it; and the live rate against the usual.

The rule: an hour's usual amount is the median of the same hour of the day over the fourteen days before (days before
the first spending do not count; at least three days are needed, else the median of all earlier hours with spending, of
which six are needed). An hour is an anomaly when it is at least three times its usual and the excess is at least a
tenth of that day's (24 hours') whole amount before it. The culprit is the one value, over all the dimensions asked about,
whose own excess over its own usual is the largest and covers at least half of the whole excess.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from joytui.core.periods import hour_of, start_of_hour

DAYS = 14
MIN_DAYS = 3
MIN_HOURS = 6
FACTOR = 3
Series = Mapping[int, int]
"""Amounts (nano-credits, or tokens) by hour (Unix time in hours)."""


@dataclass(frozen=True, slots=True)
class Culprit:
    """Whose spending it was: `dimension` "key", "model", "project", …; `usual` 0 where it never spent at that hour."""

    dimension: str
    name: str
    amount: int
    usual: int

    @property
    def text(self) -> str:
        """For example "key ci-nightly: 8 times its usual hour"."""
        if self.usual <= 0:
            return f"{self.dimension} {self.name}: nothing is usual at this hour"
        return f"{self.dimension} {self.name}: {times(self.amount, self.usual)} times its usual hour"


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One hour out of the ordinary. `culprit` is None where no one value explains half of the excess."""

    hour: datetime
    amount: int
    usual: int
    culprit: Culprit | None


@dataclass(frozen=True, slots=True)
class Rate:
    """What is being spent: `now` an hour by the last minutes, `usual` for this hour of the day (None: not known yet)."""

    now: int
    usual: int | None


def usual(series: Series, hour: int) -> int | None:
    """The usual amount of this hour by what was before it; None while too little is known."""
    earlier = [past for past, amount in series.items() if amount and past < hour]
    if not earlier:
        return None
    first = min(earlier)
    same = [series.get(hour - 24 * day, 0) for day in range(1, DAYS + 1) if hour - 24 * day >= first]
    if len(same) >= MIN_DAYS:
        return median_low(same)
    if len(earlier) >= MIN_HOURS:
        return median_low([series[past] for past in earlier])
    return None


def find_anomalies(
    total: Series, parts: Mapping[str, Mapping[str, Series]], since: datetime, until: datetime
) -> list[Anomaly]:
    """The anomalies of the hours in `since <= hour < until`, newest first.

    `parts`: by dimension and name ({"key": {"ci-nightly": series}}), the same amounts split up.
    """
    found = []
    for hour in sorted(total, reverse=True):
        if hour_of(since) <= hour < hour_of(until) + bool(until.minute or until.second):
            expected = usual(total, hour)
            if expected is not None and _is_anomaly(total, hour, expected):
                culprit = _culprit(parts, hour, total[hour] - expected)
                found.append(Anomaly(start_of_hour(hour), total[hour], expected, culprit))
    return found


def _is_anomaly(total: Series, hour: int, expected: int) -> bool:
    excess = total[hour] - expected
    day_before = sum(total.get(hour - back, 0) for back in range(1, 25))
    return excess > 0 and total[hour] >= FACTOR * expected and excess * 10 >= day_before


def _culprit(parts: Mapping[str, Mapping[str, Series]], hour: int, excess: int) -> Culprit | None:
    best: Culprit | None = None
    for dimension, names in parts.items():
        for name, series in names.items():
            one = Culprit(dimension, name, series.get(hour, 0), usual(series, hour) or 0)
            if best is None or one.amount - one.usual > best.amount - best.usual:
                best = one
    return best if best and 2 * (best.amount - best.usual) >= excess else None


def live_rate(recent: Sequence[tuple[datetime, int]], hours: Series, at: datetime, minutes: int = 10) -> Rate:
    """The amounts of the last `minutes`, as an hour's, against what is usual in this hour."""
    start = at - timedelta(minutes=minutes)
    spent = sum(amount for moment, amount in recent if start < moment <= at)
    return Rate(spent * 60 // minutes, usual(hours, hour_of(at)))


def median_low(amounts: Sequence[int]) -> int:
    """The middle one, the lower of two (`statistics` would cost 8 ms to import)."""
    return sorted(amounts)[(len(amounts) - 1) // 2]


def times(amount: int, usual: int) -> str:
    """How many times, as one says it: "8", "2.5", "120"."""
    tenths = amount * 10 // usual
    return str(tenths // 10) if tenths >= 100 or tenths % 10 == 0 else f"{tenths // 10}.{tenths % 10}"
