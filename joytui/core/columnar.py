"""Requests by column: what the gateway sends to consoles that ask for it (`form=columns`), and what their log is made of.

A tenth of the rows' work on both sides: texts that repeat are numbered, and numbers are arrays. As JSON:

    {"columns": {"rows": N, "seq": the newest sequence,
                 "time" | "status" | "input_tokens" | …: {"B" | "H" | "I" | "Q": base64},
                 "key" | "model" | …: {"values": [text | null, …], "B" | "H" | "I": base64 of the place in values},
                 "id" | "request_id" | "upstream_id": [text | null, …]}}

Arrays are unsigned and little-endian, of 1, 2, 4 or 8 bytes each. `time` is in milliseconds since 1970, `cost_nano` in
nano-credits, `status` 0 for none (while it runs), `attempts` 0 for none, lists one text with commas, `cost_source` a place in SOURCES. Spans are named without their "_ms" and are in
hundredths of a millisecond and one more, 0 for none. A `request_id` that is null is the own id. The array of a text may be left
out where there is one value. Older gateways send ids as their bytes, {"prefix", "size", "kind": "hex" | "uuid", "data": base64,
"none": [row, …]}; that form is still read.
"""

from __future__ import annotations

import json
import sys
from array import array
from binascii import Error as BadBase64
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from joytui.core.money import NANO_PER_CREDIT, parse_credits
from joytui.core.request import FIELDS, Kind, joined, names

TEXTS = names("text", "list")
LISTS = names("list")
IDS = names("id")
NUMBERS: dict[str, Kind] = {field.name: field.kind for field in FIELDS if field.kind not in ("text", "list", "id")}
SOURCES = ("none", "estimated", "upstream")
MOST_ROWS = 100_000
LIMITS = {"B": 1 << 8, "H": 1 << 16, "I": 1 << 32, "Q": 1 << 64}
_NAMES = tuple(field.name for field in FIELDS)
_MEMBERS = tuple(field.member for field in FIELDS)
_members = itemgetter(*_MEMBERS)
IdColumn = list[str | None]
_TEXT = {str, type(None)}


class Coded(NamedTuple):
    """A column of texts of which few differ: for each row a place in `values`."""

    values: list[str | None]
    codes: array[int]


@dataclass(frozen=True, slots=True)
class Block:
    """`rows` requests, oldest change first, by the names of their fields. `seq`: where to continue after it."""

    rows: int
    seq: int
    numbers: Mapping[str, array[int]]
    texts: Mapping[str, Coded]
    ids: Mapping[str, IdColumn]

    def keys(self) -> list[str]:
        """The own ids, by which the rows are known."""
        return [own or "" for own in self.ids["id"]]

    def take(self, rows: Sequence[int]) -> Block:
        """Some of the rows, in that order."""
        return Block(
            len(rows),
            self.seq,
            {name: array(numbers.typecode, [numbers[row] for row in rows]) for name, numbers in self.numbers.items()},
            {
                name: Coded(values, array(codes.typecode, [codes[row] for row in rows]))
                for name, (values, codes) in self.texts.items()
            },
            {name: [ids[row] for row in rows] for name, ids in self.ids.items()},
        )


def narrow(numbers: Sequence[int]) -> array[int]:
    """As an array of the narrowest kind. Raises ValueError if a number is negative or too large."""
    top = max(numbers, default=0)
    for kind, limit in LIMITS.items():
        if top < limit:
            try:
                return array(kind, numbers)
            except (OverflowError, TypeError) as error:
                raise ValueError(str(error)) from None
    raise ValueError(f"{top} is too large")


def coded(values: Sequence[str | None]) -> Coded:
    """Texts by number. Raises ValueError if something else is among them."""
    try:
        places = {value: place for place, value in enumerate(dict.fromkeys(values))}
    except TypeError as error:
        raise ValueError(str(error)) from None
    _check_texts(places)
    codes = bytes(len(values)) if len(places) == 1 else [places[value] for value in values]
    return Coded(list(places), array("B", codes) if isinstance(codes, bytes) else narrow(codes))


