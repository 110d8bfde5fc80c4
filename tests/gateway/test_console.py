"""The console API: what stands in `core/wire.py`'s docstring, over a real socket, in the shapes of its models."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from joytui.client.console import ConsoleClient
from joytui.core import columnar, wire
from joytui.core.errors import RefusedError
from joytui.gateway.metrics import Metrics
from joytui.ledger.api import StoreUnavailable
from tests.gateway.served import ADMIN, SAY_HI, Served, served
from tests.support.hang import HANG_S


async def test_every_answer_has_the_shape_of_its_model(gateway: Served) -> None:
    made = await gateway.new_key("dev", owner="ann", labels=["ci"], policy={"daily_limit": "5"})
    wire.KeyCreated.model_validate(made, strict=True)
    await gateway.chat(made["key"])
    await gateway.logs()
    await gateway.admin.put("/console/v1/wallet/economy", json={"balance": "1", "note": "first"})
    wire.GatewayStatus.model_validate(await gateway.ask("status"), strict=True)
    shapes = [
        ("keys", "keys", wire.KeyView), ("requests", "requests", wire.RequestView), ("models", "models", wire.ModelView),
        ("wallet", "wallets", wire.WalletView), ("wallet/entries", "entries", wire.WalletEntryView),
        ("latency", "rows", wire.LatencyView),
    ]  # fmt: skip
    for path, name, model in shapes:
        rows = (await gateway.ask(path))[name]
        assert rows
        for row in rows:
            assert set(row) == set(model.model_fields), path
            model.model_validate(row, strict=True)
    usage = await gateway.ask("usage", by=["key", "day"])
    wire.UsageView.model_validate(usage)
    assert [(row["key"], row["source"], row["requests"]) for row in usage["rows"]] == [("dev", "gateway", 1)]


async def test_a_console_that_is_newer_than_its_gateway_says_where_to_look(gateway: Served) -> None:
    class Newer(wire.KeyEdit):
        later: str

    await gateway.new_key("dev")
    async with ConsoleClient(gateway.url, ADMIN) as console:
        with pytest.raises(RefusedError, match="later: ") as refused:
            await console.edit_key("dev", Newer(later="x"))
    assert "joytui --version" in (refused.value.hint or "")


async def test_two_who_edit_a_policy_at_once_change_what_they_named(gateway: Served) -> None:
    made = await gateway.new_key("dev", policy={"daily_limit": "5", "tiers": ["economy"], "logs": False})
    path = f"/console/v1/keys/{made['id']}"
    changes = ({"daily_limit": None, "weekly_limit": "20"}, {"tiers": []}, {"logs": True}, {"ip_allow": ["10.0.0.0/8"]})
    await asyncio.gather(*(gateway.admin.patch(path, json={"policy_changes": one}) for one in changes))
    policy = (await gateway.ask(f"keys/{made['id']}"))["policy"]
    assert policy == wire.PolicyView(weekly_limit="20", ip_allow=["10.0.0.0/8"]).model_dump()
    for wrong in ({"daily_limit": "much"}, {"ip_allow": ["here"]}, {"fixed_model": "jt_" + "a" * 40}):
        assert (await gateway.admin.patch(path, json={"policy_changes": wrong})).status_code == 400
    for fields in ({"per_task_limit": "5"}, {"max_identical_turns": 3}):  # neither is possible without logs
        parted = [await gateway.admin.patch(path, json={"policy_changes": one}) for one in (fields, {"logs": False})]
        assert [answer.status_code for answer in parted] == [200, 400]
        assert "needs logs" in parted[1].json()["error"]["message"]
        assert (await gateway.admin.patch(path, json={"policy_changes": dict.fromkeys(fields)})).status_code == 200
    assert (await gateway.ask(f"keys/{made['id']}"))["policy"] == policy
    both = await gateway.admin.patch(path, json={"policy_changes": {"logs": False}, "policy": {}})
    assert (both.status_code, "combined" in both.json()["error"]["message"]) == (400, True)
    assert (await gateway.ask(f"keys/{made['id']}"))["policy"] == policy


async def test_the_life_of_a_key(gateway: Served) -> None:
    made = await gateway.new_key("dev", owner="ann")
    path = f"/console/v1/keys/{made['id']}"
    assert made["hint"] == f"{made['key'][:3]}…{made['key'][-4:]}"
    edited = await gateway.admin.patch(
        path, json={"name": "codex", "labels": ["x"], "expires_at": "2099-01-01T00:00:00Z"}
    )
    view = edited.json()
    assert (view["name"], view["owner"], view["labels"]) == ("codex", "ann", ["x"])
    assert view["expires_at"] == "2099-01-01T00:00:00.000Z"
    cleared = await gateway.admin.patch(path, json={"owner": None, "expires_at": None})
    assert (cleared.json()["owner"], cleared.json()["expires_at"]) == (None, None)
    await gateway.chat(made["key"], user_agent="codex_exec/0.169.0 (Linux)")
    await gateway.logs()
    view = await gateway.ask("keys/codex")
    assert view["clients"] == ["codex_exec/0.169.0 (Linux)"]
    assert view["last_used_at"]
    assert view["requests"] == 1
    assert "key" not in view
    assert (await gateway.admin.post(f"{path}/disable")).json()["state"] == "disabled"
    assert (await gateway.admin.post(f"{path}/enable")).json()["state"] == "active"
    revoked = (await gateway.admin.post(f"{path}/revoke")).json()
    assert revoked["state"] == "revoked"
    assert (await gateway.admin.post(f"{path}/revoke")).json()["revoked_at"] == revoked["revoked_at"]
    for answer in (
        await gateway.admin.post(f"{path}/enable"),
        await gateway.admin.post(f"{path}/rotate"),
        await gateway.admin.patch(path, json={"name": "y"}),
    ):
        assert (answer.status_code, answer.json()["error"]["type"]) == (409, "conflict")


async def test_an_active_key_has_its_name_alone(gateway: Served) -> None:
    first = await gateway.new_key("dev")
    other = await gateway.new_key("other")
    both = await asyncio.gather(*(gateway.admin.post("/console/v1/keys", json={"name": "new"}) for _ in range(2)))
    assert sorted(answer.status_code for answer in both) == [201, 409]
    renamed = await gateway.admin.patch(f"/console/v1/keys/{other['id']}", json={"name": "dev"})
    for answer in (await gateway.admin.post("/console/v1/keys", json={"name": "dev"}), renamed):
        error = answer.json()["error"]
        assert (answer.status_code, error["type"]) == (409, "conflict")
        assert "'dev' already" in error["message"]
    same = await gateway.admin.patch(f"/console/v1/keys/{first['id']}", json={"name": "dev", "owner": "ann"})
    assert same.status_code == 200
    await gateway.admin.post("/console/v1/keys/dev/revoke")
    assert (await gateway.new_key("dev"))["id"] != first["id"]


async def test_a_key_is_not_enabled_beside_an_active_one_of_its_name(gateway: Served) -> None:
    first = await gateway.new_key("dev")
    path = f"/console/v1/keys/{first['id']}"
    await gateway.admin.post(f"{path}/disable")
    second = await gateway.new_key("dev")
    said = await gateway.admin.post(f"{path}/enable")
    assert (said.status_code, said.json()["error"]["type"]) == (409, "conflict")
    assert second["id"] in said.json()["error"]["message"]
    assert (await gateway.ask(f"keys/{first['id']}"))["state"] == "disabled"
    assert (await gateway.chat(first["key"])).status_code == 403
    await gateway.admin.patch(path, json={"name": "dev-old"})
    assert (await gateway.admin.post(f"{path}/enable")).json()["state"] == "active"
    assert (await gateway.admin.post(f"{path}/enable")).status_code == 200


async def test_a_name_of_two_keys_asks_for_the_id(gateway: Served) -> None:
    old = await gateway.new_key("dev")
    rotated = await gateway.admin.post("/console/v1/keys/dev/rotate", json={"old_expires_at": "2099-01-01T00:00:00Z"})
    assert (rotated.status_code, rotated.json()["name"]) == (201, "dev")
    said = await gateway.admin.post("/console/v1/keys/dev/disable")
    assert (said.status_code, said.json()["error"]["type"]) == (409, "conflict")
    new_id, message = rotated.json()["id"], said.json()["error"]["message"]
    assert message.startswith(
        f"{old['id']} ({old['hint']}, replaced by {new_id}, until 2099-01-01T00:00:00Z) and {new_id} ("
    )
    assert message.endswith("have that name: use the id (`joytui keys list --all` shows it)")
    missing = await gateway.admin.post("/console/v1/keys/nobody/disable")
    assert missing.status_code == 404
    assert missing.json()["error"]["message"].startswith("no key with that id or name (`joytui keys list")
    ended = {"expires_at": "2026-01-01T00:00:00Z"}
    assert (await gateway.admin.patch(f"/console/v1/keys/{old['id']}", json=ended)).status_code == 200
    assert (await gateway.ask("keys/dev"))["id"] == rotated.json()["id"]


async def test_a_name_means_the_key_that_the_other_was_rotated_to(gateway: Served) -> None:
    """For looking, editing, checking and rotating again; not for what ends a key."""
    old = await gateway.new_key("dev")
    later = {"old_expires_at": "2099-01-01T00:00:00Z"}
    new = (await gateway.admin.post("/console/v1/keys/dev/rotate", json=later)).json()
    assert (await gateway.ask("keys/dev"))["id"] == new["id"]
    verdict = (await gateway.admin.post("/console/v1/keys/check", json={"key": "dev", "model": "auto"})).json()
    assert (verdict["allowed"], verdict["key_id"]) == (True, new["id"])
    edited = (await gateway.admin.patch("/console/v1/keys/dev", json={"owner": "ada"})).json()
    assert (edited["id"], edited["owner"]) == (new["id"], "ada")
    newest = (await gateway.admin.post("/console/v1/keys/dev/rotate", json=later)).json()
    assert (await gateway.ask(f"keys/{new['id']}"))["replaced_by"] == newest["id"]
    assert (await gateway.ask(f"keys/{old['id']}"))["replaced_by"] == new["id"]
    for action in ("revoke", "disable", "enable"):
        assert (await gateway.admin.post(f"/console/v1/keys/dev/{action}")).status_code == 409


async def test_what_has_expired_is_not_rotated_and_not_renewed_beside_another_of_its_name(gateway: Served) -> None:
    old = await gateway.new_key("dev", expires_at="2026-01-01T00:00:00Z")
    path = f"/console/v1/keys/{old['id']}"
    said = await gateway.admin.post(f"{path}/rotate")
    assert (said.status_code, "is expired" in said.text) == (409, True)
    await gateway.new_key("dev")
    assert (await gateway.admin.patch(path, json={"expires_at": "2099-01-01T00:00:00Z"})).status_code == 409
    assert (
        await gateway.admin.patch(path, json={"name": "other", "expires_at": "2099-01-01T00:00:00Z"})
    ).status_code == 200


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "x", "colour": "red"}, "colour"),
        ({"name": "x", "expires_at": "tomorrow"}, "expires_at"),
        ({"name": "x", "policy": {"tiers": ["gold"]}}, "policy.tiers"),
        ({"name": "x", "policy": {"ip_allow": ["10.0.0.0/99"]}}, "10.0.0.0/99"),
        ({"name": "x", "policy": {"daily_limit": "-1"}}, "policy"),
        ({"name": "x", "policy_name": "nobody"}, "policy_name"),
        ([], "body"),
    ],
)
async def test_what_is_wrong_is_named(gateway: Served, body: object, names: str) -> None:
    answer = await gateway.admin.post("/console/v1/keys", json=body)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert names in answer.json()["error"]["message"]
    assert not (await gateway.ask("keys"))["keys"]


async def test_bad_questions(gateway: Served) -> None:
    for path in (
        "requests?limit=0", "requests?limit=x", "requests?limit=999999", "requests?before=x", "requests?filter=nope:1",
        "requests?since=never", "usage?by=colour", "usage?by=key&by=key", "usage?since=99999999999d", "wallet/entries?before=-1",
        "requests/stream?after=x", "requests/stream?filter=%22", f"requests?filter={'a%20' * 31}", f"usage?filter={'a' * 4001}",
    ):  # fmt: skip
        answer = await gateway.admin.get(f"/console/v1/{path}")
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error"), path
    for path in ("keys/nobody", "requests/req-0000000000000000", "models?key=nobody", "requests/%00"):
        assert (await gateway.admin.get(f"/console/v1/{path}")).status_code == 404
    assert (await gateway.admin.post("/console/v1/keys", content=b"{")).status_code == 400
    assert (await gateway.admin.post("/console/v1/keys", content=b" " * 300_000)).status_code == 400


async def test_pages_are_newest_first_and_meet_everything_once(gateway: Served) -> None:
    key = await gateway.key()
    for _ in range(7):
        await gateway.chat(key)
    every = [row["id"] for row in await gateway.logs()]
    assert every == sorted(every, reverse=True)
    seen, before = [], {}
    while True:
        page = await gateway.ask("requests", limit=3, **before)
        seen += [row["id"] for row in page["requests"]]
        if page["next"] is None:
            break
        before = {"before": page["next"]}
    assert seen == every
    assert [row["id"] for row in await gateway.logs(filter="status:200 key:dev", limit=2)] == every[:2]
    assert await gateway.logs(until="1h") == []


async def test_a_request_is_found_by_a_clients_id_that_looks_like_ours(
    gateway: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A joytui behind a joytui: the one in front sends its own id. In its console, and in that of the one behind."""
    monkeypatch.setenv("BEHIND", await gateway.key())
    upstream = f"{gateway.url}/openai/v1"
    async with served(tmp_path / "front", upstream=upstream, upstream_key_env="BEHIND") as front:
        await front.chat(None)  # the clock stands still: the first id of both is the same
        assert (await front.chat(await front.key())).status_code == 200
        [ahead] = await front.logs(filter="status:200")
    [behind] = await gateway.logs(filter="status:200")
    assert behind["request_id"] == ahead["id"] != behind["id"]
    for text in (behind["id"], behind["request_id"]):
        assert (await gateway.ask(f"requests/{text}"))["id"] == behind["id"]


