"""Tasks that are stopped: by somebody, or by the breaker of their key."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from joytui.cli.main import main as command
from joytui.client.console_api import PREFIX
from joytui.gateway.model_api import FINAL
from joytui.gateway.turn_digest import turn_of
from tests.bridge.chat_upstream import ChatUpstream, Scripted, chunk, sse
from tests.gateway.served import SAY_HI, Served, served
from tests.gateway.test_endings import CODEX, STREAM, scripted
from tests.gateway.test_tasks import tasks, thread
from tests.support.clock import Clock


async def change(gateway: Served, what: str, task: str = "root", **headers: str) -> Any:
    return await gateway.admin.post(f"{PREFIX}/tasks/{what}", json={"task": task}, headers=headers)


def error(answer: Any) -> tuple[int, str, str | None, str]:
    told = answer.json()["error"]
    return answer.status_code, told["type"], told.get("code"), told["message"]


async def test_nothing_of_a_stopped_task_is_answered_until_it_is_resumed(gateway: Served) -> None:
    key, other = await gateway.key(), await gateway.key()
    await gateway.chat(key, **thread("root"))
    stopped = (await change(gateway, "stop")).json()
    assert (stopped["id"], stopped["state"], stopped["stopped_why"]) == ("root", "stopped", None)
    assert stopped["stopped_at"]
    for headers, who in ((thread("root"), key), (thread("sub", parent="root"), key), (thread("root"), other)):
        for endpoint, body in (("chat/completions", SAY_HI), ("responses", CODEX)):
            status, kind, code, words = error(await gateway.post(endpoint, who, body, **headers))
            assert (status, kind, code) == (400, "invalid_request_error", "task_stopped")
            assert "`joytui tasks resume root`" in words
    assert (await gateway.chat(key, **thread("other", root="other"))).status_code == 200
    assert (await gateway.chat(key)).status_code == 200, "of no task"
    newest = (await gateway.logs(filter="task:root"))[0]
    assert (newest["status"], newest["error_type"], newest["cause"]) == (400, "task_stopped", "task-stopped")
    [_, task] = await tasks(gateway)
    assert (task["state"], task["errors"]) == ("stopped", 6)
    resumed = await change(gateway, "resume")
    assert (resumed.json()["state"], resumed.json()["stopped_at"]) == ("ended", None)
    assert (await gateway.chat(key, **thread("root"))).status_code == 200
    assert error(await change(gateway, "resume"))[:2] == (409, "conflict")
    assert [entry["what"] for entry in (await gateway.ask("audit", limit=2))["entries"]] == [
        "task resumed",
        "task stopped",
    ]


async def test_a_stop_holds_after_the_key_lost_its_logs_and_after_a_restart(tmp_path: Path) -> None:
    async with served(tmp_path) as here:
        made = await here.new_key("dev")
        await here.chat(made["key"], **thread("root"))
        await here.logs()
        await change(here, "stop")
        await here.admin.patch(f"{PREFIX}/keys/dev", json={"policy": {"logs": False}})
        assert error(await here.chat(made["key"], **thread("root")))[2] == "task_stopped"
    async with served(tmp_path) as again:
        assert error(await again.chat(made["key"], **thread("root")))[2] == "task_stopped"


@pytest.mark.parametrize("task", ["none", "", "x" * 101])
async def test_a_task_that_is_none(gateway: Served, task: str) -> None:
    for what in ("stop", "resume"):
        assert (await change(gateway, what, task)).status_code == (404 if task == "none" else 400)


async def test_a_lead_stops_tasks_of_its_teams_alone(gateway: Served) -> None:
    ann, bea = [(await gateway.new_key(owner, owner=owner))["key"] for owner in ("ann", "bea")]
    await gateway.admin.post(f"{PREFIX}/teams", json={"name": "team"})
    await gateway.admin.post(f"{PREFIX}/teams/team/owners", json={"owner": "ann"})
    made = {"name": "lead", "role": "lead", "teams": ["team"]}
    token = (await gateway.admin.post(f"{PREFIX}/tokens", json=made)).json()["token"]
    lead = {"authorization": f"Bearer {token}"}
    for key, name in ((ann, "ours"), (bea, "theirs"), (ann, "both"), (bea, "both")):
        await gateway.chat(key, **thread(name, root=name))
    await gateway.logs()
    for what in ("stop", "resume"):
        found = [(await change(gateway, what, name, **lead)).status_code for name in ("ours", "theirs", "both")]
        assert found == [200, 404, 403], what


# --- what runs --------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def held_open(folder: Path, *pieces: bytes) -> Any:
    """A gateway whose upstream sends these pieces of an answer, and then no more until the block ends."""
    release, asked = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        asked.set()
        await release.wait()

    def answer(seen: Any) -> Scripted:
        return Scripted(pieces=[*pieces, hold()])

    async with ChatUpstream(scripted(answer)) as upstream, served(folder, upstream=upstream.url) as here:
        yield here, asked
        release.set()


@pytest.mark.parametrize("endpoint", ["responses", "chat/completions"])
async def test_a_running_stream_ends_with_an_error_that_is_not_repeated(tmp_path: Path, endpoint: str) -> None:
    async with held_open(tmp_path, sse([chunk({"content": "word " * 40})], done=False)) as (here, _):
        headers = {**{n.replace("_", "-"): v for n, v in thread("sub", parent="root").items()}}
        headers["authorization"] = f"Bearer {await here.key(daily_limit='10')}"
        body = CODEX if endpoint == "responses" else STREAM
        async with here.http.stream("POST", f"/openai/v1/{endpoint}", json=body, headers=headers) as got:
            parts = got.aiter_text()
            text = await anext(parts)
            while "word" not in text:
                text += await anext(parts)
            assert (await change(here, "stop")).json()["state"] == "stopped"
            text += "".join([part async for part in parts])
        assert "`joytui tasks resume root`" in text
        last = json.loads([line for line in text.splitlines() if line.startswith("data: {")][-1].removeprefix("data: "))
        code = (last["response"] if endpoint == "responses" else last)["error"]["code"]
        assert code == (FINAL if endpoint == "responses" else "task_stopped")
        [row] = await here.logs()
        assert (row["status"], row["error_type"], row["cause"]) == (200, "task_stopped", "task-stopped")
        assert (row["output_tokens"], row["cost_source"]) == (50, "estimated"), "what has passed is charged"
        [budget] = (await here.ask("keys"))["keys"][0]["budgets"]
        assert (budget["held"], float(budget["spent"]) > 0) == ("0", True)


async def test_a_request_whose_upstream_says_nothing_yet_is_refused(tmp_path: Path) -> None:
    async with held_open(tmp_path) as (here, asked):
        key = await here.key()
        running = asyncio.create_task(here.chat(key, **thread("root")))
        await asked.wait()
        assert (await change(here, "stop")).status_code == 200
        assert error(await running)[:3] == (400, "invalid_request_error", "task_stopped")
        [row] = await here.logs()
        assert (row["status"], row["error_type"], row["cause"]) == (400, "task_stopped", "task-stopped")


# --- the breaker ------------------------------------------------------------------------------------------------------


async def test_a_task_that_asks_too_often_is_stopped_and_others_are_not(gateway: Served, clock: Clock) -> None:
    key, free = await gateway.key(max_requests_per_minute=3), await gateway.key()
    for name in ("root", "a", "b"):
        assert (await gateway.chat(key, **thread(name))).status_code == 200
    clock.advance(timedelta(seconds=59))
    status, kind, code, words = error(await gateway.chat(key, **thread("root")))
    assert (status, kind, code) == (400, "invalid_request_error", "runaway_stopped")
    assert "more than 3 requests within a minute" in words
    assert "`joytui tasks resume root`" in words
    clock.advance(timedelta(hours=1))
    assert error(await gateway.chat(key, **thread("a")))[2] == "runaway_stopped", "until it is resumed"
    assert (await gateway.chat(key, **thread("other", root="other"))).status_code == 200
    assert (await gateway.chat(key)).status_code == 200
    assert (await gateway.chat(free, **thread("root"))).status_code == 200, "a key's breaker stops no task of another's"
    [task] = await tasks(gateway, task="root")
    assert (task["state"], task["stopped_why"]) == ("stopped", "more than 3 requests within a minute")
    row = (await gateway.logs(filter="status:400"))[0]
    assert (row["error_type"], row["cause"]) == ("runaway_stopped", "runaway-stopped")
    entry = (await gateway.ask("audit", limit=1))["entries"][0]
    assert (entry["token"], entry["what"], entry["subject"]) == ("gateway", "task stopped", "root")
    await change(gateway, "resume")
    for _ in range(3):
        assert (await gateway.chat(key, **thread("root"))).status_code == 200


@pytest.mark.parametrize("limits", [{}, {"daily_limit": "100"}])
async def test_a_task_that_repeats_itself_is_stopped(gateway: Served, limits: dict[str, str]) -> None:
    key = await gateway.key(max_identical_turns=2, **limits)

    def looped(turns: int, said: str = "same") -> dict[str, Any]:
        return {"model": "auto", "input": [*CODEX["input"], *(item for n in range(turns) for item in turn(n, said))]}

    for turns in (0, 1, 1, 2):
        assert (await gateway.post("responses", key, looped(turns), **thread("root"))).status_code == 200
    _, _, code, words = error(await gateway.post("responses", key, looped(3), **thread("root")))
    assert (code, "more than 2 identical turns in a row" in words) == ("runaway_stopped", True)
    await change(gateway, "resume")
    assert (await gateway.post("responses", key, looped(3), **thread("root"))).status_code == 200


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({"max_requests_per_minute": 0}, "greater than or equal to 1"),
        ({"max_identical_turns": 0}, "greater than or equal to 1"),
        ({"max_identical_turns": 3, "logs": False}, "a breaker needs logs"),
    ],
)
async def test_breakers_that_are_none(gateway: Served, policy: dict[str, Any], words: str) -> None:
    answer = await gateway.admin.post(f"{PREFIX}/keys", json={"name": "dev", "policy": policy})
    assert (answer.status_code, words in answer.json()["error"]["message"]) == (400, True)


# --- what a turn is told by -------------------------------------------------------------------------------------------


def turn(n: int, said: str = "same") -> list[dict[str, Any]]:
    """A model's turn with a tool, as Codex 0.171.0 sends it back: what differs from one to the next is ids and what was measured."""
    output = f"Chunk ID: {n:06x}\nWall time: 0.{n:04} seconds\nProcess exited with code 0\nOriginal token count: {n}\nOutput:\n{said}"
    return [
        {"type": "reasoning", "id": f"rs_{n}", "summary": [], "encrypted_content": f"{n}"},
        {"type": "function_call", "id": f"fc_{n}", "call_id": f"call_{n}", "name": "exec_command", "arguments": '{"cmd":"ls"}'},
        {"type": "function_call_output", "call_id": f"call_{n}", "output": output},
    ]  # fmt: skip


