"""The table of a request's fields, and whatever is made from it: a part that misses a field fails with that field's name."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import fields
from datetime import UTC
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from joytui.cli.request_view import as_json, describe
from joytui.client.stream import record_of
from joytui.core import columnar
from joytui.core.filters import BY_CODE, NumberOperator, TextOperator
from joytui.core.request import FIELDS, SHARED_TERMS, Field, Kind, RequestRecord, names
from joytui.core.request_lines import request_view
from joytui.core.wire import RequestView
from joytui.doctor.bundle.gather import _RECORD_FIELDS
from joytui.ledger.sqlite.schema import migrate
from joytui.tui.logs.detail_text import detail
from joytui.tui.logs.store import LogStore
from tests.support.clock import NOW

TYPES: dict[Kind, set[Any]] = {
    "id": {str, NoneType}, "time": {str}, "text": {str, NoneType}, "list": {str, ...}, "status": {int, NoneType}, "count": {int},
    "number": {int, NoneType}, "cost": {int},
    "source": {"upstream", "estimated", "none"}, "span": {float, NoneType}, "flag": {bool},
}  # fmt: skip
STORED: dict[Kind, str] = {
    "id": "TEXT", "text": "TEXT", "list": "TEXT", "number": "INTEGER", "status": "INTEGER", "count": "INTEGER", "cost": "INTEGER", "source": "TEXT", "span": "REAL",
    "flag": "INTEGER",
}  # fmt: skip
JOINED = ("id", "time", "key", "owner", "team", "labels", "branch")
"""What the store has no column of this name for: it is reckoned, or stands in another table."""


def sample(place: int, field: Field) -> Any:
    """A value that no other field has."""
    values: dict[Kind, Any] = {
        "id": f"req-{place:016x}", "time": "2026-11-23T14:05:13.680Z", "text": f"the {field.name}", "status": 418,
        "list": ("gateway", "telemetry"), "number": 3, "count": 1_000 + place, "cost": 5_000_000_000 + place, "source": "upstream", "span": 100.25 + place, "flag": True,
    }  # fmt: skip
    return values[field.kind]


FULL = RequestRecord(**{field.name: sample(place, field) for place, field in enumerate(FIELDS, 1)})


def test_the_table_and_the_record_say_the_same() -> None:
    listed, held = [field.name for field in FIELDS], [field.name for field in fields(RequestRecord)]
    assert set(listed) ^ set(held) == set(), "in FIELDS or in RequestRecord alone"
    assert listed == held
    types = get_type_hints(RequestRecord)
    for field in FIELDS:
        own = types[field.name]
        parts = {own} if not get_args(own) else set(get_args(own))
        assert get_origin(own) is not Literal or field.kind == "source", field.name
        assert parts <= TYPES[field.kind], field.name


def test_it_crosses_the_wire_whole() -> None:
    assert record_of(json.loads(json.dumps(request_view(FULL, 7)))) == FULL
    assert request_view(FULL, 7).keys() ^ RequestView.model_fields.keys() == set()
    assert list(request_view(FULL, 7)) == list(RequestView.model_fields)
    assert RequestView.model_validate(request_view(FULL, 7)).model_dump() == request_view(FULL, 7)
    assert RequestView.model_fields["seq"].default == 0
    needed = {name for name, member in RequestView.model_fields.items() if member.is_required()}
    assert needed == {"id", "time", "endpoint", "request_id"}


def test_it_stands_in_columns_whole() -> None:
    block = columnar.block_of([request_view(FULL)])
    assert sorted([*block.numbers, *block.texts, *block.ids]) == sorted(field.name for field in FIELDS)
    store = LogStore()
    store.append_block(columnar.from_json(json.loads(columnar.to_json(block))["columns"]))
    assert store.record(0) == FULL
    assert len({columnar._member(field.name) for field in FIELDS}) == len(FIELDS)


@pytest.mark.parametrize("field", [field for field in FIELDS if field.name not in JOINED], ids=lambda field: field.name)
def test_the_store_has_a_column_for(field: Field) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, ":memory:")
    columns = {name: type for _, name, type, *_ in connection.execute("PRAGMA table_info(request)")}
    assert columns.get(field.name) == STORED[field.kind]


def test_a_term_of_the_filter_looks_into_its_fields() -> None:
    for field in FIELDS:
        for code in field.terms:
            operator = BY_CODE[code]
            assert isinstance(operator, TextOperator if field.kind in ("id", "text", "list") else NumberOperator), code
            assert field.name in operator.columns, code
    codes = [code for field in FIELDS for code in field.terms]
    assert {code for code in codes if codes.count(code) > 1} <= set(SHARED_TERMS) <= set(codes)
    assert {code for field in FIELDS for code in field.terms if code in SHARED_TERMS} == set(SHARED_TERMS)


def test_the_log_lists_what_the_table_says() -> None:
    shown = as_json(FULL)
    assert [*shown] == [
        *(field.member for field in FIELDS if field.listed == "always"),
        *(field.member for field in FIELDS if field.listed == "if any"),
    ]


def test_one_request_is_shown_with_all_that_has_a_label() -> None:
    page, pane = describe(FULL), detail(FULL, width=100, now=NOW, zone=UTC).plain
    for field in FIELDS:
        if field.label:
            assert str(getattr(FULL, field.name)) in page, field.name
            assert field.label in pane, field.name
            assert str(getattr(FULL, field.name)) in pane, field.name


def test_a_bundle_names_fields_that_there_are() -> None:
    assert set(_RECORD_FIELDS) <= {field.name for field in FIELDS}


def test_fields_by_their_kind() -> None:
    assert names("count") == ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens")
    assert sorted(name for kind in TYPES for name in names(kind)) == sorted(field.name for field in FIELDS)