async def events(
    gateway: Served, listening: asyncio.Event | None = None, **params: object
) -> AsyncIterator[tuple[str, list[dict]]]:
    """Pairs of id and requests of the tail; `listening` is set when the gateway has begun to answer."""
    async with gateway.admin.stream("GET", "/console/v1/requests/stream", params=params) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        number = ""
        async for line in answer.aiter_lines():
            if line == ": joytui" and listening is not None:
                listening.set()
            elif line.startswith("id: "):
                number = line[4:]
            elif line.startswith("data: "):
                yield number, json.loads(line[6:])["requests"]


@pytest.mark.parametrize("path", ["requests", "usage", "latency"])
async def test_times_beyond_all_requests(gateway: Served, path: str) -> None:
    edges = (
        "0001-01-01T00:00:00-14:00",
        "1969-12-31T23:59:59Z",
        "2110-01-01",
        "9999-12-31T23:59:59+14:00",
        "9999-12-31",
    )
    await gateway.chat(await gateway.key())
    rows = await gateway.logs(since=edges[0].replace("-14:00", "Z"), until=edges[3])
    assert [row["status"] for row in rows] == [200]
    for name in ("since", "until"):
        for edge in edges:
            answer = await gateway.admin.get(f"/console/v1/{path}", params={name: edge})
            assert answer.status_code in (200, 400), (name, edge)


