"""Looking for a piece of text in packed ids without unpacking them: where the piece may stand in an id of that shape is
worked out once; then whole columns of bytes are compared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from joytui.core.filters import fold
from joytui.core.packed_ids import DASHES, HEX, Shape
from joytui.tui.logs import masks

Where = Literal["anywhere", "start", "end"]
"""Where in an id the text has to stand."""
MOST_HITS = 20_000
"""So many are looked at one by one; where there are more, whole columns of bytes are compared."""


class Slots:
    """Some rows of packed ids, `width` bytes each."""

    __slots__ = ("_data", "_planes", "_width")

    def __init__(self, data: bytes, width: int) -> None:
        self._data = data
        self._width = width
        self._planes: dict[int, bytes] = {}

    @property
    def rows(self) -> int:
        return len(self._data) // self._width

    def holding(self, shape: Shape, needle: str, where: Where = "anywhere") -> int:
        """The rows whose id, were it of that shape, holds the needle there."""
        found = 0
        places: dict[str, set[int]] = {}
        for at, rest in placements(shape, needle, where):
            if not rest:
                return masks.ones(self.rows)
            places.setdefault(rest, set()).add(at)
        for rest, starts in places.items():
            found |= self._at_any(rest, starts, text=shape.kind == "text")
        return found

    def _at_any(self, rest: str, starts: set[int], *, text: bool) -> int:
        if len(rest) > 1 and len(starts) > 2:
            rows = bytearray(self.rows)
            if self._search_text(rest, starts, rows) if text else self._search_digits(rest, starts, rows):
                return masks.number(rows)
        found = 0
        for at in starts:
            found |= self._at_text(rest, at) if text else self._at_digits(rest, at)
        return found

    # By the interpreter's own search: it passes over what does not fit at a gigabyte a second

    def _search_text(self, text: str, starts: set[int], rows: bytearray) -> bool:
        return self._mark(rows, _pattern(text.encode()), self._data.lower(), starts)

    def _search_digits(self, digits: str, starts: set[int], rows: bytearray) -> bool:
        """Digits that begin in the upper half of a byte are searched as bytes; so are those that begin in the lower half,
        without the first of them, which is looked at after that. Where that leaves too little, all moves by a digit."""
        upper = {at // 2 for at in starts if not at % 2}
        lower = {at // 2 + 1 for at in starts if at % 2}  # the byte behind
        if upper and not self._mark(rows, _digits_pattern(digits), self._data, upper):
            return False
        if not lower:
            return True
        if len(digits) > 3:
            return self._mark(rows, _digits_pattern(digits[1:]), self._data, lower, before=int(digits[0], 16))
        moved = (int.from_bytes(self._data, "big") >> 4).to_bytes(len(self._data), "big")
        return self._mark(rows, _digits_pattern(digits), moved, lower)

    def _mark(
        self, rows: bytearray, pattern: re.Pattern[bytes], data: bytes, starts: set[int], before: int | None = None
    ) -> bool:
        """Marks the rows where it stands at one of the bytes, behind that digit. False: too many hits to look at each."""
        width = self._width
        for hits, hit in enumerate(pattern.finditer(data)):
            if hits == MOST_HITS:
                return False
            place = hit.start()
            row, at = divmod(place, width)
            if at in starts and (before is None or data[place - 1] & 15 == before):
                rows[row] = 1
        return True

    # By whole columns of bytes

    def _plane(self, at: int) -> bytes:
        """One byte of every row."""
        if at not in self._planes:
            self._planes[at] = self._data[at :: self._width]
        return self._planes[at]

    def _at_digits(self, digits: str, at: int) -> int:
        found = -1
        padded = "?" * (at % 2) + digits + "?" * ((at + len(digits)) % 2)
        for index in range(0, len(padded), 2):
            plane = self._plane(at // 2 + index // 2)
            found &= masks.number(plane.translate(_two_digits(padded[index : index + 2])))
            if not found:
                return 0
        return found

    def _at_text(self, text: str, at: int) -> int:
        found = -1
        for index, character in enumerate(text):
            table = bytes(fold(chr(code)) == character if code < 128 else False for code in range(256))
            found &= masks.number(self._plane(at + index).translate(table))
            if not found:
                return 0
        return found


def _pattern(piece: bytes, behind: bytes = b"") -> re.Pattern[bytes]:
    """Finds the piece wherever it begins, also within itself."""
    return re.compile(re.escape(piece[:1]) + b"(?=" + re.escape(piece[1:]) + behind + b")")


def _digits_pattern(digits: str) -> re.Pattern[bytes]:
    """Digits that begin with a byte; the last one may be the upper half of one."""
    whole = len(digits) // 2 * 2
    high = int(digits[whole:] or "0", 16) << 4
    half = b"[" + re.escape(bytes([high])) + b"-" + re.escape(bytes([high + 15])) + b"]"
    return _pattern(bytes.fromhex(digits[:whole]), half if whole < len(digits) else b"")


def _two_digits(pair: str) -> bytes:
    """A byte shown in hexadecimal has these two digits; "?" is any."""
    high = HEX if pair[0] == "?" else pair[0]
    low = HEX if pair[1] == "?" else pair[1]
    table = bytearray(256)
    for first in high:
        for second in low:
            table[int(first + second, 16)] = 1
    return bytes(table)


def placements(shape: Shape, needle: str, where: Where = "anywhere") -> Iterator[tuple[int, str]]:
    """Where the needle may stand in an id of this shape: the place behind the prefix (in digits or characters, dashes not
    counted), and what of it must stand there. Nothing of it: it lies wholly in what all ids of the shape share."""
    prefix = fold(shape.prefix)
    length = {"uuid": 36, "hex": 2 * shape.size, "text": shape.size}[shape.kind]
    last = len(prefix) + length - len(needle)
    for start in range(last if where == "end" else 0, 1 if where == "start" else last + 1):
        rest = _rest(shape, prefix, length, needle, start) if start >= 0 else None
        if rest is not None:
            yield rest


def _rest(shape: Shape, prefix: str, length: int, needle: str, start: int) -> tuple[int, str] | None:
    """What of the needle is left to be looked for when it stands there; None where it cannot stand there."""
    if start + len(needle) > len(prefix) + length:
        return None
    shared = needle[: max(0, len(prefix) - start)]
    if shared and not prefix.startswith(shared, start):
        return None
    rest, at = needle[len(shared) :], max(0, start - len(prefix))
    if shape.kind == "text":
        return (at, rest) if rest.isascii() else None
    dashes = DASHES if shape.kind == "uuid" else ()
    digits = ""
    for index, character in enumerate(rest, at):
        if (index in dashes) != (character == "-"):
            return None
        digits += character.replace("-", "")
    if any(digit not in HEX for digit in digits):
        return None
    return at - sum(dash < at for dash in dashes), digits
