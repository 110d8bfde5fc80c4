"""The real Codex 0.169.0 through the served gateway, at an upstream that has Chat Completions only.

All tasks run side by side against one gateway, each with its own key; the tests look at what came of them.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.bridge.chat_upstream import ChatUpstream, Seen
from tests.bridge.codex_process import CodexRun, run_codex
from tests.bridge.codex_tasks import POEM, SIGNATURE, THOUGHT, Model
from tests.bridge.tap import Tap
from tests.support.real_codex import codex
from tests.support.real_setup import Setup

pytestmark = pytest.mark.codex
UPSTREAM_KEY = "up-secret-0123456789"
SHAPES = ("auto", "gpt-5.5", "gpt-5.6-sol")
TASKS = {"parallel": "auto", "think": "auto", "cut": "auto"}
TASKS |= {f"{task} {model}": model for task in ("patch", "delegate") for model in SHAPES}


@dataclass(slots=True)
class Played:
    """What came of all tasks. `rows`: the ledger's lines by task (the key's name), oldest first; `sent`: Codex's own requests."""

    runs: dict[str, CodexRun]
    rows: dict[str, list[dict[str, Any]]]
    model: Model
    seen: list[Seen]
    sent: list[Any]
    broke: CodexRun


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    setup = Setup(tmp_path_factory.mktemp("bridge"))
    try:
        yield asyncio.run(play(setup, tmp_path_factory))
    finally:
        setup.stop_gateway()


async def play(setup: Setup, folders: pytest.TempPathFactory) -> Played:
    command = codex()
    model = Model()
    async with ChatUpstream(model) as upstream, Tap() as tap:
        options = ("--upstream", upstream.url, "--upstream-key-env", "UP_KEY", "--allow-host", f"127.0.0.1:{tap.port}")
        tap.target = await asyncio.to_thread(setup.start_gateway, *options, env={"UP_KEY": UPSTREAM_KEY})
        base = f"http://127.0.0.1:{tap.port}/openai/v1"

        async def one(task: str, slug: str) -> CodexRun:
            key = await asyncio.to_thread(lambda: setup.create_key(task)["key"])
            return await run_codex(command, base, key, folders.mktemp(task.replace(" ", "-")), ["-m", slug, task])

        runs = await asyncio.gather(*(one(task, slug) for task, slug in TASKS.items()))
        for tier in ("economy", "standard", "premium"):
            await asyncio.to_thread(setup.joytui, "wallet", "set", tier, "0")
        broke = await one("broke", "auto")
        lines = await asyncio.to_thread(setup.json_lines, "logs", "--limit", "0")
    rows = {task: [line for line in lines if line["key"] == task] for task in (*TASKS, "broke")}
    return Played(dict(zip(TASKS, runs, strict=True)), rows, model, upstream.requests, tap.bodies, broke)


def text_of(path: Path) -> str:
    return path.read_text("utf-8")


@pytest.mark.parametrize("task", list(TASKS))
def test_every_task_ends_well(played: Played, task: str) -> None:
    run = played.runs[task]
    assert run.exit_code == 0, run.stderr[-2000:]
    assert run.stdout.strip()
    assert "unsupported call" not in run.stdout + run.stderr


@pytest.mark.parametrize("task", list(TASKS))
def test_codex_and_the_ledger_count_the_same(played: Played, task: str) -> None:
    noted = played.runs[task].usage()
    answered = [row for row in played.rows[task] if row["error_type"] is None]
    names = {"reasoning_tokens": "reasoning_output_tokens"}
    for name in ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens"):
        assert sum(row[name] for row in answered) == noted[names.get(name, name)] > 0, name


@pytest.mark.parametrize("task", list(TASKS))
def test_codexs_response_ids_are_in_the_ledger(played: Played, task: str) -> None:
    lines = played.runs[task].rollout_lines()
    noted = {line["payload"]["response_id"] for line in lines if line["type"] == "token_usage_record"}
    assert noted == {row["upstream_id"] for row in played.rows[task] if row["error_type"] is None}


@pytest.mark.parametrize("task", list(TASKS))
def test_nothing_of_the_instructions_is_lost(played: Played, task: str) -> None:
    """What Codex sends as developer messages stands at the upstream, to the character, in every turn."""
    sent = [body for body in played.sent if _asked(body) == task]
    arrived = played.model.bodies[task]
    assert len(sent) == len(arrived)
    for ours, theirs in zip(sent, arrived, strict=True):
        leading = [i for i in ours["input"] if i["type"] != "additional_tools"]
        first_user = next(n for n, i in enumerate(leading) if i.get("role") != "developer")
        texts = [part["text"] for item in leading[:first_user] for part in item["content"]]
        expected = "\n\n".join([*([ours["instructions"]] if ours.get("instructions") else []), *texts])
        system = theirs["messages"][0]
        assert system["role"] == "system"
        assert len(expected) > 10_000
        assert (len(system["content"]), _digest(system["content"])) == (len(expected), _digest(expected))


