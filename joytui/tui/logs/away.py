"""Requests that were here and have left: the gateway has them. How many, how many of them failed, and when they were, so that
counts and the chart still know them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from operator import floordiv

SPAN_MS = 10_000
MOST_SPANS = 8_640
"""A day of them; what is older is forgotten by the chart."""


class Away:
    """`requests` and `errors` that left and did not come back."""

    __slots__ = ("_errors", "_requests", "errors", "requests")

    def __init__(self) -> None:
        self.requests = 0
        self.errors = 0
        self._requests: Counter[int] = Counter()
        self._errors: Counter[int] = Counter()

    def left(self, times: Iterable[int], failed: Iterable[int]) -> None:
        """By their times in milliseconds; `failed` are the times of those that failed."""
        self._add(times, failed, 1)
        while len(self._requests) > MOST_SPANS:
            oldest = min(self._requests)
            del self._requests[oldest]
            self._errors.pop(oldest, None)

    def came_back(self, times: Iterable[int], failed: Iterable[int]) -> None:
        """The same requests are here again: the newest that left come back first."""
        if self.requests:
            self._add(times, failed, -1)
            if self.requests <= 0:
                self.clear()

    def clear(self) -> None:
        self.requests = self.errors = 0
        self._requests.clear()
        self._errors.clear()

    def _add(self, times: Iterable[int], failed: Iterable[int], sign: int) -> None:
        spans, bad = (Counter(map(floordiv, when, _forever(SPAN_MS))) for when in (times, failed))
        self.requests += sign * spans.total()
        self.errors = max(0, self.errors + sign * bad.total())
        for counted, change in ((self._requests, spans), (self._errors, bad)):
            for span, many in change.items():
                counted[span] += sign * many
                if counted[span] <= 0:
                    del counted[span]

    @property
    def oldest_ms(self) -> int | None:
        """When the oldest that is known was; None if nothing is away."""
        return min(self._requests) * SPAN_MS if self._requests else None

    def spans(self, since_ms: int) -> Iterator[tuple[int, int, int]]:
        """The middle of a span in milliseconds, its requests and its errors; no span before that time."""
        for span, many in self._requests.items():
            middle = span * SPAN_MS + SPAN_MS // 2
            if middle >= since_ms:
                yield middle, many, self._errors.get(span, 0)


def _forever(number: int) -> Iterator[int]:
    while True:
        yield number
