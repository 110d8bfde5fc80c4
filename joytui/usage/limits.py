"""When the limits of a key are used up: at the rate of the last seven days, and at the usual one. Pure.

Both rates are those of `core.spending_rate`: the second leaves out unusual spending.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from joytui.core.clock import parse_time
from joytui.core.money import parse_credits
from joytui.core.spending_rate import hourly_rate, ordinary, runs_out, too_early

if TYPE_CHECKING:
    from joytui.core.wire import BudgetView


@dataclass(frozen=True, slots=True)
class Outlook:
    """What `rate` nano-credits an hour come to. `limit`: the one that is used up first, and `at` that moment; both None if
    each begins again before, or lasts longer than a year, or it is too `early` to tell."""

    rate: int
    limit: BudgetView | None = None
    at: datetime | None = None
    early: bool = False


@dataclass(frozen=True, slots=True)
class KeyForecast:
    """The band: at the `recent` rate, and at the `usual` one without the `odd` nano-credits of unusual spending; None
    where nothing was."""

    recent: Outlook
    usual: Outlook | None = None
    odd: int = 0


def key_forecast(limits: Sequence[BudgetView], hours: Mapping[int, int], at: datetime) -> KeyForecast:
    """Of a key with these limits. `hours`: its nano-credits by hour (Unix time in hours), three weeks back or more."""
    if too_early(hours, at):
        return KeyForecast(Outlook(hourly_rate(hours, at), early=True))
    without, odd = ordinary(hours, at)
    usual = outlook(limits, hourly_rate(without, at), at) if odd else None
    return KeyForecast(outlook(limits, hourly_rate(hours, at), at), usual, odd)


def outlook(limits: Sequence[BudgetView], rate: int, at: datetime) -> Outlook:
    """The limit that ends first at this rate; the tighter of two that end together."""
    ends = [(moment, -limit.used, limit) for limit in limits if (moment := used_up(limit, rate, at)) is not None]
    moment, _, limit = min(ends, key=lambda end: end[:2], default=(None, 0.0, None))
    return Outlook(rate, limit, moment)


def used_up(limit: BudgetView, rate: int, at: datetime) -> datetime | None:
    """When nothing is left of a limit: now, where it is gone already; None if it begins again before, or lasts longer than a year."""
    moment = at if is_gone(limit) else runs_out(parse_credits(limit.left), rate, at)
    if moment is None or (limit.resets_at and parse_time(limit.resets_at) <= moment):
        return None
    return moment


def is_gone(limit: BudgetView) -> bool:
    """Whether nothing is left of it."""
    return limit.left.startswith("-") or not parse_credits(limit.left)
