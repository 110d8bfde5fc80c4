"""The one thread of a gateway that writes: it takes what waits and hands it over together.

What requests do is plain data (`jobs`), and many of them are one call, which is one transaction and one round trip
(`functions`). All else, seldom, is a function of a connection in its own transaction.

While the store is unreachable, whoever asks is refused at once, ends are kept in their order, and the thread tries to connect again.
A call whose answer did not come may have been done. Ends change nothing when they are done twice; of admissions, whose clients
were told that they failed, the rows are taken back (`jobs.disown`), after the server has ended the old connection for good.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from itertools import groupby
from typing import Any, TypeVar

import psycopg

from joytui.ledger.api import StoreError, StoreUnavailable
from joytui.ledger.postgres import jobs
from joytui.ledger.postgres.connections import Link, connect
from joytui.ledger.postgres.functions import FUNCTIONS
from joytui.ledger.postgres.url import StoreUrl
from joytui.ledger.records import DAY_MS, HOUR_MS
from joytui.ledger.spool import End, Spool
from joytui.ledger.sql.parts import TABLES, Place
from joytui.ledger.sql.telemetry import Numbers
from joytui.ledger.waiting import Inbox, Waiting, answer, save, settled

T = TypeVar("T")
log = logging.getLogger("joytui.ledger")

MAX_BATCH = 256
MOST_OWED = 20_000
OWED_AGAIN_S = 0.5
TROUBLED_S = 60.0
CLOSE_S = 30.0
ATTEMPTS = 4
_CALL = f"SELECT {FUNCTIONS.write}(?::jsonb, ?, ?::bigint)"
_END_OTHERS = """
    SELECT pg_terminate_backend(pid, 1500) FROM pg_stat_activity WHERE application_name = ? AND pid != pg_backend_pid()
