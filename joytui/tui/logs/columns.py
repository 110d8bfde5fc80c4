"""The columns of the log store: repeated strings interned, ids packed into bytes, numbers in arrays as narrow as they can be.

A million requests have to fit into about 110 MB, so every byte of a row counts. Searching runs on whole columns: a mask
is a `bytes` with 1 for each row that matches, made by C code over the column (`bytes.translate`) wherever that works.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence

WIDER = {"B": "H", "H": "I", "I": "Q"}
LITTLE = array("H", [1]).tobytes() == b"\1\0"
LIMIT = {"B": 1 << 8, "H": 1 << 16, "I": 1 << 32, "Q": 1 << 64}


def extended(numbers: array[int], values: Sequence[int]) -> array[int]:
    """The array with non-negative values behind it; a wider one where they do not fit."""
    top = max(values, default=0)
    while top >= LIMIT[numbers.typecode]:
        numbers = array(WIDER[numbers.typecode], numbers)
    numbers.extend(iter(values))  # an array takes another one only of its own kind
    return numbers


def replaced(numbers: array[int], row: int, value: int) -> array[int]:
    """The array with another value in a row; a wider one where it does not fit."""
    while value >= LIMIT[numbers.typecode]:
        numbers = array(WIDER[numbers.typecode], numbers)
    numbers[row] = value
    return numbers


class Interned:
    """A column of strings of which few differ (keys, models, error types): one to four bytes a row."""

    __slots__ = ("_index", "rows", "values")

    def __init__(self) -> None:
        self.values: list[str | None] = [None]
        self._index: dict[str | None, int] = {None: 0}
        self.rows = array("B")

    def number(self, value: str | None) -> int:
        """The number of a value, a new one where it was not seen before."""
        index = self._index.get(value)
        if index is None:
            index = self._index[value] = len(self.values)
            self.values.append(value)
        return index

    def add(self, values: Sequence[str | None]) -> None:
        """Many rows behind the others."""
        index = self._index
        try:
            numbers = [index[value] for value in values]
        except KeyError:
            numbers = [self.number(value) for value in values]
        self.rows = extended(self.rows, numbers)

    def extend(self, other: Interned) -> None:
        """All rows of another column behind these; its numbers become ours."""
        numbers = [self.number(value) for value in other.values]
        self.rows = extended(self.rows, [numbers[row] for row in other.rows])

    def set(self, row: int, value: str | None) -> None:
        self.rows = replaced(self.rows, row, self.number(value))

    def get(self, row: int) -> str | None:
        return self.values[self.rows[row]]

    def drop(self, rows: int) -> None:
        """Without the first rows. Values that only they had stay: they are few."""
        del self.rows[:rows]

    def mask(self, test: Callable[[str], bool], low: int, high: int) -> bytes | None:
        """The rows from low to before high whose value passes; None where no value does."""
        table = bytes(value is not None and test(value) for value in self.values)
        return self._mask(table, low, high) if any(table) else None

    def none_mask(self, low: int, high: int) -> bytes:
        return self._mask(bytes(value is None for value in self.values), low, high)

    def _mask(self, table: bytes, low: int, high: int) -> bytes:
        rows = self.rows[low:high]
        if rows.typecode == "B":
            return rows.tobytes().translate(table.ljust(256, b"\0"))
        return bytes(map(table.__getitem__, rows))


NONE, PLAIN, FIRST_SHAPE, LAST_SHAPE = 0, 1, 2, 255


class Ids:
    """A column of ids that all differ. UUIDs and a prefix with hexadecimal digits ("resp_" and 32 of them) are packed
    into their bytes; anything else stands as it is. Five bytes a row beside that."""

    __slots__ = ("_blob", "_index", "_kinds", "_shapes", "_starts")

    def __init__(self) -> None:
        self._kinds = bytearray()
        self._starts = array("I")
        self._blob = bytearray()
        self._shapes: list[tuple[str, int, bool]] = []  # prefix, bytes, whether it is a UUID
        self._index: dict[tuple[str, int, bool], int] = {}

    def __len__(self) -> int:
        return len(self._kinds)

    def add(self, values: Iterable[str | None]) -> None:
        """Many rows behind the others."""
        values = values if isinstance(values, list) else list(values)
        if not self._add_alike(values):
            self._add_each(values)

    def _add_alike(self, values: list[str | None]) -> bool:
        """Ids of one shape at once, in a fifth of the time; False where they are not of one shape."""
        given = [value for value in values if value is not None]
        first = next(iter(given), "")
        kind, data = self._packed(first) if first else (NONE, b"")
        if kind < FIRST_SHAPE:
            return False
        prefix, size, uuid = self._shapes[kind - FIRST_SHAPE]
        joined = "".join(given)
        wide = len(first)
        if len(joined) != wide * len(given):
            return False
        signs = [(8, "-"), (13, "-"), (18, "-"), (23, "-")] if uuid else list(enumerate(prefix))
        if any(joined[at::wide] != sign * len(given) for at, sign in signs):
            return False
        digits = joined.replace("-", "") if uuid else joined.replace(prefix, "") if prefix else joined
        try:
            data = bytes.fromhex(digits)
        except ValueError:
            return False
        if len(data) != size * len(given) or data.hex() != digits:
            return False
        self._kinds += bytes([NONE if value is None else kind for value in values])
        self._starts.extend(_starts(values, len(self._blob), size))
        self._blob += data
        return True

    def _add_each(self, values: list[str | None]) -> None:
        for value in values:
            kind, data = self._packed(value)
            self._kinds.append(kind)
            self._starts.append(len(self._blob))
            self._blob += data

    def set(self, row: int, value: str | None) -> None:
        if value == self.get(row):
            return
        self._kinds[row], data = self._packed(value)
        self._starts[row] = len(self._blob)
        self._blob += data

    def extend(self, other: Ids) -> None:
        """All rows of another column behind these."""
        self.add(other.get(row) for row in range(len(other)))

    def drop(self, rows: int) -> None:
        """Without the first rows; the rest is packed anew."""
        rest = Ids()
        rest.add(self.get(row) for row in range(rows, len(self)))
        for name in self.__slots__:
            setattr(self, name, getattr(rest, name))

    def get(self, row: int) -> str | None:
        kind, start = self._kinds[row], self._starts[row]
        if kind == NONE:
            return None
        if kind == PLAIN:
            size = int.from_bytes(self._blob[start : start + 2], "little")
            return self._blob[start + 2 : start + 2 + size].decode("utf-8", "replace")
        prefix, size, uuid = self._shapes[kind - FIRST_SHAPE]
        digits = self._blob[start : start + size].hex()
        if uuid:
            return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
        return prefix + digits

    def find(self, value: str) -> int | None:
        """A row that holds exactly this id."""
        kind, data = self._packed(value)
        place = self._blob.find(data)
        while place >= 0:
            try:
                row = self._starts.index(place)
            except ValueError:
                row = -1
            if row >= 0 and self._kinds[row] == kind and self.get(row) == value:
                return row
            place = self._blob.find(data, place + 1)
        return None

    def mask(self, test: Callable[[str], bool], could: Callable[[str, str], bool], low: int, high: int) -> bytes | None:
        """The rows from low to before high whose id passes. `could(prefix, alphabet)`: whether an id of that prefix
        followed by characters of the alphabet may pass; where none may, nothing is unpacked."""
        alphabets = [(prefix, "0123456789abcdef-" if uuid else "0123456789abcdef") for prefix, _, uuid in self._shapes]
        table = bytes([0, 1, *(could(*shape) for shape in alphabets)]).ljust(256, b"\0")
        chosen = self._kinds[low:high].translate(table)
        if 1 not in chosen:
            return None
        found = bytearray(len(chosen))
        place = chosen.find(1)
        while place >= 0:
            found[place] = test(self.get(low + place) or "")
            place = chosen.find(1, place + 1)
        return bytes(found)

    def _packed(self, value: str | None) -> tuple[int, bytes]:
        if value is None:
            return NONE, b""
        if len(value) == 36 and value[8] == value[13] == value[18] == value[23] == "-":
            prefix, digits, uuid = "", value.replace("-", ""), True
        else:
            cut = max(value.rfind("_"), value.rfind("-")) + 1
            prefix, digits, uuid = value[:cut], value[cut:], False
        try:
            data = bytes.fromhex(digits)
        except ValueError:
            return self._plain(value)
        if len(data) < 4 or data.hex() != digits or (uuid and len(data) != 16):
            return self._plain(value)
        kind = self._kind((prefix, len(data), uuid))
        return (kind, data) if kind else self._plain(value)

    def _plain(self, value: str) -> tuple[int, bytes]:
        data = value.encode("utf-8", "replace")[:65535]
        return PLAIN, len(data).to_bytes(2, "little") + data

    def _kind(self, shape: tuple[str, int, bool]) -> int:
        kind = self._index.get(shape)
        if kind is None and len(self._shapes) < LAST_SHAPE - FIRST_SHAPE:
            self._shapes.append(shape)
            kind = self._index[shape] = FIRST_SHAPE + len(self._shapes) - 1
        return kind or NONE


def _starts(values: list[str | None], start: int, size: int) -> Iterable[int]:
    """Where each value's bytes begin, when those that are there stand one behind the other."""
    if None not in values:
        return range(start, start + size * len(values), size)
    starts = []
    for value in values:
        starts.append(start)
        start += size if value is not None else 0
    return starts


