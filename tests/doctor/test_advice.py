"""Advice that follows the evidence: the model that a policy names, the line that is refused, the form of a cause."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from joytui.causes import CAUSES
from joytui.causes.answers import allowed_models, classify, read_answer
from joytui.codex.world import Invocation
from joytui.core.records import Report
from joytui.doctor import examine
from tests.doctor.test_whole_turn import GUIDE
from tests.gateway.served import served
from tests.support.fault_gateway import GOOD_KEY, FaultGateway
from tests.support.raw_gateway import HEAD, KEY, OK, RawGateway


def examined(tmp_path: Path, port: int, extra: str = "", after: str = "", key: str = GOOD_KEY) -> Report:
    home = tmp_path / "codex"
    home.mkdir()
    (home / "config.toml").write_text(extra + GUIDE.format(port=port) + after)
    env = {"HOME": str(tmp_path), "CODEX_HOME": str(home), "PATH": "/nowhere", "JOY_TOKEN_API_KEY": key}
    env |= {"JOYTUI_DATA_DIR": str(tmp_path / "none")}
    return examine(Invocation((), env, tmp_path, "0.169.0", tmp_path / "etc"))


@pytest.mark.parametrize(
    ("message", "models"),
    [
        ("model gpt-9 is not allowed: this key is fixed to auto (use it, or auto)", ["auto"]),
        ("model x is not allowed: this key is fixed to openai/gpt-4o (use it, or auto)", ["auto", "openai/gpt-4o"]),
        ("fixed model mismatch: key is pinned to openai/gpt-4o-mini", ["openai/gpt-4o-mini"]),
        ("key not allowed to access model. This key can only access models=['gpt-4', 'gpt-4o']. Tried x", ["gpt-4", "gpt-4o"]),
        ("model is on the key's blacklist", []),
    ],
)  # fmt: skip
def test_a_refusal_says_which_models_the_key_may_use(message: str, models: list[str]) -> None:
    assert allowed_models(message) == models
    body = json.dumps({"error": {"message": message, "type": "policy_rejected"}}).encode()
    assert classify(read_answer(403, {}, body)).details.get("allowed", []) == models


def test_what_is_no_model_is_none() -> None:
    body = json.dumps(
        {"error": {"message": "IP 1.2.3.4: this key is limited to 10.0.0.0/8", "type": "policy_rejected"}}
    )
    assert "allowed" not in classify(read_answer(403, {}, body.encode())).details


async def test_a_key_that_is_fixed_to_auto_has_a_fix_of_one_line(tmp_path: Path) -> None:
    async with served(tmp_path) as gateway:
        key = await gateway.key(fixed_model="auto")
        port = int(gateway.url.rsplit(":", 1)[1])
        home = tmp_path / "codex"
        home.mkdir()
        (home / "config.toml").write_text(GUIDE.format(port=port).replace('"auto"', '"gpt-5-turbo"'))
        env = {"HOME": str(tmp_path), "CODEX_HOME": str(home), "PATH": "/nowhere", "JOY_TOKEN_API_KEY": key}
        env |= {"JOYTUI_DATA_DIR": str(tmp_path / "none")}
        found = await asyncio.to_thread(examine, Invocation((), env, tmp_path, "0.169.0", tmp_path / "etc"))
    verdict = found.verdict
    assert (verdict.cause, verdict.details["allowed"]) == ("policy-rejected", ["auto"])
    assert verdict.fix is not None
    assert '+model = "auto"' in (verdict.fix.patch or "")


REFUSAL = b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"
LINES = (
    ("model_reasoning_effort", 'model_reasoning_effort = "xhigh"\n', "", "Unsupported value: 'xhigh'"),
    ("model_providers.joytoken.query_params.api-version", "", '[model_providers.joytoken.query_params]\napi-version = "7"\n',
     "Unknown query parameter: api-version"),
    ("model_providers.joytoken.http_headers.x-team", "", '[model_providers.joytoken.http_headers]\nx-team = "a"\n',
     "header X-Team is not allowed"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("line", "extra", "after", "message"), LINES, ids=[line[0].rsplit(".", 1)[-1] for line in LINES]
)
def test_the_line_whose_value_is_refused_is_the_mend(
    tmp_path: Path, line: str, extra: str, after: str, message: str
) -> None:
    """A gateway that refuses one value takes the request without it."""
    refused = REFUSAL + json.dumps({"error": {"message": message, "type": "invalid_request_error"}}).encode()
    with RawGateway([refused, HEAD + OK]) as gateway:
        found = examined(tmp_path, gateway.port, extra, after, key=KEY).verdict
    assert (found.cause, found.details["line"]) == ("request-rejected", line)
    assert found.fix is not None
    assert any(
        row.startswith("-") and line.rsplit(".", 1)[-1] in row for row in (found.fix.patch or "").splitlines()
    ), found.fix
    assert "gateway in between" not in found.fix.summary


def test_a_model_that_is_listed_and_refused_is_said_to_be_so(tmp_path: Path) -> None:
    with FaultGateway("model_not_found_404") as gateway:
        found = examined(tmp_path, gateway.port).verdict
    assert (found.cause, found.details["listed"], found.details["suggestions"]) == ("model-not-found", True, [])
    assert found.title == "The gateway refuses a model that it lists"
    assert found.fix is not None
    assert "auto" not in (found.fix.summary + "".join(found.fix.commands))


@pytest.mark.parametrize(
    ("plays", "seen"), [("chat_only", True), ("nothing_there", False), ("E_404_everywhere", False)]
)
def test_chat_completions_are_offered_only_where_they_were_seen(tmp_path: Path, plays: str, seen: bool) -> None:
    with FaultGateway(plays) as gateway:
        found = examined(tmp_path, gateway.port).verdict
    assert (found.cause, "chat_at" in found.details) == ("responses-unsupported", seen)
    assert ("offers Chat Completions, so" in found.explanation) is seen
    assert found.fix is not None
    assert any("--upstream-api chat" in command for command in found.fix.commands) is seen


def test_no_usual_address_is_recommended_where_all_were_refused(tmp_path: Path) -> None:
    with FaultGateway("nothing_there") as gateway:
        home = tmp_path / "codex"
        home.mkdir()
        (home / "config.toml").write_text(GUIDE.format(port=gateway.port).replace("/openai/v1", "/api"))
        env = {"HOME": str(tmp_path), "CODEX_HOME": str(home), "PATH": "/nowhere", "JOY_TOKEN_API_KEY": GOOD_KEY}
        found = examine(Invocation((), env, tmp_path, "0.169.0", tmp_path / "etc")).verdict
        refused = [f"{gateway.origin}{path}" for path in ("/api", "/openai/v1", "/v1")]
    assert (found.cause, found.details["refused_at"]) == ("base-url-path", refused)
    assert found.fix is not None
    assert found.fix.patch is None
    assert "the usual ones were tried" in found.fix.summary


def test_joytoken_s_403_for_a_wrong_key_is_explained(tmp_path: Path) -> None:
    with FaultGateway("key_inactive_403") as gateway:
        found = examined(tmp_path, gateway.port).verdict
    assert (found.cause, found.row) == ("key-rejected", "401")
    assert "JoyToken answers 403 instead of 401" in found.evidence[-1].what


@pytest.mark.parametrize("cause", [cause for cause in CAUSES.values() if cause.forms], ids=lambda cause: cause.id)
def test_forms_are_of_details_that_the_cause_has(cause) -> None:
    from joytui.causes.cause import ANY_FINDING

    for form in cause.forms:
        assert form.detail in {**ANY_FINDING, **cause.details}
        said = cause.as_met({form.detail: form.value or True})
        assert (said.title, said.explanation, said.remedy) != (cause.title, cause.explanation, cause.remedy)
    assert cause.as_met({}) is cause


def test_a_bridge_is_offered_for_a_refused_request_where_chat_completions_answer(tmp_path: Path) -> None:
    with FaultGateway("E_422") as gateway:
        found = examined(tmp_path, gateway.port).verdict
        assert (found.cause, found.details["chat_at"]) == (
            "request-rejected",
            f"{gateway.origin}/openai/v1/chat/completions",
        )
    assert found.fix is not None
    assert any("--upstream-api chat" in command for command in found.fix.commands)


def test_what_answers_everything_alike_offers_nothing(tmp_path: Path) -> None:
    with RawGateway([REFUSAL + b'{"error": {"message": "no", "type": "invalid_request_error"}}']) as gateway:
        found = examined(tmp_path, gateway.port, key=KEY).verdict
    assert (found.cause, "chat_at" in found.details) == ("request-rejected", False)
    assert found.fix is not None
    assert found.fix.commands == ()