def told(items: Any, task: str = "root") -> str | None:
    return turn_of({"input": items}, task).digest


def test_turns_are_the_same_where_calls_and_outcomes_are() -> None:
    start = CODEX["input"]
    assert told([*start, *turn(1)]) == told([*start, *turn(1), *turn(2)]) == told(turn(7)) != None  # noqa: E711
    assert told(turn(1)) != told(turn(1, "other"))
    assert told(turn(1)) != told([*turn(1), {"type": "message", "role": "user", "content": "go on"}])
    assert told(turn(1)) != told(turn(1), "another task"), "no two tasks can be compared by it"
    both = [turn(1)[1], turn(2)[1], turn(1)[2], turn(2)[2]]
    assert told(both) not in (told(turn(1)), told(both[2:]))
    assert [turn_of({"input": given}, "root") for given in ([], [{"role": "assistant", "content": "hi"}])] == [
        (None, 0),
        (None, 1),
    ]
    assert told("go on") == told("go on") != told("stop")
    assert len(told(start) or "") == 16


def test_a_chats_turns_are_told_apart_the_same_way() -> None:
    def chat(n: int, cmd: str = "ls") -> list[dict[str, Any]]:
        call = {"id": f"call_{n}", "type": "function", "function": {"name": "exec_command", "arguments": cmd}}
        return [
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": f"call_{n}", "content": "same"},
        ]

    first, again, other = (
        turn_of({"messages": [{"role": "user", "content": "hi"}, *given]}, "root")
        for given in (chat(1), [*chat(1), *chat(2)], chat(1, "rm"))
    )
    assert first.digest == again.digest != other.digest
    assert (first.items, again.items) == (3, 5)