def _check_texts(values: Iterable[Any]) -> None:
    if not {*map(type, values)} <= _TEXT:
        raise ValueError("a text is none")


# --- from rows --------------------------------------------------------------------------------------------------------


def block_of(rows: Sequence[Mapping[str, Any]]) -> Block:
    """From RequestViews as plain data. Raises ValueError if they are none."""
    try:
        columns: dict[str, Sequence[Any]] = dict.fromkeys(_NAMES, ())
        if rows:
            columns = dict(zip(_NAMES, zip(*map(_members_of, rows), strict=True), strict=True))
        seq = max((row.get("seq") or 0 for row in rows), default=0)
        return _built(len(rows), seq, columns)
    except (TypeError, AttributeError) as error:
        raise ValueError(f"no request: {error}") from None


def _members_of(row: Mapping[str, Any]) -> tuple[Any, ...]:
    try:
        found: tuple[Any, ...] = _members(row)
        return found
    except KeyError:
        return tuple(row.get(name) for name in _MEMBERS)


def _built(rows: int, seq: int, columns: Mapping[str, Sequence[Any]]) -> Block:
    numbers = {name: narrow(_NUMBERED[kind](columns[name])) for name, kind in NUMBERS.items()}
    own = list(columns["id"])
    if not all(isinstance(value, str) and value for value in own):
        raise ValueError("a request without an id")
    given = [None if value == mine else value for mine, value in zip(own, columns["request_id"], strict=True)]
    upstream = list(columns["upstream_id"])
    _check_texts(given)
    _check_texts(upstream)
    ids: dict[str, IdColumn] = {"id": own, "request_id": given, "upstream_id": upstream}
    texts = {name: coded(columns[name] if name not in LISTS else _lists(columns[name])) for name in TEXTS}
    return Block(rows, seq, numbers, texts, ids)


def _lists(values: Iterable[Sequence[str] | None]) -> list[str | None]:
    return [joined(words or ()) for words in values]


def hundredths(ms: float | None) -> int:
    """Milliseconds as hundredths and one more; 0 for none."""
    if ms is None or not ms >= 0:
        return 0
    return min(round(ms * 100) + 1, LIMITS["I"])


def _times(texts: Iterable[str]) -> list[int]:
    """Epoch milliseconds; most rows of a batch share their second."""
    times = []
    head, base = "", 0
    for text in texts:
        if len(text) != 24 or text[19] != "." or text[23] != "Z":
            times.append(milliseconds(text))
            continue
        if text[:19] != head:
            head, base = text[:19], milliseconds(text[:19] + "Z")
        times.append(base + int(text[20:23]))
    return times


def milliseconds(text: str) -> int:
    """Epoch milliseconds of an RFC 3339 time; 0 for what is none."""
    try:
        return max(0, round(datetime.fromisoformat(text).timestamp() * 1000))
    except (ValueError, OverflowError):
        return 0


def _nano(text: str | None) -> int:
    if not text or text == "0":
        return 0
    whole, _, decimals = text.partition(".")
    if len(decimals) <= 9 and len(whole) <= 9 and whole.isdecimal() and decimals.isdecimal() and text.isascii():
        return int(whole) * NANO_PER_CREDIT + int(decimals.ljust(9, "0"))
    try:
        return max(0, parse_credits(text))
    except ValueError:
        return 0


def tallies(values: Iterable[int | None]) -> list[int]:
    return [max(0, number or 0) for number in values]


def statuses(values: Iterable[int | None]) -> list[int]:
    return [status or 0 for status in values]


def sources(values: Iterable[str | None]) -> list[int]:
    return [SOURCES.index(name) if name in SOURCES else 0 for name in values]


def spans(values: Iterable[float | None]) -> list[int]:
    return [hundredths(ms) for ms in values]


