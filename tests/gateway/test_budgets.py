"""The tree of budgets at the gateway: refusals name the node, the console API and its commands set and raise limits."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from joytui.client.console_api import PREFIX
from joytui.core.money import MAX_NANO
from tests.gateway.served import Served
from tests.support.clock import Clock

LATER = "2999-12-31T00:00:00Z"
SMALL = "0.000001"


def thread(task: str) -> dict[str, str]:
    return {"session_id": task, "thread_id": task}


async def refused(gateway: Served, key: str, **headers: str) -> str:
    answer = await gateway.chat(key, **headers)
    assert (answer.status_code, answer.json()["error"]["type"]) == (402, "insufficient_quota")
    message: str = answer.json()["error"]["message"]
    return message


async def put(gateway: Served, node: str, **limits: str | None) -> httpx.Response:
    return await gateway.admin.put(
        f"{PREFIX}/budgets", json={"node": node, **{f"{p}_limit": v for p, v in limits.items()}}
    )


async def rise(gateway: Served, node: str, amount: str, until: str | None = LATER) -> httpx.Response:
    return await gateway.admin.post(f"{PREFIX}/budgets/raise", json={"node": node, "amount": amount, "until": until})


async def in_core(gateway: Served) -> dict[str, Any]:
    """A key of Ann's, who is in the team core."""
    key = await gateway.new_key("dev", owner="ann")
    await gateway.admin.post(f"{PREFIX}/teams", json={"name": "core"})
    await gateway.admin.post(f"{PREFIX}/teams/core/owners", json={"owner": "ann"})
    return key


@pytest.mark.parametrize("node", ["org", "team:core", "owner:ann"])
async def test_a_refusal_names_the_node_what_is_left_and_when_it_resets(gateway: Served, node: str) -> None:
    key = await in_core(gateway)
    assert (await put(gateway, node, daily=SMALL)).status_code == 200
    said = await refused(gateway, key["key"])
    assert said.startswith(f"{node}: daily limit of {SMALL} credits exceeded: {SMALL} left (0 spent, 0 held")
    assert "resets 2026-11-24T00:00:00Z" in said
    verdict = (await gateway.admin.post(f"{PREFIX}/keys/check", json={"key": "dev"})).json()
    assert verdict["message"].startswith(f"{node}: daily limit of {SMALL}")
    assert verdict["steps"][-1]["step"] == "budget"
    own = await gateway.http.get("/api/v1/key/check", headers={"authorization": f"Bearer {key['key']}"})
    assert own.json()["data"]["message"].startswith(f"{node}: daily limit")
    await put(gateway, node, daily=None)
    assert (await gateway.chat(key["key"])).status_code == 200


async def test_a_keys_own_limit_is_worded_as_ever(gateway: Served) -> None:
    key = await gateway.new_key("dev", policy={"total_limit": SMALL})
    assert (await refused(gateway, key["key"])).startswith(f"total limit of {SMALL} credits exceeded: {SMALL} left")


async def test_each_task_of_a_key_has_a_limit_and_one_that_was_raised_goes_on(gateway: Served) -> None:
    key = await gateway.new_key("dev", policy={"per_task_limit": SMALL})
    said = await refused(gateway, key["key"], **thread("t1"))
    assert said.startswith(f"task t1: total limit of {SMALL} credits exceeded: {SMALL} left (")
    assert said.endswith("; never resets; insufficient_quota: `joytui tasks raise t1 AMOUNT` lets it go on")
    assert (await gateway.chat(key["key"])).status_code == 200, "no task, no limit of one"
    raised = await rise(gateway, "task:t1", "5", None)
    assert raised.json()["limits"][0]["limit_credits"] == "5.000001"
    assert (await gateway.chat(key["key"], **thread("t1"))).status_code == 200
    await refused(gateway, key["key"], **thread("t2"))
    await gateway.logs()
    limits = {task["id"]: task["limit_credits"] for task in (await gateway.ask("tasks"))["tasks"]}
    assert limits == {"t1": "5.000001", "t2": SMALL}
    await put(gateway, "task:t1", total=SMALL)
    await refused(gateway, key["key"], **thread("t1"))


async def test_a_limit_for_each_task_needs_logs(gateway: Served) -> None:
    answer = await gateway.admin.post(
        f"{PREFIX}/keys", json={"name": "dev", "policy": {"per_task_limit": "1", "logs": False}}
    )
    assert (answer.status_code, "needs logs" in answer.json()["error"]["message"]) == (400, True)


