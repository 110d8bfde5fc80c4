"""What every engine promises: `joytui.ledger.api.Ledger`, asked through that interface alone."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from joytui.core.clock import now_ms
from joytui.core.filters import parse
from joytui.core.money import MAX_NANO, MoneyError
from joytui.core.redaction import clean
from joytui.core.request import Ended, Opened, request_id
from joytui.core.token_counts import USAGE_GROUPS
from joytui.ledger import api
from joytui.ledger.api import MOST_TURNS, DuplicateRequest, Ledger, Runaway, Shortfall
from joytui.ledger.audit import ACTING, Actor
from joytui.ledger.postgres.engine import PostgresLedger
from joytui.ledger.records import (
    AGAIN_MS,
    AGAIN_TURNLESS_MS,
    REPEATS,
    Candidate,
    Charge,
    KeyRow,
    LessonRow,
    NewKey,
    Page,
    Reservation,
    Watch,
    limits_of,
)
from joytui.ledger.retention import KEYLESS_ROWS, Keeping
from joytui.ledger.sql import tidying
from joytui.ledger.sqlite.engine import SqliteLedger
from tests.ledger.filling import CHOSEN, DAY, START
from tests.support.clock import Clock
from tests.support.hang import HANG_S
from tests.support.stores import ENGINES, new_store


@pytest.fixture(params=ENGINES)
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Ledger]:
    """Opens a store that is the test's own: the same one, however often it is called."""
    return new_store(request, tmp_path)


@pytest.fixture
def ledger(open_store: Callable[[], Ledger]) -> Iterator[Ledger]:
    opened = open_store()
    yield opened
    opened.close()


def a_request(ledger: Ledger, key: KeyRow | None = None, **fields: Any) -> Opened:
    plain = Opened(
        n=ledger.next_number(),
        started_at=START,
        key_id=key.id if key else None,
        model="auto",
        endpoint="/openai/v1/responses",
        stream=True,
        request_id=None,
        thread_id="t1",
        project="/p",
        client="codex",
        ip="10.0.0.1",
    )
    return plain._replace(**fields)


def good(**fields: Any) -> Ended:
    return Ended("m", "p", "standard", 200, latency_ms=10.0, **fields)


async def a_key(ledger: Ledger, name: str = "dev", **policy: Any) -> KeyRow:
    digest = f"{name}-{ledger.next_number()}".encode()
    row = await ledger.create_key(NewKey(digest, name, "jt_…abcd", "ann", ("x",), None, policy, None), alone=False)
    assert row is not None
    return row


async def add(ledger: Ledger, key: KeyRow | None = None, *, ended: Ended | None = None, **fields: Any) -> Opened:
    """One request from its beginning to its end."""
    opened = a_request(ledger, key, **fields)
    await ledger.open(opened, CHOSEN)
    ledger.end(opened, ended or good(), key.budget_id if key else None, held=False)
    return opened


def wanting(key: KeyRow, estimate: int, *limits: tuple[Any, int], lease_ms: int = 60_000) -> Reservation:
    return Reservation(limits_of(key.budget_id, limits), [Candidate("m", "p", "standard", estimate)], lease_ms)


# --- the interface ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [n for n, member in vars(Ledger).items() if inspect.isfunction(member) and n[0] != "_"]
)
@pytest.mark.parametrize("engine", [SqliteLedger, PostgresLedger])
def test_an_engine_has_every_method_with_the_same_words(engine: type, name: str) -> None:
    promised, given = getattr(Ledger, name), getattr(engine, name)
    assert list(inspect.signature(given).parameters) == list(inspect.signature(promised).parameters)
    assert inspect.iscoroutinefunction(given) == inspect.iscoroutinefunction(promised)


async def test_a_probe_leaves_nothing(ledger: Ledger) -> None:
    before = await ledger.last_seq()
    await ledger.probe()
    assert (await ledger.last_seq(), await ledger.page(Page(5))) == (before, [])


# --- who serves -------------------------------------------------------------------------------------------------------


async def test_a_store_knows_who_serves(ledger: Ledger) -> None:
    assert await ledger.gateways() == []
    await ledger.announce("http://here:1", "1.2.3")
    await ledger.open(a_request(ledger), CHOSEN)
    [one] = await ledger.gateways()
    assert (one.url, one.version, one.running, one.alive) == ("http://here:1", "1.2.3", 1, True)
    assert one.since <= one.last_seen


# --- requests ---------------------------------------------------------------------------------------------------------


async def test_a_request_is_seen_while_it_runs_and_after_its_end(ledger: Ledger) -> None:
    key = await a_key(ledger)
    opened = a_request(ledger, key, request_id="mine")
    await ledger.open(opened, CHOSEN)
    [(first, running)] = await ledger.page(Page(10))
    assert (running.id, running.status, running.key, running.model_used) == (request_id(opened.n), None, "dev", "m")
    ledger.end(
        opened, good(input_tokens=7, upstream_id="resp_1", cost_nano=5, cost_source="upstream"), None, held=False
    )
    await ledger.written()
    [(second, over)] = await ledger.page(Page(10))
    assert second > first
    assert (over.status, over.input_tokens, over.cost_nano, over.cost_source) == (200, 7, 5, "upstream")
    for text in (request_id(opened.n), "mine", "resp_1"):
        found = await ledger.find(text)
        assert found is not None
        assert found[1] == over
    assert await ledger.find("another") is None
    assert await ledger.find("an\0other") is None, "no text of a store has a NUL"
    assert await ledger.tasks(0, 1, "an\0other") == []


async def test_lessons_are_kept_by_upstream_and_model_until_they_are_forgotten(ledger: Ledger) -> None:
    one, other = LessonRow("https://a", "m", "no user", 1), LessonRow("https://b", "m", "no user", 2)
    second = LessonRow("https://a", "n", "text only", 3)
    for row in (one, other, second, replace(one, learned_at=4)):
        await ledger.learn(row)
    assert await ledger.lessons() == [replace(one, learned_at=4), second, other]
    assert await ledger.unlearn("https://a", "m") == 1
    assert await ledger.lessons() == [second, other]
    assert await ledger.unlearn("https://a", None) == 1
    assert await ledger.unlearn("https://a", None) == 0
    assert await ledger.lessons() == [other]


