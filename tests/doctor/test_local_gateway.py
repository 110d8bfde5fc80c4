"""A Codex that asks a port where joytui's gateway no longer is: the fix names the one where it runs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from joytui.codex.world import Invocation
from joytui.core.gateway_state import GatewayState, write_state
from joytui.core.records import Finding, Report
from joytui.doctor import examine
from tests.support.raw_gateway import CONFIG, KEY


def verdict(tmp_path: Path, pid: int, more: str = "") -> Finding:
    """The verdict on a Codex that asks a closed loopback port, while the state file names this gateway."""
    data, home = tmp_path / "data", tmp_path / "ch"
    data.mkdir()
    home.mkdir()
    write_state(
        data / "gateway.json", GatewayState("http://127.0.0.1:9191", pid, "0", "2026-11-23T00:00:00Z", "ledger")
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    (home / "config.toml").write_text(CONFIG.format(port=port) + more.format(port=port))
    env = {"HOME": str(tmp_path), "CODEX_HOME": str(home), "PATH": "/nowhere", "JOY_TOKEN_API_KEY": KEY}
    env |= {"JOYTUI_DATA_DIR": str(data), "JOYTUI_GATEWAY_PORT": str(port)}
    return examine(Invocation((), env, tmp_path, "0.169.0", tmp_path / "etc")).verdict


def test_the_fix_names_the_port_where_it_runs(tmp_path: Path) -> None:
    found = verdict(tmp_path, os.getpid())
    assert found.cause == "connection-refused"
    assert found.fix is not None
    assert '+base_url = "http://127.0.0.1:9191/openai/v1"' in (found.fix.patch or "")
    assert not found.fix.safe


def test_the_list_of_models_moves_with_it(tmp_path: Path) -> None:
    found = verdict(tmp_path, os.getpid(), 'model_catalog_url = "http://127.0.0.1:{port}/openai/v1/codex/models"\n')
    assert found.fix is not None
    assert '+model_catalog_url = "http://127.0.0.1:9191/openai/v1/codex/models"' in (found.fix.patch or "")


def test_a_gateway_that_is_gone_is_started(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    found = verdict(tmp_path, ended.pid)
    assert found.fix is not None
    assert found.fix.commands == ("joytui gateway start",)


@pytest.mark.parametrize("path", ["/v1", "", "/openai/v1/v1", "/openai/v1?x=1"])
def test_its_own_address_with_a_path_that_it_lacks(tmp_path: Path, path: str) -> None:
    """Nothing is sent, and no gateway need run: joytui knows where its own answers."""
    report = unsent(tmp_path, 8791, path)
    assert (report.verdict.works, report.verdict.cause, report.verdict.row) == (False, "base-url-path", "no-logs")
    assert report.verdict.fix is not None
    assert '+base_url = "http://127.0.0.1:8791/openai/v1"' in (report.verdict.fix.patch or "")


@pytest.mark.parametrize(("port", "path"), [(8791, "/openai/v1"), (8791, "/openai/v1/"), (8792, "/v1")])
def test_another_address_stays_open(tmp_path: Path, port: int, path: str) -> None:
    report = unsent(tmp_path, port, path)
    assert (report.verdict.works, report.verdict.cause) == (None, None)


def unsent(tmp_path: Path, port: int, path: str) -> Report:
    (tmp_path / "config.toml").write_text(CONFIG.format(port=port).replace("/openai/v1", path))
    env = {"HOME": str(tmp_path), "CODEX_HOME": str(tmp_path), "PATH": "/nowhere", "JOY_TOKEN_API_KEY": KEY}
    env |= {"JOYTUI_DATA_DIR": str(tmp_path / "data")}
    return examine(Invocation((), env, tmp_path, "0.169.0", tmp_path / "etc"), send=False)
