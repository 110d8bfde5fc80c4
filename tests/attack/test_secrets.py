"""No key and no other program's secret leaves joytui: planted where they stand in life, looked for in all that comes out."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.attack.planted import FORMS, KEY, PROMPT, SECRETS, left_of, plant
from tests.bridge.chat_upstream import ChatUpstream, Scripted, Seen, answer_json, chunk, sse
from tests.gateway.served import SAY_HI, served
from tests.support.joytui_process import Machine, Said

REDACTED = "‹redacted›"
STREAMED = {**SAY_HI, "stream": True}
CODEX = {"model": "auto", "input": "hi", "stream": True}


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    here = Machine(tmp_path, env={"JOY_TOKEN_API_KEY": "jt_live_Qw8zXc5vBn2mKj4h"})
    plant(Path(here.env["CODEX_HOME"]))
    yield here
    here.call("gateway", "stop")


# --- Codex's own files ------------------------------------------------------------------------------------------------

SHOWN = (
    ("doctor", "--no-send"),
    ("doctor", "--no-send", "--json"),
    ("doctor", "--no-send", "--json", "--", "exec", PROMPT),
    ("doctor", "--no-send", "--", f"codex exec '{PROMPT}'"),
    ("codex", "config"),
    ("codex", "config", "--json", "--", "exec", PROMPT),
    ("setup", "--print", "--local"),
    ("setup", "--print", "--direct"),
    ("report", "--markdown", "--", "exec", PROMPT),
    ("report", "--preview"),
    ("doctor", "--no-send", "--fix", "--yes", "--json", "--", "exec", PROMPT),
)


def secrets_in(said: Said | str) -> list[str]:
    text = said if isinstance(said, str) else said.out + said.err
    found = [name for name, secret in SECRETS.items() if secret in text]
    return found + [part for part in (PROMPT, "jt_live_Qw8z", "layoffs") if part in text]


@pytest.mark.parametrize("words", SHOWN, ids=" ".join)
def test_no_command_shows_a_secret_of_another_program_or_the_prompt(machine: Machine, words: tuple[str, ...]) -> None:
    said = machine.call(*words)
    assert said.code in (0, 1), said.err
    assert not secrets_in(said)
    if PROMPT in words and "--markdown" not in words:
        assert "‹prompt›" in said.out


@pytest.mark.parametrize("near", ["args", "http_headers"])
def test_a_patch_that_would_show_one_is_null_and_the_fix_a_command(machine: Machine, near: str) -> None:
    """The line that changes stands beside a secret of an MCP server, or of the provider itself."""
    config = Path(machine.env["CODEX_HOME"]) / "config.toml"
    if near == "args":
        kept = [line for line in config.read_text().splitlines() if "X-Team" not in line and "query_params" not in line]
        config.write_text("\n".join(kept).replace("\n\n[mcp_servers.last]", "\n[mcp_servers.last]") + "\n")
    fix = machine.call("doctor", "--no-send", "--json").json["verdict"]["fix"]
    assert fix["patch"] is None
    assert fix["commands"][0].startswith("joytui doctor --fix ")


def test_the_file_is_edited_as_before_and_the_question_shows_no_secret(machine: Machine) -> None:
    config = Path(machine.env["CODEX_HOME"]) / "config.toml"
    before = config.read_text()
    said = machine.call("doctor", "--no-send", "--fix", "--yes")
    after = config.read_text()
    assert after == before.replace('wire_api = "chat"', 'wire_api = "responses"')
    assert not secrets_in(said)
    assert '+wire_api = "responses"' in said.err
    assert REDACTED in said.err


def test_a_diff_without_secrets_is_shown_whole(machine: Machine) -> None:
    """What is masked is masked for a reason: plain settings, addresses and paths stay."""
    config = Path(machine.env["CODEX_HOME"]) / "config.toml"
    config.write_text(
        'model_provider = "joytoken"\nmodel = "auto"\nmodel_reasoning_effort = "high"\n'
        '[model_providers.joytoken]\nname = "joytoken"\nbase_url = "http://127.0.0.1:9/openai/v1"\n'
        'env_key = "JOY_TOKEN_API_KEY"\nwire_api = "chat"\n[projects."/home/ann/work-2026-b7"]\ntrust_level = "trusted"\n'
    )
    fix = machine.call("doctor", "--no-send", "--json").json["verdict"]["fix"]
    assert '-wire_api = "chat"' in fix["patch"]
    assert "work-2026-b7" in fix["patch"]


def test_what_the_screen_would_show_is_masked(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    from joytui.codex.world import Invocation
    from joytui.core.records import Finding
    from joytui.tui.doctor.fixing import fixable, offer

    home = Path(machine.env["HOME"])
    found = Finding(False, "wire-api-removed", details={"providers": ["joytoken"]})
    shown = offer(found, (), Invocation((), machine.env, home, "0.171.0", home / "no-etc"))
    assert shown is not None
    assert '+wire_api = "responses"' in shown.patch
    assert not secrets_in(shown.patch + shown.summary + " ".join(shown.notes))
    assert fixable(
        Finding(False, "wire-api-removed", fix=type(shown.fix)("", ("joytui doctor --fix wire-api-removed",)))
    )


# --- the gateway ------------------------------------------------------------------------------------------------------


def kept(folder: Path) -> bytes:
    """All bytes of the store."""
    return b"".join(file.read_bytes() for file in sorted(folder.rglob("*.sqlite3*")))


def everything(answers: list[httpx.Response]) -> str:
    return "\n".join(f"{answer.text}\n{json.dumps(dict(answer.headers))}" for answer in answers)


@pytest.mark.parametrize("endpoint", ["chat/completions", "responses"])
async def test_no_form_of_the_upstreams_key_reaches_client_or_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    """In an error's text and type, in an error within a stream, in model, provider, tier, id and finish of a good answer."""
    monkeypatch.setenv("UPSTREAM_KEY", KEY)
    forms = iter(FORMS.values())

    def answer(seen: Seen) -> Scripted:
        if seen.method == "GET" or not seen.raw.strip(b"{} \n"):
            return answer_json({"data": []}, 200)
        form = next(forms)
        if b"as an error" in seen.raw:
            return answer_json({"error": {"message": f"bad key {form}", "type": form}}, 401)
        told = {"id": f"resp_{form}", "model": f"m {form}", "provider": form, "choices": []}
        events = [told, {"error": {"message": f"bad key {form} given", "code": form}}]
        data = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
        return Scripted(200, {"content-type": "text/event-stream", "x-daoe-used-model": KEY}, [data])

    async with (
        ChatUpstream(answer) as upstream,
        served(
            tmp_path, upstream=upstream.url, upstream_api="chat", upstream_key_env="UPSTREAM_KEY", metrics_public=True
        ) as here,
    ):
        key = await here.key()
        body: Any = STREAMED if endpoint == "chat/completions" else CODEX
        answers = []
        for how in ("as an error", "in a stream"):
            forms = iter(FORMS.values())
            answers += [await here.post(endpoint, key, {**body, "user": how}) for _ in FORMS]
        rows = await here.logs(limit=len(answers))
        metrics = (await here.http.get("/metrics")).text
        usage = json.dumps(await here.ask("usage", by="model"))
    assert len(rows) == 2 * len(FORMS)
    errors = [answer for answer in answers if answer.status_code == 401]
    assert len(errors) == len(FORMS)
    assert all(REDACTED in answer.text for answer in errors)
    for text in (everything(errors), json.dumps(rows), metrics, usage, kept(tmp_path).decode("latin-1")):
        assert KEY not in text
        assert KEY[:8] not in text
        assert KEY[-4:] not in text
        assert not left_of(text)
    streamed = everything([answer for answer in answers if answer.status_code == 200])
    assert KEY not in streamed
    for line in streamed.splitlines():
        if '"error": {' in line or '"error":{' in line:
            assert not left_of(line)


