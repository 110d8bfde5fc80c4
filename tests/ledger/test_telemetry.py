"""Telemetry in the store, of every engine: a request is one row, whoever tells of it, in whatever order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joytui.core.clock import now_ms
from joytui.core.filters import parse
from joytui.core.request import Ended, Opened, RequestRecord, request_id
from joytui.core.token_counts import Teller, UsageTotals
from joytui.gateway.telemetry.pieces import pieces
from joytui.ledger.api import Ledger
from joytui.ledger.records import Candidate, KeyRow, NewKey, Page
from joytui.ledger.telemetry import Piece, SenderRow
from tests.support.clock import NOW
from tests.support.examples import examples
from tests.support.stores import IN_CI, new_store
from tests.telemetry.otlp import attempt, done, plain, record

CHOSEN = Candidate("m", "p", "standard", 0)
BEGIN = int(NOW.timestamp() * 1000)
SOURCES: tuple[Teller, ...] = ("gateway", "telemetry")
ALL = (BEGIN - 86_400_000, BEGIN + 86_400_000)


@pytest.fixture(params=IN_CI, scope="module")
def open_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Ledger]:
    """A new store at each call."""
    return lambda: new_store(request, tmp_path_factory.mktemp("store"))()


@pytest.fixture
def ledger(open_store: Callable[[], Ledger]) -> Iterator[Ledger]:
    opened = open_store()
    yield opened
    opened.close()


async def a_sender(ledger: Ledger, name: str = "ann-laptop", owner: str = "ann") -> SenderRow:
    row = await ledger.create_sender(name, name.encode(), owner, "core")
    assert row is not None
    return row


async def a_key(ledger: Ledger) -> KeyRow:
    row = await ledger.create_key(NewKey(b"k", "dev", "jt_…", "ann", (), None, {}, None), alone=False)
    assert row is not None
    return row


def told(*rows: dict[str, Any]) -> list[Piece]:
    return list(pieces(plain(rows), now_ms()))


def opened(ledger: Ledger, ms: int, key: KeyRow, **more: Any) -> Opened:
    plain_one = Opened(
        n=ledger.next_number(), started_at=BEGIN + ms, key_id=key.id, model="auto", endpoint="/openai/v1/responses",
        stream=True, request_id=None, thread_id="t1", project=None, client="codex_exec/0.171.0", ip=None,
    )  # fmt: skip
    return plain_one._replace(**more)


async def relayed(
    ledger: Ledger, ms: int, key: KeyRow, status: int = 200, given: int = 100, written: int = 7
) -> Opened:
    """A request that the gateway saw, from its beginning to its end."""
    one = opened(ledger, ms, key)
    await ledger.open(one, CHOSEN)
    ended = Ended("m", "p", "standard", status, latency_ms=30.0, input_tokens=given, cached_input_tokens=40,
                  output_tokens=written, reasoning_tokens=3, cost_nano=5, cost_source="upstream")  # fmt: skip
    await ledger.end(one, ended, None, held=False)
    return one


async def rows(ledger: Ledger) -> list[RequestRecord]:
    return [one for _, one in reversed(await ledger.page(Page(100)))]


async def totals(ledger: Ledger) -> tuple[UsageTotals, UsageTotals]:
    """Of what a gateway saw, and of what telemetry alone told: the sums, which are those of the rows."""
    found = [(await ledger.usage([], *ALL, source=source))[1] for source in SOURCES]
    assert found == [(await ledger.usage([], *ALL, parse("-id:none"), source=source))[1] for source in SOURCES]
    return found[0], found[1]


# --- of others ------------------------------------------------------------------------------------------------------


async def test_nobody_tells_of_anothers_request(ledger: Ledger) -> None:
    """Whatever thread or request somebody names: it is a row of their own, before and after the other's story came."""
    ann, bea, key = await a_sender(ledger), await a_sender(ledger, "bea-laptop", "bea"), await a_key(ledger)
    one = await relayed(ledger, 10, key)
    forged = told(attempt(5, **{"auth.request_id": request_id(one.n)}), done(50, given=999_999, written=888_888))
    await ledger.tell(bea.id, forged)
    [relay, alone] = await rows(ledger)
    assert (relay.sources, relay.attempts, relay.differs, relay.owner) == (("gateway",), 1, None, "ann")
    assert (alone.source, alone.owner, alone.input_tokens) == ("telemetry", "bea", 999_999)
    await ledger.tell(ann.id, told(attempt(6), done(60, given=100, written=7)))
    await relayed(ledger, 2_000, key)
    found = {(row.owner, row.sources, row.input_tokens, row.differs) for row in await rows(ledger)}
    assert found == {
        ("ann", ("gateway", "telemetry"), 100, None), ("ann", ("gateway",), 100, None), ("bea", ("telemetry",), 999_999, None),
    }  # fmt: skip
    assert (await totals(ledger))[1].input_tokens == 999_999


