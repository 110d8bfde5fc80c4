"""What the settings say of one upstream: quirks, fields, headers, names of models, time-outs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from joytui.core.errors import SettingsError
from joytui.gateway.bridge.request import UNTOLD_LIMIT
from joytui.gateway.settings import UpstreamSettings, load_settings
from joytui.gateway.settings_text import as_toml, settings_of
from joytui.gateway.upstream_keys import UpstreamKeys
from joytui.gateway.upstream_setup import upstream_of
from joytui.gateway.upstreams.exchange import Endpoint, Exchange, Observation, Upstream
from joytui.gateway.upstreams.tailoring import Tailoring
from tests.bridge.bridging import call, output, user
from tests.bridge.chat_upstream import ChatUpstream, Scripted, Seen, answer_json
from tests.upstreams.calling import ANSWER, error, events, model_call, read
from tests.upstreams.recorded.strict import ANSWER as STREAM
from tests.upstreams.recorded.strict import TOOLS, after_tool, nine, stream

SECRET = "azure-secret-value"


def upstream(folder: Path, url: str, lines: str, env: Mapping[str, str] = {}, api: str = "chat") -> Upstream:
    file = folder / "c.toml"
    file.write_text(f'[gateway]\n[[gateway.upstreams]]\nurl = "{url}"\napi = "{api}"\n{lines}\n')
    return upstream_of(load_settings(file, {}), UpstreamKeys(folder / "keys", env))


async def ask(
    folder: Path,
    lines: str,
    *,
    env: Mapping[str, str] = {},
    endpoint: Endpoint = "responses",
    api: str = "chat",
    **fields: Any,
) -> tuple[Seen, Exchange, bytes, Observation]:
    """What the upstream got in its last request, and what the client got."""

    def script(seen: Seen) -> Scripted:
        if not seen.body.get("stream"):
            return answer_json(ANSWER)
        return stream(*STREAM)

    async with ChatUpstream(script) as server:
        one = upstream(folder, server.url, lines, env, api)
        answered = await read(one, model_call(endpoint, **fields))
        await one.aclose()
    return (server.requests[-1], *answered)


async def test_a_vendor_by_name_saves_the_refusals(tmp_path: Path) -> None:
    def mistral(seen: Seen) -> Scripted:
        fault = after_tool(seen.body) or nine(seen.body)
        return answer_json({"error": {"message": fault}}, 400) if fault else stream(*STREAM)

    async with ChatUpstream(mistral) as server:
        one = upstream(tmp_path, server.url, 'quirks = "mistral"')
        asked = [user("x"), call("call_1"), output("call_1"), user("y")]
        exchange, _, _ = await read(one, model_call(input=asked))
        await one.aclose()
    assert (exchange.status, len(server.requests)) == (200, 1)


async def test_lessons_can_be_set_by_hand_beside_a_vendor(tmp_path: Path) -> None:
    picture = {"type": "input_image", "image_url": "data:image/png;base64,AA"}
    seen, *_ = await ask(tmp_path, 'quirks = ["groq", "text only", "no stream_options"]', input=[user([picture])])
    assert seen.body["messages"][0]["content"].startswith("[image left out")
    assert "stream_options" not in seen.body


async def test_fields_are_dropped_and_added_in_the_upstreams_own_api(tmp_path: Path) -> None:
    lines = 'drop = ["parallel_tool_calls", "max_tokens"]\nextra_body = { enable_thinking = false, top_k = 3 }'
    seen, *_ = await ask(tmp_path, lines, tools=TOOLS, parallel_tool_calls=False, max_output_tokens=9)
    assert not {"parallel_tool_calls", "max_tokens"} & set(seen.body)
    assert (seen.body["enable_thinking"], seen.body["top_k"]) == (False, 3)


@pytest.mark.parametrize(("endpoint", "api"), [("chat/completions", "chat"), ("responses", "responses")])
async def test_and_in_what_is_passed_through(tmp_path: Path, endpoint: Endpoint, api: str) -> None:
    lines = 'drop = ["seed"]\n[gateway.upstreams.extra_body]\nmore = { a = [1, "x"] }\n[gateway.upstreams.models]\nm = "vendor/m"'
    seen, *_ = await ask(tmp_path, lines, endpoint=endpoint, api=api, stream=False, seed=4)
    assert "seed" not in seen.body
    assert (seen.body["more"], seen.body["model"]) == ({"a": [1, "x"]}, "vendor/m")


@pytest.mark.parametrize("endpoint", ["chat/completions", "responses"])
@pytest.mark.parametrize("drop", ["max_tokens", "seed"])
async def test_a_limit_that_the_upstream_is_not_told_is_noted(tmp_path: Path, endpoint: Endpoint, drop: str) -> None:
    limit = {"max_output_tokens" if endpoint == "responses" else "max_tokens": 9}
    _, _, _, seen = await ask(tmp_path, f'drop = ["{drop}"]', endpoint=endpoint, stream=False, **limit)
    assert (UNTOLD_LIMIT in seen.notes) is (drop == "max_tokens")


async def test_what_the_settings_do_not_touch_goes_through_byte_by_byte(tmp_path: Path) -> None:
    asked = model_call("chat/completions", stream=False, seed=1)
    assert Tailoring(drop=("other",), headers={"x": "y"}).passed(asked) is asked
    assert Tailoring(models={"other": "x"}).renamed(asked) is asked


async def test_headers_are_sent_and_a_secret_comes_from_the_environment(tmp_path: Path) -> None:
    lines = 'headers = { api-key = "$AZURE_KEY", HTTP-Referer = "https://here.example", user-agent = "me" }'
    seen, *_ = await ask(tmp_path, lines, env={"AZURE_KEY": f" {SECRET}\n"})
    assert (seen.headers["api-key"], seen.headers["http-referer"]) == (SECRET, "https://here.example")
    assert seen.headers["user-agent"] == "me"


def test_a_secret_that_is_not_set_is_said_and_one_that_is_stays_out_of_the_log(tmp_path: Path) -> None:
    lines = 'headers = { api-key = "$AZURE_KEY" }'
    with pytest.raises(
        SettingsError, match="the header api-key takes its value from the variable AZURE_KEY, which is not set"
    ):
        upstream(tmp_path, "https://a.example/v1", lines)
    keys = UpstreamKeys(tmp_path / "keys", {"AZURE_KEY": SECRET})
    upstream_of(load_settings(tmp_path / "c.toml", {}), keys)
    assert keys.given == [SECRET]


async def test_a_model_goes_by_your_name_here_and_by_its_own_there(tmp_path: Path) -> None:
    seen, _, data, record = await ask(tmp_path, 'models = { m = "vendor/model-7b" }')
    answer = events(data)[-1]["response"]
    assert (seen.body["model"], answer["model"], record.model_used) == ("vendor/model-7b", "m", "real-model")


async def test_the_list_has_your_names_with_what_is_known_of_the_models_behind_them(tmp_path: Path) -> None:
    listed = {"data": [{"id": "vendor/a", "owned_by": "them"}, {"id": "b"}, {"id": "auto"}]}
    async with ChatUpstream(lambda seen: answer_json(listed)) as server:
        one = upstream(tmp_path, server.url, 'models = { fast = "vendor/a", auto = "b", gone = "c" }')
        found = await one.models()
        await one.aclose()
    assert found == [{"id": "vendor/a", "owned_by": "them"}, {"id": "b"}, {"id": "fast", "owned_by": "them"}, {"id": "auto"}, {"id": "gone"}]  # fmt: skip


async def test_an_upstream_has_a_patience_of_its_own(tmp_path: Path) -> None:
    async def never() -> None:
        await done.wait()

    import asyncio

    done = asyncio.Event()
    async with ChatUpstream(lambda seen: Scripted(pieces=[b": x\n\n", never()])) as server:
        one = upstream(tmp_path, server.url, "idle_timeout_s = 0.05")
        _, data, _ = await read(one, model_call())
        await one.aclose()
        done.set()
    assert events(data)[-1]["response"]["error"]["message"].startswith("the upstream")


WRONG = [
    ('quirks = "mistrall"', "not a vendor"),
    ('quirks = ["mistral", "groq"]', "only one vendor"),
    ("quirks = 'no messages'", "or a lesson"),
    ("quirks = 'messages without role'", "or a lesson"),
    ("quirks = 5", "quirks"),
    ('drop = ["messages"]', "every request needs"),
    ('drop = "seed"', "drop"),
    ("extra_body = { model = 'x' }", "every request needs"),
    ("extra_body = { at = 2026-01-01 }", "not dates or nan"),
    ("extra_body = { x = nan }", "not dates or nan"),
    ("extra_body = { key = 'sk-proj-abcdefghijklmnopqrstuvwxyz0123456789' }", "not shown"),
    ("headers = { Authorization = 'x' }", "key_env names"),
    ("headers = { 'a b' = 'x' }", "cannot be a header's name"),
    ("headers = { x = '1', X = '2' }", "is given twice"),
    ("headers = { x = 'ü' }", "a header cannot contain"),
    ("headers = { api-key = 'sk-proj-abcdefghijklmnopqrstuvwxyz0123456789' }", "looks like a key"),
    ("headers = { api-key = '$not a name' }", "not shown"),
    ("models = { '' = 'x' }", "cannot be empty"),
    ("idle_timeout_s = 0", "greater than 0"),
    ("quirk = 'groq'", "no setting of an upstream is called 'quirk'"),
]


@pytest.mark.parametrize(("line", "what"), WRONG, ids=[line for line, _ in WRONG])
def test_what_is_wrong_is_said_with_its_own_line(tmp_path: Path, line: str, what: str) -> None:
    file = tmp_path / "c.toml"
    first = "[gateway]\n[[gateway.upstreams]]\nurl = 'https://a.example/v1'\nquirks = 'groq'\n"
    file.write_text(f"{first}[[gateway.upstreams]]\nurl = 'https://b.example/v1'\n{line}\n")
    with pytest.raises(SettingsError) as caught:
        load_settings(file, {})
    assert what in str(caught.value)
    assert caught.value.where == f"{file}:7"
    assert "sk-proj" not in str(caught.value)


def test_the_settings_are_shown_as_a_file_that_gives_the_same(tmp_path: Path) -> None:
    file, again = tmp_path / "c.toml", tmp_path / "again.toml"
    file.write_text(
        '[gateway]\n[[gateway.upstreams]]\nurl = "https://a.example/v1"\nquirks = "mistral"\ndrop = ["seed"]\nidle_timeout_s = 9\n'
        'headers = { X-Title = "\\"me\\"" }\nmodels = { "a.b" = "c/d" }\n[gateway.upstreams.extra_body]\nx = { y = [1, { z = true }] }\n'
    )
    lines = list(as_toml(settings_of(file, {})))
    again.write_text("\n".join(lines))
    assert load_settings(again, {}) == load_settings(file, {})
    assert all(any(line.startswith(f"# {name}: ") for line in lines) for name in UpstreamSettings.model_fields)


async def test_an_error_of_the_upstream_does_not_repeat_the_secret(tmp_path: Path) -> None:
    lines = 'headers = { api-key = "$AZURE_KEY" }'
    async with ChatUpstream(
        lambda seen: answer_json({"error": {"message": f"bad key {seen.headers['api-key']}"}}, 401)
    ) as server:
        one = upstream(tmp_path, server.url, lines, {"AZURE_KEY": SECRET})
        _, data, seen = await read(one, model_call())
        await one.aclose()
    assert SECRET not in error(data)["message"]
    assert SECRET not in (seen.error_message or "")


@pytest.mark.parametrize("endpoint", ["responses", "chat/completions"])
@pytest.mark.parametrize("size", [9, 100])
async def test_a_good_answer_does_not_repeat_the_secret_beside_the_key(
    tmp_path: Path, endpoint: Endpoint, size: int
) -> None:
    pieces = [SECRET[at : at + size] for at in range(0, len(SECRET), size)]
    told = [{"choices": [{"delta": {"content": piece}}]} for piece in pieces]
    env = {"AZURE_KEY": SECRET, "K": "upstream-key-0123456789"}
    async with ChatUpstream(lambda seen: stream(*told, *STREAM)) as server:
        one = upstream(tmp_path, server.url, 'key_env = "K"\nheaders = { api-key = "$AZURE_KEY" }', env)
        exchange, data, _ = await read(one, model_call(endpoint, stream=True))
        await one.aclose()
    assert exchange.status == 200
    assert all(piece[4:] not in data.decode() for piece in pieces)
