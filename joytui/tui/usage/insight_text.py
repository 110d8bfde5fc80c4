"""The line about what stands out: the rate now, the budget, an anomaly with its culprit. Pure."""

from __future__ import annotations

from datetime import datetime, tzinfo

from textual.content import Content

from joytui.core.amounts import count
from joytui.core.periods import hour_of
from joytui.tui.charts.cells import bar_parts, percent, share
from joytui.tui.figures import credits, when
from joytui.tui.figures import day as day_of
from joytui.tui.shown import visible
from joytui.tui.usage.insight import Insight, Unit
from joytui.usage.anomalies import times
from joytui.usage.budget import Burn

GAP = "    "


def insight_text(insight: Insight, now: datetime, zone: tzinfo | None, width: int) -> Content:
    """One line where it fits, else two; and one for the anomaly, if there is one."""
    rate, budget = _rate(insight), _budget(insight, now, zone, min(20, max(8, width // 8)))
    room = width - 1
    lines = [rate + GAP + budget] if rate.cell_length + budget.cell_length + len(GAP) <= room else [rate, budget]
    if (anomaly := _anomaly(insight, now, zone)) is not None:
        lines.append(anomaly)
    return Content("\n").join(line.truncate(room, ellipsis=True) for line in lines if line.plain)


def amount(value: int, unit: Unit) -> str:
    return f"{credits(value)} Cr" if unit == "credits" else f"{count(value)} tokens"


def _rate(insight: Insight) -> Content:
    rate = insight.rate
    text = Content.assemble(("NOW ", "$quiet"), (f"{amount(rate.now, insight.unit)}/h", "bold"))
    if rate.usual is None:
        return text + Content.styled("  usual: not known before 3 days", "$quiet")
    high = rate.usual > 0 and rate.now >= 3 * rate.usual
    many = f" ▲ {times(rate.now, rate.usual)}×" if high else ""
    return text + Content.assemble((f"  usual {amount(rate.usual, insight.unit)}", "$quiet"), (many, "bold $warning"))


def _budget(insight: Insight, now: datetime, zone: tzinfo | None, room: int) -> Content:
    burn = insight.burn
    if burn is None:
        if insight.unit == "tokens":
            return Content("")
        return Content.assemble(("BUDGET ", "$quiet"), ("b", "bold $primary"), (" sets one", "$quiet"))
    part = share(burn.spent, burn.limit)
    colour = "$error" if burn.over else "$warning" if burn.will_be_over else "$primary"
    return Content.assemble(
        ("BUDGET ", "$quiet"),
        *bar_parts(part, room, colour, "$rule"),
        (f" {percent(part)}", "bold"),
        (f" of {credits(burn.limit)} Cr this {insight.period}  ", "$quiet"),
        (ending(burn, now, zone), "bold $error" if burn.over else "bold $warning" if burn.will_be_over else ""),
    )


def ending(burn: Burn, now: datetime, zone: tzinfo | None) -> str:
    """When the budget ends, as a person says it."""
    if burn.over and burn.runs_out is not None:
        return f"✗ gone since {when(burn.runs_out, zone, now)}"
    if burn.runs_out is None:
        return "✓ nothing is being spent" if burn.rate == 0 else "✓ lasts longer than a year"
    day = burn.runs_out.astimezone(zone)
    if burn.will_be_over:
        same = day.date() == now.astimezone(zone).date()
        return f"▲ gone today at {day:%H:%M}" if same else f"▲ gone on {day_of(day, now)}"
    return f"✓ lasts: {credits(burn.at_end)} Cr expected"


def _anomaly(insight: Insight, now: datetime, zone: tzinfo | None) -> Content | None:
    found = insight.anomaly
    if found is None:
        return None
    who = visible(found.culprit.text, limit=80) if found.culprit else "nobody alone"
    more = f"{times(found.amount, found.usual)}×" if found.usual else "nothing is"
    return Content.assemble(
        (f"▲ {when(found.hour, zone, now)}  ", "bold $warning"),
        (amount(found.amount, insight.unit), "bold"),
        (f", {more} usual  ·  ", "$quiet"),
        (who, "bold"),
    )


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
        future.append(max(0, expected) / 1e9 if begin > here else 0.0)
    return tuple(labels), [past, future]
