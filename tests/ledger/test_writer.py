"""The one thread that writes: a refusal undoes itself and nothing else, no failure of one is another's, no waiter waits forever."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joytui.core.errors import UnreachableError
from joytui.core.joytoken import TIERS
from joytui.core.request import Ended, Opened
from joytui.ledger import waiting
from joytui.ledger.api import StoreUnavailable
from joytui.ledger.ids import COUNTER_BITS
from joytui.ledger.records import Candidate, Page, Period, Reservation, limits_of
from joytui.ledger.sql import reads, wallets
from joytui.ledger.sql.parts import Place
from joytui.ledger.sqlite import tidying, writer
from joytui.ledger.sqlite.engine import SqliteLedger
from joytui.ledger.sqlite.requests import end_request, open_request, refuse_request, reserve_request
from joytui.ledger.sqlite.writer import Batch
from tests.ledger.filling import CHOSEN, START, add, new_key, one_batch
from tests.support.examples import examples
from tests.support.hang import HANG_S

TOO_MUCH = 2**70
"""More than a column of SQLite holds."""
PLACE = Place("key", "m", "standard", "p", "", "")


def dump(ledger: SqliteLedger) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, without the moments that wallet entries were written."""
    with closing(ledger.reader()) as connection:
        names = [n for (n,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        rows = {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in names}
    rows["wallet_entry"] = [(entry[0], *entry[2:]) for entry in rows["wallet_entry"]]
    return rows


def opened(number: int, request_id: str | None = None) -> Opened:
    return Opened(
        (START + number * 60_000 << COUNTER_BITS) + number,
        START + number * 60_000,
        "key",
        "auto",
        "e",
        True,
        request_id,
        "t",
        "/p",
        "codex",
        "1.2.3.4",
    )


# --- refusals ---------------------------------------------------------------------------------------------------------


def bad_value(batch: Batch) -> None:
    raise ValueError("no such thing")


def taken_already(batch: Batch) -> None:
    batch.execute("INSERT INTO wallet (tier) VALUES ('economy')")


def too_large_a_number(batch: Batch) -> None:
    batch.execute("UPDATE wallet SET held = ?", (TOO_MUCH,))


def wrong_sql(batch: Batch) -> None:
    batch.execute("SELECT nothing FROM nowhere")


def at_an_end(batch: Batch) -> None:
    next(iter(()))


def too_large_a_sum(batch: Batch) -> None:
    batch.sums.add(START, PLACE, (1, 0, 0, TOO_MUCH, 0, 0, 0, 0), None, None)


def half_of_too_large_a_sum(batch: Batch) -> None:
    """Two of them are one too many."""
    batch.sums.add(START, PLACE, (1, 0, 0, 2**62, 0, 0, 0, 0), None, None)


REFUSALS: dict[Callable[[Batch], None], type[Exception]] = {
    bad_value: ValueError,
    taken_already: StoreUnavailable,
    too_large_a_number: OverflowError,
    wrong_sql: StoreUnavailable,
    at_an_end: RuntimeError,
    too_large_a_sum: OverflowError,
}


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_a_refused_write_changes_nothing_and_takes_no_other_with_it(
    ledger: SqliteLedger, refusal: Callable[[Batch], None], caplog: pytest.LogCaptureFixture
) -> None:
    """Half done when it is refused, between two that are good: one that somebody waits for, and one that nobody does."""

    def half(batch: Batch, request: Opened) -> None:
        open_request(batch, request, Candidate("m", "p", "standard", 0))
        wallets.credit_wallet(batch, "standard", 5, None)
        batch.sums.add(START, PLACE, (1, 0, 0, 9, 0, 0, 0, 0), 3.0, 70.0)
        refusal(batch)

    number = reads.last_seq
    before = ledger.read_now(number)
    with one_batch(ledger):
        good = [ledger.write(open_request, opened(0), CHOSEN)]
        bad = ledger.write(half, opened(1))
        ledger.submit(half, opened(2))
        good.append(ledger.write(open_request, opened(3), CHOSEN))
    with pytest.raises(REFUSALS[refusal]):
        await asyncio.wait_for(bad, HANG_S)
    await asyncio.wait_for(asyncio.gather(*good), HANG_S)
    rows = dump(ledger)
    assert [row[0] & 15 for row in rows["request"]] == [0, 3]
    assert (rows["wallet_entry"], rows["rollup_hour"]) == ([], [])
    assert [uses for *_, uses in rows["key_client"]] == [2]
    assert ledger.read_now(number) == before + 2, "numbers of changes have no gap"
    assert (ledger.lost, ledger.owed, ledger.failure) == (1, 0, None)
    [record] = [record for record in caplog.records if record.name == "joytui.ledger"]
    assert record.getMessage().startswith("a change was not written to the ledger: ")
    assert record.exc_info, "with its traceback"


# --- any sequence -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Job:
    """One write of the ledger's own, `after` which it may be refused. `awaited`: somebody waits for it."""

    what: str
    number: int
    amount: int
    tier: str
    request_id: str | None
    after: Callable[[Batch], None] | None
    awaited: bool

    def __call__(self, batch: Batch) -> object:
        result = getattr(self, self.what)(batch)
        if self.after is not None:
            self.after(batch)
        return result

    def open(self, batch: Batch) -> object:
        return open_request(batch, opened(self.number, self.request_id), Candidate("m", "p", self.tier, 0))

    def reserve(self, batch: Batch) -> object:
        candidates = [Candidate("m", "p", self.tier, self.amount), Candidate("n", "p", "premium", self.amount // 2)]
        limits: list[tuple[Period, int]] = [("daily", 300), ("total", 400)]
        return reserve_request(
            batch, opened(self.number, self.request_id), Reservation(limits_of("key", limits), candidates, 60_000)
        )

    def end(self, batch: Batch) -> object:
        ended = Ended("m", "p", self.tier, 200, input_tokens=9, cost_nano=self.amount, ttft_ms=3.0, latency_ms=70.0)
        return end_request(batch, opened(self.number, self.request_id), ended, "key", self.number % 2 == 0)

    def refuse(self, batch: Batch) -> object:
        return refuse_request(batch, opened(self.number), Ended(None, None, None, 403, "policy_rejected"))

    def credit(self, batch: Batch) -> object:
        return wallets.credit_wallet(batch, self.tier, self.amount, None)

    def forget(self, batch: Batch) -> object:
        """All ids of clients."""
        return tidying.SLICES["client ids"](batch, 1 << 60)


JOB = st.builds(
    Job,
    st.sampled_from(["open", "reserve", "reserve", "end", "end", "refuse", "credit", "forget"]),
    st.integers(0, 12),
    st.integers(0, 200),
    st.sampled_from(TIERS),
    st.sampled_from([None, None, "a", "b"]),
    st.none() | st.sampled_from([*REFUSALS, half_of_too_large_a_sum]),
    st.booleans(),
)


@pytest.mark.slow
@settings(max_examples=examples(50), deadline=None)
@given(st.lists(st.lists(JOB, max_size=12), max_size=6))
def test_the_store_is_that_of_the_accepted_writes_alone(batches: list[list[Job]]) -> None:
    """Whatever is written together, and whatever of it is refused: as if each had come alone, and the refused ones never."""
    with tempfile.TemporaryDirectory() as folder:
        together, alone, accepted = (fresh(Path(folder) / name) for name in ("together", "alone", "accepted"))
        answers = asyncio.run(in_batches(together, batches))
        jobs = [job for batch in batches for job in batch]
        outcomes = [outcome(alone, job) for job in jobs]
        refused = [isinstance(one, Exception) for one in outcomes]
        for job, one, bad in zip(jobs, outcomes, refused, strict=True):
            assert bad or outcome(accepted, job) == one
        for job, answer, one, bad in zip(jobs, answers, outcomes, refused, strict=True):
            assert not job.awaited or (type(answer) is type(one) if bad else answer == one)
        assert dump(together) == dump(alone) == dump(accepted)
        assert together.lost == sum(bad and not job.awaited for job, bad in zip(jobs, refused, strict=True))
        for ledger in (together, alone, accepted):
            ledger.close()


def fresh(folder: Path) -> SqliteLedger:
    """A store with a key and two wallets."""
    ledger = SqliteLedger.open_store(folder / "l.sqlite3")

    def prepare(batch: Batch) -> None:
        columns = "id, digest, name, hint, created_at, policy, budget_id"
        batch.execute(f"INSERT INTO api_key ({columns}) VALUES ('key', x'00', 'k', 'h', 0, '{{}}', 'key')")
        for tier in ("standard", "premium"):
            wallets.set_wallet(batch, tier, 150, None)

    ledger.write_now(prepare)
    return ledger


async def in_batches(ledger: SqliteLedger, batches: list[list[Job]]) -> list[object]:
    """What each job gave or raised; None for those that nobody waits for."""
    answers: list[object] = []
    for batch in batches:
        with one_batch(ledger):
            given = [ledger.write(job) if job.awaited else ledger.submit(job) for job in batch]
        for one in given:
            answers.append(None if one is None else (await asyncio.gather(one, return_exceptions=True))[0])
    await ledger.write(lambda batch: None)
    return answers


def outcome(ledger: SqliteLedger, job: Job) -> object:
    try:
        return ledger.write_now(job)
    except Exception as error:
        return error


# --- a store that is busy, a thread that fails, an end ---------------------------------------------------------------


@contextmanager
def held_by_another(ledger: SqliteLedger) -> Iterator[None]:
    """Another program holds the store, and the writer does not wait for it."""
    ledger.write_now(lambda batch: batch.execute("PRAGMA busy_timeout = 0").fetchall())
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def read_only(ledger: SqliteLedger) -> Iterator[None]:
    """As when the disk is."""
    connection: sqlite3.Connection = ledger.write_now(lambda batch: batch.connection)
    connection.execute("PRAGMA query_only = 1")
    yield
    connection.execute("PRAGMA query_only = 0")


@pytest.mark.parametrize(("trouble", "says"), [(held_by_another, "locked"), (read_only, "readonly")])
def test_what_a_troubled_store_did_not_take_is_written_later(
    ledger: SqliteLedger,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    trouble: Callable[[SqliteLedger], AbstractContextManager[None]],
    says: str,
) -> None:
    """Longer than all tries take: who waits is told, the end of a request is owed and not lost."""
    monkeypatch.setattr(writer, "ATTEMPTS", 1)
    key = new_key(ledger)
    request = opened(0)._replace(key_id=key.id)
    ledger.write_now(open_request, request, CHOSEN)
    with trouble(ledger):
        ledger.submit(end_request, request, Ended("m", "p", "standard", 200, cost_nano=7), key.budget_id, False)
        with pytest.raises(StoreUnavailable, match=says):
            ledger.write_now(wallets.credit_wallet, "standard", 5, None)
        assert (ledger.owed, ledger.lost, ledger.troubled) == (1, 1, True)
    ledger.write_now(lambda batch: None)
    assert ledger.owed == 0
    [(_, record)] = ledger.read_now(reads.page, Page(10))
    assert (record.status, record.cost_nano) == (200, 7)
    assert dump(ledger)["wallet_entry"] == []
    assert "(1 to be tried again): " in caplog.text


def test_what_is_still_owed_at_the_end_is_lost_and_said(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer, "ATTEMPTS", 1)
    with held_by_another(ledger):
        add(ledger, START)
        assert ledger.close()
    assert (ledger.owed, ledger.lost) == (0, 2)
    assert "2 changes were not written to the ledger: the ledger is closed" in caplog.text


async def test_a_thread_that_fails_leaves_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What no job raises in earnest, and nothing can catch: what it had in hand is told, what waits, and what comes later."""
    monkeypatch.setattr(writer, "MAX_BATCH", 3)
    ledger = SqliteLedger.open_store(tmp_path / "l.sqlite3")

    def fail(batch: Batch) -> None:
        raise SystemExit("the thread ends here")

    with one_batch(ledger):
        waiting = [ledger.write(open_request, opened(0), CHOSEN), ledger.write(fail)]
        add(ledger, START)
        waiting.append(ledger.write(open_request, opened(1), CHOSEN))
    reason = await asyncio.wait_for(ledger.broken(), HANG_S)
    assert reason is ledger.failure
    assert str(reason) == "the thread ends here"
    for future in (*waiting, None):
        with pytest.raises(StoreUnavailable, match="can no longer be written"):
            await asyncio.wait_for(future or ledger.write(lambda batch: None), HANG_S)
    ledger.submit(lambda batch: None)
    with pytest.raises(StoreUnavailable):
        await asyncio.wait_for(asyncio.to_thread(ledger.write_now, lambda batch: None), HANG_S)
    assert (ledger.lost, ledger.waiting) == (3, 0)
    assert ledger.read_now(reads.counted) == 0
    [critical] = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert critical.name == "joytui.ledger"
    assert critical.exc_info
    assert ledger.close()
    SqliteLedger.open_store(tmp_path / "l.sqlite3").close()


# --- who is waited for ------------------------------------------------------------------------------------------------


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The transactions that were begun, each with what was counted of requests before it."""
    found: list[int] = []
    begin = Batch.begin

    def counted(batch: Batch) -> None:
        found.append(batch.execute("SELECT count(*) FROM request").fetchone()[0])
        begin(batch)

    monkeypatch.setattr(Batch, "begin", counted)
    return found


async def test_a_request_that_ends_at_once_is_one_transaction(
    ledger: SqliteLedger, begun: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "GATHERED_S", HANG_S)
    kept = ledger.open(opened(0), CHOSEN)
    await asyncio.sleep(0)
    assert not begun
    await ledger.end(opened(0), Ended("m", "p", "standard", 200), None, held=False)
    assert kept.done()
    assert begun == [0]


async def test_who_awaits_a_row_does_not_wait_for_others(
    ledger: SqliteLedger, begun: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "GATHERED_S", 2 * HANG_S)

    async def kept(number: int) -> None:
        await ledger.open(opened(number), CHOSEN)

    await asyncio.wait_for(asyncio.gather(kept(0), kept(1)), HANG_S)
    await asyncio.wait_for(kept(2), HANG_S)
    assert begun == [0, 2]


async def test_a_row_that_nobody_awaits_is_written_all_the_same(ledger: SqliteLedger) -> None:
    done, _ = await asyncio.wait([ledger.open(opened(0), CHOSEN)], timeout=HANG_S)
    assert done
    assert ledger.read_now(reads.last_seq) == 1


async def test_what_a_loop_left_behind_is_written_at_the_end(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "GATHERED_S", HANG_S)

    async def leaves() -> None:
        ledger.open(opened(0), CHOSEN)

    await asyncio.to_thread(asyncio.run, leaves())
    assert ledger.close()
    with closing(SqliteLedger.open_store(ledger.path)) as again:
        assert again.interrupted == 1


def test_after_the_end_a_write_is_refused_and_nobody_waits(ledger: SqliteLedger) -> None:
    assert ledger.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        ledger.write_now(lambda batch: None)
    add(ledger, START)
    assert (ledger.lost, ledger.waiting, ledger.failure) == (2, 0, None)


def test_the_store_stays_locked_as_long_as_it_may_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A write that takes longer than the end has time: no other gateway may think that it has the store."""
    monkeypatch.setattr(writer, "CLOSE_S", 0.01)
    ledger = SqliteLedger.open_store(tmp_path / "l.sqlite3")
    with one_batch(ledger):
        add(ledger, START)
        assert not ledger.close()
        with pytest.raises(UnreachableError, match="in use"):
            SqliteLedger.open_store(tmp_path / "l.sqlite3")
    monkeypatch.setattr(writer, "CLOSE_S", 20)
    assert ledger.close()
    assert "still being written" in caplog.text
    again = SqliteLedger.open_store(tmp_path / "l.sqlite3")
    assert (again.read_now(reads.counted), again.interrupted) == (1, 0)
    again.close()


def test_a_store_that_cannot_be_opened_leaves_no_thread_and_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(batch: Batch, left: object) -> int:
        raise sqlite3.OperationalError("not today")

    with monkeypatch.context() as patched:
        patched.setattr("joytui.ledger.sqlite.upkeep.recover", fails)
        with pytest.raises(UnreachableError, match="not today"):
            SqliteLedger.open_store(tmp_path / "l.sqlite3")
    assert "ledger-writer" not in {thread.name for thread in threading.enumerate()}
    SqliteLedger.open_store(tmp_path / "l.sqlite3").close()
