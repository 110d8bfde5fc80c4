"""Gateways as bug reports describe them, by kind: the doctor's verdict, and that its fix is not what the gateway just refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from joytui.codex.world import Invocation
from joytui.core.records import Report
from joytui.doctor.examine import examine
from tests.support.http_by_hand import Request
from tests.support.raw_gateway import KEY
from tests.support.ruled_gateway import OK, Rule, RuledGateway

ENV_KEY = 'env_key = "JOY_TOKEN_API_KEY"'
CONFIG = """model_provider = "gw"
model = "{model}"

[model_providers.gw]
name = "gw"
base_url = "http://127.0.0.1:{port}{base}"
{key}
"""


@dataclass(frozen=True)
class Field:
    """A configuration, the rule of its gateway, the right cause (None: it works), and what no text of the fix may say."""

    cause: str | None
    rule: Rule
    not_said: str = "(?!)"
    base: str = "/openai/v1"
    model: str = "auto"
    key: str = ENV_KEY


def refusing(status: int, message: str, *models: str, **error: str) -> Rule:
    """Refuses each turn so, and lists these models."""
    body = json.dumps({"error": {"message": message, **error}}, ensure_ascii=False)
    listed = json.dumps({"data": [{"id": name} for name in models]})

    def rule(request: Request) -> tuple[int, str]:
        if request.method == "GET":
            return (200, listed) if models and request.bare_path.endswith("/models") else (404, "{}")
        return status, body

    return rule


def without_route(message: str, *models: str, status: int = 404) -> Rule:
    """Knows POST /v1/responses in so far that it says this; nothing else but the models is there."""
    said = refusing(status, message, *models)

    def rule(request: Request) -> tuple[int, str]:
        return said(request) if request.bare_path.startswith("/v1/") and "chat" not in request.path else (404, "")

    return rule


def keyed(header: str, message: str, status: int = 401) -> Rule:
    """Takes the key in this header only."""

    def rule(request: Request) -> tuple[int, str]:
        return (200, OK) if request.header(header) == KEY else (status, json.dumps({"message": message}))

    return rule


NO_ADDRESS = r"/openai/v1|setup --local"
KINDS: dict[str, list[Field]] = {
    "404 of a relay": [
        Field("responses-unsupported", without_route("local proxy failed for /responses; upstream_status: HTTP 404; cause: 上游错误"), NO_ADDRESS, "/v1"),
        Field("responses-unsupported", without_route("Not Found", "auto", "glm-9"), NO_ADDRESS, "/v1"),
        Field("responses-unsupported", without_route("Invalid URL (POST /v1/responses)"), NO_ADDRESS, "/v1"),
        Field("model-not-found", without_route("No enabled provider for model auto"), "-m auto", "/v1"),
        Field("base-url-path", lambda _: (404, ""), r"Set base_url", "/gateway"),
    ],
    "key in another header": [
        Field("key-missing", keyed("api-key", "Access denied due to missing subscription key."), "load balancer"),
        Field("key-missing", keyed("x-api-key", "x-api-key header is required"), "load balancer"),
        Field("key-missing", keyed("api-key", "No credentials in this request"), "load balancer"),
        Field("key-missing", refusing(401, "missing api key"), "env_http_headers"),
        Field(None, keyed("api-key", "missing"), key='env_http_headers = { "api-key" = "JOY_TOKEN_API_KEY" }'),
    ],
    "body says otherwise": [
        Field("responses-unsupported", refusing(400, "The Responses API is not supported for this model"), r"Set base_url"),
        Field("responses-unsupported", refusing(500, "not implemented", code="convert_request_failed"), r"Set base_url"),
        Field("insufficient-quota", refusing(412, "Account team is suspended: its spending limit is reached", code="ACCOUNT_SUSPENDED")),
        Field("key-rejected", refusing(401, "无效的令牌", type="new_api_error")),
        Field("policy-rejected", refusing(401, "This key may not access model gpt-9", code="model_access_denied"), "keys create", model="gpt-9"),
        Field("insufficient-quota", refusing(429, "余额不足，请充值", code="1113"), r"\b[Ww]ait\b,"),
        Field("request-rejected", refusing(502, 'Kimi 400: {"error":{"message":"tool type custom is not supported"}}')),
    ],
    "fix against evidence": [
        Field("model-not-found", refusing(400, "Invalid model name passed in model=auto", "auto"), "-m auto"),
        Field("model-not-found", refusing(503, "No available channel for model auto under group team"), "-m auto"),
        Field("model-not-found", refusing(404, "model not found: gpt-9", "gpt-9", "gpt-8"), r"\bgpt-9\b", model="gpt-9"),
    ],
}  # fmt: skip


def examined(one: Field, folder: Path, port: int) -> Report:
    (folder / "config.toml").write_text(
        CONFIG.format(port=port, model=one.model, base=one.base, key=one.key), encoding="utf-8"
    )
    env = {"HOME": str(folder), "CODEX_HOME": str(folder), "PATH": "/nowhere", "JOY_TOKEN_API_KEY": KEY}
    return examine(Invocation((), env, folder, "0.171.0", folder / "etc"))


def fault(one: Field, report: Report) -> str:
    """What is wrong about the report; empty: nothing."""
    verdict = report.verdict
    if verdict.cause != one.cause or verdict.works is not (one.cause is None):
        return f"{verdict.cause} instead of {one.cause}"
    fix = verdict.fix
    texts = "\n".join((fix.summary, *fix.commands, fix.patch or "")) if fix else ""
    said = re.search(one.not_said, re.sub(r"(?m)^[- ].*$", "", texts))
    return f"{one.cause}: says {said[0]!r}" if said else ""


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind(kind: str, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    faults = []
    for one in KINDS[kind]:
        with RuledGateway(one.rule) as gateway:
            faults.append(fault(one, examined(one, tmp_path, gateway.port)))
    wrong = [text for text in faults if text]
    record_property("situations", f"field: {kind:<29} {len(faults):>5}  right {len(faults) - len(wrong)}")
    assert not wrong
