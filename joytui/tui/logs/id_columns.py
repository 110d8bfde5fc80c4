"""The columns of ids, which all differ: packed into their bytes (core.packed_ids), each row as wide as the widest."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Sequence
from itertools import compress

from joytui.core.columnar import IdColumn, own_number, own_numbers
from joytui.core.packed_ids import OWN, Packed, Shape, pack, packed, relaid, text_of
from joytui.tui.logs import masks
from joytui.tui.logs.id_search import Slots, Where

NONE, OTHER, FIRST_SHAPE, MOST_SHAPES = 0, 1, 2, 254
Test = Callable[[str], bool]


class Ids:
    """Sixteen bytes and one more for each UUID; what cannot be packed stands in a dict."""

    __slots__ = ("_data", "_index", "_kinds", "_other", "_shapes", "_width")

    def __init__(self) -> None:
        self._kinds = bytearray()
        self._data = bytearray()
        self._width = 1
        self._shapes: list[Shape] = []
        self._index: dict[Shape, int] = {}
        self._other: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._kinds)

    @property
    def size(self) -> int:
        return len(self._kinds) + len(self._data)

    def add(self, ids: IdColumn) -> None:
        """Many rows behind the others."""
        whole = ids if isinstance(ids, Packed) else pack(ids)
        kind = self._kind(whole.shape) if whole else OTHER
        if whole is not None and kind != OTHER:
            self._kinds += whole.there.translate(bytes([NONE, kind]).ljust(256, b"\0"))
            self._data += relaid(whole.data, whole.shape.size, self._width)
            return
        texts = ids.texts() if isinstance(ids, Packed) else ids
        if not any(texts):
            self._kinds += bytes(len(texts))
            self._data += bytes(len(texts) * self._width)
            return
        for text in texts:
            self._append(text)

    def _append(self, value: str | None) -> None:
        kind, data = self._packed(value)
        if kind == OTHER:
            self._other[len(self._kinds)] = value or ""
        self._kinds.append(kind)
        self._data += data.ljust(self._width, b"\0")

    def _packed(self, value: str | None) -> tuple[int, bytes]:
        found = packed(value) if value is not None else None
        if found is None:
            return NONE if value is None else OTHER, b""
        kind = self._kind(found[0])
        return kind, found[1] if kind != OTHER else b""

    def _kind(self, shape: Shape) -> int:
        """The number of a shape; rows grow as wide as it needs. OTHER where there are too many shapes."""
        kind = self._index.get(shape)
        if kind is None:
            if len(self._shapes) >= MOST_SHAPES:
                return OTHER
            kind = self._index[shape] = FIRST_SHAPE + len(self._shapes)
            self._shapes.append(shape)
            if shape.size > self._width:
                self._data = bytearray(relaid(self._data, self._width, shape.size))
                self._width = shape.size
        return kind

    def put(self, places: Sequence[int], values: Sequence[str | None]) -> None:
        for place, value in zip(places, values, strict=True):
            kind, data = self._packed(value)
            self._other.pop(place, None)
            if kind == OTHER:
                self._other[place] = value or ""
            self._kinds[place] = kind
            self._data[place * self._width : (place + 1) * self._width] = data.ljust(self._width, b"\0")

    def prepend(self, other: Ids) -> None:
        """Another column's rows before these; they are few, so they are packed anew."""
        front = Ids()
        for shape in self._shapes:
            front._kind(shape)
        for row in range(len(other)):
            front._append(other.get(row))
        self._data = front._data + relaid(self._data, self._width, front._width)
        self._kinds = front._kinds + self._kinds
        self._other = {**front._other, **{row + len(front): text for row, text in self._other.items()}}
        self._shapes, self._index, self._width = front._shapes, front._index, front._width

    def drop(self, rows: int) -> None:
        del self._kinds[:rows]
        del self._data[: rows * self._width]
        self._other = {row - rows: text for row, text in self._other.items() if row >= rows}

    def get(self, row: int) -> str | None:
        kind = self._kinds[row]
        if kind < FIRST_SHAPE:
            return self._other[row] if kind == OTHER else None
        shape = self._shapes[kind - FIRST_SHAPE]
        start = row * self._width
        return text_of(shape, bytes(self._data[start : start + shape.size]))

    def find(self, value: str) -> int | None:
        """A row that holds exactly this id."""
        found = packed(value)
        kind = self._index.get(found[0]) if found else None
        if found is None or kind is None:
            return next((row for row, text in self._other.items() if text == value), None)
        place = self._data.find(found[1])
        while place >= 0:
            row, aside = divmod(place, self._width)
            if not aside and self._kinds[row] == kind:
                return row
            place = self._data.find(found[1], place + 1)
        return next((row for row, text in self._other.items() if text == value), None)

    def holding(self, needle: str, low: int, high: int, where: Where = "anywhere") -> int:
        """The rows from low to before high whose id holds the (folded) text there."""
        kinds = bytes(self._kinds[low:high])
        slots = Slots(bytes(self._data[low * self._width : high * self._width]), self._width)
        found = 0
        for kind, shape in enumerate(self._shapes, FIRST_SHAPE):
            rows = masks.number(kinds.translate(bytes(kind) + b"\1" + bytes(255 - kind))) if kind in kinds else 0
            if rows:
                found |= rows & slots.holding(shape, needle, where)
        return found | others_holding(self._other, _test(needle, where), low, high)

    def missing(self, low: int, high: int) -> int:
        return masks.number(bytes(self._kinds[low:high]).translate(b"\1" + bytes(255)))


