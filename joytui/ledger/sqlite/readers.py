"""The connections that read a store: one for each thread that asks.

SQLite's module ends the whole process if a connection is closed while another thread is in the middle of a statement of it, so
`close` interrupts what is being read and waits for it.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class _Reader(NamedTuple):
    connection: sqlite3.Connection
    in_use: threading.Lock


class Readers:
    """`connect`: opens a connection that cannot write."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._local = threading.local()
        self._all: list[_Reader] = []
        self._changing = threading.Lock()
        self._closed = False

    def read(self, function: Callable[..., T], *args: Any) -> T:
        """The answer of a function of a connection. Raises sqlite3.Error, also once the readers are closed."""
        reader: _Reader | None = getattr(self._local, "reader", None)
        if reader is None:
            reader = self._local.reader = self._added()
        with reader.in_use:
            return function(reader.connection, *args)

    def close(self) -> None:
        """Ends what is being read (it raises sqlite3.OperationalError) and closes every connection."""
        with self._changing:
            self._closed = True
            readers, self._all = self._all, []
        for connection, in_use in readers:
            while not in_use.acquire(timeout=0.05):
                with contextlib.suppress(sqlite3.Error):
                    connection.interrupt()
            connection.close()
            in_use.release()

    def _added(self) -> _Reader:
        with self._changing:
            if self._closed:
                raise sqlite3.ProgrammingError("the store is closed")
            reader = _Reader(self._connect(), threading.Lock())
            self._all.append(reader)
            return reader