async def test_the_tail_tells_a_request_when_admitted_and_when_ended(gateway: Served) -> None:
    key = await gateway.key()
    await gateway.chat(key)
    await gateway.logs()
    seen: list[dict] = []
    tail = events(gateway, after=0)
    async with asyncio.timeout(HANG_S):
        async for number, rows in tail:
            seen += rows
            assert number == str(max(row["seq"] for row in rows))
            if seen[-1]["status"] == 200 and len({row["id"] for row in seen}) == 2:
                break
            if len({row["id"] for row in seen}) == 1:
                await gateway.chat(key)
    await tail.aclose()
    assert [row["seq"] for row in seen] == sorted(row["seq"] for row in seen)
    wire.RequestView.model_validate(seen[0], strict=True)


async def test_the_tail_is_shared_filtered_and_counted(gateway: Served) -> None:
    key = await gateway.key()

    async def first(listening: asyncio.Event, filter: str) -> dict:
        tail = events(gateway, listening, filter=filter)
        async with asyncio.timeout(HANG_S):
            async for _, rows in tail:
                await tail.aclose()
                return rows[0]
        raise AssertionError("the tail ended")

    filters = ("status:4xx", "status:4xx", "status:4xx", "type:invalid_api_key")
    begun = [asyncio.Event() for _ in filters]
    waiting = [asyncio.create_task(first(event, text)) for event, text in zip(begun, filters, strict=True)]
    async with asyncio.timeout(HANG_S):
        await asyncio.gather(*(event.wait() for event in begun))
    assert (await gateway.ask("status"))["consoles"] == 4
    assert (await gateway.chat(key)).status_code == 200
    assert (await gateway.chat("jt_wrong")).status_code == 403
    rows = await asyncio.gather(*waiting)
    assert {(row["status"], row["error_type"]) for row in rows} == {(403, "invalid_api_key")}
    async with asyncio.timeout(HANG_S):  # nothing tells a client when the gateway has noticed that it went away
        while (await gateway.ask("status"))["consoles"]:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("filter_text", ["", "status:403"])
