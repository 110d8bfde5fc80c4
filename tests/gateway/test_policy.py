"""Policies on the wire, and their order: each refusal says what it is about."""

from __future__ import annotations

import json

import pytest

from joytui.gateway.catalog import Catalog, Model, Prices
from joytui.gateway.dry_run import FAILED, PASSED
from joytui.gateway.policy import Policy, blacklisted, parse_policy
from joytui.gateway.routing import Ask, Market, route
from tests.gateway.served import SAY_HI, Served, served


async def refused(gateway: Served, body: dict | None = None, **policy: object) -> str:
    answer = await gateway.chat(await gateway.key(**policy), body)
    assert answer.status_code == 403, answer.text
    assert answer.json()["error"]["type"] == "policy_rejected"
    assert (await gateway.logs())[0]["cause"] == "policy-rejected"
    return str(answer.json()["error"]["message"])


async def test_what_a_policy_refuses(gateway: Served) -> None:
    assert "stolen laptop" in await refused(gateway, blocked=True, block_reason="stolen laptop")
    assert "IP 127.0.0.1 is not allowed" in await refused(gateway, ip_allow=["10.0.0.0/8", "fd00::/8"])
    assert "IP 127.0.0.1 is blocked" in await refused(gateway, ip_allow=["127.0.0.1"], ip_block=["127.0.0.0/8"])
    assert "requested tier is not allowed" in await refused(gateway, {**SAY_HI, "tier": "premium"}, tiers=["economy"])
    assert "invalid tier" in await refused(gateway, {**SAY_HI, "tier": "gold"})
    assert "in the tier premium" in await refused(gateway, {**SAY_HI, "model": "joytui-offline-max"}, tiers=["economy"])
    assert "fixed to joytui-offline" in await refused(
        gateway, {**SAY_HI, "model": "joytui-offline-mini"}, fixed_model="joytui-offline"
    )
    assert "blacklisted" in await refused(
        gateway, {**SAY_HI, "model": "joytui-offline"}, model_blacklist=["JoyTUI-offline"]
    )


async def test_the_order_of_the_checks(gateway: Served) -> None:
    """Blocked before address, address before tier, tier before model, model before money."""
    policy: dict = {
        "blocked": True, "ip_allow": ["10.0.0.1"], "tiers": ["economy"], "fixed_model": "joytui-offline-mini",
        "daily_limit": "0",
    }  # fmt: skip
    body = {**SAY_HI, "tier": "premium", "model": "joytui-offline"}
    for part in ("blocked", "IP", "tier", "fixed"):
        assert part in await refused(gateway, body, **policy)
        policy |= {"blocked": False} if part == "blocked" else {}
        if part == "IP":
            policy.pop("ip_allow")
        if part == "tier":
            body.pop("tier")
    policy.pop("fixed_model")
    body["model"] = "auto"
    assert (await gateway.chat(await gateway.key(**policy), body)).status_code == 402


@pytest.mark.parametrize(
    ("policy", "body", "used"),
    [
        ({}, {}, "joytui-offline"),
        ({"routing_strategy": "COST_FIRST"}, {}, "joytui-offline-mini"),
        ({"routing_strategy": "QUALITY_FIRST"}, {}, "joytui-offline-max"),
        ({"routing_strategy": "QUALITY_FIRST", "tiers": ["economy", "standard"]}, {}, "joytui-offline"),
        ({"tiers": ["premium"]}, {}, "joytui-offline-max"),
        ({}, {"tier": "economy"}, "joytui-offline-mini"),
        ({"fixed_model": "joytui-offline-max"}, {}, "joytui-offline-max"),
        ({"fixed_model": "joytui-offline-max"}, {"model": "joytui-offline-max"}, "joytui-offline-max"),
        ({"model_blacklist": ["joytui-offline"]}, {}, "joytui-offline-max"),
        ({}, {"model": "joytui-offline-mini"}, "joytui-offline-mini"),
        ({}, {"model": "gpt-9.9-of-a-codex-to-come"}, "joytui-offline"),
    ],
)
async def test_where_a_request_goes(gateway: Served, policy: dict, body: dict, used: str) -> None:
    answer = await gateway.chat(await gateway.key(**policy), {**SAY_HI, **body})
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-daoe-used-model"] == used
    assert (await gateway.logs())[0]["model_used"] == used


