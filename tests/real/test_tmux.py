"""The console inside a real tmux: drawn, resized, suspended, left; what the pane shows is what tmux itself says it shows."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.hang import HANG_S, poll
from tests.support.needs import needs
from tests.tui.test_start import command, configured

pytestmark = [needs("tmux"), needs("bash"), pytest.mark.slow]
DOCTOR = shlex.join(command("--no-start", "--screen", "doctor"))


@dataclass(frozen=True)
class Tmux:
    """A tmux server of its own with one pane of one shell."""

    socket: Path
    env: dict[str, str]

    def __call__(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(self.socket), "-f", "/dev/null", *words],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=HANG_S,
            check=False,
        )
        assert done.returncode == 0, f"tmux {words}: {done.stderr}"
        return done.stdout

    def pane(self) -> str:
        return self("capture-pane", "-p")

    def ask(self, what: str) -> str:
        """What tmux knows about the pane: alternate_on, cursor_flag, mouse_any_flag, pane_width, …"""
        return self("display-message", "-p", "#{" + what + "}").strip()

    def type(self, *keys: str) -> None:
        self("send-keys", *keys)

    def until(self, holds: Callable[[str], bool], what: str) -> str:
        """tmux tells nobody that a pane has changed."""
        screen = ""

        def look() -> bool:
            nonlocal screen
            screen = self.pane()
            return holds(screen)

        poll(look, lambda: f"{what}:\n{screen}")
        return screen

    def wait_for(self, *texts: str) -> str:
        return self.until(lambda screen: all(text in screen for text in texts), repr(texts))

    def wait_prompt(self) -> str:
        return self.until(lambda screen: screen.rstrip().endswith("READY>"), "the shell's prompt")


@pytest.fixture
def tmux(request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tmux]:
    """A pane of 80x24 whose bash waits at its prompt; the parameter is its TERM."""
    term = getattr(request, "param", "tmux-256color")
    env = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "LANG": "C.UTF-8", **configured(tmp_path)}
    made = Tmux(tmp_path_factory.mktemp("t") / "s", env)  # the path of a socket must be short
    shell = ["env", f"TERM={term}", "PS1=READY> ", "bash", "--norc", "-i"]
    made("new-session", "-d", "-x", "80", "-y", "24", *shell)
    try:
        made.wait_prompt()
        yield made
    finally:
        subprocess.run(["tmux", "-S", str(made.socket), "kill-server"], check=False, capture_output=True, env=env)


@pytest.mark.parametrize("tmux", ["screen-256color", "tmux-256color"], indirect=True)
def test_a_session_from_the_shell_and_back(tmux: Tmux) -> None:
    tmux.type('cd "$HOME" && stty -g > before; echo kept-$TERM', "Enter")
    tmux.wait_for("kept-")
    tmux.type(DOCTOR, "Enter")
    tmux.wait_for("1 Doctor", "? Help", "key-unset")
    assert tmux.ask("alternate_on") == "1"
    for columns, lines in ((200, 60), (40, 10), (80, 24)):
        tmux("resize-window", "-x", str(columns), "-y", str(lines))
        tmux.until(lambda screen: "? Help" in screen.rstrip("\n").split("\n")[-1], f"{columns}x{lines}")
        assert tmux.ask("pane_width") == str(columns)
    tmux.type("2")
    tmux.wait_for("done nothing on this machine")
    tmux.type("C-z")
    assert "done nothing" not in tmux.until(lambda screen: "Stopped" in screen and "kept-" in screen, "the shell")
    assert (tmux.ask("alternate_on"), tmux.ask("cursor_flag"), tmux.ask("mouse_any_flag")) == ("0", "1", "0")
    tmux.type("fg", "Enter")
    tmux.wait_for("1 Doctor", "2 Logs", "? Help", "done nothing on this machine")
    assert (tmux.ask("alternate_on"), tmux.ask("mouse_any_flag")) == ("1", "1")
    tmux.type("1")
    tmux.wait_for("key-unset", "? Help")
    tmux.type("q")
    left = tmux.wait_prompt()
    assert "kept-" in left
    assert "? Help" not in left
    assert "Traceback" not in left
    assert (tmux.ask("alternate_on"), tmux.ask("cursor_flag"), tmux.ask("mouse_any_flag")) == ("0", "1", "0")
    tmux.type('clear; [ "$(stty -g)" = "$(cat before)" ] && echo the-same-$?', "Enter")
    tmux.wait_for("the-same-0")


def test_suspended_twice_resized_meanwhile_and_sent_to_the_background(tmux: Tmux) -> None:
    tmux.type(DOCTOR, "Enter")
    tmux.wait_for("? Help", "key-unset")
    for columns, lines in ((100, 30), (60, 20)):
        tmux.type("C-z")
        tmux.wait_for("Stopped")
        tmux("resize-window", "-x", str(columns), "-y", str(lines))
        tmux.type("clear; bg", "Enter")  # without the terminal it cannot go on: it stops again
        tmux.wait_for("&", "READY>")
        tmux.type("fg", "Enter")
        tmux.until(
            lambda screen: "? Help" in screen.rstrip("\n").split("\n")[-1] and "key-unset" in screen,
            f"{columns}x{lines}",
        )
    tmux.type("q")
    tmux.wait_prompt()


def test_suspended_from_within_a_script(tmux: Tmux) -> None:
    """As under `uv run` or make: the shell waits for the script, so all of the job stops."""
    tmux.type(f"sh -c {shlex.quote(DOCTOR + '; echo the-script-$?')}", "Enter")
    tmux.wait_for("? Help", "key-unset")
    tmux.type("C-z")
    tmux.wait_for("Stopped")
    tmux.wait_prompt()
    tmux.type("fg", "Enter")
    tmux.wait_for("? Help", "key-unset")
    tmux.type("q")
    tmux.wait_for("the-script-0")


def test_without_a_shell_behind_it_ctrl_z_does_not_freeze_it(tmux: Tmux) -> None:
    tmux("respawn-pane", "-k", DOCTOR)
    tmux.wait_for("? Help", "key-unset")
    tmux.type("C-z")
    tmux.wait_for("this console has no shell behind it")
    tmux.type("2")
    tmux.wait_for("done nothing on this machine")
