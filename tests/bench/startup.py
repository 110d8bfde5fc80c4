"""The console's first frame as a user sees it: from exec until its words stand on the emulated screen of a real pty.

    python -m tests.bench startup [--screen doctor] [--rounds 11] [--baseline COMMIT]

Beside it, by turns with the same interpreter: a bare Textual app (one line of text), and a dressed one (Header, a line and
Footer). Each round gives a pair, and the median of the pairs is the ratio. CPU seconds stand beside the clock: the start waits
for nothing but itself, so a quiet machine shows the same ratio by both, and on a busy one (more load than cores) the CPU's
counts. Aim: at most 1.25 times the bare app.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import re
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench import baseline
from tests.bench.spent import Spent, by_turns, finished, judged, times
from tests.support.terminal import screen_of

AIM = 1.25
COLUMNS, LINES = 100, 30
LIMIT_S = 20.0
FRAME = ("1 Doctor", "2 Logs", "3 Usage", "4 Keys", "? Help")
_ESCAPES = re.compile(r"\x1b\[[0-9;:?<>=]*[ -/]*[@-~]")


@dataclass(frozen=True, slots=True)
class Runner:
    """What is started, and the words of its first frame."""

    name: str
    command: Sequence[str]
    words: Sequence[str]


def main(words: list[str]) -> int:
    """0 if the console keeps the aim, and the promise beside the baseline."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench startup")
    parser.add_argument("--screen", default="doctor", choices=("doctor", "logs", "usage", "keys"))
    parser.add_argument("--rounds", type=int, default=11)
    baseline.add_option(parser)
    args = parser.parse_args(words)
    app = [sys.executable, "-P", str(Path(__file__).with_name("bare_app.py"))]
    options = ["--no-start", "--screen", args.screen]
    trees = baseline.trees(args.baseline)
    runners = [
        Runner("bare app", app, ("bare",)),
        Runner("dressed app", [*app, "dressed"], ("BareApp", "bare", "palette")),
        *(Runner(tree.name, [tree.joytui, *options], FRAME) for tree in trees),
    ]
    with tempfile.TemporaryDirectory(prefix="joytui-bench-") as folder:
        bare, dressed, *ours = measure(runners, args.rounds, environment(Path(folder)))
    print(f"{args.rounds} rounds; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(
        f"{'':12}{'median':>9}{'best':>9}{'CPU':>9}{'best':>9}{'times bare':>13}{'CPU':>7}{'times dressed':>16}{'CPU':>7}"
    )
    for runner, spent in zip(runners, (bare, dressed, *ours), strict=True):
        ratios = "".join(
            f"{ratio.wall:>12.2f}{ratio.cpu:>8.2f}" for ratio in (times(spent, bare), times(spent, dressed))
        )
        print(f"{runner.name:12}{_milliseconds(spent)}{ratios}")
    good = judged("first frame", ours[0], bare, "the bare app", AIM)
    for tree, spent in zip(trees[1:], ours[1:], strict=True):
        good &= judged("first frame", ours[0], spent, tree.name, baseline.AIM)
    return 0 if good else 1


def _milliseconds(spent: Sequence[Spent]) -> str:
    return "".join(
        f"{1000 * figure(one):>6.0f} ms" for one in zip(*spent, strict=True) for figure in (statistics.median, min)
    )


def environment(folder: Path) -> dict[str, str]:
    """A home with a Codex configuration in it, and nothing of the user's own."""
    (folder / ".codex").mkdir()
    return {
        "PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "xterm-256color", "LANG": "C.UTF-8",
        "JOYTUI_DATA_DIR": str(folder / "data"), "JOYTUI_CONFIG_FILE": str(folder / "config.toml"), "COLORTERM": "truecolor",
    }  # fmt: skip


def measure(runners: Sequence[Runner], rounds: int, env: dict[str, str]) -> list[list[Spent]]:
    """What each spent until its first frame, by turns; one unmeasured round first warms the caches."""
    spent: dict[str, list[Spent]] = {runner.name: [] for runner in runners}
    for runner in by_turns(runners, rounds + 1):
        spent[runner.name].append(first_frame(runner, env))
    return [its[1:] for its in spent.values()]


def first_frame(runner: Runner, env: dict[str, str]) -> Spent:
    """Starts it in a pty and ends it when the words have come. That they stand on the screen is looked at afterwards: an
    emulator beside it would take its time."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    begun = time.perf_counter()
    process = subprocess.Popen(runner.command, stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True)
    os.close(slave)
    output, wall = b"", 0.0
    try:
        while not all(word in _ESCAPES.sub("", output.decode(errors="replace")) for word in runner.words):
            left = LIMIT_S - (time.perf_counter() - begun)
            if left <= 0 or not select.select([master], [], [], left)[0]:
                raise TimeoutError(f"{runner.name} showed no {runner.words} within {LIMIT_S} s: {output[-400:]!r}")
            output += os.read(master, 65536)
            wall = time.perf_counter() - begun
    finally:
        process.kill()
        cpu = finished(process)
        os.close(master)
    screen = screen_of(output.decode(errors="replace"), COLUMNS, LINES)
    assert all(word in screen for word in runner.words), screen
    return Spent(wall, cpu)
