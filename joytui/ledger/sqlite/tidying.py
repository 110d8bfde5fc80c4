"""Removing request rows that are past their time, and all that every engine removes alike (`ledger.sql.tidying`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import takewhile

from joytui.core.clock import now_ms
from joytui.ledger.retention import SLICE
from joytui.ledger.sql import tidying
from joytui.ledger.sqlite.requests import trim_keyless
from joytui.ledger.sqlite.writer import Batch


def _requests(batch: Batch, edge: int) -> int:
    """Rows go in the order in which they came, up to the first that is young: one that a wrong clock dated between others
    that are young is young as well, and one that it dated into the future goes with those that came after it."""
    rows = batch.execute(
        "SELECT n, started_at FROM request WHERE +started_at <= ? ORDER BY n LIMIT ?", (now_ms(), SLICE)
    )
    old = [n for n, _ in takewhile(lambda row: row[1] < edge, rows)]
    if not old:
        return 0
    return batch.execute(
        "DELETE FROM request WHERE n IN (SELECT n FROM request WHERE n <= ? AND status IS NOT NULL ORDER BY n LIMIT ?)",
        (old[-1], SLICE),
    ).rowcount


def _keyless(batch: Batch, edge: int) -> int:
    return (
        trim_keyless(batch)
        or batch.execute(
            "DELETE FROM request WHERE n IN (SELECT n FROM request WHERE keyless = 1 AND started_at < ?)", (edge,)
        ).rowcount
    )


SLICES: Mapping[str, Callable[[Batch, int], int]] = {
    "requests": _requests,
    "refusals without a valid key": _keyless,
    **tidying.SLICES,
}
"""A function for each line of `ledger.retention.KEPT` that has a time."""
