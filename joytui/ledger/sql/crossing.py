"""Which thresholds of a limit a request's cost has crossed: an alert in the transaction of its end.

PostgreSQL does the same inside the database (`postgres.functions`: `tell_crossed`). What changes without a request's end, and limits
of other nodes than keys, are for whoever looks from time to time (`gateway.alerts.look`): an alert has the same id there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

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
        threshold = threshold_of(spent, limit)
        if threshold > threshold_of(spent - cost, limit):
            _tell(batch, key, budget_id, (period, window, limit, threshold), spent)


def _tell(batch: Connection, key: list[Any], budget_id: str, about: tuple[str, int, int, int], spent: int) -> None:
    key_id, name, owner = key
    period, window, limit, threshold = about
    team = batch.execute("SELECT team FROM team_owner WHERE owner = ?", (owner,)).fetchone()
    facts = {
        "name": name, "owner": owner, "period": period, "window": window, "limit": limit, "spent": spent,
        "threshold": threshold,
    }  # fmt: skip
    raised = budget_alert_id(budget_id, *about)
    raise_alerts(batch, [NewAlert(raised, "budget", f"key:{key_id}", team[0] if team else None, facts)])