async def test_the_first_end_holds(ledger: Ledger) -> None:
    opened = await add(ledger, ended=good(output_tokens=3))
    ledger.end(opened, Ended("m", "p", "standard", 502), None, held=False)
    await ledger.written()
    [(_, record)] = await ledger.page(Page(10))
    assert (record.status, record.output_tokens) == (200, 3)
    assert await ledger.counted() == 1


async def test_a_refusal_is_one_row_that_costs_nothing(ledger: Ledger) -> None:
    key = await a_key(ledger)
    await ledger.refuse(
        a_request(ledger, key), Ended(None, None, None, 403, "policy_rejected", "no", "policy-rejected")
    )
    [(_, record)] = await ledger.page(Page(10))
    assert (record.status, record.cause, record.cost_nano) == (403, "policy-rejected", 0)
    assert (await ledger.activity(key)).requests == 1


REFUSED = Ended(None, None, None, 402, clean("insufficient_quota", 100), clean("1 left", 100), "insufficient-quota")


async def test_attempts_at_one_refusal_are_one_row_and_count_each(ledger: Ledger) -> None:
    key = await a_key(ledger)
    asked = [a_request(ledger, key, turn_id="turn", started_at=START + 900 * step) for step in range(6)]
    words = [REFUSED._replace(error_message=clean(f"{step} left", 100), latency_ms=2.0) for step in range(6)]
    kept = [await ledger.refuse(one, ended) for one, ended in zip(asked, words, strict=True)]
    assert kept == [asked[0].n] * 6
    [(seq, record)] = await ledger.page(Page(10))
    assert (record.id, record.attempts, record.error_message) == (request_id(asked[0].n), 6, "5 left")
    assert record.latency_ms == 5 * 900 + 2
    assert seq == await ledger.last_seq()
    for term in (None, parse("status:402")):
        _, totals = await ledger.usage([], START, START + DAY, term)
        assert (totals.requests, totals.errors) == (6, 6)
    assert (await ledger.activity(key)).requests == 6
    assert await ledger.counted() == 6


@pytest.mark.parametrize(
    "other",
    [
        {"turn_id": "next"},
        {"thread_id": "t2"},
        {"model": "m2"},
        {"request_id": "mine"},
        {"started_at": START + AGAIN_MS + 1},
        {"turn_id": None, "started_at": START + AGAIN_TURNLESS_MS + 1},
    ],
)
async def test_another_refusal_has_a_row_of_its_own(ledger: Ledger, other: dict[str, Any]) -> None:
    key = await a_key(ledger)
    turn = {"turn_id": other.get("turn_id", "turn") and "turn"}
    await ledger.refuse(a_request(ledger, key, **turn), REFUSED)
    await ledger.refuse(a_request(ledger, key, **{**turn, **other}), REFUSED)
    assert [record.attempts for _, record in await ledger.page(Page(10))] == [1, 1]


async def test_a_refusal_after_an_answer_or_with_another_key_has_a_row_of_its_own(ledger: Ledger) -> None:
    key, other = await a_key(ledger), await a_key(ledger, "other")
    for whose in (key, other):
        await ledger.refuse(a_request(ledger, whose, turn_id="turn"), REFUSED)
    await add(ledger, other, turn_id="turn")
    await ledger.refuse(a_request(ledger, other, turn_id="turn"), REFUSED)
    await ledger.refuse(a_request(ledger, other, turn_id="turn"), REFUSED._replace(status=403))
    await ledger.refuse(a_request(ledger, None, turn_id="turn"), REFUSED._replace(status=403), keyless=True)
    await ledger.refuse(a_request(ledger, None, turn_id="turn"), REFUSED._replace(status=403), keyless=True)
    assert [record.attempts for _, record in await ledger.page(Page(10))] == [2, 1, 1, 1, 1, 1]
    nameless = [a_request(ledger, key, thread_id=None) for _ in range(2)]
    assert [await ledger.refuse(one, REFUSED) for one in nameless] == [one.n for one in nameless]


async def test_whose_an_answer_is_tells_its_key_alone(ledger: Ledger) -> None:
    mine, other = await a_key(ledger), await a_key(ledger, "other")
    await add(ledger, mine, ended=good(upstream_id="resp_1"))
    await add(ledger, None, ended=good(upstream_id="resp_2"))
    assert await ledger.answered(mine.id, "resp_1")
    assert not await ledger.answered(other.id, "resp_1")
    assert not await ledger.answered(mine.id, "resp_2")
    running = a_request(ledger, mine)
    await ledger.open(running, CHOSEN)
    assert not await ledger.answered(mine.id, "resp_3")
    ledger.end(running, good(upstream_id="resp_3"), mine.budget_id, held=False)
    assert await ledger.answered(mine.id, "resp_3")


async def test_what_turns_cost_their_key(ledger: Ledger) -> None:
    mine, other = await a_key(ledger), await a_key(ledger, "other")
    priced, none = (
        good(cost_nano=cost, cost_source=source, output_tokens=1) for cost, source in ((5, "upstream"), (0, "none"))
    )
    for key, turn, ended in (
        (mine, "whole", priced),
        (mine, "whole", priced),
        (mine, "whole", Ended("m", "p", "standard", 502)),
        (other, "whole", priced),
        (mine, "unknown price", none),
        (other, "foreign", priced),
        (mine, None, priced),
    ):
        await add(ledger, key, ended=ended, turn_id=turn)
    await ledger.open(a_request(ledger, mine, turn_id="runs"), CHOSEN)
    await ledger.written()
    found = await ledger.turn_costs(mine.id, ["runs", "whole", "unknown price", "foreign", "never"])
    assert sorted(found) == [("runs", 0, 1, 0, 0), ("unknown price", 0, 0, 1, 1), ("whole", 10, 0, 2, 0)]
    assert await ledger.turn_costs(mine.id, []) == []
    assert len(await ledger.turn_costs(mine.id, ["whole", *(f"t{n}" for n in range(MOST_TURNS - 1))])) == 1


async def test_a_clients_id_is_spent_until_its_request_failed(ledger: Ledger) -> None:
    key = await a_key(ledger)
    first = await add(ledger, key, request_id="once")
    with pytest.raises(DuplicateRequest, match="once"):
        await ledger.open(a_request(ledger, key, request_id="once"), CHOSEN)
    failed = await add(ledger, key, request_id="again", ended=Ended("m", "p", "standard", 502))
    await ledger.open(a_request(ledger, key, request_id="again"), CHOSEN)
    assert failed.n > first.n