async def test_two_who_name_one_thread_do_not_mix(ledger: Ledger) -> None:
    ann, bea = await a_sender(ledger), await a_sender(ledger, "bea-laptop", "bea")
    await ledger.tell(ann.id, told(attempt(10)))
    await ledger.tell(bea.id, told(attempt(20, status=401), done(30, given=999_999, written=888_888)))
    await ledger.tell(ann.id, told(done(60, given=100, written=7)))
    assert {(row.owner, row.status, row.input_tokens) for row in await rows(ledger)} == {
        ("ann", 200, 100), ("bea", 401, 999_999),
    }  # fmt: skip


# --- alone ------------------------------------------------------------------------------------------------------------


async def test_what_no_gateway_saw_is_a_row_of_its_own(ledger: Ledger) -> None:
    sender = await a_sender(ledger)
    session = record("conversation_starts", 0, provider_name="joytoken")
    assert await ledger.tell(sender.id, told(session, record("user_prompt", 10), attempt(20), done(90))) == 4
    [row] = await rows(ledger)
    assert row.id.startswith("codex-t1-")
    assert (row.source, row.sources, row.attempts, row.key, row.key_id, row.owner) == (
        "telemetry",
        ("telemetry",),
        1,
        None,
        None,
        "ann",
    )
    assert (row.status, row.input_tokens, row.cached_input_tokens, row.output_tokens, row.reasoning_tokens) == (
        200,
        100,
        40,
        7,
        3,
    )
    assert (row.thread_id, row.client, row.provider, row.latency_ms, row.running) == (
        "t1",
        "codex_exec/0.171.0",
        "joytoken",
        80,
        False,
    )
    assert (await ledger.find(row.id) or (0, None))[1] == row
    assert [one for _, one in await ledger.page(Page(5, parse(f"id:{row.id}")))] == [row]
    assert (await ledger.page_block(Page(5))).keys() == [row.id]
    assert await totals(ledger) == (UsageTotals(), UsageTotals(1, 0, 100, 40, 7, 3, 0))
    assert await ledger.counted() == 1


async def test_posted_again_nothing_changes(ledger: Ledger) -> None:
    sender = await a_sender(ledger)
    batch = told(attempt(20), done(90))
    assert await ledger.tell(sender.id, batch) == 2
    before, seq = await rows(ledger), await ledger.last_seq()
    assert await ledger.tell(sender.id, batch) == 0
    assert (await rows(ledger), await ledger.last_seq()) == (before, seq)


async def test_a_late_piece_completes_its_row(ledger: Ledger) -> None:
    sender = await a_sender(ledger)
    await ledger.tell(sender.id, told(done(90)))
    await ledger.tell(sender.id, told(attempt(20, 500)))
    [first] = await rows(ledger)
    assert (first.status, first.attempts, first.input_tokens) == (500, 1, 100)
    await ledger.tell(sender.id, told(attempt(40)))
    [row] = await rows(ledger)
    assert (row.id, row.status, row.attempts, row.error_type, row.latency_ms) == (first.id, 200, 2, None, 80)
    assert (await totals(ledger))[1] == UsageTotals(1, 0, 100, 40, 7, 3, 0)


async def test_an_answer_that_still_comes_is_running_and_one_that_never_came_is_not(ledger: Ledger) -> None:
    sender = await a_sender(ledger)
    await ledger.tell(sender.id, told(attempt(20), attempt(20, None, thread="t2")))
    running, failed = sorted(await rows(ledger), key=lambda row: row.thread_id or "")
    assert (running.status, running.running) == (200, True)
    assert (failed.status, failed.error_type, failed.running) == (None, "no_answer", False)
    assert (await totals(ledger))[1].errors == 1


