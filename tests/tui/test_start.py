"""What the first frame waits for, watched by the modules that are loaded then; and what a terminal sees."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.faketime import MACHINE_CLOCK
from tests.support.hang import HANG_S
from tests.support.terminal import Terminal

LATE = {
    "httpx",
    "pydantic",
    "pydantic_core",
    "plotext",
    "tomlkit",
    "ssl_context",
    "sqlite3",
    "starlette",
    "uvicorn",
    "pygments",
    "markdown_it",
    "tomllib",
}

WATCH = """
import asyncio, dataclasses, os, sys
from joytui.core.places import places
from joytui.tui.launch import _options
from joytui.tui.options import Wishes
from joytui.tui.app import ConsoleApp
from joytui.tui.settings import ConsoleSettings
options = dataclasses.replace(_options(Wishes(screen=sys.argv[1]), places(), ConsoleSettings(), True), examine=None, link=None)

class Watched(ConsoleApp):
    def _display(self, screen, renderable):
        super()._display(screen, renderable)
        if "seen" not in globals() and renderable is not None and screen.size.width:
            globals()["seen"] = set(sys.modules)

async def main():
    app = Watched(options)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()

asyncio.run(main())
print(" ".join(sorted(seen)))
"""


def environment(folder: Path) -> dict[str, str]:
    return {
        "HOME": str(folder),
        "JOYTUI_DATA_DIR": str(folder / "data"),
        "JOYTUI_CONFIG_FILE": str(folder / "config.toml"),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        **MACHINE_CLOCK,
    }


@pytest.mark.parametrize("screen", ["doctor", "logs", "usage", "keys"])
def test_the_first_frame_waits_for_nothing_heavy(screen, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", WATCH, screen], capture_output=True, text=True, timeout=HANG_S, env=environment(tmp_path)
    )
    assert done.returncode == 0, done.stderr
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert "textual" in loaded
    assert loaded & LATE == set()
    others = {"doctor", "logs", "usage", "keys"} - {screen}
    assert not [name for name in done.stdout.split() if name.removeprefix("joytui.tui.screens.") in others]
    assert screen == "logs" or "joytui.tui.logs.store" not in done.stdout.split()


def configured(folder: Path) -> dict[str, str]:
    """An environment whose Codex is set up by the guide, without the key."""
    from joytui.core.joytoken import config_block

    (folder / ".codex").mkdir()
    (folder / ".codex" / "config.toml").write_text(config_block())
    return environment(folder)


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "joytui", *words]


def test_a_user_walks_the_four_screens_and_leaves(tmp_path):
    env = configured(tmp_path)
    with Terminal(command("--no-start"), columns=100, lines=30, env=env) as terminal:
        terminal.wait_for("1 Doctor", "2 Logs", "3 Usage", "4 Keys", "key-unset")
        terminal.send("2")
        terminal.wait_for("Codex has done nothing on this machine yet")
        terminal.send("3")
        terminal.wait_for("last 7 days")
        terminal.send("4")
        terminal.wait_for("There is no gateway to ask")
        terminal.send("?")
        terminal.wait_for("EVERYWHERE")
        terminal.send("escape")
        terminal.wait_gone("EVERYWHERE")
        terminal.send("1")
        terminal.wait_for("key-unset")
        terminal.send("q")
        assert terminal.wait_exit() == 0
        assert terminal.left_behind() == []
    with Terminal(command("--no-start"), columns=100, lines=30, env=env) as terminal:
        terminal.wait_for("key-unset")  # it opens where it was left
        terminal.send("ctrl+c")
        assert terminal.wait_exit() == 0
        assert terminal.left_behind() == []


@pytest.mark.parametrize("number", [2, 15, 1])
def test_a_signal_leaves_the_terminal_whole(number, tmp_path):
    (tmp_path / ".codex").mkdir()
    with Terminal(command("--no-start", "--screen", "doctor"), env=environment(tmp_path)) as terminal:
        terminal.wait_for("Help")
        terminal.process.send_signal(number)
        terminal.wait_exit()
        assert terminal.left_behind() == []
        assert "Traceback" not in terminal.output


@pytest.mark.slow
def test_forty_columns_and_a_resize_while_it_runs(tmp_path):
    with Terminal(command("--no-start"), columns=40, lines=20, env=configured(tmp_path)) as terminal:
        terminal.wait_for("verdict")
        terminal.resize(24, 8)
        terminal.wait_for("needs 40×10")
        terminal.resize(120, 40)
        terminal.wait_for("key-unset")
        terminal.send("q")
        assert terminal.wait_exit() == 0
        assert "Traceback" not in terminal.output


@pytest.mark.slow
def test_without_codex_the_doctor_is_calm(tmp_path):
    env = {**environment(tmp_path), "PATH": "/usr/bin:/bin"}
    with Terminal(command("--no-start"), columns=100, lines=30, env=env) as terminal:
        terminal.wait_for("No Codex here yet")
        terminal.send("3")
        terminal.wait_for("last 7 days")
        terminal.send("q")
        assert terminal.wait_exit() == 0


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_dumb_terminal_is_refused_in_one_line(term, tmp_path):
    with Terminal(command(), env={**environment(tmp_path), "TERM": term}) as terminal:
        assert terminal.wait_exit() == 2
        assert "the console needs a terminal that can place the cursor" in " ".join(terminal.text.split())
        assert "\x1b[?1049h" not in terminal.output


def test_without_a_terminal_it_is_refused(tmp_path):
    done = subprocess.run(
        command(), capture_output=True, text=True, timeout=HANG_S, env=environment(tmp_path), input=""
    )
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr
    assert done.stdout == ""