def test_a_blacklisted_name_also_stops_it_from_any_vendor() -> None:
    policy = parse_policy({"model_blacklist": ["GPT-X", "vendor/only-this"]})
    stopped = {name: blacklisted(policy, name) for name in ("gpt-x", "openai/GPT-x", "a/b/gpt-x", "gpt-x-mini", "only-this", "vendor/only-this")}  # fmt: skip
    assert [name for name, is_stopped in stopped.items() if not is_stopped] == ["gpt-x-mini", "only-this"]


def test_a_strategy_chooses_by_what_it_is_named_after() -> None:
    dear, plain = Prices(9, 9, 9, 9), Prices(1, 1, 1, 1)
    models = [
        Model("good", "good", "standard", score=9.0, speed=1.0, prices=dear),
        Model("fast", "fast", "standard", score=5.0, speed=9.0, prices=dear),
        Model("cheap", "cheap", "standard", score=5.0, speed=1.0, prices=plain),
        Model("poor", "poor", "standard", score=1.0, speed=1.0, prices=plain),
    ]
    market = Market(Catalog({model.key: model for model in models}), "here")
    chosen = {
        strategy: route(Policy(routing_strategy=strategy), Ask(tier="standard"), market)[0].model
        for strategy in ("BALANCE", "COST_FIRST", "QUALITY_FIRST", "SPEED_FIRST")
    }
    assert chosen == {"BALANCE": "cheap", "COST_FIRST": "cheap", "QUALITY_FIRST": "good", "SPEED_FIRST": "fast"}


async def test_a_request_that_names_no_model(gateway: Served) -> None:
    body = {"messages": SAY_HI["messages"]}
    assert (await gateway.chat(await gateway.key(), body)).headers["x-daoe-used-model"] == "joytui-offline"


async def test_images_want_a_model_with_vision(gateway: Served) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    body = {"model": "auto", "messages": [{"role": "user", "content": [image]}]}
    answer = await gateway.chat(await gateway.key(tiers=["economy"]), body)
    assert (answer.status_code, answer.json()["error"]["type"]) == (502, "routing_error")
    assert (await gateway.chat(await gateway.key(), body)).status_code == 200


async def test_only_configured_proxies_are_believed(tmp_path) -> None:
    headers = {"x_forwarded_for": "1.2.3.4, 10.9.9.9, 127.0.0.1"}
    async with served(tmp_path / "a") as here:
        assert (await here.chat(await here.key(ip_allow=["10.9.9.9"]), **headers)).status_code == 403
    async with served(tmp_path / "b", trusted_proxies=["127.0.0.0/8"]) as here:
        assert (await here.chat(await here.key(ip_allow=["10.9.9.9"]), **headers)).status_code == 200
        assert (await here.logs())[0]["ip"] == "10.9.9.9"
        assert (await here.chat(await here.key(ip_allow=["1.2.3.4"]), **headers)).status_code == 403


async def test_a_named_policy_is_copied_into_the_key(gateway: Served) -> None:
    put = await gateway.admin.put("/console/v1/policies/interns", json={"tiers": ["economy"]})
    assert (put.json()["version"], put.status_code) == (1, 200)
    made = await gateway.new_key(policy_name="interns")
    await gateway.admin.put("/console/v1/policies/interns", json={"tiers": ["premium"]})
    assert (await gateway.ask("policies"))["policies"][0]["version"] == 2
    assert (await gateway.chat(made["key"])).headers["x-daoe-used-model"] == "joytui-offline-mini"
    changed = await gateway.admin.patch(f"/console/v1/keys/{made['id']}", json={"policy_name": "interns"})
    assert (changed.json()["policy"]["tiers"], changed.json()["policy_version"]) == (["premium"], 2)
    assert (await gateway.chat(made["key"])).headers["x-daoe-used-model"] == "joytui-offline-max"


