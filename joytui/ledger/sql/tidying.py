"""Removing what is past its time, as `ledger.retention.KEPT` has it: SLICES, a function for each of its lines that has a time
and means the same in every engine. (Request rows go in each engine's own way.)

Each takes the edge (ms: what is older goes), does a slice of the work, and gives how many rows went; 0 once nothing is left.
Sums are folded, never lost: what was spent in a day, and by which key, is always there.
"""
# ruff: noqa: S608 - the SQL is put together from this module's own words; values are always parameters

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import takewhile

from joytui.ledger.records import DAY_MS, HOUR_MS
from joytui.ledger.retention import SLICE, STOPPED_TASKS
from joytui.ledger.sql import lifetimes
from joytui.ledger.sql.connection import Connection
from joytui.ledger.sql.parts import ASIDE, FROM_OUTSIDE, PARTS, TABLES
from joytui.ledger.sql.sums_of_days import forget

NS = 1_000_000
SESSION_DAYS = 30
MOVEMENTS = 10_000
"""Of one slice: as many as a busy day has, so that it is few rows afterwards."""


def _client_ids(batch: Connection, edge: int) -> int:
    return _delete(batch, "spent_id", "key_id, request_id", "at < ?", edge)


def _hours(batch: Connection, edge: int) -> int:
    hour = edge // HOUR_MS
    gone = _delete(batch, "rollup_hour", "hour, key_id, model, tier, provider", "hour < ?", hour)
    gone += _delete(batch, "latency_hour", "hour, kind, bucket", "hour < ?", hour)
    for part in (*PARTS, *ASIDE):
        gone += _delete(batch, "part_hour", ", ".join(TABLES["part_hour"].place), "part = ? AND hour < ?", part, hour)
    return gone


def _days(batch: Connection, edge: int) -> int:
    """Folds one day. Clients name models, projects, threads and the like, as many as they like; keys are made by
    administrators, and a model that cost something is there."""
    free = "cost_nano = 0 AND model != ''"
    named = " OR ".join(f"{name} != ''" for name in FROM_OUTSIDE)
    folded = _fold(batch, "rollup_day", "", free, edge) + sum(
        _fold(batch, "part_day", f"part = '{part}' AND ", f"({named} OR {free})", edge) for part in (*PARTS, *ASIDE)
    )
    return folded or lifetimes.forget_ended(batch)


def _fold(batch: Connection, name: str, among: str, foldable: str, edge: int) -> int:
    """The oldest day before the edge that has foldable rows, without what they keep apart. Gives how many rows that took."""
    day = batch.execute(
        f"SELECT min(day) FROM {name} WHERE {among}day < ? AND {foldable}", (edge // DAY_MS,)
    ).fetchone()[0]
    if day is None:
        return 0
    table = TABLES[name]
    kept = [column for column in table.place if column not in _FOLDED]
    place = ", ".join("''" if column in _FOLDED else column for column in table.place)
    sums = ", ".join(f"sum({column})" for column in table.sums)
    rows = batch.execute(
        f"SELECT {place}, {sums} FROM {name} WHERE {among}day = ? AND {foldable} GROUP BY {', '.join(kept)}", (day,)
    ).fetchall()
    forget(batch, day)
    gone = batch.execute(f"DELETE FROM {name} WHERE {among}day = ? AND {foldable}", (day,)).rowcount
    marks = ", ".join("?" * len(rows[0]))
    for row in rows:
        batch.execute(f"INSERT INTO {name} VALUES ({marks}) {table.add}", row)
    return gone


_FOLDED = {"model", *FROM_OUTSIDE}
"""What a folded row no longer keeps apart."""


def _windows(batch: Connection, edge: int) -> int:
    """A window that is asked for again is made from the days (`nodes.spent_query`), and so is the total of a task."""
    key = 'budget_id, period, "window"'
    gone = _delete(batch, "budget", key, "period != 'total' AND held = 0 AND \"window\" < ?", edge)
    asked = "SELECT 1 FROM part_day p WHERE part = 'thread' AND task = substr(budget_id, 6) AND task != '' AND day >= ?"
    rest = f"budget_id >= 'task:' AND budget_id < 'task;' AND period = 'total' AND held = 0 AND NOT EXISTS ({asked})"
    return gone + _delete(batch, "budget", key, rest, edge // DAY_MS)


def _limits(batch: Connection, edge: int) -> int:
    gone = _delete(batch, "node_limit", "node, period", "node >= 'task:' AND node < 'task;' AND set_at < ?", edge)
    return gone + _delete(batch, "node_raise", "node", "until < ?", edge)


def _movements(batch: Connection, edge: int) -> int:
    """Those of requests, of whole days: one row for each day and tier has their sum, instead of the last of them."""
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
    for entry, amount, held, count in folded:
        batch.execute(
            "UPDATE wallet_entry SET kind = 'settle', amount = ?, held = ?, n = NULL, note = ? WHERE id = ?",
            (amount, held, f"{count} movements of that day", entry),
        )
    return batch.execute("DELETE FROM wallet_entry WHERE n IS NOT NULL AND id <= ?", (old[-1],)).rowcount


def _clients(batch: Connection, edge: int) -> int:
    return _delete(batch, "key_client", "key_id, client", "last_used_at < ?", edge)


def _lessons(batch: Connection, edge: int) -> int:
    return _delete(batch, "lesson", "upstream, model, lesson", "learned_at < ?", edge)


def _pieces(batch: Connection, edge: int) -> int:
    """A session goes later: what follows it is of its provider."""
    where, session = "told < ? AND (kind != 'session' OR told < ?)", edge - SESSION_DAYS * DAY_MS
    return _delete(batch, "piece", "thread, told, kind", where, edge * NS, session * NS)


def _audit(batch: Connection, edge: int) -> int:
    return _delete(batch, "audit", "id", "at < ?", edge)


def _alerts(batch: Connection, edge: int) -> int:
    return _delete(batch, "alert", "id", "at < ?", edge)


def _stops(batch: Connection, edge: int) -> int:
    beyond = "(task, scope) IN (SELECT task, scope FROM stopped_task ORDER BY at DESC, task, scope LIMIT ? OFFSET ?)"
    gone = _delete(batch, "stopped_task", "task, scope", "at < ?", edge)
    return gone + _delete(batch, "stopped_task", "task, scope", beyond, SLICE, STOPPED_TASKS)


def _watched(batch: Connection, edge: int) -> int:
    return _delete(batch, "watched_turn", "n", "at < ?", edge)


def _delete(batch: Connection, table: str, key: str, where: str, *values: str | int) -> int:
    """A slice of what is found by that."""
    some = f"SELECT {key} FROM {table} WHERE {where} LIMIT ?"
    return batch.execute(f"DELETE FROM {table} WHERE ({key}) IN ({some})", (*values, SLICE)).rowcount


SLICES: Mapping[str, Callable[[Connection, int], int]] = {
    "client ids": _client_ids,
    "hours": _hours,
    "days": _days,
    "budget windows": _windows,
    "limits of nodes": _limits,
    "movements of wallets": _movements,
    "clients of keys": _clients,
    "what upstreams taught": _lessons,
    "pieces of telemetry": _pieces,
    "who changed what": _audit,
    "alerts": _alerts,
    "stopped tasks": _stops,
    "what breakers count": _watched,
}
