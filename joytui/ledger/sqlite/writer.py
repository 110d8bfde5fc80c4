"""The one thread that writes: it takes what waits, commits it as one transaction, then answers.

A write is a function of a `Batch` and arguments. `submit` hands it over without awaiting anything, so a request that is
being torn down (every `await` in a `finally` is cancelled then) can still be settled. `write` gives an awaitable. `settle`
does both: who waits for it waits for one try.

The thread is woken seldom (`ledger.waiting.Inbox`): once for all that an event loop hands over in one round, and not at all for
what nobody waits for yet (`write_unhurried`).

A write that raises changes nothing and takes no other write with it. A store that cannot be written fails all writes of
the transaction. If the thread itself cannot go on, whatever waits for it gets an error, then and later, and `broken` says
so: a gateway without its ledger has to end.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from joytui.ledger.api import StoreUnavailable
from joytui.ledger.spool import End, Spool
from joytui.ledger.sql.parts import Place
from joytui.ledger.sqlite.rollups import Mark, Numbers, Sums
from joytui.ledger.waiting import Inbox, Waiting, answer, save, settled

T = TypeVar("T")
log = logging.getLogger("joytui.ledger")

MAX_BATCH = 512
ATTEMPTS = 6
MOST_OWED = 20_000
OWED_AGAIN_S = 1.0
TROUBLED_S = 60.0
CLOSE_S = 30.0
_DISK = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}
"""Faults of the disk: nobody mends them within the second that another try would wait."""
_PASSING = {*_DISK, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
"""Those, and another program that holds the store: what could not be written then is tried again later."""


class Batch:
    """One transaction in the making: its connection, the next sequence number, and the sums to add before the commit."""

    __slots__ = ("_first", "connection", "execute", "seq", "sums")

    def __init__(self, connection: sqlite3.Connection, seq: int) -> None:
        self.connection = connection
        self.execute = connection.execute
        self.seq = self._first = seq
        self.sums = Sums()

    def next_seq(self) -> int:
        """Numbers the changes of requests: what a live tail counts by."""
        self.seq += 1
        return self.seq

    def add_aside(self, part: str, at: int, place: Place, numbers: Numbers) -> None:
        """Adds to the sums of a part that keeps everything apart."""
        self.sums.add_aside(part, at, place, numbers)

    def pending_cost(self, counts: Callable[[Place], bool], since: int, until: int) -> int:
        """What requests of such places cost that began within that time (ms) and are not in the sums of the store yet."""
        return self.sums.spent(counts, since, until)

    def begin(self) -> None:
        self._first = self.seq
        self.execute("BEGIN IMMEDIATE")

    def mark(self) -> tuple[int, Mark]:
        """A savepoint: what follows can be undone without what came before. To be kept or undone before the next one."""
        self.execute("SAVEPOINT write")
        return self.seq, self.sums.mark()

    def keep(self) -> None:
        self.execute("RELEASE write")

    def undo(self, mark: tuple[int, Mark]) -> None:
        self.execute("ROLLBACK TO write")
        self.execute("RELEASE write")
        self.seq, sums = mark
        self.sums.undo(sums)

    def commit(self) -> None:
        self.sums.write(self.connection)
        self.execute("COMMIT")

    def roll_back(self) -> None:
        self.seq = self._first
        self.sums = Sums()
        if self.connection.in_transaction:
            self.execute("ROLLBACK")


class _Job(Waiting):
    """A write of this engine: a function of a batch."""

    __slots__ = ("args", "function")

    def __init__(
        self, function: Callable[..., Any], args: tuple[Any, ...], *, kept: bool = False, end: End | None = None
    ) -> None:
        super().__init__(kept=kept, end=end)
        self.function = function
        self.args = args

    def perform(self, batch: Batch) -> None:
        self.result, self.failure = self.function(batch, *self.args), None


class Writer:
    """Owns the writing connection and its thread. Open it once, close it once; closing writes what still waits.

    `broken` is done, with what happened, once the thread has failed and nothing can be written any more. `spool` keeps the ends
    of requests that cannot be written now.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], spool: Spool | None = None) -> None:
        self._connect = connect
        self._spool = spool
        self._jobs: Inbox[_Job] = Inbox()
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._started = threading.Event()
        self._failure: Exception | None = None
        self._ended: sqlite3.Error | None = None
        self._at_hand: list[_Job] = []
        self._owed: list[_Job] = []
        self._failed_at = -TROUBLED_S
        self.lost = 0
        self.broken: Future[BaseException] = Future()

    def start(self) -> None:
        self._thread.start()
        self._started.wait()
        if self._failure:
            raise self._failure

    def close(self) -> bool:
        """Ends the thread when it has written what waits. False if that takes longer than CLOSE_S: it may still write."""
        if self._thread.is_alive():
            self._jobs.put(None)
            self._thread.join(timeout=CLOSE_S)
        return not self._thread.is_alive()

    @property
    def waiting(self) -> int:
        return len(self._jobs)

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
        self._jobs.put(_Job(function, args, kept=True))
        self._look_again()

    def settle(self, function: Callable[..., object], end: End, *args: Any) -> asyncio.Future[None]:
        """The same for the end of a request; the future is done once it is committed, or was tried in vain and waits for another
        try, in the spool."""
        return self._awaited(_Job(function, (*end, *args), kept=True, end=end))

    def write(self, function: Callable[..., T], *args: Any) -> asyncio.Future[T]:
        """Hands a write over; the future has its result once it is committed, or the error that undid it."""
        return self._awaited(_Job(function, args))

    def write_unhurried(self, function: Callable[..., T], *args: Any) -> asyncio.Future[T]:
        """The same, where others may come first: it is committed with the next write, once the future is awaited, or after
        GATHERED_S."""
        future = self._jobs.put_unhurried(_Job(function, args))
        self._look_again()
        return future

    def _awaited(self, job: _Job) -> asyncio.Future[Any]:
        future = self._jobs.put_soon(job)
        self._look_again()
        return future

    def write_now(self, function: Callable[..., T], *args: Any) -> T:
        """The same for a thread that may wait: at the start, and in tools."""
        job = _Job(function, args)
        job.done = threading.Event()
        self._jobs.put(job)
        self._look_again()
        job.done.wait()
        if job.failure is not None:
            raise _typed(job.failure)
        result: T = job.result
        return result

    def _look_again(self) -> None:
        """The thread sets `_ended` before it looks for jobs for the last time: one of us two finds the job."""
        if self._ended is not None:
            self._refuse(self._jobs.rest())

    # --- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            connection = self._connect()
            seq: int = connection.execute("SELECT coalesce(max(seq), 0) FROM request").fetchone()[0]
        except Exception as error:
            self._failure = error
            return
        finally:
            self._started.set()
        failed: BaseException | None = None
        try:
            self._write_until_closed(Batch(connection, seq))
            self._ended = sqlite3.ProgrammingError("the ledger is closed")
        except BaseException as error:
            log.critical("the thread that writes the ledger failed, so nothing more is written", exc_info=error)
            self._ended = sqlite3.OperationalError(f"the ledger can no longer be written: {error!r}")
            failed = error
        owed, self._owed = self._owed, []
        self._refuse([*owed, *self._at_hand, *self._jobs.rest()])
        with contextlib.suppress(sqlite3.Error):
            connection.close()
        if failed is not None:
            self.broken.set_result(failed)

    def _write_until_closed(self, batch: Batch) -> None:
        open_ = True
        while open_:
            jobs, open_ = self._jobs.take(MAX_BATCH, OWED_AGAIN_S if self._owed else None)
            self._at_hand, self._owed = self._owed + jobs, []
            if self._at_hand:
                self._commit(batch, self._at_hand)
                settled(self._at_hand, self._owed, self._spool)
                answer(self._at_hand, _typed)
        self._at_hand = []

    def _commit(self, batch: Batch, jobs: list[_Job]) -> None:
        """Writes these jobs. Afterwards each has its result or its failure, or is owed."""
        for attempt in range(ATTEMPTS):
            try:
                _transact(batch, jobs)
            except Exception as error:
                batch.roll_back()
                code = _code(error)
                if code not in _PASSING:
                    self._divide(batch, jobs, error)
                    return
                if code in _DISK or attempt == ATTEMPTS - 1:
                    self._give_up(jobs, error)
                    return
                time.sleep(0.05 * 2**attempt)
            else:
                for job in jobs:
                    if job.failure is not None:
                        self._note_refusal(job, job.failure)
                return

    def _divide(self, batch: Batch, jobs: list[_Job], error: Exception) -> None:
        """One of these jobs is why their transaction failed (as a sum that is too large), and nobody knows which one: each
        half is tried alone, down to the job that fails."""
        if len(jobs) == 1:
            jobs[0].fail(error)
            self._note_refusal(jobs[0], error)
            return
        half = len(jobs) // 2
        self._commit(batch, jobs[:half])
        self._commit(batch, jobs[half:])

    def _note_refusal(self, job: _Job, error: Exception) -> None:
        """A refusal is for whoever waits to handle; where nobody does, a change is lost."""
        if isinstance(error, sqlite3.Error):
            self._failed_at = time.monotonic()
        if job.kept:
            self.lost += 1
            log.error("a change was not written to the ledger: %s", error, exc_info=error)

    def _give_up(self, jobs: list[_Job], error: Exception) -> None:
        """Notifies those who wait. What has to be written is kept for another try."""
        self._failed_at = time.monotonic()
        kept = [job for job in jobs if job.kept][: MOST_OWED - len(self._owed)]
        self._owed += kept
        save(kept, self._spool)
        self.lost += len(jobs) - len(kept)
        log.error("the ledger could not write %d changes (%d to be tried again): %s", len(jobs), len(kept), error)
        for job in jobs:
            job.failure = error

    # --- the end -----------------------------------------------------------------------------------------------------

    def _refuse(self, jobs: list[_Job]) -> None:
        save(jobs, self._spool)
        lost = sum(job.kept and not job.safe for job in jobs)
        if lost:
            self.lost += lost
            log.error("%d changes were not written to the ledger: %s", lost, self._ended)
        for job in jobs:
            job.failure = self._ended
        answer(jobs, _typed)


