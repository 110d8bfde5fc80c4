"""The filter language over columns: a term becomes a mask over the rows of a store, without one record being made.

A mask is an integer whose bytes (little-endian) are 1 for rows that match: `&`, `|` and `^` of a million rows take
under a millisecond, and most columns become one by `bytes.translate`. The rules are those of core.filter_terms.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import compress
from operator import add

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
from joytui.tui.logs.columns import LITTLE, Ids, Interned, OwnIds
from joytui.tui.logs.store import LogStore, milliseconds

# One comprehension each: with the comparison written out, a million numbers take 30 ms.
_OPERATORS: dict[str, Callable[[Iterable[float], float], list[bool]]] = {
    "=": lambda numbers, value: [number == value for number in numbers],
    "<": lambda numbers, value: [number < value for number in numbers],
    "<=": lambda numbers, value: [number <= value for number in numbers],
    ">": lambda numbers, value: [number > value for number in numbers],
    ">=": lambda numbers, value: [number >= value for number in numbers],
}
_SOURCES = {"none": 0, "estimated": 1, "upstream": 2}
Could = Callable[[str, str], bool]


def matching(term: Term, store: LogStore, low: int = 0, high: int | None = None) -> array[int]:
    """The rows from low to before high that the term finds, in order."""
    high = len(store) if high is None else high
    if low >= high:
        return array("I")
    mask = _Span(store, low, high).mask(term)
    return array("I", compress(range(low, high), mask.to_bytes(high - low, "little")))


def _costly(term: Term) -> bool:
    """Whether the term looks at each row in Python: such terms come last, when others may have found nothing already."""
    return isinstance(term, (When, Compare)) and getattr(term, "columns", ()) != ("status",)


class _Span:
    """Some rows of a store, from low to before high."""

    def __init__(self, store: LogStore, low: int, high: int) -> None:
        self.store, self.low, self.high = store, low, high
        self.ones = int.from_bytes(b"\1" * (high - low), "little")

    def mask(self, term: Term) -> int:
        match term:
            case AllOf(terms):
                found = self.ones
                for inner in sorted(terms, key=_costly):
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
                return self._texts(columns, lambda value: text in fold(value), lambda *shape: may_hold(text, *shape))
            case Compare(columns, op, value):
                return self._compare(columns, op, value)
            case When(op, moment):
                times = self.store.time[self.low : self.high]
                return _number(bytes(_OPERATORS[op](times, milliseconds(moment))))
            case Missing(column):
                return self._missing(column)
            case Equals(column, value):
                numbers = self.store.stream if column == "stream" else self.store.source
                wanted = int(value) if isinstance(value, bool) else _SOURCES.get(value, 255)
                return _number(_equal(numbers[self.low : self.high].tobytes(), wanted))

    def _match(self, columns: Sequence[str], pattern: str) -> int:
        if "id" in columns and not set(pattern) & {"*", "?"} and (row := self.store.find(pattern)) is not None:
            return 1 << 8 * (row - self.low) if self.low <= row < self.high else 0
        regex = glob_regex(pattern)
        head = pattern.split("*")[0].split("?")[0]
        return self._texts(
            columns, lambda value: regex.match(fold(value)) is not None, lambda *shape: may_begin(head, *shape)
        )

    def _texts(self, columns: Sequence[str], test: Callable[[str], bool], could: Could) -> int:
        """The rows in which one of the columns passes. A `request_id` that is the own id is found by that."""
        found = 0
        for name in columns:
            mask = self._text(name, test, could)
            if mask is not None:
                found |= _number(mask)
        return found

    def _text(self, name: str, test: Callable[[str], bool], could: Could) -> bytes | None:
        column = self._column(name)
        if isinstance(column, Interned):
            return column.mask(test, self.low, self.high)
        return column.mask(test, could, self.low, self.high)

    def _column(self, name: str) -> Interned | Ids | OwnIds:
        store = self.store
        ids: dict[str, Ids | OwnIds] = {
            "id": store.own, "request_id": store.request_id, "upstream_id": store.upstream_id
        }  # fmt: skip
        return ids[name] if name in ids else store.text[name]

    def _compare(self, columns: Sequence[str], op: str, value: float) -> int:
        if columns == ("status",):
            return self._status(op, int(value))
        first, *others = (self._numbers(name) for name in columns)
        numbers = map(sum, zip(first, *others, strict=True)) if len(others) > 1 else first
        if len(others) == 1:
            numbers = map(add, first, others[0])
        found = _number(bytes(_OPERATORS[op](numbers, value)))
        if columns[0] in ("ttft_ms", "latency_ms") and op in ("=", "<", "<="):
            found &= self.ones ^ self._missing(columns[0])
        return found

    def _numbers(self, name: str) -> Sequence[float]:
        store = self.store
        own: dict[str, Sequence[float]] = {"cost_nano": store.cost, "ttft_ms": store.ttft, "latency_ms": store.latency}
        return (own.get(name) or store.count[name])[self.low : self.high]

    def _status(self, op: str, value: int) -> int:
        """A status has two bytes: each becomes masks by itself, so that no row is looked at in Python."""
        raw = self.store.status[self.low : self.high]
        data = raw.tobytes() if LITTLE else _swapped(raw)
        first, second = data[1::2], data[0::2]
        high, low = divmod(value, 256)
        same = _number(_equal(first, high))
        equal = same & _number(_equal(second, low))
        above = _number(_above(first, high)) | (same & _number(_above(second, low)))
        none = _number(_equal(first, 0)) & _number(_equal(second, 0))
        chosen = {
            "=": equal, ">": above, ">=": above | equal, "<": self.ones ^ (above | equal), "<=": self.ones ^ above
        }[op]  # fmt: skip
        return chosen & (self.ones ^ none)

    def _missing(self, column: str) -> int:
        if column == "status":
            return self.ones ^ self._status(">", 0)
        if column in ("ttft_ms", "latency_ms"):
            return _number(bytes([number < 0 for number in self._numbers(column)]))
        found = self._column(column)
        if isinstance(found, Interned):
            return _number(found.none_mask(self.low, self.high))
        if column == "upstream_id":
            return _number(bytes(found.get(row) is None for row in range(self.low, self.high)))
        return 0


def may_hold(needle: str, prefix: str, alphabet: str) -> bool:
    """Whether an id, this prefix and then characters of the alphabet, can hold the needle (lower case)."""
    prefix = fold(prefix)
    if needle in prefix:
        return True
    cuts = (cut for cut in range(len(needle)) if prefix.endswith(needle[:cut]))
    return any(all(character in alphabet for character in needle[cut:]) for cut in cuts)


def may_begin(head: str, prefix: str, alphabet: str) -> bool:
    """Whether such an id can begin so."""
    prefix = fold(prefix)
    if len(head) <= len(prefix):
        return prefix.startswith(head)
    return head.startswith(prefix) and all(character in alphabet for character in head[len(prefix) :])


def _swapped(numbers: array[int]) -> bytes:
    numbers.byteswap()
    return numbers.tobytes()


def _number(mask: bytes) -> int:
    return int.from_bytes(mask, "little")


def _equal(data: bytes, value: int) -> bytes:
    return data.translate(bytes(number == value for number in range(256)))


def _above(data: bytes, value: int) -> bytes:
    return data.translate(bytes(number > value for number in range(256)))
