"""Budgets and wallets through the served gateway: nobody overspends, every refusal says what is left and when it resets."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from joytui.core.money import parse_credits
from joytui.gateway.catalog import Catalog, Model, Prices
from joytui.gateway.metering import MOST_HIDDEN, charge
from joytui.gateway.request_body import parse
from joytui.gateway.routing import route
from joytui.gateway.settings import UpstreamSettings
from joytui.gateway.upstreams.exchange import Observation
from joytui.ledger.api import StoreUnavailable
from joytui.ledger.records import Candidate, Charge
from tests.bridge.chat_upstream import ChatUpstream, Scripted, Seen, answer_json, chunk, sse, stream, usage
from tests.gateway.served import SAY_HI, Served, served
from tests.gateway.test_endings import relayed
from tests.support.hang import HANG_S


def nano(text: str) -> int:
    return -parse_credits(text[1:]) if text.startswith("-") else parse_credits(text)


async def estimate(gateway: Served, key_id: str, body: dict = SAY_HI) -> int:
    """What one request of these tests holds."""
    entry = gateway.gateway.keys.get(key_id)
    assert entry is not None
    ask = parse(json.dumps(body).encode(), "chat/completions").ask("127.0.0.1")
    return route(entry.policy, ask, gateway.gateway.market)[0].estimate


@pytest.mark.parametrize(("characters", "tokens"), [(0, 0), (1, 1), (4, 1), (5, 2)])
def test_what_a_client_that_left_had_got_is_rounded_up(characters: int, tokens: int) -> None:
    charged = charged_for(Observation(output_bytes=characters), stopped=True)
    assert (charged.input_tokens, charged.output_tokens, charged.cost_source) == (2, tokens, "estimated")
    charged = charged_for(Observation(output_bytes=400, input_tokens=3, output_tokens=5, usage_seen=True), stopped=True)
    assert (charged.input_tokens, charged.output_tokens) == (3, 5)


PRICED = Catalog({"m": Model("m", "m", prices=Prices(10**9, 10**9, 10**9, 10**9))})


def charged_for(seen: Observation, *, catalog: Catalog = PRICED, held: int = 0, stopped: bool = False) -> Charge:
    """What an answer to a request of 7 bytes is charged; a token costs 1,000 nano-credits."""
    return charge(seen, Candidate("m", None, "standard", 0), catalog, body_bytes=7, held=held, stopped=stopped)[0]


@pytest.mark.parametrize(
    ("given", "output", "believed"),
    [
        (3, 5, True),
        (0, 5, True),
        (7 + MOST_HIDDEN, 400 + MOST_HIDDEN, True),
        (0, 0, False),
        (3, 0, False),
        (8 + MOST_HIDDEN, 5, False),
        (3, 401 + MOST_HIDDEN, False),
    ],
)
def test_usage_is_believed_where_it_can_be_true(given: int, output: int, believed: bool) -> None:
    seen = Observation(output_bytes=400, input_tokens=given, output_tokens=output, usage_seen=True, complete=True)
    charged = charged_for(seen)
    assert (charged.input_tokens, charged.output_tokens) == ((given, output) if believed else (2, 100))
    assert charged.cost_nano == 1000 * (charged.input_tokens + charged.output_tokens)


def test_without_a_price_the_bill_or_the_hold_is_the_cost() -> None:
    told = Observation(output_bytes=4, input_tokens=3, output_tokens=1, usage_seen=True, complete=True)
    assert charged_for(told, catalog=Catalog(), held=7)[4:] == (7, "estimated")
    assert charged_for(told, catalog=Catalog())[4:] == (0, "none")
    told.cost_nano = 5
    assert charged_for(told, catalog=Catalog(), held=7)[4:] == (5, "upstream")
    for nothing in (Observation(error_type="x", complete=True), Observation()):
        assert charged_for(nothing, catalog=Catalog(), held=7) == Charge()
        assert charged_for(nothing, stopped=True).input_tokens == 2


async def test_64_clients_never_spend_more_than_a_budget_for_20(gateway: Served) -> None:
    first = await gateway.new_key("probe")
    one = await estimate(gateway, first["id"])
    limit = 20 * one
    made = await gateway.new_key("shared", policy={"daily_limit": f"{limit / 10**9:.9f}"})
    seen: list[int] = []
    done = asyncio.Event()

    async def watch() -> None:
        while not done.is_set():
            [budget] = (await gateway.ask(f"keys/{made['id']}"))["budgets"]
            seen.append(nano(budget["spent"]) + nano(budget["held"]))

    watching = asyncio.create_task(watch())
    answers = await asyncio.gather(*(gateway.chat(made["key"], SAY_HI) for _ in range(64)))
    refused: list = []
    while not refused:  # until the money is gone for good: what was held and not spent comes back
        more = await asyncio.gather(*(gateway.chat(made["key"], SAY_HI) for _ in range(64)))
        refused = [a for a in answers + more if a.status_code == 402]
        answers += more
    done.set()
    await watching

    assert {a.status_code for a in answers} == {200, 402}
    assert max(seen) <= limit
    message = refused[-1].json()["error"]["message"]
    assert re.search(r"daily limit of \S+ credits exceeded: \S+ left .*; resets \d{4}-\d\d-\d\dT00:00:00Z", message)
    await gateway.logs()
    [budget] = (await gateway.ask(f"keys/{made['id']}"))["budgets"]
    good = [a for a in answers if a.status_code == 200]
    assert nano(budget["held"]) == 0
    assert nano(budget["spent"]) == sum(nano(a.json()["metadata"]["billing"]["credits_used"]) for a in good)


PEAK = """
CREATE TABLE peak (n INTEGER NOT NULL);
CREATE TRIGGER watch AFTER UPDATE ON budget BEGIN INSERT INTO peak VALUES (new.spent + new.held); END;
"""


async def test_of_64_at_once_exactly_20_are_let_in(tmp_path: Path) -> None:
    """The upstream answers nobody until all 64 were judged. A trigger in SQLite sees every moment of the budget."""
    go = asyncio.Event()

    async def hold() -> None:
        await go.wait()

    def answer(seen: object) -> Scripted:
        return Scripted(pieces=[hold(), sse([chunk({"content": "hi"}), chunk({}, "stop"), usage(3, 2)])])

    catalog = tmp_path / "catalog.toml"
    catalog.write_text('[[model]]\nkey = "m"\ninput = "100"\noutput = "1000"\n')
    async with relayed(tmp_path, answer, catalog=catalog) as (here, upstream):
        probe = await here.new_key("probe")
        body = {**SAY_HI, "model": "m", "stream": True}
        limit = 20 * await estimate(here, probe["id"], body)
        made = await here.new_key("shared", policy={"daily_limit": f"{limit / 10**9:.9f}"})
        with sqlite3.connect(here.gateway.ledger.path) as store:
            store.executescript(PEAK)
        calls = [asyncio.create_task(here.chat(made["key"], body)) for _ in range(64)]
        while sum(call.done() for call in calls) < 44:
            await asyncio.wait([call for call in calls if not call.done()], return_when=asyncio.FIRST_COMPLETED)
        assert sum(call.done() for call in calls) == 44
        go.set()
        answers = await asyncio.gather(*calls)
        assert sorted(a.status_code for a in answers) == [200] * 20 + [402] * 44
        assert (
            len([seen for seen in upstream.requests if seen.path.endswith("completions") and seen.raw != b"{}"]) == 20
        )
        rows = await here.logs(limit=100)
        assert len({row["id"] for row in rows}) == len(rows) == 64
        store = sqlite3.connect(here.gateway.ledger.path)
        assert store.execute("SELECT max(n) FROM peak").fetchone() == (limit,)
        spent, held = store.execute("SELECT spent, held FROM budget").fetchone()
        assert (spent, held) == (sum(nano(row["cost_credits"]) for row in rows), 0)
        store.close()


@pytest.mark.parametrize(("period", "says"), [("daily", "resets"), ("weekly", "resets"), ("total", "never resets")])
async def test_each_limit_refuses_by_its_name(gateway: Served, period: str, says: str) -> None:
    key = await gateway.key(**{f"{period}_limit": "0.001"})
    answer = await gateway.chat(key)
    assert answer.status_code == 402
    error = answer.json()["error"]
    assert error["type"] == "insufficient_quota"
    assert error["message"].startswith(f"{period} limit of 0.001 credits exceeded: 0.001 left")
    assert says in error["message"]
    logged = (await gateway.logs())[0]
    assert (logged["status"], logged["cause"], logged["error_message"]) == (402, "insufficient-quota", error["message"])
    [view] = await keys(gateway)
    assert view["refused_today"] == 1
    assert view["budgets"][0]["held"] == "0"


async def keys(gateway: Served) -> list:
    return (await gateway.ask("keys"))["keys"]


async def test_what_was_spent_before_a_limit_counts(gateway: Served) -> None:
    made = await gateway.new_key()
    assert (await gateway.chat(made["key"])).status_code == 200
    await gateway.logs()
    spent = (await gateway.ask(f"keys/{made['id']}"))["spent"]
    assert nano(spent) > 0
    limits = {"policy": {"daily_limit": spent, "total_limit": "100"}}
    view = (await gateway.admin.patch(f"/console/v1/keys/{made['id']}", json=limits)).json()
    assert [b["left"] for b in view["budgets"]] == ["0", str(100 - float(spent))]
    assert (await gateway.chat(made["key"])).status_code == 402


async def test_wallets_are_off_until_a_balance_is_set_and_movements_add_up(gateway: Served) -> None:
    key = await gateway.key()
    assert (await gateway.chat(key)).status_code == 200
    assert not (await gateway.ask("wallet"))["enabled"]
    put = await gateway.admin.put("/console/v1/wallet/standard", json={"balance": "3"})
    assert put.json() == {"tier": "standard", "balance": "3", "held": "0", "left": "3"}
    for _ in range(3):
        assert (await gateway.chat(key)).status_code == 200
    await gateway.admin.post("/console/v1/wallet/standard/credit", json={"amount": "0.5", "note": "top-up"})
    await gateway.logs()
    entries = (await gateway.ask("wallet/entries", tier="standard"))["entries"]
    balance = next(w for w in (await gateway.ask("wallet"))["wallets"] if w["tier"] == "standard")
    assert sum(nano(e["amount"]) for e in entries) == nano(balance["balance"])
    assert sum(nano(e["held"]) for e in entries) == nano(balance["held"]) == 0
    assert [e["kind"] for e in entries][:2] == ["credit", "settle"]
    assert entries[0]["note"] == "top-up"


async def test_auto_falls_back_to_another_wallet_and_a_pinned_model_does_not(gateway: Served) -> None:
    key = await gateway.key()
    await gateway.admin.put("/console/v1/wallet/standard", json={"balance": "0"})
    await gateway.admin.put("/console/v1/wallet/premium", json={"balance": "0.001"})
    await gateway.admin.put("/console/v1/wallet/economy", json={"balance": "100"})
    answer = await gateway.chat(key)
    assert answer.json()["metadata"]["tier"] == "economy"
    assert answer.headers["x-daoe-used-model"] == "joytui-offline-mini"
    pinned = await gateway.chat(key, {**SAY_HI, "model": "joytui-offline"})
    assert pinned.status_code == 402
    assert pinned.json()["error"]["message"].startswith(
        "insufficient wallet balance: the standard wallet has 0 credits"
    )
    only = await gateway.key(tiers=["standard"])
    assert (await gateway.chat(only)).status_code == 402


async def test_rotation_goes_on_with_the_same_budget(gateway: Served) -> None:
    made = await gateway.new_key(policy={"daily_limit": "2"})
    assert (await gateway.chat(made["key"])).status_code == 200
    await gateway.logs()
    path = f"/console/v1/keys/{made['id']}/rotate"
    answer = await gateway.admin.post(path, json={"old_expires_at": "2099-01-01T00:00:00Z"})
    assert answer.status_code == 201
    new = answer.json()
    assert new["key"] != made["key"]
    assert new["budgets"] == (await gateway.ask(f"keys/{made['id']}"))["budgets"]
    assert (await gateway.ask(f"keys/{made['id']}"))["replaced_by"] == new["id"]
    for key in (made["key"], new["key"]):
        assert (await gateway.chat(key)).status_code == 200
    await gateway.logs()
    assert (await gateway.ask(f"keys/{new['id']}"))["budgets"] == (await gateway.ask(f"keys/{made['id']}"))["budgets"]
    again = await gateway.admin.post(f"/console/v1/keys/{new['id']}/rotate")
    assert again.status_code == 201
    assert (await gateway.chat(new["key"])).status_code == 403


async def test_money_that_cannot_be(gateway: Served) -> None:
    for text in ("-1", "NaN", "1e99", "x"):
        put = await gateway.admin.put("/console/v1/wallet/standard", json={"balance": text})
        assert put.status_code == 400
        made = await gateway.admin.post("/console/v1/keys", json={"name": "x", "policy": {"daily_limit": text}})
        assert made.status_code == 400
    huge = await gateway.key(total_limit="9000000000")
    assert (await gateway.chat(huge, {**SAY_HI, "max_tokens": 10**30})).status_code == 200


async def test_limits_of_a_gateway_without_prices(tmp_path) -> None:
    """Where nothing is known of a price, a request holds the default freeze, and costs that where nobody bills it."""
    catalog = tmp_path / "catalog.toml"
    catalog.write_text('[[model]]\nkey = "free"\n')
    async with served(tmp_path, catalog=catalog, default_freeze="2") as here:
        assert (await here.chat(await here.key("a", daily_limit="1.9"))).status_code == 402
        key = await here.key("b", daily_limit="2")
        assert [(await here.chat(key)).status_code for _ in range(2)] == [200, 402]
        assert (await here.chat(await here.key("c"))).status_code == 200
        unlimited, _, limited, _ = await here.logs()
        assert (unlimited["cost_credits"], unlimited["cost_source"]) == ("0", "none")
        assert (limited["cost_credits"], limited["cost_source"]) == ("2", "estimated")


async def test_steps_that_are_held_ahead_cost_nothing_and_are_given_back(tmp_path: Path) -> None:
    """A long answer on a large limit: more is held than it needs yet, and it costs the steps that it came to."""
    words, held = [sse([chunk({"content": "x" * 2000})]).removesuffix(b"data: [DONE]\n\n")] * 6, asyncio.Event()
    end = [sse([chunk({}, "stop")])]
    answer = Scripted(pieces=[*words, held.wait(), *end])
    async with (
        ChatUpstream(lambda seen: answer if seen.method == "POST" else Scripted(404)) as upstream,
        served(tmp_path, upstream=upstream.url, upstream_api="chat") as here,
    ):
        made = await here.new_key(policy={"total_limit": "10000"})
        asking = asyncio.create_task(here.chat(made["key"], {**SAY_HI, "model": "without-a-price", "stream": True}))
        holds = "0"
        async with asyncio.timeout(HANG_S):
            while float(holds) <= 3:
                holds = (await here.ask(f"keys/{made['id']}"))["budgets"][0]["held"]
        held.set()
        assert (await asking).status_code == 200
        (row,) = await here.logs()
        (budget,) = (await here.ask(f"keys/{made['id']}"))["budgets"]
    assert float(holds) > 3, "12,000 letters are three steps"
    assert (row["cost_credits"], budget["spent"], budget["held"]) == ("3", "3", "0")


async def test_an_answer_goes_on_while_the_store_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It costs what it came to; the first step after the store is back asks for all of it, and is refused where it is too much."""
    words, back = [sse([chunk({"content": "x" * 2000})]).removesuffix(b"data: [DONE]\n\n")] * 6, asyncio.Event()

    def answer(seen: Any) -> Scripted:
        return Scripted(pieces=[*words, back.wait(), *words, sse([chunk({}, "stop")])])

    async with (
        ChatUpstream(lambda seen: answer(seen) if seen.method == "POST" else Scripted(404)) as upstream,
        served(tmp_path, upstream=upstream.url, upstream_api="chat") as here,
    ):
        extend, asked = here.gateway.ledger.extend, asyncio.Event()

        def away(*words: Any) -> asyncio.Future[Any]:
            asked.set()
            failed: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            failed.set_exception(StoreUnavailable("the store is unreachable"))
            return failed

        monkeypatch.setattr(here.gateway.ledger, "extend", away)
        keys = [await here.key("poor", total_limit="4"), await here.key("rich", total_limit="100")]
        body = {**SAY_HI, "model": "without-a-price", "stream": True}
        asking = [asyncio.create_task(here.chat(key, body)) for key in keys]
        await asyncio.wait_for(asked.wait(), HANG_S)
        monkeypatch.setattr(here.gateway.ledger, "extend", extend)
        back.set()
        poor, rich = await asyncio.gather(*asking)
        rows = {row["key"]: row for row in await here.logs()}
    assert "insufficient_quota" in poor.text
    assert "[DONE]" in rich.text
    assert "error" not in rich.text
    assert (rows["rich"]["status"], rows["rich"]["cost_credits"]) == (200, "6")
    assert rows["poor"]["error_type"] == "insufficient_quota"


