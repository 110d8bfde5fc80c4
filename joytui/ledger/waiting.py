"""Who waits for a write that a thread does: a task of an event loop, another thread, or nobody."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Iterable
from typing import Any

from joytui.ledger.spool import End, Spool


class Waiting:
    """A write. `kept`: written even if that needs another try; else whoever waits is told that it failed. `end`: what goes into
    the spool meanwhile; `safe`: it is there."""

    __slots__ = ("done", "end", "failure", "future", "kept", "loop", "result", "safe")

    def __init__(self, *, kept: bool = False, end: End | None = None) -> None:
        self.kept = kept
        self.end = end
        self.safe = False
        self.loop: asyncio.AbstractEventLoop | None = None
        self.future: asyncio.Future[Any] | None = None
        self.done: threading.Event | None = None
        self.result: Any = None
        self.failure: Exception | None = None

    def awaited(self) -> asyncio.Future[Any]:
        """The future for a task of the running loop."""
        self.loop = asyncio.get_running_loop()
        self.future = self.loop.create_future()
        return self.future

    def fail(self, error: Exception) -> None:
        # a future takes no StopIteration
        self.failure = RuntimeError(repr(error)) if isinstance(error, StopIteration) else error


def save(writes: Iterable[Waiting], spool: Spool | None) -> None:
    """Into the spool, what belongs there and is not in it yet."""
    fresh = [write for write in writes if write.kept and not write.safe and write.end is not None]
    if fresh and spool is not None and spool.add([write.end for write in fresh if write.end is not None]):
        for write in fresh:
            write.safe = True


def settled(writes: Iterable[Waiting], owed: Collection[Waiting], spool: Spool | None) -> None:
    """Out of the spool, what was tried and is not owed any more."""
    if spool is not None and (count := sum(write.safe for write in writes) - sum(write.safe for write in owed)) > 0:
        spool.done(count)


def answer(writes: Iterable[Waiting], typed: Callable[[Exception], Exception]) -> None:
    """Tells all who wait, each loop once. `typed`: an engine's error as the ledger's interface has it."""
    waiting: dict[asyncio.AbstractEventLoop, list[Waiting]] = {}
    for write in writes:
        if write.done is not None:
            write.done.set()
        if write.loop is not None:
            waiting.setdefault(write.loop, []).append(write)
    for loop, done in waiting.items():
        try:
            loop.call_soon_threadsafe(_resolve, done, typed)
        except RuntimeError:  # the loop is closed: nobody waits any more
            pass


def _resolve(writes: list[Waiting], typed: Callable[[Exception], Exception]) -> None:
    for write in writes:
        future = write.future
        if future is None or future.done():
            continue
        if write.failure is not None and not write.kept:
            future.set_exception(typed(write.failure))
        else:
            future.set_result(write.result)
