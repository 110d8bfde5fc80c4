"""Request numbers: 63-bit integers that grow with time, so one index serves identity, order and time ranges.

The upper bits are milliseconds since 1970, the lower 21 a counter within the millisecond. Shown as "req-" and 16 hex digits.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

from joytui.core.clock import now_ms

COUNTER_BITS = 21
LAST_NUMBER = (1 << 63) - 1
PREFIX = "req-"


class Numbers:
    """Gives request numbers, each larger than all before it, `last` included. For one thread."""

    __slots__ = ("_last",)

    def __init__(self, last: int = 0) -> None:
        self._last = last

    def next(self) -> int:
        number = max(now_ms() << COUNTER_BITS, self._last + 1)
        self._last = number
        return number


def request_id(number: int) -> str:
    return f"{PREFIX}{number:016x}"


def request_number(text: str) -> int | None:
    """The number behind an own request id, None for any other text."""
    if len(text) != len(PREFIX) + 16 or not text.startswith(PREFIX):
        return None
    try:
        number = int(text[len(PREFIX) :], 16)
    except ValueError:
        return None
    return number if 0 <= number < 1 << 63 else None


def milliseconds(number: int) -> int:
    """When the number was given: milliseconds since 1970."""
    return number >> COUNTER_BITS


def moment(number: int) -> datetime:
    return datetime.fromtimestamp(milliseconds(number) / 1000, UTC)


def first_number(at: datetime) -> int:
    """The smallest number that can have been given at this moment: the edge of a time range. Years that no number
    reaches (before 1970, after 2109) are at the ends."""
    return min(max(0, int(at.timestamp() * 1000)) << COUNTER_BITS, LAST_NUMBER)


_ids = count()


def row_id(kind: str) -> str:
    """An id for a key, a policy or a token: short, unique, growing with time ("key_019a7f3c2b1d04")."""
    return f"{kind}_{now_ms():011x}{next(_ids) % 4096:03x}"
