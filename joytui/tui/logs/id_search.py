"""Looking for a piece of text in packed ids without unpacking them: where the piece may stand in an id of that shape is
worked out once; then whole columns of bytes are compared."""

from __future__ import annotations

from collections.abc import Iterator

from joytui.core.filters import fold
from joytui.core.packed_ids import DASHES, HEX, Shape
from joytui.tui.logs import masks

SEARCHED = 4
"""From so many digits on they are looked for as text first: that finds few, mostly."""
MOST_HITS = 20_000


class Slots:
    """Some rows of packed ids, `width` bytes each; `backwards`: the last byte first."""

    __slots__ = ("_backwards", "_data", "_planes", "_width")

    def __init__(self, data: bytes, width: int, *, backwards: bool = False) -> None:
        self._data = data
        self._width = width
        self._backwards = backwards
        self._planes: dict[int, bytes] = {}

    @property
    def rows(self) -> int:
        return len(self._data) // self._width

    def holding(self, shape: Shape, needle: str, *, at_start: bool) -> int:
        """The rows whose id, were it of that shape, holds the needle."""
        found = 0
        places: dict[str, list[int]] = {}
        for at, rest in placements(shape, needle, at_start=at_start):
            if not rest:
                return masks.ones(self.rows)
            places.setdefault(rest, []).append(at)
        for rest, starts in places.items():
            found |= self._at_any(rest, starts, text=shape.kind == "text")
        return found

    def _at_any(self, rest: str, starts: list[int], *, text: bool) -> int:
        if len(rest) >= SEARCHED and len(starts) > 2 and not self._backwards:
            rows = self._searched(rest, set(starts), text=text)
            if rows is not None:
                return masks.number(rows)
        found = 0
        for at in starts:
            found |= self._at_text(rest, at) if text else self._at_digits(rest, at)
        return found

    def _searched(self, rest: str, starts: set[int], *, text: bool) -> bytearray | None:
        """By the interpreter's own search; None where it finds too many to look at each."""
        whole = self._data.lower().decode("latin-1") if text else self._data.hex()
        wide = self._width if text else 2 * self._width
        rows = bytearray(self.rows)
        hits, place = 0, whole.find(rest)
        while place >= 0:
            hits += 1
            if hits > MOST_HITS:
                return None
            row, at = divmod(place, wide)
            rows[row] |= at in starts
            place = whole.find(rest, place + 1)
        return rows

    def _plane(self, at: int) -> bytes:
        """One byte of every row."""
        if at not in self._planes:
            self._planes[at] = self._data[self._width - 1 - at if self._backwards else at :: self._width]
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


def _two_digits(pair: str) -> bytes:
    """A byte shown in hexadecimal has these two digits; "?" is any."""
    high = HEX if pair[0] == "?" else pair[0]
    low = HEX if pair[1] == "?" else pair[1]
    table = bytearray(256)
    for first in high:
        for second in low:
            table[int(first + second, 16)] = 1
    return bytes(table)


def placements(shape: Shape, needle: str, *, at_start: bool) -> Iterator[tuple[int, str]]:
    """Where the needle may stand in an id of this shape: the place behind the prefix (in digits or characters, dashes not
    counted), and what of it must stand there. Nothing of it: it lies wholly in what all ids of the shape share."""
    prefix = fold(shape.prefix)
    length = {"uuid": 36, "hex": 2 * shape.size, "text": shape.size}[shape.kind]
    for start in range(1 if at_start else len(prefix) + length - len(needle) + 1):
        rest = _rest(shape, prefix, length, needle, start)
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
