"""From the gateway's rows to series for a chart, a ranking and a table. Pure; money in nano-credits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from joytui.core.amounts import count, credits
from joytui.core.money import format_credits
from joytui.core.token_counts import OTHERS, UsageRow, UsageTotals
from joytui.tui.shown import visible
from joytui.tui.usage.snapshot import STEP_NAMES, Metric, Question, UsageSnapshot

MOST_SERIES = 5
NOBODY = "(none)"


@dataclass(frozen=True, slots=True)
class Series:
    """One group over time; `values` in the chart's unit (credits, tokens, requests), one a step."""

    name: str
    values: tuple[float, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn: `labels` one a step (`steps` are their full names), largest series first, the smallest summed up."""

    labels: tuple[str, ...]
    series: tuple[Series, ...]
    unit: str
    steps: tuple[str, ...] = ()


def measure(totals: UsageTotals, metric: Metric) -> int:
    """What is compared: nano-credits, tokens or requests."""
    if metric == "spend":
        return totals.cost_nano
    return totals.requests if metric == "requests" else totals.input_tokens + totals.output_tokens


def amount_text(value: int, metric: Metric) -> str:
    """A measure as a person reads it."""
    if metric != "spend":
        return f"{value:,}"
    return f"{credits(value)} Cr" if value else "0 Cr"


def step_of(row: UsageRow, asked: Question, zone: tzinfo | None) -> str:
    """The local name of the step that a row belongs to: "2026-11-23" or "2026-11-23T14"."""
    text = row.by.get(asked.bucket) or ""
    if asked.bucket != "hour":
        return text[:10]
    try:
        moment = datetime.fromisoformat(text if len(text) > 13 else f"{text[:13]}:00:00+00:00")
    except ValueError:
        return text
    return moment.astimezone(zone).strftime("%Y-%m-%dT%H")


def chart(snapshot: UsageSnapshot, now: datetime, zone: tzinfo | None = None) -> Chart:
    """Stacked series over the steps of the question."""
    asked, metric = snapshot.asked, snapshot.metric
    moments = asked.moments(now, zone)
    names = [moment.strftime(STEP_NAMES[asked.bucket]) for moment in moments]
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
    if tail:
        head.append((OTHERS, [sum(column) for column in zip(*tail, strict=True)]))
    scale = 10**9 if metric == "spend" else 1
    series = tuple(Series(name, tuple(v / scale for v in values), sum(values)) for name, values in head)
    labels = tuple(moment.strftime(_LABELS[asked.bucket]) for moment in moments)
    return Chart(labels, series, {"spend": "credits", "tokens": "tokens", "requests": "requests"}[metric], tuple(names))


def _side_by_side(sums: dict[str, list[int]], steps: int) -> dict[str, list[int]]:
    """Both sources see the same work, so they are not stacked: what both saw, and what only one saw more."""
    none = [0] * steps
    pairs = list(zip(sums.get("gateway", none), sums.get("codex", none), strict=True))
    return {
        "seen by both": [min(pair) for pair in pairs],
        "more at the gateway": [max(0, ours - theirs) for ours, theirs in pairs],
        "more in Codex's files": [max(0, theirs - ours) for ours, theirs in pairs],
    }


_LABELS = {"hour": "%H:00", "day": "%d %b", "week": "%d %b", "month": "%b %y"}


def group_name(row: UsageRow, snapshot: UsageSnapshot) -> str:
    """What a row is counted for, fit for the screen; with both sources, also who says so."""
    text = visible(row.by.get(snapshot.asked.group) or NOBODY).replace("\n", " ")
    if len(text) > 40:
        # A folder's end and a thread's end are what tells it from its neighbours.
        text = "…" + text[-39:] if snapshot.asked.group in ("project", "thread") else text[:39] + "…"
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
    """Sums a group, largest first by the metric, all others last; of one step alone where its name is given."""
    parts: dict[str, list[UsageTotals]] = {}
    values: dict[str, str | None] = {}
    for row in snapshot.rows:
        if step is not None and step_of(row, snapshot.asked, zone) != step:
            continue
        name = group_name(row, snapshot)
        values[name] = row.by.get(snapshot.asked.group)
        parts.setdefault(name, []).append(row.totals)
    lines = [Line(name, values[name], UsageTotals.sum(found)) for name, found in parts.items()]
    return sorted(lines, key=lambda line: (line.value == OTHERS, -line.amount(snapshot.metric), line.name))


@dataclass(frozen=True, slots=True)
class TableRow:
    """One step and group as text, and what they are called in the rows; `amount` is what is compared."""

    cells: tuple[str, ...]
    step: str
    value: str | None
    amount: int

    @property
    def name(self) -> str:
        """The group, as the chart calls it."""
        return self.cells[1]


ROOMY, WIDE = 110, 150


def numbers_shown(width: int) -> tuple[str, ...]:
    """The columns of numbers in the table of this width, by their titles."""
    names = ("requests", "failed", "input", "cached", "output", "reasoning", "credits", "a request")
    return names if width >= WIDE else tuple(name for name in names if name not in ("reasoning", "a request"))


def table(snapshot: UsageSnapshot, zone: tzinfo | None = None, *, width: int = ROOMY) -> list[TableRow]:
    """Every step and group as text, newest step first: what stands behind the chart. In a narrow table tokens are rounded."""
    asked = snapshot.asked
    rows = []
    for row in snapshot.rows:
        when = step_of(row, asked, zone)
        shown = f"{when[:10]} {when[11:]}:00" if asked.bucket == "hour" else when
        texts = _numbers(row.totals, priced=row.source != "codex", rounded=width < ROOMY)
        cells = (shown, group_name(row, snapshot), *(texts[name] for name in numbers_shown(width)))
        rows.append(TableRow(cells, when, row.by.get(asked.group), measure(row.totals, snapshot.metric)))
    return sorted(rows, key=lambda r: r.step, reverse=True)


def _numbers(one: UsageTotals, *, priced: bool, rounded: bool) -> dict[str, str]:
    """By column. Codex's own files know no prices."""

    def tokens(number: int) -> str:
        return count(number) if rounded else f"{number:,}"

    each = one.cost_nano // one.requests if one.requests else 0
    return {
        "requests": f"{one.requests:,}",
        "failed": f"{one.errors:,}",
        "input": tokens(one.input_tokens),
        "cached": tokens(one.cached_input_tokens),
        "output": tokens(one.output_tokens),
        "reasoning": tokens(one.reasoning_tokens),
        "credits": format_credits(one.cost_nano, places=6) if priced else "–",
        "a request": format_credits(each, places=6) if priced else "–",
    }