OWN = "req-"


class OwnIds:
    """The gateway's own ids ("req-" and 16 hexadecimal digits): eight bytes a row; any other text stands in a dict."""

    __slots__ = ("_numbers", "_other")

    def __init__(self) -> None:
        self._numbers = array("Q")
        self._other: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, values: Sequence[str]) -> None:
        if not self._add_alike(values):
            self._add_each(values)

    def _add_alike(self, values: Sequence[str]) -> bool:
        joined = "".join(values)
        digits = joined.replace(OWN, "")
        if any(joined[at::20] != sign * len(values) for at, sign in enumerate(OWN)) or len(digits) != 16 * len(values):
            return False
        try:
            data = bytes.fromhex(digits)
        except ValueError:
            return False
        numbers = array("Q", data)
        if LITTLE:
            numbers.byteswap()
        if data.hex() != digits or 0 in numbers or any(len(value) != 20 for value in values):
            return False
        self._numbers.extend(numbers)
        return True

    def _add_each(self, values: Sequence[str]) -> None:
        for value in values:
            number = own_number(value)
            if not number:
                self._other[len(self._numbers)] = value
            self._numbers.append(number)

    def extend(self, other: OwnIds) -> None:
        base = len(self)
        self._numbers.extend(other._numbers)
        self._other.update((base + row, text) for row, text in other._other.items())

    def drop(self, rows: int) -> None:
        del self._numbers[:rows]
        self._other = {row - rows: text for row, text in self._other.items() if row >= rows}

    def get(self, row: int) -> str:
        return f"{OWN}{number:016x}" if (number := self._numbers[row]) else self._other[row]

    def find(self, value: str) -> int | None:
        if number := own_number(value):
            try:
                return self._numbers.index(number)
            except ValueError:
                return None
        return next((row for row, text in self._other.items() if text == value), None)

    def mask(self, test: Callable[[str], bool], could: Callable[[str, str], bool], low: int, high: int) -> bytes | None:
        """Like `Ids.mask`."""
        if could(OWN, "0123456789abcdef"):
            return bytes(test(self.get(row)) for row in range(low, high))
        found = bytearray(high - low)
        for row, text in self._other.items():
            if low <= row < high:
                found[row - low] = test(text)
        return bytes(found) if any(found) else None


def own_number(text: str) -> int:
    """The number in an own id; 0 for any other text."""
    if len(text) != 20 or not text.startswith(OWN):
        return 0
    try:
        number = int(text[4:], 16)
    except ValueError:
        return 0
    return number if f"{number:016x}" == text[4:] else 0