async def test_sums_go_by_owner_model_and_thread(ledger: Ledger) -> None:
    sender = await a_sender(ledger)
    await ledger.tell(sender.id, told(attempt(20), done(90), attempt(20, thread="t2"), done(90, thread="t2")))
    for by, wanted in (
        ("owner", {"ann"}),
        ("team", {"core"}),
        ("model", {"auto"}),
        ("thread", {"t1", "t2"}),
        ("key", {None}),
    ):
        found, whole = await ledger.usage([by], *ALL, source="telemetry")
        assert {row.by[by] for row in found} == wanted
        assert {row.source for row in found} == {"codex"}
        assert whole.requests == 2
        filtered, _ = await ledger.usage([by], *ALL, parse("source:telemetry"), source="telemetry")
        assert filtered == found
    assert (await ledger.usage(["owner"], *ALL, only=["ann"], source="telemetry"))[1].requests == 2
    assert (await ledger.usage(["team"], *ALL, only=["core"], source="telemetry"))[1].requests == 2
    assert (await ledger.usage(["team"], *ALL, only=["other"], source="telemetry"))[1].requests == 0
    assert (await ledger.usage(["thread"], *ALL, top=1, source="telemetry"))[1].requests == 2


# --- with a gateway ---------------------------------------------------------------------------------------------------


async def test_a_gateways_figures_win_and_what_differs_stands_beside_them(ledger: Ledger) -> None:
    sender, key = await a_sender(ledger), await a_key(ledger)
    await relayed(ledger, 15, key, given=101)
    await ledger.tell(sender.id, told(attempt(25), done(90)))
    [row] = await rows(ledger)
    assert (row.source, row.sources, row.input_tokens, row.key) == ("gateway", ("gateway", "telemetry"), 101, "dev")
    assert row.differs == "input_tokens 100"
    assert await totals(ledger) == (UsageTotals(1, 0, 101, 40, 7, 3, 5), UsageTotals())


async def test_telemetry_that_came_first_becomes_the_gateways(ledger: Ledger) -> None:
    sender, key = await a_sender(ledger), await a_key(ledger)
    await ledger.tell(sender.id, told(attempt(25), done(90)))
    await relayed(ledger, 15, key)
    [row] = await rows(ledger)
    assert (row.source, row.sources, row.differs) == ("gateway", ("gateway", "telemetry"), None)
    assert (await totals(ledger))[1] == UsageTotals()


async def test_a_request_that_runs_is_joined_and_compared_at_its_end(ledger: Ledger) -> None:
    sender, key = await a_sender(ledger), await a_key(ledger)
    one = opened(ledger, 15, key)
    await ledger.open(one, CHOSEN)
    await ledger.tell(sender.id, told(attempt(25), done(90)))
    [running] = await rows(ledger)
    assert (running.running, running.sources, running.differs) == (True, ("gateway", "telemetry"), None)
    ledger.end(one, Ended("m", "p", "standard", 200, input_tokens=9), None, held=False)
    await ledger.written()
    [row] = await rows(ledger)
    assert (row.differs or "").startswith("input_tokens 100")


async def test_attempts_that_no_gateway_saw_belong_to_the_request_that_it_saw(ledger: Ledger) -> None:
    sender, key = await a_sender(ledger), await a_key(ledger)
    await relayed(ledger, 210, key)
    await ledger.tell(sender.id, told(attempt(20, None), attempt(120, None), attempt(220), done(290)))
    [row] = await rows(ledger)
    assert (row.attempts, row.source) == (3, "gateway")


async def test_each_attempt_that_a_gateway_saw_is_its_row(ledger: Ledger) -> None:
    sender, key = await a_sender(ledger), await a_key(ledger)
    for ms in (15, 115):
        await relayed(ledger, ms, key, 500, 0, 0)
    await relayed(ledger, 215, key)
    await ledger.tell(sender.id, told(attempt(25, 500), attempt(125, 500), attempt(225), done(290)))
    found = await rows(ledger)
    assert [(row.status, row.attempts, row.sources) for row in found] == [
        (status, 1, ("gateway", "telemetry")) for status in (500, 500, 200)
    ]
    assert (await totals(ledger))[1] == UsageTotals()


