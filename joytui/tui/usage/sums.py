"""From the gateway's rows to series for a chart, a ranking and a table. Pure; money in nano-credits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from joytui.core.money import format_credits, parse_credits
from joytui.tui.amounts import credits
from joytui.tui.shown import visible
from joytui.tui.usage.snapshot import Metric, Question, UsageSnapshot

MOST_SERIES = 5
OTHERS = "others"
NOBODY = "(none)"


@dataclass(frozen=True, slots=True)
class Series:
    """One group over time; `values` in the chart's unit (credits, tokens, requests), one a step."""

    name: str
    values: tuple[float, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn: `labels` one a step, series largest first, at most MOST_SERIES and the others summed up."""

    labels: tuple[str, ...]
    series: tuple[Series, ...]
    unit: str


def amount(row: Mapping[str, Any], metric: Metric) -> int:
    """A row's measure: nano-credits, tokens or requests."""
    if metric == "spend":
        return parse_credits(row.get("cost_credits") or "0")
    if metric == "tokens":
        return int(row.get("input_tokens") or 0) + int(row.get("output_tokens") or 0)
    return int(row.get("requests") or 0)


def amount_text(value: int, metric: Metric) -> str:
    """A measure as a person reads it."""
    if metric != "spend":
        return f"{value:,}"
    return f"{credits(value)} Cr" if value else "0 Cr"


def steps(asked: Question, now: datetime, zone: tzinfo | None) -> list[datetime]:
    """The starts of all steps, local time."""
    start = asked.since(now, zone)
    step = timedelta(hours=1) if asked.bucket == "hour" else timedelta(days=1)
    return [start + step * i for i in range(asked.steps)]


def step_of(text: str, asked: Question, zone: tzinfo | None) -> str:
    """The local name of the step that a row's bucket belongs to: "2026-11-23" or "2026-11-23T14"."""
    if asked.bucket == "day":
        return text[:10]
    try:
        moment = datetime.fromisoformat(text if len(text) > 13 else f"{text[:13]}:00:00+00:00")
    except ValueError:
        return text
    return moment.astimezone(zone).strftime("%Y-%m-%dT%H")


def chart(snapshot: UsageSnapshot, now: datetime, zone: tzinfo | None = None) -> Chart:
    """Stacked series over the steps of the question."""
    asked = snapshot.asked
    moments = steps(asked, now, zone)
    hourly = asked.bucket == "hour"
    names = [m.strftime("%Y-%m-%dT%H" if hourly else "%Y-%m-%d") for m in moments]
    place = {name: i for i, name in enumerate(names)}
    sums: dict[str, list[int]] = {}
    for row in snapshot.rows:
        index = place.get(step_of(str(row.get(asked.bucket) or ""), asked, zone))
        if index is not None:
            group = group_name(row, asked)
            sums.setdefault(group, [0] * len(names))[index] += amount(row, asked.metric)
    ranked = sorted(sums.items(), key=lambda item: (-sum(item[1]), item[0]))
    head, tail = ranked[:MOST_SERIES], ranked[MOST_SERIES:]
    if tail:
        head.append((OTHERS, [sum(column) for column in zip(*(values for _, values in tail), strict=True)]))
    scale = 10**9 if asked.metric == "spend" else 1
    series = tuple(Series(name, tuple(v / scale for v in values), sum(values)) for name, values in head)
    labels = tuple(m.strftime("%H:00" if hourly else "%d %b") for m in moments)
    return Chart(labels, series, {"spend": "credits", "tokens": "tokens", "requests": "requests"}[asked.metric])


def group_name(row: Mapping[str, Any], asked: Question) -> str:
    """What a row is counted for, fit for the screen."""
    return visible(str(row.get(asked.group) or NOBODY), limit=40).replace("\n", " ")


@dataclass(frozen=True, slots=True)
class Line:
    """One group with all of its numbers."""

    name: str
    requests: int
    errors: int
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    cost_nano: int

    def amount(self, metric: Metric) -> int:
        if metric == "spend":
            return self.cost_nano
        return self.requests if metric == "requests" else self.input_tokens + self.output_tokens


def ranking(snapshot: UsageSnapshot) -> list[Line]:
    """Sums a group, largest first by the metric."""
    asked = snapshot.asked
    sums: dict[str, list[int]] = {}
    for row in snapshot.rows:
        numbers = sums.setdefault(group_name(row, asked), [0] * 6)
        for i, value in enumerate(_numbers(row)):
            numbers[i] += value
    lines = [Line(name, *numbers) for name, numbers in sums.items()]
    return sorted(lines, key=lambda line: (-line.amount(asked.metric), line.name))


def _numbers(row: Mapping[str, Any]) -> tuple[int, ...]:
    fields = ("requests", "errors", "input_tokens", "cached_input_tokens", "output_tokens")
    return (*(int(row.get(name) or 0) for name in fields), amount(row, "spend"))


def table(snapshot: UsageSnapshot, zone: tzinfo | None = None) -> list[tuple[str, ...]]:
    """Every step and group as text, newest step first: what stands behind the chart."""
    asked = snapshot.asked
    rows = []
    for row in snapshot.rows:
        when = step_of(str(row.get(asked.bucket) or ""), asked, zone)
        requests, errors, incoming, cached, outgoing, cost = _numbers(row)
        numbers = (f"{requests:,}", f"{errors:,}", f"{incoming:,}", f"{cached:,}", f"{outgoing:,}")
        shown = f"{when[:10]} {when[11:]}:00" if asked.bucket == "hour" else when
        rows.append((shown, group_name(row, asked), *numbers, format_credits(cost, places=6)))
    return sorted(rows, key=lambda r: r[0], reverse=True)
