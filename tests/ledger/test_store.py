"""The store's files, its migrations, its lock, its writer and its upkeep."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from joytui.core.clock import now_ms
from joytui.core.errors import UnreachableError, UsageError
from joytui.core.request import Ended, Opened, request_id, request_number
from joytui.ledger.api import StoreUnavailable
from joytui.ledger.engines import named_store
from joytui.ledger.ids import COUNTER_BITS, LATEST_MS, Numbers
from joytui.ledger.records import Candidate, Page, Reservation, limits_of
from joytui.ledger.sql import reads
from joytui.ledger.sqlite import tidying
from joytui.ledger.sqlite.engine import SqliteLedger
from joytui.ledger.sqlite.requests import open_request, reserve_request
from joytui.ledger.sqlite.schema import MIGRATIONS
from joytui.ledger.sqlite.writer import Batch
from tests.ledger.filling import CHOSEN, DAY, START, add, new_key
from tests.support.clock import NOW, Clock


@pytest.mark.parametrize("text", ["mysql://u:p@h/d", "mysql://h", "sqlite:///x", "", " ", ":memory:"])
def test_not_everything_is_a_store(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        named_store(text)
    assert caught.value.exit_code == 2
    assert "u:p@" not in str(caught.value)


def test_a_directory_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="directory"):
        named_store(str(tmp_path))


def test_what_is_no_file_is_no_store_and_stays_as_it_is(tmp_path: Path) -> None:
    """/dev/null above all, whose mode is everybody's; here a pipe, through a link."""
    os.mkfifo(tmp_path / "pipe", 0o644)
    (tmp_path / "l.sqlite3").symlink_to("pipe")
    before = (tmp_path / "pipe").stat()
    with pytest.raises(UnreachableError, match="must be a file, and this is not one"):
        SqliteLedger.open_store(tmp_path / "l.sqlite3")
    assert (tmp_path / "pipe").stat().st_mode == before.st_mode


def test_a_store_that_cannot_be_locked_says_so(tmp_path: Path) -> None:
    (tmp_path / "l.sqlite3.lock").mkdir()
    with pytest.raises(UnreachableError, match="cannot be locked: Is a directory"):
        SqliteLedger.open_store(tmp_path / "l.sqlite3")


def test_files_are_the_owners_even_where_they_were_not(tmp_path: Path) -> None:
    os.umask(0o022)
    path = tmp_path / "new" / "l.sqlite3"
    SqliteLedger.open_store(path).close()
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.chmod(0o644)
    SqliteLedger.open_store(path).close()
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


def test_one_gateway_a_store(tmp_path: Path) -> None:
    first = SqliteLedger.open_store(tmp_path / "l.sqlite3")
    with pytest.raises(UnreachableError, match=f"process {os.getpid()}") as caught:
        SqliteLedger.open_store(tmp_path / "l.sqlite3")
    assert caught.value.exit_code == 3
    first.close()
    SqliteLedger.open_store(tmp_path / "l.sqlite3").close()


def test_a_newer_store_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite3"
    SqliteLedger.open_store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(UnreachableError, match="newer joytui"):
        SqliteLedger.open_store(path)
    assert path.read_bytes() == before


def test_an_older_store_keeps_its_rows(tmp_path: Path) -> None:
    """Tables of schema 1, before requests had `queue_ms` and `first_byte_ms`."""
    path = tmp_path / "l.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.executescript(f"{MIGRATIONS[0]}; PRAGMA user_version = 1;")
        connection.execute(
            "INSERT INTO request (n, seq, endpoint, status, stream, ttft_ms, latency_ms, notes)"
            " VALUES (7, 1, '/openai/v1/responses', 200, 1, 5.0, 9.0, 'old')"
        )
    connection.close()
    ledger = SqliteLedger.open_store(path)
    try:
        add(ledger, START, queue_ms=1.5, first_byte_ms=4.0)
        ledger.write_now(lambda batch: None)
        new, old = (record for _, record in ledger.read_now(reads.page, Page(5)))
        assert (old.ttft_ms, old.latency_ms, old.notes, old.queue_ms, old.first_byte_ms) == (
            5.0,
            9.0,
            "old",
            None,
            None,
        )
        assert (new.queue_ms, new.first_byte_ms) == (1.5, 4.0)
    finally:
        ledger.close()


