"""The doctor's test requests count apart: in no sum that is not asked for them, and in all money."""

from __future__ import annotations

import random

import pytest

from joytui.core.filters import parse
from joytui.core.token_counts import UsageTotals
from joytui.ledger.records import KeyRow
from joytui.ledger.sql import keys, reads
from joytui.ledger.sql.nodes import spent_within
from joytui.ledger.sql.usage_sums import latency, usage
from joytui.ledger.sqlite.engine import SqliteLedger
from tests.ledger.filling import DAY, START, add, new_key

DAYS = 3
BY = ((), ("day",), ("hour", "key"), ("week", "model"), ("day", "thread"), ("project",), ("tier", "provider"))


@pytest.fixture
def key(ledger: SqliteLedger) -> KeyRow:
    return new_key(ledger, "dev", owner="ann", daily_limit=10**12)


def fill(ledger: SqliteLedger, key: KeyRow, many: int) -> None:
    chance = random.Random(5)
    for number in range(many):
        fields = {
            "model_used": chance.choice(["a", "b"]), "status": chance.choice([200, 200, 402]), "cost_nano": chance.randrange(1, 10**9),
            "input_tokens": chance.randrange(1000), "thread_id": f"t{chance.randrange(9)}", "project": chance.choice(["/p", None]),
            "client": chance.choice(["codex", "curl"]),
        }  # fmt: skip
        doctor = number % 3 == 0
        fields["client"] = "joytui doctor, as codex" if doctor else fields["client"]
        add(ledger, START + chance.randrange(DAYS * DAY), key, counter=number, doctor=doctor, **fields)
    ledger.write_now(lambda batch: None)


def test_in_is_out_and_only(ledger: SqliteLedger, key: KeyRow) -> None:
    fill(ledger, key, 120)
    low, high = START + 5_000_000, START + DAYS * DAY - 7_000_000
    for by in BY:
        found = {
            tests: ledger.read_now(usage, by, low, high, None, None, None, tests) for tests in ("in", "out", "only")
        }
        whole = {tuple(row.by.values()): row.totals for row in found["in"][0]}
        for tests in ("out", "only"):
            for row in found[tests][0]:
                place = tuple(row.by.values())
                whole[place] = whole[place].less(row.totals)
        assert set(whole.values()) <= {UsageTotals()}, by
        for tests, (rows, _) in found.items():
            of_rows, _ = ledger.read_now(usage, by, low, high, parse("tokens>=0"), None, None, tests)
            assert rows == of_rows, (by, tests)
    assert ledger.read_now(usage, (), 0, 2 * START, None, None, None, "only")[1].requests == 40
    assert ledger.read_now(usage, (), 0, 2 * START, None, None, None, "out")[1].requests == 80
    assert ledger.read_now(reads.counted) == 120


def test_the_dearest_are_the_dearest_of_what_counts(ledger: SqliteLedger, key: KeyRow) -> None:
    for thread, cost, doctor in (("x", 9, True), ("y", 5, False), ("z", 3, False)):
        add(ledger, START, key, counter=cost, thread_id=thread, cost_nano=cost, doctor=doctor)
    ledger.write_now(lambda batch: None)
    for tests, first in (("in", "x"), ("out", "y")):
        for at in (START - DAY, START):  # from the sums, and from the rows of a begun hour
            rows, _ = ledger.read_now(usage, ("thread",), at, START + 2 * DAY, None, 1, None, tests)
            assert rows[0].by["thread"] == first


def test_a_key_s_statistics_leave_them_out_and_its_money_does_not(ledger: SqliteLedger, key: KeyRow) -> None:
    add(ledger, START, key, counter=1, doctor=True, cost_nano=7, client="joytui doctor, as codex", latency_ms=5.0)
    ledger.write_now(lambda batch: None)
    activity = ledger.read_now(keys.activity, key)
    assert (activity.requests, activity.spent, activity.clients) == (0, 7, ())
    assert ledger.write_now(keys.key, key.id).last_used_at is None
    assert ledger.read_now(latency, 0, 2 * START) == []
    day = START // DAY
    assert ledger.read_now(spent_within, key.budget_id, day, day + 1) == 7