def _test(needle: str, where: Where) -> Test:
    if where == "start":
        return lambda text: text.startswith(needle)
    if where == "end":
        return lambda text: text.endswith(needle)
    return lambda text: needle in text


def others_holding(others: dict[int, str], test: Test, low: int, high: int) -> int:
    """The rows among those that stand by themselves whose folded text passes."""
    from joytui.core.filters import fold

    rows = [row for row, text in others.items() if low <= row < high and test(fold(text))]
    if not rows:
        return 0
    mask = bytearray(high - low)
    for row in rows:
        mask[row - low] = 1
    return masks.number(mask)


class OwnIds:
    """The gateway's own ids: eight bytes a row; any other text stands in a dict."""

    __slots__ = ("_numbers", "_other")

    def __init__(self) -> None:
        self._numbers = array("Q")
        self._other: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def size(self) -> int:
        return len(self._numbers) * self._numbers.itemsize

    def add(self, ids: IdColumn) -> None:
        whole = ids if isinstance(ids, Packed) else pack(ids)
        if whole is not None and whole.shape == OWN:
            numbers = own_numbers(whole.data)
            if 0 not in numbers:
                self._numbers.extend(numbers)
                return
        for text in ids.texts() if isinstance(ids, Packed) else ids:
            number = own_number(text or "")
            if not number:
                self._other[len(self._numbers)] = text or ""
            self._numbers.append(number)

    def prepend(self, other: OwnIds) -> None:
        many = len(other)
        self._numbers = other._numbers + self._numbers
        self._other = {**other._other, **{row + many: text for row, text in self._other.items()}}

    def drop(self, rows: int) -> None:
        del self._numbers[:rows]
        self._other = {row - rows: text for row, text in self._other.items() if row >= rows}

    def get(self, row: int) -> str:
        return f"{OWN.prefix}{number:016x}" if (number := self._numbers[row]) else self._other[row]

    def find(self, value: str) -> int | None:
        if number := own_number(value):
            try:
                return self._numbers.index(number)
            except ValueError:
                return None
        return next((row for row, text in self._other.items() if text == value), None)

    def known(self, keys: Sequence[int | str]) -> set[int | str]:
        """Those of the keys (`Block.keys`) that stand here. Of a million rows only those are looked at whose numbers lie
        between the least and the greatest."""
        numbers = {key for key in keys if isinstance(key, int)}
        found: set[int | str] = {*self._other.values()} if self._other else set()
        found.intersection_update(keys)
        if numbers:
            low, high = min(numbers), max(numbers)
            between = masks.compare(self._numbers, ">=", low) & masks.compare(self._numbers, "<=", high)
            if between:
                found |= numbers.intersection(compress(self._numbers, between.to_bytes(len(self), "little")))
        return found

    def behind(self, rows: Sequence[int]) -> str:
        """An id before which the gateway has all these rows: the one after the greatest, as ids grow with time; the next
        row's where they are no numbers."""
        if self._other and any(row in self._other for row in rows):
            return self.get(min(rows[-1] + 1, len(self) - 1))
        return f"{OWN.prefix}{max(self._numbers[row] for row in rows) + 1:016x}"

    def holding(self, needle: str, low: int, high: int, where: Where = "anywhere") -> int:
        """Like `Ids.holding`."""
        numbers = self._numbers[low:high]
        if sys.byteorder == "little":
            numbers.byteswap()
        found = Slots(numbers.tobytes(), 8).holding(OWN, needle, where)
        if not self._other:
            return found
        others = masks.compare(numbers, "=", 0)
        return (found & (masks.ones(high - low) ^ others)) | others_holding(
            self._other, _test(needle, where), low, high
        )
