"""A real pseudo-terminal with a screen emulator: what a user sees of a command, and whether it leaves the terminal as it was.

    with Terminal(["joytui"], columns=80, lines=24, env={"HOME": str(home)}) as terminal:
        terminal.wait_for("Doctor")
        terminal.send("ctrl+q")
        assert terminal.wait_exit() == 0
        assert terminal.left_behind() == []

The command is the session leader of its own terminal, so Ctrl-C, window sizes and job control work as they do for a user.
Nothing here sleeps: a reader thread feeds the emulator and wakes whoever waits for the screen.
"""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import pyte

from tests.support.faketime import MACHINE_CLOCK
from tests.support.hang import HANG_S
from tests.support.two_screens import TwoScreens

KEYS: dict[str, str] = {
    "enter": "\r",
    "escape": "\x1b",
    "tab": "\t",
    "shift+tab": "\x1b[Z",
    "backspace": "\x7f",
    "space": " ",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "insert": "\x1b[2~",
    "delete": "\x1b[3~",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    "f1": "\x1bOP",
    "f2": "\x1bOQ",
    "f3": "\x1bOR",
    "f4": "\x1bOS",
    "f5": "\x1b[15~",
    **{f"ctrl+{letter}": chr(ord(letter) - 96) for letter in "abcdefghijklmnopqrstuvwxyz"},
}

# Sequences that pyte would misread as text or colours: kitty keyboard (CSI < u, CSI > 1 u), modifyOtherKeys (CSI > 4 ; 1 m).
_FOREIGN = re.compile(r"\x1b\[[<=>][0-9;:]*[ -/]*[@-~]|\x1b[P_^X][^\x1b]*\x1b\\")
_UNFINISHED = re.compile(r"\x1b(?:\[[<=>?]?[0-9;:]*[ -/]*|[P_^X][^\x1b]*\x1b?)?$")
_PRIVATE_MODE = re.compile(r"\x1b\[\?([0-9;]+)([hl])")

# Private modes that a well-behaved program turns off again, and how a user notices when it does not.
_MODES = {
    "1000": "mouse reports left on",
    "1002": "mouse reports left on",
    "1003": "mouse reports left on",
    "1004": "focus reports left on",
    "1006": "mouse reports left on",
    "1015": "mouse reports left on",
    "1049": "alternate screen not left",
    "2004": "bracketed paste left on",
    "2026": "synchronised output left on",
    "2048": "in-band resize reports left on",
}


class ScreenTimeout(AssertionError):
    """What was waited for did not appear in time; the message shows the screen."""


