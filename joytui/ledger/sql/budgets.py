"""The tree of budgets as it stands: every limit of every node, with what is spent and held in the window of a moment."""
# ruff: noqa: S608 - the SQL is put together from this module's own words; values are always parameters

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from joytui.core.money import parse_credits
from joytui.ledger.records import (
    DAY_MS,
    HOUR_MS,
    PERIODS,
    BudgetRow,
    KeyRow,
    NodeLimit,
    Period,
    window_end,
    window_start,
)
from joytui.ledger.sql import nodes
from joytui.ledger.sql.connection import Connection, one_state
from joytui.ledger.sql.keys import keys

AT_ONCE = 200
LATELY_MS = DAY_MS
"""Tasks that asked since then are among the nodes."""


class _Limited(NamedTuple):
    node: str
    budget: str
    period: Period
    base: int
    key_id: str | None = None
    key_ids: frozenset[str] = frozenset()


def budgets(connection: Connection, at_ms: int) -> list[BudgetRow]:
    """`joytui.ledger.api.Ledger.budgets`, in one state of the store."""
    with one_state(connection):
        raised = {one.node: one for one in nodes.raises(connection) if one.at(at_ms)}
        limited = list(_limited(connection, at_ms))
        gone = _gone(connection, {one.budget for one in limited}, at_ms)
        found = []
        for one in limited:
            window = window_start(one.period, at_ms)
            kept = gone.get((one.budget, one.period, window))
            if kept is None:
                days = window // DAY_MS, window_end(one.period, at_ms) // DAY_MS
                kept = nodes.spent_within(connection, one.budget, *days), 0
            more = raised.get(f"key:{one.budget}" if one.node.startswith("key:") else one.node)
            limit, until = (more.on(one.base), more.until) if more else (one.base, None)
            found.append(
                BudgetRow(one.node, one.period, window, limit, one.base, until, *kept, one.key_id, one.key_ids)
            )
        return found


def _limited(connection: Connection, at_ms: int) -> Iterator[_Limited]:
    set_ = nodes.limits(connection)
    all_keys = {row.id: row for row in keys(connection)}
    for limit in set_:
        if not limit.node.startswith("task:"):
            yield _Limited(limit.node, limit.node, limit.period, limit.amount)
    newest = {row.budget_id: row for row in all_keys.values() if _lives(row, at_ms)}
    for row in newest.values():
        for period in PERIODS:
            if (most := row.policy.get(f"{period}_limit")) is not None:
                yield _Limited(f"key:{row.id}", row.budget_id, period, parse_credits(str(most)))
    of_tasks = {limit.node: limit for limit in set_ if limit.node.startswith("task:")}
    if of_tasks or any(row.policy.get("per_task_limit") is not None for row in all_keys.values()):
        yield from _tasks(connection, of_tasks, all_keys, at_ms)


def _lives(row: KeyRow, at_ms: int) -> bool:
    return row.state != "revoked" and (row.expires_at is None or row.expires_at > at_ms)


def _tasks(
    connection: Connection, of_tasks: dict[str, NodeLimit], all_keys: dict[str, KeyRow], at_ms: int
) -> Iterator[_Limited]:
    """Those that run or asked lately, whose limit is their own, or else their key's for each of its tasks."""
    rows = connection.execute(
        "SELECT task, key_id FROM ("
        " SELECT task, key_id, hour FROM part_hour WHERE part = 'thread' AND hour >= ? AND task != ''"
        " UNION ALL SELECT r.root_thread, r.key_id, 9999999999 FROM hold h JOIN request r ON r.n = h.n"
        " WHERE h.kind = 'total' AND r.root_thread IS NOT NULL"
        ") AS asked ORDER BY hour",
        ((at_ms - LATELY_MS) // HOUR_MS,),
    )
    asked: dict[str, list[str]] = {}
    for task, key_id in rows.fetchall():
        asked.setdefault(task, []).append(key_id)
    for task, among in asked.items():
        key_id = among[-1]
        own, key = of_tasks.get(f"task:{task}"), all_keys.get(key_id)
        most = None if key is None else key.policy.get("per_task_limit")
        if own is not None or most is not None:
            base = own.amount if own is not None else parse_credits(str(most))
            yield _Limited(f"task:{task}", f"task:{task}", "total", base, key_id, frozenset(among))


def _gone(connection: Connection, names: Collection[str], at_ms: int) -> dict[tuple[str, str, int], tuple[int, int]]:
    """Spent and held of these budgets by budget, period and window, as far as they have rows."""
    windows = [window_start(period, at_ms) for period in PERIODS]
    ordered, found = sorted(names), {}
    for first in range(0, len(ordered), AT_ONCE):
        some = ordered[first : first + AT_ONCE]
        rows = connection.execute(
            'SELECT budget_id, period, "window", spent, held FROM budget'
            f' WHERE budget_id IN ({", ".join("?" * len(some))}) AND "window" IN (?, ?, ?)',
            (*some, *windows),
        )
        found.update({(name, period, window): (spent, held) for name, period, window, spent, held in rows.fetchall()})
    return found
