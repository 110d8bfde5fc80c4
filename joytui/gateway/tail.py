"""The live tail: one task waits for changes of the store and wakes all who listen.

Rows are read and encoded once per filter and tick, in a thread, however many consoles watch.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

from joytui.core import columnar
from joytui.core.filters import AllOf, Term, parse
from joytui.core.request_lines import request_view
from joytui.ledger.api import Ledger, StoreUnavailable
from joytui.ledger.records import Entry

HEARTBEAT_S = 10.0
BATCH = 2_000
AGAIN_S = 0.5
"""When a store that is away is asked again."""
EVERYTHING = AllOf()


class Tail:
    """`listeners` counts the consoles that watch."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._changed = asyncio.Condition()
        self._ticks = 0
        self._poller: asyncio.Task[None] | None = None
        self._closed = False
        self._shared: dict[tuple[Term, int, bool], asyncio.Task[tuple[int, bytes]]] = {}
        self.listeners = 0

    def close(self) -> None:
        """Ends all streams."""
        self._closed = True
        if self._poller is not None:
            self._poller.cancel()

    async def stream(
        self, after: int | None, filter_text: str, *, columns: bool = False, seen: Term | None = None
    ) -> AsyncIterator[bytes]:
        """Server-sent events from a sequence number on (None: from now on). Ends when the gateway does.

        `columns`: each batch by column (core.columnar), else as rows. `seen`: finds the requests that this listener sees; None: all.
        """
        term = parse(filter_text)
        if seen is not None:
            term = AllOf((term, seen))
        self.listeners += 1
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll())
        try:
            seq = await self._ledger.last_seq() if after is None else after
            yield b": joytui\n\n"
            while not self._closed:
                tick = self._ticks
                try:
                    seq, event = await self._batch(term, seq, columns)
                except StoreUnavailable:  # what changes meanwhile comes when it is back
                    self._shared.clear()
                    await asyncio.sleep(AGAIN_S)
                    continue
                if event:
                    yield event
                    continue
                if not await self._wait(tick):
                    yield f"id: {seq}\n: still here\n\n".encode()
        finally:
            self.listeners -= 1
            if not self.listeners and self._poller is not None:
                self._poller.cancel()
                self._poller = None

    async def _wait(self, tick: int) -> bool:
        """Until something changed after that tick; False when nothing did for a while."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HEARTBEAT_S), self._changed:
                await self._changed.wait_for(lambda: self._ticks != tick or self._closed)
                return True
        return False

    async def _poll(self) -> None:
        try:
            while True:
                with contextlib.suppress(StoreUnavailable):
                    await self._follow()
                await asyncio.sleep(AGAIN_S)
        finally:
            async with self._changed:
                self._changed.notify_all()

    async def _follow(self) -> None:
        """Wakes all who listen at each change, for as long as the store can tell."""
        async with aclosing(self._ledger.changes()) as changes:
            async for _ in changes:
                self._ticks += 1
                self._shared.clear()
                async with self._changed:
                    self._changed.notify_all()

    async def _batch(self, term: Term, seq: int, columns: bool) -> tuple[int, bytes]:
        """The next sequence to go on from, and the event (empty if there is nothing new for this filter)."""
        key = (term, seq, columns)
        task = self._shared.get(key)
        if task is None:
            task = self._shared[key] = asyncio.create_task(self._event(seq, term, columns))
        return await asyncio.shield(task)

    async def _event(self, seq: int, term: Term, columns: bool) -> tuple[int, bytes]:
        wanted = None if term == EVERYTHING else term
        if columns:
            newest, block = await self._ledger.changed_block(seq, wanted, BATCH)
            many, last = block.rows, block.seq
            data = await asyncio.to_thread(columnar.to_json, block) if many else ""
        else:
            newest, entries = await self._ledger.changed(seq, wanted, BATCH)
            many, last = len(entries), entries[-1][0] if entries else seq
            data = await asyncio.to_thread(_rows, entries) if many else ""
        if newest <= seq:
            return max(seq, 0) if newest else seq, b""
        if not many:
            return newest, b""
        last = last if many == BATCH else max(newest, last)
        return last, f"id: {last}\ndata: {data}\n\n".encode("utf-8", "replace")


def _rows(entries: Sequence[Entry]) -> str:
    views = [request_view(record, seq) for seq, record in entries]
    return json.dumps({"requests": views}, ensure_ascii=False, separators=(",", ":"))
