"""Removing request rows that are past their time: a day's partition whole, where all of it is; and all that every engine removes
alike (`ledger.sql.tidying`)."""
# ruff: noqa: S608 - the SQL is put together from this package's own words; values are always parameters

from __future__ import annotations

from collections.abc import Callable, Mapping

from joytui.core.clock import now_ms
from joytui.ledger.postgres.schema import REST, first_number, partition
from joytui.ledger.records import DAY_MS
from joytui.ledger.retention import KEYLESS_ROWS, SLICE
from joytui.ledger.sql import tidying
from joytui.ledger.sql.connection import Connection

_PARTITIONS = (
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'ended'::regclass"
)


def _requests(link: Connection, edge: int) -> int:
    """Rows go in the order in which they came, up to the first that is young: one that a wrong clock dated between others
    that are young is young as well, and one that it dated into the future goes with those that came after it.

    The day that the edge lies in waits until it can go as a whole."""
    cut: int | None = None
    for begins, name in _oldest_first(link):
        if (cut is not None and begins > cut) or name == partition(edge // DAY_MS):
            break
        young = f"SELECT min(n) FROM {name} WHERE started_at >= ? AND started_at <= ?"
        first = link.execute(young, (edge, now_ms())).fetchall()[0][0]
        cut = min((at for at in (cut, first) if at is not None), default=None)
        old = f"SELECT max(n) FROM {name} WHERE started_at < ?" + ("" if cut is None else f" AND n < {int(cut)}")
        last = link.execute(old, (edge,)).fetchall()[0][0]
        if last is not None:
            return _drop(link, name) if first is None and _is_last(link, name, last) else _delete(link, name, last)
    return 0


def _oldest_first(link: Connection) -> list[tuple[int, str]]:
    """The days, each with the first number that it may have; what is in none of them with the first that it has."""
    names = {name for (name,) in link.execute(_PARTITIONS).fetchall()} - {REST}
    begins = [(first_number(name), name) for name in names]
    rest = link.execute(f"SELECT min(n) FROM {REST}").fetchall()[0][0]
    return sorted(begins if rest is None else [*begins, (rest, REST)])


def _is_last(link: Connection, name: str, number: int) -> bool:
    return name != REST and not link.execute(f"SELECT 1 FROM {name} WHERE n > ? LIMIT 1", (number,)).fetchall()


def _drop(link: Connection, name: str) -> int:
    """Drops a day that is entirely old. Returns how many rows it had, as the server estimates without counting."""
    about = link.execute("SELECT greatest(reltuples, 1)::bigint FROM pg_class WHERE oid = ?::regclass", (name,))
    rows = int(about.fetchall()[0][0])
    link.execute("SET LOCAL lock_timeout = 500")  # a long reading is not to hold up who writes
    link.execute(f"DROP TABLE {name}")
    return rows


def _delete(link: Connection, name: str, last: int) -> int:
    some = f"SELECT n FROM {name} WHERE n <= ? ORDER BY n LIMIT ?"
    return link.execute(f"DELETE FROM {name} WHERE n IN ({some})", (last, SLICE)).rowcount


def _keyless(link: Connection, edge: int) -> int:
    beyond = "SELECT n FROM keyless ORDER BY n DESC OFFSET ?"
    gone = link.execute(f"DELETE FROM keyless WHERE n IN ({beyond})", (KEYLESS_ROWS,)).rowcount
    return gone or link.execute("DELETE FROM keyless WHERE started_at < ?", (edge,)).rowcount


SLICES: Mapping[str, Callable[[Connection, int], int]] = {
    "requests": _requests,
    "refusals without a valid key": _keyless,
    **tidying.SLICES,
}
"""A function for each line of `ledger.retention.KEPT` that has a time."""
