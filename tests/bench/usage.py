"""`joytui usage --source codex` on 200 MB of rollouts whose true totals are known, beside ccusage on the same files; and
the questions of Usage to a ledger of 1,000,000 requests (`bench.usage_ledger`).

    python -m tests.bench usage

Whole processes, files in the page cache: cold (no cache of ours), warm (nothing changed), live (one file grew). Aims: totals
exact to the token; cold at most 0.35 s, warm at most 0.10 s. ccusage comes from npm (JOYTUI_CCUSAGE names its folder, else
the tests' cache folder); without it the comparison is left out, and that is said.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import platformdirs

from tests.bench import usage_ledger
from tests.support.rollout_corpus import FIELDS, Truth, write_corpus

SIZE = 200_000_000
ROUNDS = 7
COLD_AIM, WARM_AIM = 0.35, 0.10
CCUSAGE = "20.0.24"
NAMES = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens")


def run() -> int:
    """0 if every total is exact; the times are printed with their aims, and do not decide."""
    with tempfile.TemporaryDirectory(prefix="joytui-bench-") as folder:
        home = Path(folder) / "codex"
        truth = write_corpus(home, SIZE)
        print(f"corpus: {truth.bytes / 1e6:.0f} MB in {truth.files} files, {len(truth.threads)} threads, ", end="")
        print(f"{truth.responses} responses, {truth.failures} failed turns; load {os.getloadavg()[0]:.1f}")
        exact = _ours(Path(folder), home, truth)
        _theirs(Path(folder), home, truth)
        shutil.rmtree(home)
        right = usage_ledger.measure(Path(folder) / "ledger")
    return 0 if exact and right else 1


def _ours(folder: Path, home: Path, truth: Truth) -> bool:
    env = {**os.environ, "CODEX_HOME": str(home), "HOME": str(folder), "JOYTUI_DATA_DIR": str(folder / "data")}
    command = [sys.executable, "-m", "joytui", "usage", "--source", "codex", "--json"]
    newest = max(home.rglob("*.jsonl"))
    cold, first = _time(command, env, lambda: shutil.rmtree(folder / "data", ignore_errors=True))
    warm, second = _time(command, env, lambda: None)
    live, third = _time(command, env, lambda: os.utime(newest))
    bare, _ = _time([sys.executable, "-c", "pass"], env, lambda: None)
    wanted = {**{name: truth.totals[field] for name, field in zip(NAMES, FIELDS, strict=True)}}
    wanted |= {"requests": truth.responses + truth.failures, "errors": truth.failures}
    exact = all(json.loads(text)["totals"].items() >= wanted.items() for text in (first, second, third))
    _report("joytui cold", cold, COLD_AIM)
    _report("joytui warm", warm, WARM_AIM)
    _report("joytui, one file changed", live, None)
    _report("python -c pass", bare, None)
    print(f"totals: {'exact to the token' if exact else f'WRONG: wanted {wanted}, got {first}'}")
    return exact


def _theirs(folder: Path, home: Path, truth: Truth) -> None:
    command = _ccusage()
    if command is None:
        print(f"ccusage {CCUSAGE}: not here (npm install ccusage@{CCUSAGE} @ccusage/ccusage-linux-x64@{CCUSAGE})")
        return
    env = {"PATH": os.environ["PATH"], "HOME": str(folder / "other"), "CODEX_HOME": str(home)}
    times, text = _time([*command, "codex", "monthly", "--offline", "--json"], env, lambda: None)
    _report(f"ccusage {CCUSAGE}", times, None)
    done = subprocess.run(
        [*command, "codex", "session", "--offline", "--json"], env=env, capture_output=True, text=True, check=True
    )
    _compare(json.loads(text)["totals"], json.loads(done.stdout)["sessions"], truth)


def _compare(totals: dict[str, Any], sessions: list[dict[str, Any]], truth: Truth) -> None:
    """How many input tokens ccusage finds, and where those are that it does not."""
    found, true, compressed = _input(totals), truth.totals["input"], truth.compressed["input"]
    by_thread = {session["sessionFile"][-36:]: _input(session) for session in sessions}
    forks = sum(true - by_thread.get(thread, 0) for thread, true in truth.forks.items())
    rest = true - found - compressed - forks
    print(f"  input tokens, true {true:,}: joytui all; ccusage {found:,} ({found / true:.2%}).")
    print(f"  ccusage leaves out {compressed:,} in .zst files and {forks:,} in the files of forked threads; ", end="")
    print("the rest agrees" if not rest else f"{rest:,} unexplained")


def _input(numbers: dict[str, Any]) -> int:
    return int(numbers["inputTokens"]) + int(numbers["cacheReadTokens"])


def _ccusage() -> list[str] | None:
    """Its native command, installed once where npm is there."""
    named = os.environ.get("JOYTUI_CCUSAGE")
    folder = Path(named) if named else platformdirs.user_cache_path("joytui-tests") / f"ccusage-{CCUSAGE}"
    binary = folder / "node_modules/@ccusage/ccusage-linux-x64/bin/ccusage"
    npm = shutil.which("npm")
    if not binary.exists() and npm and not named:
        packages = [f"ccusage@{CCUSAGE}", f"@ccusage/ccusage-linux-x64@{CCUSAGE}"]
        install = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), *packages]
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(subprocess.TimeoutExpired):  # no registry within reach
            subprocess.run([*install, "--fetch-retries=0"], capture_output=True, timeout=60, check=False)
    return [str(binary)] if binary.exists() else None


def _time(command: list[str], env: dict[str, Any], before: Callable[[], object]) -> tuple[list[float], str]:
    """Seconds of each round, and what the last one printed."""
    times, out = [], ""
    for _ in range(ROUNDS):
        before()
        began = time.perf_counter()
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=True)
        times.append(time.perf_counter() - began)
        out = done.stdout
    return times, out


def _report(name: str, times: list[float], aim: float | None) -> None:
    middle, best = statistics.median(times), min(times)
    judged = (
        ""
        if aim is None
        else f"  aim {aim:.2f}: {'met' if middle <= aim else 'met by the best' if best <= aim else 'MISSED'}"
    )
    print(f"{name:<26} median {middle:.3f} s, best {best:.3f} s{judged}")


if __name__ == "__main__":
    raise SystemExit(run())