async def test_a_clients_id_can_be_used_again_after_its_time(ledger: Ledger) -> None:
    key = await a_key(ledger)
    for late in (0, 1):
        for ms, again in ((1_000, 999), (0, 0)):
            one, other = (
                a_request(ledger, key, request_id=f"{late}-{ms}", started_at=START + x) for x in (0, again + late)
            )
            await ledger.open(one, CHOSEN, ms)
            if late or not ms:
                await ledger.reserve(other, wanting(key, 1, ("total", 100))._replace(ids_ms=ms))
            else:
                with pytest.raises(DuplicateRequest):
                    await ledger.open(other, CHOSEN, ms)


async def test_pages_by_number_meet_every_row_once_and_columns_say_the_same(ledger: Ledger) -> None:
    for i in range(25):
        await add(ledger, started_at=START + i, ended=good(input_tokens=i))
    await ledger.written()
    met, before = [], None
    while entries := await ledger.page(Page(7, before=before)):
        met += [record.id for _, record in entries]
        before = int(entries[-1][1].id.removeprefix("req-"), 16)
    assert len(met) == len(set(met)) == 25
    assert met == sorted(met, reverse=True)
    block = await ledger.page_block(Page(100))
    assert block.ids["id"] == met[::-1]
    assert list(block.numbers["input_tokens"]) == list(range(25))


async def test_a_filter_finds_the_same_by_row_and_by_column(ledger: Ledger) -> None:
    for status in (200, 402, 500):
        await add(ledger, ended=Ended("m", "p", "standard", status))
    await ledger.written()
    term = parse("status>=400")
    assert {record.status for _, record in await ledger.page(Page(10, term))} == {402, 500}
    assert (await ledger.page_block(Page(10, term))).rows == 2
    _, changed = await ledger.changed(0, term, 10)
    assert [record.status for _, record in changed] == [402, 500]


# --- time -------------------------------------------------------------------------------------------------------------


async def test_time_is_when_a_request_began_and_not_its_number(ledger: Ledger) -> None:
    """A clock that was ten years ahead for a moment, and is right again."""
    ahead = START + 3653 * DAY
    late = await add(ledger, started_at=ahead)
    right = await add(ledger, started_at=START)
    await ledger.written()
    assert right.n > late.n
    (_, newest), _ = await ledger.page(Page(10))
    assert newest.time.startswith("2026-11-23T00:00:00")
    assert [record.id for _, record in await ledger.page(Page(10, until=ahead))] == [request_id(right.n)]
    assert [record.id for _, record in await ledger.page(Page(10, since=ahead))] == [request_id(late.n)]
    rows, totals = await ledger.usage(["day"], START, START + DAY)
    assert ([row.by["day"] for row in rows], totals.requests) == (["2026-11-23"], 1)


async def test_retention_goes_by_when_a_request_began(ledger: Ledger, clock: Clock) -> None:
    await add(ledger, started_at=now_ms() - 91 * DAY)
    await add(ledger, started_at=now_ms() - 89 * DAY)
    await ledger.tidy(now_ms(), Keeping(90, 60))
    assert len(await ledger.page(Page(10))) == 1
    assert await ledger.counted() == 2


async def test_rows_go_in_the_order_in_which_they_came(ledger: Ledger) -> None:
    """A clock that was wrong for a moment makes no row old that is not, and none stay forever."""
    day, week = now_ms() - 200 * DAY, 7 * DAY
    dates = [day, day + 3653 * DAY, day + week, day + 2 * week, 0, day + 3653 * DAY, day + 3 * week]
    numbers = [(await add(ledger, started_at=at)).n for at in dates]
    await ledger.written()
    left = []
    for at in (day + week, day + week + 1, day + 2 * week + 1, day + 3 * week + 1):
        await ledger.tidy(at + 90 * DAY, Keeping(90, 60))
        left.append(sorted(numbers.index(int(one.id[4:], 16)) for _, one in await ledger.page(Page(10))))
    assert left == [[1, 2, 3, 4, 5, 6], [3, 4, 5, 6], [5, 6], []]


async def test_the_clock_is_believed_when_it_has_run_on_for_an_hour(ledger: Ledger, clock: Clock) -> None:
    """Whatever it says: ahead at the start, ahead for a while, back again."""
    minutes, start = 60_000, now_ms()

    async def believed(ran: int, ahead: timedelta = timedelta()) -> int | None:
        clock.advance(timedelta(minutes=ran) + ahead)
        seen = (await ledger.read_clock(ran * minutes)).believed
        return None if seen is None else (seen - start) // minutes

    decade = timedelta(days=3653)
    assert [await believed(ran) for ran in (0, 59, 1, 30)] == [None, None, 0, 0]
    assert [await believed(29), await believed(1)] == [59, 60]
    assert await believed(0, decade) == 60, "another start, with the clock ten years ahead"
    assert await believed(50) == 90
    assert await believed(0, -decade) == 90
    assert await believed(60) == 170
    assert (await ledger.read_clock(0)).before == now_ms()


async def test_what_was_spent_belongs_to_its_window(ledger: Ledger) -> None:
    """A clock that was a day and then ten years ahead, and is right again: today's is still spent, tomorrow's is not."""
    key = await a_key(ledger, daily_limit=100, weekly_limit=1000)
    limits: tuple[tuple[Any, int], ...] = (("daily", 100), ("weekly", 1000))
    for at, cost in ((START, 60), (START + DAY, 70), (START + 3653 * DAY, 90)):
        opened = a_request(ledger, key, started_at=at)
        await ledger.reserve(opened, wanting(key, cost, *limits))
        ledger.end(opened, good(cost_nano=cost), key.budget_id, held=True)
    await ledger.written()
    with pytest.raises(Shortfall) as lack:
        await ledger.reserve(a_request(ledger, key, started_at=START), wanting(key, 50, *limits))
    assert (lack.value.period, lack.value.spent, lack.value.at_ms) == ("daily", 60, START)
    spent = {
        day: [(await ledger.window(key.budget_id, period, START + day * DAY))[0] for period, _ in limits]
        for day in (0, 1, 2, 9, 3653)
    }
    assert spent == {0: [60, 130], 1: [70, 130], 2: [0, 130], 9: [0, 0], 3653: [90, 90]}
    await ledger.reserve(a_request(ledger, key, started_at=START + 2 * DAY), wanting(key, 95, *limits))
    assert await ledger.window(key.budget_id, "daily", START + 2 * DAY) == (0, 95)