@pytest.mark.parametrize("content", [b"this is no database " * 100, b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_file_that_is_no_store(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "l.sqlite3"
    path.write_bytes(content)
    with pytest.raises(UnreachableError, match="cannot be used"):
        SqliteLedger.open_store(path)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnreachableError, match="cannot be opened"):
        SqliteLedger.open_store(tmp_path / "file" / "l.sqlite3")


def test_numbers_grow() -> None:
    numbers = Numbers()
    given = [numbers.next() for _ in range(5000)]
    assert given == sorted(set(given))
    assert Numbers(1 << 62).next() == (1 << 62) + 1
    assert Numbers((LATEST_MS << COUNTER_BITS) + 7).next() == (LATEST_MS << COUNTER_BITS) + 8
    for number in given[:3]:
        assert request_number(request_id(number)) == number
    for text in ("req-", "req-zz", "req-" + "g" * 16, "req-" + "f" * 16, "other"):
        assert request_number(text) is None


def test_no_clock_makes_a_number_that_the_store_cannot_hold(clock: Clock) -> None:
    numbers = Numbers()
    clock.moment = datetime(2261, 1, 1, tzinfo=UTC)
    ahead = [numbers.next() for _ in range(3)]
    clock.moment = NOW
    given = [*ahead, numbers.next()]
    assert given == sorted(set(given))
    assert given[-1] < 1 << 63


def test_pages_by_number_meet_every_row_once(ledger: SqliteLedger) -> None:
    numbers = [add(ledger, START + i // 3, counter=i) for i in range(100)]
    ledger.write_now(lambda batch: None)
    seen, before = [], None
    while page := ledger.read_now(reads.page, Page(7, before=before)):
        seen += [record.id for _, record in page]
        before = request_number(seen[-1])
    assert seen == [request_id(n) for n in sorted(numbers, reverse=True)]


def test_an_id_is_ours_or_the_clients_newest_or_the_upstreams(ledger: SqliteLedger) -> None:
    """Also where it looks like one of ours and is not: another joytui sends its own."""
    ours = request_id(add(ledger, START))
    alike = request_id(START + 99 << COUNTER_BITS)
    for count, name in enumerate((ours, alike, "theirs")):
        upstreams = request_id(add(ledger, START + 1, counter=count, upstream_id=name))
        assert found(ledger, name) == (ours if name == ours else upstreams)
        add(ledger, START + 2, counter=count, request_id=name)
        newest = request_id(add(ledger, START + 3, counter=count, request_id=name))
        add(ledger, START + 4, counter=count, upstream_id=name)
        assert found(ledger, name) == (ours if name == ours else newest)
    assert found(ledger, request_id(START + 100 << COUNTER_BITS)) is None


def found(ledger: SqliteLedger, text: str) -> str | None:
    ledger.write_now(lambda batch: None)
    entry = ledger.read_now(reads.find, text)
    return entry[1].id if entry else None


def test_the_tail_sees_a_request_twice(ledger: SqliteLedger) -> None:
    from joytui.core.request import Ended, Opened
    from joytui.ledger.sqlite.requests import end_request, open_request

    key = new_key(ledger)
    request = Opened(ledger.next_number(), now_ms(), key.id, "auto", "e", True, None, None, None, None, None)
    ledger.write_now(open_request, request, CHOSEN)
    [(first, admitted)] = ledger.read_now(reads.changed, 0, None, 10)
    assert (admitted.status, admitted.key) == (None, "dev")
    ledger.write_now(end_request, request, Ended("m", "p", "standard", 200), key.budget_id, False)
    [(second, over)] = ledger.read_now(reads.changed, first, None, 10)
    assert (over.id, over.status) == (admitted.id, 200)
    assert second > first


def test_the_sequence_goes_on_after_a_restart(tmp_path: Path) -> None:
    ledger = SqliteLedger.open_store(tmp_path / "l.sqlite3")
    add(ledger, START)
    ledger.close()
    ledger = SqliteLedger.open_store(tmp_path / "l.sqlite3")
    before = ledger.read_now(reads.last_seq)
    add(ledger, START + 1)
    ledger.write_now(lambda batch: None)
    assert ledger.read_now(reads.last_seq) == before + 2
    ledger.close()


async def test_writes_are_one_after_another_and_one_that_fails_fails_alone(ledger: SqliteLedger) -> None:
    def fail(batch: object) -> None:
        raise ValueError("this one")

    key = new_key(ledger)
    futures = [ledger.write(fail if i == 50 else (lambda batch, i=i: i)) for i in range(100)]
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert [r for r in results if not isinstance(r, ValueError)] == [i for i in range(100) if i != 50]
    assert key.name == "dev"


async def test_closing_writes_what_waits(tmp_path: Path) -> None:
    ledger = SqliteLedger.open_store(tmp_path / "l.sqlite3")
    for i in range(2000):
        add(ledger, START, counter=i)
    ledger.close()
    again = SqliteLedger.open_store(tmp_path / "l.sqlite3")
    assert again.read_now(reads.counted) == 2000
    assert again.interrupted == 0
    again.close()


def test_retention_takes_rows_in_slices_and_leaves_sums(ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    old = 1_600_000_000_000
    for i in range(30):
        add(ledger, old + i)
    add(ledger, START + 300 * DAY)
    ledger.write_now(lambda batch: None)
    monkeypatch.setattr(tidying, "SLICE", 12)
    taken = []
    while count := ledger.write_now(tidying.SLICES["requests"], now_ms() - 90 * DAY):
        taken.append(count)
    assert taken == [12, 12, 6]
    assert len(ledger.read_now(reads.page, Page(100))) == 1
    assert ledger.read_now(reads.counted) == 31


def test_readers_cannot_write(ledger: SqliteLedger) -> None:
    connection = ledger.reader()
    with pytest.raises(sqlite3.OperationalError):
        connection.execute("DELETE FROM api_key")
    connection.close()


async def test_a_full_disk_loses_no_end_of_a_request(ledger: SqliteLedger) -> None:
    """SQLite itself says "database or disk is full": who waits is told, an end is kept, and written when there is room. Who
    waits for an end waits for one try."""
    key = new_key(ledger, daily_limit="1")
    opened = Opened(ledger.next_number(), now_ms(), key.id, "auto", "e", True, None, None, None, None, None)
    wanted = Reservation(limits_of(key.budget_id, [("daily", 10**9)]), [Candidate("m", "p", "standard", 500)], 60_000)
    ledger.write_now(reserve_request, opened, wanted)
    ledger.write_now(fill)
    with pytest.raises(StoreUnavailable, match="full"):
        ledger.write_now(open_request, opened._replace(n=ledger.next_number(), model="m" * 9000), CHOSEN)
    ended = Ended("m", "p", "standard", 200, cost_nano=300, cost_source="upstream", notes="n" * 9000)
    await ledger.end(opened, ended, key.budget_id, held=True)
    assert ledger.owed == 1
    with pytest.raises(StoreUnavailable, match="full"):
        ledger.write_now(lambda batch: batch.execute("INSERT INTO junk VALUES (zeroblob(9000))"))
    assert ledger.owed == 1
    [(seq, record)] = ledger.read_now(reads.page, Page(10))
    assert record.status is None
    with sqlite3.connect(ledger.path) as room:
        room.execute("DELETE FROM junk")
    room.close()
    ledger.write_now(lambda batch: None)
    assert ledger.owed == 0
    [(ended_seq, record)] = ledger.read_now(reads.page, Page(10))
    assert (record.status, record.cost_nano) == (200, 300)
    assert ended_seq == seq + 1, "what was tried in vain took no number"
    connection = ledger.reader()
    assert connection.execute("SELECT spent, held FROM budget").fetchall() == [(300, 0)]
    connection.close()


def fill(batch: Batch) -> None:
    """Leaves no page free, and allows no more."""
    batch.execute("CREATE TABLE junk (x)")
    batch.execute("INSERT INTO junk VALUES (zeroblob(400000))")
    pages = batch.execute("PRAGMA page_count").fetchone()[0]
    batch.execute(f"PRAGMA max_page_count = {pages}")