async def test_attempts_at_a_refusal_are_counted_once_whoever_tells_of_them_first(ledger: Ledger) -> None:
    sender, key = await a_sender(ledger), await a_key(ledger)
    refused = Ended(None, None, None, 402, "insufficient_quota", "1 left", "insufficient-quota", latency_ms=2.0)
    heard = told(*(attempt(20 + 900 * step, 402) for step in range(3)))
    for step in range(3):
        if step == 1:
            await ledger.tell(sender.id, heard)
        await ledger.refuse(opened(ledger, 15 + 900 * step, key, turn_id="turn"), refused)
        [row] = await rows(ledger)
        assert (row.attempts, row.sources) == ((3, ("gateway", "telemetry")) if step else (1, ("gateway",)))
    assert (await totals(ledger))[0].requests == 3


async def test_a_request_that_lost_its_attempt_to_the_true_one_is_the_gateways_alone_again(ledger: Ledger) -> None:
    sender, key = await a_sender(ledger), await a_key(ledger)
    await relayed(ledger, 3_000, key, given=5)
    await ledger.tell(sender.id, told(attempt(25), done(90)))
    assert [row.sources for row in await rows(ledger)] == [("gateway", "telemetry")], "near enough"
    await relayed(ledger, 15, key)
    found = sorted(await rows(ledger), key=lambda row: row.time)
    assert [(row.sources, row.differs) for row in found] == [(("gateway", "telemetry"), None), (("gateway",), None)]


async def test_the_id_that_the_gateway_gave_is_enough(ledger: Ledger) -> None:
    sender, key = await a_sender(ledger), await a_key(ledger)
    one = opened(ledger, 15, key, thread_id=None, request_id="mine")
    await ledger.open(one, CHOSEN)
    ledger.end(one, Ended(None, None, None, 402, "insufficient_quota"), None, held=False)
    late = attempt(4_000_000, 402)
    late["attributes"] |= {
        "auth.request_id": "mine",
        "event.timestamp": attempt(60_000)["attributes"]["event.timestamp"],
    }
    await ledger.tell(sender.id, told(late))
    [row] = await rows(ledger)
    assert row.sources == ("gateway", "telemetry")


# --- any order, any part ----------------------------------------------------------------------------------------------

SCRIPT: tuple[dict[str, Any], ...] = (
    record("conversation_starts", 0, provider_name="joytoken"), record("user_prompt", 10),
    attempt(20), done(90, 11, 1), attempt(120, 500), attempt(160, 503), attempt(200), done(290, 22, 2),
    record("user_prompt", 400), attempt(420, 402), record("user_prompt", 500), attempt(520, None), attempt(600),
    record("sse_event", 620, error__message="stream disconnected before completion: x"), attempt(700), done(790, 33, 3),
)  # fmt: skip
RELAYED = (
    (10, 200, 11, 1),
    (110, 500, 0, 0),
    (150, 503, 0, 0),
    (190, 200, 22, 2),
    (410, 402, 0, 0),
    (590, 200, 0, 0),
    (690, 200, 33, 3),
)


def state(found: list[RequestRecord]) -> list[tuple[Any, ...]]:
    """What stands in the rows, but for their ids."""
    fields = (
        "time",
        "source",
        "sources",
        "attempts",
        "status",
        "input_tokens",
        "output_tokens",
        "error_type",
        "cause",
        "latency_ms",
        "provider",
        "differs",
    )
    return sorted(tuple(str(getattr(row, name)) for name in fields) for row in found)


async def lived(ledger: Ledger, steps: list[Any]) -> tuple[list[tuple[Any, ...]], tuple[UsageTotals, UsageTotals]]:
    """The store after these steps: a list of records is a post, a tuple a request through the gateway."""
    sender, key = await a_sender(ledger), await a_key(ledger)
    for step in steps:
        if isinstance(step, tuple):
            await relayed(ledger, *step[:1], key, *step[1:])
        else:
            await ledger.tell(sender.id, told(*step))
    return state(await rows(ledger)), await totals(ledger)


