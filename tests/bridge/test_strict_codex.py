"""The real Codex 0.171.0 through the served gateway, at upstreams that refuse what public reports say they refuse."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.bridge.chat_upstream import (
    ChatUpstream,
    Scripted,
    Seen,
    answer_json,
    call_delta,
    chunk,
    not_found,
    stream,
    usage,
)
from tests.support.codex_run import Done, bounded
from tests.support.hang import HANG_S
from tests.support.real_codex import codex
from tests.support.real_setup import Setup

pytestmark = pytest.mark.codex
VERSION = "0.171.0"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
Body = dict[str, Any]


@dataclass
class Strict:
    """`model` answers a Chat request; `upstream` has seen them all."""

    setup: Setup
    upstream: ChatUpstream

    @property
    def turns(self) -> list[Body]:
        return [seen.body for seen in self.upstream.turns if seen.path.endswith("/chat/completions")]

    async def codex(self, *arguments: str, ends: int = 0) -> Done:
        """`codex exec [resume --last] …`, which must end so."""
        command = [codex(VERSION), "exec", "--skip-git-repo-check", *arguments]
        done = await asyncio.to_thread(bounded, command, self.setup.env, self.setup.folder / "work", HANG_S)
        assert done.exit_code == ends, done.stderr[-3000:]
        return done

    async def rows(self) -> list[dict[str, Any]]:
        return await asyncio.to_thread(self.setup.json_lines, "logs", "--limit", "0")


@asynccontextmanager
async def strict(folder: Path, model: Callable[[Body], Scripted], extra: str = "") -> AsyncIterator[Strict]:
    """A gateway before a Chat upstream that answers so. What it speaks is left to be found out."""

    def script(seen: Seen) -> Scripted:
        if seen.method != "POST" or not seen.path.endswith("/chat/completions"):
            return not_found(seen)
        return model(seen.body) if seen.body.get("messages") else refused("messages is required")

    setup = Setup(folder)
    async with ChatUpstream(script) as upstream:
        try:
            await asyncio.to_thread(setup.start_gateway, "--upstream", upstream.url)
            await asyncio.to_thread(setup.create_key, "codex")
            setup.configure(extra=extra)
            yield Strict(setup, upstream)
        finally:
            await asyncio.to_thread(setup.stop_gateway)


def refused(words: str, **more: Any) -> Scripted:
    return answer_json({"error": {"message": words, "type": "invalid_request_error", **more}}, 400)


def say(text: str, tokens: int = 1000) -> Scripted:
    return stream(chunk({"content": text}), chunk({}, "stop"), usage(tokens, 5))


def roles(body: Body) -> list[str]:
    return [message["role"] for message in body["messages"]]


async def test_a_thread_that_is_resumed_in_another_sandbox_goes_on_at_a_strict_template(tmp_path: Path) -> None:
    """Qwen's template: https://github.com/ollama/ollama/issues/17774."""

    def qwen(body: Body) -> Scripted:
        late = [role for role in roles(body)[1:] if role in ("system", "developer")]
        return refused("System message must be at the beginning.") if late else say("all is well")

    async with strict(tmp_path, qwen) as here:
        await here.codex("-s", "read-only", "first")
        again = await here.codex("-s", "danger-full-access", "resume", "--last", "second")
        rows = await here.rows()
    assert "all is well" in again.stdout
    assert "danger-full-access" in json.dumps(here.turns[-1]["messages"])
    assert [row["status"] for row in rows] == [200, 200]
    assert len(here.turns) == 2


async def test_a_picture_and_then_a_text_turn_at_a_model_that_takes_text_only(tmp_path: Path) -> None:
    def text_only(body: Body) -> Scripted:
        seen = "image_url" in json.dumps(body["messages"])
        return refused("unknown variant `image_url`, expected `text`") if seen else say("I cannot see it")

    async with strict(tmp_path, text_only) as here:
        (tmp_path / "pixel.png").write_bytes(PIXEL)
        await here.codex("-i", str(tmp_path / "pixel.png"), "--", "what is this?")
        await here.codex("resume", "--last", "and now without it")
        rows = await here.rows()
    assert "[image left out: this model takes text only]" in json.dumps(here.turns[-1]["messages"])
    assert len(here.turns) == 3  # one refusal, which taught it
    assert [("sent again: text only" in str(row.get("notes")), row["status"]) for row in rows] == [
        (True, 200),
        (False, 200),
    ]


async def test_a_thread_that_overflows_compacts_and_goes_on(tmp_path: Path) -> None:
    """Codex ends the turn that is refused, and compacts before the next one."""
    summary = "we counted sheep"

    def small(body: Body) -> Scripted:
        last = str(body["messages"][-1]["content"])
        if "CONTEXT CHECKPOINT" in last:
            return say(summary)
        if "FILLER" in json.dumps(body["messages"]):
            return refused("Requested token count exceeds the model's maximum context length of 8192 tokens.")
        return say("and on it goes" if summary in last else "FILLER")

    async with strict(tmp_path, small) as here:
        await here.codex("first")
        full = await here.codex("resume", "--last", "second", ends=1)
        again = await here.codex("resume", "--last", "third")
        rows = await here.rows()
    assert "ran out of room in the model's context window" in full.stderr
    assert "and on it goes" in again.stdout
    assert [row["status"] for row in rows] == [200, 400, 200, 200]


async def test_a_command_that_is_sent_twice_runs_once(tmp_path: Path) -> None:
    append = json.dumps({"cmd": "echo x >> lines.txt"})

    def relay(body: Body) -> Scripted:
        if "tool" in roles(body):
            return say("done")
        whole = call_delta(0, "call_1", "exec_command", append)
        again = {
            "tool_calls": [*whole["tool_calls"], {"index": 1, "id": "", "function": {"name": "", "arguments": ""}}]
        }
        return stream(chunk(whole), chunk(whole), chunk(again, "tool_calls"), usage(1000, 5))

    async with strict(tmp_path, relay) as here:
        await here.codex("-s", "danger-full-access", "append a line")
    assert (tmp_path / "work" / "lines.txt").read_text() == "x\n"
    assert [len(m["tool_calls"]) for m in here.turns[-1]["messages"] if m.get("tool_calls")] == [1]
