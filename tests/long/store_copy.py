"""A large ledger goes from SQLite to PostgreSQL, is killed on the way, goes on, and answers as it did before.

    python -m tests.long store-copy [--requests 1000000] [--kills 3]

The real command in a real process, ended with SIGKILL so many times. Afterwards `joytui store check` proves the target, a
repeated copy has nothing to do, and what Usage and Logs ask is asked of both.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from joytui.ledger.api import Ledger
from joytui.ledger.engines import named_store, open_ledger
from joytui.ledger.records import DAY_MS, Page
from joytui.ledger.sqlite import upkeep
from joytui.ledger.sqlite.engine import SqliteLedger
from tests.support import postgres
from tests.support.ledger_corpus import write_ledger
from tests.support.older_store import as_before_parts

DAYS = 90
ROUNDS = 5
DONE = "SELECT count(*) FROM joytui.ended"
SIZE = "SELECT pg_database_size(current_database())"
Ask = Callable[[Ledger], Awaitable[Any]]


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.long store-copy", description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=3)
    wanted = parser.parse_args(words)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    with tempfile.TemporaryDirectory(prefix="joytui-copy-") as name, postgres.running(durable=True) as server:
        folder, url = Path(name), server.url("postgres")
        source = folder / "ledger.sqlite3"
        took = write_ledger(source, wanted.requests, DAYS, datetime.now(UTC))
        up_to_date(source)
        print(f"ledger: {wanted.requests:,} requests, {source.stat().st_size / 1e6:.0f} MB, made in {took:.0f} s")
        command = [sys.executable, "-m", "joytui", "store", "copy", str(source), url, "--json"]
        env = {**os.environ, "HOME": name, "JOYTUI_DATA_DIR": name, "JOYTUI_CONFIG_FILE": f"{name}/c.toml"}
        before = server.execute(SIZE)[0][0]
        for kill in range(wanted.kills):
            killed(command, env, url, wanted.requests * (kill + 1) // (wanted.kills + 1))
        codes = [timed(what, command, env) for what in ("the rest of the copy", "once more")]
        codes.append(timed("check", [*command[:4], "check", url], env))
        print(f"the server's database has grown by {(server.execute(SIZE)[0][0] - before) / 1e6:.0f} MB")
        asyncio.run(compare(source, url))
    return 1 if any(codes) else 0


def up_to_date(source: Path) -> None:
    """With the sums that a gateway would have made of its rows by now."""
    as_before_parts(source)
    ledger = SqliteLedger.open_store(source)
    while ledger.write_now(upkeep.catch_up):
        pass
    ledger.close()


def killed(command: list[str], env: dict[str, str], url: str, rows: int) -> None:
    """Ended hard once so many rows are there."""
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        with contextlib.suppress(psycopg.Error), psycopg.connect(url, autocommit=True) as link:
            found = link.execute(DONE).fetchone()
            if found is not None and found[0] >= rows:
                process.kill()
        time.sleep(0.05)
    print(f"killed at {rows:,} rows (exit code {process.wait()})")


def timed(what: str, command: list[str], env: dict[str, str]) -> int:
    begun = time.perf_counter()
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    said = " ".join((done.stdout or done.stderr).split())
    print(f"{what}: exit code {done.returncode} after {time.perf_counter() - begun:.0f} s: {said[:300]}")
    return done.returncode


async def compare(source: Path, url: str) -> None:
    """Medians of what the screens ask, at both."""
    now = int(time.time() * 1000)
    asks: dict[str, Ask] = {
        "usage by model, 30 days": lambda ledger: ledger.usage(["model"], now - 30 * DAY_MS, now),
        "usage by key and day, 90 days": lambda ledger: ledger.usage(["day", "key"], now - 90 * DAY_MS, now),
        "the dearest projects, 7 days": lambda ledger: ledger.usage(["day", "project"], now - 7 * DAY_MS, now, top=10),
        "newest page of Logs": lambda ledger: ledger.page_block(Page(200)),
    }
    ledgers = [open_ledger(named_store(text)) for text in (str(source), url)]
    try:
        for name, ask in asks.items():
            times = [await median(ledger, ask) for ledger in ledgers]
            same = [await ask(ledger) for ledger in ledgers] if "page" not in name else [0, 0]
            print(f"{name:30} SQLite {times[0]:6.1f} ms  PostgreSQL {times[1]:6.1f} ms")
            assert same[0] == same[1], f"{name}: different answers"
    finally:
        for ledger in ledgers:
            ledger.close()
    print(f"load of the machine {os.getloadavg()[0]:.1f}")


async def median(ledger: Ledger, ask: Ask) -> float:
    took = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        await ask(ledger)
        took.append((time.perf_counter() - begun) * 1000)
    return statistics.median(took)
