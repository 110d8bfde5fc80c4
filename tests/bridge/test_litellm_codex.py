"""The real Codex through joytui through the real LiteLLM, at an upstream that has Chat Completions only. Nobody says who speaks what."""

from __future__ import annotations

import asyncio
import json
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
from tests.support.litellm_proxy import MASTER_KEY, litellm
from tests.support.real_codex import codex
from tests.support.real_setup import Setup

pytestmark = [pytest.mark.codex, pytest.mark.slow]
APPEND = json.dumps({"cmd": "echo one >> lines.txt"})


def model(seen: Seen) -> Scripted:
    """Runs one command, and says that it did."""
    if seen.method == "GET" and seen.path.endswith("/models"):
        return answer_json({"object": "list", "data": [{"id": "m1", "object": "model"}]})
    if not seen.path.endswith("/chat/completions"):
        return not_found(seen)
    if any(message["role"] == "tool" for message in seen.body["messages"]):
        return stream(chunk({"content": "all "}), chunk({"content": "done"}), chunk({}, "stop"), usage(1200, 7))
    call = call_delta(0, "call_1", "exec_command", APPEND)
    return stream(chunk({"role": "assistant", "content": None}), chunk(call), chunk({}, "tool_calls"), usage(1000, 5))


async def test_turns_with_tools(tmp_path: Path) -> None:
    """`auto`, which LiteLLM does not know, and a model by its name."""
    setup = Setup(tmp_path)
    async with ChatUpstream(model) as upstream:
        proxy = litellm(tmp_path, upstream.url, ["m1"])
        url = await asyncio.to_thread(proxy.__enter__)
        try:
            options = ("--upstream", url, "--upstream-key-env", "LITELLM_KEY")
            await asyncio.to_thread(setup.start_gateway, *options, env={"LITELLM_KEY": MASTER_KEY})
            await asyncio.to_thread(setup.create_key, "codex")
            setup.configure()
            ends = [await asyncio.to_thread(turn, setup, asked) for asked in ("auto", "m1")]
            rows: list[dict[str, Any]] = await asyncio.to_thread(setup.json_lines, "logs", "--limit", "0")
        finally:
            await asyncio.to_thread(setup.stop_gateway)
            await asyncio.to_thread(proxy.__exit__, None, None, None)
    for done in ends:
        assert done.exit_code == 0, done.stderr[-3000:]
        assert "all done" in done.stdout
        assert "Reconnecting" not in done.stderr
    assert (tmp_path / "work" / "lines.txt").read_text() == "one\none\n"
    assert [(row["status"], row["input_tokens"], row["output_tokens"]) for row in rows] == [
        (200, 1000, 5),
        (200, 1200, 7),
    ] * 2
    assert [seen.path for seen in upstream.requests if seen.path.endswith("/responses")] == ["/v1/responses"]


def turn(setup: Setup, asked: str) -> Done:
    command = [codex("0.171.0"), "exec", "--skip-git-repo-check", "-s", "danger-full-access", "-m", asked, "append"]
    return bounded(command, setup.env, setup.folder / "work", HANG_S)
