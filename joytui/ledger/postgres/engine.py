"""The PostgreSQL engine. Implements `joytui.ledger.api.Ledger`; how it keeps its promises is in the package's docstring."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from joytui.core.columnar import Block
from joytui.core.filters import Term
from joytui.core.request import Ended, Opened
from joytui.core.token_counts import Teller, Tests, UsageRow, UsageTotals
from joytui.ledger.api import StoreUnavailable
from joytui.ledger.ids import row_id
from joytui.ledger.postgres import gateways, jobs, reads, tidying
from joytui.ledger.postgres.connections import LIMIT_S, READING_LIMIT_S, Readers, connect, unreachable
from joytui.ledger.postgres.listener import Listener
from joytui.ledger.postgres.schema import make_partitions, migrate
from joytui.ledger.postgres.url import StoreUrl
from joytui.ledger.postgres.writer import Turn, Writer
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
from joytui.ledger.sql import blocks, keys, sums_of_days, tasks, telemetry, usage_sums
from joytui.ledger.sql import reads as sql_reads
from joytui.ledger.sql.connection import Connection
from joytui.ledger.sql.engine import SqlLedger

T = TypeVar("T")
log = logging.getLogger("joytui.ledger")

SLICE_PAUSE_S = 0.05
FIRST_LEASE_MS = 60_000
"""Until the gateway says for how long (`renew_leases`)."""


class PostgresLedger(SqlLedger[Writer]):
    """An open store on a server. Other gateways may have it too."""

    def __init__(self, url: StoreUrl, spools: Path | None = None) -> None:
        self.location = url.masked
        self.interrupted = 0
        self._url = url
        self._id = row_id("gateway")
        self._numbers = gateways.Numbers(0, 0, 0)
        self._serving: tuple[str, str] | None = None
        self._renewed_at = time.monotonic()
        self._judges_from = self._renewed_at
        self._listener = Listener(url, self._id)
        self._spool = None if spools is None else Spool(spools, url.masked)
        self._writer = Writer(url, self._id, self._heard, self._spool)
        self._readers = Readers(url, 4, READING_LIMIT_S)
        self._quick_readers = Readers(url, 2, LIMIT_S)

    @classmethod
    def open_store(cls, url: StoreUrl, spools: Path | None = None) -> PostgresLedger:
        """Opens (and makes) a store for one gateway. Raises UnreachableError with what to do. `spools`: a folder for what the
        store does not take (`ledger.spool`)."""
        ledger = cls(url, spools)
        try:
            ledger._begin()
        except (psycopg.Error, StoreUnavailable) as error:
            ledger.close()
            raise unreachable(url, error) from None
        except BaseException:
            ledger.close()
            raise
        return ledger

    def _begin(self) -> None:
        link = connect(self._url, f"{self._id} migrates")
        try:
            migrate(link, self._url)
            if self._spool is not None:
                self._spool.take_over(partial(sql_reads.has_any, link))
        finally:
            link.close()
        self._writer.start()
        self._listener.start()
        self.write_now(self._register)
        while (ended := self._writer.do_now(jobs.renew((), FIRST_LEASE_MS, judges=True))["ended"]) > 0:
            self.interrupted += ended

    def _register(self, link: Connection) -> None:
        """This gateway's row, and the numbers that it may give."""
        make_partitions(link, gateways.server_ms(link))
        self._numbers = gateways.register(link, self._id, FIRST_LEASE_MS)
        if self._serving is not None:
            gateways.announce(link, self._id, *self._serving)

    def close(self) -> bool:
        """Writes what waits, and closes everything. False if something was not written, or not in time."""
        self._listener.close()
        if self._writer.alive:
            try:
                self.write_now(gateways.leave, self._id)
            except (StoreUnavailable, psycopg.Error):
                log.warning("the store is unreachable: other gateways notice this one's end when its lease expires")
        closed = self._writer.close()
        self._readers.close()
        self._quick_readers.close()
        if not closed:
            log.error("not everything was written to the store (%d changes are lost)", self._writer.lost)
        return closed

    # --- reading -----------------------------------------------------------------------------------------------------

    def read_now(self, function: Callable[..., T], *args: Any) -> T:
        """As `read`, in the calling thread."""
        with self._readers.one() as link:
            return function(link, *args)

    async def _read_quick(self, function: Callable[..., T], *args: Any) -> T:
        """What the live tail and the judging of requests need: it waits for nobody's long question."""
        return await asyncio.to_thread(self._read_quick_now, function, *args)

    def _read_quick_now(self, function: Callable[..., T], *args: Any) -> T:
        with self._quick_readers.one() as link:
            return function(link, *args)

    async def changes(self) -> AsyncGenerator[None]:
        async for _ in self._listener.changes():
            yield

    def _heard(self, version: int) -> None:
        """The store said, in passing, that what requests are judged by has changed."""
        if self._writer.known is not None:
            self._listener.wake()

    # --- who serves --------------------------------------------------------------------------------------------------

    def announce(self, url: str, version: str) -> asyncio.Future[None]:
        self._serving = (url, version)
        return self.write(gateways.announce, self._id, url, version)

    async def gateways(self) -> list[GatewayRow]:
        return await self.read(gateways.gateways)

    # --- requests ----------------------------------------------------------------------------------------------------

    def next_number(self) -> int:
        return self._numbers.next()

    def open(
        self, opened: Opened, chosen: Candidate, ids_ms: int | None = None, watch: Watch | None = None
    ) -> asyncio.Future[None]:
        job = jobs.open_(opened, chosen, ids_ms, watch)
        return self._writer.do_unhurried(job, lambda answer: _nothing(jobs.chosen(answer, opened, [chosen])))

    def reserve(self, opened: Opened, wanted: Reservation) -> asyncio.Future[Candidate]:
        job = jobs.reserve(opened, wanted)
        return self._writer.do(job, lambda answer: jobs.chosen(answer, opened, wanted.candidates))

    def extend(self, opened: Opened, wanted: Reservation, so_far: Charge) -> asyncio.Future[Candidate]:
        job = jobs.extend(opened, wanted, so_far)
        return self._writer.do(job, lambda answer: jobs.chosen(answer, opened, wanted.candidates))

    def passed(self, so_far: Mapping[int, Charge]) -> asyncio.Future[None]:
        return self._writer.do(jobs.passed(so_far), _nothing)

    def end(self, opened: Opened, ended: Ended, budget_id: str | None, *, held: bool) -> asyncio.Future[None]:
        return self._writer.settle(End(opened, ended, budget_id, held), self._joins(opened, ended))

    def answered(self, key_id: str, upstream_id: str) -> asyncio.Future[bool]:
        return self._writer.do(jobs.answered(key_id, upstream_id), bool)

    def refuse(self, opened: Opened, ended: Ended, *, keyless: bool = False) -> asyncio.Future[int]:
        return self._writer.do(jobs.refuse(opened, ended, keyless), _kept, self._joins(opened, ended))

    def _joins(self, opened: Opened, ended: Ended) -> Callable[[Turn], None]:
        """Joins a finished request with its telemetry."""
        spare = [self.next_number()]
        return lambda turn: telemetry.ended(turn, opened, ended.latency_ms, spare)

    def renew_leases(self, running: Collection[int], lease_ms: int) -> asyncio.Future[int]:
        return self._writer.do(jobs.renew(running, lease_ms, judges=self._judges(lease_ms / 1000)), self._renewed)

    def _judges(self, lease_s: float) -> bool:
        """Whether this gateway has renewed its own lease in time for a whole lease. One that could not may have been away with
        all others, from a server that said nothing, and they need time to be heard of again."""
        now = time.monotonic()
        if now - self._renewed_at > lease_s * 2 / 3:
            self._judges_from = now + lease_s
        return now >= self._judges_from

    def _renewed(self, answer: Mapping[str, Any]) -> int:
        self._renewed_at = time.monotonic()
        if not answer["known"]:  # it was away so long that its row is gone
            self._writer.submit(self._register)
        return int(answer["lost"])

    def written(self) -> asyncio.Future[None]:
        return self._writer.do(jobs.NOTHING, _nothing)

    def probe(self) -> asyncio.Future[None]:
        return self.write(gateways.probe)

    async def page(self, asked: Page) -> list[Entry]:
        return await self.read(reads.page, asked)

    async def page_block(self, asked: Page) -> Block:
        return await self.read(reads.page_block, asked)

    async def find(self, text: str) -> Entry | None:
        return await self.read(sql_reads.find, text)

    async def changed(self, after: int, term: Term | None, limit: int) -> tuple[int, list[Entry]]:
        return await self._read_quick(reads.newest_and, sql_reads.changed, [], after, term, limit)

    async def changed_block(self, after: int, term: Term | None, limit: int) -> tuple[int, Block]:
        return await self._read_quick(reads.newest_and, blocks.changed, blocks.block_of([]), after, term, limit)

    async def turn_costs(self, key_id: str, turn_ids: Collection[str]) -> list[TurnCost]:
        return await self.read(sql_reads.turn_costs, key_id, turn_ids) if turn_ids else []

    async def tasks(self, since: int, limit: int, task: str | None = None, term: Term | None = None) -> list[AgentRow]:
        return await self.read(tasks.tasks, since, limit, task, term)

    async def last_seq(self) -> int:
        return await self._read_quick(reads.last_seq)

    async def counted(self) -> int:
        return await self.read(sql_reads.counted)

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

    async def latency(self, since: int, until: int) -> list[dict[str, Any]]:
        return await self.read(usage_sums.latency, since, until)

    # --- keys, policies, tokens --------------------------------------------------------------------------------------

    def access(self) -> Access:
        access = self._read_quick_now(keys.access)
        self._writer.known = access.version
        return access

    async def access_version(self) -> int:
        return await self._read_quick(keys.access_version)

    # --- upkeep ------------------------------------------------------------------------------------------------------

    async def tidy(self, at_ms: int, keeping: Keeping) -> int:
        await self.write(lambda link: make_partitions(link, gateways.server_ms(link)))
        gone = 0
        for kept in KEPT:
            if (span := kept.after_ms(keeping)) is None:
                continue
            while count := await self.write(tidying.SLICES[kept.what], at_ms - span):
                gone += count
                await asyncio.sleep(SLICE_PAUSE_S)
        more = True
        while more:
            more = await self.write(sums_of_days.sum_next, at_ms)
            await asyncio.sleep(SLICE_PAUSE_S)
        return gone

    def catch_up(self) -> asyncio.Future[bool]:
        """There is no older version of this engine."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        done.set_result(False)
        return done


def _nothing(answer: object) -> None:
    return None


def _kept(answer: Mapping[str, int]) -> int:
    return answer["kept"]
