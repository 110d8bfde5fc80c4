"""Reading in many threads while a store closes: without care, SQLite's module ends the process there."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from joytui.ledger.api import StoreUnavailable
from joytui.ledger.sqlite.engine import SqliteLedger
from joytui.ledger.sqlite.readers import Readers
from tests.support.hang import HANG_S


def opened(store: Path) -> sqlite3.Connection:
    return sqlite3.connect(store, isolation_level=None, check_same_thread=False)


def test_closing_never_meets_a_statement_that_runs(tmp_path: Path) -> None:
    """Fails, by ending the process, where a connection is closed as it is."""

    def read(begun: threading.Event, readers: Readers) -> None:
        with suppress(sqlite3.Error):
            while True:
                readers.read(lambda store: store.execute("SELECT count(*) FROM t WHERE n < ?", (50,)).fetchone())
                begun.set()

    with opened(tmp_path / "s") as store:
        store.execute("CREATE TABLE t (n)")
        store.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(100)])
    with ThreadPoolExecutor(2) as threads:
        for _ in range(15):
            readers, begun = Readers(lambda: opened(tmp_path / "s")), threading.Event()
            reading = [threads.submit(read, begun, readers) for _ in range(2)]
            assert begun.wait(HANG_S)
            readers.close()
            for one in reading:
                one.result(HANG_S)


def test_closing_ends_a_long_read_and_refuses_the_next(tmp_path: Path) -> None:
    ledger, begun = SqliteLedger.open_store(tmp_path / "l.sqlite3"), threading.Event()

    def long(store: sqlite3.Connection) -> None:
        begun.set()
        store.execute(
            "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
        ).fetchone()

    with ThreadPoolExecutor(1) as thread:
        reading = thread.submit(ledger.read_now, long)
        assert begun.wait(HANG_S)
        assert ledger.close()
        with pytest.raises(StoreUnavailable, match="interrupted"):
            reading.result(HANG_S)
    with pytest.raises(StoreUnavailable, match="closed"):
        ledger.read_now(long)
