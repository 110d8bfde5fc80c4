"""Rows for the ledger's tests, written by the ledger's own functions."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from joytui.core.request import Ended, Opened
from joytui.ledger.ids import COUNTER_BITS
from joytui.ledger.records import Candidate, KeyRow, NewKey
from joytui.ledger.sql import keys
from joytui.ledger.sqlite.engine import SqliteLedger
from joytui.ledger.sqlite.requests import end_request, open_request
from joytui.ledger.sqlite.writer import Batch

DAY = 86_400_000
CHOSEN = Candidate("m", "p", "standard", 0)
START = 1_795_392_000_000  # 2026-11-23T00:00:00Z, a Monday


def new_key(
    ledger: SqliteLedger, name: str = "dev", owner: str | None = None, labels: tuple[str, ...] = (), **policy: Any
) -> KeyRow:
    digest = f"{name}-{ledger.next_number()}".encode()
    return ledger.write_now(keys.create_key, NewKey(digest, name, "jt_…abcd", owner, labels, None, policy, None), False)


def add(ledger: SqliteLedger, at_ms: int, key: KeyRow | None = None, counter: int = 0, **fields: Any) -> int:
    """One ended request that began at this time. Fields of `Opened` and `Ended` by name."""
    number = (at_ms << COUNTER_BITS) + counter
    opened = Opened(
        number, at_ms, key.id if key else None, "auto", "/openai/v1/responses", True, None, None, None, None, None
    )
    ended = Ended("m", "p", "standard", 200, latency_ms=10.0)
    opened = opened._replace(**{k: v for k, v in fields.items() if k in Opened._fields})
    ended = ended._replace(**{k: v for k, v in fields.items() if k in Ended._fields})
    ledger.submit(open_request, opened, CHOSEN)
    ledger.submit(end_request, opened, ended, key.budget_id if key else None, False)
    return number


@contextmanager
def one_batch(ledger: SqliteLedger) -> Iterator[None]:
    """What is handed over in the block is committed together."""
    busy, go_on = threading.Event(), threading.Event()

    def wait(batch: Batch) -> None:
        busy.set()
        go_on.wait()

    ledger.submit(wait)
    busy.wait()
    try:
        yield
    finally:
        go_on.set()
