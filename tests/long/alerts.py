"""Ten thousand alerts reach a receiver that fails a third of the time, while their gateways are killed.

    python -m tests.long alerts [--alerts 10000] [--kills 8] [--engine sqlite|postgres|both] [--seed N]

The real gateway in real processes (one on SQLite, two on PostgreSQL), ended with SIGKILL so many times while it sends. A receiver takes an
alert once by its id: each has to be taken, none may be given up. What came again after it had been taken is counted: its gateway died, or the
answer was lost, before the store knew.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from joytui.ledger.alerts import NewAlert, alert_id
from joytui.ledger.api import Ledger
from joytui.ledger.engines import named_store, open_ledger
from tests.support import postgres
from tests.support.alert_receiver import GOOD, LOST, SECRET, Answer, Post, Receiver, receiving
from tests.support.fleet import Member
from tests.support.hang import poll

CHUNK = 500
NEWEST = 5_000  # more are not told at once
LONGEST_S = 1_800.0


class Record(NamedTuple):
    """What a run came to. `again`: posts of alerts that the receiver had taken already."""

    alerts: int
    taken: int
    again: int
    posts: int
    kills: int
    states: dict[str, int]
    unsigned: int
    took_s: float

    @property
    def wrong(self) -> list[str]:
        found = []
        if self.taken != self.alerts:
            found.append(f"{self.alerts - self.taken} alerts never came")
        if self.states != {"sent": self.alerts}:
            found.append(f"the store says {self.states}")
        if self.unsigned:
            found.append(f"{self.unsigned} posts were not signed")
        return found

    @property
    def words(self) -> str:
        return (
            f"{self.alerts:,} alerts, {self.kills} kills: {self.taken:,} taken by {self.posts:,} posts, {self.again} of them again;"
            f" the store says {self.states}; {self.took_s:.0f} s"
        )


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.long alerts", description=__doc__)
    parser.add_argument("--alerts", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--engine", choices=("sqlite", "postgres", "both"), default="both")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    wanted = parser.parse_args(words)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    print(f"seed {wanted.seed}")
    wrong: list[str] = []
    for engine in ("sqlite", "postgres") if wanted.engine == "both" else (wanted.engine,):
        with tempfile.TemporaryDirectory(prefix="joytui-alerts-") as name:
            record = run(engine, wanted.alerts, wanted.kills, wanted.seed, Path(name))
        print(f"{engine}: {record.words}")
        wrong += [f"{engine}: {what}" for what in record.wrong]
    for what in wrong:
        print(f"WRONG {what}")
    return int(bool(wrong))


def run(engine: str, alerts: int, kills: int, seed: int, folder: Path) -> Record:
    chance = random.Random(seed)
    with contextlib.ExitStack() as stack:
        receiver = stack.enter_context(receiving(fails_a_third(chance)))
        if engine == "sqlite":
            store, members = str(folder / "ledger.sqlite3"), 1
        else:
            store, members = stack.enter_context(postgres.running(durable=True)).url("postgres"), 2
        stack.enter_context(mock.patch.dict(os.environ, {"ALERTS_SECRET": SECRET}))
        settings = {"alerts_url": receiver.url, "alerts_secret_env": "ALERTS_SECRET", "alerts_retry_s": "0.1"}
        gateways = [Member(folder / f"gateway{n}", store, **settings) for n in range(members)]
        raised = asyncio.run(_raise(store, folder, alerts))
        stages = Stages(receiver, [len(raised) * (n + 1) // (kills + 1) for n in range(kills)])
        began = time.monotonic()
        with _running(gateways):
            done = _deliver(receiver, gateways, raised, stages, chance)
            poll(lambda: not _waiting(gateways[0]), lambda: "alerts that were taken, to be noted as sent")
        states = asyncio.run(_states(store, folder, alerts))
    posts = Counter(post.id for post in receiver.posts)
    return Record(
        alerts=len(raised),
        taken=len(raised & set(receiver.taken)),
        again=sum(receiver.taken.values()) - len(receiver.taken),
        posts=posts.total(),
        kills=done,
        states=states,
        unsigned=sum(not post.signed for post in receiver.posts),
        took_s=time.monotonic() - began,
    )


def fails_a_third(chance: random.Random) -> Callable[[Post, int], Answer]:
    """A third is refused or falls silent; of the others, one in fifty is taken and its answer is lost."""

    def answer(post: Post, before: int) -> Answer:
        dice = chance.random()
        if dice < 1 / 3:
            return Answer(503, {}, b"try later") if dice < 1 / 6 else LOST
        return GOOD if chance.random() < 0.98 else LOST._replace(takes=True)

    return answer


class Stages:
    """Holds what comes to a receiver whenever so many alerts are taken, until a gateway was killed: each kill meets alerts that are
    on their way, however fast they are."""

    def __init__(self, receiver: Receiver, after: list[int]) -> None:
        self.reached, self.killed = threading.Semaphore(0), threading.Semaphore(0)
        self._receiver, self._answer, self._after = receiver, receiver.answer, after
        receiver.answer = self._held

    def _held(self, post: Post, before: int) -> Answer:
        if self._after and len(self._receiver.taken) >= self._after[0]:
            self._after.pop(0)
            self.reached.release()
            self.killed.acquire()
        return self._answer(post, before)


def _deliver(
    receiver: Receiver, gateways: list[Member], raised: set[str], stages: Stages, chance: random.Random
) -> int:
    """Kills a gateway at each stage, and waits until all are taken; gives how many kills that were."""
    done, end = 0, time.monotonic() + LONGEST_S
    while len(receiver.taken) < len(raised) and time.monotonic() < end:
        if stages.reached.acquire(timeout=0.05):
            one = chance.choice(gateways)
            one.end(signal.SIGKILL)
            stages.killed.release()
            one.start()
            done += 1
    return done


def _waiting(gateway: Member) -> int:
    """How many of the newest alerts are still to be sent, also those whose answer was lost."""
    with gateway.console() as http:
        rows = http.get("/alerts", params={"limit": NEWEST}).json()["alerts"]
    return sum(row["state"] == "waiting" for row in rows)


@contextlib.contextmanager
def _running(gateways: list[Member]) -> Iterator[None]:
    try:
        for one in gateways:
            one.start()
        yield
        time.sleep(2)  # the last answers are noted
    finally:
        for one in gateways:
            one.end(signal.SIGTERM)


async def _raise(store: str, folder: Path, alerts: int) -> set[str]:
    with _opened(store, folder) as ledger:
        ids = []
        for first in range(0, alerts, CHUNK):
            some = [_alert(n) for n in range(first, min(first + CHUNK, alerts))]
            await ledger.raise_alerts(some)
            ids += [one.id for one in some]
    return set(ids)


def _alert(n: int) -> NewAlert:
    return NewAlert(alert_id("long", n), "gateway", f"gateway:{n}", None, {"name": str(n), "last_seen": 0})


async def _states(store: str, folder: Path, alerts: int) -> dict[str, int]:
    with _opened(store, folder) as ledger:
        rows = await ledger.alerts(0, alerts + CHUNK)
    return dict(Counter(row.state for row in rows if row.kind == "gateway" and row.facts.get("last_seen") == 0))


@contextlib.contextmanager
def _opened(store: str, folder: Path) -> Iterator[Ledger]:
    ledger = open_ledger(named_store(store) if "://" in store else Path(store), folder)
    try:
        yield ledger
    finally:
        ledger.close()
