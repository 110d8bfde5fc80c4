"""Whether a key's limits last: read from the gateway, and as the words of the detail pane. Touches no widget."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from textual.content import Content

from joytui.core.clock import parse_time
from joytui.core.periods import hour_of
from joytui.tui.figures import NEEDS_A_DAY, TOO_EARLY, credits, resets, soon
from joytui.tui.lines import hanging
from joytui.tui.people.owner import spent_by_key
from joytui.usage.limits import KeyForecast, Outlook, is_gone, key_forecast

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import KeyView

BACK = timedelta(days=22)
"""The rate looks a week back, and what is usual in it comes from the two weeks before."""
MONTH_H = 30 * 24


async def read_forecast(
    client: ConsoleClient, key: KeyView, now: datetime, shared: Collection[str] = ()
) -> KeyForecast:
    """The forecast of a key. `shared`: names that several keys have. Raises JoytuiError."""
    hours = (await spent_by_key(client, "hour", [key], now - BACK, shared))[key.id]
    return key_forecast(key.budgets, {hour_of(parse_time(hour)): spent for hour, spent in hours.items()}, now)


def forecast_text(key: KeyView, found: KeyForecast, now: datetime, zone: tzinfo | None, width: int) -> Content:
    """The band in words: what comes of each rate, and what that rate is."""
    title = Content.styled("FORECAST", "bold $quiet")
    gone = next((limit for limit in key.budgets if is_gone(limit)), None)
    if gone is not None:
        again = f", resets {resets(gone.resets_at, now, zone)}" if gone.resets_at else ""
        return Content("\n").join([title, hanging(f"{gone.period} limit used up{again}", "✗", "", width, "$error")])
    if found.recent.early:
        sign, _, outcome = TOO_EARLY.partition(" ")
        return Content("\n").join([title, hanging(f"{outcome}: {NEEDS_A_DAY}", sign, "", width)])
    rates = [(found.recent, "at the last 7 days' rate")]
    if found.usual is not None:
        rates.append((found.usual, f"at the usual rate, without the {credits(found.odd)} Cr of unusual spending"))
    return Content("\n").join([title, *(_rate(key, *rate, now, zone, width) for rate in rates)])


def _rate(key: KeyView, at: Outlook, words: str, now: datetime, zone: tzinfo | None, width: int) -> Content:
    sign, style = ("▲", "bold $warning") if at.limit is not None else ("✓", "$success")
    if not key.budgets:
        sign, style = "·", "$quiet"
    outcome, rate = _outcome(key, at, now, zone), f"{words}: {credits(at.rate)} Cr/h" if at.rate else words
    if len(outcome) + len(rate) + 4 <= width:
        return Content.assemble((sign, style), f" {outcome}  ", (rate, "$quiet"))
    return hanging(outcome, sign, "", width, style) + "\n" + hanging(rate, " ", "$quiet", width)


def _outcome(key: KeyView, at: Outlook, now: datetime, zone: tzinfo | None) -> str:
    if not at.rate:
        return "nothing is being spent"
    if not key.budgets:
        return f"{credits(at.rate * MONTH_H)} Cr in 30 days"
    if at.limit is not None and at.at is not None:
        return f"{at.limit.period} limit gone {soon(at.at, now, zone)}"
    if all(limit.resets_at for limit in key.budgets):
        return "each limit lasts until its reset"
    return "no limit is used up within a year"
