"""Stored rows as the console API shows them: milliseconds become RFC 3339, nano-credits decimal text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from joytui.core.clock import parse_time, rfc3339
from joytui.core.money import format_credits
from joytui.core.request import request_id
from joytui.core.wire import PolicyView
from joytui.gateway.catalog import Model
from joytui.gateway.key_lookup import KeyEntry
from joytui.gateway.telemetry.fleet import Person
from joytui.gateway.upstreams.learning import LIFETIME_MS, Lessons
from joytui.ledger.audit import AuditRow
from joytui.ledger.records import (
    GatewayRow,
    KeyActivity,
    Limit,
    PolicyRow,
    TeamRow,
    TokenRow,
    WalletEntry,
    WalletRow,
    resets_at,
)
from joytui.ledger.telemetry import SenderRow


def shown_time(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(datetime.fromtimestamp(ms / 1000, UTC))


def stored_time(text: str | None) -> int | None:
    """Milliseconds of an RFC 3339 time. Raises ValueError."""
    return None if text is None else int(parse_time(text).timestamp() * 1000)


def gateway_view(row: GatewayRow) -> dict[str, Any]:
    """A `wire.GatewayOnStore`."""
    return {**asdict(row), "since": shown_time(row.since), "last_seen": shown_time(row.last_seen)}


def key_view(entry: KeyEntry, activity: KeyActivity, limits: Sequence[Limit], at_ms: int) -> dict[str, Any]:
    """A `wire.KeyView`. `limits`: the key's own at that moment."""
    row = entry.row
    return {
        "id": row.id,
        "name": row.name,
        "hint": row.hint,
        "state": entry.state,
        "owner": row.owner,
        "labels": list(row.labels),
        "created_at": shown_time(row.created_at),
        "expires_at": shown_time(row.expires_at),
        "revoked_at": shown_time(row.revoked_at),
        "last_used_at": shown_time(row.last_used_at),
        "policy": policy_view(dict(row.policy)),
        "budgets": _budgets(limits, activity, at_ms),
        "spent": format_credits(activity.spent),
        "requests": activity.requests,
        "refused_today": activity.refused_today,
        "clients": list(activity.clients),
        "policy_name": row.policy_name,
        "policy_version": row.policy_version,
        "replaced_by": row.replaced_by,
    }


def policy_view(body: dict[str, Any]) -> dict[str, Any]:
    """A stored snapshot with the defaults of what it does not say."""
    return PolicyView.model_validate(body).model_dump()


def _budgets(limits: Sequence[Limit], activity: KeyActivity, at_ms: int) -> list[dict[str, Any]]:
    budgets = []
    for _, period, limit in limits:
        spent, held = activity.windows.get(period, (0, 0))
        reset = resets_at(period, at_ms)
        budgets.append(
            {
                "period": period,
                "limit": format_credits(limit),
                "spent": format_credits(spent),
                "held": format_credits(held),
                "left": format_credits(max(0, limit - spent - held)),
                "resets_at": rfc3339(reset) if reset else None,
            }
        )
    return budgets


def wallet_view(row: WalletRow) -> dict[str, Any]:
    return {
        "tier": row.tier,
        "balance": None if row.balance is None else format_credits(row.balance),
        "held": format_credits(row.held),
        "left": None if row.balance is None else format_credits(row.balance - row.held),
    }


def entry_view(entry: WalletEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "time": shown_time(entry.at),
        "tier": entry.tier,
        "kind": entry.kind,
        "amount": format_credits(entry.amount),
        "held": format_credits(entry.held),
        "request": request_id(entry.n) if entry.n is not None else None,
        "note": entry.note,
    }


def named_policy(row: PolicyRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "version": row.version,
        "created_at": shown_time(row.created_at),
        "policy": policy_view(dict(row.body)),
    }


def lessons_view(lessons: Lessons, api: str | None) -> dict[str, Any]:
    """A `wire.UpstreamLessons`."""
    shown = [
        {
            "model": row.model,
            "lesson": row.lesson,
            "learned_at": shown_time(row.learned_at),
            "until": shown_time(row.learned_at + LIFETIME_MS),
        }
        for row in lessons.shown()
    ]
    return {"name": lessons.name, "url": lessons.url, "api": api, "lessons": shown}


def token_view(row: TokenRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "role": row.role,
        "teams": list(row.teams),
        "created_at": shown_time(row.created_at),
    }


def audit_view(row: AuditRow) -> dict[str, Any]:
    """A `wire.AuditEntry`."""
    return {
        "id": row.id, "time": shown_time(row.at), "token": row.actor, "token_id": row.token, "what": row.what, "subject": row.subject,
        "name": row.called, "before": _told(row.before), "after": _told(row.after),
    }  # fmt: skip


def _told(facts: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """With amounts as decimal credits, and times in RFC 3339."""
    if facts is None:
        return None
    shown: dict[str, Callable[[Any], str | None]] = {
        "balance": format_credits,
        "expires_at": shown_time,
        "revoked_at": shown_time,
    }
    return {name: shown[name](one) if name in shown and one is not None else one for name, one in facts.items()}


def team_view(row: TeamRow) -> dict[str, Any]:
    return {"name": row.name, "owners": list(row.owners), "created_at": shown_time(row.created_at)}


def sender_view(row: SenderRow) -> dict[str, Any]:
    """A `wire.SenderView`."""
    last = None if row.last_at is None else shown_time(row.last_at)
    return {
        "id": row.id, "name": row.name, "owner": row.owner, "team": row.team, "created_at": shown_time(row.created_at),
        "last_received": last,
        "fingerprint": row.digest.hex()[:8],
    }  # fmt: skip


def person_view(one: Person) -> dict[str, Any]:
    """A `wire.PersonView`."""
    return {
        **one._asdict(),
        "last_turn": None if one.last_turn is None else shown_time(one.last_turn),
        "since": shown_time(one.since),
    }


def model_view(model: Model) -> dict[str, Any]:
    """A `wire.ModelView` without what depends on a key."""
    prices = model.prices

    def shown(name: str) -> str | None:
        return None if prices is None else format_credits(getattr(prices, name))

    return {
        "model_key": model.key,
        "display_name": model.name,
        "tier": model.tier,
        "provider": model.provider,
        "tags": list(model.tags),
        "feature_tags": list(model.features),
        "mci_score": model.score,
        "input_price": shown("input"),
        "output_price": shown("output"),
        "cache_read_price": shown("cache_read"),
        "cache_write_price": shown("cache_write"),
        "callable": None,
        "reason": None,
    }
