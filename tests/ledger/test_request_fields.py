"""What is written of a request is read again, by row and by column, field by field."""

from __future__ import annotations

from typing import Any

from joytui.core.request import FIELDS, Ended, Kind, Opened, request_id
from joytui.ledger.records import Page
from joytui.ledger.sql import blocks, reads
from joytui.ledger.sqlite.engine import SqliteLedger
from joytui.tui.logs.store import LogStore
from tests.ledger.filling import START, add, new_key

BEFORE: dict[str, Any] = {
    "id": None, "time": "2026-11-23T00:00:00.000Z", "key": "dev", "owner": "Ada", "labels": ("web", "night"), "branch": None, "team": None,
    "source": "gateway", "sources": ("gateway",), "attempts": 1, "differs": None,
}  # fmt: skip
"""What is not written with the request."""
VALUES: dict[Kind, Any] = {"status": 418, "source": "upstream", "flag": True}


def test_every_field_is_written_and_read(ledger: SqliteLedger) -> None:
    key = new_key(ledger, "dev", "Ada", ("web", "night"))
    written = {
        field.name: VALUES.get(field.kind) or (f"the {field.name}" if field.kind in ("text", "id") else place + 0.25 * (field.kind == "span"))
        for place, field in enumerate(FIELDS, 1)
        if field.name not in BEFORE
    }  # fmt: skip
    written["key_id"] = key.id
    unknown = [name for name in written if name not in {*Opened._fields, *Ended._fields}]
    assert unknown == [], "neither at a request's beginning nor at its end"
    number = add(ledger, START, key, **{name: value for name, value in written.items() if name != "key_id"})
    ledger.write_now(lambda batch: None)
    wanted = {**BEFORE, **written, "id": request_id(number)}
    [(_, record)] = ledger.read_now(reads.page, Page(10))
    assert {field.name: getattr(record, field.name) for field in FIELDS} == wanted
    store = LogStore()
    store.append_block(ledger.read_now(blocks.page, Page(10)))
    assert store.record(0) == record