@pytest.mark.parametrize(
    "odd", [None, 5, [None, 5, "x"], [[]], [{"type": 1, "output": {"a": [1]}}], [{"tool_calls": "x"}], {}]
)
def test_odd_inputs_are_turns_too(odd: Any) -> None:
    assert turn_of({"input": odd}, "root") == turn_of({"input": odd}, "root")


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "code", "out", "err"),
    [
        ("stop root", 0, "root is stopped: its requests are refused until `joytui tasks resume root`", ""),
        ("resume root", 1, "", "this task is not stopped"),
        ("stop none", 1, "", "no stored request belongs to this task"),
        ("stop root --json", 0, '"state": "stopped"', ""),
        ("root", 0, "ended", ""),
        ("stop", 2, "", "stop needs a task"),
        ("root root", 2, "", "give one task, or one of"),
        ("stop root --running", 2, "", "stop does not take --since"),
    ],
)
async def test_the_command(
    gateway: Served, line: str, code: int, out: str, err: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    monkeypatch.setenv("JOYTUI_ADMIN_TOKEN", gateway.gateway.admin_token)
    await gateway.chat(await gateway.key(), **thread("root"))
    await gateway.logs()
    words = ["tasks", *line.split(), "--gateway", gateway.url]
    assert await asyncio.to_thread(command, words) == code
    told = capsys.readouterr()
    assert (out in told.out, err in told.err) == (True, True), told


async def test_the_list_says_what_is_stopped_and_why(
    gateway: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JOYTUI_ADMIN_TOKEN", gateway.gateway.admin_token)
    words = ["keys", "create", "loops", "--max-requests-per-minute", "1", "--max-identical-turns", "9", "--json"]
    assert await asyncio.to_thread(command, [*words, "--gateway", gateway.url]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["policy"]["max_requests_per_minute"], made["policy"]["max_identical_turns"]) == (1, 9)
    for _ in range(2):
        await gateway.chat(made["key"], **thread("root"))
    await gateway.logs()
    assert await asyncio.to_thread(command, ["tasks", "--gateway", gateway.url]) == 0
    told = capsys.readouterr()
    assert "stopped" in told.out
    assert "root was stopped as a runaway, for more than 1 request within a minute" in told.err
    for words, code in ((["--max-identical-turns", "off"], 0), (["--max-identical-turns", "0"], 2)):
        assert await asyncio.to_thread(command, ["keys", "edit", "loops", *words, "--gateway", gateway.url]) == code
    [row] = (await gateway.ask("keys"))["keys"]
    assert (row["policy"]["max_requests_per_minute"], row["policy"]["max_identical_turns"]) == (1, None)
