"""The nodes of the tree of budgets (`core.nodes`): what they spent, and which limits somebody set on them.

A node's spending is that of its leaves, the keys below it, as the tree is now; a task's is that of its requests. So what a key spent
goes with it when its owner changes, or its owner's team, and a row of `budget` can be made anew from the sums at any time. In
`budget` a key is named by its budget id, every other node by its name: these names come after all budget ids (FIRST_NODE).
"""
# ruff: noqa: S608 - the SQL is put together from this module's own words; values are always parameters

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from joytui.core.clock import now_ms, rfc3339
from joytui.core.money import MAX_NANO, MoneyError, format_credits
from joytui.core.nodes import ORG
from joytui.ledger.records import DAY_MS, PERIODS, NodeLimit, NodeRaise, Period, window_end, window_start
from joytui.ledger.sql.connection import Connection, Execute
from joytui.ledger.sql.parts import DOCTOR, Place

FIRST_NODE = ORG
"""No budget id of a key is as large, and no other node's name is smaller."""
_KEYS = {
    "org": "SELECT id FROM api_key",
    "team": "SELECT k.id FROM api_key k JOIN team_owner o ON o.owner = k.owner WHERE o.team = {name}",
    "owner": "SELECT id FROM api_key WHERE owner = {name}",
    "key": "SELECT id FROM api_key WHERE budget_id = {name}",
}
"""The keys below each kind of node."""
_OF_KEYS = f"""
    SELECT coalesce(sum(cost_nano), 0) FROM (
        SELECT key_id, day, cost_nano FROM rollup_day
        UNION ALL SELECT key_id, day, cost_nano FROM part_day WHERE part = '{DOCTOR}'
    ) AS spent WHERE key_id IN ({{keys}}) AND day >= {{low}} AND day < {{high}}
"""
_OF_TASK = f"""
    SELECT coalesce(sum(cost_nano), 0) FROM part_day
    WHERE part IN ('thread', '{DOCTOR}') AND task = {{name}} AND task != '' AND day >= {{low}} AND day < {{high}}
"""


def spent_query(kind: str, name: str = "?", low: str = "?", high: str = "?") -> str:
    """What a node of that kind spent from one day on and before another: every window is made of whole days. Later days are no part of
    it: where the clock was ahead, something was spent in them already. Its parameters are the name, but for the organisation's,
    and the two days."""
    if kind == "task":
        return _OF_TASK.format(name=name, low=low, high=high)
    return _OF_KEYS.format(keys=_KEYS[kind].format(name=name), low=low, high=high)


def kind_of(budget: str) -> tuple[str, tuple[str, ...]]:
    """The kind of a node by its name in `budget`, and the parameters that name it."""
    kind, colon, name = budget.partition(":")
    return (kind, (name,)) if colon else (ORG, ()) if budget == ORG else ("key", (budget,))


def spent_within(connection: Connection, budget: str, low: int, high: int) -> int:
    """What the sums have of it, from one day on and before another."""
    kind, named = kind_of(budget)
    return int(connection.execute(spent_query(kind), (*named, low, high)).fetchone()[0])


class Batch(Protocol):
    """A transaction that writes: what both engines' writers have."""

    @property
    def execute(self) -> Execute: ...

    def pending_cost(self, counts: Callable[[Place], bool], since: int, until: int) -> int:
        """What requests cost that began within that time (ms) and stand in such a place, as far as this transaction has not added it
        to the sums yet."""
        ...


def spent_so_far(batch: Batch, budget: str, period: Period, at_ms: int) -> int:
    """What was spent of it in the window of that moment, what the transaction itself ended included."""
    low, high = window_start(period, at_ms), window_end(period, at_ms)
    kind, named = kind_of(budget)

    def counts(place: Place) -> bool:
        return place.task == named[0] if kind == "task" else place.key_id in keys

    keys: set[str] = set()
    if kind != "task":
        keys = {key_id for (key_id,) in batch.execute(_KEYS[kind].format(name="?"), named).fetchall()}
    return spent_within(batch, budget, low // DAY_MS, high // DAY_MS) + batch.pending_cost(counts, low, high)


def moved(batch: Batch, *owners: str | None, teams: Iterable[str] = ()) -> None:
    """After keys changed their owner, or owners their team: counts anew what these owners, these teams, and the teams that the
    owners are in have spent. What running requests hold stays where it is held until they end."""
    nodes = [f"team:{team}" for team in teams]
    for owner in owners:
        if owner is not None:
            found = batch.execute("SELECT team FROM team_owner WHERE owner = ?", (owner,)).fetchall()
            nodes += [f"owner:{owner}", *(f"team:{team}" for (team,) in found)]
    for node in dict.fromkeys(nodes):
        for period, window in batch.execute(
            'SELECT period, "window" FROM budget WHERE budget_id = ?', (node,)
        ).fetchall():
            spent = spent_so_far(batch, node, period, window)
            batch.execute(
                'UPDATE budget SET spent = ? WHERE budget_id = ? AND period = ? AND "window" = ?',
                (spent, node, period, window),
            )


# --- limits -----------------------------------------------------------------------------------------------------------


def limits(connection: Connection) -> list[NodeLimit]:
    """Those of nodes that are no keys, by node, the shortest window first."""
    rows = connection.execute("SELECT node, period, amount FROM node_limit")
    return sorted((NodeLimit(*row) for row in rows), key=lambda one: (one.node, PERIODS.index(one.period)))


def raises(connection: Connection) -> list[NodeRaise]:
    """All of them, those included that are over."""
    return [NodeRaise(*row) for row in connection.execute("SELECT node, amount, until FROM node_raise ORDER BY node")]


def set_limits(batch: Connection, node: str, wanted: Mapping[Period, int | None]) -> None:
    """Sets these limits; None takes one away."""
    for period, amount in wanted.items():
        if amount is None:
            batch.execute("DELETE FROM node_limit WHERE node = ? AND period = ?", (node, period))
        else:
            batch.execute(
                "INSERT INTO node_limit (node, period, amount, set_at) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (node, period) DO UPDATE SET amount = excluded.amount, set_at = excluded.set_at",
                (node, period, amount, now_ms()),
            )


def raise_limits(batch: Connection, node: str, amount: int, until: int) -> None:
    """Raises all limits of a node until then (ms), instead of what raised them before; 0 ends that."""
    batch.execute("DELETE FROM node_raise WHERE node = ?", (node,))
    if amount:
        batch.execute("INSERT INTO node_raise (node, amount, until) VALUES (?, ?, ?)", (node, amount, until))


def raise_task(batch: Connection, node: str, amount: int, otherwise: int | None) -> int | None:
    """Raises a task's total for good; `otherwise`: what it is where none was set. Gives the new one; None: there is none to raise.
    Raises MoneyError."""
    row = batch.execute("SELECT amount FROM node_limit WHERE node = ? AND period = 'total'", (node,)).fetchone()
    before = otherwise if row is None else int(row[0])
    if before is None:
        return None
    if before + amount > MAX_NANO:
        raise MoneyError("more credits than the ledger can hold")
    set_limits(batch, node, {"total": before + amount})
    return before + amount


def facts(connection: Connection, node: str) -> dict[str, Any]:
    """The limits of a node as the audit log tells them, in credits."""
    found: dict[str, Any] = {
        f"{one.period}_limit": format_credits(one.amount) for one in limits(connection) if one.node == node
    }
    for one in raises(connection):
        if one.node == node:
            until = rfc3339(datetime.fromtimestamp(one.until / 1000, UTC))
            found |= {"raised_by": format_credits(one.amount), "raised_until": until}
    return found
