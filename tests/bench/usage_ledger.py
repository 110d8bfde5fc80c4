"""What Usage and `joytui usage` ask of a ledger of 1,000,000 requests: at the store, and as a client sees it.

The ledger is made by SQL, as an older joytui would have left it: its sums by project and thread are filled first, in the
slices in which a gateway does that while it works.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from joytui.client.console import ConsoleClient
from joytui.client.local import connect
from joytui.core.clock import parse_time, rfc3339
from joytui.core.places import places
from joytui.ledger import parts
from joytui.ledger.schema import MIGRATIONS
from joytui.ledger.sqlite import SqliteLedger
from joytui.ledger.usage import usage
from joytui.tui.usage.reading import MOST_GROUPS
from joytui.tui.usage.snapshot import GROUPS, RANGES, Question
from joytui.usage.insight import gateway_insight
from tests.support.ledger_corpus import write_ledger

REQUESTS, DAYS = 1_000_000, 90
ROUNDS = 7
AIM_MS = 50.0
Ask = dict[str, Any]


def measure(folder: Path) -> bool:
    """Prints the table; whether the totals are right. The times do not decide."""
    store = folder / "data" / "ledger.sqlite3"
    now = datetime.now(UTC)
    took = write_ledger(store, REQUESTS, DAYS, now)
    print(f"\nledger: {REQUESTS:,} requests over {DAYS} days, {store.stat().st_size / 1e6:.0f} MB, ", end="")
    print(f"made in {took:.0f} s; load {os.getloadavg()[0]:.1f}")
    _as_an_older_one(store)
    ledger = _migrated(store)
    asked = _questions(now)
    right = ledger.read_now(usage, [], 0, int(now.timestamp() * 1000) + 1)[1].requests == REQUESTS
    inside = {name: _median(lambda ask=ask: _at_the_store(ledger, ask))[0] for name, ask in asked.items()}
    ledger.close()
    outside, insight = _through_the_gateway(folder, asked, now)
    _print_table(inside, outside, insight)
    return right


def _as_an_older_one(store: Path) -> None:
    step = next(i for i, text in enumerate(MIGRATIONS) if "part_fill" in text)
    with sqlite3.connect(store) as connection:
        drops = "DROP TABLE part_hour; DROP TABLE part_day; DROP TABLE part_fill;"
        connection.executescript(f"{drops} PRAGMA user_version = {step}")
    connection.close()


def _migrated(store: Path) -> SqliteLedger:
    began = time.perf_counter()
    ledger = SqliteLedger.open(store)
    opened = time.perf_counter() - began
    slices = []
    more = True
    while more:
        began = time.perf_counter()
        more = ledger.write_now(parts.fill)
        slices.append(1000 * (time.perf_counter() - began))
    print(
        f"older store: opens in {opened:.2f} s, then filled in {len(slices)} slices of {statistics.median(slices):.0f} ms ",
        end="",
    )
    print(f"(longest {max(slices):.0f} ms), {sum(slices) / 1000:.1f} s in all, beside the requests")
    return ledger


def _questions(now: datetime) -> dict[tuple[str, str], Ask]:
    """By range and group, as the screen asks; then what stands out, and the command."""
    asked: dict[tuple[str, str], Ask] = {}
    for range_, (_, bucket, _) in RANGES.items():
        for group in GROUPS:
            since = rfc3339(Question(range=range_, group=group).since(now))
            top = MOST_GROUPS if group in ("project", "thread") else None
            asked[range_, group] = {"by": [bucket, group], "since": since, "top": top}
    at = (now - timedelta(days=32)).replace(minute=0, second=0, microsecond=0)
    hour = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    asked["budget, forecast, usual", "hour"] = {"by": ["hour"], "since": rfc3339(at)}
    asked["live rate", "10 minutes"] = {"by": [], "since": rfc3339(now - timedelta(minutes=10)), "until": rfc3339(now)}
    end = rfc3339(hour + timedelta(hours=1) - timedelta(milliseconds=1))
    asked["anomaly: who", "key"] = {"by": ["key"], "since": rfc3339(hour), "until": end}
    since = rfc3339(hour - timedelta(days=15))
    asked["anomaly: culprit", "key"] = {"by": ["hour", "key"], "since": since, "only": ["dev-07", "dev-21"]}
    asked["usage", "all time"] = {"by": []}
    asked["usage --by key --since 7d", "key"] = {"by": ["key"], "since": rfc3339(now - timedelta(days=7))}
    asked["usage --by day,model --since 30d", "model"] = {
        "by": ["day", "model"],
        "since": rfc3339(now - timedelta(days=30)),
    }
    asked["usage --by key,model", "all time"] = {"by": ["key", "model"]}
    return asked


def _at_the_store(ledger: SqliteLedger, ask: Ask) -> None:
    low, high = (
        int(parse_time(ask[name]).timestamp() * 1000) if ask.get(name) else None for name in ("since", "until")
    )
    until = high + 1 if high else int(time.time() * 1000) + 1
    ledger.read_now(usage, ask["by"], low or 0, until, None, ask.get("top"), ask.get("only"))


def _through_the_gateway(
    folder: Path, asked: dict[tuple[str, str], Ask], now: datetime
) -> tuple[dict[tuple[str, str], list[float]], list[float]]:
    env = {**os.environ, "HOME": str(folder), "JOYTUI_DATA_DIR": str(folder / "data"), "JOYTUI_GATEWAY_PORT": "0"}
    env["JOYTUI_CONFIG_FILE"] = str(folder / "config.toml")
    subprocess.run(
        [sys.executable, "-m", "joytui", "gateway", "start"], env=env, capture_output=True, check=True, timeout=60
    )
    try:
        with mock.patch.dict(os.environ, env, clear=True):
            return asyncio.run(_ask_all(asked, now))
    finally:
        subprocess.run(
            [sys.executable, "-m", "joytui", "gateway", "stop"], env=env, capture_output=True, check=True, timeout=60
        )


async def _ask_all(
    asked: dict[tuple[str, str], Ask], now: datetime
) -> tuple[dict[tuple[str, str], list[float]], list[float]]:
    times = {}
    async with await connect(places(), start=False) as console:
        for name, ask in asked.items():
            times[name] = await _timed(lambda ask=ask: console.usage(**ask))
        insight = await _timed(lambda: _insight(console, now))
    return times, insight


async def _insight(console: ConsoleClient, now: datetime) -> None:
    await gateway_insight(console, now, 10**12)


async def _timed(work: Callable[[], Awaitable[object]]) -> list[float]:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await work()
        times.append(1000 * (time.perf_counter() - began))
    return times


def _median(work: Callable[[], object]) -> tuple[float, float]:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times), max(times)


def _print_table(
    inside: dict[tuple[str, str], float], outside: dict[tuple[str, str], list[float]], insight: list[float]
) -> None:
    print("milliseconds, median as the client sees it (at the store); the screen's questions by range and group:")
    print(f"  {'':10}" + "".join(f"{words:>17}" for words, _, _ in RANGES.values()))
    for group in GROUPS:
        cells = [f"{statistics.median(outside[r, group]):.1f} ({inside[r, group]:.1f})" for r in RANGES]
        print(f"  {group:10}" + "".join(f"{cell:>17}" for cell in cells))
    for name, times in outside.items():
        if name[0] not in RANGES:
            print(f"  {' by '.join(name):44} {statistics.median(times):.1f} ({inside[name]:.1f})")
    print(f"  {'all that the screen says under its totals':44} {statistics.median(insight):.1f}")
    medians = {name: statistics.median(times) for name, times in outside.items()}
    slowest = max(medians, key=lambda name: medians[name])
    late = sum(time > AIM_MS for times in outside.values() for time in times)
    print(f"slowest question: {' by '.join(slowest)}, {medians[slowest]:.1f} ms  aim {AIM_MS:.0f}: ", end="")
    print(f"{'met' if medians[slowest] <= AIM_MS else 'MISSED'}; {late} of {len(outside) * ROUNDS} answers took longer")
