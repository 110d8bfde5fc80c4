"""Every table has a bound: joytui.ledger.retention says it, the SQLite engine keeps to it, and a small year shows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from joytui.core.clock import now_ms
from joytui.ledger.records import HOUR_MS
from joytui.ledger.retention import KEPT, STEADY_MS, Keeping, Reading, believed, read_on
from joytui.ledger.sql import wallets
from joytui.ledger.sql.usage_sums import usage
from joytui.ledger.sqlite import engine, money, requests, tidying
from joytui.ledger.sqlite.engine import SqliteLedger
from tests.ledger.filling import DAY, START, add, new_key
from tests.long import year
from tests.support.clock import Clock

KEEPING = Keeping(rows_days=90, ids_s=60)
MINUTE = 60_000


def rows(path: Path, table: str) -> int:
    return year.held(path)[table]


def test_every_table_of_the_store_is_named_with_its_bound(ledger: SqliteLedger) -> None:
    named = [table for kept in KEPT for table in kept.tables]
    assert set(named) == set(year.held(ledger.path))
    assert set(year.most(365, 10)) == set(named)
    assert all(kept.bound for kept in KEPT)


def test_what_has_a_time_is_tidied_and_nothing_else() -> None:
    assert [kept.what for kept in KEPT if kept.after_ms(KEEPING) is not None] == list(tidying.SLICES)


def test_rows_that_are_kept_for_ever_are() -> None:
    (requests_,) = [kept for kept in KEPT if kept.what == "requests"]
    assert requests_.after_ms(Keeping(0, 60)) is None


# --- the clock --------------------------------------------------------------------------------------------------------


def reads(*said: tuple[int, int]) -> list[Reading]:
    """After these looks at the clock: minutes of running since the one before, and what the clock said, in minutes."""
    readings: list[Reading] = []
    for ran, at in said:
        readings = read_on(readings, ran * MINUTE, at * MINUTE)
    return readings


YEARS = 5_000_000
"""Ten of them, in minutes."""


@pytest.mark.parametrize(
    ("said", "known"),
    [
        ([(0, 0)], None),
        ([(0, 0), (59, 59)], None),
        ([(0, 0), (60, 60)], 0),
        ([(0, 0), (30, 30), (30, 60), (30, 90)], 30),
        ([(0, 0), (60, 60), (0, YEARS), (59, YEARS + 59)], 0),
        ([(0, 0), (60, 60), (10, YEARS), (59, YEARS + 59)], 60),
        ([(0, 0), (60, 60), (0, YEARS), (59, YEARS + 59), (1, YEARS + 60)], YEARS),
        ([(0, 0), (60, 60), (10, YEARS), (50, 120), (20, 140)], 60),
        ([(0, YEARS), (60, 60), (50, 110)], None),
        ([(0, 0), (20, 20), (0, 1_000), (20, 1_020), (0, 2_000), (20, 2_020), (0, 3_000)], 0),
    ],
    ids=["start", "too early", "an hour", "it goes on", "ahead at a start", "ahead", "ahead for an hour", "ahead and back",
         "it was ahead", "short days"],
)  # fmt: skip
def test_which_time_is_believed(said: Sequence[tuple[int, int]], known: int | None) -> None:
    assert believed(reads(*said)) == (None if known is None else known * MINUTE)


def test_readings_are_few() -> None:
    assert len(reads(*((10, 10 * i) for i in range(1_000)))) <= STEADY_MS // (10 * MINUTE) + 1
    assert len(reads(*((0, i) for i in range(1_000)))) == 1, "starts that come to nothing"


# --- each table -------------------------------------------------------------------------------------------------------


async def test_hours_go_and_days_keep_their_sums(ledger: SqliteLedger) -> None:
    key = new_key(ledger)
    names = [{"model_used": f"m{i}", "thread_id": f"t{i}", "project": f"/{i}"} for i in range(8)]
    for number, name in enumerate(names):
        cost = 0 if number % 2 else 5
        add(ledger, START + number * HOUR_MS, key, cost_nano=cost, input_tokens=3, status=200 if cost else 404, **name)
    add(ledger, START + DAY, key, cost_nano=7, **names[0])
    ledger.write_now(lambda batch: None)
    asked = ([], ["day"], ["month"], ["key"], ["day", "key"], ["tier"])
    before = [ledger.read_now(usage, by, 0, START + 3 * DAY) for by in asked]
    await ledger.tidy(START + 401 * DAY, KEEPING)
    assert [ledger.read_now(usage, by, 0, START + 3 * DAY) for by in asked] == before
    models, totals = ledger.read_now(usage, ["model"], 0, START + 3 * DAY)
    assert {row.by["model"]: row.totals.cost_nano for row in models} == {"m0": 12, "m2": 5, "m4": 5, "m6": 5, None: 0}
    assert (totals.requests, totals.errors, totals.input_tokens) == (9, 4, 24)
    for by, column in (("thread", "thread_id"), ("project", "project")):
        found, totals = ledger.read_now(usage, [by], 0, START + 3 * DAY)
        assert {row.by[by]: row.totals.cost_nano for row in found} == {names[0][column]: 7, None: 20}
        assert totals.requests == 9
    assert ledger.read_now(usage, ["hour"], 0, START + DAY)[1].requests == 0
    assert [rows(ledger.path, name) for name in ("rollup_hour", "part_hour", "latency_hour")] == [1, 5, 1]


async def test_a_budget_window_that_went_is_made_anew(ledger: SqliteLedger) -> None:
    key = new_key(ledger)
    now = START + 50 * DAY
    for at in (START, now):
        add(ledger, at, key, cost_nano=30)
        ledger.write_now(lambda batch, at=at: money._budget(batch, key.budget_id, "daily", at))
        ledger.write_now(lambda batch, at=at: money._budget(batch, key.budget_id, "total", at))
    await ledger.tidy(now, KEEPING)
    assert rows(ledger.path, "budget") == 2
    assert [await ledger.window(key.budget_id, "daily", at) for at in (START, now)] == [(30, 0), (30, 0)]
    assert await ledger.window(key.budget_id, "total", now) == (60, 0)


async def test_a_window_that_holds_something_stays(ledger: SqliteLedger) -> None:
    ledger.write_now(lambda batch: batch.execute("INSERT INTO budget VALUES ('b', 'daily', 0, 1, 1)").rowcount)
    await ledger.tidy(START, KEEPING)
    assert rows(ledger.path, "budget") == 1


async def test_movements_of_requests_become_one_a_day_and_add_up(ledger: SqliteLedger, clock: Clock) -> None:
    ledger.write_now(wallets.set_wallet, "standard", 1000, "start")
    for _ in range(3):
        ledger.write_now(move)
    [standard] = [wallet for wallet in await ledger.wallets() if wallet.tier == "standard"]
    day = now_ms() // DAY * DAY
    for at, left in ((now_ms() + 1 + 90 * DAY, 7), (day + 91 * DAY, 2)):
        await ledger.tidy(at, KEEPING)
        entries = await ledger.wallet_entries(None, None, 100)
        assert len(entries) == left
        assert (sum(e.amount for e in entries), sum(e.held for e in entries)) == (standard.balance, standard.held)
    assert (entries[0].kind, entries[0].amount, entries[0].n, entries[0].note) == (
        "settle",
        -15,
        None,
        "6 movements of that day",
    )


def move(batch: tidying.Batch) -> None:
    """A request of 5 on the wallet, from beginning to end."""
    n = batch.next_seq()
    money.reserve(batch, n, now_ms(), [], [year.Candidate("m", None, "standard", 9)], 1000)
    money.release(batch, n, 5)


@pytest.mark.parametrize(
    ("table", "insert", "age_ms"),
    [
        ("spent_id", lambda at: ("k", f"r{at}", at), 60_000),
        ("key_client", lambda at: ("k", f"c{at}", at, 1), 30 * DAY),
        ("lesson", lambda at: ("https://a", "m", f"no {at}", at), 7 * DAY),
    ],
)
async def test_what_is_past_its_time_goes(
    ledger: SqliteLedger, table: str, insert: Callable[[int], tuple[object, ...]], age_ms: int
) -> None:
    for at in (START - age_ms - 1, START - age_ms):
        values = insert(at)
        marks = ", ".join("?" * len(values))
        ledger.write_now(
            lambda batch, v=values, m=marks: batch.execute(f"INSERT INTO {table} VALUES ({m})", v).rowcount
        )
    await ledger.tidy(START, KEEPING)
    assert rows(ledger.path, table) == 1


def test_a_store_that_kept_every_refusal_is_brought_to_the_bound(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    for counter in range(30):
        add(ledger, START, counter=counter)
    ledger.write_now(lambda batch: batch.execute("UPDATE request SET keyless = 1").rowcount)
    monkeypatch.setattr(requests, "SLICE", 12)
    monkeypatch.setattr(requests, "KEYLESS_ROWS", 3)
    taken = []
    while count := ledger.write_now(tidying.SLICES["refusals without a valid key"], START - 1):
        taken.append(count)
    assert taken == [12, 12, 3]


# --- a year -----------------------------------------------------------------------------------------------------------


async def test_a_small_year_stays_within_its_bounds_and_its_sums_are_right(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two years of it, so that whatever has a time is past it: nothing but the sums of days has grown in the second half."""
    monkeypatch.setattr(engine, "SLICE_PAUSE_S", 0)
    clock.moment = year.BEGIN
    store = SqliteLedger.open_store(tmp_path / "ledger.sqlite3")
    at: dict[int, dict[str, int]] = {}
    lived = await year.live(store, clock, 861, 40, lambda day: at.update({day: year.held(store.path)}), every=20)
    assert await year.wrong(store, lived, at[860], year.most(861, 40)) == []
    store.close()
    half, end = at[440], at[860]
    grown = {name: end[name] - half[name] for name in end if end[name] > 1.1 * half[name]}
    days = (860 - 440) // 20
    sums = {"rollup_day", "part_day", "rollup_month", "part_month", "whole_month"}
    assert set(grown) <= {*sums, "wallet_entry"}, grown
    assert grown["rollup_day"] <= days * min(40, year.KEYS * year.MODELS)
    assert grown["wallet_entry"] <= days * len(year.TIERS)