def split(speaks: str, size: int) -> Scripted:
    """A good answer that says the key a few letters at a time; its bytes come in small pieces as well."""
    text = f"your key is {KEY}, and so on"
    words = [text[at : at + size] for at in range(0, len(text), size)]
    if speaks == "chat":
        events = [chunk({"content": word}) for word in words] + [chunk({}, "stop")]
        events.insert(3, chunk({"reasoning_content": f"said {KEY}"}))
    else:
        item = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}
        done = {"id": "resp_1", "status": "completed", "model": "m", "output": [item]}
        events = [{"type": "response.output_text.delta", "output_index": 0, "delta": word} for word in words]
        events.append({"type": "response.completed", "response": done})
    data = sse(events)
    return Scripted(pieces=[data[at : at + 50] for at in range(0, len(data), 50)])


@pytest.mark.parametrize("size", [1, 4, 9, 30])
@pytest.mark.parametrize(
    ("endpoint", "speaks"), [("chat/completions", "chat"), ("responses", "chat"), ("responses", "responses")]
)
async def test_a_key_that_a_good_answer_says_in_pieces_reaches_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str, speaks: str, size: int
) -> None:
    monkeypatch.setenv("UPSTREAM_KEY", KEY)

    async with (
        ChatUpstream(lambda seen: split(speaks, size)) as upstream,
        served(tmp_path, upstream=upstream.url, upstream_api=speaks, upstream_key_env="UPSTREAM_KEY") as here,
    ):
        body: Any = STREAMED if endpoint == "chat/completions" else CODEX
        got = await here.post(endpoint, await here.key(), body)
    assert got.status_code == 200
    assert KEY not in got.text
    told = [json.loads(line[6:]) for line in got.text.splitlines() if line.startswith("data: {")]
    if endpoint == "chat/completions":
        said = "".join(one["choices"][0]["delta"].get("content", "") for one in told)
    else:
        said = "".join(one["delta"] for one in told if one["type"] == "response.output_text.delta")
        assert told[-1]["type"] == "response.completed"
    assert re.fullmatch(rf"your key is .{{0,3}}{REDACTED}, and so on", said)


