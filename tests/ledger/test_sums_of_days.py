"""Whatever comes late, is folded or is summed in whatever order: what the upkeep made of the days says what the rows say."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joytui.core.clock import now_ms
from joytui.core.token_counts import OTHERS
from joytui.ledger.api import Ledger
from joytui.ledger.retention import SUMS_DAYS, Keeping
from joytui.ledger.sql import lifetimes, sums_of_days
from joytui.ledger.sql.checks import Wrong, check
from joytui.ledger.sql.connection import Connection
from joytui.ledger.sqlite import engine, upkeep
from joytui.ledger.sqlite.engine import SqliteLedger
from tests.ledger.filling import DAY
from tests.ledger.test_conformance import a_key, add, good
from tests.support.examples import examples
from tests.support.stores import IN_CI, new_store

DAYS = 150
THREADS = ("t0", "t1", "t2", None)
STEP = st.one_of(
    st.tuples(st.just("request"), st.integers(0, DAYS), st.integers(0, 400)),
    st.tuples(st.just("request"), st.integers(0, 3), st.integers(0, 400)),
    st.tuples(st.just("some days"), st.integers(1, 30), st.just(0)),
    st.tuples(st.just("tidy"), st.just(0), st.just(0)),
    st.tuples(st.just("fold"), st.integers(0, DAYS), st.just(0)),
)
"""What happens, how many days ago (or how many days are added at once), and what it costs."""
Step = tuple[str, int, int]
KEEPING = Keeping(0, 60)


@pytest.fixture(params=IN_CI, scope="module")
def open_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Ledger]:
    """A new store at each call."""
    return lambda: new_store(request, tmp_path_factory.mktemp("store"))()


@pytest.fixture(autouse=True, scope="module")
def at_once() -> object:
    """The upkeep makes no pause; few days are enough to be read by lifetimes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "SLICE_PAUSE_S", 0)
        patch.setattr("joytui.ledger.postgres.engine.SLICE_PAUSE_S", 0)
        patch.setattr(lifetimes, "LEAST_DAYS", 1)
        yield


async def walk(ledger: Ledger, steps: list[Step]) -> None:
    key = await a_key(ledger)
    sent: Counter[str | None] = Counter()
    folded = False
    for number, (what, days, cost) in enumerate(steps):
        at = now_ms() - days * DAY
        if what == "request":
            thread = THREADS[number % len(THREADS)]
            ended = good(cost_nano=cost, input_tokens=1)
            await add(ledger, key, ended=ended, started_at=at, thread_id=thread, commit_hash=f"c{number % 2}")
            sent[thread] += cost
        elif what == "some days":
            for _ in range(days):
                await ledger.write(sum_next(ledger), now_ms())
        else:
            await ledger.tidy(now_ms() + (SUMS_DAYS - days) * DAY if what == "fold" else now_ms(), KEEPING)
            folded |= what == "fold"
        await holds(ledger, None if folded else sent)
    await ledger.tidy(now_ms(), KEEPING)
    await holds(ledger, None if folded else sent)
    assert ledger.read_now(left_out) <= 1, "the upkeep leaves no day out"


async def holds(ledger: Ledger, sent: Counter[str | None] | None) -> None:
    """`sent`: what each thread cost, while no day was folded, which forgets threads."""
    await ledger.written()
    assert ledger.read_now(wrong) == []
    for top in (1, 2):
        rows, totals = await ledger.usage(["thread"], 0, now_ms() + 1, None, top)
        if sent is not None:
            shown = {row.by["thread"]: row.totals.cost_nano for row in rows if row.by["thread"] != OTHERS}
            assert shown == {thread: sent[thread] for thread in shown}
            assert sorted(shown.values()) == sorted(sent.values())[-top:]
            assert totals.cost_nano == sent.total()


def sum_next(ledger: Ledger) -> Callable[..., bool]:
    return upkeep.sum_next if isinstance(ledger, SqliteLedger) else sums_of_days.sum_next


def wrong(connection: Connection) -> list[Wrong]:
    """Of what is made of days. (After a fold the clock goes back, so days get requests that their hours no longer have.)"""
    return [one for kind in check(connection) if kind.name in ("months", "lifetimes") for one in kind.wrong]


def left_out(connection: Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM lifetime_fill").fetchone()[0])


@settings(max_examples=examples(18), deadline=None)
@given(st.lists(STEP, min_size=5, max_size=25))
def test_any_order_of_requests_and_upkeep(open_store: Callable[[], Ledger], steps: list[Step]) -> None:
    ledger = open_store()
    try:
        asyncio.run(walk(ledger, steps))
    finally:
        ledger.close()
