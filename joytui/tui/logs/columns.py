"""The columns of the log store: repeated texts by number, numbers in arrays as narrow as they can be.

A million requests have to fit into about 110 MB, so every byte of a row counts; and ten thousand come in a second, so rows are
added, and searched, by whole columns. Every column has `add` (rows behind the others), `prepend` (another column's rows before
them), `put` (other values in some rows), `take` (some rows, for another column), `drop` (the first rows leave) and a reading by
row.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from math import ceil

from joytui.core.columnar import LIMITS, Coded, narrow
from joytui.tui.logs import masks

ORDER = "BHIQ"


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
        """Bytes of all rows."""
        return len(self.rows) * self.rows.itemsize

    def __getitem__(self, row: int) -> int:
        return self.rows[row]

    def add(self, numbers: array[int]) -> None:
        self.rows = joined(self.rows, self._fitting(numbers))

    def _fitting(self, numbers: array[int]) -> array[int]:
        """As narrow as ours where the values allow it: one wide batch must not widen a million rows."""
        if ORDER.index(numbers.typecode) > ORDER.index(self.rows.typecode):
            return narrow(numbers)
        return numbers

    def prepend(self, other: Numbers) -> None:
        front = other.rows[:]
        kind = max(front.typecode, self.rows.typecode, key=ORDER.index)
        self.rows = joined(front if front.typecode == kind else array(kind, front), self.rows)

    def put(self, places: Sequence[int], values: Sequence[int]) -> None:
        top = max(values)
        while top >= LIMITS[self.rows.typecode]:
            self.rows = array(ORDER[ORDER.index(self.rows.typecode) + 1], self.rows)
        rows = self.rows
        for place, value in zip(places, values, strict=True):
            rows[place] = value

    def drop(self, rows: int) -> None:
        del self.rows[:rows]

    def take(self, rows: Sequence[int]) -> array[int]:
        """Some rows as `add` takes them."""
        return array(self.rows.typecode, [self.rows[row] for row in rows])

    def mask(self, op: str, value: float, low: int, high: int) -> int:
        return masks.compare(self.rows[low:high], op, value)


class Spans(Numbers):
    """Milliseconds to a hundredth, or none. Kept as hundredths and one more, so that 0 is none; read as -1.0 where there is none."""

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
BEFORE_MS = 20 * 86_400_000


class Times:
    """Milliseconds since 1970 as distances from a moment before the first: four bytes for some seven weeks, else eight."""

    __slots__ = ("_from", "_rows")

    def __init__(self) -> None:
        self._from = 0
        self._rows = array("I")

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def size(self) -> int:
        return len(self._rows) * self._rows.itemsize

    def __getitem__(self, row: int) -> int:
        return self._rows[row] + self._from

    def add(self, times: array[int]) -> None:
        distances = self._distances(times)  # which may make our own rows wider
        self._rows.extend(distances)

    def _distances(self, times: array[int]) -> array[int]:
        if not len(times):
            return array(self._rows.typecode)
        if not self._rows:
            self._from = max(0, times[0] - BEFORE_MS)
        low, high = min(times) - self._from, max(times) - self._from
        if low < 0 or high >= LIMITS[self._rows.typecode]:
            self._rows = array("Q", [row + self._from for row in self._rows])
            self._from = 0
        start = self._from
        return array(self._rows.typecode, [time - start for time in times])

    def prepend(self, other: Times) -> None:
        if len(other):
            front = self._distances(array("Q", [row + other._from for row in other._rows]))
            front.extend(self._rows)
            self._rows = front

    def put(self, places: Sequence[int], values: Sequence[int]) -> None:
        distances = self._distances(array("Q", values))
        for place, distance in zip(places, distances, strict=True):
            self._rows[place] = distance

    def drop(self, rows: int) -> None:
        del self._rows[:rows]

    def take(self, rows: Sequence[int]) -> array[int]:
        return array("Q", [self._rows[row] + self._from for row in rows])

    def mask(self, op: str, value: int, low: int, high: int) -> int:
        return masks.compare(self._rows[low:high], op, value - self._from)


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

    def drop(self, rows: int) -> None:
        """Without the first rows. Where many values were theirs alone (each error's amounts, yesterday's threads), the
        others are numbered anew."""
        del self.rows[:rows]
        if len(self.values) > MANY_VALUES and len(used := set(self.rows)) < len(self.values) // 2:
            old, codes = self.values, self.rows
            self.values, self._index, self.rows = [None], {None: 0}, array("B")
            numbers = {code: self._number(old[code]) for code in used}
            self.rows = narrow([numbers[code] for code in codes])

    def mask(self, test: Callable[[str], bool], low: int, high: int) -> int:
        """The rows from low to before high whose value passes."""
        table = bytes(value is not None and test(value) for value in self.values)
        return masks.chosen(self.rows[low:high], table)

    def missing(self, low: int, high: int) -> int:
        return masks.chosen(self.rows[low:high], bytes(value is None for value in self.values))