@pytest.mark.parametrize("endpoint", ["chat/completions", "responses"])
async def test_a_key_that_a_whole_answer_says_in_two_packets_reaches_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    monkeypatch.setenv("UPSTREAM_KEY", KEY)
    message = {"choices": [{"message": {"content": f"your key is {KEY}!"}, "finish_reason": "stop"}]}
    data = json.dumps(message).encode()
    middle = data.index(KEY.encode()) + len(KEY) // 2
    answer = Scripted(200, {"content-type": "application/json"}, [data[:middle], data[middle:]])
    async with (
        ChatUpstream(lambda seen: answer) as upstream,
        served(tmp_path, upstream=upstream.url, upstream_api="chat", upstream_key_env="UPSTREAM_KEY") as here,
    ):
        body: Any = SAY_HI if endpoint == "chat/completions" else {"model": "auto", "input": "hi"}
        got = await here.post(endpoint, await here.key(), body)
    assert (got.status_code, KEY in got.text, f"your key is {REDACTED}!" in got.text) == (200, False, True)


async def test_a_key_as_model_is_kept_nowhere(tmp_path: Path) -> None:
    """`codex -m $JOY_TOKEN_API_KEY`: a swapped variable. Also a key of another house, and one that an ESC splits."""

    def answer(seen: Seen) -> Scripted:
        return answer_json({"id": "x", "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}, 200)

    async with (
        ChatUpstream(answer) as upstream,
        served(tmp_path, upstream=upstream.url, upstream_api="chat", metrics_public=True) as here,
    ):
        key = await here.key()
        models = [key, "sk-proj-Lk3jHg6fDs9aPo1iUy4t", f"{key[:14]}\x1b{key[14:]}", "glpat-Hn5gBf8vDc2xSz6aQw3e"]
        for model in models:
            assert (
                await here.chat(key, {**SAY_HI, "model": model}, thread_id=model.replace("\x1b", ""))
            ).status_code == 200
        rows = json.dumps(await here.logs())
        usage = json.dumps([await here.ask("usage", by=by) for by in ("model", "thread")])
        metrics = (await here.http.get("/metrics")).text
    for text in (rows, usage, metrics, kept(tmp_path).decode("latin-1")):
        for secret in (key, key[14:], models[1], models[3]):
            assert secret not in text


async def test_a_huge_error_is_cut_before_it_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """900 kB of error type stood in /metrics and stopped the event loop for seconds. Who asks meanwhile is answered."""
    monkeypatch.setenv("UPSTREAM_KEY", KEY)

    def answer(seen: Seen) -> Scripted:
        return answer_json({"error": {"message": "x " * 20_000 + KEY, "type": "t/" * 450_000 + KEY}}, 500)

    async with (
        ChatUpstream(answer) as upstream,
        served(
            tmp_path, upstream=upstream.url, upstream_api="chat", upstream_key_env="UPSTREAM_KEY", metrics_public=True
        ) as here,
    ):
        key = await here.key()
        got, alive = await asyncio.gather(here.chat(key), here.http.get("/healthz"))
        (row,) = await here.logs()
        metrics = (await here.http.get("/metrics")).text
    assert alive.status_code == 200
    assert got.status_code == 500
    assert len(got.content) < 20_000
    assert KEY not in got.text
    assert len(row["error_type"]) <= 100
    assert len(row["error_message"]) <= 500
    assert len(metrics) < 20_000


async def test_a_name_that_looks_like_a_key_is_refused_without_repeating_it(tmp_path: Path) -> None:
    async with served(tmp_path) as here:
        secret = "jt_live_Qw8zXc5vBn2mKj4h"
        for fields in ({"name": secret}, {"name": "a", "owner": secret}, {"name": "b", "labels": [secret]}):
            got = await here.admin.post("/console/v1/keys", json=fields)
            assert (got.status_code, got.json()["error"]["type"]) == (400, "invalid_request_error")
            assert secret not in got.text
    assert secret.encode() not in kept(tmp_path)
