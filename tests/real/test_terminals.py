"""The console in real terminals: what it writes, what it leaves behind, and that neither a slow terminal nor a signal holds it up.

Nothing here sleeps until something is so: it is waited for on the screen, at the process, or at the terminal. A silence
lasts for a time that is given, since nothing is what is waited for.
"""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.hang import HANG_S, poll
from tests.support.needs import needs
from tests.support.terminal import Terminal
from tests.tui.staging import Stage, now
from tests.tui.test_start import command, configured

pytestmark = pytest.mark.slow

SIZES = ((80, 24), (200, 60), (40, 10), (80, 24))


def settled(terminal: Terminal, looks: int = 24) -> int:
    """Waits until nothing has been written for so many looks, twenty a second; how many characters had been written by then."""
    counts: deque[int] = deque(maxlen=looks)

    def quiet() -> bool:
        counts.append(len(terminal.output))
        return len(counts) == looks and counts[0] == counts[-1]

    poll(quiet, lambda: f"silence: {terminal.output[-300:]!r}")
    return counts[-1]


@pytest.mark.parametrize("term", ["xterm-256color", "screen-256color", "tmux-256color", "linux"])
@pytest.mark.parametrize("screen", ["doctor", "logs"])
def test_each_kind_of_terminal_through_all_sizes(term: str, screen: str, tmp_path: Path) -> None:
    env = {**configured(tmp_path), "TERM": term}
    with Terminal(command("--no-start", "--screen", screen), columns=80, lines=24, env=env) as terminal:
        terminal.wait_for("? Help", "1 Doctor")
        for columns, lines in SIZES[1:]:
            terminal.resize(columns, lines)
            terminal.wait_until(lambda text, n=lines: "? Help" in text.split("\n")[n - 1], what=f"{columns}x{lines}")
            assert max(map(len, terminal.rows)) <= columns
        terminal.send("q")
        assert terminal.wait_exit() == 0
        assert terminal.left_behind() == []
        assert "Traceback" not in terminal.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
@pytest.mark.parametrize("screen", ["logs", "usage"])
def test_a_signal_ends_it_and_the_terminal_is_as_before(number: int, screen: str, tmp_path: Path) -> None:
    with Terminal(command("--no-start", "--screen", screen), env=configured(tmp_path)) as terminal:
        terminal.wait_for("? Help")
        terminal.interrupt(number)
        terminal.wait_exit()
        assert terminal.left_behind() == []
        assert "Traceback" not in terminal.output


def test_killed_outright_the_shell_goes_on(tmp_path: Path) -> None:
    """Nobody can tidy up after SIGKILL; the gateway's state and the settings must still be good for the next console."""
    env = configured(tmp_path)
    with Terminal(command("--no-start", "--screen", "usage"), env=env) as terminal:
        terminal.wait_for("? Help")
        terminal.interrupt(signal.SIGKILL)
        assert terminal.wait_exit() == -signal.SIGKILL
    with Terminal(command("--no-start", "--screen", "usage"), env=env) as terminal:
        terminal.wait_for("? Help")
        terminal.send("q")
        assert terminal.wait_exit() == 0


@pytest.mark.parametrize(
    "locale", [{"LANG": "C"}, {"LANG": "en_US.ISO-8859-1"}, {"LANG": "C.UTF-8", "LC_ALL": "POSIX"}]
)
def test_without_utf8_it_draws_in_ascii(locale: dict[str, str], tmp_path: Path) -> None:
    with Terminal(command("--no-start", "--screen", "doctor"), env={**configured(tmp_path), **locale}) as terminal:
        terminal.wait_for("key-unset", "? Help")
        terminal.send("2")
        terminal.wait_for("done nothing on this machine")
        terminal.send("q")
        assert terminal.wait_exit() == 0
        assert [char for char in terminal.output if ord(char) > 126] == []


def test_a_utf8_ctype_of_the_users_own_counts(tmp_path: Path) -> None:
    env = {**configured(tmp_path), "LANG": "C", "LC_CTYPE": "C.UTF-8"}
    with Terminal(command("--no-start", "--screen", "doctor"), env=env) as terminal:
        terminal.wait_for("✗", "? Help")


def test_no_color_writes_greys_alone(tmp_path: Path) -> None:
    env = {**configured(tmp_path), "NO_COLOR": "1"}
    with Terminal(command("--no-start", "--screen", "doctor"), env=env) as terminal:
        terminal.wait_for("key-unset", "? Help")
        terminal.send("q")
        assert terminal.wait_exit() == 0
        colours = {int(n) for n in re.findall(r"[34]8;5;(\d+)", terminal.output)}
        assert all(n in (0, 7, 8, 15, 16, 231) or n >= 232 for n in colours), colours
        for red, green, blue in re.findall(r"[34]8;2;(\d+);(\d+);(\d+)", terminal.output):
            assert red == green == blue


