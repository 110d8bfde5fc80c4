"""The breaker of a key: it counts what each task asks for, in the transaction that admits the request."""

from __future__ import annotations

from joytui.ledger.api import Runaway
from joytui.ledger.records import MINUTE_MS, REPEATS, Watch
from joytui.ledger.sqlite.writer import Batch


def count(batch: Batch, n: int, at_ms: int, watch: Watch) -> None:
    """Counts a request of a watched task. Raises Runaway where it is one too many."""
    if watch.per_minute is not None and (asked := _within_a_minute(batch, watch, at_ms)) >= watch.per_minute:
        raise Runaway("requests", asked + 1, watch.per_minute)
    most = watch.identical if watch.digest is not None else None
    if most is not None and (turns := _in_a_row(batch, watch, most)) > most:
        raise Runaway("turns", turns, most)
    batch.execute(
        "INSERT INTO watched_turn VALUES (?, ?, ?, ?, ?, ?, ?)",
        (n, watch.scope, watch.task, watch.thread, at_ms, watch.digest, watch.items),
    )


def _within_a_minute(batch: Batch, watch: Watch, at_ms: int) -> int:
    (asked,) = batch.execute(
        "SELECT count(*) FROM watched_turn WHERE scope = ? AND task = ? AND at > ?",
        (watch.scope, watch.task, at_ms - MINUTE_MS),
    ).fetchone()
    return int(asked)


def _in_a_row(batch: Batch, watch: Watch, most: int) -> int:
    """How many identical turns of the thread end with this one: at most one more than `most`. One that is asked for again, as after
    a failure, has as many items as before, and is counted once."""
    turns, items = 1, watch.items
    for digest, its_items in batch.execute(
        "SELECT digest, items FROM watched_turn WHERE scope = ? AND task = ? AND thread = ? ORDER BY n DESC LIMIT ?",
        (watch.scope, watch.task, watch.thread, most * REPEATS),
    ):
        if digest != watch.digest or turns > most:
            break
        if its_items != items:
            turns, items = turns + 1, its_items
    return turns
