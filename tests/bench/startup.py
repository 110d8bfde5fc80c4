"""The console's first frame, from exec to the last word of the frame in a real pty, beside a bare Textual app's.

    python -m tests.bench startup [ROUNDS]

Both run by turns in the same terminal size with the same interpreter, so a busy machine slows both. Aim: at most 1.5 times.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

AIM = 1.5
ROUNDS = 11
LIMIT_S = 20.0
BARE = [sys.executable, "-m", "tests.bench.bare_app"]


def main(words: list[str]) -> int:
    """0 if the console's median is within the aim."""
    rounds = int(words[0]) if words else ROUNDS
    with tempfile.TemporaryDirectory(prefix="joytui-bench-") as folder:
        env = environment(Path(folder))
        console = [console_command(), "--no-start", "--screen", "doctor"]
        bare_times, console_times = measure(rounds, [(BARE, b"palette"), (console, b"Help")], env)
    ratio = statistics.median(console_times) / statistics.median(bare_times)
    for name, times in (("bare Textual app", bare_times), ("joytui", console_times)):
        print(
            f"{name:<18} median {statistics.median(times) * 1000:5.0f} ms   best {min(times) * 1000:5.0f} ms   of {rounds}"
        )
    print(f"ratio of medians   {ratio:.2f} (aim: at most {AIM})")
    return 0 if ratio <= AIM else 1


def environment(folder: Path) -> dict[str, str]:
    """A home with a Codex configuration in it, and nothing of the user's own."""
    (folder / ".codex").mkdir()
    return {
        "PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "xterm-256color", "LANG": "C.UTF-8",
        "JOYTUI_DATA_DIR": str(folder / "data"), "JOYTUI_CONFIG_FILE": str(folder / "config.toml"), "COLORTERM": "truecolor",
    }  # fmt: skip


def console_command() -> str:
    """The installed console script, beside this interpreter."""
    beside = Path(sys.executable).with_name("joytui")
    return str(beside) if beside.exists() else str(shutil.which("joytui"))


def measure(rounds: int, commands: list[tuple[list[str], bytes]], env: dict[str, str]) -> list[list[float]]:
    """Seconds to the marker, for each command, by turns; one unmeasured round first warms the caches."""
    times: list[list[float]] = [[] for _ in commands]
    for number in range(rounds + 1):
        for place, (command, marker) in enumerate(commands):
            seconds = first_frame(command, marker, env)
            if number:
                times[place].append(seconds)
    return times


def first_frame(command: list[str], marker: bytes, env: dict[str, str]) -> float:
    """Starts the command in a pty of 100×30 and returns the seconds until the marker came out."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True)
    os.close(slave)
    try:
        seen = b""
        while marker not in seen:
            left = LIMIT_S - (time.perf_counter() - begun)
            if left <= 0 or not select.select([master], [], [], left)[0]:
                raise TimeoutError(f"{command[0]} showed no {marker!r} within {LIMIT_S} s: {seen[-400:]!r}")
            seen += os.read(master, 65536)
        return time.perf_counter() - begun
    finally:
        process.kill()
        process.wait()
        os.close(master)
