"""Requests over time above the log: how many, and how many of them failed. Counting is pure, drawing is one Content."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from joytui.tui.charts.cells import columns
from joytui.tui.logs.store import LogStore

SPANS_S = (300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600, 3 * 86400, 7 * 86400, 30 * 86400)


@dataclass(frozen=True, slots=True)
class Counts:
    """`requests` and `errors` a bucket, oldest first; `span_s` is the whole, which ends at `end_ms`."""

    requests: tuple[int, ...]
    errors: tuple[int, ...]
    span_s: int
    end_ms: int


def count(store: LogStore, buckets: int, now_ms: int) -> Counts:
    """Buckets over the smallest round span that holds what is in the store."""
    span = span_of(store, now_ms)
    start = now_ms - span * 1000
    requests, errors = [0] * buckets, [0] * buckets
    first = bisect_left(store.time, start)
    scale = buckets / (span * 1000)
    for row in range(first, len(store)):
        bucket = min(buckets - 1, max(0, int((store.time[row] - start) * scale)))
        requests[bucket] += 1
        if store.status[row] >= 400:
            errors[bucket] += 1
    return Counts(tuple(requests), tuple(errors), span, now_ms)


def span_of(store: LogStore, now_ms: int) -> int:
    """The smallest round span, in seconds, that reaches back to the oldest row."""
    oldest = store.time[0] if len(store) else now_ms
    age = max(0, now_ms - oldest) / 1000
    return next((s for s in SPANS_S if s >= age), SPANS_S[-1])


def span_words(seconds: int) -> str:
    """A span as a person says it: "5 min", "hour", "3 h", "7 days"."""
    if seconds in (3600, 86400):
        return "hour" if seconds == 3600 else "day"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 86400:
        return f"{seconds // 3600} h"
    return f"{seconds // 86400} days"


def draw(counts: Counts, height: int) -> Content:
    """Bars of requests; where some failed, the foot of the bar is red, to scale but never less than a sign."""
    top = max(counts.requests, default=0)
    failed = [max(1, round(e / top * height * 8)) if e and top else 0 for e in counts.errors]
    lines = []
    for index, line in enumerate(columns([*counts.requests], height)):
        level = (height - 1 - index) * 8
        parts = [_cell(cell, red=failed[i] > level) for i, cell in enumerate(line)]
        lines.append(Content.assemble(*parts))
    return Content("\n").join(lines)


def _cell(cell: str, *, red: bool) -> tuple[str, str]:
    colour = "$error" if red else "$series-2"
    return cell, f"{colour} on {colour}" if cell == "█" else colour


class Histogram(Widget):
    """Above the list; redrawn once a second at most."""

    DEFAULT_CSS = """
    Histogram { height: 3; padding: 0 1; background: $background; border-bottom: none; }
    """

    class Resized(Message):
        """Another width: other buckets."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
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
        return draw(self.counts, height)
