"""How requests and other rows are called.

A request's number is a 63-bit integer, larger than all before it in its store, shown as "req-" and 16 hex digits. It is made
from the clock, so that two stores hardly ever give the same one; nothing may read a time out of it (`started_at` has that).
A clock that is ahead only makes it large: the numbers go on from there, and those of a clock beyond 2100 are not taken.
"""

from __future__ import annotations

from itertools import count

from joytui.core.clock import now_ms

COUNTER_BITS = 21
LATEST_MS = 4_102_444_800_000
"""2100-01-01: what is left of 63 bits above it is enough for 600 billion requests."""


class Numbers:
    """Gives request numbers, each larger than all before it, `last` included. For one thread."""

    __slots__ = ("_last",)

    def __init__(self, last: int = 0) -> None:
        self._last = last

    def next(self) -> int:
        number = max(min(now_ms(), LATEST_MS) << COUNTER_BITS, self._last + 1)
        self._last = number
        return number


_ids = count()


def row_id(kind: str) -> str:
    """An id for a key, a policy or a token: short, unique, growing with time ("key_019a7f3c2b1d04")."""
    return f"{kind}_{now_ms():011x}{next(_ids) % 4096:03x}"