_NUMBERED: dict[Kind, Callable[[Sequence[Any]], list[int]]] = {
    "time": _times,
    "status": statuses,
    "count": tallies,
    "number": tallies,
    "cost": lambda values: [_nano(text) for text in values],
    "source": sources,
    "span": spans,
    "flag": lambda values: [1 if value else 0 for value in values],
}
"""What is in RequestViews, as the numbers of a block."""


# --- over the wire ----------------------------------------------------------------------------------------------------


def to_json(block: Block, **more: Any) -> str:
    """The JSON of a block, with more fields beside "columns"."""
    columns: dict[str, Any] = {"rows": block.rows, "seq": block.seq}
    for name, numbers in block.numbers.items():
        columns[_member(name)] = _array(numbers)
    for name, (values, codes) in block.texts.items():
        columns[name] = {"values": values, **(_array(codes) if len(values) > 1 else {})}
    columns.update(block.ids)
    return json.dumps({"columns": columns, **more}, ensure_ascii=False, separators=(",", ":"))


def _member(name: str) -> str:
    """The name of a field's column in JSON."""
    return name.removesuffix("_ms")


def _array(numbers: array[int]) -> dict[str, str]:
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return {numbers.typecode: _base64(numbers.tobytes())}


def _base64(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode()


def from_json(data: Any) -> Block:
    """A block from what is in "columns". Raises ValueError if it does not hold: columns of other lengths, places that
    are not there, other kinds of values. Columns that are missing are empty, others are left out."""
    try:
        rows, seq = int(data["rows"]), int(data["seq"])
        if not 0 <= rows <= MOST_ROWS:
            raise ValueError("too many rows")
        zeros, none = _base64(bytes(rows)), {"values": [None]}
        return Block(
            rows,
            seq,
            {name: _numbers(data.get(_member(name), {"B": zeros}), rows) for name in NUMBERS},
            {name: _texts(data.get(name, none), rows) for name in TEXTS},
            {name: _id_column(data.get(name, [None] * rows), rows, needed=name == "id") for name in IDS},
        )
    except (LookupError, TypeError, AttributeError, OverflowError, BadBase64) as error:
        raise ValueError(f"no columns of requests: {error!r}") from None


def _numbers(column: Mapping[str, Any], rows: int) -> array[int]:
    for kind in LIMITS:
        if kind in column:
            numbers = array(kind, a2b_base64(column[kind], strict_mode=True))
            if sys.byteorder == "big":
                numbers.byteswap()
            if len(numbers) != rows:
                raise ValueError("a column has another length")
            return numbers
    raise ValueError("a column without an array")


def _texts(column: Mapping[str, Any], rows: int) -> Coded:
    values = column["values"]
    if not isinstance(values, list) or (rows and not values):
        raise ValueError("texts without values")
    _check_texts(values)
    if len(values) <= 1:
        return Coded(values, array("B", bytes(rows)))
    codes = _numbers(column, rows)
    if max(codes, default=0) >= len(values):
        raise ValueError("a place that is not there")
    return Coded(values, codes)


def _id_column(column: Any, rows: int, *, needed: bool) -> IdColumn:
    ids: IdColumn = column if isinstance(column, list) else _unpacked(column, rows)
    _check_texts(ids)
    if len(ids) != rows or (needed and not all(ids)):
        raise ValueError("ids are missing")
    return ids


def _unpacked(column: Mapping[str, Any], rows: int) -> IdColumn:
    """Ids as older gateways send them: the bytes behind their hexadecimal digits, `size` for each."""
    prefix, size, kind = str(column["prefix"]), int(column["size"]), column["kind"]
    data = a2b_base64(column["data"], strict_mode=True)
    if kind not in ("hex", "uuid") or size <= 0 or len(data) != rows * size or (kind == "uuid" and size != 16):
        raise ValueError("ids of another length")
    parts = [data[row * size : row * size + size] for row in range(rows)]
    ids: IdColumn = [str(UUID(bytes=part)) if kind == "uuid" else prefix + part.hex() for part in parts]
    for row in column.get("none", ()):
        ids[row] = None
    return ids
