"""The one thread that writes: it takes what waits, commits it as one transaction, then answers.

A write is a function of a `Batch` and arguments. `submit` hands it over without awaiting anything, so a request that is
being torn down (every `await` in a `finally` is cancelled then) can still be settled. `write` gives an awaitable.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from joytui.ledger.rollups import Sums

T = TypeVar("T")
log = logging.getLogger("joytui.ledger")

MAX_BATCH = 512
ATTEMPTS = 6
MOST_OWED = 20_000
OWED_AGAIN_S = 1.0
TROUBLED_S = 60.0
_DISK = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
"""Faults of the disk: nobody mends them within the second that another try would wait."""
_PASSING = {*_DISK, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
"""Those, and another program that holds the store: what could not be written then is tried again later."""


class Batch:
    """One transaction in the making: its connection, the next sequence number, and the sums to add before the commit."""

    __slots__ = ("connection", "execute", "seq", "sums")

    def __init__(self, connection: sqlite3.Connection, seq: int) -> None:
        self.connection = connection
        self.execute = connection.execute
        self.seq = seq
        self.sums = Sums()

    def next_seq(self) -> int:
        """Numbers the changes of requests: what a live tail counts by."""
        self.seq += 1
        return self.seq

    def flush(self) -> None:
        """Writes the collected sums: before the commit, and before a statement that reads rollups."""
        self.sums.write(self.connection)


class _Job:
    __slots__ = ("args", "done", "failure", "function", "future", "loop", "result")

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.function = function
        self.args = args
        self.loop: asyncio.AbstractEventLoop | None = None
        self.future: asyncio.Future[Any] | None = None
        self.done: threading.Event | None = None
        self.result: Any = None
        self.failure: Exception | None = None


class Writer:
    """Owns the writing connection and its thread. Open it once, close it once; closing writes what still waits."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._started = threading.Event()
        self._failure: Exception | None = None
        self._owed: list[_Job] = []
        self._failed_at = -TROUBLED_S
        self.lost = 0

    def start(self) -> None:
        self._thread.start()
        self._started.wait()
        if self._failure:
            raise self._failure

    def close(self) -> None:
        if self._thread.is_alive():
            self._jobs.put(None)
            self._thread.join(timeout=30)

    @property
    def waiting(self) -> int:
        return self._jobs.qsize()

    @property
    def owed(self) -> int:
        """Writes that nobody waits for and that the store did not take yet: ends of requests, above all."""
        return len(self._owed)

    @property
    def troubled(self) -> bool:
        """Whether the store could not be written a while ago, so that it may be so still."""
        return bool(self._owed) or time.monotonic() - self._failed_at < TROUBLED_S

    def submit(self, function: Callable[..., object], *args: Any) -> None:
        """Hands a write over and returns at once."""
        self._jobs.put(_Job(function, args))

    def write(self, function: Callable[..., T], *args: Any) -> asyncio.Future[T]:
        """Hands a write over; the future has its result once it is committed, or the error that undid it."""
        job = _Job(function, args)
        job.loop = asyncio.get_running_loop()
        job.future = job.loop.create_future()
        self._jobs.put(job)
        return job.future

    def write_now(self, function: Callable[..., T], *args: Any) -> T:
        """The same for a thread that may wait: at the start, and in tools."""
        job = _Job(function, args)
        job.done = threading.Event()
        self._jobs.put(job)
        job.done.wait()
        if job.failure is not None:
            raise job.failure
        result: T = job.result
        return result

    def _run(self) -> None:
        try:
            connection = self._connect()
            seq: int = connection.execute("SELECT coalesce(max(seq), 0) FROM request").fetchone()[0]
        except Exception as error:
            self._failure = error
            self._started.set()
            return
        self._started.set()
        batch = Batch(connection, seq)
        open_ = True
        while open_:
            jobs, open_ = self._collect()
            jobs, self._owed = self._owed + jobs, []
            if jobs:
                self._commit(batch, jobs)
                _answer(jobs)
        connection.close()

    def _collect(self) -> tuple[list[_Job], bool]:
        """All that waits, at least one job (none where writes are owed); False with it when the end was asked for."""
        jobs: list[_Job] = []
        try:
            job = self._jobs.get(timeout=OWED_AGAIN_S if self._owed else None)
        except Empty:
            return jobs, True
        while job is not None:
            jobs.append(job)
            if len(jobs) >= MAX_BATCH:
                return jobs, True
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return jobs, True
        return jobs, False

    def _commit(self, batch: Batch, jobs: list[_Job]) -> None:
        seq = batch.seq
        for attempt in range(ATTEMPTS):
            try:
                batch.execute("BEGIN IMMEDIATE")
                for job in jobs:
                    _perform(batch, job)
                batch.flush()
                batch.execute("COMMIT")
                return
            except sqlite3.Error as error:
                batch.seq = seq
                batch.sums = Sums()
                if batch.connection.in_transaction:
                    batch.execute("ROLLBACK")
                hopeless = not isinstance(error, sqlite3.OperationalError) or _code(error) in _DISK
                if hopeless or attempt == ATTEMPTS - 1:
                    self._give_up(jobs, error)
                    return
                time.sleep(0.05 * 2**attempt)

    def _give_up(self, jobs: list[_Job], error: sqlite3.Error) -> None:
        """Who waits is told. What nobody waits for is kept for another try, where the fault may pass."""
        self._failed_at = time.monotonic()
        unawaited = [job for job in jobs if job.future is None and job.done is None]
        if _code(error) in _PASSING:
            self._owed = unawaited[:MOST_OWED]
        self.lost += len(jobs) - len(self._owed)
        log.error("the ledger could not write %d changes (%d to be tried again): %s", len(jobs), len(self._owed), error)
        for job in jobs:
            job.failure = error


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 for an error of the Python module itself."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def _perform(batch: Batch, job: _Job) -> None:
    """Runs one write. Its own refusal (any exception but SQLite's) undoes it alone; functions that may refuse after
    a first change take a savepoint themselves (`money.reserve`)."""
    try:
        job.result, job.failure = job.function(batch, *job.args), None
    except sqlite3.OperationalError:
        raise
    except Exception as error:
        job.failure = error
        if job.future is None:
            log.error("a write to the ledger was refused: %s", error)


def _answer(jobs: list[_Job]) -> None:
    waiting: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in jobs:
        if job.done is not None:
            job.done.set()
        if job.loop is not None:
            waiting.setdefault(job.loop, []).append(job)
    for loop, done in waiting.items():
        try:
            loop.call_soon_threadsafe(_resolve, done)
        except RuntimeError:  # the loop is closed: nobody waits any more
            pass


def _resolve(jobs: list[_Job]) -> None:
    for job in jobs:
        future = job.future
        if future is None or future.done():
            continue
        if job.failure is not None:
            future.set_exception(job.failure)
        else:
            future.set_result(job.result)
