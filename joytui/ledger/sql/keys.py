"""Keys, named policies and console tokens. A plain key or token never comes here, only its SHA-256."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from joytui.core.clock import now_ms
from joytui.core.redaction import Clean
from joytui.core.roles import Role
from joytui.ledger.ids import row_id
from joytui.ledger.records import (
    DAY_MS,
    EDITABLE,
    PERIODS,
    Access,
    KeyActivity,
    KeyChanges,
    KeyRow,
    NewKey,
    Period,
    PolicyRow,
    TokenRow,
    window_end,
    window_start,
)  # fmt: skip
from joytui.ledger.sql import nodes
from joytui.ledger.sql.connection import Connection, one_state
from joytui.ledger.sql.parts import DOCTOR
from joytui.ledger.sql.stops import stops
from joytui.ledger.sql.teams import teams
from joytui.ledger.sql.telemetry import senders

_COLUMNS = (
    "id, digest, name, hint, owner, labels, state, created_at, expires_at, revoked_at, last_used_at, policy,"
    " policy_name, policy_version, budget_id, replaced_by"
)


def _key(row: tuple[Any, ...]) -> KeyRow:
    fields = (*row[:5], tuple(json.loads(row[5])), *row[6:11], json.loads(row[11]), *row[12:])
    return KeyRow(*fields)


def keys(connection: Connection) -> list[KeyRow]:
    """All keys, oldest first."""
    return [_key(row) for row in connection.execute(f"SELECT {_COLUMNS} FROM api_key ORDER BY id")]  # noqa: S608


def access(connection: Connection) -> Access:
    """What every request is judged by, as one state of the store."""
    with one_state(connection):
        on = connection.execute("SELECT 1 FROM wallet WHERE balance IS NOT NULL").fetchone() is not None
        version, all_keys, all_tokens = access_version(connection), keys(connection), tokens(connection)
        above = nodes.limits(connection), nodes.raises(connection)
        rest = senders(connection), teams(connection), stops(connection)
        return Access(version, all_keys, all_tokens, on, *rest, *above)


def access_version(connection: Connection) -> int:
    """Counted up by the triggers of every engine's schema."""
    return int(connection.execute("SELECT version FROM access").fetchone()[0])


def key(connection: Connection, key_id: str) -> KeyRow | None:
    row = connection.execute(f"SELECT {_COLUMNS} FROM api_key WHERE id = ?", (key_id,)).fetchone()  # noqa: S608
    return _key(row) if row else None


def create_key(batch: Connection, wanted: NewKey, alone: bool) -> KeyRow | None:
    """Stores a new key. `alone`: None, and nothing is stored, if an active key has that name."""
    if alone and _taken(batch, wanted.name):
        return None
    key_id = row_id("key")
    batch.execute(
        "INSERT INTO api_key (id, digest, name, hint, owner, labels, created_at, expires_at, policy, policy_name, budget_id)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            key_id, wanted.digest, wanted.name, wanted.hint, wanted.owner, json.dumps(wanted.labels), now_ms(),
            wanted.expires_at, json.dumps(wanted.policy), wanted.policy_name, wanted.budget_id or key_id,
        ),
    )  # fmt: skip
    return key(batch, key_id)


def _taken(batch: Connection, name: str) -> bool:
    found = batch.execute(
        "SELECT 1 FROM api_key WHERE name = ? AND state = 'active' AND (expires_at IS NULL OR expires_at > ?)",
        (name, now_ms()),
    )
    return found.fetchone() is not None


def edit_key(
    batch: nodes.Batch, key_id: str, changes: KeyChanges, check: Callable[[Mapping[str, Any]], object] | None
) -> KeyRow | None:
    """Changes a key (EDITABLE). A changed policy is a new version of the key's snapshot; with another owner goes what the
    key spent. Raises what `check` raises."""
    assert set(changes) <= EDITABLE, set(changes) - EDITABLE
    wanted: dict[str, Any] = dict(changes)
    if (fields := wanted.pop("policy_fields", None)) is not None and (row := key(batch, key_id)) is not None:
        merged = {**row.policy, **fields}
        wanted["policy"] = {name: value for name, value in merged.items() if value is not None or name not in fields}
    if check is not None and "policy" in wanted:
        check(wanted["policy"])
    values = {name: json.dumps(v) if name in ("labels", "policy") else v for name, v in wanted.items()}
    parts = [f"{name} = ?" for name in values]
    if "policy" in values:
        parts.append("policy_version = policy_version + 1")
    before = key(batch, key_id) if "owner" in changes else None
    if parts:
        batch.execute(f"UPDATE api_key SET {', '.join(parts)} WHERE id = ?", (*values.values(), key_id))  # noqa: S608
    if before is not None and before.owner != changes["owner"]:
        nodes.moved(batch, before.owner, changes["owner"])
    return key(batch, key_id)


