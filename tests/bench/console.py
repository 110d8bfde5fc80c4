"""The console's live path in a real pty of 160×50: CPU, lag, delay, nothing dropped; how soon a large ledger's newest page is there.

    python -m tests.bench console [--seconds 5] [--rates 100,1000,10000] [--ledger 100000] [--full]
    python -m tests.bench console --baseline COMMIT [--rounds 5]        beside an older commit, by turns
    python -m tests.bench console --hour        ten minutes at 600 requests a second: does the memory stay where it is?
    python -m tests.bench console --hour --hour-rate 6000        the same number of requests in a minute

Beside it in the same run and on the same feed: Textual's RichLog and DataTable with one write per request, and how much
more CPU they take for each request that they showed. `--full`: 30 s a rate and a ledger of 1,000,000 rows. `--rows-form`:
the feed sends rows, like a gateway that does not know the form by column. Aims: at 10,000/s at most 20% of a core and 50 ms
of lag (p99), nothing dropped; at 1,000/s at most 250 ms from a request's end to the screen (p99); the newest page of a large
ledger at most 200 ms after the first frame. A million requests in memory are no aim: the console's window is 131,072, and
nothing measures more.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import pty
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.bench import baseline
from tests.bench.baseline import HERE, Tree
from tests.bench.spent import Spent, by_turns, judged

HOUR = 360_000  # a hundred requests a second
FLAT_MB = 2.0  # from one half to the other, once the list is full
SWING_MB = 8.0  # what the allocator keeps for a chunk of rows that comes and goes
AIMS = {"cpu": 0.20, "lag_p99_ms": 50.0, "delay_p99_ms": 250.0, "opening_ms": 200.0}


def main(words: list[str]) -> int:
    """0 if every aim is met."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench console", epilog="The part over a million rows is withdrawn: the window is 131,072."
    )
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rates", default="100,1000,10000")
    parser.add_argument("--ledger", type=int, default=100_000)
    parser.add_argument("--alone", action="store_true", help="without RichLog and DataTable")
    parser.add_argument("--rows-form", action="store_true", help="the feed sends rows, not columns")
    parser.add_argument("--hour", action="store_true", help="only the memory over an hour's requests, in ten minutes")
    parser.add_argument("--hour-rate", type=int, default=600, help="so many of an hour's requests in a second")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--rounds", type=int, default=5, help="how often they take turns, with --baseline")
    baseline.add_option(parser)
    args = parser.parse_args(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # by the way out that ends what was started
    if args.full:
        args.seconds, args.ledger = 30.0, 1_000_000
    if args.hour:
        return 1 if steady(HOUR, args.hour_rate) else 0
    print(f"machine: {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    missed = live(args)
    if args.ledger:
        missed += opening(args.ledger)
    print(
        f"load {os.getloadavg()[0]:.1f} at the end; " + (f"missed: {', '.join(missed)}" if missed else "all aims met")
    )
    return 1 if missed else 0


def live(args: argparse.Namespace) -> list[str]:
    trees = baseline.trees(args.baseline)
    print(f"{'':12}{'req/s':>7}{'CPU':>7}{'lag p99':>10}{'max':>9}{'delay p50':>11}{'p99':>9}   shown")
    return [miss for rate in args.rates.split(",") for miss in at_rate(int(rate), trees, args)]


def at_rate(rate: int, trees: Sequence[Tree], args: argparse.Namespace) -> list[str]:
    """The trees' consoles by turns, then the plain apps; what was missed."""
    missed: list[str] = []
    spent: dict[Tree, list[Spent]] = {tree: [] for tree in trees}
    apps = [("joytui", tree) for tree in by_turns(trees, args.rounds if args.baseline else 1)]
    apps += [] if args.alone else [("RichLog", HERE), ("DataTable", HERE)]
    for what, tree in apps:
        expected = int(rate * args.seconds)
        figures = measured(what, rate, args.seconds, expected, rows_form=args.rows_form, tree=tree)
        name = tree.name if what == "joytui" else what
        print(live_line(name, rate, figures, expected), end="", flush=True)
        if what == "joytui" and figures:
            spent[tree].append(Spent(figures["delay_p50_ms"] / 1000, a_request(figures)))
        print(beside(a_request(figures), spent[HERE][-1].cpu if spent[HERE] else 0.0), flush=True)
        missed += misses(rate, figures) if what == "joytui" and tree is HERE else []
    for tree in trees[1:]:
        ended = len(spent[tree]) == len(spent[HERE]) > 0
        if not (
            ended and judged(f"a request at {rate}/s", spent[HERE], spent[tree], tree.name, baseline.AIM, by="CPU")
        ):
            missed.append(f"beside {tree.name} at {rate}/s")
    return missed


def live_line(what: str, rate: int, figures: dict[str, Any], expected: int) -> str:
    if not figures:
        return f"{what:<12}{rate:>7}   did not end"
    delays = "".join(f"{figures[name]:>{room}.0f}ms" for name, room in (("delay_p50_ms", 9), ("delay_p99_ms", 7)))
    return (
        f"{what:<12}{rate:>7}{figures['cpu']:>7.0%}{figures['lag_p99_ms']:>8.0f}ms{figures['lag_max_ms']:>7.0f}ms"
        f"{delays if figures['delay_p50_ms'] else '':>20}   {figures['shown']:,} of {expected:,}"
    )


def a_request(figures: dict[str, Any]) -> float:
    """Microseconds of CPU for each request that was shown."""
    return figures["cpu"] * figures["wall"] / figures["shown"] * 1e6 if figures.get("shown") else 0.0


def beside(its: float, ours: float) -> str:
    """What a request cost, and how many times ours that is."""
    if not its or not ours:
        return ""
    return f"   {its:,.0f} µs a request" + (f" ({its / ours:.1f} times ours)" if its != ours else "")


def misses(rate: int, figures: dict[str, Any]) -> list[str]:
    wanted = {"cpu", "lag_p99_ms"} if rate == 10_000 else {"delay_p99_ms"} if rate == 1_000 else set()
    found = [f"{name} at {rate}/s" for name in sorted(wanted) if figures.get(name, 1e9) > AIMS[name]]
    return found if figures.get("complete") else [*found, f"requests dropped at {rate}/s"]


def steady(rows: int, rate: int) -> list[str]:
    """An hour of a hundred requests a second in ten minutes: once the list is full, memory stays where it is."""
    figures = measured("hour", rate, rows / rate, rows)
    if not figures:
        return ["hour: did not end"]
    for seen, kept, mb, rest in figures["samples"]:
        print(f"  {seen:>9,} requests seen  {kept:>9,} kept  {mb:>6.1f} MB, {rest:>6.1f} MB beside their columns")
    full = [rest for seen, kept, _, rest in figures["samples"] if seen > kept]
    half = len(full) // 2
    if not half:
        return ["hour: no request has left"]
    first, last = (sum(part) / len(part) for part in (full[:half], full[-half:]))
    print(
        f"{max(full) - min(full):.1f} MB between least and most of that since the list is full, {last - first:+.1f} MB from its first half to its second"
    )
    flat = figures["complete"] and max(full) - min(full) <= SWING_MB and last - first <= FLAT_MB
    print("flat" if flat else "missed: memory grows" if figures["complete"] else "missed: requests dropped")
    return [] if flat else ["hour"]


def measured(
    what: str, rate: int, amount: float, expected: int, *, rows_form: bool = False, tree: Tree = HERE
) -> dict[str, Any]:
    """The figures of one app on its own feed, both of this tree; empty if it did not end in time."""
    command = [tree.python, "-m", "tests.bench.feed", str(rate), str(amount), *(["rows"] if rows_form else [])]
    feed = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tree.folder)
    try:
        assert feed.stdout is not None
        url = feed.stdout.readline().strip()
        with tempfile.TemporaryDirectory() as folder:
            words = [what, url, str(expected), str(amount)]
            return in_terminal(Path(folder), words, {"JOYTUI_ADMIN_TOKEN": "bench"}, tree)
    finally:
        feed.kill()
        feed.wait()


def in_terminal(folder: Path, words: Sequence[str], extra: dict[str, str], tree: Tree = HERE) -> dict[str, Any]:
    """Runs the tree's `tests.bench.watched` in a pty that somebody reads, and returns what it wrote."""
    out = folder / "figures.json"
    (folder / ".codex").mkdir(exist_ok=True)
    env = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "xterm-256color", "LANG": "C.UTF-8", "COLORTERM": "truecolor",
        "COLORFGBG": "15;0", "JOYTUI_DATA_DIR": str(folder / "data"), "JOYTUI_CONFIG_FILE": str(folder / "config.toml"), **extra,
    }  # fmt: skip
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
    command = [tree.python, "-m", "tests.bench.watched", str(out), *words]
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env=env, cwd=tree.folder, start_new_session=True
    )
    os.close(slave)
    reader = threading.Thread(target=drain, args=(master,), daemon=True)
    reader.start()
    limit = time.monotonic() + float(words[3]) + 60
    try:
        while process.poll() is None and not out.exists() and time.monotonic() < limit:
            time.sleep(0.1)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
    finally:
        process.kill()
        process.wait()
    return json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}


