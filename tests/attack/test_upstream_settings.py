"""What the settings say of an upstream opens no way around a key's policy, and no client changes it for the others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from joytui.gateway.settings import UpstreamSettings
from joytui.gateway.upstreams.learning import MOST_MODELS, Lessons
from tests.bridge.chat_upstream import ChatUpstream, Scripted, Seen, answer_json
from tests.gateway.served import SAY_HI, served
from tests.upstreams.calling import ANSWER

CATALOG = """
[[model]]
key = "vendor/model-7b"
tier = "premium"
input = "10"
output = "1000"
"""


def answer(seen: Seen) -> Scripted:
    if seen.method == "GET":
        return answer_json({"data": [{"id": "vendor/model-7b"}, {"id": "m"}]})
    return answer_json(ANSWER)


@pytest.mark.parametrize("listed", [True, False])
async def test_another_name_is_no_way_around_the_policy(tmp_path: Path, listed: bool) -> None:
    """Forbidden by name, by tier or by price: from the first request on, also before the upstream has told its models."""
    catalog = tmp_path / "catalog.toml"
    catalog.write_text(CATALOG)

    def script(seen: Seen) -> Scripted:
        return answer(seen) if listed or seen.method != "GET" else Scripted(500)

    async with ChatUpstream(script) as upstream:
        two = [
            UpstreamSettings(url=upstream.url, models={"fast": "vendor/model-7b"}),
            UpstreamSettings(url=upstream.url),
        ]
        async with served(tmp_path, upstreams=two, catalog=catalog) as here:
            await here.gateway.list_models()
            for policy in (
                {"model_blacklist": ["vendor/model-7b"]},
                {"model_blacklist": ["model-7b"]},
                {"tiers": ["economy"]},
                {"daily_limit": "0.5"},
            ):
                key = await here.key(**policy)
                status = 402 if "daily_limit" in policy else 403
                assert (await here.chat(key, {**SAY_HI, "model": "fast"})).status_code == status, policy
                listing = (await here.http.get("/openai/v1/models", headers={"authorization": f"Bearer {key}"})).json()
                assert status == 402 or "fast" not in {one["id"] for one in listing["data"]}
            assert upstream.turns == []
            assert (await here.chat(await here.key(), {**SAY_HI, "model": "fast"})).status_code == 200
            assert json.loads(upstream.turns[0].raw)["model"] == "vendor/model-7b"


TOO_HIGH = {
    "message": "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 99 instead.",
    "type": "invalid_request_error", "param": "temperature", "code": "decimal_above_max_value",
}  # fmt: skip


async def test_a_wrong_number_takes_the_field_from_nobody_else(tmp_path: Path) -> None:
    """One key's temperature of 99 took the temperature out of everybody's requests, for seven days."""

    def strict(seen: Seen) -> Scripted:
        if seen.method == "POST" and json.loads(seen.raw).get("temperature", 0) > 2:
            return answer_json({"error": TOO_HIGH}, 400)
        return answer(seen)

    async with ChatUpstream(strict) as upstream, served(tmp_path, upstream=upstream.url, upstream_api="chat") as here:
        bad, good = await here.key(), await here.key()
        await here.post("responses", bad, {"model": "m", "input": "hi", "temperature": 99})
        assert (
            await here.post("responses", good, {"model": "m", "input": "hi", "temperature": 0.1})
        ).status_code == 200
        assert json.loads(upstream.turns[-1].raw)["temperature"] == 0.1
        assert [lessons.shown() for lessons in here.gateway.upstream.taught()] == [[]]


def test_names_of_models_do_not_fill_the_memory() -> None:
    lessons = Lessons("https://api.example.test/v1", "example")
    for number in range(3 * MOST_MODELS):
        lessons.learn(f"m{number}", ("no temperature",))
    assert len(lessons.shown()) == MOST_MODELS
    assert lessons.of(f"m{3 * MOST_MODELS - 1}") == ("no temperature",)
