"""A turn in the form of a request."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from joytui.codex.rollouts.tail import TurnTail
from joytui.codex.rollouts.turns import Turn
from joytui.core.request import RequestRecord
from joytui.usage.turns import turn_record
from tests.support.rollout_corpus import Thread, Truth, Usage

AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
KEY = "jt_live_0123456789abcdef"


def a_thread(*, version: str = "0.171.0", cwd: str = "/home/dev/shop", **meta: Any) -> Thread:
    thread = Thread(random.Random(1), Truth(), AT, version=version, cwd=cwd)
    head = json.loads(thread.lines[0])
    head["payload"] |= {"session_id": thread.id, **meta}
    thread.lines[0] = json.dumps(head)
    thread.begin_turn()
    return thread


def the_turn(thread: Thread, home: Path) -> Turn:
    thread.write(home)
    (turn,) = TurnTail(home).last(9)
    return turn


def the_record(thread: Thread, home: Path) -> RequestRecord:
    return turn_record(the_turn(thread, home))


def test_a_turn_that_completed(tmp_path: Path) -> None:
    git = {"branch": "main", "commit_hash": "d258c847", "repository_url": f"https://me:{KEY}@github.com/org/shop.git"}
    thread = a_thread(git=git)
    spent: list[Usage] = [(100, 40, 7, 3), (50, 0, 2, 1)]
    for usage in spent:
        thread.answer(usage)
    thread.end_turn()
    record = the_record(thread, tmp_path)
    assert (record.id, record.time) == (f"codex-{thread.id}-{thread.turn}", "2026-11-23T09:30:00.000Z")
    assert (record.thread_id, record.turn_id, record.root_thread) == (thread.id, thread.turn, thread.id)
    assert (record.status, record.error_type, record.running) == (200, None, False)
    assert record.tokens == (150, 40, 9, 4)
    assert (record.latency_ms, record.model, record.provider) == (1200, "auto", "joytoken")
    assert (record.client, record.project) == ("codex_exec/0.171.0", "/home/dev/shop")
    assert (record.repo, record.branch, record.commit_hash) == ("github.com/org/shop", "main", "d258c847")
    assert (record.source, record.sources, record.attempts) == ("rollout", ("rollout",), None)
    assert (record.key, record.key_id, record.tier, record.ip, record.cost_nano) == (None, None, None, None, 0)


@pytest.mark.parametrize(
    ("words", "info", "status", "cause", "error_type"),
    [
        ("unexpected status 401 Unauthorized: Key is disabled, url: u, request id: r1",
         {"http_connection_failed": {"http_status_code": 401}}, 401, "key-rejected", "http_connection_failed"),
        ("unexpected status 404 Not Found: Model not found", None, 404, "model-not-found", "failed"),
        ("exceeded retry limit, last status: 429 Too Many Requests",
         {"response_too_many_failed_attempts": {"http_status_code": 429}}, 429, "rate-limited",
         "response_too_many_failed_attempts"),
        ("We’re currently experiencing high demand", "internal_server_error", None, "gateway-error",
         "internal_server_error"),
    ],
)  # fmt: skip
def test_a_turn_that_failed(
    tmp_path: Path, words: str, info: Any, status: int | None, cause: str, error_type: str
) -> None:
    thread = a_thread()
    error = {"message": words, "codex_error_info": info}
    thread.event("task_complete", turn_id=thread.turn, last_agent_message=None, error=error)
    record = the_record(thread, tmp_path)
    assert (record.status, record.cause, record.error_type) == (status, cause, error_type)
    assert (record.error_message, record.running) == (words, False)
    assert record.request_id == ("r1" if "r1" in words else record.id)


def test_a_turn_that_runs_one_that_was_interrupted_and_one_that_nobody_ended(tmp_path: Path) -> None:
    running = the_record(a_thread(), tmp_path / "1")
    assert (running.status, running.error_type, running.running) == (None, None, True)
    thread = a_thread()
    thread.event("turn_aborted", turn_id=thread.turn, reason="interrupted")
    stopped = the_record(thread, tmp_path / "2")
    assert (stopped.status, stopped.error_type, stopped.running) == (None, "interrupted", False)
    thread = a_thread(version="0.94.0")
    thread.wait(60)
    left = the_record(thread, tmp_path / "3")
    assert (left.status, left.turn_id) == (None, None)
    assert left.id == f"codex-{thread.id}-{round(AT.timestamp() * 1000)}"


def test_a_sub_agent_names_its_root(tmp_path: Path) -> None:
    parent = a_thread()
    child = Thread(random.Random(2), Truth(), AT + timedelta(seconds=5), version="0.171.0", parent=parent)
    head = json.loads(child.lines[0])
    head["payload"]["session_id"] = parent.id
    child.lines[0] = json.dumps(head)
    child.wait(3)
    child.begin_turn()
    record = the_record(child, tmp_path)
    assert (record.thread_id, record.root_thread, record.parent_thread) == (child.id, parent.id, parent.id)
    assert record.subagent == "thread_spawn"


def test_no_key_of_a_file_is_shown(tmp_path: Path) -> None:
    thread = a_thread(cwd=f"/home/dev/{KEY}", originator=f"codex {KEY}")
    thread.model = KEY
    error = {"message": f"Missing environment variable: `{KEY[3:]}` \x1b[31m{KEY}", "codex_error_info": KEY}
    thread.event("task_complete", turn_id=thread.turn, last_agent_message=None, error=error)
    record = the_record(thread, tmp_path)
    assert KEY[3:] not in repr(record)
    assert "\x1b" not in repr(record)
