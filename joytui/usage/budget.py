"""Budgets: how much is gone, how fast, and on which day nothing is left.

The forecast goes by the rate of `core.spending_rate`. After unusual spending, that rate is too high. So there
is a second forecast, at the usual rate: by the same rule, without what was more than usual in those hours. Between the two is
where the budget will end. With less than a day of history there is none: `early`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from joytui.core.periods import HOUR, hour_of, period_bounds, start_of_hour
from joytui.core.spending_rate import hourly_rate, ordinary, runs_out, too_early

Period = Literal["day", "week", "month"]
LimitPeriod = Literal["daily", "weekly", "total"]
_PARTS: Mapping[LimitPeriod, Period] = {"daily": "day", "weekly": "week"}
DAY, YEAR = timedelta(days=1), timedelta(days=366)
DRAWN = timedelta(days=30)
"""How far back and ahead a limit without an end is drawn."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What to expect at `rate` nano-credits an hour. `runs_out`: when nothing is left, None if the rate is 0 or it lasts
    longer than a year; `at_end` is the spending expected at the period's end."""

    rate: int
    runs_out: datetime | None
    at_end: int


@dataclass(frozen=True, slots=True)
class Burn:
    """A budget at a moment. Amounts are nano-credits; `left` is negative when the budget is overspent.

    `rate` is the forecast's nano-credits an hour. `runs_out` is when nothing is left (a past hour, if it is gone), None
    if the rate is 0 or it lasts longer than a year. `at_end` is the spending expected at the period's end.
    `points` are the moments of the burn-down with what was left then. `usual` is the forecast without the `odd` nano-credits
    that were unusual; None if none were. `early`: there is too little history for a forecast; `runs_out` is None then, unless
    nothing is left, and `at_end` is what is spent.
    """

    limit: int
    spent: int
    left: int
    begin: datetime
    end: datetime
    rate: int
    runs_out: datetime | None
    at_end: int
    points: tuple[tuple[datetime, int], ...]
    usual: Forecast | None = None
    odd: int = 0
    early: bool = False

    @property
    def recent(self) -> Forecast:
        """The forecast at the rate of the last seven days."""
        return Forecast(self.rate, self.runs_out, self.at_end)

    @property
    def over(self) -> bool:
        return self.left < 0

    @property
    def will_be_over(self) -> bool:
        """Whether the forecast passes the limit within the period."""
        return self.at_end > self.limit


def burn_down(hours: Mapping[int, int], limit: int, at: datetime, period: Period = "month") -> Burn:
    """A budget of `limit` nano-credits for the period that holds `at`.

    `hours`: spending in nano-credits by hour (Unix time in hours), as far back as is known: the rate looks seven days
    back, whatever the period, and the fourteen days before those say what is usual.
    """
    begin, end = period_bounds(period, at)
    return _burn(hours, limit, limit - sum(_inside(hours, begin, at).values()), at, begin, end)


def limit_burn(hours: Mapping[int, int], limit: int, left: int, at: datetime, period: LimitPeriod) -> Burn:
    """A limit that a gateway holds, with what it says is `left`: what running requests hold is gone, too.

    A total has no end: it is drawn from the first spending of the last DRAWN on, until it is gone or DRAWN from now, and `at_end` is
    what is expected within a year.
    """
    if period != "total":
        return _burn(hours, limit, left, at, *period_bounds(_PARTS[period], at))
    known = [hour for hour, spent in hours.items() if spent and hour > hour_of(at - DRAWN)]
    begin = start_of_hour(min(known, default=hour_of(at)))
    gone = runs_out(left, hourly_rate(hours, at), at)
    end = min(gone + DAY if gone else at + DRAWN, at + DRAWN)
    return _burn(hours, limit, left, at, begin, end, YEAR)


def _inside(hours: Mapping[int, int], begin: datetime, at: datetime) -> dict[int, int]:
    return {hour: spent for hour, spent in hours.items() if hour_of(begin) <= hour <= hour_of(at)}


def _burn(
    hours: Mapping[int, int],
    limit: int,
    left: int,
    at: datetime,
    begin: datetime,
    end: datetime,
    ahead: timedelta | None = None,
) -> Burn:
    """`ahead`: how far the forecast looks, to the end unless told."""
    inside = _inside(hours, begin, at)
    points, gone_at = _points(inside, left + sum(inside.values()), begin)
    spent = limit - left
    remaining = max(0, int((ahead or end - at).total_seconds()))

    early = too_early(hours, at)

    def forecast(rate: int) -> Forecast:
        expected = 0 if early else rate
        gone = gone_at if left < 0 else runs_out(left, expected, at)
        return Forecast(rate, gone, spent + expected * remaining // 3600)

    recent = forecast(hourly_rate(hours, at))
    without, odd = ordinary(hours, at)
    return Burn(
        limit=limit,
        spent=spent,
        left=left,
        begin=begin,
        end=end,
        rate=recent.rate,
        runs_out=recent.runs_out,
        at_end=recent.at_end,
        points=points,
        usual=forecast(hourly_rate(without, at)) if odd else None,
        odd=odd,
        early=early,
    )


def _points(
    inside: Mapping[int, int], limit: int, begin: datetime
) -> tuple[tuple[tuple[datetime, int], ...], datetime]:
    """What was left at the end of each hour with spending, and the hour in which it was gone (the last, if never)."""
    left, gone_at = limit, begin
    points = [(begin, limit)]
    for hour in sorted(inside):
        if left >= 0:
            gone_at = start_of_hour(hour)
        left -= inside[hour]
        points.append((start_of_hour(hour) + HOUR, left))
    return tuple(points), gone_at
