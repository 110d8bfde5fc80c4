"""`joytui usage --source codex` on 200 MB of rollouts whose true totals are known, beside ccusage on the same files; and
the questions of Usage to a ledger of 1,000,000 requests (`bench.usage_ledger`).

    python -m tests.bench usage [--megabytes 200] [--requests 1000000] [--rounds 7] [--baseline COMMIT]

Whole processes, files in the page cache: cold (no cache of ours), warm (nothing changed), live (one file grew). Aims: totals
exact to the token; cold at most 0.35 s, warm at most 0.10 s. ccusage comes from npm (JOYTUI_CCUSAGE names its folder, else
the tests' cache folder); without it the comparison is left out, and that is said. The baseline's commands and gateway take turns
with ours.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import stat
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import platformdirs

from tests.bench import baseline, usage_ledger
from tests.bench.baseline import HERE, Tree
from tests.bench.spent import Spent, by_turns, finished, judged
from tests.support.rollout_corpus import FIELDS, Truth, write_corpus

COLD_AIM, WARM_AIM = 0.35, 0.10
CCUSAGE = "20.0.24"
NAMES = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens")


def main(words: list[str]) -> int:
    """0 if every total is exact and the baseline's promise is kept; the times are printed with their aims, and do not decide."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench usage")
    parser.add_argument("--megabytes", type=int, default=200, help="of rollouts")
    parser.add_argument("--requests", type=int, default=1_000_000, help="in the ledger")
    parser.add_argument("--rounds", type=int, default=7)
    baseline.add_option(parser)
    args = parser.parse_args(words)
    trees = baseline.trees(args.baseline)
    with tempfile.TemporaryDirectory(prefix="joytui-bench-") as folder:
        home = Path(folder) / "codex"
        truth = write_corpus(home, args.megabytes * 1_000_000)
        print(f"corpus: {truth.bytes / 1e6:.0f} MB in {truth.files} files, {len(truth.threads)} threads, ", end="")
        print(f"{truth.responses} responses, {truth.failures} failed turns; load {os.getloadavg()[0]:.1f}")
        good = _ours(Path(folder), home, truth, trees, args.rounds)
        _theirs(Path(folder), home, truth, args.rounds)
        shutil.rmtree(home)
        good &= usage_ledger.measure(Path(folder) / "ledger", args.requests, trees, args.rounds)
    return 0 if good else 1


def _ours(folder: Path, home: Path, truth: Truth, trees: Sequence[Tree], rounds: int) -> bool:
    newest = max(home.rglob("*.jsonl"))
    kinds: dict[str, tuple[float | None, Callable[[Path], object]]] = {
        "cold": (COLD_AIM, lambda data: shutil.rmtree(data, ignore_errors=True)),
        "warm": (WARM_AIM, lambda data: None),
        "one file changed": (None, lambda data: os.utime(newest)),
    }
    exact = kept = True
    for kind, (aim, before) in kinds.items():
        spent: dict[Tree, list[Spent]] = {tree: [] for tree in trees}
        for tree in by_turns(trees, rounds):
            data = folder / f"data-{tree.name}"
            env = {**os.environ, "CODEX_HOME": str(home), "HOME": str(folder), "JOYTUI_DATA_DIR": str(data)}
            before(data)
            one, out = _run([tree.joytui, "usage", "--source", "codex", "--json"], env)
            spent[tree].append(one)
            exact &= tree is not HERE or _exact(out, truth)
        for tree in trees:
            _report(f"{tree.name} {kind}", spent[tree], aim)
        for tree in trees[1:]:
            kept &= judged(kind, spent[HERE], spent[tree], tree.name, baseline.AIM)
    _report("python -c pass", [_run([sys.executable, "-c", "pass"], {})[0] for _ in range(rounds)], None)
    print(f"totals: {'exact to the token' if exact else 'WRONG'}")
    return exact and kept


def _exact(out: str, truth: Truth) -> bool:
    wanted = {name: truth.totals[field] for name, field in zip(NAMES, FIELDS, strict=True)}
    wanted |= {"requests": truth.responses + truth.failures, "errors": truth.failures}
    totals = json.loads(out)["totals"]
    if totals.items() >= wanted.items():
        return True
    print(f"wanted {wanted}, got {totals}")
    return False


def _theirs(folder: Path, home: Path, truth: Truth, rounds: int) -> None:
    command = _ccusage()
    if command is None:
        print(f"ccusage {CCUSAGE}: not here (npm install ccusage@{CCUSAGE} @ccusage/ccusage-linux-x64@{CCUSAGE})")
        return
    env = {"PATH": os.environ["PATH"], "HOME": str(folder / "other"), "CODEX_HOME": str(home)}
    runs = [_run([*command, "codex", "monthly", "--offline", "--json"], env) for _ in range(rounds)]
    _report(f"ccusage {CCUSAGE}", [spent for spent, _ in runs], None)
    sessions = _run([*command, "codex", "session", "--offline", "--json"], env)[1]
    _compare(json.loads(runs[-1][1])["totals"], json.loads(sessions)["sessions"], truth)


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
    if binary.exists() and not named:
        binary.chmod(
            binary.stat().st_mode | stat.S_IXUSR
        )  # the package has it without; ccusage's launcher mends it like this
    return [str(binary)] if binary.exists() else None


def _run(command: list[str], env: dict[str, str]) -> tuple[Spent, str]:
    """What a process took, and what it printed. Raises CalledProcessError."""
    began = time.perf_counter()
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        out = process.stdout.read()
        cpu = finished(process)
    spent = Spent(time.perf_counter() - began, cpu)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return spent, out


def _report(name: str, spent: Sequence[Spent], aim: float | None) -> None:
    times = [one.wall for one in spent]
    middle, best, cpu = statistics.median(times), min(times), statistics.median(one.cpu for one in spent)
    met = "" if aim is None else "met" if middle <= aim else "met by the best" if best <= aim else "MISSED"
    judged = f"  aim {aim:.2f}: {met}" if aim else ""
    print(f"{name:<26} median {middle:.3f} s, best {best:.3f} s, CPU {cpu:.3f} s{judged}")
