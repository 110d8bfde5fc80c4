"""What people ask a store of ten million requests, on SQLite and on PostgreSQL: milliseconds a question, rows and bytes.

    python -m tests.long scale [--requests 10000000] [--days 365] [--engines sqlite,postgresql] [--folder PATH]

The store is made by SQL (`tests.support.large_store`); with --folder it stays there, and is asked again the next time. Each question
is asked once for nothing and then five times. Printed are the medians of the CPU that it took (this process and the server's, so a
busy machine can tell as well) and, in brackets, of the clock. Aims, for CPU: what Usage asks at most 50 ms on SQLite and 100 ms on
PostgreSQL, the newest page of Logs at most 50 ms. The server commits as in the field; its memory settings are PostgreSQL's own.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from joytui.core.clock import parse_time
from joytui.core.filters import parse
from joytui.core.token_counts import MANY
from joytui.gateway.server import rest_from_collecting
from joytui.ledger.api import Ledger
from joytui.ledger.engines import named_store, open_ledger
from joytui.ledger.postgres.url import StoreUrl
from joytui.ledger.records import DAY_MS, HOUR_MS, Page
from joytui.ledger.retention import Keeping
from joytui.tui.usage.snapshot import RANGES
from tests.bench.usage_ledger import questions
from tests.support import postgres
from tests.support.large_store import Size, fill_postgres, fill_sqlite

ROUNDS = 5
AIMS_MS = {"sqlite": 50.0, "postgresql": 100.0}
AIM_PAGE_MS = 50.0
Ask = Callable[[], Awaitable[Any]]
Meter = Callable[[], float]
"""What was computed so far (s)."""


class Took(NamedTuple):
    """Medians, in ms."""

    cpu: float
    clock: float


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.long scale", description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000_000, help="how many (10,000,000)")
    parser.add_argument("--days", type=int, default=365, help="over how many days (365)")
    parser.add_argument("--engines", default="sqlite,postgresql", help="which (both)")
    parser.add_argument(
        "--folder", type=Path, help="where the stores are made and left; without it, for this run alone"
    )
    parser.add_argument("--only", default="", help="no other questions than those with this in their name")
    wanted = parser.parse_args(words)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    good = True
    with ExitStack() as stack:
        folder: Path = wanted.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="joytui-scale-")))
        folder.mkdir(exist_ok=True)
        size = Size(wanted.requests, wanted.days, int(time.time() * 1000))
        for engine in wanted.engines.split(","):
            with STORES[engine](folder, size) as (store, meter, measure):
                good &= asyncio.run(_ask(engine, store, meter, wanted.only))
                print(measure())
    return 0 if good else 1


# --- the stores -------------------------------------------------------------------------------------------------------


@contextmanager
def _sqlite(folder: Path, size: Size) -> Iterator[tuple[str, Callable[[], Meter], Callable[[], str]]]:
    file = folder / "ledger.sqlite3"
    if not file.exists():
        _timed(lambda: fill_sqlite(file, size, _progress()))
    yield (
        str(file),
        lambda: time.process_time,
        lambda: f"SQLite: {file.stat().st_size / 1e9:.2f} GB; {shutil.disk_usage(folder).free / 1e9:.0f} GB are free",
    )


@contextmanager
def _postgresql(folder: Path, size: Size) -> Iterator[tuple[str, Callable[[], Meter], Callable[[], str]]]:
    place = folder / "server"
    made = place.exists()
    place.mkdir(exist_ok=True)
    server = postgres.PostgresServer(place, durable=True)
    try:
        url = server.url("postgres")
        if not made:
            store = named_store(url)
            assert isinstance(store, StoreUrl)
            _timed(lambda: fill_postgres(store, size, _progress()))
        yield url, lambda: _with_the_servers(server), lambda: _sizes(server)
    finally:
        server.stop()


def _with_the_servers(server: postgres.PostgresServer) -> Meter:
    """As its processes are now."""
    pids = server.processes()
    return lambda: time.process_time() + sum(time.clock_gettime(~pid << 3 | 2) for pid in pids)  # its CPU clock (Linux)


STORES = {"sqlite": _sqlite, "postgresql": _postgresql}


def _sizes(server: postgres.PostgresServer) -> str:
    """Rows and bytes, of the tables that have many."""
    found = server.execute(
        "SELECT regexp_replace(relname, '_[0-9]+$', '_N'), count(*), sum(reltuples)::bigint, sum(pg_table_size(oid))::bigint,"
        " sum(pg_indexes_size(oid))::bigint FROM pg_class WHERE relnamespace = 'joytui'::regnamespace AND relkind = 'r'"
        " GROUP BY 1 HAVING sum(pg_total_relation_size(oid)) > 1000000 ORDER BY 4 DESC"
    )
    lines = [
        f"  {name:14} {tables:>4} tables {rows:>12,} rows {data / 1e6:>8,.0f} MB, indexes {index / 1e6:>8,.0f} MB"
        for name, tables, rows, data, index in found
    ]
    whole = server.execute("SELECT pg_database_size(current_database())")[0][0]
    return "\n".join([f"PostgreSQL: {whole / 1e9:.2f} GB", *lines])


def _timed(work: Callable[[], None]) -> None:
    begun = time.perf_counter()
    work()
    print(f"made in {time.perf_counter() - begun:.0f} s, load {os.getloadavg()[0]:.1f}")


def _progress() -> Callable[[str], None]:
    last = time.monotonic()

    def told(words: str) -> None:
        nonlocal last
        if time.monotonic() - last > 30:
            last = time.monotonic()
            print(f"  {datetime.now(UTC):%H:%M:%S} {words}")

    return told


# --- the questions ----------------------------------------------------------------------------------------------------


def asked(ledger: Ledger, now: datetime) -> Mapping[str, Mapping[str, Ask]]:
    """By what is promised of them: what Usage and `joytui usage` ask; the newest page; all else."""
    at = int(now.timestamp() * 1000) + 1
    usage = {" by ".join(name): _usage(ledger, at, **ask) for name, ask in questions(now).items()}
    for span in ("months", "weeks"):
        begin = at - {"months": 365, "weeks": 91}[span] * DAY_MS
        for group in ("key", "model", "thread"):
            top = 200 if group in MANY else None
            usage[f"{span} by {group}, of a lead's two teams"] = _usage_ms(
                ledger, [span[:-1], group], begin, at, top, ["team-1", "team-3"]
            )
    for group in MANY[:3] + MANY[4:]:
        usage[f"usage --by {group} --top 20, all time"] = _usage_ms(ledger, [group], 0, at, 20)
        usage[f"usage --by day,{group} --top 20, a year"] = _usage_ms(ledger, ["day", group], at - 365 * DAY_MS, at, 20)
    usage["usage --by day, all time"] = _usage_ms(ledger, ["day"], 0, at)
    usage["latency, 30 days"] = lambda: ledger.latency(at - 30 * DAY_MS, at)
    usage["all requests ever"] = ledger.counted
    usage["what a key did"] = lambda: ledger.activity(ledger.access().keys[0])
    near = at - 3 * DAY_MS
    return {
        "usage": usage,
        "page": {
            "newest page of Logs": lambda: ledger.page_block(Page(200)),
            "newest rows (`joytui logs`)": lambda: ledger.page(Page(50)),
        },
        "else": {
            "an hour 60 days ago": lambda: ledger.page_block(Page(200, None, at - 60 * DAY_MS, at - 60 * DAY_MS + HOUR_MS)),
            "logs status:4xx": lambda: ledger.page_block(Page(200, parse("status:4xx"))),
            "logs key:dev-007": lambda: ledger.page_block(Page(200, parse("key:dev-007"))),
            "logs project:*project-7": lambda: ledger.page_block(Page(200, parse("project:*project-7"))),
            "logs of a model that nobody has": lambda: ledger.page_block(Page(200, parse("model:nobody"))),
            "one request by its client's id": lambda: ledger.find("client-1000000000000000042"),
            "tasks, the newest": lambda: ledger.tasks(0, 20),
            "usage of a day, model:model-3": _usage_ms(ledger, ["hour"], at - DAY_MS, at, term="model:model-3"),
            "usage of 3 days, status:4xx": _usage_ms(ledger, ["day", "key"], near, at, term="status:4xx"),
            "usage of a day, by key and thread": _usage_ms(ledger, ["model", "thread"], at - DAY_MS, at),
        },
    }  # fmt: skip


def _usage(ledger: Ledger, at: int, by: list[str], **ask: Any) -> Ask:
    """As a client asks: until the end of a millisecond."""
    low, high = (
        int(parse_time(ask[name]).timestamp() * 1000) if ask.get(name) else None for name in ("since", "until")
    )
    only = [f"dev-{word[-2:]:>03}" for word in ask["only"]] if ask.get("only") else None
    return lambda: ledger.usage(by, low or 0, high + 1 if high else at, None, ask.get("top"), only)


def _usage_ms(
    ledger: Ledger, by: list[str], since: int, until: int, top: int | None = None, teams: list[str] | None = None, term: str | None = None
) -> Ask:  # fmt: skip
    wanted = None if term is None else parse(term)
    return lambda: ledger.usage(by, since, until, wanted, top, None, "in", "gateway", teams)


async def _ask(engine: str, store: str, meter: Callable[[], Meter], only: str) -> bool:
    now = datetime.now(UTC)
    begun = time.perf_counter()
    ledger = open_ledger(named_store(store))
    print(f"{engine}: opens in {time.perf_counter() - begun:.2f} s")
    good = True
    try:
        begun = time.perf_counter()
        await ledger.tidy(int(now.timestamp() * 1000), Keeping(0, 86_400))
        print(f"{engine}: the upkeep took {time.perf_counter() - begun:.0f} s")
        rest_from_collecting()  # as a gateway does
        for promise, asks in asked(ledger, now).items():
            took = {name: await _median(ask, meter) for name, ask in asks.items() if only in name}
            aim = {"usage": AIMS_MS[engine], "page": AIM_PAGE_MS}.get(promise)
            if took:
                good &= _print(took, aim, whole=bool(only))
    finally:
        ledger.close()
    print(f"{engine}: load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, aims {'reached' if good else 'missed'}")
    return good


def _print(took: Mapping[str, Took], aim: float | None, *, whole: bool) -> bool:
    """Whether the aim is reached. `whole`: also those of the screen one by one."""
    screen = {name: one for name, one in took.items() if name.split(" by ")[0] in RANGES and name.count(" by ") == 1}
    if screen:
        print(f"  {'':10}" + "".join(f"{name:>15}" for name in RANGES))
        for group in dict.fromkeys(name.split(" by ")[1] for name in screen):
            cells = [screen.get(f"{name} by {group}") for name in RANGES]
            print(f"  {group:10}" + "".join(f"{f'{c.cpu:.0f} ({c.clock:.0f})' if c else '':>15}" for c in cells))
    for name, one in sorted(took.items(), key=lambda pair: -pair[1].cpu):
        late = aim is not None and one.cpu > aim
        if late or whole or name not in screen:
            print(f"  {name:60} {one.cpu:8.1f} ms ({one.clock:.1f}){'  MISSED' if late else ''}")
    return aim is None or max(took.values()).cpu <= aim


async def _median(ask: Ask, meter: Callable[[], Meter]) -> Took:
    await ask()
    took, spent = [], meter()
    for _ in range(ROUNDS):
        begun, before = time.perf_counter(), spent()
        await ask()
        took.append((1000 * (spent() - before), 1000 * (time.perf_counter() - begun)))
    return Took(*(statistics.median(one[place] for one in took) for place in (0, 1)))
