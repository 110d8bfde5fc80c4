"""Reading request rows: pages by number (key-set paging, so page 1,000 costs what page 1 costs), one row, and the tail."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from joytui.core.clock import rfc3339
from joytui.core.filters import Term
from joytui.core.request import (
    FIELDS,
    TELEMETRY,
    RequestRecord,
    joined,
    names,
    parted,
    request_id,
    request_number,
    told_id,
)
from joytui.ledger.records import Entry, Page, TurnCost
from joytui.ledger.sql.connection import Connection, Rows
from joytui.ledger.sql.filters import EXPRESSIONS, FROM, to_sql

COLUMNS = (*(field.name for field in FIELDS), "seq")
"""What is read of a request: its fields, in their order, and the number of its last change."""
_STORED = {**EXPRESSIONS, "id": "r.n", "time": "r.started_at", "request_id": "r.request_id"}
SELECT = "SELECT " + ", ".join(_STORED.get(name, f"r.{name}") for name in COLUMNS)
_ID, _TIME, _REQUEST_ID, _THREAD, _SOURCE = map(COLUMNS.index, ("id", "time", "request_id", "thread_id", "source"))
_FLAGS = [COLUMNS.index(name) for name in names("flag")]
_LISTS = [COLUMNS.index(name) for name in names("list")]
_LABELS = COLUMNS.index("labels")


def own_id(number: int, source: str, thread: str | None) -> str:
    """The id of a row."""
    return told_id(thread or "", number) if source == TELEMETRY else request_id(number)


@lru_cache(maxsize=1024)
def labels(stored: str | None) -> str | None:
    """A key's labels as one text; None for a request without a key."""
    return joined(json.loads(stored)) if stored else None


def record(row: tuple[Any, ...]) -> Entry:
    """A row of COLUMNS as (sequence, record)."""
    *values, seq = row
    own = own_id(values[_ID], values[_SOURCE], values[_THREAD])
    values[_ID] = own
    values[_TIME] = rfc3339(datetime.fromtimestamp(values[_TIME] / 1000, UTC))
    values[_REQUEST_ID] = values[_REQUEST_ID] or own
    for flag in _FLAGS:
        values[flag] = bool(values[flag])
    values[_LABELS] = labels(values[_LABELS])
    for place in _LISTS:
        values[place] = parted(values[place])
    return seq, RequestRecord(*values)


def page(connection: Connection, asked: Page) -> list[Entry]:
    """The rows, newest first."""
    return [record(row) for row in page_rows(connection, asked)]


def page_rows(connection: Connection, asked: Page) -> Rows:
    """The same as rows of COLUMNS."""
    conditions, values = _conditions(asked.term)
    for edge, condition in (
        (asked.since, "r.started_at >= ?"),
        (asked.until, "r.started_at < ?"),
        (asked.before, "r.n < ?"),
        (asked.after, "r.n > ?"),
    ):
        if edge is not None:
            conditions.append(condition)
            values.append(edge)
    return connection.execute(
        f"{SELECT} {FROM} WHERE {' AND '.join(conditions)} ORDER BY r.n DESC LIMIT ?",
        (*values, asked.limit),
    )


def find(connection: Connection, text: str) -> Entry | None:
    """The request with this id of ours; else the newest with this id of the client's (X-Request-ID), else of the upstream's.

    A client's id may look like one of ours: it is, where another joytui relays to this one.
    """
    number = request_number(text)
    own = _newest(connection, "r.n = ?", number) if number is not None else None
    return own or _newest(connection, "r.request_id = ?", text) or _newest(connection, "r.upstream_id = ?", text)


def has_any(connection: Connection, numbers: Sequence[int]) -> bool:
    """Whether one of these requests is there."""
    marks = ", ".join("?" * len(numbers))
    return connection.execute(_ANY.format(marks), numbers).fetchone() is not None


_ANY = "SELECT 1 FROM request WHERE n IN ({}) LIMIT 1"


def _newest(connection: Connection, where: str, value: str | int) -> Entry | None:
    row = connection.execute(
        f"{SELECT} {FROM} WHERE {where} ORDER BY r.n DESC LIMIT 1",
        (value,),
    ).fetchone()
    return record(row) if row else None


def changed(connection: Connection, after: int, term: Term | None, limit: int) -> list[Entry]:
    """Rows that changed after a sequence number, oldest change first."""
    return [record(row) for row in changed_rows(connection, after, term, limit)]


def changed_rows(connection: Connection, after: int, term: Term | None, limit: int) -> Rows:
    """The same as rows of COLUMNS."""
    conditions, values = _conditions(term)
    return connection.execute(
        f"{SELECT} {FROM} WHERE r.seq > ? AND {' AND '.join(conditions)} ORDER BY r.seq LIMIT ?",
        (after, *values, limit),
    )


def last_seq(connection: Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(seq), 0) FROM request").fetchone()[0])


def last_number(connection: Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(n), 0) FROM request").fetchone()[0])


def running(connection: Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM request WHERE status IS NULL").fetchone()[0])


def counted(connection: Connection) -> int:
    """All requests ever, also those that retention took."""
    return int(connection.execute(_COUNTED).fetchone()[0])


_COUNTED = "SELECT coalesce(sum(requests), 0) FROM part_day WHERE part IN ('route', 'doctor', 'telemetry')"
"""Each request is in one of these parts, and `route` has the fewest rows of those that have them all."""


def turn_costs(connection: Connection, key_id: str, turn_ids: Collection[str]) -> list[TurnCost]:
    """The sums of each turn that this key has requests of."""
    marks = ", ".join("?" * len(turn_ids))
    return [TurnCost(*row) for row in connection.execute(_TURN_COSTS.format(marks), (key_id, *turn_ids))]


_TURN_COSTS = """
    SELECT turn_id, sum(cost_nano), sum(CASE WHEN status IS NULL THEN 1 ELSE 0 END),
        sum(CASE WHEN status < 400 THEN 1 ELSE 0 END),
        sum(CASE WHEN status < 400 AND cost_source = 'none' AND input_tokens + output_tokens > 0 THEN 1 ELSE 0 END)
    FROM request WHERE key_id = ? AND turn_id IN ({}) GROUP BY turn_id
"""


def _conditions(term: Term | None) -> tuple[list[str], list[Any]]:
    if term is None:
        return ["TRUE"], []
    text, values = to_sql(term)
    return [text], values
