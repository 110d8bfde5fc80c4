"""A Codex that asks a port where joytui's gateway no longer is: the fix names the one where it runs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from joytui.codex.world import Invocation
from joytui.core.gateway_state import GatewayState, write_state
from joytui.core.records import Verdict
from joytui.doctor import examine
from tests.support.raw_gateway import CONFIG, KEY


def verdict(tmp_path: Path, pid: int) -> Verdict:
    """The verdict on a Codex that asks a closed loopback port, while the state file names this gateway."""
    data, home = tmp_path / "data", tmp_path / "ch"
    data.mkdir()
    home.mkdir()
    write_state(
        data / "gateway.json", GatewayState("http://127.0.0.1:9191", pid, "0", "2026-11-23T00:00:00Z", "ledger")
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    (home / "config.toml").write_text(CONFIG.format(port=port))
    env = {"HOME": str(tmp_path), "CODEX_HOME": str(home), "PATH": "/nowhere", "JOY_TOKEN_API_KEY": KEY}
    env |= {"JOYTUI_DATA_DIR": str(data), "JOYTUI_GATEWAY_PORT": str(port)}
    return examine(Invocation((), env, tmp_path, "0.169.0", tmp_path / "etc")).verdict


def test_the_fix_names_the_port_where_it_runs(tmp_path: Path) -> None:
    found = verdict(tmp_path, os.getpid())
    assert found.cause == "connection-refused"
    assert found.fix is not None
    assert '+base_url = "http://127.0.0.1:9191/openai/v1"' in (found.fix.patch or "")
    assert not found.fix.safe


def test_a_gateway_that_is_gone_is_started(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    found = verdict(tmp_path, ended.pid)
    assert found.fix is not None
    assert found.fix.commands == ("joytui gateway start",)
