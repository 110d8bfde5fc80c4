"""`joytui setup` on an empty HOME, and then the user's own `codex exec`, the real one: offline model, and a Chat-only upstream."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.bridge.chat_upstream import ChatUpstream, Scripted, Seen, answer_json, chunk, not_found, stream, usage
from tests.support.codex_run import Done, bounded
from tests.support.joytui_process import Machine, Said
from tests.support.real_codex import codex

pytestmark = pytest.mark.codex


@pytest.fixture
def here(machine: Machine) -> Machine:
    machine.env["PATH"] = f"{Path(codex()).parent}:/usr/local/bin:/usr/bin:/bin"
    (machine.folder / "work").mkdir()
    return machine


def turn(machine: Machine, said: Said) -> Done:
    """What a user does next: the line into the shell, and Codex without any option of ours."""
    env = {**machine.env, "JOY_TOKEN_API_KEY": said.out.split('"')[1]}
    return bounded([codex(), "exec", "--skip-git-repo-check", "say hi"], env, machine.folder / "work", 60)


def test_an_empty_home_and_a_real_turn(here: Machine) -> None:
    said = here.run("setup", "--local", "--yes", "--try")
    assert said.code == 0, said.err
    assert "✓ it works" in said.err
    done = turn(here, said)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.strip()
    lines = here.call("logs", "--json", "--include-doctor").json_lines
    assert [line["status"] for line in lines] == [200] * 3  # the doctor's test request, setup's turn, and this one


async def test_the_same_at_a_chat_only_upstream(here: Machine) -> None:
    def chat(seen: Seen) -> Scripted:
        if not seen.path.endswith("/chat/completions"):
            return not_found(seen)
        if not seen.body.get("messages"):
            return answer_json({"error": {"message": "messages is required", "type": "invalid_request_error"}}, 400)
        return stream(chunk({"role": "assistant", "content": "bridged hello"}), chunk(finish="stop"), usage(11, 2))

    here.env["UP_KEY"] = "up-secret-0123456789"
    async with ChatUpstream(chat) as upstream:
        words = ("--upstream", upstream.url, "--upstream-key-env", "UP_KEY", "--yes")
        said = await asyncio.to_thread(here.run, "setup", "--local", *words)
        assert said.code == 0, said.err
        assert "up-secret" not in said.out + said.err
        done = await asyncio.to_thread(turn, here, said)
        assert done.exit_code == 0, done.stderr
        assert done.stdout.strip() == "bridged hello"
        asked = [seen for seen in upstream.turns if "say hi" in json.dumps(seen.body.get("messages"))]
        assert asked
        assert asked[-1].headers["authorization"] == "Bearer up-secret-0123456789"
        other = await asyncio.to_thread(here.run, "setup", "--local", "--upstream", "http://127.0.0.1:9/v1", "--yes")
        assert other.code == 1
        assert "is already running" in other.err
