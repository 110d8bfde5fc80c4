"""Three gateways on one PostgreSQL, 64 clients, one limit, and whatever can go wrong: nothing is lost, twice, or over the limit.

    python -m tests.long chaos [--seconds 600] [--seed N]

Gateways are killed, stopped for longer than their lease, and restarted in order; the server is restarted, killed and frozen; one
gateway's clock is an hour ahead. The limit is raised again and again to just above what is spent, so that it always refuses
somebody, and is compared with what is spent and held, in one look at the store, many times a second. Each client remembers
what it was answered; at the end the store has to tell the same.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path

import httpx
import psycopg

from joytui.core.money import format_credits, parse_credits
from joytui.ledger.engines import named_store, open_whole
from joytui.ledger.sql.checks import check
from tests.bridge.chat_upstream import ChatUpstream, Scripted, Seen, chunk, not_found, sse, usage
from tests.support import postgres
from tests.support.fleet import Member, fleet
from tests.support.hang import HANG_S, poll
from tests.support.postgres import PostgresServer

CLIENTS = 64
LEASE_S = 5
AHEAD_S = 3600
LOOK_S = 0.02
COST = parse_credits("0.1")
"""Of each answer: 100 output tokens at 1,000 credits a million."""
CATALOG = '[[model]]\nkey = "m"\ntier = "standard"\ninput = "0"\noutput = "1000"\n'
LOOK = """
    SELECT b.spent + b.held, k.policy::jsonb ->> 'total_limit', b.spent FROM joytui.budget b
    JOIN joytui.api_key k ON k.budget_id = b.budget_id WHERE b.period = 'total'
"""
ROWS = """
    SELECT request_id, status, error_type, cost_nano, notes FROM joytui.request WHERE request_id IS NOT NULL
