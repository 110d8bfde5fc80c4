"""What open answers have cost so far, on its way into the store: all of them in one write, a few times a second.

A write of its own for each step of each answer costs more than the answer's bytes do: every statement gives the interpreter's
lock away, and takes it back from the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from joytui.ledger.api import Ledger
from joytui.ledger.records import Charge

EVERY_S = 0.25
"""At most this much of an answer is unknown to the store when the gateway dies."""


class Checkpoint:
    """Use it in one event loop."""

    __slots__ = ("_due", "_ledger")

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._due: dict[int, Callable[[], Charge]] = {}

    def soon(self, n: int, charged: Callable[[], Charge]) -> None:
        """Notes within EVERY_S what request `n` costs by then."""
        if not self._due:
            asyncio.get_running_loop().call_later(EVERY_S, self._write)
        self._due[n] = charged

    def at_once(self, n: int, so_far: Charge) -> asyncio.Future[None]:
        """The future is done when it is kept; it fails with StoreUnavailable."""
        self._due.pop(n, None)
        return _noted(self._ledger.passed({n: so_far}))

    def _write(self) -> None:
        due, self._due = self._due, {}
        if due:  # else all of them were noted at once meanwhile
            _noted(self._ledger.passed({n: charged() for n, charged in due.items()}))


def _noted(future: asyncio.Future[None]) -> asyncio.Future[None]:
    """Nobody may be there to look at its error, and asyncio complains of those."""
    future.add_done_callback(heard)
    return future


def heard(done: asyncio.Future[Any]) -> None:
    if not done.cancelled():
        done.exception()
