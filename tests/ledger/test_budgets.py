"""The tree of budgets, on every engine: a request needs room in each node above it, and each node spends what its leaves do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from joytui.core.clock import now_ms
from joytui.core.request import Ended, Opened
from joytui.ledger.api import Ledger, Shortfall
from joytui.ledger.audit import ACTING, Actor
from joytui.ledger.records import Candidate, Charge, KeyRow, Limit, NewKey, Reservation, limits_of
from joytui.ledger.retention import Keeping
from joytui.ledger.sql.checks import check
from tests.ledger.filling import CHOSEN, DAY, START
from tests.support.clock import Clock
from tests.support.stores import ENGINES, new_store

ORG = Limit("org", "total", 1000)


@pytest.fixture(params=ENGINES)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    opened = new_store(request, tmp_path)()
    yield opened
    opened.close()


async def a_key(ledger: Ledger, owner: str | None = "ann", **policy: Any) -> KeyRow:
    digest = f"{owner}-{ledger.next_number()}".encode()
    row = await ledger.create_key(NewKey(digest, "dev", "jt_…", owner, (), None, policy, None), alone=False)
    assert row is not None
    return row


def asks(ledger: Ledger, key: KeyRow, task: str | None = "t1", at: int = START) -> Opened:
    plain = Opened(ledger.next_number(), at, key.id, "auto", "e", True, None, task, None, None, None)
    return plain._replace(root_thread=task)


def wanting(estimate: int, *limits: Limit, lease_ms: int = 60_000) -> Reservation:
    return Reservation(limits, [Candidate("m", "p", "standard", estimate)], lease_ms)


def tree(
    key: KeyRow, *, org: int = 1000, team: int = 1000, owner: int = 1000, own: int = 1000, task: int = 1000
) -> tuple:
    """A limit on each node above a request of Ann's, who is in the team core."""
    above = Limit("org", "total", org), Limit("team:core", "daily", team), Limit("owner:ann", "weekly", owner)
    return (*above, *limits_of(key.budget_id, [("daily", own), ("total", own)]), Limit("task:t1", "total", task))


async def spent(ledger: Ledger, key: KeyRow, *limits: Limit, at: int = START) -> dict[str, tuple[int, int]]:
    return {f"{one.budget} {one.period}": await ledger.window(one.budget, one.period, at) for one in limits}


async def run(ledger: Ledger, key: KeyRow, cost: int, *limits: Limit, task: str | None = "t1", at: int = START) -> None:
    """A request from its beginning to its end."""
    opened = asks(ledger, key, task, at)
    if limits:
        await ledger.reserve(opened, wanting(cost, *limits))
    else:
        await ledger.open(opened, CHOSEN)
    await ledger.end(opened, Ended("m", "p", "standard", 200, cost_nano=cost), key.budget_id, held=bool(limits))


def adds_up(ledger: Any) -> None:
    wrong = [wrong for one in ledger.read_now(lambda connection: list(check(connection))) for wrong in one.wrong]
    assert wrong == []


async def in_core(ledger: Ledger) -> None:
    await ledger.create_team("core")
    assert await ledger.add_owner("core", "ann") == "core"


# --- holding, charging ------------------------------------------------------------------------------------------------


async def test_each_node_holds_is_charged_and_lets_go(ledger: Ledger) -> None:
    await in_core(ledger)
    key = await a_key(ledger)
    limits = tree(key)
    opened = asks(ledger, key)
    await ledger.reserve(opened, wanting(60, *limits))
    assert set((await spent(ledger, key, *limits)).values()) == {(0, 60)}
    await ledger.extend(opened, wanting(90, *limits), Charge(cost_nano=50))
    assert set((await spent(ledger, key, *limits)).values()) == {(0, 90)}
    await ledger.end(opened, Ended("m", "p", "standard", 200, cost_nano=70), key.budget_id, held=True)
    assert set((await spent(ledger, key, *limits)).values()) == {(70, 0)}
    adds_up(ledger)


@pytest.mark.parametrize(
    ("node", "budget", "period"),
    [
        ("org", "org", "total"),
        ("team", "team:core", "daily"),
        ("owner", "owner:ann", "weekly"),
        ("task", "task:t1", "total"),
    ],
)
async def test_the_node_without_room_refuses_and_nothing_is_held(
    ledger: Ledger, node: str, budget: str, period: str
) -> None:
    await in_core(ledger)
    key = await a_key(ledger)
    limits = tree(key, **{node: 100})
    await run(ledger, key, 40, *limits)
    with pytest.raises(Shortfall) as refused:
        await ledger.reserve(asks(ledger, key), wanting(61, *limits))
    lack = refused.value
    assert (lack.budget, lack.period, lack.limit, lack.spent, lack.left) == (budget, period, 100, 40, 60)
    opened = asks(ledger, key)
    await ledger.reserve(opened, wanting(60, *limits))
    with pytest.raises(Shortfall) as refused:
        await ledger.extend(opened, wanting(61, *limits), Charge())
    assert (refused.value.budget, refused.value.estimate) == (budget, 1)
    assert {held for _, held in (await spent(ledger, key, *limits)).values()} == {60}, "all or nothing"