async def test_a_key_without_logs_keeps_counts_and_cost(gateway: Served) -> None:
    key = await gateway.key(logs=False)
    turn = {"x_codex_turn_metadata": json.dumps({"turn_id": "turn-1", "workspaces": {}})}
    await gateway.chat(key, thread_id="thread-1", user_agent="codex/1", **turn)
    logged = (await gateway.logs())[0]
    assert [logged[name] for name in ("thread_id", "turn_id", "ip", "client")] == [None] * 4
    assert logged["input_tokens"] > 0
    assert logged["cost_credits"] != "0"
    other = await gateway.key("other")
    await gateway.chat(other, thread_id="thread-1", user_agent="codex/1", **turn)
    logged = (await gateway.logs())[0]
    shown = [logged[name] for name in ("thread_id", "turn_id", "ip", "client")]
    assert shown == ["thread-1", "turn-1", "127.0.0.1", "codex/1"]
    assert [row["id"] for row in await gateway.logs(filter="turn:turn-*")] == [logged["id"]]


@pytest.mark.parametrize("metadata", ["", "[]", "{", "[" * 40_000, '{"turn_id": 7, "workspaces": []}', "null"])
async def test_turn_metadata_of_another_shape_says_nothing(gateway: Served, metadata: str) -> None:
    assert (await gateway.chat(await gateway.key(), x_codex_turn_metadata=metadata)).status_code == 200
    assert (await gateway.logs())[0]["turn_id"] is None


async def test_an_expired_key(gateway: Served) -> None:
    made = await gateway.new_key(expires_at="2026-01-01T00:00:00Z")
    answer = await gateway.chat(made["key"])
    assert (answer.status_code, made["state"]) == (403, "expired")
    assert "expired since 2026-01-01T00:00:00Z" in answer.json()["error"]["message"]


async def test_the_dry_run_says_what_a_request_would_meet(gateway: Served) -> None:
    cases = [
        ({}, {}),
        ({"blocked": True}, {}),
        ({"ip_allow": ["10.0.0.0/8"]}, {"ip": "127.0.0.1"}),
        ({"tiers": ["economy"]}, {"model": "joytui-offline-max"}),
        ({"fixed_model": "joytui-offline"}, {"model": "joytui-offline-max"}),
        ({"daily_limit": "0.01"}, {}),
        ({}, {"model": "no-such"}),
    ]
    for policy, asked in cases:
        made = await gateway.new_key(policy=policy)
        body = {"key": made["id"], "model": "auto", "like": "small", **asked}
        verdict = (await gateway.admin.post("/console/v1/keys/check", json=body)).json()
        answer = await gateway.chat(made["key"], {**SAY_HI, "model": asked.get("model", "auto")})
        assert verdict["status"] == answer.status_code, (policy, verdict)
        assert verdict["allowed"] == (answer.status_code == 200)
        last = verdict["steps"][-1]
        assert (last["status"] == "pass") == verdict["allowed"]
        assert last["title"] == (PASSED if verdict["allowed"] else FAILED)[last["step"]], "no ✗ beside a good word"
        if not verdict["allowed"]:
            assert verdict["error_type"] == answer.json()["error"]["type"]


async def test_the_dry_run_holds_what_a_turn_of_codex_would(gateway: Served) -> None:
    """A budget that a small question fits into and a first turn of Codex does not: 48 kB, as Codex 0.169.0 sends."""
    body = {"model": "auto", "input": [{"type": "message", "role": "user", "content": "x" * 47_900}]}
    for limit, allowed in (("2", False), ("5", True)):
        made = await gateway.new_key(policy={"daily_limit": limit, "fixed_model": "joytui-offline"})
        check = {"key": made["id"], "model": "auto"}
        verdict = (await gateway.admin.post("/console/v1/keys/check", json=check)).json()
        small = (await gateway.admin.post("/console/v1/keys/check", json={**check, "like": "small"})).json()
        assert small["allowed"]
        answer = await gateway.post("responses", made["key"], body)
        assert (verdict["allowed"], verdict["status"]) == (allowed, answer.status_code)
        assert verdict["like"] == "codex-turn"
    assert 4 < float(verdict["estimate_credits"]) < 5
