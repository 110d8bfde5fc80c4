"""A newcomer's first minutes: no configuration, no gateway, no key; the console alone leads to a green Doctor and a turn in Logs."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.joytui_process import Machine
from tests.support.real_codex import codex
from tests.support.terminal import Terminal
from tests.tui.test_start import command

pytestmark = pytest.mark.codex


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Machine]:
    """A home without ~/.codex, and Codex on PATH; whatever gateway was started in it is stopped."""
    here = Machine(tmp_path, {"SHELL": "/bin/zsh", "PATH": f"{Path(codex()).parent}:/usr/local/bin:/usr/bin:/bin"})
    (here.folder / "home" / ".codex").rmdir()
    (here.folder / "work").mkdir()
    del here.env["CODEX_HOME"]
    yield here
    here.call("gateway", "stop")


def test_from_nothing_to_a_green_doctor_and_a_turn_in_logs(newcomer: Machine) -> None:
    home = newcomer.folder / "home" / ".codex"
    with Terminal(command(), columns=80, lines=24, env=newcomer.terminal_env, cwd=newcomer.folder / "work") as terminal:
        terminal.wait_for("config-missing", "s Set up")
        terminal.send("s")
        terminal.wait_for("Set up Codex on this machine", '+model_provider = "joytoken"')
        assert not home.exists(), "nothing is written before the word"
        terminal.send("enter")
        terminal.wait_for("✓ 1", "✓ 2", "✓ 3", "✓ 4", "shows its first turn in Logs")
        terminal.send("enter")
        terminal.wait_for("✓ 200", "codex-")
        terminal.send("1")
        terminal.wait_for("proven by a streamed test request")
        assert (home / "config.toml").exists()
        assert stat.S_IMODE((home / ".env").stat().st_mode) == 0o600
        terminal.send("u")  # and all of it can be taken back
        terminal.wait_for("config-missing")
        terminal.send("q")
        assert terminal.wait_exit() == 0
        assert terminal.left_behind() == []
        assert "jt_local_" not in terminal.output
        assert not (home / ".env").exists()
        assert not (home / "config.toml").exists()
