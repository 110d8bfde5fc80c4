"""The models of a key as Codex's `model_catalog_url` loads them; the real Codex loads them in tests/real/test_codex_catalog.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from joytui.gateway.codex_models import FALLBACK_WINDOW, prompt_for, version_of
from tests.gateway.served import Served, served

MINI, PLAIN, MAX = "joytui-offline-mini", "joytui-offline", "joytui-offline-max"
POLICIES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no limits": ({}, ["auto", MINI, PLAIN, MAX]),
    "one tier": ({"tiers": ["economy"]}, ["auto", MINI]),
    "a model less": ({"model_blacklist": [PLAIN]}, ["auto", MINI, MAX]),
    "nothing left": ({"tiers": ["premium"], "model_blacklist": [MAX]}, []),
    "fixed": ({"fixed_model": MAX}, [MAX]),
    "fixed to auto": ({"fixed_model": "auto"}, ["auto"]),
    "fixed beyond its tiers": ({"fixed_model": MAX, "tiers": ["economy"]}, []),
    "from elsewhere": ({"ip_allow": ["192.0.2.0/24"]}, ["auto", MINI, PLAIN, MAX]),
    "blocked": ({"blocked": True}, []),
    "spent": ({"daily_limit": "0"}, ["auto", MINI, PLAIN, MAX]),
}


async def entries(gateway: Served, key: str, **headers: str) -> list[dict[str, Any]]:
    path = "/openai/v1/codex/models?client_version=0.171.0"
    answer = await gateway.http.get(path, headers={"authorization": f"Bearer {key}", **headers})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["models"])


async def test_a_key_is_offered_what_its_policy_allows_each_model_once(gateway: Served) -> None:
    for policy, expected in POLICIES.values():
        found = await entries(gateway, await gateway.key(**policy))
        assert [one["slug"] for one in found] == expected, policy
        assert [one["priority"] for one in found] == list(range(len(expected)))


async def test_an_entry_is_the_fallback_metadata_of_this_codex(gateway: Served) -> None:
    auto, *_, dearest = await entries(gateway, await gateway.key())
    assert auto["base_instructions"] == prompt_for((0, 171, 0))
    assert auto["base_instructions"].startswith("You are a coding agent running in the Codex CLI")
    assert (auto["context_window"], auto["auto_compact_token_limit"]) == (FALLBACK_WINDOW, None)
    assert dearest["description"] == "Premium tier; 1500 credits per million tokens of input, 7500 of output."


async def test_without_a_good_key_401(gateway: Served) -> None:
    ended = await gateway.new_key()
    await gateway.admin.post(f"/console/v1/keys/{ended['id']}/revoke")
    for headers in ({}, {"authorization": "Bearer jt_xxx"}, {"authorization": f"Bearer {ended['key']}"}):
        answer = await gateway.http.get("/openai/v1/codex/models", headers=headers)
        assert answer.status_code == 401
        assert answer.json()["error"]["type"] in ("missing_api_key", "invalid_api_key")


async def test_many_models_are_small_where_the_client_unpacks(gateway: Served) -> None:
    key = await gateway.key()
    path, sent = "/openai/v1/codex/models", {"authorization": f"Bearer {key}"}
    packed = await gateway.http.get(path, headers={**sent, "accept-encoding": "zstd,gzip"})
    plain = await gateway.http.get(path, headers={**sent, "accept-encoding": "identity"})
    assert packed.json() == plain.json()
    assert int(packed.headers["content-length"]) * 4 < int(plain.headers["content-length"])


async def test_the_context_window_of_the_catalog_and_when_to_compact(tmp_path: Path) -> None:
    """`auto` may become any of the models: the smallest window counts, for one without a window what Codex assumes."""
    catalog = tmp_path / "catalog.toml"
    catalog.write_text(
        '[[model]]\nkey = "a"\ncontext_window = 128000\n[[model]]\nkey = "b"\ntier = "premium"\ncontext_window = 1000000\n'
        '[[model]]\nkey = "c"\ntier = "economy"\n'
    )
    async with served(tmp_path, catalog=catalog) as gateway:
        found = {one["slug"]: one for one in await entries(gateway, await gateway.key())}
        windows = {slug: (one["context_window"], one["auto_compact_token_limit"]) for slug, one in found.items()}
        assert windows == {
            "auto": (128_000, 115_200),
            "a": (128_000, 115_200),
            "b": (1_000_000, 900_000),
            "c": (FALLBACK_WINDOW, None),
        }
        listed = (await gateway.http.get("/api/v1/models")).json()["data"]["models"]
        assert [one["contextWindow"] for one in listed] == [128_000, 1_000_000, None]


async def test_an_upstream_that_lists_nothing_offers_auto_alone(tmp_path: Path) -> None:
    async with served(tmp_path, upstream="http://127.0.0.1:9/v1") as gateway:
        assert [one["slug"] for one in await entries(gateway, await gateway.key())] == ["auto"]


async def test_a_key_that_is_fixed_to_auto_lists_it_once(gateway: Served) -> None:
    key = await gateway.key(fixed_model="auto")
    answer = await gateway.http.get("/openai/v1/models", headers={"authorization": f"Bearer {key}"})
    assert [one["id"] for one in answer.json()["data"]] == ["auto"]


def test_the_prompt_is_that_of_the_clients_version() -> None:
    lengths = {
        text: len(prompt_for(version_of(text)))
        for text in ("0.94.0", "0.142.5", "0.143.0", "0.151.0", "0.152.0", "0.171.0", "")
    }
    assert list(lengths.values()) == [20_771, 20_771, 20_751, 20_751, 16_979, 16_979, 16_979]


@pytest.mark.parametrize(
    ("text", "version"),
    [("0.171.0", (0, 171, 0)), ("0.172.0-alpha.1", (0, 172, 0)), ("", ()), ("1.٣", ()), ("9" * 5000, ()), ("x", ())],
)
def test_the_version_of_a_client(text: str, version: tuple[int, ...]) -> None:
    assert version_of(text) == version
    assert prompt_for(version)
