"""What is worth an alert, from the store and the keys. Pure; times are ms since 1970, amounts nano-credits.

Each alert's id has in it what it is about and its window, so that noticing it again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from joytui.core.anomalies import Anomaly, Series, find_anomalies
from joytui.core.nodes import parse_node
from joytui.core.spending_rate import hourly_rate, ordinary, too_early
from joytui.gateway.telemetry.fleet import Person
from joytui.ledger.alerts import NewAlert, alert_id, budget_alert_id, threshold_of
from joytui.ledger.records import DAY_MS, HOUR_MS, BudgetRow, GatewayRow, KeyRow, window_end

FAILING_MS = 600_000
EXPIRY_DAYS = (1, 7)
"""A key that was made for less than so long is told of by the shorter of them, or not at all."""
ANOMALY_HOURS = 24
TeamOf = Callable[[str | None], str | None]


def node_facts(row: BudgetRow, keys: Mapping[str, KeyRow], team_of: TeamOf) -> tuple[str, str | None, dict[str, Any]]:
    """What a node's spending is counted under, whose it is, and what its words need."""
    kind, name = parse_node(row.node)
    key = keys.get(name if kind == "key" else row.key_id or "")
    counted = key.budget_id if key is not None and kind == "key" else row.node
    owner = name if kind == "owner" else key.owner if key is not None else None
    team = name if kind == "team" else team_of(owner)
    called = key.name if key is not None and kind == "key" else name or row.node
    facts = {
        "name": called, "owner": owner, "period": row.period, "window": row.window, "limit": row.limit, "spent": row.spent,
    }  # fmt: skip
    return counted, team, facts


def thresholds(rows: Iterable[BudgetRow], keys: Mapping[str, KeyRow], team_of: TeamOf) -> Iterator[NewAlert]:
    """What requests' ends have not told: limits that were set, or lowered, below what is spent."""
    for row in rows:
        if reached := threshold_of(row.spent, row.limit):
            yield used(row, reached, keys, team_of)


def used(row: BudgetRow, threshold: int, keys: Mapping[str, KeyRow], team_of: TeamOf) -> NewAlert:
    """A percentage of a limit is spent."""
    counted, team, facts = node_facts(row, keys, team_of)
    raised = budget_alert_id(counted, row.period, row.window, row.limit, threshold)
    return NewAlert(raised, "budget", row.node, team, {**facts, "threshold": threshold})


def forecasts(
    rows: Iterable[BudgetRow],
    hours_of: Callable[[BudgetRow], Mapping[int, int]],
    keys: Mapping[str, KeyRow],
    team_of: TeamOf,
    at_ms: int,
) -> Iterator[NewAlert]:
    """Windows whose limit will be passed before they end, at the rate of the last days and at the usual one as well."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    for row in rows:
        if row.period == "total" or row.spent >= row.limit:
            continue
        hours = hours_of(row)
        if too_early(hours, at):
            continue
        rate = min(hourly_rate(hours, at), hourly_rate(ordinary(hours, at)[0], at))
        end = window_end(row.period, at_ms)
        if row.spent + rate * (end - at_ms) // HOUR_MS <= row.limit:
            continue
        counted, team, facts = node_facts(row, keys, team_of)
        gone = at_ms + (row.limit - row.spent) * HOUR_MS // rate
        about = alert_id("forecast", counted, row.period, row.window, row.limit)
        yield NewAlert(about, "forecast", row.node, team, {**facts, "gone_at": gone, "rate": rate})


def expiries(keys: Iterable[KeyRow], team_of: TeamOf, at_ms: int) -> Iterator[NewAlert]:
    """Keys that are about to expire, each with the nearest of EXPIRY_DAYS."""
    for key in keys:
        if key.state != "active" or key.expires_at is None or key.expires_at <= at_ms or key.replaced_by:
            continue
        left, life = key.expires_at - at_ms, key.expires_at - key.created_at
        days = next((days for days in EXPIRY_DAYS if left <= days * DAY_MS < life), None)
        if days is not None:
            facts = {"name": key.name, "owner": key.owner, "expires_at": key.expires_at, "days": days}
            about = alert_id("expiry", key.id, key.expires_at, days)
            yield NewAlert(about, "expiry", f"key:{key.id}", team_of(key.owner), facts)


def anomalies(
    total: Series, by_key: Mapping[str, Series], keys: Iterable[KeyRow], team_of: TeamOf, at: datetime
) -> Iterator[NewAlert]:
    """Hours of the last day in which far more was spent than usual, and by which key."""
    owners = {str(key.name): key.owner for key in keys}
    since = at - timedelta(hours=2 * ANOMALY_HOURS)
    for one in find_anomalies(total, {"key": by_key}, since, at):
        if at - one.begin <= timedelta(hours=ANOMALY_HOURS):
            yield _anomaly(one, owners, team_of)


def _anomaly(one: Anomaly, owners: Mapping[str, Any], team_of: TeamOf) -> NewAlert:
    begin = int(one.begin.timestamp() * 1000)
    facts: dict[str, Any] = {
        "begin": begin,
        "end": int(one.end.timestamp() * 1000),
        "spent": one.amount,
        "usual": one.usual,
    }
    team = None
    if culprit := one.culprit:
        owner = owners.get(culprit.name)
        team = team_of(owner)
        facts |= {"name": culprit.name, "owner": owner, "why": culprit.text}
    return NewAlert(alert_id("anomaly", begin), "anomaly", "org", team, facts)


def failing(people: Iterable[tuple[str, Person]], team_of: TeamOf, at_ms: int) -> Iterator[NewAlert]:
    """People (by the id of their telemetry token) whose Codex has failed for ten minutes: once a day for each cause."""
    for sender, one in people:
        if one.state != "failing" or not FAILING_MS <= at_ms - one.since < DAY_MS:
            continue
        facts = {
            "name": one.owner or one.token, "owner": one.owner, "since": one.since, "cause": one.cause, "sure": one.sure,
            "status": one.status, "message": one.message,
        }  # fmt: skip
        about = alert_id("failing", sender, one.cause or one.status, one.since // DAY_MS)
        yield NewAlert(about, "failing", f"sender:{sender}", team_of(one.owner) or one.team, facts)


def gone(gateways: Sequence[GatewayRow]) -> Iterator[NewAlert]:
    """Gateways that have not been heard from for their lease, and did not say goodbye."""
    for one in gateways:
        if not one.alive:
            facts = {"name": one.url, "version": one.version, "last_seen": one.last_seen, "running": one.running}
            yield NewAlert(alert_id("gateway", one.id, one.last_seen), "gateway", f"gateway:{one.id}", None, facts)
