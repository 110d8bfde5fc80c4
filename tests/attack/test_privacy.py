"""What joytui/guide/privacy.md claims, held against the files of a machine on which requests were made."""

from __future__ import annotations

import asyncio
import json
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.bridge.chat_upstream import ChatUpstream, Scripted, Seen, answer_json
from tests.support.hang import HANG_S
from tests.support.joytui_process import Machine

GUIDE = (Path(__file__).parents[2] / "joytui" / "guide" / "privacy.md").read_text(encoding="utf-8")
PROMPT = "our merger with ACME is on Friday"
ANSWER = "then tell nobody of Project Heron"
UPSTREAM_KEY = "upk-G7m5Qa9ZtR2xW8-LpN4vB6cEZYd"
FOLDER, THREAD, AGENT = "/home/ann/secret-client", "thread-of-ann-1", "codex_of_ann/1.0"


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Machine, dict[str, str], list[Seen]]]:
    """A machine with a gateway, two keys and a request of each, streamed and not; the keys by name; what the upstream got."""
    machine = Machine(tmp_path_factory.mktemp("privacy"), env={"THE_UPSTREAM_KEY": UPSTREAM_KEY})
    seen_there: list[Seen] = []

    def answer(seen: Seen) -> Scripted:
        seen_there.append(seen)
        message = {"role": "assistant", "content": ANSWER}
        usage = {"prompt_tokens": 5, "completion_tokens": 2}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return answer_json({"id": "chatcmpl-1", "model": "m", "choices": [choice], "usage": usage}, 200)

    async def use() -> dict[str, str]:
        async with ChatUpstream(answer) as upstream:
            words = ("gateway", "start", "--upstream", upstream.url, "--upstream-key-env", "THE_UPSTREAM_KEY")
            started = await asyncio.to_thread(machine.run, *words, "--upstream-api", "chat", "--json")
            assert started.code == 0, started.err
            kept = await asyncio.to_thread(machine.ask, "keys", "create", "kept")
            bare = await asyncio.to_thread(machine.ask, "keys", "create", "bare", "--no-logs")
            keys = {"kept": kept["key"], "bare": bare["key"]}
            meta = json.dumps({"turn_id": "turn-of-ann-1", "workspaces": {FOLDER: {}}})
            async with httpx.AsyncClient(base_url=started.json["url"], trust_env=False, timeout=HANG_S) as http:
                for key in keys.values():
                    head = {"authorization": f"Bearer {key}", "user-agent": AGENT, "thread-id": THREAD, "cookie": "c=1"}
                    for stream in (False, True):
                        body = {"model": "auto", "input": PROMPT, "stream": stream}
                        got = await http.post(
                            "/openai/v1/responses", json=body, headers={**head, "x-codex-turn-metadata": meta}
                        )
                        assert ANSWER in got.text
            return keys

    yield machine, asyncio.run(use()), seen_there
    machine.call("gateway", "stop")


def files(machine: Machine) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in machine.data.iterdir() if path.is_file()}


def test_neither_prompt_nor_answer_nor_a_key_is_in_any_file(used: tuple[Machine, dict[str, str], list[Seen]]) -> None:
    machine, keys, _ = used
    for name, data in files(machine).items():
        for secret in (PROMPT, ANSWER, UPSTREAM_KEY, *keys.values()):
            assert secret.encode() not in data, name


def test_every_file_is_named_in_the_guide_and_is_the_owners_alone(
    used: tuple[Machine, dict[str, str], list[Seen]],
) -> None:
    machine, _, _ = used
    assert stat.S_IMODE(machine.data.stat().st_mode) == 0o700
    for path in machine.data.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
        base = re.sub(r"(?<=sqlite3)(-wal|-shm|\.lock)$", "", path.name)
        assert f"`{base}`" in GUIDE, path.name


def test_a_row_has_what_the_guide_says_and_without_logs_less(used: tuple[Machine, dict[str, str], list[Seen]]) -> None:
    machine, _, _ = used
    rows = [json.loads(line) for line in machine.call("logs", "--json").out.splitlines()]
    kept = next(row for row in rows if row["key"] == "kept")
    bare = next(row for row in rows if row["key"] == "bare")
    for name, value in (("thread_id", THREAD), ("client", AGENT), ("ip", "127.0.0.1"), ("turn_id", "turn-of-ann-1")):
        assert kept[name] == value
        assert bare.get(name) is None
    assert (bare["status"], bare["input_tokens"]) == (200, 5)
    usage = json.dumps(machine.ask("usage", "--by", "project"))
    assert FOLDER in usage
    assert json.loads(usage)["totals"]["requests"] == 4
    assert sum(row["requests"] for row in json.loads(usage)["rows"] if row["project"] == FOLDER) == 2


def test_the_upstream_gets_no_cookie_no_address_and_no_key_of_ours(
    used: tuple[Machine, dict[str, str], list[Seen]],
) -> None:
    _, keys, seen_there = used
    turns = [seen for seen in seen_there if PROMPT.encode() in seen.raw]
    assert len(turns) == 4
    for seen in turns:
        assert seen.headers["authorization"] == f"Bearer {UPSTREAM_KEY}"
        assert not {"cookie", "x-forwarded-for", "forwarded", "x-real-ip"} & set(seen.headers)
        assert FOLDER in seen.headers["x-codex-turn-metadata"]
        assert not any(key in json.dumps(dict(seen.headers)) for key in keys.values())


def test_who_has_no_key_sees_no_more_than_the_guide_says(used: tuple[Machine, dict[str, str], list[Seen]]) -> None:
    machine, keys, _ = used
    url = machine.ask("gateway", "status")["url"]
    with httpx.Client(base_url=url, trust_env=False, timeout=HANG_S) as http:
        assert http.get("/healthz").status_code == 200
        assert http.get("/api/v1/models").status_code == 200
        for path in ("/metrics", "/openai/v1/models", "/console/v1/requests", "/console/v1/keys", "/console/v1/usage"):
            assert http.get(path).status_code == 401, path
            if path.startswith("/console"):
                assert http.get(path, headers={"authorization": f"Bearer {keys['kept']}"}).status_code == 403


@pytest.mark.parametrize("setting", ["retention_days", "access_log", "metrics_public", "duplicate_window_s"])
def test_a_setting_that_the_guide_names_is_one(setting: str) -> None:
    from joytui.gateway.settings import GatewaySettings

    assert f"`{setting}`" in GUIDE or f"`{setting} = " in GUIDE
    assert setting in GatewaySettings.model_fields


def test_the_commands_that_the_guide_tells_do_what_it_says(used: tuple[Machine, dict[str, str], list[Seen]]) -> None:
    machine, _, _ = used
    assert machine.call("keys", "create", "dev", "--no-logs").code == 0
    for words in re.findall(r"^joytui ((?:keys edit|keys revoke|gateway settings)[^#\n]*)", GUIDE, re.M):
        said = machine.call(*words.split())
        assert said.code == 0, (words, said.err)
    assert "retention_days = 90" in machine.call("gateway", "settings").out
    assert next(key for key in machine.ask("keys", "list")["keys"] if key["name"] == "dev")["state"] == "revoked"
    assert machine.call("doctor", "--no-send").code in (0, 1)