async def test_of_stopped_tasks_the_newest_are_kept(
    ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidying, "STOPPED_TASKS", 2)
    for name in ("a", "b", "c"):
        await ledger.stop_task(clean(name, 80))
        clock.advance(timedelta(seconds=1))
    await ledger.tidy(now_ms(), Keeping(90, 60))
    assert [stop.task for stop in await ledger.stops()] == ["b", "c"]


# --- who has no valid key ---------------------------------------------------------------------------------------------


async def test_what_a_caller_without_a_key_wrote_is_in_no_sum(ledger: Ledger) -> None:
    key = await a_key(ledger)
    refused = Ended("m", "p", "economy", 401, "missing_api_key", "no", "key-missing")
    for number, of in enumerate((None, key)):
        opened = a_request(ledger, of, thread_id=f"t{number}", project="/forged", client="forged", model="forged")
        await ledger.refuse(opened, refused, keyless=True)
    assert [record.client for _, record in await ledger.page(Page(10))] == ["forged"] * 2, "it can be found"
    for by in ("model", "tier", "provider", "project", "thread"):
        rows, totals = await ledger.usage([by], START, START + DAY)
        assert ([row.by[by] for row in rows], totals.requests, totals.errors) == ([None], 2, 2)
    rows, _ = await ledger.usage(["key"], START, START + DAY)
    assert [row.by["key"] for row in rows] == [None, "dev"]
    active = await ledger.activity(key)
    assert (active.requests, active.clients) == (1, ())


async def test_the_newest_thousand_refusals_without_a_key_are_kept(ledger: Ledger) -> None:
    mine = await add(ledger)
    for _ in range(KEYLESS_ROWS + 5):
        last = ledger.refuse(a_request(ledger, thread_id=None), Ended(None, None, None, 401), keyless=True)
    await last
    rows = await ledger.page(Page(2 * KEYLESS_ROWS))
    assert (len(rows), rows[-1][1].id) == (KEYLESS_ROWS + 1, request_id(mine.n))
    assert await ledger.counted() == KEYLESS_ROWS + 6
    await ledger.tidy(START + DAY, Keeping(90, 60))
    assert len(await ledger.page(Page(2 * KEYLESS_ROWS))) == KEYLESS_ROWS + 1
    await ledger.tidy(START + DAY + 1, Keeping(90, 60))
    assert [record.id for _, record in await ledger.page(Page(10))] == [request_id(mine.n)]


# --- money ------------------------------------------------------------------------------------------------------------


async def test_parallel_reservations_never_pass_the_limit(ledger: Ledger) -> None:
    key = await a_key(ledger, total_limit=100)
    wanted = wanting(key, 30, ("total", 100))
    asked = [ledger.reserve(a_request(ledger, key), wanted) for _ in range(64)]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(one, Candidate) for one in found) == 3
    [lack, *_] = [one for one in found if isinstance(one, Shortfall)]
    assert (lack.period, lack.limit, lack.held, lack.left) == ("total", 100, 90, 10)
    assert await ledger.window(key.budget_id, "total", START) == (0, 90)
    assert len(await ledger.page(Page(100))) == 3


async def test_what_a_running_request_holds_grows_as_far_as_its_limits_go(ledger: Ledger) -> None:
    key = await a_key(ledger, total_limit=100)
    limits: tuple[tuple[Any, int], ...] = (("daily", 200), ("total", 100))
    opened, other = a_request(ledger, key), a_request(ledger, key)
    for one in (opened, other):
        await ledger.reserve(one, wanting(key, 30, *limits))
    for _ in range(2):  # asked again it is the same hold
        await ledger.extend(opened, wanting(key, 60, *limits), Charge(cost_nano=40))
        assert await ledger.window(key.budget_id, "total", START) == (0, 90)
    with pytest.raises(Shortfall) as refused:
        await ledger.extend(opened, wanting(key, 75, *limits), Charge(cost_nano=70))
    lack = refused.value
    assert (lack.period, lack.limit, lack.held, lack.left, lack.estimate) == ("total", 100, 90, 10, 15)
    for period in ("daily", "total"):
        assert await ledger.window(key.budget_id, period, START) == (0, 90), "all or nothing"
    ledger.end(opened, good(cost_nano=65), key.budget_id, held=True)
    await ledger.extend(opened, wanting(key, 65, *limits), Charge(cost_nano=1))
    assert await ledger.window(key.budget_id, "total", START) == (65, 30), "an ended request holds nothing"
    assert sorted(record.cost_nano for _, record in await ledger.page(Page(10))) == [0, 65]


@pytest.mark.parametrize(
    ("limit", "balance", "holds"), [(10_000, 10_000, 80), (1_000, 10_000, 20), (10_000, 1_000, 20)]
)
async def test_more_than_is_needed_is_held_only_where_plenty_is_left(
    ledger: Ledger, limit: int, balance: int, holds: int
) -> None:
    await ledger.set_wallet("standard", balance, None)
    key = await a_key(ledger)
    opened = a_request(ledger, key)
    await ledger.reserve(opened, wanting(key, 10, ("total", limit)))
    needed = wanting(key, 20, ("total", limit))
    ample = needed.candidates[0]._replace(estimate=80, covers=7)
    chosen = await ledger.extend(opened, needed._replace(candidates=[ample, *needed.candidates]), Charge())
    assert (chosen.estimate, chosen.covers == 7) == (holds, holds == 80)
    assert await ledger.window(key.budget_id, "total", START) == (0, holds)
    assert [row.held for row in await ledger.wallets() if row.tier == "standard"] == [holds]


async def test_parallel_steps_never_pass_the_limit(ledger: Ledger) -> None:
    """With several answers that grow at once, as many get a step as the limit has room for."""
    key = await a_key(ledger, total_limit=100)
    running = [a_request(ledger, key) for _ in range(8)]
    for opened in running:
        await ledger.reserve(opened, wanting(key, 5, ("total", 100)))
    asked = [ledger.extend(one, wanting(key, 25, ("total", 100)), Charge()) for one in running]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [isinstance(one, Shortfall) for one in found] == [False] * 3 + [True] * 5
    assert await ledger.window(key.budget_id, "total", START) == (0, 100)


