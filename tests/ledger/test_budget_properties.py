"""Whatever is reserved, extended, ended, left behind and moved in whatever order: a node has spent what its leaves have, holds what
running requests hold on it, and lets nobody in above its limit."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joytui.core.clock import now_ms
from joytui.core.request import Ended, Opened
from joytui.ledger.api import Ledger, Shortfall
from joytui.ledger.records import Candidate, Charge, KeyRow, Limit, NewKey, Reservation
from joytui.ledger.sql.checks import check
from joytui.ledger.sqlite.engine import SqliteLedger
from tests.support.examples import examples
from tests.support.needs import needs
from tests.support.stores import new_store

OWNERS = ("ann", "bea", None)
TASKS = ("t1", "t2", None)
STEP = st.one_of(
    st.tuples(st.just("reserve"), st.integers(0, 20), st.integers(0, 300)),
    st.tuples(st.just("end"), st.integers(0, 20), st.integers(0, 100)),
    st.tuples(st.just("extend"), st.integers(0, 20), st.integers(0, 300)),
    st.tuples(st.just("killed"), st.integers(0, 20), st.just(0)),
    st.tuples(st.just("owner"), st.integers(0, 20), st.integers(0, 2)),
    st.tuples(st.just("team"), st.integers(0, 1), st.integers(0, 1)),
)
Step = tuple[str, int, int]


@dataclass
class Running:
    opened: Opened
    key: int
    held: int
    on: Counter[str] = field(default_factory=Counter)


class Tree:
    """A store, and what it should have. Limits are the same amount for every node that has one."""

    def __init__(self, ledger: Any, keys: list[KeyRow], limits: dict[str, int]) -> None:
        self.ledger = ledger
        self.keys = keys
        self.limits = limits
        self.owners: list[str | None] = ["ann", "bea", None]
        self.team_of: dict[str, str] = {}
        self.running: list[Running] = []
        self.costs: list[tuple[int, str | None, int]] = []

    def nodes(self, key: int, task: str | None) -> list[str]:
        owner = self.owners[key]
        team = self.team_of.get(owner) if owner else None
        named = [
            "org",
            team and f"team:{team}",
            owner and f"owner:{owner}",
            self.keys[key].budget_id,
            task and f"task:{task}",
        ]
        return [name for name in named if name]

    def wanted(self, key: int, task: str | None, estimate: int) -> Reservation:
        limits = [
            Limit(node, "total", self.limits[self.kind(node)])
            for node in self.nodes(key, task)
            if self.kind(node) in self.limits
        ]
        return Reservation(limits, [Candidate("m", "p", "standard", estimate)], -1)

    @staticmethod
    def kind(node: str) -> str:
        return node.partition(":")[0] if ":" in node or node == "org" else "key"

    async def do(self, step: Step) -> None:
        what, which, amount = step
        if what == "reserve":
            await self.reserve(which % 3, TASKS[which % 7 % 3], amount)
        elif what == "owner":
            self.owners[which % 3] = OWNERS[amount]
            await self.ledger.edit_key(self.keys[which % 3].id, {"owner": OWNERS[amount]})
        elif what == "team":
            owner = ("ann", "bea")[which]
            if amount:
                self.team_of.setdefault(owner, "core")
                await self.ledger.add_owner("core", owner)
            else:
                self.team_of.pop(owner, None)
                await self.ledger.remove_owner("core", owner)
        elif what == "killed":
            await self.kill(which)
        elif self.running and what == "extend":
            await self.extend(self.running[which % len(self.running)], amount)
        elif self.running:
            await self.end(self.running.pop(which % len(self.running)), amount)

    async def reserve(self, key: int, task: str | None, estimate: int) -> None:
        plain = Opened(
            self.ledger.next_number(), now_ms(), self.keys[key].id, "auto", "e", False, None, task, None, None, None
        )
        opened, wanted = plain._replace(root_thread=task), self.wanted(key, task, estimate)
        try:
            await self.ledger.reserve(opened, wanted)
        except Shortfall as lack:
            assert lack.left < estimate or lack.left == 0
            return
        self.running.append(
            Running(opened, key, estimate, Counter({limit.budget: estimate for limit in wanted.limits}))
        )
        await self.within(wanted)

    async def extend(self, one: Running, more: int) -> None:
        wanted = self.wanted(one.key, one.opened.root_thread, one.held + more)
        try:
            await self.ledger.extend(one.opened, wanted, Charge())
        except Shortfall as lack:
            assert lack.left < lack.estimate
            return
        one.held += more
        for limit in wanted.limits:
            one.on[limit.budget] = max(one.on[limit.budget], one.held)
        if more:
            await self.within(wanted)

    async def end(self, one: Running, percent: int) -> None:
        cost = one.held * percent // 100
        self.costs.append((one.key, one.opened.root_thread, cost))
        ended = Ended("m", "p", "standard", 200, cost_nano=cost)
        await self.ledger.end(one.opened, ended, self.keys[one.key].budget_id, held=True)

    async def kill(self, which: int) -> None:
        """Nobody renews what every third of them holds."""
        lost = [one for place, one in enumerate(self.running) if place % 3 == which % 3]
        await self.ledger.renew_leases([one.opened.n for one in self.running if one not in lost], 600_000)
        holding = {n for (n,) in self.ledger.read_now(lambda c: c.execute("SELECT DISTINCT n FROM hold").fetchall())}
        for one in self.running:
            if one.opened.n not in holding:  # it had not been renewed before
                one.on.clear()

    async def within(self, wanted: Reservation) -> None:
        for node, _, most in wanted.limits:
            spent, held = await self.ledger.window(node, "total", now_ms())
            # what somebody spent who came in since, or whose hold was lost, lets nobody in: a hold of nothing alone
            assert spent + held <= most, node

    async def holds(self) -> None:
        spent: Counter[str] = Counter()
        for key, task, cost in self.costs:
            spent.update(dict.fromkeys(self.nodes(key, task), cost))
        held: Counter[str] = sum((one.on for one in self.running), Counter())
        for node in (
            "org",
            "team:core",
            "owner:ann",
            "owner:bea",
            "task:t1",
            "task:t2",
            *(key.budget_id for key in self.keys),
        ):
            assert await self.ledger.window(node, "total", now_ms()) == (spent[node], held[node]), node
        assert [wrong for one in self.ledger.read_now(lambda c: list(check(c))) for wrong in one.wrong] == []


async def walk(ledger: Ledger, steps: Sequence[Step], limits: dict[str, int]) -> None:
    keys = []
    for place, owner in enumerate(OWNERS):
        row = await ledger.create_key(
            NewKey(f"d{place}".encode(), f"k{place}", "jt_…", owner, (), None, {}, None), alone=False
        )
        assert row is not None
        keys.append(row)
    await ledger.create_team("core")
    tree = Tree(ledger, keys, limits)
    for step in steps:
        await tree.do(step)
        await tree.holds()
    while tree.running:
        await tree.end(tree.running.pop(), 50)
    await tree.holds()


LIMITS = st.fixed_dictionaries({kind: st.integers(200, 2000) for kind in ("org", "team", "owner", "key", "task")})


@settings(max_examples=examples(15), deadline=None)
@given(st.lists(STEP, min_size=12, max_size=30), LIMITS)
def test_any_order_of_what_happens_in_a_tree(steps: list[Step], limits: dict[str, int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger = SqliteLedger.open_store(Path(folder) / "l.sqlite3")
        try:
            asyncio.run(walk(ledger, steps, limits))
        finally:
            ledger.close()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("store", [pytest.param("postgres", marks=needs("PostgreSQL"))], indirect=True)
async def test_the_same_on_postgresql(store: Ledger, seed: int) -> None:
    rng = random.Random(seed)
    most = {"reserve": 300, "end": 100, "extend": 300, "killed": 0, "owner": 2, "team": 1}
    kinds = rng.choices(list(most), weights=[4, 2, 2, 1, 1, 1], k=60)
    steps = [(what, rng.randint(0, 1 if what == "team" else 20), rng.randint(0, most[what])) for what in kinds]
    await walk(store, steps, {"org": 1500, "team": 900, "owner": 700, "task": 600})


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    ledger = new_store(request, tmp_path)()
    yield ledger
    ledger.close()