"""


@dataclass(slots=True)
class Told:
    """What a client saw of one request. `status` 0: no answer came. `whole`: the answer to its last byte."""

    status: int = 0
    whole: bool = False
    words: str = ""
    begun: float = 0
    ended: float = 0


@dataclass(slots=True)
class Fault:
    kind: str
    begun: float
    over: float = math.inf


@dataclass(slots=True)
class Record:
    """All that happened. `over`: looks at which more was spent and held than the limit."""

    told: dict[str, Told] = field(default_factory=dict)
    over: list[str] = field(default_factory=list)
    looks: int = 0
    faults: list[Fault] = field(default_factory=list)


# --- the upstream and its clients -------------------------------------------------------------------------------------


def upstream_of(rng: random.Random) -> ChatUpstream:
    """Answers of 100 tokens, in a fifth of a second on average."""

    def answer(seen: Seen) -> Scripted:
        if not seen.path.endswith("/chat/completions") or seen.raw.strip() in (b"", b"{}"):
            return not_found(seen)
        return Scripted(pieces=pieces(rng.expovariate(10)))

    return ChatUpstream(answer)


def pieces(wait_s: float) -> Iterator[bytes | Awaitable[None]]:
    for _ in range(2):
        yield sse([chunk({"content": "word " * 40})], done=False)
        yield asyncio.sleep(wait_s)
    yield sse([chunk({}, "stop"), usage(1, 100)])


async def client(number: int, members: list[Member], key: str, record: Record, done: asyncio.Event) -> None:
    rng = random.Random(number)
    asked = 0
    limits = httpx.Limits(max_keepalive_connections=3)
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=HANG_S, limits=limits) as http:
        while not done.is_set():
            asked += 1
            name = f"c{number}-{asked}"
            told = record.told[name] = Told()
            await ask(http, rng.choice(members).url, key, name, told)
            if told.status != 200:
                await asyncio.sleep(rng.uniform(0.05, 0.3))


async def ask(http: httpx.AsyncClient, url: str, key: str, name: str, told: Told) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True, "max_tokens": 100}
    headers = {"authorization": f"Bearer {key}", "x-request-id": name}
    told.begun = time.monotonic()
    with contextlib.suppress(httpx.TransportError):
        async with http.stream("POST", f"{url}/openai/v1/chat/completions", json=body, headers=headers) as answer:
            told.status = answer.status_code
            text = (await answer.aread()).decode()
            told.whole = answer.status_code == 200 and text.rstrip().endswith("data: [DONE]") and '"error"' not in text
            told.words = "" if told.whole else text[-300:]
            told.ended = time.monotonic()


# --- the limit --------------------------------------------------------------------------------------------------------


class Watcher(threading.Thread):
    """Looks at the budget all the time; tells what is spent."""

    def __init__(self, url: str, record: Record) -> None:
        super().__init__(daemon=True)
        self._url = url
        self._record = record
        self.done = threading.Event()
        self.spent = 0

    def run(self) -> None:
        while not self.done.is_set():
            with (
                contextlib.suppress(psycopg.Error),
                psycopg.connect(self._url, autocommit=True, connect_timeout=2) as link,
            ):
                while not self.done.wait(LOOK_S):
                    self._look(link)
            self.done.wait(0.2)

    def _look(self, link: psycopg.Connection) -> None:
        row = link.execute(LOOK).fetchone()
        if row is None:
            return
        taken, limit, self.spent = row
        self._record.looks += 1
        if taken > parse_credits(limit):
            self._record.over.append(f"{taken} of {parse_credits(limit)}")


async def raise_limit(members: list[Member], key_id: str, watcher: Watcher, rng: random.Random) -> None:
    """A little more than is spent, through whichever gateway answers."""
    while True:
        await asyncio.sleep(1)
        limit = format_credits(watcher.spent + 60 * COST)
        member = rng.choice(members)
        with contextlib.suppress(httpx.HTTPError):
            async with httpx.AsyncClient(headers=member.bearer, trust_env=False, verify=False, timeout=HANG_S) as http:
                await http.patch(f"{member.url}/console/v1/keys/{key_id}", json={"policy": {"total_limit": limit}})


# --- faults -----------------------------------------------------------------------------------------------------------


async def trouble(
    members: list[Member], server: PostgresServer, record: Record, rng: random.Random, peace: asyncio.Event
) -> None:
    """One fault after another, with a moment without one in between, until there is peace."""
    kinds: list[Callable[[], None]] = [
        lambda: _killed(rng.choice(members), rng),
        lambda: _stopped(rng.choice(members)),
        lambda: _restarted(rng.choice(members)),
        lambda: _server_ends(server, signal.SIGINT, rng),
        lambda: _server_ends(server, signal.SIGQUIT, rng),
        lambda: _server_frozen(server),
    ]
    names = (
        "gateway killed",
        "gateway stopped",
        "gateway restarted",
        "server restarted",
        "server killed",
        "server frozen",
    )
    order: list[int] = []
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(peace.wait(), rng.uniform(1, 3))
        if peace.is_set():
            return
        order = order or rng.sample(range(len(kinds)), len(kinds))
        kind = order.pop()
        fault = Fault(names[kind], time.monotonic())
        record.faults.append(fault)
        await asyncio.to_thread(kinds[kind])
        fault.over = time.monotonic()


def _killed(member: Member, rng: random.Random) -> None:
    member.end(signal.SIGKILL)
    time.sleep(rng.choice((0, 1, LEASE_S + 1)))
    member.start()


def _stopped(member: Member) -> None:
    member.send(signal.SIGSTOP)
    time.sleep(LEASE_S + 3)
    member.send(signal.SIGCONT)


def _restarted(member: Member) -> None:
    assert member.end() == 0, "a gateway that is told to stop ends well"
    member.start()


def _server_ends(server: PostgresServer, how: signal.Signals, rng: random.Random) -> None:
    server.stop(how)
    time.sleep(rng.uniform(0, 4))
    server.start()


def _server_frozen(server: PostgresServer) -> None:
    server.freeze()
    time.sleep(4)
    server.thaw()


# --- the end ----------------------------------------------------------------------------------------------------------


def settle(members: list[Member], url: str) -> None:
    """Until nothing runs any more, and every end is in the store."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with contextlib.suppress(psycopg.Error, httpx.HTTPError), psycopg.connect(url, autocommit=True) as link:
            running = link.execute("SELECT count(*) FROM joytui.running").fetchone()
            owed = 0
            for member in members:
                with member.console() as http:
                    owed += http.get("/status").json()["owed"]
            if running == (0,) and not owed:
                return
        time.sleep(0.5)


def compare(record: Record, url: str) -> list[str]:
    """What is wrong; every request that a client knows of, and every row."""
    with psycopg.connect(url) as link:
        rows = link.execute(ROWS).fetchall()
        spent, held, running = link.execute(
            "SELECT (SELECT sum(spent) FROM joytui.budget WHERE period = 'total'),"
            " (SELECT sum(held) FROM joytui.budget), (SELECT count(*) FROM joytui.running)"
        ).fetchall()[0]
    by_name: dict[str, list[tuple[object, ...]]] = {}
    for name, *row in rows:
        by_name.setdefault(name, []).append(tuple(row))
    wrong = [f"over the limit: {one}" for one in record.over[:10]]
    wrong += [f"a row that nobody asked for: {name}" for name in by_name.keys() - record.told.keys()]
    for name, told in record.told.items():
        late = "gateway stopped" in _meanwhile(told, record)
        faults = _wrong(name, told, by_name.get(name, []), late=late)
        wrong += [f"{fault} ({_meanwhile(told, record)})" for fault in faults]
    charged = sum(row[3] for row in rows)
    if (charged, 0, 0) != (spent, held, running):
        wrong.append(f"rows cost {charged}, the budget has spent {spent} and holds {held}, {running} requests run")
    with open_whole(named_store(url)) as store:
        wrong += [f"{one.name}: {fault}" for one in check(store.connection) for fault in one.wrong]
    return wrong


