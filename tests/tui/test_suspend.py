"""ctrl+z gives the shell back, fg brings the console back; and a terminal as tmux and screen have it, resized."""

from __future__ import annotations

from tests.support.terminal import Terminal
from tests.tui.test_start import command, configured


def test_suspended_and_resumed_under_a_shell(tmp_path):
    env = {**configured(tmp_path), "PS1": "$ "}
    with Terminal(["bash", "--norc", "-i"], columns=100, lines=30, env=env) as terminal:
        terminal.wait_for("$")
        terminal.send(" ".join(command("--no-start", "--screen", "logs")), "enter")
        terminal.wait_for("2 Logs", "? Help", timeout=20)
        terminal.send("ctrl+z")
        terminal.wait_for("Stopped")
        terminal.send("fg", "enter")
        terminal.wait_for("2 Logs", "? Help")
        terminal.send("q")
        terminal.wait_until(lambda screen: "$ " in screen or screen.endswith("$"), what="the prompt")
        assert "Traceback" not in terminal.output


def test_screen_256color_and_a_resize(tmp_path):
    env = {**configured(tmp_path), "TERM": "screen-256color"}
    with Terminal(command("--no-start", "--screen", "logs"), columns=100, lines=30, env=env) as terminal:
        terminal.wait_for("forbids to start it", timeout=20)
        terminal.resize(80, 24)
        terminal.wait_for("2 Logs", "? Help")
        terminal.send("q")
        assert terminal.wait_exit() == 0
        assert terminal.left_behind() == []
