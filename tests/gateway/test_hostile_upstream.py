"""An upstream that answers with numbers, names and nestings that nobody expects: the client gets its answer, the record
its end, and nothing of it stays behind in the gateway."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bridge.chat_upstream import ChatUpstream, Scripted
from tests.gateway.served import SAY_HI, Served, served
from tests.upstreams.calling import ANSWER

BODY = json.dumps(ANSWER)


def raw(text: str) -> Scripted:
    return Scripted(200, {"content-type": "application/json"}, [text.encode()])


def script(text: str, models: str = '{"data": [{"id": "m"}]}') -> Any:
    return lambda seen: raw(models) if seen.method == "GET" else raw(text)


@pytest.mark.parametrize("count", ["Infinity", "1e400", "NaN", "1e300", "9" * 30, '"' + "9" * 5000 + '"', "-1"])
@pytest.mark.parametrize("endpoint", ["chat/completions", "responses"])
async def test_counts_that_no_answer_has(tmp_path: Path, count: str, endpoint: str) -> None:
    text = BODY.replace('"prompt_tokens": 5', f'"prompt_tokens": {count}')
    async with (
        ChatUpstream(script(text)) as upstream,
        served(tmp_path, upstream=upstream.url, upstream_api="chat") as here,
    ):
        key = await here.key(total_limit="100")
        body = SAY_HI if endpoint == "chat/completions" else {"model": "auto", "input": "hi"}
        assert (await here.post(endpoint, key, body)).status_code == 200
        (row,) = await here.logs()
        assert (row["status"], row["output_tokens"], row["cost_source"]) == (200, 1, "estimated")
        assert 0 < row["input_tokens"] < 100
        assert (await here.ask("usage"))["totals"]["requests"] == 1
        await nothing_stays(here)


@pytest.mark.parametrize("credits_used", ['"9223372036"', '"1000000.1"', "Infinity", '"1e12"'])
async def test_a_bill_that_no_answer_has_is_none(tmp_path: Path, credits_used: str) -> None:
    """Some of them together are more than 64 bits hold, and nothing of their day could be written any more."""
    bill = f'"metadata": [{{"billing": {{"credits_used": {credits_used}}}}}], "id"'
    async with (
        ChatUpstream(script(BODY.replace('"id"', bill, 1))) as upstream,
        served(tmp_path, upstream=upstream.url) as here,
    ):
        key = await here.key(total_limit="100")
        for _ in range(3):
            assert (await here.chat(key)).status_code == 200
        assert [row["cost_source"] for row in await here.logs()] == ["estimated"] * 3
        assert "ignored" in (await here.logs())[0]["notes"]
        assert here.gateway.ledger.lost == 0
        await nothing_stays(here)


async def test_a_model_name_is_no_header_of_its_own(tmp_path: Path) -> None:
    text = BODY.replace('"real-model"', json.dumps("real\r\nset-cookie: a=b\u2028\x7f"))
    async with ChatUpstream(script(text)) as upstream, served(tmp_path, upstream=upstream.url) as here:
        answer = await here.chat(await here.key())
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
        assert answer.headers["x-daoe-used-model"].startswith("real  set-cookie: a=b")
        asked = await here.chat(await here.key(), {**SAY_HI, "model": "a\r\nb: c"})
        assert (asked.status_code, "b" in asked.headers) == (200, False)


@pytest.mark.parametrize("endpoint", ["chat/completions", "responses"])
async def test_a_nesting_that_can_be_read_but_not_written_is_refused(tmp_path: Path, endpoint: str) -> None:
    """Somewhere below Python's limit a body can still be parsed, and what is made of it cannot be written any more."""
    field = "messages" if endpoint == "chat/completions" else "input"
    async with (
        ChatUpstream(script(BODY)) as upstream,
        served(tmp_path, upstream=upstream.url, upstream_api="chat") as here,
    ):
        key = await here.key(total_limit="100")
        seen = set()
        for depth in (100, 500, *range(860, 1000, 4), 100_000):
            content = "[" * depth + "]" * depth
            body = f'{{"model":"m","tier":"standard","{field}":[{{"role":"user","content":{content}}}]}}'
            seen.add((await here.post(endpoint, key, body.encode())).status_code)
        assert seen == {200, 400}
        await nothing_stays(here)


@pytest.mark.parametrize(
    "entry",
    [
        {"id": "m", "owned_by": ["a"], "mci_score": float("nan")},
        {"id": "m", "provider": 7, "tags": [{"a": 1}], "mciScore": float("inf")},
        {"id": "m\ud800", "display_name": "\udfff", "description": "\ud800", "tags": ["\ud800"]},
        {"id": "m", "tier": ["standard"], "customerInputMtok": float("inf"), "customerOutputMtok": "1e99"},
        {"id": "m", "customer_input_mtok": "9000000000", "customer_output_mtok": "9000000000"},
    ],
)
async def test_a_model_list_with_anything_in_it(tmp_path: Path, entry: dict[str, Any]) -> None:
    listed = json.dumps({"data": [{"id": "auto"}, {"id": "n"}, entry]})
    async with ChatUpstream(script(BODY, listed)) as upstream, served(tmp_path, upstream=upstream.url) as here:
        await here.gateway.list_models()
        key = await here.key(total_limit="100")
        for path in ("api/v1/models", "console/v1/models", "console/v1/models?key=dev"):
            assert (await here.admin.get(f"/{path}")).status_code == 200, path
        for path in ("openai/v1/models", "api/v1/models/meta", "api/v1/pricing"):
            assert (await here.http.get(f"/{path}", headers={"authorization": f"Bearer {key}"})).status_code == 200
        for model in ("auto", "m", "n"):
            assert (await here.chat(key, {**SAY_HI, "model": model})).status_code in (200, 402)
        await nothing_stays(here)


async def test_a_wallet_holds_no_more_than_the_ledger(gateway: Served) -> None:
    for amount, status in (("9000000000", 200), ("223372036", 200), ("1", 400)):
        answer = await gateway.admin.post("/console/v1/wallet/standard/credit", json={"amount": amount})
        assert (answer.status_code, "can hold" in answer.text) == (status, status == 400)
    assert (await gateway.ask("wallet"))["wallets"][1]["balance"] == "9223372036"


async def nothing_stays(here: Served) -> None:
    """No request counts as running, nothing is held, and no row is open."""
    assert all(row["status"] is not None for row in await here.logs(limit=200))
    assert not here.gateway.running
    assert [entry.running for entry in here.gateway.keys] == [0] * len(here.gateway.keys)
    assert {budget["held"] for key in (await here.ask("keys"))["keys"] for budget in key["budgets"]} <= {"0"}