async def test_a_wallet_holds_what_grows_too(ledger: Ledger) -> None:
    await ledger.set_wallet("standard", 100, None)
    key = await a_key(ledger)
    opened = a_request(ledger, key)
    await ledger.reserve(opened, wanting(key, 60))
    await ledger.extend(opened, wanting(key, 80), Charge())
    with pytest.raises(Shortfall) as refused:
        await ledger.extend(opened, wanting(key, 101), Charge())
    assert (refused.value.period, refused.value.tier, refused.value.left) == (None, "standard", 20)
    await ledger.end(opened, good(cost_nano=70), key.budget_id, held=True)
    [wallet] = [row for row in await ledger.wallets() if row.tier == "standard"]
    entries = await ledger.wallet_entries("standard", None, 100)
    assert (wallet.balance, wallet.held) == (30, 0)
    assert (sum(e.amount for e in entries), sum(e.held for e in entries)) == (30, 0)


async def test_what_has_passed_is_noted_and_counts_once(ledger: Ledger) -> None:
    key = await a_key(ledger)
    opened = a_request(ledger, key)
    await ledger.open(opened, CHOSEN)
    seq = await ledger.last_seq()
    await ledger.passed({opened.n: Charge(7, 1, 3, 0, 50, "estimated")})
    [(_, running)] = await ledger.page(Page(10))
    assert (running.status, running.input_tokens, running.output_tokens, running.cost_nano) == (None, 7, 3, 50)
    assert await ledger.last_seq() == seq
    await ledger.end(opened, good(input_tokens=9, cost_nano=60, cost_source="upstream"), None, held=False)
    await ledger.passed({opened.n: Charge(cost_nano=1)})
    [(_, over)] = await ledger.page(Page(10))
    assert (over.input_tokens, over.output_tokens, over.cost_nano, over.cost_source) == (9, 0, 60, "upstream")
    _, totals = await ledger.usage(["key"], START, START + DAY)
    assert (totals.requests, totals.cost_nano) == (1, 60)


async def test_an_end_gives_back_what_was_held_and_charges_what_it_cost(ledger: Ledger) -> None:
    key = await a_key(ledger, daily_limit=100)
    for cost, status in ((20, 200), (0, 502)):
        opened = a_request(ledger, key)
        await ledger.reserve(opened, wanting(key, 60, ("daily", 100)))
        ledger.end(opened, Ended("m", "p", "standard", status, cost_nano=cost), key.budget_id, held=True)
        await ledger.written()
    assert await ledger.window(key.budget_id, "daily", START) == (20, 0)
    assert await ledger.window(key.budget_id, "daily", START + DAY) == (0, 0)


async def test_a_hold_that_nobody_renews_is_given_back(ledger: Ledger, clock: Clock) -> None:
    key = await a_key(ledger, total_limit=100)
    kept, lost = a_request(ledger, key, started_at=now_ms()), a_request(ledger, key, started_at=now_ms())
    for opened in (kept, lost):
        await ledger.reserve(opened, wanting(key, 30, ("total", 100), lease_ms=-1))
    assert await ledger.renew_leases([kept.n], 60_000) == 1
    assert await ledger.window(key.budget_id, "total", now_ms()) == (0, 30)


async def test_wallets_add_up(ledger: Ledger) -> None:
    await ledger.set_wallet("standard", 100, "start")
    await ledger.credit_wallet("standard", 50, None)
    with pytest.raises(MoneyError):
        await ledger.credit_wallet("standard", MAX_NANO, None)
    key = await a_key(ledger)
    opened = a_request(ledger, key)
    await ledger.reserve(opened, wanting(key, 60))
    ledger.end(opened, good(cost_nano=40), key.budget_id, held=True)
    await ledger.written()
    [wallet] = [row for row in await ledger.wallets() if row.tier == "standard"]
    entries = await ledger.wallet_entries("standard", None, 100)
    assert (wallet.balance, wallet.held) == (110, 0)
    assert (sum(e.amount for e in entries), sum(e.held for e in entries)) == (110, 0)
    assert [row.tier for row in await ledger.wallets()] == ["economy", "standard", "premium"]