"""
TOLD = "told"
"""Reports the end of a request whose thread has telemetry; of a refusal, beside the number of its row."""
_AGAIN = ("40", "55P03")
"""SQLSTATEs of transactions that may do better at another try: serialization, deadlock, lock."""


class Turn:
    """One transaction of functions: what they write, the numbers of changes, and sums to add before the commit."""

    def __init__(self, link: Link) -> None:
        self.execute = link.execute
        self._aside: list[tuple[str, int, Place, Numbers]] = []
        self._seq: int | None = None

    def next_seq(self) -> int:
        """Numbers the change of a request."""
        self._seq = int(self.execute("SELECT nextval('change')").fetchall()[0][0])
        return self._seq

    def add_aside(self, part: str, at: int, place: Place, numbers: Numbers) -> None:
        """Adds to the sums of a part that keeps everything apart."""
        self._aside.append((part, at, place, numbers))

    def pending_cost(self, counts: Callable[[Place], bool], since: int, until: int) -> int:
        """Nothing: whatever ended is in the sums before a function of a connection has its turn."""
        return 0

    def finish(self) -> None:
        for part, at, place, (requests, errors, _, *rest) in self._aside:
            for unit, ms in (("hour", HOUR_MS), ("day", DAY_MS)):
                table = TABLES[f"part_{unit}"]
                row = (part, at // ms, *place, requests, errors, *rest)
                self.execute(f"INSERT INTO {table.name} VALUES ({', '.join('?' * len(row))}) {table.add}", row)  # noqa: S608 (own words)
        if self._seq is not None:
            self.execute("UPDATE turn SET seq = ?", (self._seq,))
            self.execute("SELECT pg_notify('joytui:' || current_schema(), 'requests')")


class _Data(Waiting):
    """A job of a request; `admits`: the number of the request whose row it makes. `make`: makes the result of the answer, or raises
    a refusal. `then`: a function to call if the store says that the request has telemetry."""

    __slots__ = ("admits", "job", "make", "then", "told")

    def __init__(
        self,
        job: jobs.Job,
        *,
        kept: bool = False,
        end: End | None = None,
        make: Callable[[Any], Any] | None = None,
        then: Callable[[Turn], None] | None = None,
    ) -> None:
        super().__init__(kept=kept, end=end)
        self.job = job
        self.make = make
        self.then = then
        self.told = False
        self.admits: int | None = job["n"] if job["do"] in ("open", "reserve") else None


class _Work(Waiting):
    """A function of a connection."""

    __slots__ = ("args", "function")

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        super().__init__()
        self.function = function
        self.args = args


class Writer:
    """Owns the writing connection and its thread. Open it once, close it once; closing writes what still waits.

    `known`: the version of what this gateway judges requests by; None until it has read it. `heard`: called, in the thread,
    with the newest version that the store reported. `broken` is done, with what happened, once the thread itself has failed. `spool`
    keeps the ends of requests that cannot be written now.
    """

    def __init__(self, url: StoreUrl, gateway: str, heard: Callable[[int], None], spool: Spool | None = None) -> None:
        self._url = url
        self._gateway = gateway
        self._heard = heard
        self._spool = spool
        self._name = f"{gateway} writes"
        self._inbox: Inbox[_Data | _Work] = Inbox()
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._link: Link | None = None
        self._down: Exception | None = None
        self._ended: Exception | None = None
        self._at_hand: list[_Data | _Work] = []
        self._owed: list[_Data | _Work] = []
        self._unsure: list[int] = []
        self._failed_at = -TROUBLED_S
        self._left_out = 0
        self.known: int | None = None
        self.lost = 0
        self.broken: Future[BaseException] = Future()

    def start(self) -> None:
        """Raises psycopg.Error if the store cannot be reached. The ends that an earlier gateway left are written first."""
        self._connect()
        for end in [] if self._spool is None else self._spool.left():
            left = _Data(jobs.end(*end), kept=True, end=end)
            left.safe = True
            self._inbox.put(left)
        self._thread.start()

    def close(self) -> bool:
        """Ends the thread when it has written what waits. False if that takes longer than CLOSE_S, or if something is lost."""
        if self._thread.is_alive():
            self._inbox.put(None)
            self._thread.join(timeout=CLOSE_S)
        return not self._thread.is_alive() and not self._left_out

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    @property
    def waiting(self) -> int:
        return len(self._inbox)

    @property
    def owed(self) -> int:
        return len(self._owed)

    @property
    def troubled(self) -> bool:
        return self._down is not None or bool(self._owed) or time.monotonic() - self._failed_at < TROUBLED_S

    # --- handing over ------------------------------------------------------------------------------------------------

    def do(
        self, job: jobs.Job, make: Callable[[Any], T], then: Callable[[Turn], None] | None = None
    ) -> asyncio.Future[T]:
        """Hands a job over; the future has what is made of its answer once that is committed, or the error."""
        return self._awaited(_Data(job, make=make, then=then))

    def settle(self, end: End, then: Callable[[Turn], None]) -> asyncio.Future[None]:
        """The same for the end of a request, which has to be written: the future is done once it is, or was tried in vain and
        waits for another try, in the spool."""
        return self._awaited(_Data(jobs.end(*end), kept=True, end=end, then=then))

    def write(self, function: Callable[..., T], *args: Any) -> asyncio.Future[T]:
        """Hands over a function of a connection; the future has its result once it is committed, or the error that undid it."""
        return self._awaited(_Work(function, args))

    def submit(self, function: Callable[..., object], *args: Any) -> None:
        """Like `write`, from any thread, without waiting."""
        self._inbox.put(_Work(function, args))

    def do_now(self, job: jobs.Job) -> Any:
        """The same as `do`, waiting in this thread."""
        return self._now(_Data(job))

    def write_now(self, function: Callable[..., T], *args: Any) -> T:
        """The same as `write`, waiting in this thread."""
        result: T = self._now(_Work(function, args))
        return result

    def do_unhurried(self, job: jobs.Job, make: Callable[[Any], T]) -> asyncio.Future[T]:
        """The same as `do`, where others may come first: it is committed with the next write, once the future is awaited, or a
        little later."""
        write = _Data(job, make=make)
        future = self._away(write) or self._inbox.put_unhurried(write)
        self._look_again()
        return future

    def _awaited(self, write: _Data | _Work) -> asyncio.Future[Any]:
        future = self._away(write) or self._inbox.put_soon(write)
        self._look_again()
        return future

    def _now(self, write: _Data | _Work) -> Any:
        if self._down is not None and self._ended is None:
            raise self._typed(self._down)
        write.done = threading.Event()
        self._inbox.put(write)
        self._look_again()
        write.done.wait()
        if write.failure is not None:
            raise self._typed(write.failure)
        return write.result

    def _away(self, write: _Data | _Work) -> asyncio.Future[Any] | None:
        """While the store is unreachable nobody waits for it: the future is done, and only what has to be written is handed over."""
        down = self._down
        if down is None or self._ended is not None:
            return None
        future = write.awaited()
        write.failure = down
        if write.kept:
            save([write], self._spool)
            self._inbox.put(write)
        answer([write], self._typed)
        return future

    def _look_again(self) -> None:
        """The thread sets `_ended` before it looks for writes for the last time: one of us two finds the write."""
        if self._ended is not None:
            self._refuse(self._inbox.rest())

    def _typed(self, error: Exception) -> Exception:
        """An error as the ledger's interface has it: the driver's own mean that the store cannot be written."""
        if not isinstance(error, psycopg.Error):
            return error
        unavailable = StoreUnavailable(f"the store cannot be written: {self._words(error)}")
        unavailable.__cause__ = error
        return unavailable

    def _words(self, error: Exception) -> str:
        return self._url.without_secrets(str(error)).strip()

    # --- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        failed: BaseException | None = None
        try:
            self._write_until_closed()
            self._ended = psycopg.OperationalError("the ledger is closed")
        except BaseException as error:
            log.critical("the thread that writes the ledger failed, so nothing more is written", exc_info=error)
            self._ended = psycopg.OperationalError(f"the ledger can no longer be written: {error!r}")
            failed = error
        self._refuse([*self._owed, *self._at_hand, *self._inbox.rest()])
        self._disconnect()
        if failed is not None:
            self.broken.set_result(failed)

    def _write_until_closed(self) -> None:
        open_ = True
        while open_:
            fresh, open_ = self._inbox.take(MAX_BATCH, OWED_AGAIN_S if self._owed or self._link is None else None)
            if self._link is None and not self._reconnect(wait=open_):
                self._keep(fresh)
                continue
            self._at_hand, self._owed = self._owed + fresh, []
            self._write(self._at_hand)
            settled(self._at_hand, self._owed, self._spool)
            answer(self._at_hand, self._typed)
            self._at_hand = []

    def _write(self, writes: Sequence[_Data | _Work]) -> None:
        """Afterwards each has its answer or its failure, or is owed."""
        for data, run in groupby(writes, key=lambda write: isinstance(write, _Data)):
            some = list(run)
            for first in range(0, len(some), MAX_BATCH if data else 1):
                batch = some[first : first + MAX_BATCH] if data else some[first : first + 1]
                self._commit(batch)
                for write in batch:
                    if isinstance(write, _Data) and write.told:
                        self._follow(write)

    def _follow(self, write: _Data) -> None:
        """What remains to be done for a request with telemetry. The next piece of its thread does it, too."""
        write.told = False
        if write.then is not None:
            work = _Work(write.then, ())
            self._commit([work])
            if work.failure is not None:
                log.warning("a request was not joined with its telemetry: %s", self._words(work.failure))

    def _commit(self, writes: Sequence[_Data | _Work]) -> None:
        for attempt in range(ATTEMPTS):
            link = self._link
            if link is None:  # it went with the batch before
                self._give_up(writes, self._down or psycopg.OperationalError("the store is unreachable"))
                return
            try:
                self._perform(link, writes)
                return
            except Exception as error:
                if not link.usable:
                    self._went(error, writes)
                    self._give_up(writes, error)
                    return
                state = getattr(error, "sqlstate", None) or ""
                if state == psycopg.errors.QueryCanceled.sqlstate or (
                    state.startswith(_AGAIN) and attempt == ATTEMPTS - 1
                ):
                    self._give_up(writes, error)
                    return
                if not state.startswith(_AGAIN):
                    self._divide(writes, error)
                    return
                time.sleep(0.02 * 2**attempt)

    def _perform(self, link: Link, writes: Sequence[_Data | _Work]) -> None:
        first = writes[0]
        if isinstance(first, _Work):
            with link.raw.transaction():
                link.execute("SELECT FROM turn FOR UPDATE")
                turn = Turn(link)
                first.result = first.function(turn, *first.args)
                turn.finish()
            first.failure = None
            return
        data = [write for write in writes if isinstance(write, _Data)]
        said = link.execute(_CALL, (json.dumps([write.job for write in data]), self._gateway, self.known)).fetchone()
        assert said is not None
        for write, result in zip(data, said[0]["answers"], strict=True):
            _take_answer(write, result)
        if said[0]["version"] != self.known:
            self._heard(said[0]["version"])

    def _divide(self, writes: Sequence[_Data | _Work], error: Exception) -> None:
        """One of these made the transaction fail, and it is unknown which: each half is tried separately."""
        if len(writes) > 1:
            half = len(writes) // 2
            self._commit(writes[:half])
            self._commit(writes[half:])
            return
        (write,) = writes
        write.fail(error)
        if isinstance(error, psycopg.Error):
            self._failed_at = time.monotonic()
        if write.kept:
            self.lost += 1
            log.error("a change was not written to the ledger: %s", self._words(error), exc_info=error)

    # --- while the store is unreachable -------------------------------------------------------------------------------------

    def _connect(self) -> None:
        link = connect(self._url, self._name)
        link.execute("SET default_transaction_isolation = 'read committed'")
        link.execute("SET plan_cache_mode = force_generic_plan")  # the functions' statements are planned once
        link.execute(_END_OTHERS, (f"joytui {self._name}",))
        self._link = link

    def _reconnect(self, *, wait: bool) -> bool:
        try:
            self._connect()
        except psycopg.Error as error:
            self._down = error
            self._failed_at = time.monotonic()
            return False
        log.info("the store is writable again (%d changes waited)", self.owed)
        if self._unsure:
            unsure, self._unsure = self._unsure, []
            self._owed.insert(0, _Data(jobs.disown(unsure), kept=True))
        self._down = None
        return True

    def _disconnect(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None

    def _went(self, error: Exception, writes: Sequence[_Data | _Work]) -> None:
        """The connection broke while these were being written: whether they are is unknown."""
        self._down = error
        self._disconnect()
        self._unsure += [w.admits for w in writes if isinstance(w, _Data) and w.admits is not None]

    def _give_up(self, writes: Sequence[_Data | _Work], error: Exception) -> None:
        """Notifies those who wait. What has to be written is kept for another try."""
        self._failed_at = time.monotonic()
        for write in writes:
            write.failure = error
        self._keep(writes)
        log.error("the ledger could not write %d changes: %s", len(writes), self._words(error))

    def _keep(self, writes: Sequence[_Data | _Work]) -> None:
        kept = [write for write in writes if write.kept]
        room = max(0, MOST_OWED - len(self._owed))
        self._owed += kept[:room]
        save(kept[:room], self._spool)
        self.lost += len(kept) - len(kept[:room])
        for write in writes:
            write.failure = write.failure or self._down
        answer(writes, self._typed)

    # --- the end -----------------------------------------------------------------------------------------------------

    def _refuse(self, writes: Sequence[_Data | _Work]) -> None:
        save(writes, self._spool)
        lost = sum(write.kept and not write.safe for write in writes)
        if lost:
            self.lost += lost
            self._left_out += lost
            log.error("%d changes were not written to the ledger: %s", lost, self._ended)
        for write in writes:
            write.failure = self._ended
        answer(writes, self._typed)


def _take_answer(write: _Data, result: Any) -> None:
    write.result, write.failure = None if result == TOLD else result, None
    write.told = result == TOLD or (isinstance(result, dict) and TOLD in result)
    if result == TOLD or write.make is None:
        return
    try:
        write.result = write.make(result)
    except StoreError as refusal:
        write.failure = refusal
