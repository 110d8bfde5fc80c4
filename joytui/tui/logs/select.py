"""The filter language over columns: a term becomes a mask over the rows of a store, without one record being made.

The rules are those of core.filter_terms; what a mask is is in `masks`.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from itertools import compress

from joytui.core import filter_terms as terms
from joytui.core.columnar import LISTS, SOURCES, milliseconds
from joytui.core.request import parted
from joytui.tui.logs import masks
from joytui.tui.logs.columns import NO_STATUS, RUNNING, Ids, Interned
from joytui.tui.logs.store import LogStore

_WILD = ("*", "?")


def matching(term: terms.Term, store: LogStore, low: int = 0, high: int | None = None) -> array[int]:
    """The rows from low to before high that the term finds, in order."""
    high = len(store) if high is None else high
    mask = _Span(store, low, high).mask(term)
    return array("I", compress(range(low, high), mask.to_bytes(high - low, "little")) if mask else ())


class _Span:
    """Some rows of a store, from low to before high."""

    def __init__(self, store: LogStore, low: int, high: int) -> None:
        self.store, self.low, self.high = store, low, high
        self.ones = masks.ones(high - low)

    def mask(self, term: terms.Term) -> int:
        match term:
            case terms.AllOf(parts):
                found = self.ones
                for inner in parts:
                    found = found and found & self.mask(inner)
                return found
            case terms.AnyOf(parts):
                found = 0
                for inner in parts:
                    found |= self.mask(inner)
                return found
            case terms.Not(inner):
                return self.ones ^ self.mask(inner)
            case terms.Match(columns, pattern):
                return self._match(columns, pattern)
            case terms.Contains(text, columns):
                return self._contains(columns, text)
            case terms.Compare(columns, op, value):
                return self._compare(columns, op, value)
            case terms.When(op, moment):
                return self.store.time.mask(op, milliseconds(moment), self.low, self.high)
            case terms.Missing(column):
                return self._missing(column)
            case terms.Failed():
                return self.store.status.mask(">=", 400, self.low, self.high)
            case terms.Equals(column, value):
                wanted = int(value) if isinstance(value, bool) else SOURCES.index(value)
                return self.store.numbers[column].mask("=", wanted, self.low, self.high)

    # Texts and ids. A `request_id` that is the own id is found by that.

    def _contains(self, columns: Sequence[str], text: str) -> int:
        return self._passing(columns, lambda value: text in terms.fold(value))

    def _match(self, columns: Sequence[str], pattern: str) -> int:
        matches = terms.glob_regex(pattern).match if set(pattern) & {*_WILD} else pattern.__eq__

        def test(value: str) -> bool:
            return bool(matches(terms.fold(value)))

        found = 0
        for name in columns:
            in_list = name in LISTS
            found |= self._passing((name,), (lambda value: any(map(test, parted(value)))) if in_list else test)
        return found

    def _passing(self, columns: Sequence[str], test: Callable[[str], bool]) -> int:
        found = 0
        for name in columns:
            found |= self._column(name).mask(test, self.low, self.high)
        return found

    def _column(self, name: str) -> Interned | Ids:
        return self.store.ids[name] if name in self.store.ids else self.store.text[name]

    # Numbers

    def _compare(self, columns: Sequence[str], op: str, value: float) -> int:
        if len(columns) > 1:
            numbers = [self.store.numbers[name].rows[self.low : self.high] for name in columns]
            return masks.compare(masks.added(numbers), op, value)
        found = self.store.numbers[columns[0]].mask(op, value, self.low, self.high)
        return found & self._answered() if columns[0] == "status" else found

    def _answered(self) -> int:
        """The rows that have a status."""
        status = self.store.status
        return status.mask(">", RUNNING, self.low, self.high) & status.mask("<", NO_STATUS, self.low, self.high)

    def _missing(self, name: str) -> int:
        if name == "status":
            return self.ones ^ self._answered()
        if name == "request_id":
            return 0
        column = self.store.numbers[name] if name in self.store.numbers else self._column(name)
        return column.missing(self.low, self.high)
