"""Requests over time above the log: how many, and how many of them failed. Counting is pure, drawing is one Content."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from itertools import groupby
from operator import itemgetter

from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from joytui.tui.charts.cells import columns
from joytui.tui.logs.axis import axis
from joytui.tui.logs.shown import Shown

SPANS_S = (300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600, 3 * 86400, 7 * 86400, 30 * 86400)


@dataclass(frozen=True, slots=True)
class Counts:
    """`requests` and `errors` a bucket, oldest first; `span_s` is the whole, which ends at `end_ms`."""

    requests: tuple[int, ...]
    errors: tuple[int, ...]
    span_s: int
    end_ms: int


def count(shown: Shown, buckets: int, now_ms: int) -> Counts:
    """Buckets over the smallest round span that holds what is shown, and what was (`Shown.away`).

    Requests stand nearly in the order of their times (within the gateway's tenth of a second), so the edges of the
    buckets are found by halving: a hundred thousand requests cost what a hundred cost.
    """
    span = span_of(shown, now_ms)
    width = max(1, span * 1000 // max(1, buckets))
    end = -(-now_ms // width) * width  # the buckets stand still until the newest is over: an idle chart is not redrawn
    start = end - span * 1000
    edges = [start + round(span * 1000 * (bucket + 1) / buckets) for bucket in range(buckets - 1)]
    requests = _between(range(len(shown)), edges, start, shown.time)
    errors = _between(shown.failed, edges, start, shown.time)
    for moment, many, failed in shown.away.spans(start):
        bucket = bisect_right(edges, moment)
        requests[bucket] += many
        errors[bucket] += failed
    return Counts(tuple(requests), tuple(errors), span, end)


def _between(places: Sequence[int], edges: list[int], start: int, time: Callable[[int], int]) -> list[int]:
    """How many of the places lie between the edges; the last bucket takes all that is left."""
    at = bisect_left(places, start, key=time)
    numbers = []
    for edge in edges:
        after = bisect_left(places, edge, lo=at, key=time)
        numbers.append(after - at)
        at = after
    return [*numbers, len(places) - at]


def span_of(shown: Shown, now_ms: int) -> int:
    """The smallest round span, in seconds, that reaches back to the oldest row, here or away."""
    oldest = shown.time(0) if len(shown) else now_ms
    if (away := shown.away.oldest_ms) is not None:
        oldest = min(oldest, away)
    age = max(0, now_ms - oldest) / 1000
    return next((s for s in SPANS_S if s >= age), SPANS_S[-1])


def draw(counts: Counts, height: int, *, plain: bool = False) -> Content:
    """Bars of requests; where some failed, the foot of the bar is red, to scale but never less than a sign. `plain`: there
    are no colours, so what failed has its own pattern."""
    top = max(counts.requests, default=0)
    failed = [max(1, round(e / top * height * 8)) if e and top else 0 for e in counts.errors]
    lines = []
    for index, line in enumerate(columns([*counts.requests], height)):
        level = (height - 1 - index) * 8
        cells = (_cell(cell, red=failed[i] > level, plain=plain) for i, cell in enumerate(line))
        runs = [("".join(cell for cell, _ in run), style) for style, run in groupby(cells, key=itemgetter(1))]
        lines.append(Content.assemble(*runs))  # one style, one run: a cell each would be twenty bytes each over ssh
    return Content("\n").join(lines)


def _cell(cell: str, *, red: bool, plain: bool) -> tuple[str, str]:
    if cell == " ":
        return cell, "$foreground"
    colour = "$error" if red else "$series-2"
    if plain:
        return ("✗" if red else cell), "$foreground"
    return cell, f"{colour} on {colour}" if cell == "█" else colour


class Histogram(Widget):
    """Above the list, its times under it; redrawn once a second at most."""

    DEFAULT_CSS = """
    Histogram { height: 3; padding: 0 1; background: $background; border-bottom: none; }
    """

    class Resized(Message):
        """Another width: other buckets."""

    def __init__(self, *, zone: tzinfo | None = None, id: str | None = None) -> None:
        super().__init__(id=id)
        self.zone = zone
        self.counts: Counts | None = None

    def on_resize(self) -> None:
        self.post_message(self.Resized())

    def show(self, counts: Counts) -> None:
        if counts != self.counts:
            self.counts = counts
            self.refresh()

    def render(self) -> Content:
        width, height = self.content_size
        if self.counts is None or width < 12:
            return Content("")
        bars = draw(self.counts, height - 1, plain=self.app.no_color)
        times = axis(self.counts.end_ms, self.counts.span_s, width, self.zone)
        return Content("\n").join([bars, Content.styled(times, "$quiet")])
