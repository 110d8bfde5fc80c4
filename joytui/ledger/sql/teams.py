"""Teams and the owners in them. An owner is in one team at most, so that whatever is spent is spent in one."""

from __future__ import annotations

from joytui.core.clock import now_ms
from joytui.core.redaction import Clean
from joytui.ledger.records import TeamRow
from joytui.ledger.sql import nodes
from joytui.ledger.sql.connection import Connection

HOLDERS = """(
    SELECT k.id, k.name, k.owner, k.labels, o.team FROM api_key k LEFT JOIN team_owner o ON o.owner = k.owner
    UNION ALL SELECT s.id, NULL, s.owner, '[]', coalesce(o.team, s.team) FROM sender s LEFT JOIN team_owner o ON o.owner = s.owner
) AS holder"""
"""Whom requests come from: keys, and telemetry tokens, which may name a team themselves for an owner who is in none."""


def teams(connection: Connection) -> list[TeamRow]:
    """All of them, by name, each with its owners by name."""
    owners: dict[str, list[Clean]] = {}
    for owner, team in connection.execute("SELECT owner, team FROM team_owner ORDER BY owner").fetchall():
        owners.setdefault(team, []).append(owner)
    rows = connection.execute("SELECT name, created_at FROM team ORDER BY name")
    return [TeamRow(name, at, tuple(owners.get(name, ()))) for name, at in rows.fetchall()]


def create_team(batch: Connection, name: Clean) -> TeamRow | None:
    """None, and nothing is stored, where there is one of that name."""
    if _is_there(batch, name):
        return None
    row = TeamRow(name, now_ms())
    batch.execute("INSERT INTO team VALUES (?, ?)", (name, row.created_at))
    return row


def add_owner(batch: nodes.Batch, team: str, owner: Clean) -> str | None:
    """The team that the owner is in now: this one, or another that it was in before; None: there is no such team."""
    if not _is_there(batch, team):
        return None
    found = batch.execute("SELECT team FROM team_owner WHERE owner = ?", (owner,)).fetchone()
    if found is not None:
        return str(found[0])
    batch.execute("INSERT INTO team_owner VALUES (?, ?)", (owner, team))
    nodes.moved(batch, teams=[team])
    return team


def remove_owner(batch: nodes.Batch, team: str, owner: str) -> bool:
    """Whether the owner was in that team."""
    gone = batch.execute("DELETE FROM team_owner WHERE owner = ? AND team = ?", (owner, team)).rowcount > 0
    if gone:
        nodes.moved(batch, teams=[team])
    return gone


def _is_there(batch: Connection, team: str) -> bool:
    return batch.execute("SELECT 1 FROM team WHERE name = ?", (team,)).fetchone() is not None
