"""The same questions as `reads.page` and `reads.changed`, answered by column (core.columnar): no record is made on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from joytui.core.columnar import IDS, NUMBERS, TEXTS, Block, IdColumn, coded, narrow, sources, spans, statuses, tallies
from joytui.core.filters import Term
from joytui.core.request import Kind
from joytui.ledger.records import Page
from joytui.ledger.sql import reads
from joytui.ledger.sql.connection import Connection

_NUMBERED: dict[Kind, Callable[[Sequence[Any]], Sequence[int]]] = {
    "status": statuses,
    "number": tallies,
    "source": sources,
    "span": spans,
}
"""What is in the table, as the numbers of a block; the other kinds are these."""


def page(connection: Connection, asked: Page) -> Block:
    """The rows, oldest first (a page of rows stands the other way round)."""
    rows = reads.page_rows(connection, asked).fetchall()
    rows.reverse()
    return block_of(rows)


def changed(connection: Connection, after: int, term: Term | None, limit: int) -> Block:
    """Rows that changed after a sequence number, oldest change first."""
    return block_of(reads.changed_rows(connection, after, term, limit).fetchall())


def block_of(rows: Sequence[tuple[Any, ...]]) -> Block:
    """Rows of `reads.COLUMNS` as a block."""
    columns: dict[str, Sequence[Any]] = dict.fromkeys(reads.COLUMNS, ())
    if rows:
        columns = dict(zip(reads.COLUMNS, zip(*rows, strict=True), strict=True))
    numbers = {name: narrow(_NUMBERED.get(kind, tuple)(columns[name])) for name, kind in NUMBERS.items()}
    columns["labels"] = [*map(reads.labels, columns["labels"])]
    texts = {name: coded(columns[name]) for name in TEXTS}
    ids: dict[str, IdColumn] = {name: list(columns[name]) for name in IDS}
    ids["id"] = [*map(reads.own_id, columns["id"], columns["source"], columns["thread_id"])]
    return Block(len(rows), max(columns["seq"], default=0), numbers, texts, ids)
