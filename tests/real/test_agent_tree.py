"""The real Codex 0.171.0 with a sub-agent, in a git repository: one task with two threads, at the gateway and in Codex's own files."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from joytui.codex.rollouts import RolloutRow, read_usage
from joytui.core.money import parse_credits
from tests.bridge.chat_upstream import ChatUpstream
from tests.bridge.codex_process import CodexRun, run_codex
from tests.bridge.codex_tasks import Model
from tests.support.real_codex import NEWEST, codex
from tests.support.real_setup import Setup

pytestmark = pytest.mark.codex
ORIGIN = "https://ann:s3cret@git.example.com/team/app.git"
REPO = "git.example.com/team/app"


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of it: Codex's run, the ledger's lines (oldest first), the tasks, usage by task, and the commit that was checked out."""

    run: CodexRun
    lines: list[dict[str, Any]]
    tasks: list[dict[str, Any]]
    usage: dict[str, Any]
    commit: str


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    setup = Setup(tmp_path_factory.mktemp("tree"))
    try:
        yield asyncio.run(delegate(setup, tmp_path_factory.mktemp("delegate")))
    finally:
        setup.stop_gateway()


async def delegate(setup: Setup, folder: Path) -> Ran:
    """One turn whose model starts a sub-agent and waits for it."""
    commit = repository(folder / "work")
    async with ChatUpstream(Model()) as upstream:
        options = ("--upstream", upstream.url, "--upstream-key-env", "UP_KEY")
        url = await asyncio.to_thread(setup.start_gateway, *options, env={"UP_KEY": "up-secret-0123456789"})
        key = await asyncio.to_thread(lambda: setup.create_key("dev")["key"])
        run = await run_codex(codex(NEWEST), f"{url}/openai/v1", key, folder, ["-m", "auto", "delegate auto"])
        lines = await asyncio.to_thread(setup.json_lines, "logs", "--limit", "0")
    told = (("tasks", "--json"), ("usage", "--by", "task", "--json"))
    tasks, usage = (json.loads(setup.joytui(*words).stdout) for words in told)
    return Ran(run, lines, tasks["tasks"], usage, commit)


def repository(work: Path) -> str:
    """A repository with one commit, an origin with a password, and a file that differs; its commit."""
    work.mkdir(parents=True)
    (work / "README").write_text("hello")

    def git(*words: str) -> str:
        who = ("-c", "user.name=dev", "-c", "user.email=dev@example.com")
        return subprocess.run(["git", *who, *words], cwd=work, check=True, capture_output=True, text=True).stdout

    git("init", "-b", "feature/tree")
    git("add", ".")
    git("commit", "-m", "first")
    git("remote", "add", "origin", ORIGIN)
    (work / "README").write_text("hello again")
    return git("rev-parse", "HEAD").strip()


def test_it_is_one_task_with_two_threads(ran: Ran) -> None:
    assert ran.run.exit_code == 0, ran.run.stderr[-2000:]
    [task] = ran.tasks
    root, child = task["threads"]
    assert (task["agents"], task["requests"], task["errors"], task["state"]) == (2, len(ran.lines), 0, "ended")
    assert (root["id"], root["parent"], root["subagent"], root["requests"]) == (
        task["id"],
        None,
        None,
        len(ran.lines) - 1,
    )
    assert (child["parent"], child["subagent"], child["requests"]) == (task["id"], "collab_spawn", 1)
    assert (task["key"], task["repo"], task["commit"]) == ("dev", REPO, ran.commit)
    assert task["project"] == str(ran.run.work)


def test_its_cost_is_that_of_its_requests(ran: Ran) -> None:
    [task] = ran.tasks
    cost = sum(parse_credits(line["cost_credits"]) for line in ran.lines)
    assert parse_credits(task["cost_credits"]) == cost > 0
    assert sum(parse_credits(one["cost_credits"]) for one in task["threads"]) == cost
    [row] = ran.usage["rows"]
    assert (row["task"], parse_credits(row["cost_credits"])) == (task["id"], cost)
    assert parse_credits(ran.usage["totals"]["cost_credits"]) == cost


def test_every_request_says_where_it_stands(ran: Ran) -> None:
    [task] = ran.tasks
    assert {line["root_thread"] for line in ran.lines} == {task["id"]}
    assert len({line["root_turn"] for line in ran.lines}) == 1, "one turn of the root's, whoever asks"
    [child] = [line for line in ran.lines if line["thread_id"] != task["id"]]
    assert (child["parent_thread"], child["subagent"]) == (task["id"], "collab_spawn")
    assert {(line["repo"], line["commit"], line["dirty"]) for line in ran.lines} == {(REPO, ran.commit, True)}
    assert "s3cret" not in str(ran.lines)


def test_codexs_own_files_say_the_same_and_the_branch(ran: Ran) -> None:
    rows: tuple[RolloutRow, ...] = read_usage(ran.run.home / "codex").rows
    [task] = ran.tasks
    assert {row.thread for row in rows} == {one["id"] for one in task["threads"]}
    [origin] = {row.origin for row in rows}
    assert (origin.task, origin.repo, origin.branch, origin.commit) == (task["id"], REPO, "feature/tree", ran.commit)
    assert origin.client == f"codex_exec/{NEWEST}"
