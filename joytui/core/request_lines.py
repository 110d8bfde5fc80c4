"""A request for other programs: as it is on the wire, the line of `joytui logs --json` (its members are frozen), and the row of
`joytui logs --csv`."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Any

from joytui.core.money import format_credits
from joytui.core.request import FIELDS, RequestRecord, joined, names
from joytui.core.sheet import Sheet

LISTS = names("list")
CSV_HEAD = tuple(field.member for field in FIELDS if field.listed != "never")


_of_record = attrgetter(*(field.name for field in FIELDS))
_MEMBERS = tuple(field.member for field in FIELDS)


def request_view(record: RequestRecord, seq: int = 0) -> dict[str, Any]:
    """A record as one line of the logs' JSON (a plain dict: no validation on the hot path)."""
    data = {"seq": seq, **dict(zip(_MEMBERS, _of_record(record), strict=True))}
    data["cost_credits"] = format_credits(record.cost_nano)
    data |= {name: list(getattr(record, name)) for name in LISTS}
    return data


def as_json(record: RequestRecord) -> dict[str, Any]:
    """The contract's fields, in its order; after them those that are listed where there are any."""
    data = request_view(record)
    shown = {field.member: data[field.member] for field in FIELDS if field.listed == "always"}
    more = {field.member: data[field.member] for field in FIELDS if field.listed == "if any"}
    return shown | {name: value for name, value in more.items() if value}


def request_sheet(records: Iterable[RequestRecord]) -> Sheet:
    """All listed fields of each request, in the order of the JSON; empty if there is nothing, a list with commas."""
    views = ({**view, **{name: joined(view[name]) for name in LISTS}} for view in map(request_view, records))
    return Sheet(CSV_HEAD, [[view[name] for name in CSV_HEAD] for view in views])
