"""What is notable, in words under the table and as JSON: the current rate, unusual spending, the budget."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from joytui.core.amounts import count, credits
from joytui.core.clock import rfc3339
from joytui.core.money import format_credits
from joytui.core.redaction import visible

if TYPE_CHECKING:
    from joytui.core.anomalies import Anomaly, Culprit
    from joytui.usage.insight import Insight, Unit

YEAR_HOURS = 366 * 24
MOST_ANOMALIES = 3
"""At most this many are named, and examined for culprits."""


def insight_lines(found: Insight) -> list[str]:
    """For example "now 1.2 Cr an hour, usual at this hour 0.4 Cr", and a line for each anomaly that is shown."""
    usual = found.rate.usual
    known = (
        f"usual at this hour {_amount(usual, found.unit)}"
        if usual is not None
        else "the usual rate needs 3 days of history"
    )
    lines = [f"now {_amount(found.rate.now, found.unit)} an hour, {known}"]
    return lines + [_anomaly_line(one, found.unit) for one in found.anomalies[:MOST_ANOMALIES]]


def _anomaly_line(odd: Anomaly, unit: Unit) -> str:
    begin, end = odd.begin.astimezone(), odd.end.astimezone()
    last = "%H:%M" if end - begin <= timedelta(days=1) else "%Y-%m-%d %H:%M"
    when = f"{begin:%Y-%m-%d %H:%M} to {end:{last}}"
    who = ", ".join(f"{one.dimension} {visible(one.name)}" for one in odd.culprits) or "nobody in particular"
    return f"unusual: {when}, {_amount(odd.amount, unit)} instead of {_amount(odd.usual, unit)}: {who}"


def insight_view(found: Insight) -> dict[str, Any]:
    """As JSON: amounts are decimal strings of credits, or counts of tokens, as `unit` says. "anomaly" is the first of "anomalies"."""

    def shown(value: int | None) -> str | int | None:
        return value if value is None or found.unit == "tokens" else format_credits(value)

    def culprit(one: Culprit) -> dict[str, Any]:
        amounts = {"amount": shown(one.amount), "usual": shown(one.usual)}
        return {"dimension": one.dimension, "name": one.name, **amounts, "text": one.text}

    def anomaly(odd: Anomaly) -> dict[str, Any]:
        culprits = [culprit(one) for one in odd.culprits]
        times = {"hour": rfc3339(odd.begin), "amount": shown(odd.amount), "usual": shown(odd.usual)}
        return {**times, "culprit": culprits[0] if culprits else None, "until": rfc3339(odd.end), "culprits": culprits}

    anomalies = [anomaly(odd) for odd in found.anomalies]
    rate = {"now": shown(found.rate.now), "usual": shown(found.rate.usual)}
    first = anomalies[0] if anomalies else None
    return {"unit": found.unit, "per_hour": rate, "anomaly": first, "anomalies": anomalies}


def budget_view(limit: int, spent: int, hours: dict[int, int], at: datetime) -> dict[str, Any]:
    """A budget as JSON: credits as decimal strings; `runs_out` null where nothing is spent, it lasts a year, or it is too
    early to tell."""
    from joytui.core.spending_rate import too_early

    left = limit - spent
    rate = _rate(hours, at)
    lasts = rate > 0 and left > 0 and not too_early(hours, at) and left // rate <= YEAR_HOURS
    return {
        "limit": format_credits(limit),
        "spent": format_credits(spent),
        "left": format_credits(max(0, left)),
        "over": left < 0,
        "credits_per_hour": format_credits(rate),
        "runs_out": rfc3339(at + timedelta(seconds=left * 3600 // rate)) if lasts else None,
    }


def forecast_lines(hours: dict[int, int], left: int, at: datetime) -> list[str]:
    """For example "at 1.25 Cr an hour, the last seven days' rate, it lasts until 2026-11-25 14:00 UTC"; and where spending was out of
    the ordinary, the same at the usual rate. The rules are those of `usage.budget`."""
    from joytui.core.spending_rate import ordinary, too_early

    rate = _rate(hours, at)
    if rate <= 0:
        return ["nothing was spent in the last seven days: no forecast"]
    if too_early(hours, at) and left > 0:
        return ["too early for a forecast: it needs a day of history"]
    lines = [_forecast(rate, "the last seven days' rate", left, at)]
    usual, odd = ordinary(hours, at)
    if odd and left > 0:
        without = f"the usual rate, without {format_credits(odd, places=2)} Cr of unusual spending"
        lines.append(_forecast(_rate(usual, at), without, left, at))
    return lines


def _forecast(rate: int, assumed: str, left: int, at: datetime) -> str:
    pace = f"at {format_credits(rate, places=4)} Cr an hour, {assumed},"
    if left <= 0:
        return f"{pace} nothing is left"
    if rate <= 0 or left // rate > YEAR_HOURS:
        return f"{pace} it lasts longer than a year"
    return f"{pace} it lasts until {at + timedelta(seconds=left * 3600 // rate):%Y-%m-%d %H:%M} UTC"


def _rate(hours: dict[int, int], at: datetime) -> int:
    from joytui.core.spending_rate import hourly_rate

    return hourly_rate(hours, at)


def _amount(value: int, unit: Unit) -> str:
    return f"{credits(value)} Cr" if unit == "credits" else f"{count(value)} tokens"
