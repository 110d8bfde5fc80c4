"""What the PostgreSQL engine promises beside the interface: several gateways on one store, and a server that goes away."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from joytui.core.errors import UnreachableError
from joytui.core.request import Ended, Opened
from joytui.ledger.api import Ledger, Shortfall, StoreUnavailable
from joytui.ledger.ids import COUNTER_BITS
from joytui.ledger.postgres import schema, url
from joytui.ledger.postgres.engine import PostgresLedger
from joytui.ledger.postgres.gateways import SLOT_BITS, Numbers
from joytui.ledger.records import Candidate, Charge, KeyRow, NewKey, Page, Reservation, limits_of
from joytui.ledger.retention import KEPT, Keeping
from joytui.ledger.sql.checks import check
from tests.ledger.filling import CHOSEN, DAY, START
from tests.support import postgres
from tests.support.hang import HANG_S
from tests.support.needs import needs
from tests.support.postgres import PostgresServer

pytestmark = [needs("PostgreSQL"), pytest.mark.slow]
Opening = Callable[[], PostgresLedger]


@pytest.fixture
def open_gateway(postgres_store: str) -> Iterator[Opening]:
    """Opens the test's store for one more gateway."""
    opened: list[PostgresLedger] = []

    def open_one() -> PostgresLedger:
        opened.append(PostgresLedger.open_store(url.parse(postgres_store)))
        return opened[-1]

    yield open_one
    for ledger in opened:
        ledger.close()


@pytest.fixture
def one(open_gateway: Opening) -> PostgresLedger:
    return open_gateway()


@pytest.fixture
def other(open_gateway: Opening) -> PostgresLedger:
    return open_gateway()


def a_request(ledger: Ledger, key: KeyRow | None = None, **fields: Any) -> Opened:
    plain = Opened(
        ledger.next_number(), START, key.id if key else None, "auto", "e", True, None, "t", "/p", "codex", None
    )
    return plain._replace(**fields)


def good(**fields: Any) -> Ended:
    return Ended("m", "p", "standard", 200, latency_ms=10.0, **fields)


async def a_key(ledger: Ledger, name: str = "dev") -> KeyRow:
    digest = f"{name}-{ledger.next_number()}".encode()
    row = await ledger.create_key(NewKey(digest, name, "jt_…abcd", "ann", (), None, {}, None), alone=False)
    assert row is not None
    return row


def wanting(key: KeyRow, estimate: int, limit: int) -> Reservation:
    return Reservation(
        limits_of(key.budget_id, [("total", limit)]), [Candidate("m", "p", "standard", estimate)], 60_000
    )


async def reap(dead: PostgresLedger, by: PostgresLedger, server: PostgresServer) -> None:
    """Another is told that this one is gone. (`tests/gateway/test_fleet.py` waits for a lease.)"""
    server.execute(f"UPDATE joytui.gateway SET gone = true WHERE id = '{dead._id}'")
    await by.renew_leases([], 60_000)


# --- budgets ----------------------------------------------------------------------------------------------------------


async def test_several_gateways_never_pass_one_limit_together(one: PostgresLedger, other: PostgresLedger) -> None:
    key = await a_key(one)
    asked = [
        ledger.reserve(a_request(ledger, key), wanting(key, 30, 1000)) for _ in range(32) for ledger in (one, other)
    ]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(one, Candidate) for one in found) == 33
    assert sum(isinstance(one, Shortfall) for one in found) == 31
    assert await one.window(key.budget_id, "total", START) == (0, 990)


def test_numbers_of_several_gateways_are_never_the_same(one: PostgresLedger, other: PostgresLedger) -> None:
    slots = [ledger.next_number() % (1 << SLOT_BITS) for ledger in (one, other)]
    assert slots[0] != slots[1]
    gateways = [Numbers(slot, 0, 0) for slot in slots]
    numbers = [[gateway.next() for _ in range(3000)] for gateway in gateways]
    assert not set(numbers[0]) & set(numbers[1]), "though their clocks say the same"
    assert all(given == sorted(set(given)) for given in numbers)


# --- a gateway that dies, or seems to ---------------------------------------------------------------------------------


async def test_what_a_dead_gateway_left_is_ended_by_another(
    one: PostgresLedger, other: PostgresLedger, postgres_server: PostgresServer
) -> None:
    key = await a_key(one)
    running, begun = a_request(one, key), a_request(one, key)
    for opened in (running, begun):
        await one.reserve(opened, wanting(key, 30, 100))
    await one.passed({begun.n: Charge(output_tokens=3, cost_nano=20, cost_source="estimated")})
    await other.renew_leases([], 60_000)
    assert await other.window(key.budget_id, "total", START) == (0, 60), "its lease runs still"
    await reap(one, other, postgres_server)
    assert await other.window(key.budget_id, "total", START) == (20, 0)
    assert [(record.status, record.error_type) for _, record in await other.page(Page(10))] == [
        (500, "gateway_interrupted")
    ] * 2
    _, totals = await other.usage(["key"], START, START + DAY)
    assert (totals.requests, totals.errors, totals.cost_nano) == (2, 2, 20)


