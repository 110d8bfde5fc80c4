"""What Codex's own session files add to a verdict: a failure is a reason only where it fits the cause."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

import pytest

from joytui.codex.world import Invocation
from joytui.core.records import Finding
from joytui.doctor import examine
from tests.support.raw_gateway import CONFIG, KEY, answering

FAILED = Path(__file__).parent.parent / "rollouts/fixtures/one_turn/0.169.0_failed_402.jsonl"
NO_MONEY = {"error": {"type": "insufficient_quota", "code": "insufficient_quota", "message": "The wallet is empty"}}


@pytest.fixture
def closed_port() -> int:
    """A loopback port where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def verdict(tmp_path: Path, port: int, *, send: bool = True) -> Finding:
    """The verdict on a Codex whose last turn failed with 402."""
    home = tmp_path / "ch"
    sessions = home / "sessions/2026/11/23"
    sessions.mkdir(parents=True)
    shutil.copy(FAILED, sessions / "rollout-2026-11-23T10-00-00-0.jsonl")
    (home / "config.toml").write_text(CONFIG.format(port=port))
    env = {"HOME": str(tmp_path), "CODEX_HOME": str(home), "PATH": "/nowhere", "JOY_TOKEN_API_KEY": KEY}
    return examine(Invocation((), env, tmp_path, "0.169.0", tmp_path / "etc"), send=send).verdict


def told(found: Finding) -> list[str]:
    return [evidence.what for evidence in found.evidence if "Codex's own files" in evidence.what]


def test_an_earlier_failure_of_another_cause_is_no_reason(tmp_path: Path, closed_port: int) -> None:
    found = verdict(tmp_path, closed_port)
    assert found.cause == "connection-refused"
    assert told(found) == []
    assert "402" in found.details["earlier_other_failure"]


def test_an_earlier_failure_of_this_cause_is_one(tmp_path: Path) -> None:
    body = json.dumps(NO_MONEY).encode()
    head = b"HTTP/1.1 402 Payment Required\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"
    with answering(head + body) as port:
        found = verdict(tmp_path, port)
    assert found.cause == "insufficient-quota"
    assert len(told(found)) == 1
    assert "earlier_other_failure" not in found.details


def test_where_nothing_is_decided_the_failure_is_what_is_known(tmp_path: Path, closed_port: int) -> None:
    found = verdict(tmp_path, closed_port, send=False)
    assert (found.works, found.cause) == (None, None)
    assert len(told(found)) == 1
