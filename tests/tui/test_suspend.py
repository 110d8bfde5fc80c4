"""ctrl+z gives the shell back, fg brings the console back; and a terminal as tmux and screen have it, resized."""

from __future__ import annotations

import shlex

import pytest

from tests.support.needs import needs
from tests.support.terminal import Terminal
from tests.tui.test_start import command, configured


@pytest.mark.slow
@needs("bash")
def test_suspended_and_resumed_under_a_shell(tmp_path):
    env = {**configured(tmp_path), "PS1": "READY> "}
    with Terminal(["bash", "--norc", "-i"], columns=100, lines=30, env=env) as terminal:
        terminal.wait_for("READY>")
        terminal.send(shlex.join(command("--no-start", "--screen", "logs")), "enter")
        terminal.wait_for("2 Logs", "? Help", "Codex has done nothing")
        assert terminal.alternate
        terminal.send("ctrl+z")
        terminal.wait_for("Stopped", "READY>")
        assert not terminal.alternate
        assert "Codex has done nothing" not in terminal.text
        terminal.send("fg", "enter")
        terminal.wait_for("1 Doctor", "2 Logs", "? Help", "Codex has done nothing")
        assert terminal.alternate
        terminal.send("q")
        terminal.wait_until(lambda screen: screen.rstrip().endswith("READY>"), what="the prompt")
        assert "fg" in terminal.text  # the shell's lines of before, and none of the console's
        assert "? Help" not in terminal.text
        assert "Traceback" not in terminal.output


@needs("bash")
@pytest.mark.slow
def test_a_window_resized_while_it_is_suspended(tmp_path):
    env = {**configured(tmp_path), "PS1": "READY> "}
    with Terminal(["bash", "--norc", "-i"], columns=100, lines=30, env=env) as terminal:
        terminal.wait_for("READY>")
        terminal.send(shlex.join(command("--no-start", "--screen", "doctor")), "enter")
        terminal.wait_for("key-unset", "? Help")
        terminal.send("ctrl+z")
        terminal.wait_for("Stopped", "READY>")
        terminal.resize(70, 20)
        terminal.send("fg", "enter")
        terminal.wait_until(lambda screen: "? Help" in screen.split("\n")[19] and "key-unset" in screen, what="70x20")
        terminal.send("q")
        terminal.wait_until(lambda screen: screen.rstrip().endswith("READY>"), what="the prompt")


@pytest.mark.slow
def test_screen_256color_and_a_resize(tmp_path):
    env = {**configured(tmp_path), "TERM": "screen-256color"}
    with Terminal(command("--no-start", "--screen", "logs"), columns=100, lines=30, env=env) as terminal:
        terminal.wait_for("Codex has done nothing")
        terminal.resize(80, 24)
        terminal.wait_for("2 Logs", "? Help")
        terminal.send("q")
        assert terminal.wait_exit() == 0
        assert terminal.left_behind() == []
