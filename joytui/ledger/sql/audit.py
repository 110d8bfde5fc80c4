"""The audit log: every change that somebody made, in the transaction of the change. No secret is in it: of keys and tokens not
even the digest."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from joytui.core.clock import now_ms
from joytui.ledger.audit import Actor, AuditRow
from joytui.ledger.ids import row_id
from joytui.ledger.sql import keys, lessons, nodes, stops, teams, telemetry, wallets
from joytui.ledger.sql.connection import Connection

T = TypeVar("T")
Facts = dict[str, Any]
_HIDDEN = frozenset({"id", "digest", "hint", "last_used_at", "created_at", "budget_id", "policy_version"})
"""Of a row, what is secret, or no change of anybody's."""


class Change(NamedTuple):
    """How a function that changes something is written down. `look`: the facts of a subject; None: it is not there. `made`: whether the
    subject is what the function gives; else it is its first argument."""

    what: str
    look: Callable[[Any, str], Facts | None]
    made: bool = False


def _key(batch: Any, key_id: str) -> Facts | None:
    return _facts(keys.key(batch, key_id))


def _token(batch: Any, token_id: str) -> Facts | None:
    return _facts(next((row for row in keys.tokens(batch) if row.id == token_id), None))


def _policy(batch: Any, name: str) -> Facts | None:
    return next((dict(row.body) for row in keys.policies(batch) if row.name == name), None)


def _team(batch: Any, name: str) -> Facts | None:
    return _facts(next((row for row in teams.teams(batch) if row.name == name), None))


def _sender(batch: Any, sender_id: str) -> Facts | None:
    row = next((row for row in telemetry.senders(batch) if row.id == sender_id), None)
    return None if row is None else {"name": row.name, "owner": row.owner, "team": row.team}


def _wallet(batch: Any, tier: str) -> Facts | None:
    return next(({"balance": row.balance} for row in wallets.wallets(batch) if row.tier == tier), None)


def _stopped(batch: Any, task: str) -> Facts | None:
    found = stops.stops_of(batch, task)
    return {"stopped": [row.why or row.reason for row in found]} if found else None


def _lessons(batch: Any, upstream: str) -> Facts | None:
    return {"lessons": [f"{row.model}: {row.lesson}" for row in lessons.lessons(batch) if row.upstream == upstream]}


def _facts(row: Any) -> Facts | None:
    if row is None:
        return None
    return {name: getattr(row, name) for name in type(row).__slots__ if name not in _HIDDEN}


CHANGES: Mapping[Callable[..., Any], Change] = {
    keys.create_key: Change("key created", _key, made=True),
    keys.edit_key: Change("key edited", _key),
    keys.put_policy: Change("policy set", _policy),
    keys.create_token: Change("token created", _token, made=True),
    keys.delete_token: Change("token revoked", _token),
    teams.create_team: Change("team created", _team),
    teams.add_owner: Change("owner added", _team),
    teams.remove_owner: Change("owner removed", _team),
    nodes.set_limits: Change("budget set", nodes.facts),
    nodes.raise_limits: Change("budget raised", nodes.facts),
    nodes.raise_task: Change("budget raised", nodes.facts),
    telemetry.create_sender: Change("telemetry token created", _sender, made=True),
    telemetry.revoke_sender: Change("telemetry token revoked", _sender),
    wallets.set_wallet: Change("wallet set", _wallet),
    wallets.credit_wallet: Change("wallet credited", _wallet),
    stops.stop_task: Change("task stopped", _stopped),
    stops.resume_task: Change("task resumed", _stopped),
    lessons.unlearn: Change("lessons forgotten", _lessons),
}
"""All that people change, by the function that does it."""


def audited(batch: Any, actor: Actor, function: Callable[..., T], *args: Any) -> T:
    """Does it, and writes down what has changed; nothing if nothing did."""
    change = CHANGES[function]
    subject = None if change.made else str(args[0])
    before = None if subject is None else change.look(batch, subject)
    result = function(batch, *args)
    if change.made:
        subject = getattr(result, "id", None)
    if subject is not None:
        after = change.look(batch, subject)
        if before != after:
            _note(batch, actor, change.what, subject, before, after)
    return result


def _note(batch: Any, actor: Actor, what: str, subject: str, before: Facts | None, after: Facts | None) -> None:
    called = (after or before or {}).get("name")
    if before is not None and after is not None:
        names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        before, after = ({name: one[name] for name in names if name in one} for one in (before, after))
    batch.execute(
        "INSERT INTO audit (id, at, token, actor, what, subject, called, before, after) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (row_id("audit"), now_ms(), *actor, what, subject, called, _text(before), _text(after)),
    )


def _text(facts: Facts | None) -> str | None:
    return None if facts is None else json.dumps(facts)


def entries(connection: Connection, since: int, limit: int) -> list[AuditRow]:
    """The newest first, of those from then on (ms)."""
    rows = connection.execute(
        "SELECT id, at, token, actor, what, subject, called, before, after FROM audit WHERE at >= ? ORDER BY at DESC, id DESC LIMIT ?",
        (since, limit),
    )
    return [AuditRow(*row[:7], *(None if text is None else json.loads(text) for text in row[7:])) for row in rows]