async def test_keys_of_one_owner_share_the_owners_room(ledger: Ledger) -> None:
    one, other, stranger = await a_key(ledger), await a_key(ledger), await a_key(ledger, "bea")
    ann, bea = Limit("owner:ann", "total", 100), Limit("owner:bea", "total", 100)
    asked = [ledger.reserve(asks(ledger, key), wanting(30, ORG, ann)) for key in (one, other) * 32]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(each, Candidate) for each in found) == 3
    await ledger.reserve(asks(ledger, stranger), wanting(100, ORG, bea))
    assert await spent(ledger, one, ORG, ann, bea) == {
        "org total": (0, 190), "owner:ann total": (0, 90), "owner:bea total": (0, 100),
    }  # fmt: skip


@pytest.mark.parametrize("late", [False, True], ids=["before it began", "while it ran"])
async def test_a_node_begins_with_what_its_leaves_spent_in_the_window(ledger: Ledger, late: bool) -> None:
    """Nothing was limited; then everything is. A request that was running then counts when it ends."""
    await in_core(ledger)
    key, other = await a_key(ledger), await a_key(ledger, None)
    for at, cost in ((START - DAY, 1), (START, 10), (START + DAY, 100)):
        await run(ledger, key, cost, at=at)
    await run(ledger, other, 1000, task="t2")
    running = asks(ledger, key)
    await ledger.open(running, CHOSEN)
    ended = Ended("m", "p", "standard", 200, cost_nano=5)
    if not late:
        await ledger.end(running, ended, key.budget_id, held=False)
    await run(ledger, other, 2, *tree(key, org=10_000), at=START, task=None)
    if late:
        await ledger.end(running, ended, key.budget_id, held=False)
    assert await spent(ledger, key, *tree(key)) == {
        "org total": (1118, 0), "team:core daily": (15, 0), "owner:ann weekly": (115, 0), f"{key.budget_id} daily": (15, 0),
        f"{key.budget_id} total": (116, 0), "task:t1 total": (116, 0),
    }  # fmt: skip
    adds_up(ledger)


async def test_what_a_key_spent_goes_with_it(ledger: Ledger) -> None:
    """To another owner, and with the owner into a team and out of it. What runs is held where it was, and charged where it is."""
    await ledger.create_team("core")
    key = await a_key(ledger)
    nodes = [Limit(name, "total", 1000) for name in ("org", "team:core", "owner:ann", "owner:bea")]
    await run(ledger, key, 40, *nodes)
    running = asks(ledger, key)
    await ledger.reserve(running, wanting(7, *nodes[:3]))

    async def totals() -> list[tuple[int, int]]:
        adds_up(ledger)
        return list((await spent(ledger, key, *nodes)).values())

    assert await totals() == [(40, 7), (0, 7), (40, 7), (0, 0)]
    await ledger.add_owner("core", "ann")
    assert await totals() == [(40, 7), (40, 7), (40, 7), (0, 0)]
    await ledger.edit_key(key.id, {"owner": "bea"})
    assert await totals() == [(40, 7), (0, 7), (0, 7), (40, 0)]
    await ledger.add_owner("core", "bea")
    await ledger.end(running, Ended("m", "p", "standard", 200, cost_nano=3), key.budget_id, held=True)
    assert await totals() == [(43, 0), (43, 0), (0, 0), (43, 0)]
    await ledger.remove_owner("core", "bea")
    assert await totals() == [(43, 0), (0, 0), (0, 0), (43, 0)]


async def test_a_lease_that_runs_out_gives_back_what_all_nodes_hold(ledger: Ledger, clock: Clock) -> None:
    await in_core(ledger)
    key = await a_key(ledger)
    at = now_ms()
    limits = tree(key)
    for lease in (-1, 60_000):
        await ledger.reserve(asks(ledger, key, at=at), wanting(30, *limits, lease_ms=lease))
    assert await ledger.renew_leases([], 60_000) == 1
    assert set((await spent(ledger, key, *limits, at=at)).values()) == {(0, 30)}
    adds_up(ledger)


# --- limits -----------------------------------------------------------------------------------------------------------


