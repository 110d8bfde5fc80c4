"""A simulated year in the store: its size, what each table holds, and its slowest question.

Every request goes the ledger's own way (reserved, ended, or refused), with the clock put forward; upkeep runs once a day. What
each table may hold at the end is reckoned from `joytui.ledger.retention`, and its sums are held against what was sent.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from joytui.core import clock as core_clock
from joytui.core.filters import parse
from joytui.core.request import Ended, Opened
from joytui.ledger.api import Ledger
from joytui.ledger.records import DAY_MS, HOUR_MS, Candidate, KeyRow, NewKey, Page, Reservation, limits_of
from joytui.ledger.retention import (
    ALERT_DAYS,
    CLIENT_DAYS,
    KEYLESS_ROWS,
    MOVEMENT_DAYS,
    SUMS_DAYS,
    WINDOW_DAYS,
    Keeping,
)
from joytui.ledger.sqlite import engine
from joytui.ledger.sqlite.engine import SqliteLedger
from tests.bench.spent import Spent
from tests.support.clock import Clock

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
KEYS, OWNERS, MODELS, PROJECTS, CLIENTS = 20, 5, 6, 30, 12
TIERS = ("economy", "standard", "premium")
THREAD, COMMIT = 25, 10
"""Requests of a thread."""
TOGETHER = 400
"""Requests that are written at once."""
KEEPING = Keeping(rows_days=90, ids_s=86_400)


@dataclass
class Year:
    """What was sent: requests, their cost, by month as well; refusals without a key apart."""

    requests: int = 0
    keyless: int = 0
    cost_nano: int = 0
    by_month: Counter[str] = field(default_factory=Counter)


async def live(
    ledger: Ledger, clock: Clock, days: int, a_day: int, told: Callable[[int], None], every: int = 1
) -> Year:
    """So many days with so many requests, and one more in fifty without a key; the upkeep runs at the end of each. `every`:
    only so many days apart."""
    year, rng, number = Year(), random.Random(12), 0
    keys = [await _key(ledger, place) for place in range(KEYS)]
    for tier in TIERS:
        await ledger.set_wallet(tier, 10**18, None)
    for day in range(0, days, every):
        begin = BEGIN + timedelta(days=day)
        for first in range(0, a_day, TOGETHER):
            many = min(TOGETHER, a_day - first)
            clock.moment = begin + timedelta(days=1) * (first / a_day)
            at = core_clock.now_ms()
            sent = []
            for place in range(many):
                sent.append(_request(ledger, rng, keys, number, at + place * DAY_MS // a_day))
                number += 1
            admitted = [ledger.reserve(opened, wanted) for opened, _, wanted in sent]
            await admitted[-1]
            for opened, ended, wanted in sent:
                ledger.end(opened, ended, wanted.limits[0].budget, held=True)
                year.cost_nano += ended.cost_nano
            for place in range(-(-many // 50)):
                _refuse(ledger, at + place, year.keyless)
                year.keyless += 1
            year.requests += many
            year.by_month[f"{begin:%Y-%m}"] += many
            await ledger.written()
        clock.moment = begin + timedelta(days=1) - timedelta(seconds=1)
        await ledger.read_clock(every * DAY_MS if day else 0)
        await ledger.tidy(core_clock.now_ms(), KEEPING)
        told(day)
    return year


async def _key(ledger: Ledger, place: int) -> KeyRow:
    policy = {"daily_limit": "1000000", "weekly_limit": "5000000"}
    wanted = NewKey(f"{place}".encode(), f"dev-{place}", "jt_…abcd", f"team-{place % OWNERS}", (), None, policy, None)
    row = await ledger.create_key(wanted, alone=False)
    assert row is not None
    return row


def _request(
    ledger: Ledger, rng: random.Random, keys: list[KeyRow], number: int, at: int
) -> tuple[Opened, Ended, Reservation]:
    thread = number // THREAD
    key = keys[thread * 7 % KEYS]
    model = f"model-{rng.randrange(MODELS)}"
    tier = TIERS[int(model[-1]) % 3]
    opened = Opened(
        n=ledger.next_number(),
        started_at=at,
        key_id=key.id,
        model="auto",
        endpoint="/openai/v1/responses",
        stream=True,
        request_id=f"client-{number}",
        thread_id=f"0199{thread:032x}",
        project=f"/home/dev/{thread % PROJECTS}",
        client=f"codex_cli_rs/0.{thread % CLIENTS}.0 ({at // DAY_MS})",
        ip="10.0.0.1",
        turn_id=f"0199{number // 5:032x}",
        root_thread=f"0199{thread // 3:032x}",
        repo=f"git.example.com/team/{thread % PROJECTS}",
        commit_hash=f"{number // COMMIT:040x}",
    )
    free = rng.randrange(50) == 0
    if free:  # a model that nobody has
        model = f"invented-{number}"
    ended = Ended(
        model, "provider", tier, 404 if free else 200,
        error_type="model_not_found" if free else None,
        input_tokens=rng.randrange(50_000), output_tokens=rng.randrange(2_000), latency_ms=rng.random() * 20_000,
        ttft_ms=rng.random() * 2_000, cost_nano=0 if free else rng.randrange(1, 10**9), cost_source="upstream",
        upstream_id=f"resp_{number:032x}",
    )  # fmt: skip
    candidate = Candidate(model, "provider", tier, 10**9)
    return (
        opened,
        ended,
        Reservation(limits_of(key.budget_id, [("daily", 10**15), ("weekly", 10**16)]), [candidate], 900_000),
    )


def _refuse(ledger: Ledger, at: int, number: int) -> None:
    opened = Opened(
        ledger.next_number(), at, None, None, "/openai/v1/responses", False, f"x{number}", None, None, "scanner", "10.9.9.9"
    )  # fmt: skip
    ledger.refuse(
        opened, Ended(None, None, None, 401, "missing_api_key", "missing api key", "key-missing"), keyless=True
    )


# --- what there may be ------------------------------------------------------------------------------------------------


def most(days: int, a_day: int) -> dict[str, int]:
    """The most rows of each table at the end of so many days."""
    summed, raw = min(days, SUMS_DAYS + 1), min(days, KEEPING.rows_days + 1)
    places, threads = KEYS * MODELS, -(-a_day // THREAD) + 1
    hours = min(24, a_day)
    months = days // 28 + 1
    clients, commits = KEYS * min(CLIENTS, threads), a_day // COMMIT + 1
    part_day = (1 + MODELS) + KEYS + PROJECTS + clients + threads + commits + a_day // 10
    return {
        "request": raw * a_day + KEYLESS_ROWS,
        "spent_id": 2 * a_day,
        "rollup_hour": summed * min(2 * a_day, hours * places + a_day // 10),
        "rollup_day": summed * min(2 * a_day, places + a_day // 10) + max(0, days - summed) * (2 * KEYS + places),
        "latency_hour": summed * min(2 * a_day, hours * 300),
        "part_hour": summed * min(10 * a_day, hours * part_day),
        "part_day": summed * min(10 * a_day, part_day) + max(0, days - summed) * (2 * MODELS + 3 * KEYS + 2),
        "rollup_month": months * min(62 * a_day, places + 31 * (a_day // 10)),
        "part_month": months * min(5 * 31 * a_day, 1 + MODELS + KEYS + PROJECTS + clients + 31 * (a_day // 10)),
        "whole_month": months,
        "lifetime": summed * (2 * threads + commits) + 3,
        "budget": KEYS * (WINDOW_DAYS + 2 + WINDOW_DAYS // 7 + 2),
        "wallet_entry": min(days, MOVEMENT_DAYS + 1) * 2 * a_day + days * len(TIERS) * 3 + len(TIERS),
        "key_client": KEYS * (CLIENT_DAYS + 2) * min(CLIENTS, threads),
        "lesson": 0,
        "hold": 0,
        "api_key": KEYS,
        "policy": 0,
        "console_token": 0,
        "sender": 0,
        "team": 0,
        "team_owner": 0,
        "node_limit": 0,
        "node_raise": 0,
        "alert": min(days, ALERT_DAYS) * KEYS,
        "alert_watch": 1,
        "audit": min(days, SUMS_DAYS) * len(TIERS) * 3 + len(TIERS) + KEYS,
        "piece": 0,
        "stopped_task": 0,
        "watched_turn": 0,
        "wallet": len(TIERS),
        "access": 1,
        "part_fill": 0,
        "client_fill": 0,
        "lifetime_fill": 1,
        "uncleaned": 0,
        "clock_reading": 8,
    }


def held(path: Path) -> dict[str, int]:
    """How many rows each table of a store has."""
    with closing(sqlite3.connect(path)) as store:
        tables = [
            name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'") if "sqlite_" not in name
        ]  # fmt: skip
        return {name: store.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}


async def wrong(ledger: Ledger, year: Year, rows: dict[str, int], allowed: dict[str, int]) -> list[str]:
    """What is not as it should be: a table without bound or above it, and sums that are not those of what was sent."""
    found = [
        f"{name}: {many:,} rows, at most {allowed.get(name)}"
        for name, many in rows.items()
        if many > allowed.get(name, -1)
    ]
    until = core_clock.now_ms() + DAY_MS
    months, totals = await ledger.usage(["month"], 0, until)
    every = year.requests + year.keyless
    if (totals.requests, totals.cost_nano) != (every, year.cost_nano):
        found.append(f"all time: {totals.requests:,} requests, {every:,} were sent")
    sums = {row.by["month"]: row.totals.cost_nano for row in months}
    if sum(sums.values()) != year.cost_nano or set(sums) != set(year.by_month):
        found.append(f"by month: {sums}")
    for by in (["day"], ["key"], ["model"], ["client"], ["project"], ["repo"], ["commit"], ["task"], ["thread"]):
        _, totals = await ledger.usage(by, 0, until)
        if totals.cost_nano != year.cost_nano:
            found.append(f"by {by[0]}: {totals.cost_nano}, it was {year.cost_nano}")
    spent = sum([(await ledger.activity(row)).spent for row in ledger.access().keys])
    if spent != year.cost_nano:
        found.append(f"of all keys: {spent}")
    movements = await ledger.wallet_entries(None, None, 1 << 40)
    left = sum(wallet.balance or 0 for wallet in await ledger.wallets())
    if sum(movement.amount for movement in movements) != left or sum(one.held for one in movements):
        found.append("the movements of the wallets do not add up")
    return found


# --- the long run -----------------------------------------------------------------------------------------------------


def questions(ledger: Ledger, some: str) -> dict[str, Callable[[], Any]]:
    """What people ask a store: a function each, that makes the question."""
    now = core_clock.now_ms() + 1

    def usage(by: str, days: int | None, top: int | None = None) -> Callable[[], Any]:
        return lambda: ledger.usage(by.split(","), 0 if days is None else now - days * DAY_MS, now, None, top)

    return {
        "usage by month, all time": usage("month", None),
        "usage by day, all time": usage("day", None),
        "usage by day, a year": usage("day", 365),
        "usage by day and model, a year": usage("day,model", 365),
        "usage by key and model, all time": usage("key,model", None),
        "usage by hour, 30 days": usage("hour", 30),
        "usage by key, 7 days": usage("key", 7),
        "usage by day and thread, the 20 dearest, a year": usage("day,thread", 365, 20),
        "usage by project, a year": usage("project", 365),
        "latency, 30 days": lambda: ledger.latency(now - 30 * DAY_MS, now),
        "logs, the newest": lambda: ledger.page(Page(200)),
        "logs of an hour, 60 days ago": lambda: ledger.page(Page(200, None, now - 60 * DAY_MS, now - 60 * DAY_MS + HOUR_MS)),
        "logs status:4xx": lambda: ledger.page(Page(200, parse("status:4xx"))),
        "logs of a model that is rare": lambda: ledger.page(Page(200, parse("model:invented-1"))),
        "one request by its id": lambda: ledger.find(some),
        "all requests ever": ledger.counted,
        "what a key did": lambda: ledger.activity(ledger.access().keys[0]),
    }  # fmt: skip


async def _ask(ledger: Ledger) -> dict[str, Spent]:
    """What each question takes: the better of two."""
    [(_, newest)] = await ledger.page(Page(1))
    took = {}
    for name, ask in questions(ledger, newest.id).items():
        times = []
        for _ in range(2):
            began, spent = time.perf_counter(), time.process_time()
            await ask()
            times.append(Spent(time.perf_counter() - began, time.process_time() - spent))
        took[name] = min(times)
    return took


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.long year", description=__doc__)
    parser.add_argument("--days", type=int, default=365, help="how many days (365)")
    parser.add_argument("--requests", type=int, default=10_000, help="requests a day (10,000)")
    parser.add_argument("--folder", type=Path, help="where the store is made and left; without it, for this run alone")
    asked = parser.parse_args(words)
    if not (1 <= asked.days <= 2_000 and 1 <= asked.requests <= 100_000):
        parser.error("--days from 1 to 2,000, --requests from 1 to 100,000")
    with tempfile.TemporaryDirectory(prefix="joytui-year-") as own:
        return asyncio.run(_run((asked.folder or Path(own)) / "ledger.sqlite3", asked.days, asked.requests))


async def _run(path: Path, days: int, a_day: int) -> int:
    clock = core_clock.time_ns = Clock()
    clock.moment = BEGIN
    engine.SLICE_PAUSE_S = 0.0  # nobody else wants a turn
    ledger = SqliteLedger.open_store(path)
    began, spent = time.perf_counter(), time.process_time()

    def told(day: int) -> None:
        if day % 30 == 29 or day == days - 1:
            sys.stdout.write(f"day {day + 1}: {_size(path) / 1e6:,.0f} MB\n")
            sys.stdout.flush()

    year = await live(ledger, clock, days, a_day, told)
    took, cpu = time.perf_counter() - began, time.process_time() - spent
    rows, allowed = held(path), most(days, a_day)
    faults = await wrong(ledger, year, rows, allowed)
    answers = await _ask(ledger)
    ledger.close()
    sys.stdout.write(
        f"{year.requests:,} requests and {year.keyless:,} without a key over {days} days, {_size(path) / 1e6:,.0f} MB;"
    )
    sys.stdout.write(f" made in {took:,.0f} s ({cpu:,.0f} s of CPU), load {os.getloadavg()[0]:.1f}\n")
    for name, many in sorted(rows.items(), key=lambda one: -one[1]):
        sys.stdout.write(f"  {name:<14} {many:>12,} rows of at most {allowed.get(name, 0):,}\n")
    for name, asked in sorted(answers.items(), key=lambda one: -one[1].cpu):
        sys.stdout.write(f"  {1000 * asked.wall:>9.1f} ms, CPU {1000 * asked.cpu:>9.1f} ms  {name}\n")
    sys.stdout.writelines(f"WRONG: {fault}\n" for fault in faults)
    return 1 if faults else 0


def _size(path: Path) -> int:
    """Bytes of a store, with what is not taken into its file yet."""
    return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))
