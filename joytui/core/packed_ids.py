"""Ids in few bytes: a UUID, or a prefix with hexadecimal digits ("resp_" and 32 of them), is its prefix once and its bytes.

Any other short ASCII id keeps its own characters behind the prefix; what is longer or no ASCII is not packed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

MOST_BYTES = 48
DASHES = (8, 13, 18, 23)
"""Where a UUID's text has its dashes."""
HEX = "0123456789abcdef"


class Shape(NamedTuple):
    """What ids have in common: `prefix`, then `size` bytes, shown as digits, as a UUID, or as the characters they are."""

    prefix: str
    size: int
    kind: Literal["hex", "uuid", "text"]


class Packed(NamedTuple):
    """Ids of one shape: `size` bytes for each row, and in `there` a 1 for each row that has an id, else 0 (zeros then)."""

    shape: Shape
    data: bytes
    there: bytes

    def texts(self) -> list[str | None]:
        size = self.shape.size
        return [
            text_of(self.shape, self.data[row * size : row * size + size]) if is_there else None
            for row, is_there in enumerate(self.there)
        ]


OWN = Shape("req-", 8, "hex")
"""The gateway's own ids."""


def own_ids(numbers: bytes, many: int) -> Packed:
    """Own ids by their numbers (eight bytes each, the highest first)."""
    return Packed(OWN, numbers, b"\1" * many)


def text_of(shape: Shape, data: bytes) -> str:
    """The id again."""
    if shape.kind == "text":
        return shape.prefix + data.decode("ascii")
    digits = data.hex()
    if shape.kind == "uuid":
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
    return shape.prefix + digits


def packed(value: str) -> tuple[Shape, bytes] | None:
    """An id as shape and bytes; None where it cannot be packed."""
    if len(value) == 36 and value[8] == value[13] == value[18] == value[23] == "-":
        data = _bytes(value.replace("-", ""))
        if data is not None and len(data) == 16:
            return Shape("", 16, "uuid"), data
    cut = max(value.rfind("_"), value.rfind("-")) + 1
    if any(c.isdigit() for c in value[:cut]):
        cut = 0
    prefix, rest = value[:cut], value[cut:]
    data = _bytes(rest)
    if data is not None and 4 <= len(data) <= MOST_BYTES:
        return Shape(prefix, len(data), "hex"), data
    if 0 < len(rest) <= MOST_BYTES and value.isascii() and value.isprintable():
        return Shape(prefix, len(rest), "text"), rest.encode()
    return None


def _bytes(digits: str) -> bytes | None:
    try:
        data = bytes.fromhex(digits)
    except ValueError:
        return None
    return data if data.hex() == digits else None


def pack(values: Sequence[str | None]) -> Packed | None:
    """Ids that have one shape, of hexadecimal digits; None where they have not. A fifth of a microsecond each."""
    given = [value for value in values if value is not None]
    found = packed(given[0]) if given else None
    if found is None or found[0].kind == "text":
        return None
    shape, wide, many = found[0], len(given[0]), len(given)
    joined = "".join(given)
    signs = [(at, "-") for at in DASHES] if shape.kind == "uuid" else list(enumerate(shape.prefix))
    if len(joined) != wide * many or any(joined[at::wide] != sign * many for at, sign in signs):
        return None
    digits = joined.replace("-", "") if shape.kind == "uuid" else joined
    if shape.prefix:
        digits = joined.replace(shape.prefix, "")
    data = _bytes(digits)
    if data is None or len(data) != shape.size * many:
        return None
    if many == len(values):
        return Packed(shape, data, b"\1" * many)
    return Packed(shape, _spread(values, data, shape.size), bytes(value is not None for value in values))


def _spread(values: Sequence[str | None], data: bytes, size: int) -> bytes:
    """Zeros where there is no id."""
    parts, at, none = [], 0, bytes(size)
    for value in values:
        if value is None:
            parts.append(none)
        else:
            parts.append(data[at : at + size])
            at += size
    return b"".join(parts)


def relaid(data: bytes | bytearray, size: int, width: int) -> bytes | bytearray:
    """The same with `width` bytes for each row, zeros behind; the width is not smaller than the size."""
    if size == width:
        return data
    wide = bytearray(len(data) // size * width)
    for at in range(size):
        wide[at::width] = data[at::size]
    return wide
