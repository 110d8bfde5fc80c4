"""Unusual spending, with the one who did it; and the current rate compared with the usual one.

The rule: an hour's usual amount is the median of the same hour of the day over the fourteen days before (days before
the first spending do not count; at least three days are needed, else the median of all earlier hours with spending, of
which six are needed). An hour is unusual when it costs at least three times its usual and the excess is at least a
tenth of a day: of the 24 hours before it, and of a usual day, which is the median of the days with spending of those fourteen.
Such hours side by side are one anomaly. It counts where its excess is at least a fiftieth of all that was spent in the window
that is looked at: what is small change there is not shouted about. The largest excess comes first.

A culprit is the one value of a dimension (key, owner, project, …) whose own excess over its own usual covers at least half of
the whole excess.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from joytui.core.periods import hour_of, start_of_hour

DAYS = 14
MIN_DAYS = 3
MIN_HOURS = 6
FACTOR = 3
SHARE_OF_DAY = 10
SHARE_OF_WINDOW = 50
Series = Mapping[int, int]
"""Amounts (nano-credits, or tokens) by hour (Unix time in hours)."""


@dataclass(frozen=True, slots=True)
class Culprit:
    """Whose spending it was: `dimension` "key", "model", "project", …; `usual` 0 if it never spent at that hour."""

    dimension: str
    name: str
    amount: int
    usual: int

    @property
    def excess(self) -> int:
        return self.amount - self.usual

    @property
    def text(self) -> str:
        """For example "key ci-nightly: 8× its usual for this hour"."""
        if self.usual <= 0:
            return f"{self.dimension} {self.name}: normally spends nothing at this hour"
        return f"{self.dimension} {self.name}: {times(self.amount, self.usual)}× its usual for this hour"


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Consecutive hours that were unusual, `begin` to `end` (not part of it), and what is usual in them.

    `culprits`: one for each dimension that has one; none if no single one explains half of it.
    """

    begin: datetime
    end: datetime
    amount: int
    usual: int
    culprits: tuple[Culprit, ...] = ()

    @property
    def excess(self) -> int:
        return self.amount - self.usual

    @property
    def culprit(self) -> Culprit | None:
        """The first: of the dimension that was asked about first."""
        return self.culprits[0] if self.culprits else None

    @property
    def hours(self) -> range:
        """Unix time in hours."""
        return range(hour_of(self.begin), hour_of(self.end))


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
    """The anomalies of the hours in `since <= hour < until`, the largest excess first.

    `parts`: by dimension and name ({"key": {"ci-nightly": series}}), the same amounts split up.
    """
    window = range(hour_of(since), hour_of(until) + bool(until.minute or until.second))
    within = {hour: amount for hour, amount in total.items() if hour in window}
    excesses = excess_by_hour(total, within)
    floor = sum(within.values())
    found = [_anomaly(total, excesses, run) for run in _runs(sorted(excesses))]
    counted = [with_culprits(one, parts) for one in found if one.excess * SHARE_OF_WINDOW >= floor]
    return sorted(counted, key=lambda one: (-one.excess, -one.begin.timestamp()))


def excess_by_hour(total: Series, hours: Iterable[int]) -> dict[int, int]:
    """How much more than usual was spent in those hours that are unusual."""
    expected = {hour: usual(total, hour) for hour in hours}
    return {
        hour: total[hour] - amount
        for hour, amount in expected.items()
        if amount is not None and _is_wild(total, hour, amount)
    }


def with_culprits(anomaly: Anomaly, parts: Mapping[str, Mapping[str, Series]]) -> Anomaly:
    """The same anomaly, and who it was, in the order of the dimensions."""
    found = [culprit for by, names in parts.items() if (culprit := _culprit(by, names, anomaly)) is not None]
    return replace(anomaly, culprits=tuple(found))


def _is_wild(total: Series, hour: int, expected: int) -> bool:
    excess = total[hour] - expected
    if excess <= 0 or total[hour] < FACTOR * expected:
        return False
    days = [sum(total.get(hour - 24 * day - back, 0) for back in range(1, 25)) for day in range(DAYS)]
    spent = [amount for amount in days if amount]
    return excess * SHARE_OF_DAY >= max(days[0], median_low(spent) if spent else 0)


def _runs(hours: Sequence[int]) -> Iterator[list[int]]:
    """Hours side by side."""
    for _, run in groupby(enumerate(hours), key=lambda pair: pair[1] - pair[0]):
        yield [hour for _, hour in run]


def _anomaly(total: Series, excesses: Series, hours: Sequence[int]) -> Anomaly:
    amount = sum(total[hour] for hour in hours)
    excess = sum(excesses[hour] for hour in hours)
    return Anomaly(start_of_hour(hours[0]), start_of_hour(hours[-1] + 1), amount, amount - excess)


def _culprit(by: str, names: Mapping[str, Series], anomaly: Anomaly) -> Culprit | None:
    spent = [
        Culprit(
            by,
            name,
            sum(series.get(hour, 0) for hour in anomaly.hours),
            sum(usual(series, hour) or 0 for hour in anomaly.hours),
        )
        for name, series in names.items()
    ]
    best = max(spent, key=lambda one: one.excess, default=None)
    return best if best is not None and 2 * best.excess >= anomaly.excess else None


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
