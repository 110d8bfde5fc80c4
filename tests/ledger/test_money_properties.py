"""Whatever is reserved, settled and released in whatever order: limits hold, holds end at zero, entries add up."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joytui.core.clock import now_ms
from joytui.core.request import Ended, Opened
from joytui.ledger.api import DuplicateRequest, Shortfall
from joytui.ledger.ids import COUNTER_BITS
from joytui.ledger.records import (
    PERIODS,
    Candidate,
    Charge,
    KeyRow,
    Period,
    Reservation,
    limits_of,
    resets_at,
    window_start,
)
from joytui.ledger.sql import keys, wallets
from joytui.ledger.sqlite import money, tidying, upkeep
from joytui.ledger.sqlite.engine import SqliteLedger
from joytui.ledger.sqlite.requests import end_request, extend_request, open_request, reserve_request
from joytui.ledger.sqlite.writer import Batch
from tests.ledger.filling import CHOSEN, DAY, START, add, new_key, one_batch
from tests.support.examples import examples

STEP = st.one_of(
    st.tuples(st.just("reserve"), st.integers(0, 400), st.sampled_from(["economy", "standard"])),
    st.tuples(st.just("end"), st.integers(0, 10), st.integers(0, 100)),
    st.tuples(st.just("extend"), st.integers(0, 10), st.integers(-50, 300)),
    st.tuples(st.just("credit"), st.integers(0, 300), st.sampled_from(["economy", "standard"])),
)


def opened(ledger: SqliteLedger, key: KeyRow, request_id: str | None = None) -> Opened:
    return Opened(ledger.next_number(), now_ms(), key.id, "auto", "e", False, request_id, None, None, None, None)


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(STEP, max_size=40), st.integers(0, 1500), st.integers(0, 800))
def test_any_order_of_reserving_and_ending(steps: list, limit: int, balance: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger = SqliteLedger.open_store(Path(folder) / "l.sqlite3")
        try:
            run(ledger, steps, limit, balance)
        finally:
            ledger.close()


def run(ledger: SqliteLedger, steps: list, limit: int, balance: int) -> None:
    key = new_key(ledger, total_limit="1")
    ledger.write_now(wallets.set_wallet, "standard", balance, None)
    running: list[tuple[Opened, int, str]] = []
    spent = 0
    for what, amount, more in steps:
        if what == "reserve":
            wanted = Reservation(
                limits_of(key.budget_id, [("total", limit), ("daily", 2 * limit)]),
                [Candidate("m", "p", more, amount)],
                1000,
            )
            request = opened(ledger, key)
            try:
                ledger.write_now(reserve_request, request, wanted)
                running.append((request, amount, more))
            except Shortfall as lack:
                assert lack.left < amount or lack.left == 0  # either may happen
        elif what == "extend" and running:
            request, held, tier = running.pop(amount % len(running))
            total = max(0, held + more)
            wanted = Reservation(
                limits_of(key.budget_id, [("total", limit), ("daily", 2 * limit)]),
                [Candidate("m", "p", tier, total)],
                1000,
            )
            try:
                ledger.write_now(extend_request, request, wanted, Charge(cost_nano=1))
                held = max(held, total)  # nothing is given back before the end
            except Shortfall as lack:
                assert lack.left < lack.estimate == total - held
            running.append((request, held, tier))
        elif what == "end" and running:
            request, held, _ = running.pop(amount % len(running))
            cost = held * more // 100
            spent += cost
            status = 200 if cost else 502
            ledger.write_now(end_request, request, Ended("m", "p", "x", status, cost_nano=cost), key.budget_id, True)
        elif what == "credit":
            ledger.write_now(wallets.credit_wallet, more, amount, None)
        check(ledger, key, limit, spent, sum(held for _, held, _ in running))
    for request, *_ in running:
        ledger.write_now(end_request, request, Ended("m", "p", "x", 502), key.budget_id, True)
    check(ledger, key, limit, spent, 0)


def check(ledger: SqliteLedger, key: KeyRow, limit: int, spent: int, held: int) -> None:
    now_spent, now_held = ledger.read_now(keys.window, key.budget_id, "total", START)
    assert (now_spent, now_held) == (spent, held)
    assert now_spent + now_held <= limit or not limit
    entries = ledger.read_now(wallets.wallet_entries, None, None, 10_000)
    for wallet in ledger.read_now(wallets.wallets):
        mine = [entry for entry in entries if entry.tier == wallet.tier]
        assert sum(entry.amount for entry in mine) == (wallet.balance or 0) >= 0
        assert sum(entry.held for entry in mine) == wallet.held <= (wallet.balance or 0)


def test_a_settled_request_settles_once(ledger: SqliteLedger) -> None:
    key = new_key(ledger)
    request = opened(ledger, key)
    wanted = Reservation(limits_of(key.budget_id, [("daily", 100)]), [Candidate("m", None, "standard", 60)], 1000)
    ledger.write_now(reserve_request, request, wanted)
    for _ in range(2):
        ledger.write_now(end_request, request, Ended("m", None, None, 200, cost_nano=50), key.budget_id, True)
    now = request.started_at
    assert ledger.read_now(keys.window, key.budget_id, "daily", now) == (50, 0)


def test_a_lease_that_nobody_renews_is_released(ledger: SqliteLedger) -> None:
    key = new_key(ledger)
    limits = [("daily", 100)]
    kept, lost = opened(ledger, key), opened(ledger, key)
    for request in (kept, lost):
        ledger.write_now(
            reserve_request,
            request,
            Reservation(limits_of(key.budget_id, limits), [Candidate("m", None, "standard", 50)], -1),
        )
    with pytest.raises(Shortfall):
        ledger.write_now(
            reserve_request,
            opened(ledger, key),
            Reservation(limits_of(key.budget_id, limits), [Candidate("m", None, "standard", 50)], 1),
        )
    assert ledger.write_now(upkeep.renew_leases, [kept.n], 60_000) == 1
    assert ledger.read_now(keys.window, key.budget_id, "daily", kept.started_at) == (0, 50)


def test_a_duplicate_is_refused_in_the_same_transaction(ledger: SqliteLedger) -> None:
    key = new_key(ledger)
    wanted = Reservation(limits_of(key.budget_id, [("daily", 100)]), [Candidate("m", None, "standard", 60)], 1000)
    with pytest.raises(Shortfall):
        ledger.write_now(
            reserve_request, opened(ledger, key, "a"), wanted._replace(limits=limits_of(key.budget_id, [("daily", 10)]))
        )
    ledger.write_now(reserve_request, opened(ledger, key, "a"), wanted)
    with pytest.raises(DuplicateRequest):
        ledger.write_now(reserve_request, opened(ledger, key, "a"), wanted)
    assert ledger.write_now(tidying.SLICES["client ids"], now_ms() + 60_000) == 1


@given(st.integers(0, 4 * 10**12))
def test_windows_begin_at_utc_midnight_and_on_monday(at: int) -> None:
    for period, length in (("daily", DAY), ("weekly", 7 * DAY)):
        start = window_start(period, at)
        assert 0 <= at - start < length
        reset = resets_at(period, at)
        assert reset is not None
        assert (reset.hour, reset.minute, reset.second, reset.microsecond) == (0, 0, 0, 0)
        assert int(reset.timestamp() * 1000) == start + length
        if period == "weekly":
            assert reset.weekday() == 0
    assert (window_start("total", at), resets_at("total", at)) == (0, None)


@pytest.mark.parametrize("together", [False, True], ids=["committed before", "in one transaction"])
def test_a_budget_begins_with_what_was_spent_in_its_window(ledger: SqliteLedger, together: bool) -> None:
    """A limit is set on a Tuesday: what was spent since Monday and since midnight counts, to the millisecond; and nothing that a
    clock dated later."""
    key = new_key(ledger)
    now = START + DAY + 5
    with one_batch(ledger):
        for at, cost in (
            (START - 1, 1),
            (START, 10),
            (START + DAY - 1, 100),
            (START + DAY, 1000),
            (START + 9 * DAY, 5000),
        ):
            add(ledger, at, key, cost_nano=cost)
        if together:
            ledger.submit(hold, key, now)
    ledger.write_now(lambda batch: None)
    ledger.write_now(hold, key, now)
    spent = {period: ledger.read_now(keys.window, key.budget_id, period, now) for period in PERIODS}
    held = 10 if together else 5
    assert spent == {"daily": (1000, held), "weekly": (1110, held), "total": (6111, held)}


def hold(batch: Batch, key: KeyRow, at: int) -> None:
    """5 in each window."""
    n = (at << COUNTER_BITS) + batch.next_seq()
    limits: list[tuple[Period, int]] = [(period, 10_000) for period in PERIODS]
    money.reserve(batch, n, at, limits_of(key.budget_id, limits), [Candidate("m", None, "standard", 5)], 1000)


def test_what_is_held_counts_up_to_the_very_limit(ledger: SqliteLedger) -> None:
    key = new_key(ledger)
    limits: list[tuple[Period, int]] = [("total", 100)]

    def reserve(estimate: int) -> None:
        candidate = Candidate("m", None, "standard", estimate)
        ledger.write_now(
            reserve_request, opened(ledger, key), Reservation(limits_of(key.budget_id, limits), [candidate], 1000)
        )

    reserve(60)
    with pytest.raises(Shortfall) as lack:
        reserve(41)
    assert (lack.value.period, lack.value.spent, lack.value.held, lack.value.left) == ("total", 0, 60, 40)
    reserve(40)
    with pytest.raises(Shortfall):
        reserve(0)


async def test_a_refusal_takes_no_sums_of_others_with_it(ledger: SqliteLedger) -> None:
    """In one batch a request ends, and another is refused by a budget that begins with it. The first is counted."""
    key = new_key(ledger)
    first, refused = opened(ledger, key), opened(ledger, key)
    wanted = Reservation(
        limits_of(key.budget_id, [("daily", 500), ("total", 100)]), [Candidate("m", "p", "x", 50)], 1000
    )
    ledger.write_now(open_request, first, CHOSEN)
    with one_batch(ledger):
        ledger.submit(end_request, first, Ended("m", "p", "standard", 200, cost_nano=70), key.budget_id, False)
        lacking = ledger.write(reserve_request, refused, wanted)
    with pytest.raises(Shortfall) as lack:
        await lacking
    assert (lack.value.period, lack.value.spent) == ("total", 70)
    assert ledger.read_now(keys.activity, key).spent == 70
    assert ledger.read_now(keys.window, key.budget_id, "daily", first.started_at) == (70, 0)