def test_the_upstream_is_asked_for_the_model_that_codex_named(played: Played) -> None:
    assert {task: {b["model"] for b in played.model.bodies[task]} for task in TASKS} == {
        task: {slug} for task, slug in TASKS.items()
    }


@pytest.mark.parametrize("slug", SHAPES)
def test_every_tool_of_codex_arrives(played: Played, slug: str) -> None:
    sent = next(body for body in played.sent if _asked(body) == f"patch {slug}")
    lists = [sent.get("tools", []), *(i["tools"] for i in sent["input"] if i["type"] == "additional_tools")]
    names = [name for tools in lists for tool in tools for name in _flat(tool)]
    arrived = [t["function"]["name"] for t in played.model.bodies[f"patch {slug}"][0]["tools"]]
    assert arrived == names


def _asked(body: Any) -> str:
    """The prompt: the last user message that Codex did not write itself; a sub-agent may have none."""
    texts = [str(i["content"][0]["text"]) for i in body["input"] if i.get("role") == "user"]
    return next((text for text in reversed(texts) if not text.startswith("<")), "")


def _flat(tool: dict[str, Any], prefix: str = "") -> list[str]:
    if tool["type"] == "namespace":
        return [name for inner in tool["tools"] for name in _flat(inner, f"{tool['name']}__")]
    return [] if tool["type"] == "web_search" else [prefix + tool.get("name", "tool_search")]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_two_parallel_calls_ran(played: Played) -> None:
    work = played.runs["parallel"].work
    assert (text_of(work / "one.txt"), text_of(work / "two.txt")) == ("one\n", "two\n")
    back = played.model.bodies["parallel"][1]["messages"]
    at = next(i for i, m in enumerate(back) if m.get("tool_calls"))
    assert [c["id"] for c in back[at]["tool_calls"]] == ["call_a", "call_b"]
    assert [m.get("tool_call_id") for m in back[at + 1 : at + 3]] == ["call_a", "call_b"]


@pytest.mark.parametrize("slug", SHAPES)
def test_a_file_is_created_and_edited_by_apply_patch(played: Played, slug: str) -> None:
    run = played.runs[f"patch {slug}"]
    assert text_of(run.work / "poem.txt") == POEM
    bodies = played.model.bodies[f"patch {slug}"]
    assert len(bodies) == 5
    outputs = [m["content"] for m in bodies[-1]["messages"] if m["role"] == "tool"]
    assert len(outputs) == 4
    assert "sugar is sweet “é”" in outputs[3]
    assert [len(row["notes"] or "") > 0 for row in played.rows[f"patch {slug}"]] == [True] * 5


@pytest.mark.parametrize("slug", SHAPES)
def test_a_sub_agent_gets_its_task_and_answers(played: Played, slug: str) -> None:
    """Found by tool_search in one shape, with a task that Codex hands on as `encrypted_content` in another."""
    (own,) = played.model.bodies[f"child {slug}"]
    assert f"child {slug}" in str(own["messages"][-1]["content"])
    assert f"child {slug} is done" in str(played.model.bodies[f"delegate {slug}"][-1]["messages"])


def test_each_slug_has_its_own_shape(played: Played) -> None:
    offered = {
        slug: {t["function"]["name"] for t in played.model.bodies[f"patch {slug}"][0]["tools"]} for slug in SHAPES
    }
    assert "apply_patch" not in offered["auto"]
    assert "apply_patch" in offered["gpt-5.5"]
    assert "functions__exec" in offered["gpt-5.6-sol"]


def test_reasoning_and_signature_come_back_on_the_next_turn(played: Played) -> None:
    first, second = played.model.bodies["think"]
    assert "reasoning_content" not in str(first["messages"])
    message = next(m for m in second["messages"] if m.get("tool_calls"))
    assert message["reasoning_content"] == THOUGHT
    assert message["tool_calls"][0]["extra_content"] == SIGNATURE["extra_content"]


def test_a_cut_is_tried_again_and_succeeds(played: Played) -> None:
    run = played.runs["cut"]
    assert run.stdout.strip() == "whole answer"
    cut, whole = played.rows["cut"]
    assert (cut["error_type"], whole["error_type"]) == ("upstream_error", None)
    assert "Reconnecting" in run.stderr


def test_an_empty_wallet_is_told_in_codexs_words(played: Played) -> None:
    assert played.broke.exit_code == 1
    assert "402 Payment Required" in played.broke.stderr
    assert {(row["status"], row["error_type"]) for row in played.rows["broke"]} == {(402, "insufficient_quota")}
    assert "broke" not in played.model.bodies


def test_the_upstream_saw_its_own_key_only(played: Played) -> None:
    keys = {seen.headers.get("authorization") for seen in played.seen}
    assert keys == {f"Bearer {UPSTREAM_KEY}"}
    assert not any("jt_local" in f"{seen.headers}{seen.raw!r}" for seen in played.seen)


def test_the_routes_were_asked_for_once(played: Played) -> None:
    probes = [seen.path for seen in played.seen if seen.raw.strip() == b"{}"]
    assert sorted(probes) == ["/v1/chat/completions", "/v1/responses"]