@pytest.mark.parametrize("columns", [False, True])
async def test_the_tail_goes_on_behind_a_full_batch(
    gateway: Served, monkeypatch: pytest.MonkeyPatch, filter_text: str, columns: bool
) -> None:
    """More changes at once than it sends at once: all of them come, in as many batches as they fill."""
    monkeypatch.setattr("joytui.gateway.tail.BATCH", 3)
    monkeypatch.setattr("joytui.gateway.tail.HEARTBEAT_S", 0.01)
    for kind in ("jt_wrong", None) * 8:
        await gateway.chat(kind)
    wanted = {row["id"] for row in await gateway.logs(limit=100, filter=filter_text)}
    assert len(wanted) == (8 if filter_text else 16)
    found: list[str] = []
    tail = gateway.gateway.tail.stream(0, filter_text, columns=columns)
    async with asyncio.timeout(HANG_S):
        async for piece in tail:
            if b"still here" in piece:
                break
            if b"data: " in piece:
                data = json.loads(piece.partition(b"data: ")[2])
                ids = (
                    columnar.from_json(data["columns"]).ids["id"]
                    if columns
                    else [row["id"] for row in data["requests"]]
                )
                assert len(ids) <= 3
                found += ids
    await tail.aclose()
    assert sorted(found) == sorted(wanted)


