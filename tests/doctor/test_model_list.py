"""What the doctor says of `model_catalog_url`, and what the real Codex says of the same list: always a warning, never a verdict."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from joytui.codex.world import Invocation
from joytui.core.joytoken import config_block
from joytui.core.records import Finding, Report
from joytui.doctor import examine, model_list
from joytui.doctor.fix.changes import drafted
from joytui.gateway.codex_models import Offer, catalog_json
from tests.gateway.served import served
from tests.support.behaviours import SILENCE, Behaviour, Reply, as_json, as_text, behaviour, error
from tests.support.codex_run import bounded
from tests.support.fault_gateway import GOOD_KEY, FaultGateway
from tests.support.hang import HANG_S
from tests.support.real_codex import CURRENT, NEWEST, codex

UNKNOWN = "Model metadata for `auto` not found"
FAILED = "failed to refresh available models: "


def entries(*slugs: str, without: str = "") -> Reply:
    offered = tuple(Offer(slug, slug, "", None) for slug in slugs)
    models = json.loads(catalog_json(offered, (0, 171, 0), packed=False))["models"]
    return as_json(200, {"models": [{name: value for name, value in one.items() if name != without} for one in models]})


LISTS: dict[str, tuple[Reply, str, str]] = {
    "good": (entries("auto", "m"), "", ""),
    "401": (error(401, "missing api key", "missing_api_key"), "refused", f"{FAILED}unexpected status 401 Unauthorized: Unknown error"),
    "404": (as_text(404, "<html>"), "status", f"{FAILED}unexpected status 404 Not Found: Unknown error"),
    "500": (error(500, "boom"), "status", f"{FAILED}We’re currently experiencing high demand"),
    "no JSON": (as_text(200, "<html>"), "unreadable", f"{FAILED}stream disconnected before completion: failed to decode"),
    "OpenAI's form": (as_json(200, {"data": [{"id": "auto"}]}), "unreadable", f"{FAILED}stream disconnected before completion"),
    "without a prompt": (entries("auto", without="base_instructions"), "unreadable", f"{FAILED}stream disconnected"),
    "others": (entries("m", "aut"), "unlisted", UNKNOWN),
    "none": (entries(), "unlisted", UNKNOWN),
    "twice": (entries("auto", "m", "m"), "twice", f"{FAILED}model catalog must contain unique, non-empty model slugs"),
}  # fmt: skip


def plays(models: Reply) -> Behaviour:
    return replace(behaviour("healthy"), models=models)


def invocation(
    folder: Path, base_url: str, url: str | None, key: str = GOOD_KEY, version: str = "0.171.0"
) -> Invocation:
    home = folder / "codex"
    home.mkdir(exist_ok=True)
    line = f'model_catalog_url = "{url}"\n' if url is not None else ""
    (home / "config.toml").write_text(config_block(base_url) + line)
    env = {"HOME": str(folder), "CODEX_HOME": str(home), "PATH": "/nowhere", "JOY_TOKEN_API_KEY": key}
    env |= {"JOYTUI_DATA_DIR": str(folder / "none")}
    return Invocation((), env, folder, version, folder / "etc")


def warning(report: Report) -> Finding | None:
    """The one about the list, beside a verdict that Codex works."""
    assert report.verdict.works, report.verdict
    return next((one for one in report.warnings if one.cause == "model-catalog-missing"), None)


def fixed(folder: Path, found: Finding, asked: Invocation) -> str:
    """config.toml as the fix would leave it."""
    from joytui.codex.look import look

    draft = drafted("model-catalog-missing", look(asked), found.details)
    assert draft is not None
    return next(iter(draft.changes())).new.decode()


@pytest.mark.parametrize("name", LISTS)
def test_a_list_as_codex_meets_it(tmp_path: Path, name: str) -> None:
    reply, fault, says = LISTS[name]
    with FaultGateway(plays(reply)) as gateway:
        asked = invocation(tmp_path, gateway.base_url, f"{gateway.base_url}/models")
        found = warning(examine(asked))
        if not fault:
            assert found is None, found
            return
        assert found is not None
        assert found.details["catalog"] == fault
        assert (found.codex_says or "").startswith(says)
        assert gateway.summary()[f"GET /openai/v1/models?client_version=0.171.0 {reply.status} auth"]
        if fault != "unlisted":
            assert "model_catalog_url" not in fixed(tmp_path, found, asked)


@pytest.mark.codex
@pytest.mark.slow
@pytest.mark.parametrize("version", [NEWEST, CURRENT])
@pytest.mark.parametrize("name", LISTS)
def test_the_real_codex_says_so(tmp_path: Path, name: str, version: str) -> None:
    reply, fault, says = LISTS[name]
    with FaultGateway(plays(reply)) as gateway:
        asked = invocation(tmp_path, gateway.base_url, f"{gateway.base_url}/models")
        env = {**asked.env, "PATH": str(Path(codex(version)).parent) + ":/usr/local/bin:/usr/bin:/bin"}
        done = bounded([codex(version), "exec", "--skip-git-repo-check", "say hi"], env, tmp_path, HANG_S)
    assert done.exit_code == 0, done.stderr
    assert says in done.stderr
    assert bool(fault) is (UNKNOWN in done.stderr)
    assert done.stderr.count(FAILED) == (2 if says.startswith(FAILED) else 0)


@pytest.mark.parametrize(
    ("url", "fault", "says"),
    [
        ("", "address", f"{FAILED}model_catalog_url must be an absolute URL"),
        ("/openai/v1/models", "address", f"{FAILED}model_catalog_url must be an absolute URL"),
        ("ftp://127.0.0.1/models", "address", f"{FAILED}stream disconnected before completion: builder error"),
        ("http://127.0.0.1:9/openai/v1/models", "elsewhere", ""),
    ],
)
def test_an_address_that_nobody_is_asked_at(tmp_path: Path, url: str, fault: str, says: str) -> None:
    """Seen without sending anything, and the key goes to no other address."""
    with FaultGateway("healthy") as gateway:
        asked = invocation(tmp_path, gateway.base_url, url)
        local = next(one for one in examine(asked, send=False).warnings if one.cause == "model-catalog-missing")
        found = warning(examine(asked))
    assert found is not None
    assert found.details["catalog"] == local.details["catalog"] == fault
    assert (found.codex_says or "") == says
    assert "model_catalog_url" not in fixed(tmp_path, found, asked)


@pytest.mark.parametrize(
    "reply", [SILENCE, Reply(200, (b"{",), chunked=True, ending="hang")], ids=["nothing", "a part"]
)
def test_a_list_that_codex_does_not_wait_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reply: Reply) -> None:
    monkeypatch.setattr(model_list, "WAITS_S", 0.1)
    with FaultGateway(plays(reply)) as gateway:
        found = warning(examine(invocation(tmp_path, gateway.base_url, f"{gateway.base_url}/models")))
    assert found is not None
    assert (found.details["catalog"], found.codex_says) == ("late", f"{FAILED}request timed out")


def test_a_list_that_takes_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_list, "SLOW_S", -1.0)
    with FaultGateway(plays(entries("auto"))) as gateway:
        found = warning(examine(invocation(tmp_path, gateway.base_url, f"{gateway.base_url}/models")))
    assert found is not None
    assert found.details["catalog"] == "slow"


async def test_joytuis_own_gateway_has_a_list_that_the_fix_names(tmp_path: Path) -> None:
    """Where the line is missing or wrong; and nothing is said where it is right, or where this Codex asks for no list."""
    async with served(tmp_path) as gateway:
        key, base = await gateway.key(), f"{gateway.url}/openai/v1"
        right = f"{base}/codex/models"

        async def seen(url: str | None, **more: Any) -> tuple[Finding | None, Invocation]:
            asked = invocation(tmp_path, base, url, key, **more)
            return warning(await asyncio.to_thread(examine, asked)), asked

        for url, fault in ((None, "unset"), (f"{base}/nothing", "status"), (f"{base}/models", "unreadable")):
            found, asked = await seen(url)
            assert found is not None, url
            assert found.details["catalog"] == fault
            assert f'model_catalog_url = "{right}"' in fixed(tmp_path, found, asked)
        assert (await seen(right))[0] is None
        assert (await seen(None, version="0.160.1"))[0] is None