@settings(max_examples=5)
@given(st.data())
def test_any_order_and_any_part_give_the_same(open_store: Callable[[], Ledger], data: st.DataObject) -> None:
    any_order_is_the_same(open_store, data)


@pytest.mark.slow
@settings(max_examples=examples(150))
@given(st.data())
def test_any_of_many_orders_gives_the_same(open_store: Callable[[], Ledger], data: st.DataObject) -> None:
    any_order_is_the_same(open_store, data)


def any_order_is_the_same(open_store: Callable[[], Ledger], data: st.DataObject) -> None:
    seen = data.draw(st.sampled_from([(), RELAYED]))
    part = data.draw(st.lists(st.sampled_from(range(len(SCRIPT))), unique=True, min_size=1))
    rows_ = [SCRIPT[place] for place in sorted(part)]
    cuts = data.draw(st.randoms(use_true_random=False))
    outcomes = []
    for mixed in (False, True):
        posts: list[Any] = [[row] for row in rows_] if mixed else [rows_]
        steps = [*seen, *posts]
        if mixed:
            cuts.shuffle(steps)
            steps += [rows_]  # and all of it once more
        store = open_store()
        try:
            outcomes.append(asyncio.run(lived(store, steps)))
        finally:
            store.close()
    assert outcomes[0] == outcomes[1]
    if seen:
        assert outcomes[0][1][0] == UsageTotals(7, 3, 66, 280, 6, 21, 35)
    if seen and len(part) == len(SCRIPT):
        assert outcomes[0][1][1] == UsageTotals()


def test_many_orders_of_the_whole(open_store: Callable[[], Ledger]) -> None:
    mixer, outcomes = random.Random(3), []
    for turn in range(4):
        steps: list[Any] = [*RELAYED, *([row] for row in SCRIPT)]
        if turn:
            mixer.shuffle(steps)
        store = open_store()
        try:
            outcomes.append(asyncio.run(lived(store, steps)))
        finally:
            store.close()
    assert all(outcome == outcomes[0] for outcome in outcomes)
    assert len(outcomes[0][0]) == 7
    assert outcomes[0][1][1] == UsageTotals()


# --- tokens -----------------------------------------------------------------------------------------------------------


async def test_senders_are_made_listed_and_revoked(ledger: Ledger) -> None:
    version = await ledger.access_version()
    ann = await a_sender(ledger)
    assert await ledger.create_sender("ann-laptop", b"other", None, None) is None
    assert (await ledger.senders(), ledger.access().senders) == ([ann], [ann])
    assert (await ledger.access_version()) > version
    await ledger.tell(ann.id, told(record("conversation_starts", 0, provider_name="openai"), attempt(20), done(90)))
    [seen] = await ledger.senders()
    assert (seen.codex_version, seen.provider, seen.last_at) == ("0.171.0", "openai", now_ms())
    assert [piece.kind for piece in await ledger.pieces_of(ann.id, 2)] == ["attempt", "done"]
    version = await ledger.access_version()
    assert await ledger.revoke_sender(ann.id)
    assert not await ledger.revoke_sender(ann.id)
    assert await ledger.access_version() > version
    assert await ledger.senders() == []
    assert [row.owner for row in await rows(ledger)] == ["ann"], "what it told stays"
    assert await ledger.create_sender("ann-laptop", b"other", None, None) is not None


async def test_what_ended_without_an_answer_is_an_error(ledger: Ledger) -> None:
    sender = await a_sender(ledger)
    begun = attempt(300, None, "t3"), attempt(310, thread="t3")
    await ledger.tell(
        sender.id,
        told(attempt(0, None), attempt(100, 402, "t2"), *begun, attempt(400, thread="t4"), done(420, thread="t4")),
    )
    found = await ledger.page(Page(9, parse("is:error")))
    assert {one.thread_id: (one.status, one.error_type) for _, one in found} == {
        "t1": (None, "no_answer"), "t2": (402, None),
    }  # fmt: skip
    others = await ledger.page(Page(9, parse("-is:error")))
    assert {one.thread_id for _, one in others} == {"t3", "t4"}, "an answer still comes, or is there"
