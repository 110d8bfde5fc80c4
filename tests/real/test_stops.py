"""The real Codex 0.171.0 whose task is stopped: what it shows, and how often it asks afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from joytui.client.console_api import PREFIX
from tests.bridge.chat_upstream import ChatUpstream, Scripted, Seen, chunk, sse
from tests.bridge.codex_process import CodexRun, run_codex
from tests.bridge.codex_tasks import Model, calling, prompt_of, turn_of
from tests.gateway.served import Served, served
from tests.support.hang import HANG_S
from tests.support.real_codex import NEWEST, codex

pytestmark = pytest.mark.codex
STOPPED = "this task was stopped at"


class Scene:
    """A gateway and its upstream, whose model does as `model` says; `reached` is set by that, `release` lets it go on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reached, self.release = asyncio.Event(), asyncio.Event()
        self.model: Callable[[Seen], Scripted] = Model()
        self.here: Served

    def script(self, seen: Seen) -> Scripted:
        """Questions about what the upstream can do are answered as every model does."""
        asked = seen.path.endswith("/chat/completions") and seen.body.get("messages")
        return self.model(seen) if asked else Model()(seen)

    def held(self) -> Scripted:
        """An answer that has begun, and does not end."""

        async def hold() -> None:
            self.reached.set()
            await self.release.wait()

        return Scripted(pieces=[sse([chunk({"role": "assistant", "content": "word " * 20})], done=False), hold()])

    async def codex(self, key: str, prompt: str = "go") -> CodexRun:
        return await run_codex(codex(NEWEST), f"{self.here.url}/openai/v1", key, self.folder / "codex", [prompt])

    async def stop(self) -> None:
        """Stops the one task that runs."""
        await asyncio.wait_for(self.reached.wait(), HANG_S)
        await self.here.gateway.ledger.written()
        [task] = (await self.here.ask("tasks"))["tasks"]
        answer = await self.here.admin.post(f"{PREFIX}/tasks/stop", json={"task": task["id"]})
        assert answer.json()["state"] == "stopped"

    async def rows(self) -> list[tuple[int, str | None, str | None]]:
        """Status, error type and kind of sub-agent, oldest first."""
        return [(row["status"], row["error_type"], row["subagent"]) for row in reversed(await self.here.logs())]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    made = Scene(tmp_path)
    async with ChatUpstream(made.script) as upstream, served(tmp_path, upstream=upstream.url) as made.here:
        yield made
        made.release.set()


async def test_an_answer_that_is_running_ends_and_nothing_is_asked_again(scene: Scene) -> None:
    scene.model = lambda seen: scene.held()
    running = asyncio.create_task(scene.codex(await scene.here.key()))
    await scene.stop()
    run = await running
    assert await scene.rows() == [(200, "task_stopped", None)]
    assert run.exit_code == 1
    said = [line for line in run.stderr.splitlines() if line.startswith("ERROR:")]
    assert {line.partition(" at ")[0] for line in said} == {"ERROR: this task was stopped"}
    assert all("are refused until `joytui tasks resume " in line for line in said)
    assert "Reconnecting" not in run.stderr


async def test_a_task_whose_tool_is_running_asks_once_more(scene: Scene) -> None:
    go = scene.folder / "go"

    def model(seen: Seen) -> Scripted:
        scene.reached.set()
        return calling(
            turn_of(seen.body),
            "exec_command",
            {"cmd": f"while [ ! -e {go} ]; do sleep 0.1; done", "yield_time_ms": 60_000},
        )

    scene.model = model
    running = asyncio.create_task(scene.codex(await scene.here.key()))
    await asyncio.wait_for(scene.reached.wait(), HANG_S)
    await scene.here.logs()  # the answer with the call is whole
    await scene.stop()
    go.touch()
    run = await running
    assert await scene.rows() == [(200, None, None), (400, "task_stopped", None)]
    assert run.exit_code == 1
    assert f'ERROR: {{"error": {{"message": "{STOPPED}' in run.stderr
    assert '"code": "task_stopped"' in run.stderr


async def test_a_sub_agent_is_stopped_with_its_task(scene: Scene) -> None:
    """The child's answer ends; its parent, which waits for it, asks once and is refused."""
    model = Model()

    def script(seen: Seen) -> Scripted:
        return scene.held() if prompt_of(seen.body).startswith("child") else model(seen)

    scene.model = script
    running = asyncio.create_task(scene.codex(await scene.here.key(), "delegate auto"))
    await scene.stop()
    run = await running
    rows = await scene.rows()
    assert (200, "task_stopped", "collab_spawn") in rows
    refused = [row for row in rows if row[0] == 400]
    assert refused == [(400, "task_stopped", None)]
    assert run.exit_code == 1
    assert STOPPED in run.stderr


@pytest.mark.parametrize(("policy", "why"), [({"max_identical_turns": 3}, "identical turns in a row"), ({"max_requests_per_minute": 4}, "requests within a minute")])  # fmt: skip
async def test_a_loop_is_stopped_by_its_breaker(scene: Scene, policy: dict[str, int], why: str) -> None:
    """The model asks for the same command again and again, and gets the same output."""
    scene.model = lambda seen: calling(turn_of(seen.body), "exec_command", {"cmd": "echo tool-ok"})
    run = await scene.codex(await scene.here.key(**policy))
    rows = await scene.rows()
    assert rows == [(200, None, None)] * 4 + [(400, "runaway_stopped", None)]
    assert run.exit_code == 1
    assert why in run.stderr
    assert '"code": "runaway_stopped"' in run.stderr
