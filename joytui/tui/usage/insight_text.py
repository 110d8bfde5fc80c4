"""The lines above the chart: the current rate, the budget, an anomaly with its culprit. Pure."""

from __future__ import annotations

from datetime import datetime, tzinfo

from textual.content import Content

from joytui.core.amounts import count
from joytui.core.anomalies import Anomaly, times
from joytui.core.periods import hour_of
from joytui.tui.charts.cells import bar_parts, percent, share
from joytui.tui.figures import NEEDS_A_DAY, TOO_EARLY, credits, soon
from joytui.tui.figures import when as moment
from joytui.tui.shown import fit_line
from joytui.tui.usage.insight import Insight, Unit
from joytui.tui.usage.outlier_words import when, who
from joytui.usage.budget import Burn, Forecast

GAP = "    "
NAME = 28


def insight_text(insight: Insight, now: datetime, zone: tzinfo | None, width: int, *, forecast: bool = True) -> Content:
    """One line where it fits, else two; the forecast's assumptions; and one for the largest anomaly, if there is one."""
    rate, budget = _rate(insight), _budget(insight, now, zone, min(20, max(8, width // 8)))
    room = width - 1
    lines = [rate + GAP + budget] if rate.cell_length + budget.cell_length + len(GAP) <= room else [rate, budget]
    lines += _forecasts(insight, now, zone, room) if forecast else []
    if (anomaly := _anomaly(insight, zone, room)) is not None:
        lines.append(anomaly)
    return Content("\n").join(line.truncate(room, ellipsis=True) for line in lines if line.plain)


def amount(value: int, unit: Unit) -> str:
    return f"{credits(value)} Cr" if unit == "credits" else f"{count(value)} tokens"


def _rate(insight: Insight) -> Content:
    rate = insight.rate
    text = Content.assemble(("NOW ", "$quiet"), (f"{amount(rate.now, insight.unit)}/h", "bold"))
    if rate.usual is None:
        return text + Content.styled("  usual: needs 3 days of history", "$quiet")
    high = rate.usual > 0 and rate.now >= 3 * rate.usual
    many = f" ▲ {times(rate.now, rate.usual)}×" if high else ""
    return text + Content.assemble((f"  usual {amount(rate.usual, insight.unit)}", "$quiet"), (many, "bold $warning"))


def _budget(insight: Insight, now: datetime, zone: tzinfo | None, room: int) -> Content:
    burn = insight.burn
    if burn is None:
        if insight.unit == "tokens":
            return Content("")
        return Content.assemble(("BUDGET ", "$quiet"), ("B", "bold $primary"), (" sets one", "$quiet"))
    part = share(burn.spent, burn.limit)
    colour = "$error" if burn.over else "$warning" if burn.will_be_over else "$primary"
    return Content.assemble(
        ("BUDGET ", "$quiet"),
        (fit_line(insight.budget, NAME) + " " if insight.budget else "", "bold"),
        *bar_parts(part, room, colour, "$rule"),
        (f" {percent(part)}", "bold"),
        (f" of {credits(burn.limit)} Cr{'' if insight.budget else ' ' + span(insight.period)}  ", "$quiet"),
        (ending(burn, now, zone), "bold $error" if burn.over else "bold $warning" if burn.will_be_over else ""),
    )


def span(period: str) -> str:
    """Over what time a budget is counted: "this week"; a total is counted over all times."""
    return {"total": "in all", "day": "today"}.get(period, f"this {period}")


def ending(burn: Burn, now: datetime, zone: tzinfo | None, at: Forecast | None = None) -> str:
    """When the budget ends, as a person says it; at the rate of the last seven days, unless another is given."""
    forecast = at or burn.recent
    if burn.over and forecast.runs_out is not None:
        return f"✗ gone since {moment(forecast.runs_out, zone, now)}"
    if burn.early:
        return TOO_EARLY
    if forecast.runs_out is None:
        return "✓ nothing is being spent" if forecast.rate == 0 else "✓ lasts longer than a year"
    if forecast.at_end > burn.limit:
        return f"▲ gone {soon(forecast.runs_out, now, zone)}"
    return f"✓ lasts: {credits(forecast.at_end)} Cr expected"


def _forecasts(insight: Insight, now: datetime, zone: tzinfo | None, room: int) -> list[Content]:
    """What each end of the forecast assumes, and comes to: one line where both fit."""
    burn = insight.burn
    if burn is None or burn.over or not burn.rate:
        return []
    title = Content.styled("FORECAST ", "$quiet")
    if burn.early:
        return [title + Content.styled(NEEDS_A_DAY, "$quiet")]
    recent = Content.assemble(
        (f"at the last 7 days' rate, {amount(burn.rate, 'credits')}/h: ", "$quiet"), ending(burn, now, zone)
    )
    if burn.usual is None:
        return [title + recent]
    usual = Content.assemble(
        (f"at the usual rate, {amount(burn.usual.rate, 'credits')}/h: ", "$quiet"), ending(burn, now, zone, burn.usual)
    )
    odd, left = amount(burn.odd, "credits"), room - title.cell_length - usual.cell_length
    words = (f" (without {odd} of unusual spending)", f" (without {odd})", "")
    usual += Content.styled(next(one for one in words if len(one) <= max(0, left)), "$quiet")
    if title.cell_length + recent.cell_length + usual.cell_length + len(GAP) <= room:
        return [title + recent + GAP + usual]
    return [title + recent, Content(" " * title.cell_length) + usual]


def _anomaly(insight: Insight, zone: tzinfo | None, room: int) -> Content | None:
    """The largest, who it was, and the key that lists them."""
    found = insight.anomaly
    if found is None:
        return None
    many = f"  ·  {len(insight.anomalies)} unusual times" if len(insight.anomalies) > 1 else ""
    line = Content.assemble(
        (f"▲ {when(found, zone)}  ", "bold $warning"),
        (amount(found.amount, insight.unit), "bold"),
        (f", {usually(found, insight.unit)}{many}  ·  ", "$quiet"),
        (who(found), "bold"),
    )
    key = Content.assemble("  ", ("a", "bold $primary"), (" shows it", "$quiet"))
    return line.truncate(room - key.cell_length, ellipsis=True) + key


def usually(anomaly: Anomaly, unit: Unit) -> str:
    """For example "890× the usual 12.00 Cr"."""
    if anomaly.usual <= 0:
        return "normally nothing"
    return f"{times(anomaly.amount, anomaly.usual)}× the usual {amount(anomaly.usual, unit)}"


def burn_chart(burn: Burn, now: datetime, zone: tzinfo | None) -> tuple[tuple[str, ...], list[list[float]]]:
    """Labels and two series in credits: what was left at each step's end so far, and what is expected to be left."""
    hours = int((burn.end - burn.begin).total_seconds()) // 3600
    step = 1 if hours <= 24 else 24
    here = hour_of(now)
    left = {hour_of(moment): amount for moment, amount in burn.points}
    labels, past, future, last = [], [], [], burn.limit
    for begin in range(hour_of(burn.begin), hour_of(burn.end), step):
        end = begin + step
        last = next((left[hour] for hour in range(end, begin, -1) if hour in left), last)
        expected = burn.left - burn.rate * (end - here)
        labels.append(datetime.fromtimestamp(begin * 3600, zone).strftime("%H:00" if step == 1 else "%d %b"))
        past.append(max(0, last) / 1e9 if begin <= here else 0.0)
        future.append(max(0, expected) / 1e9 if begin > here and not burn.early else 0.0)
    return tuple(labels), [past, future]
