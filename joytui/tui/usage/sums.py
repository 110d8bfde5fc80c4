"""From the gateway's rows to series for a chart, a ranking and a table. Pure; money in nano-credits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from joytui.core.token_counts import OTHERS, UsageRow, UsageTotals
from joytui.tui.figures import credits
from joytui.tui.shown import visible
from joytui.tui.usage.colours import MOST_SERIES, REST, NameColours
from joytui.tui.usage.snapshot import Metric, Question, UsageSnapshot
from joytui.tui.usage.window import STEP_NAMES

UNITS = {"spend": "credits", "tokens": "tokens", "requests": "requests"}
NOBODY = "(none)"
_TOLD_BY_THE_END = ("project", "repo", "branch", "task", "thread")


@dataclass(frozen=True, slots=True)
class Series:
    """One group over time; `values` in the chart's unit (credits, tokens, requests), one a step; `slot`: which of the theme's
    colours is its own."""

    name: str
    values: tuple[float, ...]
    total: int
    slot: int = REST


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn: `labels` one a step (`steps` are their full names), largest series first, the smallest summed up."""

    labels: tuple[str, ...]
    series: tuple[Series, ...]
    unit: str
    steps: tuple[str, ...] = ()

    @property
    def slots(self) -> dict[str, int]:
        """The series' colours by their names."""
        return {one.name: one.slot for one in self.series}

    @property
    def sums(self) -> tuple[float, ...]:
        """What each step has of all series."""
        return tuple(sum(one.values[at] for one in self.series) for at in range(len(self.steps)))


def measure(totals: UsageTotals, metric: Metric) -> int:
    """What is compared: nano-credits, tokens or requests."""
    if metric == "spend":
        return totals.cost_nano
    return totals.requests if metric == "requests" else totals.input_tokens + totals.output_tokens


def amount_text(value: int, metric: Metric) -> str:
    """A measure as a person reads it."""
    return f"{credits(value)} Cr" if metric == "spend" else f"{value:,}"


def step_of(row: UsageRow, asked: Question, zone: tzinfo | None) -> str:
    """The local name of the step that a row belongs to: "2026-11-23" or "2026-11-23T14"."""
    if "hour" not in row.by:
        return (row.by.get(asked.bucket) or "")[:10]
    text = row.by["hour"] or ""
    try:
        moment = datetime.fromisoformat(text if len(text) > 13 else f"{text[:13]}:00:00+00:00")
    except ValueError:
        return text
    return moment.astimezone(zone).strftime(STEP_NAMES[asked.bucket])


def chart(
    snapshot: UsageSnapshot, now: datetime, zone: tzinfo | None = None, colours: NameColours | None = None
) -> Chart:
    """Stacked series over the steps of the question. `colours`: those that names have already."""
    asked, metric = snapshot.asked, snapshot.metric
    window = asked.window(now, zone)
    names = window.names
    place = {name: i for i, name in enumerate(names)}
    sums: dict[str, list[int]] = {}
    for row in snapshot.rows:
        index = place.get(step_of(row, asked, zone))
        if index is not None:
            group = row.source if snapshot.source == "both" else group_name(row, snapshot)
            sums.setdefault(group, [0] * len(names))[index] += measure(row.totals, metric)
    if snapshot.source == "both":
        sums = _side_by_side(sums, len(names))
    rest = [sums.pop(OTHERS)] if OTHERS in sums else []  # what the gateway calls so, with those that find no place here
    ranked = sorted(sums.items(), key=lambda item: (-sum(item[1]), item[0]))
    ranked = [item for item in ranked if any(item[1])] or ranked[:1]
    head, tail = ranked[:MOST_SERIES], [*(values for _, values in ranked[MOST_SERIES:]), *rest]
    slots = (colours or NameColours()).slots([name for name, _ in head])
    if tail:
        head.append((OTHERS, [sum(column) for column in zip(*tail, strict=True)]))
    scale = 10**9 if metric == "spend" else 1
    series = tuple(
        Series(name, tuple(v / scale for v in values), sum(values), slots.get(name, REST)) for name, values in head
    )
    return Chart(window.labels, series, UNITS[metric], names)


def _side_by_side(sums: dict[str, list[int]], steps: int) -> dict[str, list[int]]:
    """Both sources see the same work, so they are not stacked: what both saw, and what only one saw more."""
    none = [0] * steps
    pairs = list(zip(sums.get("gateway", none), sums.get("codex", none), strict=True))
    return {
        "seen by both": [min(pair) for pair in pairs],
        "more at the gateway": [max(0, ours - theirs) for ours, theirs in pairs],
        "more in Codex's files": [max(0, theirs - ours) for ours, theirs in pairs],
    }


def group_name(row: UsageRow, snapshot: UsageSnapshot) -> str:
    """What a row is counted for, fit for the screen; with both sources, also who says so."""
    text = visible(row.by.get(snapshot.asked.group) or NOBODY).replace("\n", " ")
    if len(text) > 40:
        # The end of a folder, and of a thread, is what tells it from its neighbours.
        text = "…" + text[-39:] if snapshot.asked.group in _TOLD_BY_THE_END else text[:39] + "…"
    return f"{text} ({row.source})" if snapshot.source == "both" else text


@dataclass(frozen=True, slots=True)
class Line:
    """One group with all of its numbers; `value` is what the rows call it, unshortened."""

    name: str
    value: str | None
    totals: UsageTotals

    def amount(self, metric: Metric) -> int:
        return measure(self.totals, metric)


def ranking(snapshot: UsageSnapshot, step: str | None = None, zone: tzinfo | None = None) -> list[Line]:
    """Sums a group, largest first by the metric, all others last; of one step alone where its name is given. What cost
    nothing is in no ranking of credits."""
    parts: dict[str, list[UsageTotals]] = {}
    values: dict[str, str | None] = {}
    for row in snapshot.rows:
        if step is not None and step_of(row, snapshot.asked, zone) != step:
            continue
        name = group_name(row, snapshot)
        values[name] = row.by.get(snapshot.asked.group)
        parts.setdefault(name, []).append(row.totals)
    lines = [Line(name, values[name], UsageTotals.sum(found)) for name, found in parts.items()]
    if snapshot.metric == "spend":
        lines = [line for line in lines if line.totals.cost_nano]
    return sorted(lines, key=lambda line: (line.value == OTHERS, -line.amount(snapshot.metric), line.name))