def end_labelled(batch: Connection, label: str, life_ms: int) -> list[KeyRow]:
    """Revokes the keys of this label that were made for no longer than that and have not ended. Gives them as they are now."""
    now = now_ms()
    rows = batch.execute(
        "UPDATE api_key SET state = 'revoked', revoked_at = ? WHERE state != 'revoked' AND expires_at > ?"
        " AND expires_at - created_at <= ? AND ? IN (SELECT value FROM json_each(labels)) RETURNING id",
        (now, now, life_ms, label),
    ).fetchall()
    found = (key(batch, key_id) for (key_id,) in rows)
    return [row for row in found if row is not None]


def activity(connection: Connection, row: KeyRow) -> KeyActivity:
    """What a key did, read from the daily sums. What the doctor's tests cost is spent, too; they count as nothing else."""
    now = now_ms()
    spent, requests = connection.execute(
        "SELECT coalesce(sum(cost_nano), 0), coalesce(sum(requests), 0) FROM rollup_day WHERE key_id = ?", (row.id,)
    ).fetchone()
    spent += connection.execute(
        "SELECT coalesce(sum(cost_nano), 0) FROM part_day WHERE part = ? AND key_id = ?", (DOCTOR, row.id)
    ).fetchone()[0]
    refused = connection.execute(
        "SELECT coalesce(sum(refused), 0) FROM rollup_day WHERE key_id = ? AND day = ?", (row.id, now // DAY_MS)
    ).fetchone()[0]
    clients = connection.execute(
        "SELECT client FROM key_client WHERE key_id = ? AND last_used_at >= ? ORDER BY last_used_at DESC LIMIT 10",
        (row.id, now - 7 * DAY_MS),
    )
    windows = {
        p: window(connection, row.budget_id, p, now) for p in PERIODS if row.policy.get(f"{p}_limit") is not None
    }
    return KeyActivity(spent, requests, refused, tuple(c for (c,) in clients), windows)


def window(connection: Connection, budget_id: str, period: Period, at_ms: int) -> tuple[int, int]:
    """Spent and held of a budget (`records.Limit.budget`) in the window of this moment."""
    start, end = window_start(period, at_ms), window_end(period, at_ms)
    row = connection.execute(
        'SELECT spent, held FROM budget WHERE budget_id = ? AND period = ? AND "window" = ?', (budget_id, period, start)
    ).fetchone()
    if row is None:
        days = (start // DAY_MS, end // DAY_MS)
        return nodes.spent_within(connection, budget_id, *days), 0
    return row[0], row[1]


# --- named policies ---------------------------------------------------------------------------------------------------


def policies(connection: Connection) -> list[PolicyRow]:
    """The newest version of each named policy."""
    rows = connection.execute(
        "SELECT name, version, created_at, body FROM policy p"
        " WHERE version = (SELECT max(version) FROM policy WHERE name = p.name) ORDER BY name"
    )
    return [PolicyRow(name, version, at, json.loads(body)) for name, version, at, body in rows]


def put_policy(batch: Connection, name: Clean, body: Mapping[str, Any]) -> PolicyRow:
    """A new version of a named policy. Keys that copied an older one keep it."""
    version = batch.execute("SELECT coalesce(max(version), 0) + 1 FROM policy WHERE name = ?", (name,)).fetchone()[0]
    at = now_ms()
    batch.execute("INSERT INTO policy VALUES (?, ?, ?, ?)", (name, version, at, json.dumps(body)))
    return PolicyRow(name, version, at, body)


# --- console tokens ---------------------------------------------------------------------------------------------------


def tokens(connection: Connection) -> list[TokenRow]:
    rows = connection.execute("SELECT id, name, digest, created_at, role, teams FROM console_token ORDER BY id")
    return [TokenRow(*(*row[:5], tuple(json.loads(row[5])))) for row in rows]


def create_token(batch: Connection, name: Clean, digest: bytes, role: Role, of_teams: Sequence[Clean]) -> TokenRow:
    row = TokenRow(row_id("token"), name, digest, now_ms(), role, tuple(of_teams))
    batch.execute(
        "INSERT INTO console_token (id, name, digest, created_at, role, teams) VALUES (?, ?, ?, ?, ?, ?)",
        (row.id, name, digest, row.created_at, role, json.dumps(row.teams)),
    )
    return row


def delete_token(batch: Connection, token_id: str) -> bool:
    return batch.execute("DELETE FROM console_token WHERE id = ?", (token_id,)).rowcount > 0
