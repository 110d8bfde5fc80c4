"""The SQLite engine: one writer thread, a reading connection per thread, and the ledger's questions as methods.

Another engine (PostgreSQL, for several gateways on one store) is another class with these methods.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from joytui.core.errors import UnreachableError
from joytui.ledger import reads
from joytui.ledger.files import StoreLock, prepare
from joytui.ledger.ids import Numbers
from joytui.ledger.schema import migrate
from joytui.ledger.upkeep import recover
from joytui.ledger.writer import Writer

T = TypeVar("T")
log = logging.getLogger("joytui.ledger")


class SqliteLedger:
    """An open store. Reads run anywhere; writes are handed to the writer. `interrupted`: requests that a process which
    died had left open, ended at this start.

        ledger = SqliteLedger.open(path)
        row = await ledger.write(keys.create_key, …)      # committed
        ledger.submit(requests.end_request, …)            # handed over, also while being cancelled
        found = await ledger.read(reads.page, …)          # in a thread; read_now for the calling thread
    """

    def __init__(self, path: Path, lock: StoreLock) -> None:
        self.path = path
        self._lock = lock
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._writer = Writer(self._connect_writer)
        self.interrupted = 0
        self.numbers = Numbers()

    @classmethod
    def open(cls, path: Path) -> SqliteLedger:
        """Opens (and makes) a store for one gateway. Raises UnreachableError with what to do."""
        os.umask(0o077)  # SQLite makes its WAL and shared memory files itself
        prepare(path)
        lock = StoreLock(path)
        lock.acquire()
        ledger = cls(path, lock)
        try:
            ledger._begin()
        except BaseException as error:
            ledger.close()
            if isinstance(error, sqlite3.Error):
                raise UnreachableError(f"the store cannot be used: {error}", where=str(path)) from None
            raise
        return ledger

    def _begin(self) -> None:
        connection = self._connect_writer()
        migrate(connection, str(self.path))
        connection.close()
        self._writer.start()
        self.numbers = Numbers(self.read_now(reads.last_number))
        self.interrupted = self._writer.write_now(recover)

    def close(self) -> bool:
        """Writes what waits, and closes everything. False if the writer is not done in time: the store stays locked then, as
        long as this process may still write it.

        The writer's connection goes last: SQLite takes the WAL into the store, and its files away, when the last
        connection closes, and a reader's may not.
        """
        for connection in self._readers:
            connection.close()
        self._readers.clear()
        if not self._writer.close():
            log.error("the store is still being written after its end; it stays locked (%d changes wait)", self.waiting)
            return False
        self._lock.release()
        return True

    # --- writing -----------------------------------------------------------------------------------------------------

    def submit(self, function: Callable[..., object], *args: Any) -> None:
        """Hands a write over and returns at once; an error is only logged."""
        self._writer.submit(function, *args)

    def write(self, function: Callable[..., T], *args: Any) -> asyncio.Future[T]:
        """Hands a write over; the future is done when it is committed."""
        return self._writer.write(function, *args)

    def write_now(self, function: Callable[..., T], *args: Any) -> T:
        """The same, waiting in this thread."""
        return self._writer.write_now(function, *args)

    @property
    def waiting(self) -> int:
        """Writes that wait for their turn."""
        return self._writer.waiting

    @property
    def owed(self) -> int:
        """Writes that are tried again and again, because the store did not take them."""
        return self._writer.owed

    @property
    def troubled(self) -> bool:
        """Whether writes failed a while ago: who is about to spend money looks first whether they do still."""
        return self._writer.troubled

    @property
    def lost(self) -> int:
        """Writes that the store did not take."""
        return self._writer.lost

    @property
    def failure(self) -> BaseException | None:
        """Why nothing can be written any more, for good; None while the writer works."""
        broken = self._writer.broken
        return broken.result() if broken.done() else None

    async def broken(self) -> BaseException:
        """Waits until nothing can be written any more, and gives the reason."""
        return await asyncio.shield(asyncio.wrap_future(self._writer.broken))

    def _connect_writer(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=5)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
        return connection

    # --- reading -----------------------------------------------------------------------------------------------------

    async def read(self, function: Callable[..., T], *args: Any) -> T:
        return await asyncio.to_thread(self.read_now, function, *args)

    def read_now(self, function: Callable[..., T], *args: Any) -> T:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self.reader()
            self._readers.append(connection)
        return function(connection, *args)

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
