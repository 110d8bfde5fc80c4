"""Who waits for a write that a thread does: a task of an event loop, another thread, or nobody."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from joytui.ledger.spool import End, Spool

GATHERED_S = 0.01
"""How long a write that nobody waits for may wait for others, to be committed with them."""


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


W = TypeVar("W", bound=Waiting)


class Inbox(Generic[W]):
    """Where writes wait for the thread. Waking it costs more than most writes do, so it is woken once for all that an event loop
    hands over in one round, and not at all for what nobody waits for yet (`put_unhurried`): that goes with whatever comes next,
    at the latest after GATHERED_S."""

    def __init__(self) -> None:
        self._writes: deque[W | None] = deque()
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._rings_soon: asyncio.AbstractEventLoop | None = None
        self._rings_later: asyncio.AbstractEventLoop | None = None

    def __len__(self) -> int:
        return len(self._writes)

    def put(self, write: W | None) -> None:
        """Hands over and wakes the thread; None says that nothing more comes."""
        self._writes.append(write)
        self._bell.put(None)

    def put_soon(self, write: W) -> asyncio.Future[Any]:
        """Hands over, and wakes the thread once this round of the event loop is over. A loop that ends before it leaves that to
        whoever closes."""
        future = write.awaited()
        self._writes.append(write)
        self._ring_soon()
        return future

    def put_unhurried(self, write: W) -> asyncio.Future[Any]:
        """Hands over what others may come before; whoever awaits the future hurries it."""
        loop = asyncio.get_running_loop()
        write.loop, write.future = loop, _Unhurried(loop, self._ring_soon)
        self._writes.append(write)
        if self._rings_later is not loop:
            self._rings_later = loop
            loop.call_later(GATHERED_S, self._ring_later)
        return write.future

    def take(self, most: int, wait_s: float | None) -> tuple[list[W], bool]:
        """For the thread: what waits; nothing if the time is over or a bell rang late. False with it at the end."""
        with contextlib.suppress(Empty):
            while True:  # bells that rang for what was taken meanwhile
                self._bell.get_nowait()
        if not self._writes:
            with contextlib.suppress(Empty):
                self._bell.get(timeout=wait_s)
        found: list[W] = []
        while self._writes and len(found) < most:
            write = self._writes.popleft()
            if write is None:
                return found, False
            found.append(write)
        return found, True

    def rest(self) -> list[W]:
        """What still waits after the end."""
        found: list[W] = []
        with contextlib.suppress(IndexError):
            while True:
                if (write := self._writes.popleft()) is not None:
                    found.append(write)
        return found

    def _ring_soon(self) -> None:
        loop = asyncio.get_running_loop()
        if self._rings_soon is not loop:
            self._rings_soon = loop
            loop.call_soon(self._round_is_over)

    def _round_is_over(self) -> None:
        self._rings_soon = None
        self._bell.put(None)

    def _ring_later(self) -> None:
        self._rings_later = None
        if self._writes:
            self._bell.put(None)


class _Unhurried(asyncio.Future[Any]):
    """The result of a write that waits for others. Who awaits it hurries it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, hurry: Callable[[], None]) -> None:
        super().__init__(loop=loop)
        self._hurry = hurry

    def __await__(self) -> Generator[Any, None, Any]:
        if not self.done():
            self._hurry()
        return super().__await__()


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
