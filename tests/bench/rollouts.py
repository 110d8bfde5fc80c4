"""Codex's turns in Logs: how soon the newest are on the screen of a machine with a year of rollouts, what following costs while
nothing happens, and how soon a turn that ends is told.

    python -m tests.bench rollouts [--megabytes 1000] [--rounds 5] [--idle 20]

The console in a real pty of 160x50, without any gateway (the CPU's milliseconds stand beside the clock's: on a busy machine they
are what counts); then `joytui logs --follow --json` in its own process. Aims: the
newest page at most 300 ms after the first frame; an idle tail at most 0.5% of a core; a turn told at most 1 s after its end is
written.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from joytui.codex.rollouts.files import find_rollouts
from joytui.codex.rollouts.lines import open_rollout
from tests.bench.console import in_terminal
from tests.support.rollout_corpus import Thread, Truth, write_corpus

OPENING_MS, IDLE, TOLD_S = 300.0, 0.005, 1.0
SETTLING_S = 3.0


def main(words: list[str]) -> int:
    """0 if every aim is met."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench rollouts")
    parser.add_argument("--megabytes", type=int, default=1_000, help="of rollouts")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--idle", type=float, default=20.0, help="seconds in which nothing happens")
    args = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="joytui-bench-") as name:
        folder = Path(name)
        home = folder / ".codex"
        begin = datetime.now(UTC) - timedelta(days=1 + args.megabytes * 0.3)
        truth = write_corpus(home, args.megabytes * 1_000_000, moment=begin)
        newest = as_old_as_they_say(home)
        print(f"corpus: {truth.bytes / 1e6:.0f} MB in {truth.files} files, the newest of {newest:%Y-%m-%d}; ", end="")
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        missed = opening(folder, args.rounds) + following(folder, home, args.idle, args.rounds)
    print(f"missed: {', '.join(missed)}" if missed else "all aims met")
    return 1 if missed else 0


def as_old_as_they_say(home: Path) -> datetime:
    """Gives each file the time of its last line, as if it had been written then; the newest of these times."""
    newest = datetime.fromtimestamp(0, UTC)
    for rollout in find_rollouts(home):
        path = Path(rollout.path)
        with open_rollout(rollout.path, rollout.compressed) as file:
            if not rollout.compressed:
                file.seek(max(0, rollout.size - 100_000))
            last = datetime.fromisoformat(json.loads(file.read().splitlines()[-1])["timestamp"])
        os.utime(path, (last.timestamp(), last.timestamp()))
        newest = max(newest, last)
    return newest


def opening(folder: Path, rounds: int) -> list[str]:
    """From the first frame to the newest turns."""
    figures = []
    for _ in range(rounds):
        figures.append(in_terminal(folder, ["turns", "", "0", "0"], {"CODEX_HOME": str(folder / ".codex")}))
        (folder / "figures.json").unlink(missing_ok=True)
    times = [one["ms"] for one in figures if one]
    if not times:
        return ["opening: did not end"]
    middle, cpu = statistics.median(times), statistics.median(one["cpu_ms"] for one in figures if one)
    busy = os.getloadavg()[0] > (os.cpu_count() or 1)
    met = (cpu if busy else middle) <= OPENING_MS
    print(f"newest page     {middle:.0f} ms after the first frame, best {min(times):.0f}, CPU {cpu:.0f}", end="")
    print(f"  aim {OPENING_MS:.0f}: {'met' if met else 'MISSED'}{' by the CPU' * busy}")
    return [] if met else ["newest page"]


def following(folder: Path, home: Path, idle_s: float, rounds: int) -> list[str]:
    """What an idle tail costs, and how long a turn takes from its end to the line that tells it."""
    env = {**os.environ, "HOME": str(folder), "CODEX_HOME": str(home), "JOYTUI_DATA_DIR": str(folder / "data")}
    env["JOYTUI_CONFIG_FILE"] = str(folder / "config.toml")
    command = [sys.executable, "-m", "joytui", "logs", "--follow", "--json", "--limit", "1"]
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(SETTLING_S)
        before = cpu_seconds(process.pid)
        time.sleep(idle_s)
        share = (cpu_seconds(process.pid) - before) / idle_s
        times = [told(process, home, number) for number in range(rounds)]
    finally:
        process.kill()
        process.wait()
    middle = statistics.median(times)
    print(
        f"idle tail       {share:.2%} of a core over {idle_s:.0f} s  aim {IDLE:.1%}: {'met' if share <= IDLE else 'MISSED'}"
    )
    print(f"a turn is told  {middle:.2f} s after its end (most {max(times):.2f})", end="")
    print(f"  aim {TOLD_S:.0f}: {'met' if middle <= TOLD_S else 'MISSED'}")
    return [name for name, bad in (("idle tail", share > IDLE), ("a turn is told", middle > TOLD_S)) if bad]


def cpu_seconds(pid: int) -> float:
    """What a process has taken so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def told(process: subprocess.Popen[str], home: Path, number: int) -> float:
    """Seconds from a new thread's only turn to the line on stdout."""
    assert process.stdout is not None
    thread = Thread(random.Random(number), Truth(), datetime.now(UTC) + timedelta(seconds=number), version="0.169.0")
    thread.begin_turn()
    thread.answer((100, 40, 7, 3))
    thread.end_turn()
    began = time.monotonic()
    thread.write(home)
    process.stdout.readline()
    return time.monotonic() - began