def _typed(error: Exception) -> Exception:
    """An error as the ledger's interface has it: the engine's own mean that the store cannot be written."""
    if not isinstance(error, sqlite3.Error):
        return error
    unavailable = StoreUnavailable(f"the store cannot be written: {error}")
    unavailable.__cause__ = error
    return unavailable


def _code(error: Exception) -> int:
    """SQLite's primary result code; 0 for any other error."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def _transact(batch: Batch, jobs: list[_Job]) -> None:
    """One transaction of all these writes: at first as if none were refused, since a savepoint for each takes a tenth of a
    write, and refusals are few. Raises a fault of the whole transaction, or of a lone write."""
    try:
        batch.begin()
        for job in jobs:
            job.perform(batch)
        batch.commit()
        return
    except Exception as error:
        if len(jobs) == 1 or _code(error) in _PASSING:
            raise
    batch.roll_back()
    batch.begin()
    _perform_apart(batch, jobs)
    batch.commit()


def _perform_apart(batch: Batch, jobs: list[_Job]) -> None:
    """Runs these writes, each with its own savepoint. Raises what is not the refusal of one of several, but a fault of
    the whole transaction."""
    for job in jobs:
        mark = batch.mark()
        try:
            job.perform(batch)
        except Exception as error:
            if _code(error) in _PASSING or not batch.connection.in_transaction:  # SQLite ends it itself for some faults
                raise
            batch.undo(mark)
            job.fail(error)
        else:
            batch.keep()