class Terminal:
    """One command in one pseudo-terminal. `env` is laid over a bare PATH, LANG and TERM: nothing else leaks in from the tests."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 80,
        lines: int = 24,
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
    ) -> None:
        self._screen = TwoScreens(columns, lines)
        self._stream = pyte.Stream(self._screen)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._raw: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        self._master, slave = pty.openpty()
        self._slave: int | None = slave
        _set_size(slave, columns, lines)
        self._termios_before = termios.tcgetattr(slave)
        self._termios_after: list[object] | None = None
        base = {"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8", "TERM": "xterm-256color", **MACHINE_CLOCK}
        self.process = subprocess.Popen(
            list(command),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=cwd,
            env={**base, **(env or {})},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self._reader = threading.Thread(target=self._read, name="terminal-reader", daemon=True)
        self._reader.start()

    # What stands on the screen

    @property
    def text(self) -> str:
        """The screen as text, one line each, without the blanks at the right."""
        with self._changed:
            return self._text()

    @property
    def rows(self) -> list[str]:
        """The screen's lines, all of them, without the blanks at the right."""
        return self.text.split("\n")

    def cells(self) -> list[list[tuple[str, str]]]:
        """The screen's lines as characters with their looks: "FG BG FLAGS", colours as "rrggbb", flags of "b", "i", "u"."""
        with self._changed:
            screen = self._screen
            return [[_cell(screen.buffer[y][x]) for x in range(screen.columns)] for y in range(screen.lines)]

    @property
    def alternate(self) -> bool:
        """Whether the screen of full-screen programs shows, not the shell's."""
        with self._changed:
            return self._screen.alternate

    @property
    def output(self) -> str:
        """Everything that was written since the start, escape sequences included."""
        with self._changed:
            return "".join(self._raw)

    @property
    def cursor(self) -> tuple[int, int]:
        """Column and line of the cursor, from 0."""
        with self._changed:
            return self._screen.cursor.x, self._screen.cursor.y

    # What a user does

    def send(self, *keys: str) -> None:
        """Press keys: names of `KEYS` ("enter", "ctrl+c", "f1"), everything else is typed as it stands."""
        for key in keys:
            os.write(self._master, KEYS.get(key, key).encode())

    def click(self, column: int, line: int) -> None:
        """A left click at a cell, from 0, as terminals report it in SGR mode."""
        place = f"{column + 1};{line + 1}"
        self.send(f"\x1b[<0;{place}M", f"\x1b[<0;{place}m")

    def resize(self, columns: int, lines: int) -> None:
        """Change the window; the kernel tells the command with SIGWINCH."""
        with self._changed:
            self._screen.resize(lines, columns)
        _set_size(self._master, columns, lines)

    def interrupt(self, number: int = signal.SIGINT) -> None:
        """Send a signal to the command itself."""
        self.process.send_signal(number)

    # Waiting

    def wait_for(self, *texts: str, timeout: float = HANG_S) -> str:
        """Wait until all texts stand on the screen at once; the screen. Raises ScreenTimeout with what stood there instead."""
        return self.wait_until(lambda screen: all(text in screen for text in texts), timeout, f"{texts!r} to appear")

    def wait_gone(self, text: str, timeout: float = HANG_S) -> str:
        """Wait until a text stands nowhere on the screen; the screen."""
        return self.wait_until(lambda screen: text not in screen, timeout, f"{text!r} to go")

    def wait_until(self, holds: Callable[[str], bool], timeout: float = HANG_S, what: str = "the screen") -> str:
        """Wait until `holds(screen text)`; the screen. Raises ScreenTimeout."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while not holds(screen := self._text()):
                left = deadline - time.monotonic()
                if left <= 0 or self._ended:
                    state = "the command ended" if self._ended else f"{timeout:g} s"
                    raise ScreenTimeout(f"waited for {what}: {state}\n{_frame(screen)}")
                self._changed.wait(left)
            return screen

    def wait_quiet(self, seconds: float = 0.5, timeout: float = HANG_S) -> None:
        """Wait until nothing is written for so long: for pictures, which must not show a frame half drawn."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while self._changed.wait(seconds) and time.monotonic() < deadline:
                pass

    def wait_exit(self, timeout: float = HANG_S) -> int:
        """Wait until the command ends and its last output is read; its exit code (negative: the signal that ended it)."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise ScreenTimeout(f"the command still runs after {timeout:g} s\n{_frame(self.text)}") from None
        if self._slave is not None:
            self._termios_after = termios.tcgetattr(self._slave)
            os.close(self._slave)  # with the last holder gone the reader gets EIO after the last byte
            self._slave = None
        self._reader.join(2.0)
        return code

    # Afterwards

    def left_behind(self) -> list[str]:
        """What a user would notice after the command's end: terminal attributes and modes that are not as before. Empty: nothing."""
        problems = []
        if self._termios_after is not None and self._termios_after != self._termios_before:
            problems.append("terminal attributes (echo, line mode) not restored")
        modes = self._modes()
        problems += sorted({text for mode, text in _MODES.items() if modes.get(mode) == "h"})
        if modes.get("25") == "l":
            problems.append("cursor left hidden")
        if (kitty := _kitty_depth(self.output)) > 0:
            problems.append(f"keyboard protocol left on ({kitty})")
        return problems

    def close(self) -> None:
        """End the command if it still runs (hang-up, then kill), and close the terminal."""
        if self.process.poll() is None:
            for number in (signal.SIGHUP, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.process.pid, number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(3)
                    break
        if self._slave is not None:
            os.close(self._slave)
            self._slave = None
        self._reader.join(2.0)
        with contextlib.suppress(OSError):
            os.close(self._master)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 65536)
            except OSError:  # EIO: nobody holds the other side any more
                data = b""
            with self._changed:
                if data:
                    self._feed(self._decoder.decode(data))
                else:
                    self._ended = True
                self._changed.notify_all()
            if not data:
                return

    def _feed(self, text: str) -> None:
        self._raw.append(text)
        text = self._held + text
        unfinished = _UNFINISHED.search(text)
        self._held = unfinished.group() if unfinished else ""
        self._stream.feed(_FOREIGN.sub("", text[: len(text) - len(self._held)]))

    def _text(self) -> str:
        return "\n".join(line.rstrip() for line in self._screen.display)

    def _modes(self) -> dict[str, str]:
        state: dict[str, str] = {}
        for numbers, letter in _PRIVATE_MODE.findall(self.output):
            for number in numbers.split(";"):
                state[number] = letter
        return state


def screen_of(output: str, columns: int, lines: int) -> str:
    """The screen as text after this output."""
    screen = TwoScreens(columns, lines)
    pyte.Stream(screen).feed(_FOREIGN.sub("", output))
    return "\n".join(line.rstrip() for line in screen.display)


# What our own terminal would draw for the colours that have names.
_PALETTE = {
    "black": "14171d", "red": "e06c75", "green": "7fc97f", "brown": "e5b567", "blue": "6ea8fe", "magenta": "c49bea",
    "cyan": "5fc9c0", "white": "d8dee9", "brightblack": "7b8496",
}  # fmt: skip


def _cell(char: pyte.screens.Char) -> tuple[str, str]:
    ink, ground = _colour(char.fg, "d8dee9"), _colour(char.bg, "0f1219")
    if char.reverse:
        ink, ground = ground, ink
    flags = ("b" if char.bold else "") + ("i" if char.italics else "") + ("u" if char.underscore else "")
    return char.data or " ", f"{ink} {ground} {flags or '-'}"


def _colour(name: str, otherwise: str) -> str:
    if name == "default":
        return otherwise
    return _PALETTE.get(name, _PALETTE.get(name.removeprefix("bright"), name))


def _kitty_depth(output: str) -> int:
    pushed = len(re.findall(r"\x1b\[>[0-9]*u", output))
    popped = sum(int(count or 1) for count in re.findall(r"\x1b\[<([0-9]*)u", output))
    return pushed - popped


def _set_size(descriptor: int, columns: int, lines: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


def _frame(screen: str) -> str:
    return "\n".join(f"| {line}" for line in screen.split("\n"))
