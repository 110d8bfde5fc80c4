"""The columns of the log store: repeated texts by number, numbers in arrays, ids as they are.

Ten thousand requests come in a second, so rows are added, and searched, by whole columns. Every column has `add` (rows behind
the others), `prepend` (another column's rows before them), `put` (other values in some rows), `drop` (the first rows leave), a
reading by row, `size` (bytes of all rows), `mask` and `missing` (the rows from low to before high that pass, that have no value:
see `masks`).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from itertools import compress, count
from math import ceil
from sys import getsizeof

from joytui.core.columnar import LIMITS, Coded, narrow
from joytui.tui.logs import masks

ORDER = "BHIQ"
RUNNING = 0
NO_STATUS = 999
"""What is in the column of a status while a request runs, and where it ended without one (no answer came, or none is known)."""


def joined(first: array[int], second: array[int]) -> array[int]:
    """One array behind the other, in the kind of the wider; the first is changed where it is that."""
    kind = max(first.typecode, second.typecode, key=ORDER.index)
    whole = first if first.typecode == kind else array(kind, first)
    whole.extend(second if second.typecode == kind else array(kind, second))
    return whole


class Numbers:
    """Unsigned numbers, one, two, four or eight bytes each: as many as the largest needs."""

    __slots__ = ("rows",)

    def __init__(self) -> None:
        self.rows = array("B")

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def size(self) -> int:
        return len(self.rows) * self.rows.itemsize

    def __getitem__(self, row: int) -> int:
        return self.rows[row]

    def add(self, numbers: array[int]) -> None:
        self.rows = joined(self.rows, numbers)

    def prepend(self, other: Numbers) -> None:
        self.rows = joined(other.rows[:], self.rows)

    def put(self, places: Sequence[int], values: Sequence[int]) -> None:
        top = max(values)
        while top >= LIMITS[self.rows.typecode]:
            self.rows = array(ORDER[ORDER.index(self.rows.typecode) + 1], self.rows)
        rows = self.rows
        for place, value in zip(places, values, strict=True):
            rows[place] = value

    def drop(self, rows: int) -> None:
        del self.rows[:rows]

    def mask(self, op: str, value: float, low: int, high: int) -> int:
        return masks.compare(self.rows[low:high], op, value)

    def missing(self, low: int, high: int) -> int:
        return 0


class Spans(Numbers):
    """Milliseconds to a hundredth, or none. Kept as hundredths and one more, so that 0 is none; read as -1.0 if there is none."""

    __slots__ = ()

    def __getitem__(self, row: int) -> float:  # type: ignore[override]
        number = self.rows[row]
        return (number - 1) / 100 if number else -1.0

    def missing(self, low: int, high: int) -> int:
        return masks.compare(self.rows[low:high], "=", 0)

    def mask(self, op: str, value: float, low: int, high: int) -> int:
        rows = self.rows[low:high]
        if op == "=":
            step = round(value * 100)
            return masks.compare(rows, "=", step + 1) if step >= 0 and step / 100 == value else 0
        edge = _first_step(value, above=op in (">", "<=")) + 1
        if op in (">", ">="):
            return masks.compare(rows, ">=", max(1, edge))
        return masks.compare(rows, "<", edge) & masks.compare(rows, ">", 0)


def _first_step(value: float, *, above: bool) -> int:
    """The smallest number of hundredths that is at least the value, or above it."""
    if value > LIMITS["Q"] / 200:
        return LIMITS["Q"]
    step = max(-1, ceil(value * 100) - 1)
    while step / 100 < value or (above and step / 100 == value):
        step += 1
    return step


MANY_VALUES = 1_000


class Interned:
    """Texts of which few differ (keys, models, error types): one to four bytes a row."""

    __slots__ = ("_index", "rows", "values")

    def __init__(self) -> None:
        self.values: list[str | None] = [None]
        self._index: dict[str | None, int] = {None: 0}
        self.rows = array("B")

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def size(self) -> int:
        return len(self.rows) * self.rows.itemsize

    def is_blank(self) -> bool:
        """Whether no row ever had a value."""
        return len(self.values) == 1

    def _number(self, value: str | None) -> int:
        """The number of a value, a new one where it was not seen before."""
        index = self._index.get(value)
        if index is None:
            index = self._index[value] = len(self.values)
            self.values.append(value)
        return index

    def _renumbered(self, values: Sequence[str | None], codes: array[int]) -> array[int]:
        """Another column's codes in our numbers."""
        ours = [self._number(value) for value in values]
        if codes.typecode == "B" and max(ours, default=0) < 256:
            return array("B", codes.tobytes().translate(bytes(ours).ljust(256, b"\0")))
        numbers = [ours[code] for code in codes]
        kind = self.rows.typecode
        return array(kind, numbers) if max(ours, default=0) < LIMITS[kind] else narrow(numbers)

    def add(self, texts: Coded) -> None:
        self.rows = joined(self.rows, self._renumbered(*texts))

    def prepend(self, other: Interned) -> None:
        self.rows = joined(self._renumbered(other.values, other.rows), self.rows)

    def put(self, places: Sequence[int], values: Sequence[str | None]) -> None:
        numbers = [self._number(value) for value in values]
        while max(numbers) >= LIMITS[self.rows.typecode]:
            self.rows = array(ORDER[ORDER.index(self.rows.typecode) + 1], self.rows)
        for place, value in zip(places, numbers, strict=True):
            self.rows[place] = value

    def get(self, row: int) -> str | None:
        return self.values[self.rows[row]]

    def places(self, value: str, low: int = 0) -> list[int]:
        """The rows from low on that hold a value."""
        code = self._index.get(value)
        return [] if code is None else [*compress(count(low), map(code.__eq__, self.rows[low:]))]

    def drop(self, rows: int) -> None:
        """Without the first rows. Where many values were theirs alone (each error's amounts, yesterday's threads), the
        others are numbered again."""
        del self.rows[:rows]
        if len(self.values) > MANY_VALUES and len(used := set(self.rows)) < len(self.values) // 2:
            old, codes = self.values, self.rows
            self.values, self._index, self.rows = [None], {None: 0}, array("B")
            numbers = {code: self._number(old[code]) for code in used}
            self.rows = narrow([numbers[code] for code in codes])

    def mask(self, test: Callable[[str], bool], low: int, high: int) -> int:
        table = bytes(value is not None and test(value) for value in self.values)
        return masks.chosen(self.rows[low:high], table)

    def missing(self, low: int, high: int) -> int:
        return masks.chosen(self.rows[low:high], bytes(value is None for value in self.values))


class Ids:
    """Texts that all differ."""

    __slots__ = ("rows",)

    def __init__(self) -> None:
        self.rows: list[str | None] = []

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def size(self) -> int:
        return sum(map(getsizeof, self.rows), getsizeof(self.rows))

    def add(self, ids: Sequence[str | None]) -> None:
        self.rows.extend(ids)

    def prepend(self, other: Ids) -> None:
        self.rows[:0] = other.rows

    def put(self, places: Sequence[int], values: Sequence[str | None]) -> None:
        for place, value in zip(places, values, strict=True):
            self.rows[place] = value

    def get(self, row: int) -> str | None:
        return self.rows[row]

    def drop(self, rows: int) -> None:
        del self.rows[:rows]

    def find(self, value: str) -> int | None:
        """A row that holds exactly this id."""
        try:
            return self.rows.index(value)
        except ValueError:
            return None

    def mask(self, test: Callable[[str], bool], low: int, high: int) -> int:
        return masks.number(bytes(value is not None and test(value) for value in self.rows[low:high]))

    def missing(self, low: int, high: int) -> int:
        return masks.number(bytes(value is None for value in self.rows[low:high]))