def _meanwhile(told: Told, record: Record) -> str:
    """The faults around a request, with how long before its end each began."""
    near = [fault for fault in record.faults if fault.begun < told.ended and fault.over > told.begun]
    return ", ".join(f"{one.kind} {told.ended - one.begun:.1f} s before its end" for one in near) or "at peace"


def _wrong(name: str, told: Told, rows: list[tuple[object, ...]], *, late: bool) -> list[str]:
    """`late`: its gateway may have said nothing for longer than its lease; then its true end is taken only where what it held
    can be held once more."""
    if len(rows) > 1:
        return [f"{name}: {len(rows)} rows"]
    status = rows[0][0] if rows else None
    if told.whole and status == 500 and late:
        return []
    if told.whole and (status != 200 or rows[0][2] != COST):
        return [f"{name}: the whole answer came, and its row is {rows}"]
    if told.status == 503 and "store_unavailable" in told.words and rows:
        return [f"{name}: it got 503, and has a row: {rows}"]
    if told.status == 402 and status not in (402, None):
        return [f"{name}: it got 402, and its row is {rows}"]
    if told.status not in (0, 200, 402, 503):
        return [f"{name}: it got {told.status}: {told.words}"]
    return []


# --- all of it --------------------------------------------------------------------------------------------------------


def _known(member: Member, key: str) -> None:
    """Until the key that was made at another is known there."""
    with httpx.Client(trust_env=False, verify=False, timeout=HANG_S) as http:
        ask = partial(http.get, f"{member.url}/openai/v1/models", headers={"authorization": f"Bearer {key}"})
        poll(lambda: ask().status_code == 200, lambda: f"the new key at {member.url}")


async def chaos(seconds: float, seed: int, folder: Path, server: PostgresServer) -> tuple[Record, list[str]]:
    """What happened, and what was wrong with it."""
    rng = random.Random(seed)
    url = server.url("postgres")
    (folder / "catalog.toml").write_text(CATALOG)
    record, done = Record(), asyncio.Event()
    async with upstream_of(rng) as upstream:
        words = ("--upstream", upstream.url, "--upstream-api", "chat", "--catalog", str(folder / "catalog.toml"))
        members = [
            Member(folder / name, url, *words, ahead_s=ahead, lease_s=str(LEASE_S), drain_s="5")
            for name, ahead in (("a", 0), ("b", 0), ("c", AHEAD_S))
        ]
        with fleet(members):
            made = await asyncio.to_thread(members[0].new_key, "all", total_limit=format_credits(60 * COST))
            for member in members:
                await asyncio.to_thread(_known, member, made["key"])
            watcher = Watcher(url, record)
            watcher.start()
            clients = [asyncio.create_task(client(n, members, made["key"], record, done)) for n in range(CLIENTS)]
            raising = asyncio.create_task(raise_limit(members, made["id"], watcher, rng))
            peace = asyncio.Event()
            faults = asyncio.create_task(trouble(members, server, record, rng, peace))
            await asyncio.wait([raising, faults], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            peace.set()
            await faults
            raising.cancel()
            done.set()
            await asyncio.gather(*clients)
            await asyncio.to_thread(settle, members, url)
            watcher.done.set()
            return record, await asyncio.to_thread(compare, record, url)


def summary(record: Record) -> str:
    kinds = Counter("whole" if told.whole else f"{told.status or 'no answer'}" for told in record.told.values())
    spent = Decimal(sum(told.whole for told in record.told.values())) * COST / 10**9
    told = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
    kinds = Counter(fault.kind for fault in record.faults)
    faults = ", ".join(f"{name} {count}" for name, count in kinds.most_common())
    return f"{len(record.told)} requests ({told}), {spent} credits; {record.looks} looks at the limit; {faults}"


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.long chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--keep", action="store_true", help="leave the folder with the gateways' logs")
    wanted = parser.parse_args(words)
    folder = Path(tempfile.mkdtemp(prefix="joytui-chaos-"))
    with postgres.running(durable=True) as server:
        record, wrong = asyncio.run(chaos(wanted.seconds, wanted.seed, folder, server))
    sys.stdout.write(f"seed {wanted.seed}: {summary(record)}\n")
    sys.stdout.writelines(f"WRONG {line}\n" for line in wrong[:50])
    sys.stdout.write(f"{len(wrong)} wrong\n" if wrong else "nothing lost, nothing twice, never over the limit\n")
    if wrong or wanted.keep:
        (folder / "told.json").write_text(
            json.dumps({name: [t.status, t.whole, t.words] for name, t in record.told.items()})
        )
        sys.stdout.write(f"{folder}\n")
    else:
        import shutil

        shutil.rmtree(folder)
    return 1 if wrong else 0