async def test_a_raise_ends_by_itself(gateway: Served, clock: Clock) -> None:
    key = await in_core(gateway)
    await put(gateway, "team:core", total=SMALL)
    await gateway.admin.patch(f"{PREFIX}/keys/dev", json={"policy": {"total_limit": SMALL}})
    for node in ("team:core", "key:dev"):
        until = (clock.moment + timedelta(hours=1)).isoformat()
        [limit] = (await rise(gateway, node, "5", until)).json()["limits"]
        assert (limit["limit_credits"], limit["base_limit_credits"]) == ("5.000001", SMALL)
        assert limit["raised_until"] is not None
    shown = [(await gateway.ask("keys/dev"))["budgets"][0][name] for name in ("limit", "left")]
    assert shown == ["5.000001", "5.000001"]
    assert (await gateway.chat(key["key"])).status_code == 200
    clock.advance(timedelta(hours=1))
    assert (await gateway.ask("keys/dev"))["budgets"][0]["limit"] == SMALL
    assert (await refused(gateway, key["key"])).startswith(f"team:core: total limit of {SMALL}")
    await rise(gateway, "team:core", "5")
    assert (await refused(gateway, key["key"])).startswith(f"total limit of {SMALL}")
    await rise(gateway, "key:dev", "5")
    assert (await gateway.chat(key["key"])).status_code == 200
    [limit] = (await rise(gateway, "key:dev", "0", None)).json()["limits"]
    assert limit["raised_until"] is None


async def test_limits_of_a_key_that_are_set_at_once_all_hold(gateway: Served) -> None:
    await gateway.new_key("dev", policy={"model_blacklist": ["m"]})
    periods = ("daily", "weekly", "total")
    answers = await asyncio.gather(*(put(gateway, "key:dev", **{period: "5"}) for period in periods))
    assert {answer.status_code for answer in answers} == {200}
    policy = (await gateway.ask("keys/dev"))["policy"]
    assert [policy[f"{period}_limit"] for period in periods] == ["5", "5", "5"]
    assert policy["model_blacklist"] == ["m"]


async def test_a_raised_limit_is_no_more_than_the_ledger_holds(gateway: Served) -> None:
    """Each of the two is allowed, and their sum is no number of the store's: every request below would fail."""
    key = await in_core(gateway)
    most = "9223372036.854775807"
    for node in ("org", "team:core", "owner:ann", "key:dev", "task:t"):
        if node == "task:t":
            await gateway.chat(key["key"], **thread("t"))
            await gateway.logs()
        await put(gateway, node, total="5")
        assert (await rise(gateway, node, "5")).status_code == 200, node
        [limit] = (await put(gateway, node, total=most)).json()["limits"]
        assert limit["limit_credits"] == most, node
    assert {one["limits"][0]["limit_credits"] for one in (await gateway.ask("budgets"))["budgets"]} == {most}
    limits = gateway.gateway.limits_of(gateway.gateway.keys.addressed("dev"), "t")
    assert {limit.amount for limit in limits} == {MAX_NANO}
    assert (await gateway.chat(key["key"], **thread("t"))).status_code == 200


async def test_the_tree_in_its_order(gateway: Served) -> None:
    key = await in_core(gateway)
    other = await gateway.new_key("other", policy={"daily_limit": "2", "per_task_limit": "1"})
    for node in ("owner:ann", "org", "team:core"):
        await put(gateway, node, weekly="7")
    await put(gateway, "key:dev", total="3")
    await gateway.chat(other["key"], **thread("t1"))
    await gateway.logs()
    shown = (await gateway.ask("budgets"))["budgets"]
    assert [(one["node"], one["kind"], one["name"], one["parent"]) for one in shown] == [
        ("org", "org", "org", None),
        ("team:core", "team", "core", "org"),
        ("owner:ann", "owner", "ann", "team:core"),
        (f"key:{key['id']}", "key", "dev", "owner:ann"),
        (f"key:{other['id']}", "key", "other", "org"),
        ("task:t1", "task", "t1", f"key:{other['id']}"),
    ]
    [limit] = shown[-1]["limits"]
    cost = limit.pop("spent_credits")
    assert float(cost) > 0
    assert limit.pop("left_credits") == f"{1 - float(cost):.9f}".rstrip("0")
    assert limit == {
        "period": "total", "limit_credits": "1", "base_limit_credits": "1", "raised_until": None, "held_credits": "0",
        "resets_at": None,
    }  # fmt: skip
    assert [one["spent_credits"] for one in shown[0]["limits"]] == [cost]
    assert [one["resets_at"] for one in shown[0]["limits"]] == ["2026-11-30T00:00:00.000Z"]


