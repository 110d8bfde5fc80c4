"""The tree of agents, from the headers of requests to `GET /console/v1/tasks`."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.gateway.served import Served
from tests.support.clock import Clock

CALL = {"model": "auto", "messages": [{"role": "user", "content": "say hi"}]}


def thread(name: str, root: str = "root", parent: str | None = None) -> dict[str, str]:
    """The headers of Codex's requests in this thread of the task."""
    workspace = {"/home/dev/app": {"associated_remote_urls": {"origin": "git@git.example.com:team/app.git"}}}
    told = {"session_id": root, "x_codex_turn_metadata": json.dumps({"workspaces": workspace}), "thread_id": name}
    return told if parent is None else {**told, "x_codex_parent_thread_id": parent, "x_openai_subagent": "collab_spawn"}


async def tasks(gateway: Served, **params: Any) -> list[dict[str, Any]]:
    await gateway.logs()  # all have ended, and are written
    return list((await gateway.ask("tasks", **params))["tasks"])


async def test_a_task_is_a_root_with_its_sub_agents(gateway: Served, clock: Clock) -> None:
    key = await gateway.new_key("dev-ada", owner="ada")
    for headers in (
        thread("root"),
        thread("a", parent="root"),
        thread("b", parent="a"),
        thread("root"),
        thread("b", parent="a"),
    ):
        await gateway.chat(key["key"], **headers)
        clock.advance(timedelta(seconds=60))
    await gateway.chat(key["key"], **thread("other", root="other"))
    await gateway.chat(key["key"])
    [newest, task] = await tasks(gateway)
    assert (newest["id"], newest["agents"], newest["requests"]) == ("other", 1, 1)
    shown = [
        task[name] for name in ("id", "key", "owner", "project", "repo", "state", "agents", "requests", "limit_credits")
    ]
    assert shown == ["root", "dev-ada", "ada", "/home/dev/app", "git.example.com/team/app", "ended", 3, 5, None]
    assert [(one["id"], one["parent"], one["subagent"], one["requests"]) for one in task["threads"]] == [
        ("root", None, None, 2), ("a", "root", "collab_spawn", 1), ("b", "a", "collab_spawn", 2),
    ]  # fmt: skip
    assert task["threads"][2]["started_at"] < task["threads"][2]["last_at"] == task["last_at"]
    assert task["started_at"] == task["threads"][0]["started_at"]
    usage = await gateway.ask("usage", by="task")
    assert {row["task"]: row["cost_credits"] for row in usage["rows"]}["root"] == task["cost_credits"] != "0"
    assert [one["id"] for one in await tasks(gateway, task="root")] == ["root"]
    assert await tasks(gateway, task="none") == []
    assert [one["id"] for one in await tasks(gateway, limit=1)] == ["other"]
    assert [one["id"] for one in await tasks(gateway, since="90s")] == ["other", "root"]
    assert [one["id"] for one in await tasks(gateway, since="30s")] == ["other"]


async def test_a_refusal_counts_and_a_test_of_the_doctor_does_not(gateway: Served) -> None:
    key = await gateway.key(daily_limit="0")
    assert (await gateway.chat(key, **thread("root"))).status_code == 402
    await gateway.chat(await gateway.key("other"), **thread("test", root="test"), x_joytui_doctor="1")
    [task] = await tasks(gateway)
    assert (task["id"], task["requests"], task["errors"], task["cost_credits"]) == ("root", 1, 1, "0")


async def test_a_key_without_logs_has_no_tasks(gateway: Served) -> None:
    await gateway.chat(await gateway.key(logs=False), **thread("root"))
    assert await tasks(gateway) == []


async def test_it_runs_until_the_called_tool_has_had_its_time(gateway: Served, clock: Clock) -> None:
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
    asking = {**CALL, "tools": [tool], "tool_choice": "required"}
    key = await gateway.key()
    await gateway.chat(key, asking, **thread("root"))
    assert [one["state"] for one in await tasks(gateway)] == ["running"]
    clock.advance(timedelta(seconds=601))
    assert [one["state"] for one in await tasks(gateway)] == ["ended"]
    await gateway.chat(key, asking, **thread("root"))
    await gateway.chat(key, **thread("root"))
    assert [one["state"] for one in await tasks(gateway)] == ["ended"]


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 1001}, {"since": "soon"}])
async def test_odd_questions(gateway: Served, query: dict[str, Any]) -> None:
    answer = await gateway.admin.get("/console/v1/tasks", params=query)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
