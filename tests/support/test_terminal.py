"""The terminal of the tests shows what a user sees, and notices what a program leaves behind."""

from __future__ import annotations

import sys
import textwrap

import pytest

from tests.support.hang import MEANWHILE_S
from tests.support.terminal import ScreenTimeout, Terminal, screen_of

TINY_APP = textwrap.dedent("""
    from textual.app import App
    from textual.widgets import Footer, Header, Static

    class Tiny(App):
        BINDINGS = [("q", "quit", "Leave")]

        def compose(self):
            yield Header()
            yield Static("hello from a screen", id="body")
            yield Footer()

        def on_resize(self, event):
            self.query_one("#body").update(f"hello from a screen {event.size.width}x{event.size.height}")

    Tiny().run()
""")


def test_a_textual_app_is_read_resized_and_left():
    with Terminal([sys.executable, "-c", TINY_APP], columns=80, lines=24) as terminal:
        terminal.wait_for("hello from a screen 80x24", "Leave")
        terminal.resize(100, 30)
        terminal.wait_for("100x30")
        assert len(terminal.rows) == 30
        terminal.send("q")
        assert terminal.wait_exit() == 0
        assert "\x1b[?1049h" in terminal.output, "the app did use the alternate screen"
        assert terminal.left_behind() == []


def test_keys_and_exit_codes_pass_through():
    with Terminal(["sh", "-c", "read word; echo got:$word; exit 7"]) as terminal:
        terminal.send("abc", "enter")
        terminal.wait_for("got:abc")
        assert terminal.wait_exit() == 7
        assert terminal.left_behind() == []


def test_ctrl_c_reaches_the_command():
    with Terminal(
        [sys.executable, "-c", "import time; print('up', flush=True)\nwhile True: time.sleep(0.01)"]
    ) as terminal:
        terminal.wait_for("up")
        terminal.send("ctrl+c")
        assert terminal.wait_exit() in (-2, 1, 130)
        terminal_text = terminal.text
        assert "KeyboardInterrupt" in terminal_text


def test_what_stays_behind_is_noticed():
    with Terminal(["sh", "-c", r"printf '\033[?1049h\033[?25l\033[?1003h'; stty -echo"]) as terminal:
        terminal.wait_exit()
        assert terminal.left_behind() == [
            "terminal attributes (echo, line mode) not restored",
            "alternate screen not left",
            "mouse reports left on",
            "cursor left hidden",
        ]


def test_waiting_in_vain_shows_the_screen():
    with (
        Terminal(["sh", "-c", "echo something else; read x"]) as terminal,
        pytest.raises(ScreenTimeout, match="something else"),
    ):
        terminal.wait_for("never there", timeout=MEANWHILE_S)


def test_output_that_was_kept_is_read_as_it_stood_on_the_screen():
    output = "\x1b[>1uold words\x1b[1;1H\x1b[38;2;1;2;3mnew\x1b[0m\x1b[2;3Hbelow"
    assert screen_of(output, 12, 3) == "new words\n  below\n"
