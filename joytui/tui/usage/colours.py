"""Which colour a name has: its own, whatever its rank, for as long as the console runs. Pure but for what it remembers."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

MOST_SERIES = 5
REST = MOST_SERIES
"""The colour of all others, and of what has none."""


class NameColours:
    """Of five colours. A name begins with the one that its letters choose, the next that is free where another name has it,
    and keeps it while no larger one beside it had the same before."""

    def __init__(self) -> None:
        self._held: dict[str, int] = {}

    def slots(self, names: Sequence[str]) -> dict[str, int]:
        """The colours of the names that are shown together, each another: at most five, the largest first."""
        found: dict[str, int] = {}
        for name in names[:MOST_SERIES]:
            if (slot := self._held.get(name)) is not None and slot not in found.values():
                found[name] = slot
        for name in names[:MOST_SERIES]:
            if name not in found:
                first = crc32(name.encode())
                found[name] = next(
                    slot for by in range(MOST_SERIES) if (slot := (first + by) % MOST_SERIES) not in found.values()
                )
                self._held.setdefault(name, found[name])
        return found