class Endless:
    """A Chat upstream that writes ten steps and goes on until its client leaves; `refuses`: it takes no max_tokens."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.refuses = refuses
        self.asked: list[Any] = []

    def __call__(self, seen: Seen) -> Scripted:
        if seen.method != "POST" or seen.path != "/v1/chat/completions":
            return Scripted(404)
        self.asked.append(seen.body)
        if self.refuses and "max_tokens" in seen.body:
            return answer_json({"error": {"message": "Unrecognized request argument supplied: max_tokens"}}, 400)
        assert seen.body.get("stream") or "max_tokens" in seen.body, "nobody could end it"
        words = [sse([chunk({"content": "x" * 2000})], done=False)] * 20
        return Scripted(pieces=[*words, asyncio.Event().wait()])


@pytest.mark.parametrize(
    ("asks", "own", "refuses"),
    [
        ({}, {}, False),
        ({"max_output_tokens": 10**6}, {"drop": ["max_tokens"]}, False),
        ({"max_output_tokens": 3000}, {}, True),
        ({}, {"quirks": ["max_tokens always"]}, False),
        ({}, {"extra_body": {"max_tokens": 10**6}}, False),
    ],
    ids=["no limit named", "a limit that is dropped", "a limit that is refused", "the usual one", "the upstream's own"],
)
async def test_a_whole_answer_ends_at_the_limit_as_a_stream_does(
    tmp_path: Path, asks: dict[str, Any], own: dict[str, Any], refuses: bool
) -> None:
    """Without a price each step of 1,024 tokens costs one credit."""
    endless = Endless(refuses=refuses)
    async with ChatUpstream(endless) as upstream:
        one = UpstreamSettings(name="u", url=upstream.url, api="chat", **own)
        async with served(tmp_path, upstreams=[one]) as here:
            made = await here.new_key(policy={"total_limit": "5"})
            answer = await here.post("responses", made["key"], {"model": "m", "input": "hi", **asks})
            (row,) = await here.logs()
            (budget,) = (await here.ask(f"keys/{made['id']}"))["budgets"]
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (402, "insufficient_quota")
    assert "this answer was ended" in error["message"]
    assert (row["status"], row["error_type"], row["cost_credits"]) == (402, "insufficient_quota", budget["spent"])
    assert 4 <= float(budget["spent"]) <= 6
    assert budget["held"] == "0"
    assert endless.asked[-1]["stream"] is True


async def test_a_whole_answer_that_fits_is_put_together_from_a_stream(tmp_path: Path) -> None:
    words = [chunk({"reasoning": "hm"}), chunk({"content": "Hello "}), chunk({"content": "there"}), chunk({}, "stop")]
    async with (
        ChatUpstream(
            lambda seen: stream(*words, usage(1000, 50)) if seen.method == "POST" else Scripted(404)
        ) as upstream,
        served(tmp_path, upstream=upstream.url, upstream_api="chat") as here,
    ):
        answers = [
            await here.post("responses", await here.key(**policy), {"model": "m", "input": "hi"})
            for policy in ({}, {"total_limit": "5"})
        ]
        rows = await here.logs()
        asked = [(bool(seen.body.get("stream")), seen.headers["accept"]) for seen in upstream.turns]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.headers["content-type"] for answer in answers] == ["application/json"] * 2
    assert [[item["type"] for item in answer.json()["output"]] for answer in answers] == [["reasoning", "message"]] * 2
    assert asked == [(False, "application/json"), (True, "text/event-stream")]
    assert {(row["input_tokens"], row["output_tokens"], row["status"]) for row in rows} == {(1000, 50, 200)}