async def test_limits_are_part_of_what_requests_are_judged_by(ledger: Ledger) -> None:
    versions = [(await ledger.access_version())]
    await ledger.set_limits("team:core", {"daily": 5, "total": 50})
    await ledger.raise_limits("team:core", 3, START + DAY)
    access = ledger.access()
    assert [tuple(one) for one in access.limits] == [("team:core", "daily", 5), ("team:core", "total", 50)]
    assert [tuple(one) for one in access.raises] == [("team:core", 3, START + DAY)]
    assert (access.raises[0].at(START), access.raises[0].at(START + DAY)) == (3, 0)
    versions.append(access.version)
    await ledger.set_limits("team:core", {"daily": None})
    versions.append(await ledger.access_version())
    await ledger.raise_limits("team:core", 0, 0)
    versions.append(await ledger.access_version())
    assert ([one.period for one in ledger.access().limits], ledger.access().raises) == (["total"], [])
    assert versions == sorted(set(versions)), "each change is another version"


async def test_a_task_is_raised_from_its_own_limit_or_from_its_keys(ledger: Ledger) -> None:
    assert await ledger.raise_task("task:t1", 5, None) is None
    assert await ledger.raise_task("task:t1", 5, 20) == 25
    assert await ledger.raise_task("task:t1", 5, 20) == 30
    assert [tuple(one) for one in ledger.access().limits] == [("task:t1", "total", 30)]


async def test_who_changed_a_limit_is_in_the_audit_log(ledger: Ledger) -> None:
    acting = ACTING.set(Actor("token_1", "bea"))
    await ledger.set_limits("org", {"daily": 5 * 10**9})
    await ledger.raise_limits("org", 2 * 10**9, START)
    await ledger.raise_task("task:t1", 10**9, 3 * 10**9)
    ACTING.reset(acting)
    rows = [(row.actor, row.what, row.subject, row.before, row.after) for row in await ledger.audit(0, 10)]
    raised = {"raised_by": "2", "raised_until": "2026-11-23T00:00:00.000Z"}
    assert rows[::-1] == [
        ("bea", "budget set", "org", {}, {"daily_limit": "5"}),
        ("bea", "budget raised", "org", {}, raised),
        ("bea", "budget raised", "task:t1", {}, {"total_limit": "4"}),
    ]


async def test_all_limits_with_what_is_gone_in_one_read(ledger: Ledger) -> None:
    await in_core(ledger)
    key = await a_key(ledger, daily_limit="0.000001", per_task_limit="0.0000005")
    ended = await a_key(ledger, total_limit="1")
    await ledger.edit_key(ended.id, {"state": "revoked"})
    await ledger.set_limits("org", {"weekly": 5000})
    await ledger.set_limits("team:core", {"total": 700})
    await ledger.set_limits("task:t2", {"total": 90})
    await ledger.set_limits("task:long ago", {"total": 90})
    await ledger.raise_limits("team:core", 50, START + 1)
    await ledger.raise_limits(f"key:{key.budget_id}", 100, START + DAY)
    own = limits_of(key.budget_id, [("daily", 1000)])
    await run(ledger, key, 40, *own, Limit("task:t1", "total", 500))
    await run(ledger, key, 5, *own, task="t2")
    await ledger.reserve(asks(ledger, key, "t3"), wanting(30, *own, Limit("task:t3", "total", 500)))
    found = [tuple(row) for row in await ledger.budgets(START)]
    nobody, asked = frozenset[str](), frozenset({key.id})
    expected = [
        ("org", "weekly", START, 5000, 5000, None, 45, 0, None, nobody),
        ("team:core", "total", 0, 750, 700, START + 1, 45, 0, None, nobody),
        (f"key:{key.id}", "daily", START, 1100, 1000, START + DAY, 45, 30, None, nobody),
        ("task:t1", "total", 0, 500, 500, None, 40, 0, key.id, asked),
        ("task:t2", "total", 0, 90, 90, None, 5, 0, key.id, asked),
        ("task:t3", "total", 0, 500, 500, None, 0, 30, key.id, asked),
    ]
    assert sorted(found) == sorted(expected)
    later = [(row.node, row.limit) for row in await ledger.budgets(START + DAY)]
    assert ("team:core", 700) in later, "the raise is over"


async def test_a_tasks_total_goes_a_while_after_it_asked_last_and_comes_back_from_the_days(ledger: Ledger) -> None:
    key = await a_key(ledger)
    task = Limit("task:t1", "total", 1000)
    await run(ledger, key, 40, task)
    await ledger.tidy(START + 35 * DAY, Keeping(0, 60))
    assert rows(ledger) == 1
    await ledger.tidy(START + 36 * DAY, Keeping(0, 60))
    assert rows(ledger) == 0
    await run(ledger, key, 2, task, at=START + 36 * DAY)
    assert await spent(ledger, key, task) == {"task:t1 total": (42, 0)}


def rows(ledger: Any) -> int:
    count: int = ledger.read_now(lambda connection: connection.execute("SELECT count(*) FROM budget").fetchone()[0])
    return count