@pytest.mark.parametrize(
    ("node", "limits", "status", "words"),
    [
        ("nobody", {"daily": "1"}, 400, "is not a node"),
        ("team:", {"daily": "1"}, 400, "is not a node"),
        ("org", {}, 400, "no limit to set"),
        ("org", {"daily": "-1"}, 400, "daily_limit"),
        ("team:none", {"daily": "1"}, 404, "no team"),
        ("owner:none", {"daily": "1"}, 404, "no key or team has that owner"),
        ("key:none", {"daily": "1"}, 404, "no key"),
        ("task:none", {"total": "1"}, 404, "no task"),
        ("task:t1", {"daily": "1"}, 400, "a task can only have a total limit"),
    ],
)
async def test_what_cannot_be_set(gateway: Served, node: str, limits: dict[str, str], status: int, words: str) -> None:
    key = await in_core(gateway)
    await gateway.chat(key["key"], **thread("t1"))
    answer = await put(gateway, node, **limits)
    assert (answer.status_code, words in answer.json()["error"]["message"]) == (status, True), answer.text


async def test_what_cannot_be_raised(gateway: Served) -> None:
    await in_core(gateway)
    assert (await rise(gateway, "team:core", "5")).status_code == 409, "it has no limit"
    await put(gateway, "team:core", total="1")
    for until, words in (
        (None, "until: required"),
        ("2020-01-01T00:00:00Z", "this time has passed"),
        ("soon", "RFC 3339"),
    ):
        answer = await rise(gateway, "team:core", "5", until)
        assert (answer.status_code, words in answer.json()["error"]["message"]) == (400, True)
    assert (await rise(gateway, "team:core", "9999999999")).status_code == 400


async def test_a_lead_sets_the_budgets_of_its_teams_alone(gateway: Served) -> None:
    key = await in_core(gateway)
    theirs = await gateway.new_key("theirs", owner="bea", policy={"daily_limit": "1"})
    for one, task in ((key, "t1"), (theirs, "t2")):
        await gateway.chat(one["key"], **thread(task))
    await gateway.logs()
    for node in ("org", "team:core", "owner:ann", "owner:bea", "task:t1", "task:t2"):
        assert (await put(gateway, node, total="9")).status_code == 200, node
    made = await gateway.admin.post(f"{PREFIX}/tokens", json={"name": "bo", "role": "lead", "teams": ["core"]})
    lead = {"authorization": f"Bearer {made.json()['token']}"}
    seen = (await gateway.http.get(f"{PREFIX}/budgets", headers=lead)).json()["budgets"]
    assert [(one["node"], one["parent"]) for one in seen] == [
        ("team:core", None), ("owner:ann", "team:core"), ("task:t1", "owner:ann"),
    ]  # fmt: skip
    for node, status in (
        ("team:core", 200), ("owner:ann", 200), ("key:dev", 200), ("task:t1", 200), ("org", 403), ("owner:bea", 403),
        ("key:theirs", 404), ("task:t2", 404),
    ):  # fmt: skip
        for method, path, body in (
            ("PUT", "/budgets", {"node": node, "total_limit": "8"}),
            ("POST", "/budgets/raise", {"node": node, "amount": "1", "until": LATER}),
        ):
            answer = await gateway.http.request(method, PREFIX + path, json=body, headers=lead)
            assert answer.status_code == status, (node, path, answer.text)


async def test_the_audit_log_shows_a_raise_with_its_end(gateway: Served) -> None:
    await in_core(gateway)
    await put(gateway, "team:core", total="1")
    await rise(gateway, "team:core", "5")
    newest = (await gateway.ask("audit"))["entries"][0]
    assert (newest["what"], newest["subject"], newest["token"]) == ("budget raised", "team:core", "admin")
    assert newest["after"] == {"raised_by": "5", "raised_until": "2999-12-31T00:00:00.000Z"}