async def test_a_gateway_that_was_only_slow_gets_its_true_end_once(
    one: PostgresLedger, other: PostgresLedger, postgres_server: PostgresServer
) -> None:
    key = await a_key(one)
    await one.set_wallet("standard", 1000, None)
    opened = a_request(one, key, request_id="mine")
    await one.reserve(opened, wanting(key, 30, 100))
    await one.passed({opened.n: Charge(cost_nano=20, cost_source="estimated")})
    await reap(one, other, postgres_server)
    before = await other.last_seq()
    for cost in (25, 99):
        await one.end(opened, good(cost_nano=cost, output_tokens=7), key.budget_id, held=True)
    [(seq, record)] = await other.page(Page(10))
    assert (record.status, record.error_type, record.cost_nano, record.output_tokens) == (200, None, 25, 7)
    assert "its gateway was away" in (record.notes or "")
    assert seq > before
    assert await other.window(key.budget_id, "total", START) == (25, 0)
    _, totals = await other.usage(["key"], START, START + DAY)
    assert (totals.requests, totals.errors, totals.cost_nano) == (1, 0, 25)
    [wallet] = [row for row in await other.wallets() if row.tier == "standard"]
    entries = await other.wallet_entries("standard", None, 100)
    assert (wallet.balance, wallet.held) == (975, 0)
    assert (sum(e.amount for e in entries), sum(e.held for e in entries)) == (975, 0)


async def test_a_true_end_changes_lifetimes_that_another_gateway_summed(
    one: PostgresLedger, other: PostgresLedger, postgres_server: PostgresServer
) -> None:
    key = await a_key(one)
    opened = a_request(one, key)
    await one.reserve(opened, wanting(key, 30, 100))
    await one.passed({opened.n: Charge(cost_nano=20, cost_source="estimated")})
    await reap(one, other, postgres_server)
    lives = "SELECT requests, cost_nano FROM joytui.lifetime WHERE field = 'thread' AND value = 't'"
    for sums, cost in ((other, 20), (one, 25)):
        await sums.tidy(START + 3 * DAY, Keeping(0, 60))
        assert postgres_server.execute(lives) == [(1, cost)]
        if cost == 20:
            await one.end(opened, good(cost_nano=25), key.budget_id, held=True)
    assert [wrong for kind in other.read_now(lambda link: list(check(link))) for wrong in kind.wrong] == []


async def test_a_late_end_that_the_limit_has_no_room_for_changes_nothing(
    one: PostgresLedger, other: PostgresLedger, postgres_server: PostgresServer
) -> None:
    key = await a_key(one)
    opened = a_request(one, key)
    await one.reserve(opened, wanting(key, 60, 100))
    await reap(one, other, postgres_server)
    await other.reserve(a_request(other, key), wanting(key, 60, 100))
    await one.end(opened, good(cost_nano=50), key.budget_id, held=True)
    assert await other.window(key.budget_id, "total", START) == (0, 60)
    found = await other.find(f"req-{opened.n:016x}")
    assert found is not None
    assert (found[1].status, found[1].cost_nano) == (500, 0)


async def test_an_answer_that_goes_on_after_its_lease_is_held_again_or_ends(
    one: PostgresLedger, other: PostgresLedger, postgres_server: PostgresServer
) -> None:
    key = await a_key(one)
    opened = a_request(one, key)
    await one.reserve(opened, wanting(key, 30, 100))
    await reap(one, other, postgres_server)
    await one.extend(opened, wanting(key, 40, 100), Charge(cost_nano=10))
    assert await other.window(key.budget_id, "total", START) == (0, 40)
    [(_, record)] = await other.page(Page(10))
    assert record.status is None
    with pytest.raises(Shortfall):
        await one.extend(opened, wanting(key, 101, 100), Charge(cost_nano=30))


async def test_gateways_are_known_while_they_live(
    one: PostgresLedger, other: PostgresLedger, postgres_server: PostgresServer
) -> None:
    await one.announce("http://one", "1")
    await other.announce("http://other", "2")
    assert [(row.url, row.alive) for row in await one.gateways()] == [("http://one", True), ("http://other", True)]
    postgres_server.execute(f"UPDATE joytui.gateway SET lease_until = heartbeat - 1 WHERE id = '{one._id}'")
    assert [(row.url, row.alive) for row in await other.gateways()] == [("http://one", False), ("http://other", True)]
    other.close()
    assert [row.url for row in await one.gateways()] == ["http://one"]


