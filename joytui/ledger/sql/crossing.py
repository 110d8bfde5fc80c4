"""Which thresholds of a limit a request's cost has crossed: an alert in the transaction of its end.

PostgreSQL does the same inside the database (`postgres.functions`: `tell_crossed`). What changes without a request's end is for whoever
looks from time to time (`gateway.alerts.look`): an alert has the same id there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from joytui.core.clock import now_ms
from joytui.core.money import parse_credits
from joytui.ledger.alerts import NewAlert, budget_alert_id, threshold_of
from joytui.ledger.sql.alerts import raise_alerts
from joytui.ledger.sql.connection import Connection

_KEY = """
    SELECT policy, (SELECT amount FROM node_raise WHERE node = 'key:' || budget_id AND until > ?), id, name, owner
    FROM api_key WHERE budget_id = ? ORDER BY created_at DESC, id DESC LIMIT 1
"""
"""Of those that were rotated, the newest has the limits; and what raises them now."""


def tell_crossed(batch: Connection, budget_id: str, cost: int, windows: Iterable[tuple[str, int, int]]) -> None:
    """`windows`: period, start and what is spent with this cost of each window that somebody limits."""
    row = batch.execute(_KEY, (now_ms(), budget_id)).fetchone()
    if row is None:
        return
    policy, raised, *key = row
    policy = json.loads(policy)
    for period, window, spent in windows:
        named = policy.get(f"{period}_limit")
        if named is None:
            continue
        limit = parse_credits(named) + (raised or 0)
        if threshold := _crossed(spent, cost, limit):
            key_id, name, owner = key
            about = (period, window, limit, threshold)
            _tell(batch, f"key:{key_id}", (name, owner, _team_of(batch, owner)), budget_id, about, spent)


_NODES = """
    SELECT node, period, amount, (SELECT amount FROM node_raise r WHERE r.node = l.node AND until > ?) FROM node_limit l
    WHERE node IN ({})
"""


def tell_nodes_crossed(
    batch: Connection, key_id: str | None, cost: int, windows: Sequence[tuple[str, str, int, int]]
) -> None:
    """The same for nodes that are no keys: each window with its node before it. `key_id`: the key that asked."""
    named = [node for node, *_ in windows]
    rows = batch.execute(_NODES.format(", ".join("?" * len(named))), (now_ms(), *named)).fetchall()
    limits = {(node, period): amount + (more or 0) for node, period, amount, more in rows}
    for node, period, window, spent in windows:
        limit = limits.get((node, period))
        if limit is None and node.startswith("task:") and period == "total":
            limit = _limit_of_tasks(batch, node, key_id)
        if limit is not None and (threshold := _crossed(spent, cost, limit)):
            _tell(batch, node, _whose(batch, node, key_id), node, (period, window, limit, threshold), spent)


def _limit_of_tasks(batch: Connection, task: str, key_id: str | None) -> int | None:
    """What the key has for each of its tasks, and what raises this one."""
    row = batch.execute(
        "SELECT policy, (SELECT amount FROM node_raise WHERE node = ? AND until > ?) FROM api_key WHERE id = ?",
        (task, now_ms(), key_id),
    ).fetchone()
    named = json.loads(row[0]).get("per_task_limit") if row else None
    return None if named is None else parse_credits(str(named)) + (row[1] or 0)


def _crossed(spent: int, cost: int, limit: int) -> int:
    """The threshold that this cost has crossed; 0: none."""
    threshold = threshold_of(spent, limit)
    return threshold if threshold > threshold_of(spent - cost, limit) else 0


def _whose(batch: Connection, node: str, key_id: str | None) -> tuple[str, str | None, str | None]:
    """The name of a node, its owner, and its team: of a task those of the key that asked."""
    kind, _, name = node.partition(":")
    owner = name if kind == "owner" else None
    if kind == "task":
        row = batch.execute("SELECT owner FROM api_key WHERE id = ?", (key_id,)).fetchone()
        owner = row[0] if row else None
    return name or node, owner, name if kind == "team" else _team_of(batch, owner)


def _team_of(batch: Connection, owner: str | None) -> str | None:
    row = batch.execute("SELECT team FROM team_owner WHERE owner = ?", (owner,)).fetchone()
    return row[0] if row else None


def _tell(
    batch: Connection,
    subject: str,
    whose: tuple[str, str | None, str | None],
    counted: str,
    about: tuple[str, int, int, int],
    spent: int,
) -> None:
    name, owner, team = whose
    period, window, limit, threshold = about
    facts = {
        "name": name, "owner": owner, "period": period, "window": window, "limit": limit, "spent": spent,
        "threshold": threshold,
    }  # fmt: skip
    raise_alerts(batch, [NewAlert(budget_alert_id(counted, *about), "budget", subject, team, facts)])
