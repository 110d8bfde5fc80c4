"""A stale background server of the real Codex is left running, unless its end is asked for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixing.broken import KEY
from tests.support.hang import HANG_S
from tests.support.joytui_process import Machine
from tests.support.needs import needs
from tests.support.real_codex import codex

pytestmark = pytest.mark.codex


@pytest.fixture
def daemon(machine: Machine, home: Path, good: str) -> Iterator[int]:
    """A server that started before the key was set; its pid."""
    machine.env["PATH"] = f"{Path(codex()).parent}:/usr/local/bin:/usr/bin:/bin"
    before = {name: value for name, value in machine.env.items() if name not in KEY}
    command = [codex(), "app-server", "daemon"]
    subprocess.run(
        [*command, "start"], env=before, stdin=subprocess.DEVNULL, capture_output=True, timeout=HANG_S, check=True
    )
    folder = home / "app-server-daemon"
    yield json.loads((folder / "daemon.pid").read_text())["pid"]
    subprocess.run(
        [*command, "stop"], env=before, stdin=subprocess.DEVNULL, capture_output=True, timeout=HANG_S, check=False
    )
    os.kill(json.loads((folder / "daemon-updater.pid").read_text())["pid"], signal.SIGTERM)  # `stop` leaves its updater


def runs(pid: int) -> bool:
    """Whether it still runs (a process that has ended may stay as an entry until somebody reaps it)."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


@needs("/proc")
def test_a_stale_daemon_is_stopped_only_when_asked(machine: Machine, daemon: int) -> None:
    kept = machine.run("doctor", "--fix", "--yes")
    assert kept.code == 1
    assert "key-stale-daemon" in kept.err
    assert "left running" in kept.err
    assert runs(daemon)

    ended = machine.run("doctor", "--fix", "--yes", "--stop-daemon")
    assert ended.code == 0, ended.err
    assert not runs(daemon)
