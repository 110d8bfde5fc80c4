"""Removing what is past its time, as `ledger.retention.KEPT` has it: SLICES, a function for each of its lines that has a time.

Each takes the edge (ms: what is older goes), does a slice of the work, and gives how many rows went; 0 once nothing is left.
Sums are folded, never lost: what was spent in a day, and by which key, is always there.
"""
# ruff: noqa: S608 - the SQL is put together from this module's own words; values are always parameters

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import takewhile

from joytui.core.clock import now_ms
from joytui.ledger.records import DAY_MS, HOUR_MS
from joytui.ledger.sqlite.parts import ADD, DOCTOR, FROM_OUTSIDE, PARTS, Place
from joytui.ledger.sqlite.requests import trim_keyless
from joytui.ledger.sqlite.rollups import ADD_ROLLUP
from joytui.ledger.sqlite.writer import SLICE, Batch

MOVEMENTS = 10_000
"""Of one slice: as many as a busy day has, so that it is few rows afterwards."""


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


def _client_ids(batch: Batch, edge: int) -> int:
    return _delete(batch, "spent_id", "key_id, request_id", "at < ?", edge)


def _hours(batch: Batch, edge: int) -> int:
    hour = edge // HOUR_MS
    gone = _delete(batch, "rollup_hour", "hour, key_id, model, tier, provider", "hour < ?", hour)
    gone += _delete(batch, "latency_hour", "hour, kind, bucket", "hour < ?", hour)
    for part in (*PARTS, DOCTOR):
        gone += _delete(batch, "part_hour", _PART_HOUR, "part = ? AND hour < ?", part, hour)
    return gone


def _days(batch: Batch, edge: int) -> int:
    """Folds one day. Clients name models, projects, threads and the like, as many as they like; keys are made by
    administrators, and a model that cost something is there."""
    free = "cost_nano = 0 AND model != ''"
    named = " OR ".join(f"{name} != ''" for name in FROM_OUTSIDE)
    return _fold(batch, "rollup_day", "", free, edge) + sum(
        _fold(batch, "part_day", f"part = '{part}' AND ", f"({named} OR {free})", edge) for part in (*PARTS, DOCTOR)
    )


_PART_HOUR = ", ".join(("part", "hour", *Place._fields))
_ROLLUP = ("key_id", "''", "tier", "provider")
_FOLDED = {
    "rollup_day": (
        ", ".join(["day", *_ROLLUP]),
        "requests, errors, refused, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, cost_nano",
        ADD_ROLLUP,
    ),
    "part_day": (
        ", ".join(["part", "day", *_ROLLUP, *["''"] * len(FROM_OUTSIDE)]),
        "requests, errors, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, cost_nano",
        ADD,
    ),
}
"""Of each table of days: the place of a folded row, its sums, and how they are added to one that is there."""


def _fold(batch: Batch, table: str, among: str, foldable: str, edge: int) -> int:
    """The oldest day before the edge that has foldable rows, without what they keep apart. Gives how many rows that took."""
    day = batch.execute(
        f"SELECT min(day) FROM {table} WHERE {among}day < ? AND {foldable}", (edge // DAY_MS,)
    ).fetchone()[0]
    if day is None:
        return 0
    place, sums, add = _FOLDED[table]
    summed = ", ".join(f"sum({name})" for name in sums.split(", "))
    rows = batch.execute(
        f"SELECT {place}, {summed} FROM {table} WHERE {among}day = ? AND {foldable} GROUP BY {place}", (day,)
    ).fetchall()
    gone = batch.execute(f"DELETE FROM {table} WHERE {among}day = ? AND {foldable}", (day,)).rowcount
    marks = ", ".join("?" * len(rows[0]))
    batch.connection.executemany(f"INSERT INTO {table} VALUES ({marks}) {add}", rows)
    return gone


def _windows(batch: Batch, edge: int) -> int:
    """A window that is asked for again is made from the days (`money.SPENT_WITHIN`)."""
    where = "period != 'total' AND held = 0 AND window < ?"
    return _delete(batch, "budget", "budget_id, period, window", where, edge)


def _movements(batch: Batch, edge: int) -> int:
    """Those of requests, of whole days: one row for each day and tier has their sum, in the place of the last of them."""
    before = edge - edge % DAY_MS
    rows = batch.execute("SELECT id, at FROM wallet_entry WHERE n IS NOT NULL ORDER BY id LIMIT ?", (MOVEMENTS,))
    old = [entry for entry, _ in takewhile(lambda row: row[1] < before, rows)]
    if not old:
        return 0
    folded = batch.execute(
        "SELECT max(id), sum(amount), sum(held), count(*) FROM wallet_entry WHERE n IS NOT NULL AND id <= ?"
        f" GROUP BY at / {DAY_MS}, tier",
        (old[-1],),
    ).fetchall()
    batch.connection.executemany(
        "UPDATE wallet_entry SET kind = 'settle', amount = ?2, held = ?3, n = NULL, note = ?4 WHERE id = ?1",
        ((entry, amount, held, f"{count} movements of that day") for entry, amount, held, count in folded),
    )
    return batch.execute("DELETE FROM wallet_entry WHERE n IS NOT NULL AND id <= ?", (old[-1],)).rowcount


def _clients(batch: Batch, edge: int) -> int:
    return _delete(batch, "key_client", "key_id, client", "last_used_at < ?", edge)


def _lessons(batch: Batch, edge: int) -> int:
    return _delete(batch, "lesson", "upstream, model, lesson", "learned_at < ?", edge)


def _delete(batch: Batch, table: str, key: str, where: str, *values: str | int) -> int:
    """A slice of what is found by that."""
    some = f"SELECT {key} FROM {table} WHERE {where} LIMIT ?"
    return batch.execute(f"DELETE FROM {table} WHERE ({key}) IN ({some})", (*values, SLICE)).rowcount


SLICES: Mapping[str, Callable[[Batch, int], int]] = {
    "requests": _requests,
    "refusals without a valid key": _keyless,
    "client ids": _client_ids,
    "hours": _hours,
    "days": _days,
    "budget windows": _windows,
    "movements of wallets": _movements,
    "clients of keys": _clients,
    "what upstreams taught": _lessons,
}
