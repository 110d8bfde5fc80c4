"""Processes that joytui runs or meets: Codex's output as it comes, nothing left behind; who holds a port."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from joytui.client.codex_process import CodexRun, run_codex
from joytui.client.ports import listener, runs_gateway
from joytui.client.trial import require_codex
from joytui.core.errors import UnreachableError
from joytui.gateway.server import bind
from tests.support.hang import HANG_S
from tests.support.joytui_process import Machine
from tests.support.needs import needs


async def run(script: str, folder: Path, limit_s: float = 10.0) -> tuple[CodexRun, list[str]]:
    heard: list[str] = []
    command = ["/bin/sh", "-c", script]
    return await run_codex(command, env=os.environ, folder=str(folder), limit_s=limit_s, on_line=heard.append), heard


async def test_lines_of_both_streams(tmp_path: Path) -> None:
    outcome, heard = await run("echo one >&2; printf 'two\\r\\nthree'; pwd >&2; exit 3", tmp_path)
    assert outcome == CodexRun(3, False, "two\nthree")
    assert sorted(heard) == sorted(["one", "two", "three", str(tmp_path)])


async def test_a_line_without_end_is_given_in_parts(tmp_path: Path) -> None:
    outcome, heard = await run("head -c 300000 /dev/zero | tr '\\0' x", tmp_path)
    assert sum(map(len, heard)) == 300_000
    assert len(outcome.said) <= 100_000


async def test_a_limit_ends_the_whole_session(tmp_path: Path) -> None:
    outcome, heard = await run("sh -c 'echo $$; exec sleep 60' & echo $!; wait", tmp_path, limit_s=2)
    assert (outcome.exit_code, outcome.timed_out) == (None, True)
    assert_gone(heard)


async def test_what_it_leaves_running_is_ended_with_it(tmp_path: Path) -> None:
    outcome, heard = await run("sleep 60 & echo $!", tmp_path, limit_s=2)
    assert (outcome.timed_out, outcome.said) == (True, heard[0])
    assert_gone(heard)


async def test_cancelling_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even a program that does not heed SIGTERM."""
    monkeypatch.setattr("joytui.client.codex_process.GRACE_S", 0.3)
    heard: list[str] = []
    started = asyncio.Event()

    def hear(line: str) -> None:
        heard.append(line)
        started.set()

    command = ["/bin/sh", "-c", "trap '' TERM; echo $$; while :; do sleep 1; done"]
    task = asyncio.create_task(run_codex(command, env=os.environ, folder=str(tmp_path), limit_s=60, on_line=hear))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert_gone(heard)


def assert_gone(pids: list[str]) -> None:
    """They have got their signal: in a moment they are no more."""
    assert pids
    if not hasattr(os, "pidfd_open"):
        return  # nothing tells here
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            ended = os.pidfd_open(int(pid))
            assert select.select([ended], [], [], HANG_S)[0], f"{pid} still runs"
            os.close(ended)


async def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="cannot be started"):
        await run_codex(["/no/such/codex"], env={}, folder=str(tmp_path), limit_s=1, on_line=print)


def test_no_codex_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="not on PATH") as caught:
        require_codex({"PATH": str(tmp_path)})
    assert "npm install -g @openai/codex" in (caught.value.hint or "")


@needs("/proc")
def test_a_taken_port_names_the_program() -> None:
    script = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        port = int(other.stdout.readline())
        with pytest.raises(UnreachableError, match="the port is taken by python") as caught:
            bind("127.0.0.1", port)
        assert f"(pid {other.pid})" in caught.value.what
        assert "--port" in (caught.value.hint or "")
        assert not runs_gateway(other.pid)
        other.communicate("\n")
    bind("127.0.0.1", port).close()
    assert listener(port) is None


@pytest.mark.skipif(
    not Path("/proc/net/tcp6").exists(), reason="reads /proc, and this machine has no IPv6: Linux with IPv6 only"
)
def test_who_listens_on_an_ipv6_address_is_named_too() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as held:
        assert f"(pid {os.getpid()})" in (listener(held.getsockname()[1]) or "")


def test_an_address_that_is_not_ours() -> None:
    with pytest.raises(UnreachableError, match="cannot listen there"):
        bind("192.0.2.1", 0)


def test_a_free_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        with pytest.raises(UnreachableError, match=str(os.getpid())):
            bind("127.0.0.1", port)


def test_what_is_kept_of_a_gateway_is_the_users_alone(tmp_path: Path) -> None:
    """Also where an older joytui left the file with another mode."""
    machine = Machine(tmp_path)
    try:
        machine.data.mkdir(mode=0o700)
        noted = machine.data / "gateway.on-demand"
        noted.write_text("1")
        noted.chmod(0o644)
        assert machine.call("keys", "create", "dev").code == 0
        assert noted.read_text() != "1"
        assert {path.name: oct(path.stat().st_mode & 0o077) for path in machine.data.iterdir() if path.is_file()} == {
            path.name: "0o0" for path in machine.data.iterdir() if path.is_file()
        }
    finally:
        machine.call("gateway", "stop")