def drain(master: int) -> None:
    with contextlib.suppress(OSError):
        while os.read(master, 1 << 16):
            pass
    os.close(master)


# A large ledger


def opening(rows: int) -> list[str]:
    """From the first frame to the newest page, with a real gateway on a real ledger."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with gateway(folder, rows):
            times = [figures["ms"] for _ in range(5) if (figures := in_terminal(folder, ["opening", "", "0", "0"], {}))]
            (folder / "figures.json").unlink(missing_ok=True)
    if not times:
        return ["opening: did not end"]
    middle = sorted(times)[len(times) // 2]
    print(
        f"ledger of {rows:,}: newest page {middle:.0f} ms after the first frame (best {min(times):.0f}, of {len(times)})"
    )
    return [] if middle <= AIMS["opening_ms"] else ["opening"]


@contextlib.contextmanager
def gateway(folder: Path, rows: int) -> Iterator[None]:
    env = {**os.environ, "HOME": name(folder), "JOYTUI_DATA_DIR": name(folder / "data")}
    env["JOYTUI_CONFIG_FILE"] = name(folder / "config.toml")
    command = [sys.executable, "-m", "joytui", "gateway", "run", "--port", "0"]
    fill(folder / "data", rows)
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("ready http"), line
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def name(path: Path) -> str:
    return str(path)


def fill(data: Path, rows: int) -> None:
    """A store with ended requests, one in a tenth of a second, the newest just now."""
    from joytui.ledger.sqlite.schema import migrate
    from tests.bench.feed import request

    data.mkdir(mode=0o700)
    store = data / "ledger.sqlite3"
    connection = sqlite3.connect(store, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = OFF")
    migrate(connection, str(store))
    columns = (
        "key_id", "model", "model_used", "provider", "tier", "endpoint", "status", "error_type", "error_message", "cause",
        "input_tokens", "output_tokens", "ttft_ms", "latency_ms", "stream", "request_id", "upstream_id", "thread_id", "client", "ip",
    )  # fmt: skip
    start = int(time.time() * 1000) - rows * 100
    marks = ", ".join("?" * (len(columns) + 3))
    connection.execute("BEGIN")
    connection.executemany(
        f"INSERT INTO request (n, started_at, seq, {', '.join(columns)}) VALUES ({marks})",
        (
            ((start + i * 100) << 21, start + i * 100, i + 1, *(row[column] for column in columns))
            for i in range(rows)
            for row in (request(i, start + i * 100),)
        ),
    )
    connection.execute("COMMIT")
    connection.close()
    store.chmod(0o600)
