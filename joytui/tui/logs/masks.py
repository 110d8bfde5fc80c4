"""Masks over columns: an integer whose bytes (little-endian) are 1 for the rows that match.

`&`, `|` and `^` of a hundred thousand rows take a fraction of a millisecond, and so does `bytes.translate`. A column of numbers
is looked at byte by byte of its numbers (every fourth byte is the highest of a 32-bit number, …), so that no row is looked at in
Python.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from math import ceil, floor, isfinite


def number(mask: bytes | bytearray) -> int:
    return int.from_bytes(mask, "little")


def ones(rows: int) -> int:
    return number(b"\1" * rows)


def little(numbers: array[int]) -> bytes:
    """The bytes of an array, the lowest of each number first."""
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()


def compare(numbers: array[int], op: str, value: float) -> int:
    """The rows whose (unsigned) number compares so with the value."""
    every = ones(len(numbers))
    if not isfinite(value):
        return every if (value > 0) == (op in ("<", "<=")) and op != "=" else 0
    if op in ("<", "<="):
        return every ^ compare(numbers, ">=" if op == "<" else ">", value)
    if op == "=":
        return _equal(numbers, int(value)) if value == int(value) else 0
    return _at_least(numbers, floor(value) + 1 if op == ">" else ceil(value), every)


def _planes(numbers: array[int]) -> list[bytes]:
    """One byte of each number, the highest first."""
    data, wide = little(numbers), numbers.itemsize
    return [data] if wide == 1 else [data[at::wide] for at in reversed(range(wide))]


def _equal(numbers: array[int], value: int) -> int:
    if not 0 <= value < 1 << 8 * numbers.itemsize:
        return 0
    found = -1
    for plane, wanted in zip(_planes(numbers), value.to_bytes(numbers.itemsize, "big"), strict=True):
        found &= number(plane.translate(_is(wanted)))
        if not found:
            break
    return found


def _at_least(numbers: array[int], value: int, every: int) -> int:
    if value <= 0:
        return every
    if value >= 1 << 8 * numbers.itemsize:
        return 0
    above, same = 0, every
    for plane, edge in zip(_planes(numbers), value.to_bytes(numbers.itemsize, "big"), strict=True):
        if not same:
            return above
        above |= same & number(plane.translate(_above(edge)))
        same &= number(plane.translate(_is(edge)))
    return above | same


def _is(value: int) -> bytes:
    return bytes(value) + b"\1" + bytes(255 - value)


def _above(value: int) -> bytes:
    return bytes(value + 1) + b"\1" * (255 - value)


def added(columns: Sequence[array[int]]) -> array[int]:
    """The sums, row by row."""
    return array("Q", map(sum, zip(*columns, strict=True)))


def chosen(codes: array[int], table: bytes) -> int:
    """The rows whose code has a 1 in the table (as long as there are codes)."""
    if 1 not in table:
        return 0
    if codes.typecode == "B":
        return number(codes.tobytes().translate(table.ljust(256, b"\0")))
    pages = [at for at in range(0, len(table), 256) if 1 in table[at : at + 256]]
    if codes.typecode != "H" or len(pages) > 16:
        return number(bytes(map(table.__getitem__, codes)))
    low, high = little(codes)[0::2], little(codes)[1::2]
    found = 0
    for at in pages:
        page = table[at : at + 256].ljust(256, b"\0")
        found |= number(high.translate(_is(at >> 8))) & number(low.translate(page))
    return found
