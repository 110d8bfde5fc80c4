"""The same questions as `reads.page` and `reads.changed`, answered by column (core.columnar): no record is made on the way."""

from __future__ import annotations

import sqlite3
import sys
from array import array
from collections.abc import Sequence
from typing import Any

from joytui.core.columnar import COUNTS, SOURCES, SPANS, TEXTS, Block, coded, hundredths, narrow
from joytui.core.filters import Term
from joytui.core.packed_ids import own_ids, pack
from joytui.ledger.records import Page
from joytui.ledger.sqlite import reads

_COLUMNS = [name.strip().partition(".")[2] for name in reads.COLUMNS.split(",")]
_PLACES = {("key" if name == "name" else name): place for place, name in enumerate(_COLUMNS)}


def page(connection: sqlite3.Connection, asked: Page) -> Block:
    """The rows, oldest first (a page of rows stands the other way round)."""
    rows = reads.page_rows(connection, asked).fetchall()
    rows.reverse()
    return block_of(rows)


def changed(connection: sqlite3.Connection, after: int, term: Term | None, limit: int) -> Block:
    """Rows that changed after a sequence number, oldest change first."""
    return block_of(reads.changed_rows(connection, after, term, limit).fetchall())


def block_of(rows: Sequence[tuple[Any, ...]]) -> Block:
    """Rows of `reads.COLUMNS` as a block."""
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * len(_COLUMNS)

    def column(name: str) -> Sequence[Any]:
        return columns[_PLACES[name]]

    numbers = {name: narrow(column(name)) for name in (*COUNTS, "cost_nano", "stream")}
    numbers["time"] = narrow(column("started_at"))
    numbers["status"] = narrow([status or 0 for status in column("status")])
    numbers["cost_source"] = narrow([SOURCES.index(source) for source in column("cost_source")])
    for name in SPANS:
        numbers[name] = narrow([hundredths(ms) for ms in column(f"{name}_ms")])
    given, upstream = list(column("request_id")), list(column("upstream_id"))
    ids = {
        "id": own_ids(_highest_first(column("n")), len(rows)),
        "request_id": pack(given) or given,
        "upstream_id": pack(upstream) or upstream,
    }
    return Block(len(rows), max(column("seq"), default=0), numbers, {name: coded(column(name)) for name in TEXTS}, ids)


def _highest_first(numbers: Sequence[int]) -> bytes:
    found = array("Q", numbers)
    if sys.byteorder == "little":
        found.byteswap()
    return found.tobytes()
