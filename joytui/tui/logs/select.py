"""The filter language over columns: a term becomes a mask over the rows of a store, without one record being made.

The rules are those of core.filter_terms; what a mask is stands in `masks`.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import compress
from re import Pattern

from joytui.core.columnar import SOURCES, milliseconds
from joytui.core.filters import (
    AllOf,
    AnyOf,
    Compare,
    Contains,
    Equals,
    Match,
    Missing,
    Not,
    Term,
    When,
    fold,
    glob_regex,
)
from joytui.tui.logs import masks
from joytui.tui.logs.columns import Interned, Spans
from joytui.tui.logs.id_columns import Ids, OwnIds
from joytui.tui.logs.store import LogStore

_WILD = ("*", "?")
SLICE = 1 << 17
"""So many rows at once: they fit into the processor's cache, and nobody feels the few milliseconds."""


def matching(term: Term, store: LogStore, low: int = 0, high: int | None = None) -> array[int]:
    """The rows from low to before high that the term finds, in order."""
    high = len(store) if high is None else high
    found = array("I")
    for start in range(low, high, SLICE):
        found.extend(_in_slice(term, store, start, min(high, start + SLICE)))
    return found


def _in_slice(term: Term, store: LogStore, low: int, high: int) -> array[int]:
    mask = _Span(store, low, high).mask(term)
    return array("I", compress(range(low, high), mask.to_bytes(high - low, "little")) if mask else ())


class _Span:
    """Some rows of a store, from low to before high."""

    def __init__(self, store: LogStore, low: int, high: int) -> None:
        self.store, self.low, self.high = store, low, high
        self.ones = masks.ones(high - low)

    def mask(self, term: Term) -> int:
        match term:
            case AllOf(terms):
                found = self.ones
                for inner in terms:
                    found = found and found & self.mask(inner)
                return found
            case AnyOf(terms):
                found = 0
                for inner in terms:
                    found |= self.mask(inner)
                return found
            case Not(inner):
                return self.ones ^ self.mask(inner)
            case Match(columns, pattern):
                return self._match(columns, pattern)
            case Contains(text, columns):
                return self._contains(columns, text)
            case Compare(columns, op, value):
                return self._compare(columns, op, value)
            case When(op, moment):
                return self.store.time.mask(op, milliseconds(moment), self.low, self.high)
            case Missing(column):
                return self._missing(column)
            case Equals(column, value):
                wanted = int(value) if isinstance(value, bool) else SOURCES.index(value)
                return self.store.numbers[column].mask("=", wanted, self.low, self.high)

    # Texts and ids. A `request_id` that is the own id is found by that.

    def _contains(self, columns: Sequence[str], text: str) -> int:
        """Numbered texts first, which cost least; ids only while there are rows that are not found yet."""
        found = 0
        named = [self._column(name) for name in columns]
        for column in sorted(named, key=lambda column: not isinstance(column, Interned)):
            if isinstance(column, Interned):
                found |= column.mask(lambda value: text in fold(value), self.low, self.high)
            elif found != self.ones:
                found |= column.holding(text, self.low, self.high)
        return found

    def _match(self, columns: Sequence[str], pattern: str) -> int:
        if "id" in columns and not set(pattern) & {*_WILD} and (row := self.store.find(pattern)) is not None:
            return 1 << 8 * (row - self.low) if self.low <= row < self.high else 0
        regex = glob_regex(pattern)
        found = 0
        for name in columns:
            column = self._column(name)
            if isinstance(column, Interned):
                found |= column.mask(lambda value: regex.match(fold(value)) is not None, self.low, self.high)
            else:
                found |= self._match_id(column, pattern, regex)
        return found

    def _match_id(self, column: Ids | OwnIds, pattern: str, regex: Pattern[str]) -> int:
        """Those that hold the pattern's pieces; each is looked at where that does not say it all."""
        if not pattern.strip("*"):
            return self.ones ^ column.missing(self.low, self.high) if isinstance(column, Ids) else self.ones
        pieces = pattern.replace("?", "*").split("*")
        head, tail, longest = pieces[0], pieces[-1], max(pieces, key=len)
        if pattern == f"{head}*":
            return column.holding(head, self.low, self.high, "start")
        if pattern == f"*{tail}":
            return column.holding(tail, self.low, self.high, "end")
        if pattern == f"*{longest}*":
            return column.holding(longest, self.low, self.high)
        found = self.ones
        if head:
            found &= column.holding(head, self.low, self.high, "start")
        if found and tail:
            found &= column.holding(tail, self.low, self.high, "end")
        if found and longest not in (head, tail):
            found &= column.holding(longest, self.low, self.high)
        rows = bytearray(self.high - self.low)
        for row in compress(range(len(rows)), found.to_bytes(len(rows), "little")):
            text = column.get(self.low + row)
            rows[row] = text is not None and regex.match(fold(text)) is not None
        return masks.number(rows)

    def _column(self, name: str) -> Interned | Ids | OwnIds:
        store = self.store
        if name == "id":
            return store.own
        return store.ids[name] if name in store.ids else store.text[name]

    # Numbers

    def _compare(self, columns: Sequence[str], op: str, value: float) -> int:
        if len(columns) > 1:
            numbers = [self.store.numbers[name].rows[self.low : self.high] for name in columns]
            return masks.compare(masks.added(numbers), op, value)
        found = self.store.numbers[columns[0]].mask(op, value, self.low, self.high)
        return found & self.store.status.mask(">", 0, self.low, self.high) if columns[0] == "status" else found

    def _missing(self, name: str) -> int:
        if name == "status":
            return self.store.status.mask("=", 0, self.low, self.high)
        column = self.store.numbers[name] if name in self.store.numbers else self._column(name)
        if isinstance(column, (Spans, Interned)) or (isinstance(column, Ids) and name != "request_id"):
            return column.missing(self.low, self.high)
        return 0