# --- who may ask ------------------------------------------------------------------------------------------------------


async def test_a_change_of_keys_is_heard_everywhere(one: PostgresLedger, other: PostgresLedger) -> None:
    key = await a_key(one)
    async with asyncio.timeout(HANG_S), aclosing(other.changes()) as changes:
        await anext(changes)
        version = other.access().version
        await one.edit_key(key.id, {"state": "revoked"})
        async for _ in changes:
            if await other.access_version() != version:
                break
    assert [row.state for row in other.access().keys] == ["revoked"]


async def test_a_gateway_that_has_not_read_the_newest_keys_admits_nobody(
    one: PostgresLedger, other: PostgresLedger, postgres_server: PostgresServer
) -> None:
    key = await a_key(one)
    other.access()
    await one.edit_key(key.id, {"state": "revoked"})
    await other.open(a_request(other, key), CHOSEN)
    postgres_server.execute("UPDATE joytui.access SET changed_at = changed_at - 1500")
    for asked in (other.open(a_request(other, key), CHOSEN), other.reserve(a_request(other, key), wanting(key, 1, 9))):
        with pytest.raises(StoreUnavailable, match="keys were changed"):
            await asked
    other.access()
    await other.open(a_request(other, key), CHOSEN)


# --- order ------------------------------------------------------------------------------------------------------------


async def test_a_reader_meets_every_change_of_all_gateways_once_and_in_order(
    one: PostgresLedger, other: PostgresLedger
) -> None:
    many = 100

    async def work(ledger: PostgresLedger) -> None:
        for _ in range(many):
            opened = a_request(ledger)
            await ledger.open(opened, CHOSEN)
            ledger.end(opened, good(), None, held=False)
        await ledger.written()

    async def read(ledger: PostgresLedger) -> list[int]:
        met: list[int] = []
        ended: set[str] = set()
        while len(ended) < 2 * many:
            _, entries = await ledger.changed(met[-1] if met else 0, None, 50)
            met += [seq for seq, _ in entries]
            ended |= {record.id for _, record in entries if record.status is not None}
        return met

    async with asyncio.timeout(HANG_S):
        *_, first, second = await asyncio.gather(work(one), work(other), read(one), read(other))
    for met in (first, second):
        assert met == sorted(set(met))
    assert first[-1] == second[-1] == await one.last_seq()


# --- days -------------------------------------------------------------------------------------------------------------


async def test_a_day_that_is_old_goes_as_a_whole(one: PostgresLedger, postgres_server: PostgresServer) -> None:
    def days() -> set[str]:
        words = "SELECT tablename FROM pg_tables WHERE schemaname = 'joytui' AND tablename LIKE 'ended_%'"
        return {name for (name,) in postgres_server.execute(words)}

    [(today,)] = postgres_server.execute(f"SELECT (extract(epoch FROM now()) * 1000)::bigint / {DAY}")
    assert days() >= {schema.partition(today + ahead) for ahead in range(schema.DAYS_AHEAD + 1)}
    low = START // DAY
    await one.write(lambda link: schema.make_partitions(link, START))
    old, new = low, low + 1
    for day, number in ((old, 0), (old, 1), (new, 0)):
        opened = a_request(one, n=(day * DAY << COUNTER_BITS) + number, started_at=day * DAY)
        await one.refuse(opened, Ended(None, None, None, 403))
    await one.tidy((new + 90) * DAY, Keeping(90, 60))
    assert schema.partition(old) not in days()
    assert schema.partition(new) in days()
    assert len(await one.page(Page(10))) == 1
    assert await one.counted() == 3
    await one.tidy((new + 91) * DAY, Keeping(90, 60))
    assert await one.page(Page(10)) == []
    made = {schema.partition(day) for day in range(low, low + 1 + schema.DAYS_AHEAD)}
    assert made & days() == {schema.partition(day) for day in range(new + 1, low + 1 + schema.DAYS_AHEAD)}
    await one.tidy((low + 1 + schema.DAYS_AHEAD + 90) * DAY, Keeping(90, 60))
    assert not made & days(), "days without a request go too"


# --- the schema -------------------------------------------------------------------------------------------------------


def test_gateways_that_start_together_make_the_schema_once(postgres_server: PostgresServer) -> None:
    store = url.parse(postgres_server.unmade_store())
    with ThreadPoolExecutor(3) as threads:
        ledgers = list(threads.map(PostgresLedger.open_store, [store] * 3))
    assert len({ledger.next_number() for ledger in ledgers}) == 3
    for ledger in ledgers:
        assert ledger.close()


