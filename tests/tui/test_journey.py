"""The console in a real terminal with a real gateway: a key is made and revoked, and a request appears as it happens."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hang import HANG_S
from tests.support.terminal import Terminal
from tests.tui.test_start import command, configured


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """A gateway on a free port, and the environment in which the console finds it."""
    env = configured(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-m", "joytui", "gateway", "run", "--port", "0"], env=env, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("ready http"), line
        yield line.split()[1], env
    finally:
        process.terminate()
        process.wait(HANG_S)


def ask(url: str, key: str) -> int:
    """One request as a client sends it; its status."""
    body = json.dumps({"model": "auto", "input": "say hi", "stream": False}).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/openai/v1/responses", data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=HANG_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.slow
def test_a_key_is_made_used_seen_and_revoked(gateway):
    url, env = gateway
    with Terminal(command("--screen", "logs"), columns=140, lines=40, env=env) as terminal:
        terminal.wait_for("No requests yet", "offline model")
        terminal.send("4")
        terminal.wait_for("No key yet")
        terminal.send("n")
        terminal.wait_for("New key", "Daily limit")
        terminal.send(*"codex-anna")
        terminal.send("enter")
        shown = re.compile(r"jt_local_[\w-]{40,}")
        terminal.wait_until(lambda screen: "Your new key" in screen and shown.search(screen) is not None)
        key = shown.search(terminal.text)
        assert key is not None
        terminal.send("escape")
        terminal.wait_gone("jt_local_")
        assert ask(url, key[0]) == 200
        terminal.send("2")
        terminal.wait_for("✓ 200", "codex-anna")
        terminal.send("3")
        terminal.wait_for("SPEND", "REQUESTS")
        terminal.send("4")
        terminal.wait_for("codex-anna", "active")
        terminal.send("X")
        terminal.wait_for("Revoke this key?")
        terminal.send("y")
        terminal.wait_for("✗ revoked")
        assert ask(url, key[0]) == 403
        terminal.send("2")
        terminal.wait_for("✗ 403", "key-rejected")
        terminal.send("q")
        assert terminal.wait_exit() == 0
        assert terminal.left_behind() == []
        assert f"gateway keeps running at {url}" in " ".join(terminal.output.split())
