"""The real Codex with the gateway's models: no warning, the same request, a picker with what the policy allows, and compaction."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from joytui.core.joytoken import CODEX_MODELS_PATH, KEY_VARIABLE
from joytui.doctor.setup import listed_models
from tests.bridge.tap import Tap
from tests.support.app_server import app_server
from tests.support.codex_run import Done
from tests.support.real_codex import CURRENT, NEWEST, OLDER, codex
from tests.support.real_setup import Setup

pytestmark = pytest.mark.codex
WARNING = "Model metadata for `auto` not found"
MODELS = ("joytui-offline-mini", "joytui-offline", "joytui-offline-max")
TIERS = ([], ["economy"], ["standard"], ["economy", "premium"])
FORBIDDEN = ([], ["joytui-offline"], ["joytui-offline-mini", "joytui-offline-max"])
FIXED = (*MODELS, "auto", "gpt-5.5", "no-such-model")
POLICIES: tuple[dict[str, Any], ...] = (
    *({"tiers": tiers, "model_blacklist": names} for tiers, names in itertools.product(TIERS, FORBIDDEN)),
    *({"fixed_model": name} for name in FIXED),
    {"fixed_model": MODELS[2], "tiers": ["economy"]},
    {"ip_allow": ["192.0.2.1"]},
)
VOLATILE = {"id", "prompt_cache_key", "client_metadata"}
OFFERED = re.compile(r"(?:Available model overrides.*?|No picker-visible model overrides.*?)\n((?:- `.*\n)*)")


def line(url: str) -> str:
    return f'model_catalog_url = "{url}/openai/v1{CODEX_MODELS_PATH}"\n'


def steady(value: Any) -> Any:
    """A request without what differs from one turn to the next, and without the models that sub-agents may have."""
    if isinstance(value, dict):
        return {name: steady(item) for name, item in value.items() if name not in VOLATILE}
    if isinstance(value, list):
        return [steady(item) for item in value]
    return OFFERED.sub("", value) if isinstance(value, str) else value


@pytest.mark.parametrize("version", [NEWEST, CURRENT])
async def test_the_request_is_the_same_but_for_the_models_of_sub_agents(setup: Setup, version: str) -> None:
    async with Tap() as tap:
        host = f"127.0.0.1:{tap.port}"
        tap.target = await asyncio.to_thread(setup.start_gateway, "--allow-host", host)
        setup.url = f"http://{host}"
        await asyncio.to_thread(setup.create_key, "codex")

        async def turn(extra: str) -> Done:
            setup.configure(extra=extra)
            return await asyncio.to_thread(setup.codex, "say hi", version=version)

        without, with_models = await turn(""), await turn(line(setup.url))
        before, after = tap.bodies
    assert (without.exit_code, with_models.exit_code) == (0, 0), with_models.stderr
    assert WARNING in without.stderr
    assert WARNING not in with_models.stderr
    assert "failed to refresh" not in with_models.stderr
    assert before != after
    assert steady(after) == steady(before)
    assert "joytui-offline-max" in str(after)
    assert "joytui-offline-max" not in str(before)


async def test_an_older_codex_sends_the_same_with_a_copy(setup: Setup) -> None:
    """0.140.0 takes the models from a file alone; it lists its skills in any order."""
    version, place = OLDER[0], setup.folder / "models.json"
    async with Tap() as tap:
        host = f"127.0.0.1:{tap.port}"
        tap.target = await asyncio.to_thread(setup.start_gateway, "--allow-host", host)
        setup.url = f"http://{host}"
        key = (await asyncio.to_thread(setup.create_key, "codex"))["key"]
        found = await listed_models(f"{tap.target}/openai/v1", key.encode(), version)
        assert found is not None
        place.write_bytes(found)
        runs = []
        for head in ("", f'model_catalog_json = "{place}"\n'):
            config = setup.configure()
            config.write_text(head + config.read_text())
            runs.append(await asyncio.to_thread(setup.codex, "say hi", version=version))
        before, after = tap.bodies
    assert [run.exit_code for run in runs] == [0, 0], runs[-1].stderr
    assert [WARNING in run.stderr for run in runs] == [True, False]
    assert sorted_lines(steady(after)) == sorted_lines(steady(before))


def sorted_lines(request: Any) -> list[str]:
    return sorted(json.dumps(request, sort_keys=True).replace("\\n", "\n").split("\n"))


@pytest.mark.parametrize("version", [NEWEST, CURRENT, *OLDER])
def test_what_setup_writes_is_good_for_each_version(setup: Setup, version: str) -> None:
    command = Path(codex(version))
    setup.env["PATH"] = f"{command.parent}:{setup.env['PATH']}"
    setup.env["JOYTUI_GATEWAY_PORT"] = "0"
    try:
        said = setup.joytui("setup", "--local", "--yes", ok=(0, 1) if version == "0.94.0" else (0,))
        setup.env[KEY_VARIABLE] = said.stdout.split('"')[1]
        done = setup.codex("say hi", version=version)
    finally:
        setup.joytui("gateway", "stop")
    assert done.exit_code == 0, done.stderr
    config = (setup.codex_home / "config.toml").read_text()
    told = {NEWEST: "model_catalog_url", CURRENT: "model_catalog_url", "0.140.0": "model_catalog_json"}.get(version)
    for line in ("model_catalog_url", "model_catalog_json"):
        assert (line in config) is (line == told)
    assert WARNING not in done.stderr


def test_the_picker_offers_what_the_policy_allows(setup: Setup) -> None:
    """One Codex, and one key whose policy changes: Codex asks again once its own copy is gone."""
    setup.start_gateway()
    setup.configure(extra=line(setup.url))
    key = setup.create_key("picker")
    with app_server(codex(NEWEST), setup.env, setup.folder / "work") as server:
        for policy in POLICIES:
            setup.console("PATCH", f"/keys/{key['id']}", {"policy": policy})
            (setup.codex_home / "models_cache.json").unlink(missing_ok=True)
            shown = [one["model"] for one in server.ask("model/list", includeHidden=True)["data"]]
            assert shown == allowed(setup, key["id"], policy), policy


def allowed(setup: Setup, key_id: str, policy: dict[str, Any]) -> list[str]:
    """What requests of this key would be let in, asked of the gateway one model at a time."""
    names = [policy["fixed_model"]] if "fixed_model" in policy else ["auto", *MODELS]
    asked = {name: setup.console("POST", "/keys/check", {"key": key_id, "model": name}) for name in names}
    return [name for name, verdict in asked.items() if verdict["allowed"]]


def test_codex_compacts_by_the_window_of_the_catalog(setup: Setup) -> None:
    """A turn of Codex takes some 9,000 tokens: more than 90% of this window, so that the next one begins with a compaction."""
    (setup.folder / "catalog.toml").write_text(
        '[[model]]\nkey = "small"\ncontext_window = 9000\ninput = "1"\noutput = "1"\n'
    )
    setup.start_gateway("--catalog", str(setup.folder / "catalog.toml"))
    setup.configure(extra=line(setup.url))
    setup.create_key("codex")
    with app_server(codex(NEWEST), setup.env, setup.folder / "work") as server:
        thread = server.ask("thread/start", cwd=str(setup.folder / "work"))["thread"]["id"]
        for _ in range(2):
            assert server.turn(thread, "say hi")["status"] == "completed"
    used = [one["params"] for one in server.notices if one["method"] == "thread/tokenUsage/updated"]
    assert {one["tokenUsage"]["modelContextWindow"] for one in used} == {9000 * 95 // 100}
    items = [one["params"]["item"]["type"] for one in server.notices if one["method"] == "item/completed"]
    assert "contextCompaction" in items