async def test_the_tail_ends_when_the_gateway_stops(tmp_path) -> None:
    async with served(tmp_path) as here:
        begun, ended = asyncio.Event(), asyncio.Event()

        async def watch() -> None:
            async for _ in events(here, begun):
                pass
            ended.set()

        task = asyncio.create_task(watch())
        async with asyncio.timeout(HANG_S):
            await begun.wait()
            here.gateway.tail.close()
            await ended.wait()
        await task


async def test_catalog_meta_and_pricing(gateway: Served) -> None:
    listed = (await gateway.http.get("/api/v1/models")).json()
    assert (listed["code"], listed["message"]) == (0, "success")
    [first, *_] = listed["data"]["models"]
    assert first["model_key"] == first["modelKey"] == "joytui-offline-mini"
    assert first["customer_input_mtok"] == first["customerInputMtok"] == 20
    for query, count in (
        ("tier=premium", 1), ("provider=nobody", 0), ("feature_tag=vision", 2), ("pack=spot", 0), ("locale=zh", 3),
        ("industry_packs=software_development_tools&industry_packs=x", 1),
    ):  # fmt: skip
        assert len((await gateway.http.get(f"/api/v1/models?{query}")).json()["data"]["models"]) == count, query
    assert (await gateway.http.get("/api/v1/models?locale=de")).status_code == 400
    key = {"authorization": f"Bearer {await gateway.key()}"}
    for path in ("/api/v1/models/meta", "/api/v1/pricing", "/openai/v1/models"):
        assert (await gateway.http.get(path)).status_code == 401
        assert (await gateway.http.get(path, headers=key)).status_code == 200
    tiers = (await gateway.http.get("/api/v1/models/meta", headers=key)).json()["data"]["tiers"]
    assert [tier["value"] for tier in tiers] == ["economy", "standard", "premium"]


async def test_models_of_a_key(gateway: Served) -> None:
    made = await gateway.new_key(policy={"tiers": ["economy"], "ip_allow": ["10.0.0.0/8"]})
    models = {m["model_key"]: m for m in (await gateway.ask("models", key=made["id"]))["models"]}
    assert models["joytui-offline-mini"]["callable"] is True
    assert models["joytui-offline-max"]["callable"] is False
    assert "tier premium" in models["joytui-offline-max"]["reason"]
    open_key = await gateway.key("open", tiers=["economy"])
    answer = await gateway.http.get("/openai/v1/models", headers={"authorization": f"Bearer {open_key}"})
    assert [m["id"] for m in answer.json()["data"]] == ["auto", "joytui-offline-mini"]


