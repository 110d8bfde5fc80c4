"""The columns of the log store: repeated strings interned, unique ones in one blob, numbers in typed arrays."""

from __future__ import annotations

from array import array


class Interned:
    """A column of strings of which few differ (keys, models, error types): four bytes a row."""

    __slots__ = ("_index", "rows", "values")

    def __init__(self) -> None:
        self.values: list[str | None] = [None]
        self._index: dict[str | None, int] = {None: 0}
        self.rows = array("I")

    def number(self, value: str | None) -> int:
        """The number of a value, a new one where it was not seen before."""
        index = self._index.get(value)
        if index is None:
            index = self._index[value] = len(self.values)
            self.values.append(value)
        return index

    def append(self, value: str | None) -> None:
        self.rows.append(self.number(value))

    def extend(self, other: Interned) -> None:
        """All rows of another column behind these; its numbers become ours."""
        numbers = [self.number(value) for value in other.values]
        self.rows.extend(array("I", [numbers[row] for row in other.rows]))

    def set(self, row: int, value: str | None) -> None:
        self.rows[row] = self.number(value)

    def get(self, row: int) -> str | None:
        return self.values[self.rows[row]]


class Texts:
    """A column of strings that all differ (ids): their bytes in one blob, twelve bytes a row beside."""

    __slots__ = ("_blob", "_lengths", "_starts")

    def __init__(self) -> None:
        self._blob = bytearray()
        self._starts = array("Q")
        self._lengths = array("i")

    def append(self, value: str | None) -> None:
        start, length = self._store(value)
        self._starts.append(start)
        self._lengths.append(length)

    def extend(self, other: Texts) -> None:
        """All rows of another column behind these."""
        base = len(self._blob)
        self._blob += other._blob
        self._starts.extend(array("Q", [start + base for start in other._starts]))
        self._lengths.extend(other._lengths)

    def set(self, row: int, value: str | None) -> None:
        if value == self.get(row):
            return
        self._starts[row], self._lengths[row] = self._store(value)

    def get(self, row: int) -> str | None:
        length = self._lengths[row]
        if length < 0:
            return None
        start = self._starts[row]
        return self._blob[start : start + length].decode()

    def _store(self, value: str | None) -> tuple[int, int]:
        if value is None:
            return 0, -1
        data = value.encode("utf-8", "replace")
        start = len(self._blob)
        self._blob += data
        return start, len(data)