async def test_sums_are_those_of_the_rows(ledger: Ledger) -> None:
    keys = [await a_key(ledger, "ada"), await a_key(ledger, "bob")]
    for i in range(12):
        await add(ledger, keys[i % 2], started_at=START + i * DAY // 3, ended=good(input_tokens=i, cost_nano=i))
    await ledger.written()
    rows, totals = await ledger.usage(["key", "day"], START, START + 4 * DAY)
    assert (totals.requests, totals.input_tokens, totals.cost_nano) == (12, 66, 66)
    assert sum(row.totals.cost_nano for row in rows if row.by["key"] == "ada") == 30
    _, some = await ledger.usage(["key"], START, START + 4 * DAY, only=["bob"])
    assert some.cost_nano == 36
    assert await ledger.catch_up() is False


async def test_sums_by_whatever_a_request_tells(ledger: Ledger) -> None:
    """By label a key with two of them stands in both rows and counts once in the totals; all else is in one row."""
    keys = [await a_key(ledger, "ada"), await a_key(ledger, "bob")]
    await ledger.edit_key(keys[1].id, {"labels": (clean("x", 9), clean("night", 9))})
    tree: dict[str, Any] = {"root_thread": "t1", "repo": "host/app", "commit_hash": "c1"}
    for i in range(6):
        told = tree if i % 3 else {"root_thread": None, "client": "codex_exec/1 (Debian)"}
        await add(ledger, keys[i % 2], started_at=START + i, ended=good(cost_nano=10**i), **told)
    await ledger.written()
    found: dict[str, dict[str | None, int]] = {}
    for by in USAGE_GROUPS:
        rows, totals = await ledger.usage([by], START, START + DAY)
        assert totals.cost_nano == 111_111
        assert by == "label" or sum(row.totals.cost_nano for row in rows) == 111_111
        found[by] = {row.by[by]: row.totals.cost_nano for row in rows}
    assert found["label"] == {"x": 111_111, "night": 101_010}
    assert found["task"] == {"t1": 110_110, None: 1_001}
    assert (found["repo"], found["commit"]) == ({"host/app": 110_110, None: 1_001}, {"c1": 110_110, None: 1_001})
    assert found["client"] == {"codex_exec/1": 1_001, "codex": 110_110}
    assert found["team"] == found["branch"] == {None: 111_111}
    entries = await ledger.page(Page(10, parse("label:ni* task:t1")))
    assert [record.labels for _, record in entries] == [("x", "night")] * 2
    block = await ledger.page_block(Page(10, parse("-label:night")))
    assert [block.texts["labels"].values[code] for code in block.texts["labels"].codes] == ["x"] * 3
    rows, totals = await ledger.usage(["label", "task"], START, START + DAY)
    assert [(row.by["label"], row.by["task"], row.totals.requests) for row in rows] == [
        ("x", "t1", 4), ("night", "t1", 2), ("x", None, 2), ("night", None, 1),
    ]  # fmt: skip


async def test_tasks_are_roots_with_their_threads(ledger: Ledger) -> None:
    """With all of their requests, also those from before, the task that asked last first, a thread that still runs among them."""
    key = await a_key(ledger)
    said = {"root_thread": "t1", "repo": "host/app", "dirty": True}
    cost = good(input_tokens=3, cost_nano=5, finish=clean("tool_calls", 40))
    await add(ledger, key, started_at=START, thread_id="t1", ended=cost, **said)
    await add(
        ledger, key, started_at=START + 1, thread_id="a", parent_thread="t1", subagent="review", ended=cost, **said
    )
    await add(ledger, started_at=START + 2, thread_id="t2", root_thread="t2")
    await add(ledger, started_at=START + 3, thread_id="t3", root_thread="t3", doctor=True)
    await add(ledger, started_at=START + 4, thread_id="t4")
    await ledger.open(a_request(ledger, key, started_at=START + 5, thread_id="t1", **said), CHOSEN)
    await ledger.written()
    root, child, other = await ledger.tasks(START, 10)
    assert [(row.task, row.thread) for row in (root, child, other)] == [("t1", "t1"), ("t1", "a"), ("t2", "t2")]
    assert (root.started_at, root.last_at, root.running, root.finish) == (START, START + 10, 1, None)
    assert (root.totals.requests, root.totals.cost_nano, root.totals.errors) == (2, 5, 0)
    assert (child.parent, child.subagent, child.finish, child.last_at) == ("t1", "review", "tool_calls", START + 11)
    assert (child.key, child.key_id, child.owner, child.repo, child.dirty) == ("dev", key.id, "ann", "host/app", True)
    assert (other.key, other.repo, other.dirty, other.model, other.project) == (None, None, False, "m", "/p")
    assert [row.task for row in await ledger.tasks(START + 3, 10)] == ["t1", "t1"], "one that asked since then"
    assert [row.task for row in await ledger.tasks(START, 1)] == ["t1", "t1"]
    assert [row.task for row in await ledger.tasks(START + DAY, 1, "t2")] == ["t2"]
    assert await ledger.tasks(START + 6, 10) == []


# --- keys, policies, tokens -------------------------------------------------------------------------------------------


async def test_a_key_is_made_changed_and_judged_by_its_newest_form(ledger: Ledger) -> None:
    key = await a_key(ledger, daily_limit=5)
    assert await ledger.key(key.id) == key
    again = NewKey(b"other", "dev", "jt_…", None, (), None, {}, None)
    assert await ledger.create_key(again, alone=True) is None
    changed = await ledger.edit_key(key.id, {"policy": {"daily_limit": 9}, "state": "disabled"})
    assert changed is not None
    assert (changed.policy, changed.state, changed.policy_version) == ({"daily_limit": 9}, "disabled", 2)
    assert await ledger.edit_key("none", {"name": "x"}) is None
    assert await ledger.edit_key("none", {"policy_fields": {"daily_limit": "1"}}) is None
    parts = await asyncio.gather(
        ledger.edit_key(key.id, {"policy_fields": {"weekly_limit": "1"}}),
        ledger.edit_key(key.id, {"policy_fields": {"tiers": ["economy"], "logs": False}}),
        ledger.edit_key(key.id, {"policy_fields": {"total_limit": "1"}}),
    )
    assert all(parts)
    cleared = await ledger.edit_key(key.id, {"policy_fields": {"daily_limit": None, "logs": None}, "policy_name": None})
    assert cleared is not None
    assert cleared.policy == {"weekly_limit": "1", "total_limit": "1", "tiers": ["economy"]}

    def check(policy: Mapping[str, Any]) -> None:
        raise ValueError(f"{len(policy)} fields")

    refused, made = await asyncio.gather(
        ledger.edit_key(key.id, {"policy_fields": {"logs": False}, "owner": None}, check),
        ledger.edit_key(key.id, {"policy_fields": {"tiers": None}}),
        return_exceptions=True,
    )
    assert (type(refused), str(refused)) == (ValueError, "4 fields")
    assert (
        made
        == await ledger.key(key.id)
        == replace(cleared, policy={"weekly_limit": "1", "total_limit": "1"}, policy_version=7)
    )


async def test_everything_that_requests_are_judged_by_has_one_version(ledger: Ledger) -> None:
    seen = [await ledger.access_version()]

    async def changed() -> bool:
        seen.append(await ledger.access_version())
        return seen[-1] != seen[-2]

    key = await a_key(ledger)
    assert await changed()
    await ledger.edit_key(key.id, {"state": "revoked"})
    assert await changed()
    token = await ledger.create_token("wall", b"digest", "admin")
    assert await changed()
    await ledger.set_wallet("economy", 5, None)
    assert await changed()
    access = ledger.access()
    assert (access.version, [row.state for row in access.keys]) == (seen[-1], ["revoked"])
    assert ([(row.id, row.role) for row in access.tokens], access.wallets_on) == ([(token.id, "admin")], True)
    await add(ledger, key)
    await ledger.credit_wallet("economy", 1, None)
    assert not await changed(), "using a key, and paying, changes nothing that is judged by"
    assert await ledger.delete_token(token.id)
    assert await changed()
    assert not await ledger.delete_token(token.id)


async def test_an_owner_is_in_one_team(ledger: Ledger) -> None:
    version = await ledger.access_version()
    for name in ("core", "web"):
        made = await ledger.create_team(name)
        assert made is not None
        assert (made.name, made.owners) == (name, ())
    assert await ledger.create_team("core") is None
    assert await ledger.add_owner("nowhere", "ann") is None
    assert (await ledger.add_owner("core", "ann"), await ledger.add_owner("web", "ann")) == ("core", "core")
    assert [(row.name, row.owners) for row in await ledger.teams()] == [("core", ("ann",)), ("web", ())]
    assert ledger.access().teams == await ledger.teams()
    assert not await ledger.remove_owner("web", "ann")
    before = await ledger.access_version()
    assert version < before
    assert await ledger.remove_owner("core", "ann")
    assert await ledger.access_version() > before
    assert await ledger.add_owner("web", "ann") == "web"


async def test_a_change_is_written_down_with_it(ledger: Ledger) -> None:
    """By whoever acts; a change that is undone leaves no entry, and one that changes nothing neither."""
    acting = ACTING.set(Actor("token_1", "ann"))
    key = await a_key(ledger, "dev")
    await ledger.edit_key(key.id, {"state": "disabled", "owner": "bob"})
    ACTING.reset(acting)
    await ledger.edit_key(key.id, {"state": "disabled"})
    await ledger.set_wallet("economy", MAX_NANO, None)
    with pytest.raises(MoneyError):
        await ledger.credit_wallet("economy", 1, None)
    found = await ledger.audit(0, 9)
    assert [(row.actor, row.token, row.what, row.subject, row.called) for row in found] == [
        ("gateway", None, "wallet set", "economy", None),
        ("ann", "token_1", "key edited", key.id, "dev"),
        ("ann", "token_1", "key created", key.id, "dev"),
    ]
    edited, created = found[1:]
    assert (edited.before, edited.after) == (
        {"owner": "ann", "state": "active"},
        {"owner": "bob", "state": "disabled"},
    )
    assert created.before is None
    assert created.after is not None
    assert (created.after["labels"], "digest" in created.after) == (["x"], False)
    assert await ledger.audit(now_ms() + 1, 9) == []
    assert len(await ledger.audit(0, 1)) == 1
    assert await ledger.tidy(now_ms() + 401 * DAY, Keeping(0, 60)) >= 3
    assert await ledger.audit(0, 9) == []


@pytest.mark.parametrize("summed", [True, False])
async def test_sums_and_requests_of_a_team(ledger: Ledger, summed: bool) -> None:
    """From whole days of sums, and from rows."""
    ann, bob, none = [await a_key(ledger, name) for name in ("ann", "bob", "none")]
    await ledger.create_team("core")
    for key in (ann, bob):
        await ledger.edit_key(key.id, {"owner": f"the {key.name}"})
    await ledger.add_owner("core", "the ann")
    for place, key in enumerate((ann, bob, none, None)):
        more = {"root_thread": f"t{place % 2}", "project": f"p{place}", "started_at": START + place, "doctor": False}
        await add(ledger, key, ended=good(cost_nano=10**place), **more)
    await add(ledger, ann, started_at=START + 5, ended=good(cost_nano=7), doctor=True)
    await add(ledger, started_at=START + 9, root_thread="t9")
    await ledger.written()
    until = START + DAY if summed else START + 9  # before the last request: else its day is read as a whole
    rows, totals = await ledger.usage(["team"], START, until, tests="out")
    assert ({row.by["team"]: row.totals.cost_nano for row in rows}, totals.cost_nano) == ({"core": 1, None: 1110}, 1111)
    for by in USAGE_GROUPS:
        _, totals = await ledger.usage([by], START, until, tests="out", teams=["core"])
        assert totals.cost_nano == 1, by
    _, totals = await ledger.usage((), START, until, tests="only", teams=["core", "web"])
    assert totals.cost_nano == 7
    rows, totals = await ledger.usage(["project"], START, until, top=1, tests="out", teams=["core"])
    assert [(row.by, row.totals.cost_nano) for row in rows] == [({"project": "p0"}, 1)]
    rows, _ = await ledger.usage(["team"], START, until, only=["core"], tests="out")
    assert [row.totals.cost_nano for row in rows] == [1]
    found = await ledger.page(Page(limit=9, term=parse("team:core -is:doctor")))
    assert [(record.key, record.team) for _, record in found] == [("ann", "core")]
    assert {record.team for _, record in await ledger.page(Page(limit=9, term=parse("-team:core")))} == {None}
    agents = await ledger.tasks(0, 9, None, parse("team:core"))
    assert [(row.task, row.totals.cost_nano) for row in agents] == [("t0", 1)]
    assert [row.totals.cost_nano for row in await ledger.tasks(0, 9, "t0")] == [101]


async def test_a_named_policy_has_versions(ledger: Ledger) -> None:
    await ledger.put_policy("team", {"daily_limit": 1})
    second = await ledger.put_policy("team", {"daily_limit": 2})
    [row] = await ledger.policies()
    assert row == second
    assert (row.version, row.body) == (2, {"daily_limit": 2})


async def test_keys_made_for_a_trial_end(ledger: Ledger, clock: Clock) -> None:
    short = NewKey(b"s", "try", "jt_…", None, ("trial",), now_ms() + 1_000, {}, None)
    row = await ledger.create_key(short, alone=True)
    other = await a_key(ledger)
    assert row is not None
    assert [ended.id for ended in await ledger.end_labelled("trial", 10_000)] == [row.id]
    kept = await ledger.key(other.id)
    assert kept is not None
    assert kept.state == "active"


# --- tasks that are stopped, and breakers ------------------------------------------------------------------------------


async def test_a_task_is_stopped_until_it_is_resumed(ledger: Ledger) -> None:
    version = await ledger.access_version()
    row = await ledger.stop_task(clean("root", 100))
    assert (row.task, row.scope, row.reason, row.why) == ("root", "", "stopped", None)
    assert await ledger.stop_task(clean("root", 100), "runaway", clean("later", 100)) == row, "the first one stays"
    mine = await ledger.stop_task(clean("root", 100), "runaway", clean("too many", 100), "budget_1")
    assert await ledger.stops() == [row, mine] == list(ledger.access().stops)
    assert await ledger.access_version() > version, "every gateway hears of it"
    version = await ledger.access_version()
    assert [await ledger.resume_task("root") for _ in range(2)] == [True, False]
    assert (await ledger.stops(), await ledger.access_version() > version) == ([], True)
    assert [entry.what for entry in await ledger.audit(0, 9)] == ["task resumed", "task stopped", "task stopped"]


def watched(ledger: Ledger, key: KeyRow, at: int, items: int, **fields: Any) -> tuple[Opened, Watch]:
    """A request of a watched task, with so many items of input."""
    watch = Watch(key.budget_id, clean("root", 100), clean("root", 100), None, None, "same", items)._replace(**fields)
    return a_request(ledger, key, started_at=START + at, root_thread="root", thread_id=watch.thread), watch


async def ask(ledger: Ledger, key: KeyRow, held: bool, at: int, items: int = 0, **fields: Any) -> int | None:
    """Asks, with money held or not. The count at which the breaker refused; None: it was let through."""
    opened, watch = watched(ledger, key, at, items, **fields)
    try:
        if held:
            await ledger.reserve(opened, wanting(key, 1, ("total", 1_000))._replace(watch=watch))
        else:
            await ledger.open(opened, CHOSEN, watch=watch)
    except Runaway as error:
        return error.count
    return None


@pytest.mark.parametrize("held", [False, True])
async def test_a_breaker_lets_as_many_requests_of_a_task_through_in_any_minute(ledger: Ledger, held: bool) -> None:
    key, other = await a_key(ledger), await a_key(ledger, "other")
    for at, thread, refused in (
        (0, "root", None),
        (1_000, "a", None),
        (2_000, "b", None),
        (59_999, "root", 4),
        (60_000, "root", None),  # the first one is a minute ago; the refused one does not count
        (60_001, "root", 4),
        (61_000, "root", None),
    ):
        assert await ask(ledger, key, held, at, thread=clean(thread, 100), per_minute=3) == refused, at
    assert await ask(ledger, key, held, 61_000, task=clean("another", 100), per_minute=3) is None
    assert await ask(ledger, other, held, 61_000, per_minute=3) is None, "whose task it is counts"
    assert await ledger.resume_task("root") is False
    assert await ask(ledger, key, held, 61_000, per_minute=3) is None, "it counts from zero"
    refused = [row for _, row in await ledger.page(Page(50)) if row.status is not None]
    assert refused == [], "who is refused has no row of it yet"


@pytest.mark.parametrize("held", [False, True])
async def test_a_breaker_counts_identical_turns_of_a_thread_in_a_row(ledger: Ledger, held: bool) -> None:
    key = await a_key(ledger)
    turns = (
        (1, "same", "root", None),
        (1, "same", "root", None),  # asked for again after a failure: no new turn
        (3, "same", "root", None),
        (5, "same", "a", None),  # a sub-agent's own row
        (5, "same", "root", 3),
        (5, "same", "root", 3),
        (5, "other", "root", None),
        (7, "same", "root", None),
        (9, "same", "root", None),
        (11, None, "root", None),  # nothing to tell it by
        (13, "same", "root", None),
    )
    for place, (items, digest, thread, refused) in enumerate(turns):
        asked = await ask(ledger, key, held, place, items, digest=digest, thread=clean(thread, 100), identical=2)
        assert asked == refused, place
    for items in (15, 17, 19):
        assert await ask(ledger, key, held, 90, items, digest=None, identical=2) is None


async def test_a_turn_that_is_asked_for_without_end_is_not_looked_at_without_end(
    ledger: Ledger,
) -> None:
    key = await a_key(ledger)
    for items in (1, *[3] * REPEATS, 5):
        assert await ask(ledger, key, False, 0, items, identical=2) == (3 if items == 5 else None)
    for _ in range(REPEATS + 1):
        assert await ask(ledger, key, False, 0, 3, identical=2) is None
    assert await ask(ledger, key, False, 0, 5, identical=2) is None, "the one before these is too far away"


async def test_what_a_breaker_counted_goes_after_a_day(ledger: Ledger, clock: Clock) -> None:
    key = await a_key(ledger)
    assert await ask(ledger, key, False, 0, 1, identical=1) is None
    assert await ask(ledger, key, False, 0, 3, identical=1) == 2
    await ledger.tidy(START + DAY + 1, Keeping(30, 60))
    assert await ask(ledger, key, False, 0, 3, identical=1) is None


# --- changes, and an end ----------------------------------------------------------------------------------------------


async def test_a_tail_hears_of_changes_and_misses_none(ledger: Ledger) -> None:
    async with asyncio.timeout(HANG_S), aclosing(ledger.changes()) as changes:
        await anext(changes)
        opened = a_request(ledger)
        await ledger.open(opened, CHOSEN)
        await anext(changes)
        newest, entries = await ledger.changed(0, None, 10)
        assert [seq for seq, _ in entries] == [newest]
        ledger.end(opened, good(), None, held=False)
        await anext(changes)
        newest, block = await ledger.changed_block(newest, None, 10)
        assert (block.rows, block.seq) == (1, newest)
        assert newest == await ledger.last_seq()


async def test_closing_writes_what_waits_and_a_running_request_is_ended_at_the_next_start(
    open_store: Callable[[], Ledger],
) -> None:
    ledger = open_store()
    key = await a_key(ledger, total_limit=100)
    running, begun = a_request(ledger, key), a_request(ledger, key)
    for one in (running, begun):
        await ledger.reserve(one, wanting(key, 30, ("total", 100)))
    ledger.passed({begun.n: Charge(7, 1, 3, 0, 20, "estimated")})
    for _ in range(50):
        opened = a_request(ledger)
        ledger.open(opened, CHOSEN)
        ledger.end(opened, good(), None, held=False)
    assert ledger.close()
    again = open_store()
    assert (again.interrupted, await again.counted()) == (2, 52)
    assert await again.window(key.budget_id, "total", START) == (20, 0)
    for one, cost, source, says in (
        (running, 0, "none", "nothing was charged"),
        (begun, 20, "estimated", "charged for what is known to have passed"),
    ):
        found = await again.find(request_id(one.n))
        assert found is not None
        record = found[1]
        assert (record.status, record.error_type, record.cost_nano) == (500, "gateway_interrupted", cost)
        assert (record.cost_source, record.output_tokens) == (source, 3 if cost else 0)
        assert says in (record.error_message or "")
    _, totals = await again.usage(["key"], START, START + DAY)
    assert totals.cost_nano == 20
    assert again.next_number() > running.n
    assert again.close()


async def test_after_its_end_a_ledger_refuses_in_the_interfaces_own_words(open_store: Callable[[], Ledger]) -> None:
    ledger = open_store()
    ledger.close()
    with pytest.raises(api.StoreUnavailable):
        await ledger.put_policy("p", {})