async def test_metadata_in_both_forms(tmp_path) -> None:
    for form, kind in (("object", dict), ("array", list), ("off", type(None))):
        async with served(tmp_path / form, metadata=form) as here:
            key = await here.key()
            found = (await here.chat(key)).json().get("metadata")
            assert isinstance(found, kind)
            if found:
                one = found[0] if form == "array" else found
                assert one["billing"]["input_tokens"] > 0
                assert one["tier"] == "standard"
                text = (await here.chat(key, {**SAY_HI, "stream": True})).text
                assert '"credits_used"' in text
                assert text.rstrip().endswith("data: [DONE]")


async def test_metrics(gateway: Served) -> None:
    await gateway.chat(await gateway.key())
    await gateway.chat(None)
    text = (await gateway.admin.get("/metrics")).text
    who = f'gateway="{socket.gethostname()}:{httpx.URL(gateway.url).port}"'
    assert f'joytui_requests_total{{{who},endpoint="chat/completions",status="200",error_type=""}} 1' in text
    assert (
        f'joytui_requests_total{{{who},endpoint="chat/completions",status="401",error_type="missing_api_key"}} 1'
        in text
    )
    assert f'token_usage_total{{{who},gen_ai_request_model="joytui-offline",gen_ai_token_type="input"}}' in text
    assert f"gen_ai_server_request_duration_seconds_count{{{who}}} 2" in text
    assert f"joytui_requests_in_flight{{{who}}} 0" in text
    assert {line.split("{")[1][: len(who)] for line in text.splitlines() if not line.startswith("#")} == {who}


def test_a_counter_of_money_keeps_its_digits() -> None:
    metrics = Metrics()
    metrics.ended("responses", "m", 200, None, (1, 0, 1, 0), 1_234_567_000_000_000, None, 1.0)
    metrics.ended("responses", "m", 200, None, (1, 0, 1, 0), 1_000, None, 1.0)
    assert 'joytui_cost_credits_total{gen_ai_request_model="m"} 1234567.000001' in metrics.text({})


async def test_half_a_surrogate_pair_is_no_text(gateway: Served) -> None:
    """It is JSON, and can neither be stored nor answered: the console API refuses it, the model API answers readably."""
    for path, body in (
        ("keys", b'{"name": "\\ud800"}'),
        ("keys/check", b'{"key": "x", "model": "\\ud800"}'),
        ("tokens", b'{"name": "a\\udfff"}'),
    ):
        answer = await gateway.admin.post(f"/console/v1/{path}", content=body)
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert (await gateway.admin.post("/console/v1/keys", content=b'{"name": "\\ud83e\\udd89"}')).json()["name"] == "🦉"
    body = b'{"model": "\\ud800", "messages": [{"role": "user", "content": "half \\ud83e"}]}'
    answer = await gateway.post("chat/completions", await gateway.key(), body)
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "model_not_found")
    assert (await gateway.chat(await gateway.key(), {**SAY_HI, "user": "\ud83e"})).status_code == 200


async def test_while_the_store_is_away_the_status_tells_and_the_tail_waits(
    gateway: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What happened meanwhile comes when it is back, by the same stream."""
    monkeypatch.setattr("joytui.gateway.tail.AGAIN_S", 0.01)
    ledger = gateway.gateway.ledger
    key = await gateway.key()
    await gateway.chat(key, x_request_id="before")
    before = await gateway.ask("status")
    asked = asyncio.Event()

    async def away(*words: object) -> None:
        asked.set()
        raise StoreUnavailable("the store cannot be read: it is away")

    async with gateway.admin.stream("GET", "/console/v1/requests/stream", params={"after": before["last_seq"]}) as tail:
        lines = tail.aiter_lines()
        assert (await anext(lines)).startswith(":")
        with monkeypatch.context() as patched:
            patched.setattr(ledger, "changed", away)
            patched.setattr(ledger, "counted", away)
            await gateway.chat(key, x_request_id="meanwhile")
            await asyncio.wait_for(asked.wait(), HANG_S)
            told = await gateway.ask("status")
        assert (told["requests"], told["gateways"][0]["url"]) == (1, gateway.url)
        assert told["warnings"] == ["the store cannot be read: it is away"]
        async with asyncio.timeout(HANG_S):
            while "meanwhile" not in await anext(lines):
                pass
    assert (await gateway.ask("status"))["requests"] == 2