@pytest.mark.parametrize("which", ["stdin", "stdout"])
def test_a_pipe_is_no_terminal(which: str, tmp_path: Path) -> None:
    master, slave = os.openpty()
    streams = {"stdin": slave, "stdout": slave, "stderr": subprocess.PIPE, which: subprocess.PIPE}
    try:
        done = subprocess.run(
            command(), env=configured(tmp_path), timeout=HANG_S, check=False, text=True, **_input(streams)
        )  # type: ignore[call-overload]
        assert done.returncode == 2
        assert len(done.stderr.strip().splitlines()) <= 3
        assert "the console needs a terminal, but stdin or stdout is not one" in done.stderr
        assert not done.stdout
    finally:
        os.close(slave)
        os.close(master)


def _input(streams: dict[str, int]) -> dict[str, object]:
    if streams["stdin"] != subprocess.PIPE:
        return dict(streams)
    return {**{name: value for name, value in streams.items() if name != "stdin"}, "input": ""}


# --- how much it writes


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A gateway with a day of requests."""
    made = Stage(tmp_path)
    made.fill(now(), days=1)
    made.start()
    yield made
    made.close()


def test_at_rest_it_writes_nothing(stage: Stage) -> None:
    """No clock, no spinner, no chart that creeps: over a thin line an idle console is silent, on each screen."""
    with Terminal(command("--no-start", "--screen", "doctor"), columns=120, lines=40, env=stage.setup.env) as terminal:
        terminal.wait_for("? Help")
        for key in "1234":
            terminal.send(key)
            settled(terminal, looks=32)  # longer than any timer that draws
        terminal.send("q")
        terminal.wait_exit()


def test_a_request_costs_two_frames_and_no_more(stage: Stage) -> None:
    """Following: a request is drawn when it begins and when it has ended; nothing is cleared before (no flicker)."""
    with Terminal(command("--no-start", "--screen", "logs"), columns=120, lines=40, env=stage.setup.env) as terminal:
        terminal.wait_for("following", "✓ 200")
        before = settled(terminal)
        for _ in range(3):
            assert stage.ask("codex-anna", "joytui-offline-mini") == 200
        written = terminal.output[before : settled(terminal)]
        assert len(written) < 3 * 2 * 120 * 40 * 2, f"{len(written)} characters for three requests"
        assert "\x1b[2J" not in written
        assert "\x1b[K" not in written
        terminal.send("q")
        terminal.wait_exit()


# --- a terminal that does not read


@contextmanager
def opened(env: dict[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], int, int]]:
    """A console that has drawn its first screen, and its terminal's two ends; who reads from it is the test's own affair."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    base = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "xterm-256color"}
    process = subprocess.Popen(
        command("--no-start", "--screen", "logs"),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**base, **env},
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    try:
        read_until(master, b"Help")
        yield process, master, slave
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(HANG_S)
        for end in (slave, master):
            with suppress(OSError):
                os.close(end)


@contextmanager
def stalled(env: dict[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], int, int]]:
    """One whose terminal stopped reading while it was drawing."""
    with opened(env) as (process, master, slave):
        turn = 0

        def takes_no_more() -> bool:
            nonlocal turn
            turn += 1
            fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 40 + turn % 2, 120, 0, 0))
            return not select.select([], [slave], [], 0)[1]

        poll(takes_no_more, lambda: "a terminal that is full")
        yield process, master, slave


def read_until(master: int, wanted: bytes) -> bytes:
    seen = b""
    while wanted not in seen:
        assert select.select([master], [], [], HANG_S)[0], f"{wanted!r} did not come: {seen[-200:]!r}"
        seen += os.read(master, 65536)
    return seen


def memory_mb(pid: int) -> float:
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    return int(fields["VmRSS"].split()[0]) / 1024


@needs("/proc")
def test_a_terminal_that_stops_reading_neither_freezes_nor_fills_it(tmp_path: Path) -> None:
    with stalled(configured(tmp_path)) as (process, master, _):
        before = memory_mb(process.pid)
        for turn in range(12):  # some frames each, none of which can be written
            fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 41 + turn % 3, 120, 0, 0))
            os.write(master, b"23"[turn % 2 : turn % 2 + 1])
            time.sleep(0.1)
        assert memory_mb(process.pid) < before + 15
        os.write(master, b"1")
        read_until(master, b"key-unset")  # it reads again, and what is drawn is what is so now
        os.write(master, b"q")
        read_until(master, b"\x1b[?1049l")
        assert process.wait(HANG_S) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_though_its_terminal_does_not_read(number: int, tmp_path: Path) -> None:
    with stalled(configured(tmp_path)) as (process, master, slave):
        process.send_signal(number)
        assert process.wait(HANG_S) == 128 + number
        assert termios.tcgetattr(slave)[3] & termios.ECHO
        assert b"\x1b[?1049l" in read_until(master, b"\x1b[?25h")


def test_a_terminal_that_is_gone_ends_it(tmp_path: Path) -> None:
    """The window is closed: nothing is left running."""
    with opened(configured(tmp_path)) as (process, master, slave):
        os.close(slave)
        os.close(master)
        process.wait(HANG_S)
