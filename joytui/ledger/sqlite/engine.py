"""The SQLite engine: one writer thread, and a reading connection per thread. Implements `joytui.ledger.api.Ledger`."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from joytui.core.clock import now_ms
from joytui.core.columnar import Block
from joytui.core.errors import UnreachableError
from joytui.core.filters import Term
from joytui.core.request import Ended, Opened
from joytui.core.token_counts import Teller, Tests, UsageRow, UsageTotals
from joytui.ledger.api import StoreUnavailable
from joytui.ledger.ids import Numbers, row_id
from joytui.ledger.records import (
    Access,
    AgentRow,
    Candidate,
    Charge,
    Entry,
    GatewayRow,
    Page,
    Reservation,
    TurnCost,
    Watch,
)
from joytui.ledger.retention import KEPT, Keeping
from joytui.ledger.spool import End, Spool
from joytui.ledger.sql import blocks, keys, reads, tasks, usage_sums
from joytui.ledger.sql.engine import SqlLedger
from joytui.ledger.sqlite import requests, tidying, upkeep
from joytui.ledger.sqlite.files import StoreLock, prepare
from joytui.ledger.sqlite.readers import Readers
from joytui.ledger.sqlite.schema import migrate
from joytui.ledger.sqlite.writer import Writer

T = TypeVar("T")
log = logging.getLogger("joytui.ledger")

SLICE_PAUSE_S = 0.05
POLL_S = 0.1
"""How often the store is asked whether somebody changed it (`PRAGMA data_version`, 4 µs)."""


class SqliteLedger(SqlLedger[Writer]):
    """An open store in one file. One process at a time has it."""

    def __init__(self, path: Path, lock: StoreLock, spools: Path | None = None) -> None:
        self.path = path
        self.location = str(path)
        self._spool = None if spools is None else Spool(spools, str(path.absolute()))
        self._lock = lock
        self._readers = Readers(self.reader)
        self._writer = Writer(self._connect_writer, self._spool)
        self.interrupted = 0
        self._numbers = Numbers()
        self._serving: GatewayRow | None = None

    @classmethod
    def open_store(cls, path: Path, spools: Path | None = None) -> SqliteLedger:
        """Opens (and makes) a store for one gateway. Raises UnreachableError with what to do. `spools`: a folder for what the
        store does not take (`ledger.spool`)."""
        os.umask(0o077)  # SQLite makes its WAL and shared memory files itself
        prepare(path)
        lock = StoreLock(path)
        lock.acquire()
        ledger = cls(path, lock, spools)
        try:
            ledger._begin()
        except BaseException as error:
            ledger.close()
            if isinstance(error, (sqlite3.Error, StoreUnavailable)):
                raise UnreachableError(f"the store cannot be used: {error}", where=str(path)) from None
            raise
        return ledger

    def _begin(self) -> None:
        connection = self._connect_writer()
        migrate(connection, str(self.path))
        connection.close()
        self._writer.start()
        self._numbers = Numbers(self.read_now(reads.last_number))
        if self._spool is not None:
            self._spool.take_over(partial(self.read_now, reads.has_any))
        left = [] if self._spool is None else self._spool.left()
        self.interrupted = self.write_now(upkeep.recover, left)
        if self._spool is not None:
            self._spool.done(len(left))

    def close(self) -> bool:
        """Writes what waits, and closes everything. False if the writer is not done in time: the store stays locked then, as
        long as this process may still write it.

        The writer's connection goes last: SQLite takes the WAL into the store, and its files away, when the last
        connection closes, and a reader's may not.
        """
        self._readers.close()
        if not self._writer.close():
            log.error("the store is still being written; it stays locked (%d changes wait)", self.waiting)
            return False
        self._lock.release()
        return True

    # --- the file ----------------------------------------------------------------------------------------------------

    def _connect_writer(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=5)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
        return connection

    def reader(self) -> sqlite3.Connection:
        """A connection that cannot write. Who asks for it closes it."""
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode=ro",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=5,
        )
        connection.execute("PRAGMA query_only = 1")
        return connection

    # --- writing -----------------------------------------------------------------------------------------------------

    def submit(self, function: Callable[..., object], *args: Any) -> None:
        """Hands a write over and returns at once; it is tried again while the store cannot be written."""
        self._writer.submit(function, *args)

    # --- reading -----------------------------------------------------------------------------------------------------

    def read_now(self, function: Callable[..., T], *args: Any) -> T:
        """As `read`, in the calling thread."""
        try:
            return self._readers.read(function, *args)
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the store cannot be read: {error}") from error

    async def changes(self) -> AsyncGenerator[None]:
        connection = self.reader()
        try:
            seen = -1
            while True:
                version = connection.execute("PRAGMA data_version").fetchone()[0]
                if version != seen:
                    seen = version
                    yield
                await asyncio.sleep(POLL_S)
        finally:
            connection.close()

    # --- who serves --------------------------------------------------------------------------------------------------

    def announce(self, url: str, version: str) -> asyncio.Future[None]:
        now = now_ms()
        self._serving = GatewayRow(row_id("gateway"), url, version, now, 0, now, True)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def gateways(self) -> list[GatewayRow]:
        if self._serving is None:
            return []
        return [replace(self._serving, running=await self.read(reads.running), last_seen=now_ms())]

    # --- requests ----------------------------------------------------------------------------------------------------

    def next_number(self) -> int:
        return self._numbers.next()

    def open(
        self, opened: Opened, chosen: Candidate, ids_ms: int | None = None, watch: Watch | None = None
    ) -> asyncio.Future[None]:
        return self._writer.write_unhurried(requests.open_request, opened, chosen, ids_ms, watch)

    def reserve(self, opened: Opened, wanted: Reservation) -> asyncio.Future[Candidate]:
        return self.write(requests.reserve_request, opened, wanted)

    def extend(self, opened: Opened, wanted: Reservation, so_far: Charge) -> asyncio.Future[Candidate]:
        return self.write(requests.extend_request, opened, wanted, so_far)

    def passed(self, so_far: Mapping[int, Charge]) -> asyncio.Future[None]:
        return self.write(requests.note_passed, so_far)

    def end(self, opened: Opened, ended: Ended, budget_id: str | None, *, held: bool) -> asyncio.Future[None]:
        return self._writer.settle(requests.end_request, End(opened, ended, budget_id, held), [self.next_number()])

    def answered(self, key_id: str, upstream_id: str) -> asyncio.Future[bool]:
        return self.write(requests.answered, key_id, upstream_id)

    def refuse(self, opened: Opened, ended: Ended, *, keyless: bool = False) -> asyncio.Future[int]:
        return self.write(requests.refuse_request, opened, ended, keyless)

    def renew_leases(self, running: Collection[int], lease_ms: int) -> asyncio.Future[int]:
        return self.write(upkeep.renew_leases, running, lease_ms)

    def written(self) -> asyncio.Future[None]:
        return self.write(lambda batch: None)

    def probe(self) -> asyncio.Future[None]:
        return self.write(upkeep.probe)

    async def page(self, asked: Page) -> list[Entry]:
        return await self.read(reads.page, asked)

    async def page_block(self, asked: Page) -> Block:
        return await self.read(blocks.page, asked)

    async def find(self, text: str) -> Entry | None:
        return await self.read(reads.find, text)

    async def changed(self, after: int, term: Term | None, limit: int) -> tuple[int, list[Entry]]:
        return await self.read(_newest_and, reads.changed, [], after, term, limit)

    async def changed_block(self, after: int, term: Term | None, limit: int) -> tuple[int, Block]:
        return await self.read(_newest_and, blocks.changed, blocks.block_of([]), after, term, limit)

    async def last_seq(self) -> int:
        return await self.read(reads.last_seq)

    async def counted(self) -> int:
        return await self.read(reads.counted)

    async def usage(
        self,
        by: Sequence[str],
        since: int,
        until: int,
        term: Term | None = None,
        top: int | None = None,
        only: Sequence[str] | None = None,
        tests: Tests = "in",
        source: Teller = "gateway",
        teams: Sequence[str] | None = None,
    ) -> tuple[list[UsageRow], UsageTotals]:
        return await self.read(usage_sums.usage, by, since, until, term, top, only, tests, source, teams)

    async def turn_costs(self, key_id: str, turn_ids: Collection[str]) -> list[TurnCost]:
        return await self.read(reads.turn_costs, key_id, turn_ids) if turn_ids else []

    async def tasks(self, since: int, limit: int, task: str | None = None, term: Term | None = None) -> list[AgentRow]:
        return await self.read(tasks.tasks, since, limit, task, term)

    async def latency(self, since: int, until: int) -> list[dict[str, Any]]:
        return await self.read(usage_sums.latency, since, until)

    # --- keys, policies, tokens --------------------------------------------------------------------------------------

    def access(self) -> Access:
        return self.read_now(keys.access)

    async def access_version(self) -> int:
        return await self.read(keys.access_version)

    # --- upkeep ------------------------------------------------------------------------------------------------------

    async def tidy(self, at_ms: int, keeping: Keeping) -> int:
        gone = 0
        for kept in KEPT:
            if (span := kept.after_ms(keeping)) is None:
                continue
            while count := await self.write(tidying.SLICES[kept.what], at_ms - span):
                gone += count
                await asyncio.sleep(SLICE_PAUSE_S)
        more = True
        while more:
            more = await self.write(upkeep.sum_next, at_ms)
            await asyncio.sleep(SLICE_PAUSE_S)
        return gone

    def catch_up(self) -> asyncio.Future[bool]:
        return self.write(upkeep.catch_up)


def _newest_and(
    connection: sqlite3.Connection,
    changed: Callable[[sqlite3.Connection, int, Term | None, int], T],
    nothing: T,
    after: int,
    term: Term | None,
    limit: int,
) -> tuple[int, T]:
    """The newest sequence number, then what changed: what comes in between is read again, not missed."""
    newest = reads.last_seq(connection)
    return newest, changed(connection, after, term, limit) if newest > after else nothing
