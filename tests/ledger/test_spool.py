"""Ends that the store did not take are on the disk before their client has its last byte, and are written once, in order."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from joytui.core.clock import now_ms
from joytui.core.redaction import clean
from joytui.core.request import Ended, Opened
from joytui.ledger import spool
from joytui.ledger.api import StoreUnavailable
from joytui.ledger.postgres import url
from joytui.ledger.postgres.engine import PostgresLedger
from joytui.ledger.records import Candidate, NewKey, Page, Reservation, limits_of
from joytui.ledger.spool import End, Spool
from joytui.ledger.sql import reads
from joytui.ledger.sqlite import writer
from joytui.ledger.sqlite.engine import SqliteLedger
from joytui.ledger.sqlite.requests import reserve_request
from tests.ledger.filling import new_key
from tests.ledger.test_writer import held_by_another
from tests.support.hang import HANG_S
from tests.support.needs import needs
from tests.support.postgres import PostgresServer

ENDED = Ended("m", "p", "standard", 200, cost_nano=70, cost_source="upstream", latency_ms=12.345, ttft_ms=0.1)


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqliteLedger]:
    monkeypatch.setattr(writer, "ATTEMPTS", 1)
    ledger = SqliteLedger.open_store(tmp_path / "l.sqlite3", tmp_path)
    yield ledger
    ledger.close()


def admitted(ledger: SqliteLedger, times: int = 1) -> list[End]:
    """Requests of one key that hold 500 each, and their ends."""
    key = new_key(ledger, daily_limit="1")
    found = []
    for number in range(times):
        opened = Opened(
            ledger.next_number(), now_ms(), key.id, clean(f"é{number}", 9), "e", True, None, None, None, None, None
        )
        wanted = Reservation(
            limits_of(key.budget_id, [("daily", 10**9)]), [Candidate("m", "p", "standard", 500)], 60_000
        )
        ledger.write_now(reserve_request, opened, wanted)
        found.append(End(opened, ENDED._replace(cost_nano=70 + number), key.budget_id, True))
    return found


def spooled(folder: Path) -> list[Path]:
    return sorted(folder.glob("unwritten-*"))


async def test_what_the_store_did_not_take_is_written_when_it_is_back(ledger: SqliteLedger, tmp_path: Path) -> None:
    ends = admitted(ledger, 3)
    with held_by_another(ledger):
        for end in ends:
            await ledger.end(*end[:3], held=end.held)
            assert Spool(tmp_path, str(ledger.path)).left() == ends[: ends.index(end) + 1], (
                "before its client hears of it"
            )
        [file] = spooled(tmp_path)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert ledger.owed == 3
    await ledger.written()
    assert (ledger.owed, ledger.lost, spooled(tmp_path)) == (0, 0, [])
    assert [entry.cost_nano for _, entry in await ledger.page(Page(5))] == [72, 71, 70]


async def test_a_store_that_was_moved_finds_what_it_left_and_no_other_store_takes_it(
    ledger: SqliteLedger, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ends = admitted(ledger, 2)
    ledger.close()
    assert Spool(tmp_path, str(ledger.path)).add(ends)
    SqliteLedger.open_store(tmp_path / "other.sqlite3", tmp_path).close()
    assert Spool(tmp_path, str(ledger.path)).left() == ends
    assert "2 ends of requests for another store" in caplog.text
    moved = SqliteLedger.open_store(ledger.path.rename(tmp_path / "moved.sqlite3"), tmp_path)
    assert [entry.cost_nano for _, entry in await moved.page(Page(5))] == [71, 70]
    assert spooled(tmp_path) == []
    moved.close()


async def test_a_restart_in_between_loses_nothing_and_charges_once(ledger: SqliteLedger, tmp_path: Path) -> None:
    ends = admitted(ledger, 2)
    with held_by_another(ledger):
        for end in ends:
            await ledger.end(*end[:3], held=end.held)
        kept = spooled(tmp_path)[0].read_bytes()
        assert ledger.close()
    assert ledger.lost == 0
    for _ in range(2):  # the second time as if it had been killed before it took the file away
        spooled_by_the_first = spooled(tmp_path) or [Spool(tmp_path, str(ledger.path)).path]
        spooled_by_the_first[0].write_bytes(kept)
        again = SqliteLedger.open_store(tmp_path / "l.sqlite3", tmp_path)
        try:
            assert again.interrupted == 0
            records = [entry for _, entry in again.read_now(reads.page, Page(5))]
            assert [(one.status, one.cost_nano, one.latency_ms) for one in records] == [
                (200, 71, 12.345),
                (200, 70, 12.345),
            ]
            connection = again.reader()
            assert connection.execute("SELECT sum(spent), sum(held) FROM budget").fetchone() == (141, 0)
            connection.close()
        finally:
            again.close()
        assert spooled(tmp_path) == []


def test_another_stores_file_is_left_alone(tmp_path: Path) -> None:
    other = Spool(tmp_path, "another store")
    opened = Opened(1, 2, None, None, "e", False, None, None, None, None, None)
    assert other.add([End(opened, ENDED, None, False)])
    SqliteLedger.open_store(tmp_path / "l.sqlite3", tmp_path).close()
    assert len(other.left()) == 1


def test_a_line_that_was_cut_off_and_one_that_is_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept = Spool(tmp_path, "s")
    end = End(Opened(1, 2, "k", None, "e", False, None, None, None, None, None), ENDED, "b", True)
    assert kept.add([end, end])
    whole = kept.path.read_bytes()
    line = whole.splitlines()[0].replace(b'"n":1', b'"n":1,"of a newer version":[]')
    kept.path.write_bytes(line + b"\n[]\n" + whole[:-9])
    assert kept.left() == [end, end]
    assert "has 1 lines that cannot be read" in caplog.text


def test_it_has_a_bound_and_a_disk_that_fails_leaves_no_half_of_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept = Spool(tmp_path, "s")
    end = End(Opened(1, 2, "k", None, "e", False, None, None, None, None, None), ENDED, "b", True)
    assert kept.add([end])
    monkeypatch.setattr(spool, "MOST_BYTES", kept.path.stat().st_size + 5)
    assert not kept.add([end])
    assert "is full" in caplog.text
    monkeypatch.setattr(spool, "MOST_BYTES", 10**6)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool.os, "fsync", full)
    assert not kept.add([end])
    assert "No space left on device" in caplog.text
    assert kept.left() == [end]


# --- PostgreSQL -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@needs("PostgreSQL")
async def test_a_server_that_is_away_loses_nothing_also_over_a_restart(
    postgres_server: PostgresServer, postgres_store: str, tmp_path: Path
) -> None:
    """One gateway is there when the server comes back; another one was restarted meanwhile."""
    store = url.parse(postgres_store)
    folders = [tmp_path / name for name in ("stays", "restarts")]
    ledgers = []
    for folder in folders:
        folder.mkdir()
        ledgers.append(PostgresLedger.open_store(store, folder))
    ends = [await reserved(ledger, name) for ledger, name in zip(ledgers, "ab", strict=True)]
    postgres_server.stop()
    for ledger, end, folder in zip(ledgers, ends, folders, strict=True):
        await asyncio.wait_for(ledger.end(*end[:3], held=end.held), HANG_S)
        assert [one.opened.n for one in Spool(folder, store.masked).left()] == [end.opened.n]
        with pytest.raises(StoreUnavailable):
            await asyncio.wait_for(ledger.probe(), HANG_S)
    assert ledgers[1].close(), "what it could not write is safe"
    assert ledgers[1].lost == 0
    postgres_server.start()
    ledgers[1] = PostgresLedger.open_store(store, folders[1])
    async with asyncio.timeout(HANG_S):
        while spooled(folders[0]):
            await asyncio.sleep(0.01)
    assert [spooled(folder) for folder in folders] == [[], []]
    records = [entry for _, entry in await ledgers[1].page(Page(5))]
    assert [(one.status, one.cost_nano, one.error_type) for one in records] == [(200, 70, None)] * 2
    for ledger in ledgers:
        ledger.close()
    held = postgres_server.execute("SELECT sum(spent), sum(held) FROM joytui.budget")
    assert held == [(140, 0)]


async def reserved(ledger: PostgresLedger, name: str) -> End:
    """The end of a request that holds something."""
    wanted = NewKey(name.encode(), name, "", None, (), None, {}, None)
    key = await ledger.create_key(wanted, alone=False)
    assert key is not None
    opened = Opened(ledger.next_number(), now_ms(), key.id, None, "e", True, None, None, None, None, None)
    estimate = [Candidate("m", "p", "standard", 500)]
    await ledger.reserve(opened, Reservation(limits_of(key.budget_id, [("daily", 10**9)]), estimate, 60_000))
    return End(opened, ENDED, key.budget_id, True)
