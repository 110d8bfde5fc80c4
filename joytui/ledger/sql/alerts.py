"""Alerts: raised once, claimed by one gateway, sent, and kept with what became of them.

A claim is a lease: a gateway that dies while it sends leaves what it had claimed to whoever looks next. Every change of the store
is made in turn, so that no two gateways claim the same.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from joytui.core.clock import now_ms
from joytui.core.redaction import Clean
from joytui.ledger.alerts import FRESH_MS, AlertRow, NewAlert
from joytui.ledger.sql.connection import Connection, Rows

_COLUMNS = "id, at, kind, subject, team, facts, state, tries, sent_at, error"


def raise_alerts(batch: Connection, alerts: Sequence[NewAlert]) -> int:
    """Keeps those that are not there yet; gives how many those were."""
    return sum(
        batch.execute(
            "INSERT INTO alert (id, at, kind, subject, team, facts) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (one.id, now_ms(), one.kind, one.subject, one.team, json.dumps(one.facts)),
        ).rowcount
        for one in alerts
    )


def alerts(connection: Connection, since: int, limit: int, teams: Sequence[str] | None = None) -> list[AlertRow]:
    """The newest first, of those raised from then on (ms); `teams`: of these alone."""
    within = "" if teams is None else f"AND team IN ({', '.join('?' * len(teams)) or 'NULL'})"
    return _rows(
        connection.execute(
            f"SELECT {_COLUMNS} FROM alert WHERE at >= ? {within} ORDER BY at DESC, id DESC LIMIT ?",  # noqa: S608 (own words)
            (since, *(teams or ()), limit),
        )
    )


def alert(connection: Connection, alert_id: str) -> AlertRow | None:
    found = _rows(connection.execute(f"SELECT {_COLUMNS} FROM alert WHERE id = ?", (alert_id,)))  # noqa: S608 (own words)
    return found[0] if found else None


def due_alerts(connection: Connection, at_ms: int) -> int:
    """How many wait to be sent, and nobody is sending."""
    found = connection.execute(
        "SELECT count(*) FROM alert WHERE state = 'waiting' AND next_at <= ? AND claimed_until <= ?", (at_ms, at_ms)
    )
    return int(found.fetchone()[0])


def claim_alerts(batch: Connection, at_ms: int, lease_ms: int, limit: int) -> list[AlertRow]:
    """The oldest that wait: whoever asked has them until its lease ends. Those that are too old to be news are given up."""
    batch.execute(
        "UPDATE alert SET state = CASE WHEN tries = 0 THEN 'unsent' ELSE 'failed' END"
        " WHERE state = 'waiting' AND at < ? AND claimed_until <= ?",
        (at_ms - FRESH_MS, at_ms),
    )
    waiting = "state = 'waiting' AND next_at <= ? AND claimed_until <= ?"
    found = batch.execute(
        "UPDATE alert SET claimed_until = ?, tries = tries + 1"  # noqa: S608 (own words)
        f" WHERE id IN (SELECT id FROM alert WHERE {waiting} ORDER BY at, id LIMIT ?) RETURNING {_COLUMNS}",
        (at_ms + lease_ms, at_ms, at_ms, limit),
    )
    return sorted(_rows(found), key=lambda row: (row.at, row.id))


def alert_sent(batch: Connection, alert_id: str, at_ms: int) -> None:
    batch.execute(
        "UPDATE alert SET state = 'sent', sent_at = ?, error = NULL, claimed_until = 0 WHERE id = ?", (at_ms, alert_id)
    )


def alert_failed(batch: Connection, alert_id: str, error: Clean | None, again_at: int | None) -> None:
    """It is tried again at that time (ms); None: no more."""
    batch.execute(
        "UPDATE alert SET state = ?, next_at = ?, error = ?, claimed_until = 0 WHERE id = ? AND state = 'waiting'",
        ("failed" if again_at is None else "waiting", again_at or 0, error, alert_id),
    )


def take_watch(batch: Connection, holder: str, at_ms: int, lease_ms: int) -> bool:
    """Whether this gateway is the one that looks for what is to be told: it stays so while it asks again within its lease."""
    return bool(
        batch.execute(
            "INSERT INTO alert_watch VALUES ('look', ?, ?) ON CONFLICT (what) DO UPDATE"
            " SET holder = excluded.holder, until = excluded.until WHERE alert_watch.holder = ? OR alert_watch.until <= ?",
            (holder, at_ms + lease_ms, holder, at_ms),
        ).rowcount
    )


def _rows(found: Rows) -> list[AlertRow]:
    return [AlertRow(*row) for row in ((*one[:5], json.loads(one[5]), *one[6:]) for one in found.fetchall())]
