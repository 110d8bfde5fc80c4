"""What keeps the store right: ending what a dead process left open, renewing and releasing leases, retention."""

from __future__ import annotations

from collections.abc import Collection

from joytui.core.clock import now_ms
from joytui.ledger.records import DAY_MS, INTERRUPTED, Ended, Opened
from joytui.ledger.sqlite.money import release
from joytui.ledger.sqlite.requests import end_request
from joytui.ledger.sqlite.writer import Batch


def recover(batch: Batch) -> int:
    """At the start, nothing can be running: rows still open are ended (status 500, nothing charged), holds released.

    Gives how many requests a process took with it when it died.
    """
    rows = batch.execute(
        f"SELECT {', '.join(Opened._fields)}, model_used, provider, tier FROM request WHERE status IS NULL"  # noqa: S608
    ).fetchall()
    for row in rows:
        why = (500, INTERRUPTED, "the gateway ended before this request did; nothing was charged", "gateway-error")
        *opened, model_used, provider, tier = row
        end_request(batch, Opened(*opened), Ended(model_used, provider, tier, *why), None, held=True)
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
        "DELETE FROM request WHERE n IN"
        " (SELECT n FROM request WHERE started_at < ? AND status IS NOT NULL ORDER BY started_at LIMIT ?)",
        (edge, slice_),
    ).rowcount


def forget_ids(batch: Batch, seconds: int) -> int:
    """Takes client request ids out of the duplicate guard after their time."""
    edge = now_ms() - seconds * 1000
    return batch.execute("DELETE FROM spent_id WHERE at < ?", (edge,)).rowcount