def test_a_newer_store_is_refused_with_both_versions(postgres_store: str, postgres_server: PostgresServer) -> None:
    known = len(schema.MIGRATIONS)
    PostgresLedger.open_store(url.parse(postgres_store)).close()
    postgres_server.execute(f"UPDATE joytui.schema_version SET version = {known + 1}")
    try:
        with pytest.raises(UnreachableError) as refused:
            PostgresLedger.open_store(url.parse(postgres_store))
    finally:
        postgres_server.execute(f"UPDATE joytui.schema_version SET version = {known}")
    assert f"schema {known + 1}, this one knows {known}" in str(refused.value)


@pytest.mark.parametrize(("user", "says"), [("locked", "password"), ("nobody_here", "does not exist")])
def test_a_store_that_lets_nobody_in_says_so(postgres_server: PostgresServer, user: str, says: str) -> None:
    with pytest.raises(UnreachableError, match=says) as refused:
        PostgresLedger.open_store(url.parse(postgres_server.url("postgres", user=user)))
    assert refused.value.exit_code == 3


# --- the server goes away ---------------------------------------------------------------------------------------------


async def test_connections_that_the_server_ends_are_made_anew_and_no_end_is_lost(
    one: PostgresLedger, postgres_server: PostgresServer
) -> None:
    key = await a_key(one)
    running = [a_request(one, key) for _ in range(20)]
    for opened in running:
        await one.reserve(opened, wanting(key, 5, 100))
    end_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'joytui %'"
    for opened, often in zip(running, itertools.cycle([True, False, False, False]), strict=False):
        if often:
            postgres_server.execute(end_all)
        one.end(opened, good(cost_nano=2), key.budget_id, held=True)
    async with asyncio.timeout(HANG_S):
        while one.owed or await trying(one):
            await asyncio.sleep(0.05)
    assert await one.window(key.budget_id, "total", START) == (40, 0)
    assert [record.status for _, record in await one.page(Page(50))] == [200] * 20
    assert (one.lost, one.failure) == (0, None)


async def trying(ledger: PostgresLedger) -> bool:
    """Whether the store cannot be written yet."""
    try:
        await ledger.written()
    except StoreUnavailable:
        return True
    return False


@pytest.mark.slow
async def test_a_frozen_server_admits_nobody_and_what_it_admits_too_late_is_taken_back() -> None:
    """It is there and says nothing; what it had in hand is done when it goes on, and its client was told that it failed."""
    with postgres.running() as server:
        ledger = PostgresLedger.open_store(url.parse(server.url("postgres")))
        key = await a_key(ledger)
        asked = a_request(ledger, key, request_id="mine")
        server.freeze()
        try:
            with pytest.raises(StoreUnavailable):
                await ledger.reserve(asked, wanting(key, 30, 100))
            with pytest.raises(StoreUnavailable):
                await ledger.reserve(a_request(ledger, key), wanting(key, 30, 100))
        finally:
            server.thaw()
        async with asyncio.timeout(HANG_S):
            while await trying(ledger):
                await asyncio.sleep(0.05)
        assert await ledger.page(Page(10)) == []
        assert await ledger.window(key.budget_id, "total", START) == (0, 0)
        await ledger.reserve(a_request(ledger, key, request_id="mine"), wanting(key, 30, 100))
        ledger.close()


@pytest.mark.slow
async def test_a_server_that_goes_away_is_refused_at_once_and_gets_every_end_when_it_is_back(tmp_path: Path) -> None:
    with postgres.running() as server:
        store = url.parse(server.url("postgres"))
        ledger = PostgresLedger.open_store(store, tmp_path)
        key = await a_key(ledger)
        running = [a_request(ledger, key) for _ in range(3)]
        for opened in running:
            await ledger.reserve(opened, wanting(key, 30, 100))
        server.stop()
        for opened in running:
            await ledger.end(opened, good(cost_nano=7), key.budget_id, held=True)
        with pytest.raises(StoreUnavailable):
            await ledger.open(a_request(ledger, key), CHOSEN)
        assert (ledger.troubled, ledger.failure) == (True, None)
        assert ledger.close(), "what could not be written is in the spool"
        server.start()
        again = PostgresLedger.open_store(store, tmp_path)
        await again.written()
        assert [record.status for _, record in await again.page(Page(10))] == [200] * 3
        assert await again.window(key.budget_id, "total", START) == (21, 0)
        assert again.close()


# --- what is kept how long --------------------------------------------------------------------------------------------


def test_every_table_has_its_time(one: PostgresLedger, postgres_server: PostgresServer) -> None:
    rows = postgres_server.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'joytui'")
    tables = {name for (name,) in rows if not name.startswith("ended_")}
    known = {table for kept in KEPT for table in kept.tables}
    assert tables - known == {*schema.REQUEST_TABLES, *OWN}


OWN = {"gateway", "lapsed", "lapsed_hold", "schema_version", "turn"}
"""What this engine has beside: gateways and what they left go after a day; the others have a row each."""
