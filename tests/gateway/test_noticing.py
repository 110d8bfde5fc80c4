"""What is worth an alert, and in which words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from joytui.core.money import NANO_PER_CREDIT as CREDIT
from joytui.core.periods import hour_of
from joytui.core.redaction import clean
from joytui.gateway.alerts import noticing
from joytui.gateway.alerts.words import alert_view, words_of
from joytui.gateway.telemetry.fleet import Person
from joytui.ledger.alerts import AlertRow, NewAlert, budget_alert_id
from joytui.ledger.records import DAY_MS, HOUR_MS, BudgetRow, GatewayRow, KeyRow, window_start
from tests.support.clock import NOW

AT = int(NOW.timestamp() * 1000)
TODAY = window_start("daily", AT)
KEY = KeyRow(
    "key_1", b"", clean("dev", 80), "jt_…abcd", clean("ann", 80), (), "active", AT - 60 * DAY_MS, None, None, None, {}, None, 1,
    "budget_1", None,
)  # fmt: skip
KEYS = {KEY.id: KEY}


def team_of(owner: str | None) -> str | None:
    return "core" if owner == "ann" else None


def a_budget(node: str = "key:key_1", spent: float = 8.2, **fields: Any) -> BudgetRow:
    row = BudgetRow(node, "daily", TODAY, 10 * CREDIT, 10 * CREDIT, None, int(spent * CREDIT), 0)
    return row._replace(**fields)


def a_row(alert: NewAlert) -> AlertRow:
    return AlertRow(
        alert.id, AT, alert.kind, alert.subject, alert.team and clean(alert.team, 80), alert.facts, "waiting", 0, None, None
    )  # fmt: skip


def said(alert: NewAlert) -> tuple[str, str, str]:
    return tuple(words_of(a_row(alert)))  # type: ignore[return-value]


# --- limits ----------------------------------------------------------------------------------------------------------


def test_a_keys_threshold_has_the_id_that_its_request_gave_it() -> None:
    [alert] = noticing.thresholds([a_budget()], KEYS, team_of)
    assert alert.id == budget_alert_id("budget_1", "daily", TODAY, 10 * CREDIT, 80)
    assert (alert.subject, alert.team) == ("key:key_1", "core")
    assert said(alert) == (
        "warning",
        "key dev: 80% of its daily limit spent",
        "8.20 of 10.00 credits spent; resets 2026-11-24 00:00 UTC.",
    )


@pytest.mark.parametrize(
    ("node", "team", "title"),
    [
        ("org", None, "the organisation: daily limit reached"),
        ("team:core", "core", "team core: daily limit reached"),
        ("owner:ann", "core", "owner ann: daily limit reached"),
        ("task:t-1", None, "task t-1: daily limit reached"),
    ],
)
def test_every_node_of_the_tree_is_told_of(node: str, team: str | None, title: str) -> None:
    [alert] = noticing.thresholds([a_budget(node, 10)], KEYS, team_of)
    assert (alert.team, said(alert)[:2]) == (team, ("critical", title))
    assert noticing.node_facts(a_budget(node), KEYS, team_of)[0] == node


def test_a_limit_that_is_hardly_used_is_no_news() -> None:
    assert list(noticing.thresholds([a_budget(spent=4.99)], KEYS, team_of)) == []


# --- forecasts -------------------------------------------------------------------------------------------------------


def steady(credits_an_hour: float, hours: int = 168) -> dict[int, int]:
    return {hour_of(NOW) - back: int(credits_an_hour * CREDIT) for back in range(hours)}


def forecast(row: BudgetRow, hours: dict[int, int]) -> list[NewAlert]:
    return list(noticing.forecasts([row], lambda row: hours, KEYS, team_of, AT))


def test_a_limit_that_will_not_last_its_window_is_told_once() -> None:
    [alert] = forecast(a_budget(spent=6), steady(0.5))
    assert said(alert) == (
        "warning",
        "key dev: daily limit will not last",
        "At the current rate it runs out at 2026-11-23 22:05 UTC. 6.00 of 10.00 credits spent; resets 2026-11-24 00:00 UTC.",
    )
    [later] = forecast(a_budget(spent=6.5), steady(0.5))
    assert later.id == alert.id
    [tomorrow] = forecast(a_budget(spent=6, window=TODAY + DAY_MS), steady(0.5))
    assert tomorrow.id != alert.id


@pytest.mark.parametrize(
    ("row", "rate"),
    [
        (a_budget(spent=5), 0.5),  # 4.95 more until midnight
        (a_budget(spent=10), 0.5),  # gone already: that is another alert
        (a_budget(spent=9, period="total", window=0), 0.5),  # it never resets
        (a_budget(spent=9), 0),
    ],
)
def test_what_lasts_is_no_news(row: BudgetRow, rate: float) -> None:
    assert forecast(row, steady(rate)) == []


def test_a_few_hours_are_no_forecast() -> None:
    assert forecast(a_budget(spent=6), steady(0.5, 24)) == []
    assert len(forecast(a_budget(spent=6), steady(0.5, 25))) == 1


def test_one_wild_hour_is_no_forecast() -> None:
    """At the rate of the last days it would not last, at the usual one it does."""
    hours = steady(0.1, 21 * 24)
    hours[hour_of(NOW)] = 60 * CREDIT
    assert forecast(a_budget(spent=1, limit=9 * CREDIT), hours) == []


# --- keys that expire ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left_h", "life_d", "title"),
    [
        (7 * 24 + 1, 30, None),
        (7 * 24, 30, "key dev expires within 7 days"),
        (25, 30, "key dev expires within 7 days"),
        (24, 30, "key dev expires within a day"),
        (25, 7, None),
        (23, 7, "key dev expires within a day"),
        (1, 0.5, None),
        (-1, 30, None),
    ],
)
def test_a_key_that_is_about_to_expire(left_h: int, life_d: float, title: str | None) -> None:
    expires = AT + left_h * HOUR_MS
    key = replace(KEY, expires_at=expires, created_at=int(expires - life_d * DAY_MS))
    assert [said(one)[1] for one in noticing.expiries([key], team_of, AT)] == ([title] if title else [])


def test_no_key_that_is_gone_is_about_to_expire() -> None:
    soon = replace(KEY, expires_at=AT + HOUR_MS)
    keys = [replace(soon, state="revoked"), replace(soon, replaced_by="key_2"), KEY]
    assert list(noticing.expiries(keys, team_of, AT)) == []


# --- the rest --------------------------------------------------------------------------------------------------------


def test_an_hour_out_of_the_ordinary_names_its_key() -> None:
    hours = steady(0.1, 21 * 24)
    hours[hour_of(NOW) - 1] = 60 * CREDIT
    at = NOW.replace(minute=0, second=0)
    [alert] = noticing.anomalies(hours, {"dev": hours}, [KEY], team_of, at)
    assert (alert.team, alert.subject) == ("core", "org")
    assert said(alert) == (
        "warning",
        "unusual spending by key dev",
        "From 2026-11-23 13:00 UTC: 60.00 credits; 0.10 is usual. key dev: 600× its usual for this hour.",
    )
    [later] = noticing.anomalies({**hours, hour_of(NOW): 60 * CREDIT}, {}, [], team_of, at + timedelta(hours=1))
    assert later.id == alert.id
    assert list(noticing.anomalies(hours, {}, [], team_of, at + timedelta(hours=25))) == []


def a_person(since_min: int, **fields: Any) -> Person:
    fields = {"state": "failing", "cause": "key-wrong", "status": 401, **fields}
    plain = Person(clean("ann-laptop", 80), clean("ann", 80), None, None, None, None, "ok", AT - since_min * 60_000)  # type: ignore[arg-type]
    return plain._replace(**fields)


def test_a_person_who_fails_for_ten_minutes() -> None:
    assert list(noticing.failing([("s1", a_person(9))], team_of, AT)) == []
    [alert] = noticing.failing([("s1", a_person(10))], team_of, AT)
    assert (alert.team, alert.subject) == ("core", "sender:s1")
    words = ("critical", "ann's Codex keeps failing", "Since 2026-11-23 13:55 UTC. Cause: key-wrong (401).")
    assert said(alert) == words
    [longer] = noticing.failing([("s1", a_person(60))], team_of, AT)
    assert longer.id == alert.id
    [other] = noticing.failing([("s1", a_person(60, cause="budget-exhausted"))], team_of, AT)
    assert other.id != alert.id
    [unsure] = noticing.failing([("s1", a_person(60, sure=False, message=clean("no", 9)))], team_of, AT)
    assert said(unsure)[2] == "Since 2026-11-23 13:05 UTC. Cause: probably key-wrong (401). no"
    assert list(noticing.failing([("s1", a_person(60, state="ok")), ("s2", a_person(1500))], team_of, AT)) == []


def test_a_gateway_that_is_gone() -> None:
    there = GatewayRow("gateway_1", "http://a:1", "1.0", 0, 2, AT - 120_000, True)
    assert list(noticing.gone([there])) == []
    [alert] = noticing.gone([replace(there, alive=False)])
    assert said(alert) == (
        "critical",
        "gateway http://a:1 is gone",
        "Last heard from at 2026-11-23 14:03 UTC. Another gateway ends its 2 open requests.",
    )
    [again] = noticing.gone([replace(there, alive=False, last_seen=AT)])
    assert again.id != alert.id


def test_facts_are_shown_as_json_has_them() -> None:
    [alert] = noticing.thresholds([a_budget()], KEYS, team_of)
    view = alert_view(a_row(alert))
    assert {**view["facts"], "window": view["facts"]["window"][:19]} == {
        "name": "dev", "owner": "ann", "period": "daily", "window": "2026-11-23T00:00:00", "limit": "10", "spent": "8.199999999",
        "threshold": 80,
    }  # fmt: skip
