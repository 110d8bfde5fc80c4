"""What keeps the store right: ending what a dead process left open, renewing and releasing leases, retention."""

from __future__ import annotations

from collections.abc import Collection

from joytui.core.clock import now_ms
from joytui.ledger.ids import COUNTER_BITS
from joytui.ledger.money import release
from joytui.ledger.parts import DAY_MS
from joytui.ledger.requests import Ended, Opened, end_request
from joytui.ledger.writer import Batch

INTERRUPTED = "gateway_interrupted"


def recover(batch: Batch) -> int:
    """At the start, nothing can be running: rows still open are ended (status 500, nothing charged), holds released.

    Gives how many requests a process took with it when it died.
    """
    rows = batch.execute(
        "SELECT n, key_id, model, endpoint, stream, request_id, thread_id, project, client, ip, model_used, provider, tier"
        " FROM request WHERE status IS NULL"
    ).fetchall()
    for row in rows:
        why = (500, INTERRUPTED, "the gateway ended before this request did; nothing was charged", "gateway-error")
        ended = Ended(row[10], row[11], row[12], *why)
        end_request(batch, Opened(*row[:10]), ended, None, held=True)
    for (n,) in batch.execute("SELECT DISTINCT n FROM hold").fetchall():
        release(batch, n, 0)
    return len(rows)


def renew_leases(batch: Batch, running: Collection[int], lease_ms: int) -> int:
    """Prolongs the holds of running requests and releases those whose lease ran out. Gives how many requests lost theirs."""
    now = now_ms()
    batch.connection.executemany("UPDATE hold SET lease_until = ? WHERE n = ?", ((now + lease_ms, n) for n in running))
    lost = [n for (n,) in batch.execute("SELECT DISTINCT n FROM hold WHERE lease_until < ?", (now,))]
    for n in lost:
        release(batch, n, 0)
    return len(lost)


def forget(batch: Batch, days: int, *, slice_: int = 2000) -> int:
    """Takes request rows older than `days`, at most a slice at a time; the sums stay. Gives how many went."""
    edge = now_ms() - days * DAY_MS
    return batch.execute(
        "DELETE FROM request WHERE n IN (SELECT n FROM request WHERE n < ? AND status IS NOT NULL ORDER BY n LIMIT ?)",
        (edge << COUNTER_BITS, slice_),
    ).rowcount


def forget_ids(batch: Batch, seconds: int) -> int:
    """Takes client request ids out of the duplicate guard after their time."""
    edge = now_ms() - seconds * 1000
    return batch.execute("DELETE FROM spent_id WHERE at < ?", (edge,)).rowcount
