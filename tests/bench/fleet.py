"""What PostgreSQL costs beside SQLite, and several gateways beside one.

    python -m tests.bench fleet [--requests N] [--connections 1,16] [--tail N]

One gateway on SQLite, one on PostgreSQL and three on PostgreSQL, each before the same trivial upstream, by turns in one run: requests/s
and latency with a key that has a limit; how long a request at one gateway takes until another one's live tail has its end; and
by how many bytes a request makes each store grow. The server commits to the disk, as in the field. Aims: one gateway on PostgreSQL at
least half of SQLite's requests/s, its added p50 at most three times, three at least 0.9 of one, the tail at most 250 ms (p99).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.bench.crowd import p99
from tests.bench.gateway import CHAT, load, running
from tests.bench.spent import by_turns
from tests.support import postgres
from tests.support.fleet import Member, fleet
from tests.support.postgres import PostgresServer

AIM_RATE, AIM_ADDED, AIM_THREE, AIM_TAIL_MS = 0.5, 3.0, 0.9, 250.0
TURNS = 4
SIZE = "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c WHERE relnamespace = 'joytui'::regnamespace AND relkind IN ('r', 'm')"


@dataclass(slots=True)
class Way:
    """One or more addresses that take the requests evenly; what each request took (ms), and each turn (s)."""

    name: str
    bases: list[str]
    key: str
    took: list[float] = field(default_factory=list)
    spent_s: float = 0.0

    async def turn(self, connections: int, requests: int) -> None:
        each = max(1, connections // len(self.bases))
        begun = time.perf_counter()
        parts = [
            load(base, "chat/completions", CHAT, self.key, each, requests // len(self.bases)) for base in self.bases
        ]
        self.took += [one for took in await asyncio.gather(*parts) for one in took]
        self.spent_s += time.perf_counter() - begun

    @property
    def rate(self) -> float:
        return len(self.took) / self.spent_s

    @property
    def p50(self) -> float:
        return statistics.median(self.took)


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench fleet", description=__doc__)
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--connections", default="1,16")
    parser.add_argument("--tail", type=int, default=300, help="requests whose way into another gateway's tail is timed")
    args = parser.parse_args(words)
    if not postgres.there():
        sys.stderr.write(f"needs PostgreSQL: {postgres.PROVIDED_BY}\n")
        return 2
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(postgres.running(durable=True))
        upstream, _ = stack.enter_context(running(sys.executable, "-m", "tests.bench.gateway"))
        given = ("--upstream", f"{upstream}/v1", "--upstream-api", "chat")
        file = folder / "ledger.sqlite3"
        alone = Member(folder / "s", str(file), *given)
        team = [Member(folder / name, server.url("postgres"), *given) for name in ("a", "b", "c")]
        stack.enter_context(fleet([alone, *team]))
        keys = [member.new_key("bench", total_limit="1000000")["key"] for member in (alone, team[0])]
        bases = [f"{member.url}/openai/v1" for member in (alone, *team)]
        time.sleep(2.5)  # until the other two know the key, at the latest
        direct = Way("direct", [f"{upstream}/v1"], "none")
        ways = [
            direct,
            Way("SQLite", bases[:1], keys[0]),
            Way("PostgreSQL", bases[1:2], keys[1]),
            Way("three", bases[1:], keys[1]),
        ]
        return asyncio.run(_measure(ways, team, keys[1], file, server, args))


async def _measure(
    ways: list[Way], team: list[Member], key: str, file: Path, server: PostgresServer, args: argparse.Namespace
) -> int:
    good = True
    print(
        f"the disk commits in {_commit_ms(file.parent):.1f} ms (p50); SQLite does not wait for it, PostgreSQL twice a request"
    )
    for connections in [int(part) for part in args.connections.split(",")]:
        some = ways if connections >= len(team) else ways[:3]
        for way in some:
            await way.turn(connections, 50 * connections)
            way.took, way.spent_s = [], 0.0
        for way in by_turns(some, TURNS):
            await way.turn(connections, args.requests // TURNS)
        good &= _told(connections, some)
    tail = await _tail(team, key, args.tail)
    good &= p99(tail) <= AIM_TAIL_MS
    print(f"tail of another gateway  p50 {statistics.median(tail):.0f}  p99 {p99(tail):.0f} ms (aim {AIM_TAIL_MS:.0f})")
    for name, size, way in (
        ("SQLite", lambda: _file_size(file), ways[1]),
        ("PostgreSQL", lambda: _server_size(server), ways[2]),
    ):
        before = size()
        await way.turn(16, args.requests)
        print(f"growth  {name:10} {(size() - before) / args.requests:.0f} bytes a request")
    print(
        f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; aims {'reached' if good else 'missed'}"
    )
    return 0 if good else 1


def _told(connections: int, ways: list[Way]) -> bool:
    at = f"{connections:3} connections"
    for way in ways:
        print(f"{at}  {way.name:10} {way.rate:6.0f} req/s  p50 {way.p50:6.2f}  p99 {p99(way.took):6.2f} ms")
    direct, sqlite, one, *three = ways
    added = (one.p50 - direct.p50) / (sqlite.p50 - direct.p50)
    part = one.rate / sqlite.rate
    print(
        f"{at}  PostgreSQL {part:.2f} of SQLite's rate (aim {AIM_RATE}), {added:.1f} times its added p50 (aim {AIM_ADDED})"
    )
    if not three:
        return added <= AIM_ADDED
    print(f"{at}  three {three[0].rate / one.rate:.2f} of one (aim {AIM_THREE})")
    return part >= AIM_RATE and three[0].rate >= AIM_THREE * one.rate


async def _tail(team: list[Member], key: str, count: int) -> list[float]:
    """From the last byte at the first gateway until the second one's tail has its end, in ms."""
    sender, watcher = team[:2]
    ended: dict[str, float] = {}
    seen: dict[str, float] = {}
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        listening = asyncio.create_task(_listen(http, watcher, seen))
        await asyncio.sleep(0.5)
        for number in range(count):
            headers = {"authorization": f"Bearer {key}", "x-request-id": f"tail-{number}"}
            await http.post(f"{sender.url}/openai/v1/chat/completions", content=CHAT, headers=headers)
            ended[f"tail-{number}"] = time.perf_counter()
            await asyncio.sleep(0.005 * (number % 7))
        async with asyncio.timeout(30):
            while len(seen) < count:
                await asyncio.sleep(0.01)
        listening.cancel()
    return [max(0.0, seen[name] - at) * 1000 for name, at in ended.items()]


async def _listen(http: httpx.AsyncClient, watcher: Member, seen: dict[str, float]) -> None:
    async with http.stream("GET", f"{watcher.url}/console/v1/requests/stream", headers=watcher.bearer) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                for row in json.loads(line.removeprefix("data: "))["requests"]:
                    if row["status"] is not None and row["request_id"].startswith("tail-"):
                        seen.setdefault(row["request_id"], time.perf_counter())


def _commit_ms(folder: Path) -> float:
    """What the disk takes until a small write is on it."""
    took = []
    with open(folder / "tried", "wb", buffering=0) as file:
        for _ in range(50):
            begun = time.perf_counter()
            file.write(bytes(8192))
            os.fsync(file.fileno())
            took.append((time.perf_counter() - begun) * 1000)
    return statistics.median(took)


def _file_size(file: Path) -> int:
    """The store as SQLite has it, what is still in its log written into it."""
    import sqlite3

    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint")
    connection.close()
    return file.stat().st_size


def _server_size(server: PostgresServer) -> int:
    server.execute("CHECKPOINT")
    return int(server.execute(SIZE)[0][0])
