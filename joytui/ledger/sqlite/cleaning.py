"""Texts that an older version kept as they came pass the door (`core.redaction`) now: a slice at a time, newest first.

`uncleaned` says below which place a table is still to be looked at: a request's number, an hour, a day. Sums whose names become
the same are added up.
"""
# ruff: noqa: S608 - the SQL is put together from this package's own words; values are always parameters

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from joytui.core.redaction import DOOR_LIMIT, clean, clean_id
from joytui.ledger.retention import SLICE
from joytui.ledger.sql.parts import PARTS, Place
from joytui.ledger.sqlite.rollups import ADD_TO, USED, upsert
from joytui.ledger.sqlite.writer import Batch

_IDS = ("upstream_id", "billing_id")
_TEXTS = (
    "model", "model_used", "provider", "tier", "error_type", "error_message", "finish", "request_id", "thread_id", "turn_id",
    "project", "client", "notes",
)  # fmt: skip
_COLUMNS = (*_IDS, *_TEXTS)


class _Sums(NamedTuple):
    """A table of sums: its unit of time, the columns of a row's place, of which `names` came from outside, how rows are added."""

    unit: str
    place: tuple[str, ...]
    names: slice
    into: tuple[str, int, str]
    parts: tuple[str, ...] = ()


_ROUTE = ("model", "tier", "provider")
_SUMS = {
    f"rollup_{unit}": _Sums(unit, (unit, "key_id", *_ROUTE), slice(2, 5), ADD_TO[f"rollup_{unit}"])
    for unit in ("hour", "day")
} | {
    f"part_{unit}": _Sums(
        unit, ("part", unit, *Place._fields), slice(3, 2 + len(Place._fields)), ADD_TO[f"part_{unit}"], tuple(PARTS)
    )
    for unit in ("hour", "day")
}
_AT_ONCE = {"hour": 24, "day": 1}


def clean_older(batch: Batch) -> bool:
    """Cleans the next slice of an older store. False once nothing is left."""
    row = batch.execute("SELECT place, below FROM uncleaned ORDER BY place LIMIT 1").fetchone()
    if row is None:
        return False
    table, below = row
    batch.execute("PRAGMA secure_delete = ON")  # what stood there is overwritten, not only let go
    decoding, batch.connection.text_factory = batch.connection.text_factory, _decoded
    try:
        low = _sums(batch, table, below) if table in _SUMS else _OTHERS[table](batch, below)
    finally:
        batch.connection.text_factory = decoding
    batch.execute("PRAGMA secure_delete = OFF")
    if low is None:
        batch.execute("DELETE FROM uncleaned WHERE place = ?", (table,))
    else:
        batch.execute("UPDATE uncleaned SET below = ? WHERE place = ?", (low, table))
    return True


def _decoded(raw: bytes) -> str:
    """A text of a damaged store, whose bytes may be no UTF-8: the door takes what stands for them away."""
    return raw.decode("utf-8", "surrogateescape")


def _stored(value: Any) -> Any:
    """A value as it is in the store, to find its row by."""
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value


_SAME = "{name} = iif(typeof(?{n}) = 'blob', CAST(?{n} AS TEXT), ?{n})"


def _at(names: Sequence[str]) -> str:
    """Finds a row by its place, whatever bytes its texts have."""
    return " AND ".join(_SAME.format(name=name, n=n) for n, name in enumerate(names, 1))


def _requests(batch: Batch, below: int) -> int | None:
    found = f"SELECT n, {', '.join(_COLUMNS)} FROM request WHERE n < ? ORDER BY n DESC LIMIT ?"
    rows = batch.execute(found, (below, SLICE)).fetchall()
    change = f"UPDATE request SET {', '.join(f'{name} = ?' for name in _COLUMNS)} WHERE n = ?"
    for n, *texts in rows:
        ids, rest = texts[: len(_IDS)], texts[len(_IDS) :]
        cleaned = [*(clean_id(text, DOOR_LIMIT) for text in ids), *(clean(text, DOOR_LIMIT) for text in rest)]
        if cleaned != texts:
            batch.execute(change, (*cleaned, n))
    return rows[-1][0] if rows else None


def _clients(batch: Batch, below: int) -> None:
    for key_id, client, *seen in batch.execute("SELECT * FROM key_client").fetchall():
        cleaned = clean(client, DOOR_LIMIT) or ""
        if cleaned != client:
            batch.execute(
                f"DELETE FROM key_client WHERE {_at(('key_id', 'client'))}", (_stored(key_id), _stored(client))
            )
            upsert(batch.connection, USED, [(key_id, cleaned, *seen)])


_OTHERS: Mapping[str, Callable[[Batch, int], int | None]] = {"request": _requests, "key_client": _clients}


def _sums(batch: Batch, table: str, below: int) -> int | None:
    """Those of the newest day that is left."""
    sums = _SUMS[table]
    unit = sums.unit
    among: list[tuple[str, tuple[str, ...]]] = [("part = ? AND ", (part,)) for part in sums.parts] or [("", ())]
    newest = f"SELECT max({unit}) FROM {table} WHERE {{}}{unit} < ?"
    lasts = [batch.execute(newest.format(where), (*part, below)).fetchone()[0] for where, part in among]
    last: int | None = max((at for at in lasts if at is not None), default=None)
    if last is None:
        return None
    low = last - last % _AT_ONCE[unit]
    for where, part in among:
        found = f"SELECT * FROM {table} WHERE {where}{unit} >= ? AND {unit} < ?"
        for row in batch.execute(found, (*part, low, below)).fetchall():
            _sum(batch, table, sums, row)
    return low


def _sum(batch: Batch, table: str, sums: _Sums, row: Sequence[Any]) -> None:
    cleaned = list(row)
    cleaned[sums.names] = [clean(text, DOOR_LIMIT) or "" for text in row[sums.names]]
    if cleaned != list(row):
        place = [_stored(value) for value in row[: len(sums.place)]]
        batch.execute(f"DELETE FROM {table} WHERE {_at(sums.place)}", place)
        upsert(batch.connection, sums.into, [cleaned])
