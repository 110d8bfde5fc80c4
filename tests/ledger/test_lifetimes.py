"""The dearest threads, tasks and commits are found by what they cost in their whole life, on every engine: the same ones, and the
same sums, as when all days are added up."""

from __future__ import annotations

import random

import pytest

from joytui.core.clock import now_ms
from joytui.core.request import Opened
from joytui.core.token_counts import OTHERS, Tests
from joytui.ledger.api import Ledger
from joytui.ledger.records import KeyRow
from joytui.ledger.retention import Keeping
from joytui.ledger.sql import lifetimes
from joytui.ledger.sql.checks import check
from joytui.ledger.sql.connection import Connection
from joytui.ledger.sqlite import engine
from tests.ledger.filling import DAY
from tests.ledger.test_conformance import a_key, add, good, ledger, open_store  # noqa: F401 (fixtures)
from tests.support.clock import Clock

DAYS, REQUESTS = 60, 100
KEEPING = Keeping(0, 60)


@pytest.fixture
async def store(
    ledger: Ledger,  # noqa: F811
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> Ledger:
    """Sixty days of requests of two teams: most threads live for a day, some for weeks, some requests name none."""
    monkeypatch.setattr(engine, "SLICE_PAUSE_S", 0)
    monkeypatch.setattr("joytui.ledger.postgres.engine.SLICE_PAUSE_S", 0)
    chance = random.Random(7)
    keys: list[KeyRow | None] = [await a_key(ledger), None]
    await ledger.create_team("lab")
    await ledger.add_owner("lab", "ann")
    for number in range(REQUESTS):
        day = number * DAYS // REQUESTS
        fields = {"thread_id": f"t{number}", "root_thread": f"t{number // 3 * 3}", "commit_hash": f"c{number // 10}"}
        if number % 7 == 0:
            fields = {"thread_id": f"long{number % 3}", "root_thread": "long", "commit_hash": "main"}
        if number % 11 == 0:
            fields = {"thread_id": None}
        ended = good(cost_nano=chance.randrange(1000), input_tokens=3)
        at = now_ms() - DAYS * DAY + day * DAY + chance.randrange(DAY)
        await add(
            ledger, keys[number % 2], ended=ended, started_at=min(at, now_ms()), doctor=number % 13 == 0, **fields
        )
    await ledger.written()
    return ledger


QUESTIONS: tuple[tuple[list[str], int, int, Tests, list[str] | None], ...] = (
    (["thread"], 0, 1, "in", None),
    (["week", "thread"], 1, 5, "in", None),
    (["task"], 1, 5, "out", None),
    (["commit"], 2, 3, "in", None),
    (["day", "commit"], 0, 2, "only", None),
    (["task"], 0, 4, "in", ["lab"]),
    (["thread"], 2, 4, "in", ["lab"]),
)
"""By what, in which range, how many of the dearest, with or without the doctor's tests, of which teams."""


async def answers(asked: Ledger) -> list[object]:
    until = now_ms() + 1
    ranges = ((0, until), (until - 45 * DAY, until), (until - 50 * DAY - 4321, until - 3 * DAY + 77))
    return [
        await asked.usage(by, *ranges[edges], None, top, None, tests, "gateway", teams)
        for by, edges, top, tests, teams in QUESTIONS
    ]


def held(asked: Ledger) -> dict[tuple[str, str], tuple[int, int]]:
    """Requests and cost of each value of a field."""

    def read(connection: Connection) -> list[tuple[str, str, int, int]]:
        return connection.execute("SELECT field, value, requests, cost_nano FROM lifetime").fetchall()

    return {(field, value): (requests, cost) for field, value, requests, cost in asked.read_now(read)}


def faults(asked: Ledger) -> list[str]:
    return asked.read_now(lambda connection: [one.name for one in check(connection) if one.wrong])


@pytest.mark.slow
async def test_the_dearest_are_those_that_all_days_tell(store: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    before = await answers(store)
    assert any(OTHERS in row.by.values() for rows, _ in before for row in rows)
    await store.tidy(now_ms(), KEEPING)
    assert store.read_now(lifetimes.summed_before) == now_ms() // DAY - lifetimes.REST_DAYS
    asked: list[object] = []
    found = lifetimes.dearest
    monkeypatch.setattr(lifetimes, "dearest", lambda *given: asked.append(answer := found(*given)) or answer)
    monkeypatch.setattr(lifetimes, "LEAST_DAYS", 5)
    assert await answers(store) == before
    assert asked
    assert None not in asked
    monkeypatch.setattr(lifetimes, "MOST", 0)
    assert await answers(store) == before, "all is added up where lifetimes do not decide"
    assert asked[-1] is None
    assert faults(store) == []


async def test_lives_are_read_on_until_no_other_can_be_dearer(store: Ledger) -> None:
    await store.tidy(now_ms(), KEEPING)

    def first(connection: Connection) -> tuple[str, ...] | None:
        days = 0, lifetimes.summed_before(connection)
        return lifetimes.dearest(connection, "thread", days, 1, {}, (" AND cost_nano < 40", ()))

    def cheap(connection: Connection) -> list[tuple[str, int]]:
        words = "SELECT thread, sum(cost_nano) FROM part_day WHERE part = 'thread' AND cost_nano < 40 GROUP BY thread"
        return connection.execute(f"{words} ORDER BY 2 DESC, 1 LIMIT 1").fetchall()

    [(thread, _)] = store.read_now(cheap)
    assert store.read_now(first) == (thread,)


async def test_a_late_end_is_counted_in_the_lifetimes_of_its_day(
    store: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifetimes, "LEAST_DAYS", 5)
    await store.tidy(now_ms(), KEEPING)
    for thread, days in (("t20", 20), ("t20", 20), ("late", 40), ("t20", 33)):
        late = good(cost_nano=1_000_000)
        await add(store, ended=late, started_at=now_ms() - days * DAY, thread_id=thread, commit_hash="main")
    await store.written()
    for tidied in (False, True):
        if tidied:
            await store.tidy(now_ms(), KEEPING)
        assert (("thread", "late") in held(store)) == tidied
        assert faults(store) == []
        rows, _ = await store.usage(["thread"], 0, now_ms() + 1, None, 2)
        assert [(row.by["thread"], row.totals.cost_nano // 1_000_000) for row in rows][:2] == [("t20", 3), ("late", 1)]


@pytest.mark.slow
async def test_lifetimes_end_with_their_days(store: Ledger) -> None:
    await store.tidy(now_ms(), KEEPING)
    assert ("thread", "t1") in held(store)
    before = (await store.usage([], 0, now_ms() + 1))[1]
    await store.tidy(now_ms() + 370 * DAY, KEEPING)
    left = held(store)
    assert ("thread", "t1") not in left
    assert ("thread", "t97") in left
    assert all(requests for requests, _ in left.values())
    assert faults(store) == []
    assert (await store.usage([], 0, now_ms() + 1))[1] == before


async def test_a_store_without_requests_has_none(ledger: Ledger) -> None:  # noqa: F811
    await ledger.tidy(now_ms(), KEEPING)
    assert ledger.read_now(lifetimes.summed_before) == 0
    assert held(ledger) == {}


def test_fields_are_columns_of_a_request_and_of_the_part() -> None:
    assert {"root_thread", "thread_id", "commit_hash"} <= set(Opened._fields)
    from joytui.ledger.sql.parts import PARTS

    assert set(lifetimes.FIELDS) <= PARTS[lifetimes.PART]
