"""The live tail: one place looks whether the store changed (`PRAGMA data_version`, 4 µs) and wakes all who listen.

Rows are read and encoded once per filter and tick, in a thread, however many consoles watch.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from sqlite3 import Connection

from joytui.core import columnar
from joytui.core.filters import AllOf, Term, parse
from joytui.core.wire import request_view
from joytui.ledger import blocks, reads
from joytui.ledger.sqlite import SqliteLedger

POLL_S = 0.1
HEARTBEAT_S = 10.0
BATCH = 2_000
EVERYTHING = AllOf()


class Tail:
    """`listeners` counts the consoles that watch."""

    def __init__(self, ledger: SqliteLedger) -> None:
        self._ledger = ledger
        self._changed = asyncio.Condition()
        self._ticks = 0
        self._poller: asyncio.Task[None] | None = None
        self._closed = False
        self._shared: dict[tuple[str, int, bool], asyncio.Task[tuple[int, bytes]]] = {}
        self.listeners = 0

    def close(self) -> None:
        """Ends all streams."""
        self._closed = True
        if self._poller is not None:
            self._poller.cancel()

    async def stream(self, after: int | None, filter_text: str, *, columns: bool = False) -> AsyncIterator[bytes]:
        """Server-sent events from a sequence number on (None: from now on). Ends when the gateway does.

        `columns`: each batch by column (core.columnar), else as rows.
        """
        term = parse(filter_text)
        self.listeners += 1
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll())
        try:
            seq = await self._ledger.read(reads.last_seq) if after is None else after
            yield b": joytui\n\n"
            while not self._closed:
                tick = self._ticks
                seq, event = await self._batch(filter_text, term, seq, columns)
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
        connection = self._ledger.reader()
        seen = -1
        try:
            while True:
                version = reads.data_version(connection)
                if version != seen:
                    seen = version
                    self._ticks += 1
                    self._shared.clear()
                    async with self._changed:
                        self._changed.notify_all()
                await asyncio.sleep(POLL_S)
        finally:
            async with self._changed:
                self._changed.notify_all()
            connection.close()

    async def _batch(self, filter_text: str, term: Term, seq: int, columns: bool) -> tuple[int, bytes]:
        """The next sequence to go on from, and the event (empty if there is nothing new for this filter)."""
        key = (filter_text, seq, columns)
        task = self._shared.get(key)
        if task is None:
            task = self._shared[key] = asyncio.create_task(self._ledger.read(_event, seq, term, columns))
        return await asyncio.shield(task)


def _event(connection: Connection, seq: int, term: Term, columns: bool) -> tuple[int, bytes]:
    newest = reads.last_seq(connection)
    if newest <= seq:
        return max(seq, 0) if newest else seq, b""
    wanted = None if term == EVERYTHING else term
    many, last, data = (_columns if columns else _rows)(connection, seq, wanted)
    if not many:
        return newest, b""
    last = last if many == BATCH else max(newest, last)
    return last, f"id: {last}\ndata: {data}\n\n".encode("utf-8", "replace")


def _rows(connection: Connection, seq: int, term: Term | None) -> tuple[int, int, str]:
    """How many rows, the newest sequence among them, and what is sent of them."""
    rows = reads.changed(connection, seq, term, BATCH)
    views = [request_view(record, number) for number, record in rows]
    return (
        len(rows),
        rows[-1][0] if rows else seq,
        json.dumps({"requests": views}, ensure_ascii=False, separators=(",", ":")),
    )


def _columns(connection: Connection, seq: int, term: Term | None) -> tuple[int, int, str]:
    block = blocks.changed(connection, seq, term, BATCH)
    return block.rows, block.seq, columnar.to_json(block)
