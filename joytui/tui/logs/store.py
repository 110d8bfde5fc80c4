"""The requests that the console knows, in columns. No textual here: what draws them reads `version` and the columns.

A request comes when it is admitted (status None) and again when it ended; the later row replaces the earlier in place.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from joytui.core.clock import rfc3339
from joytui.core.money import parse_credits
from joytui.core.records import RequestRecord
from joytui.tui.logs.columns import Interned, Texts

RUNNING = 0
REMEMBERED = 4096
_SOURCES = ("none", "estimated", "upstream")

INTERNED = (
    "key", "key_id", "model", "model_used", "provider", "tier", "endpoint", "error_type", "error_message", "cause",
    "thread_id", "client", "ip", "notes",
)  # fmt: skip
UNIQUE = ("id", "request_id", "upstream_id")
COUNTS = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens")


class LogStore:
    """Columns by name in `text` (interned), `unique` and `count`; times are epoch milliseconds, NaN-free: -1 is None."""

    def __init__(self) -> None:
        self.version = 0
        self.older: str | None = None
        self.time = array("q")
        self.status = array("h")
        self.cost = array("q")
        self.source = array("B")
        self.ttft = array("f")
        self.latency = array("f")
        self.stream = array("B")
        self.text = {name: Interned() for name in INTERNED}
        self.unique = {name: Texts() for name in UNIQUE}
        self.count = {name: array("q") for name in COUNTS}
        self.errors = 0
        self._place: dict[str, int] = {}
        self.changed: set[int] = set()

    def __len__(self) -> int:
        return len(self.time)

    def append(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Rows as they come over the wire (`RequestView`'s plain data), oldest first."""
        for row in rows:
            place = self._place.get(row["id"])
            if place is None:
                self._add(row)
            else:
                self._replace(place, row)
        self.version += 1
        self._forget()

    def append_records(self, records: Iterable[RequestRecord]) -> None:
        """The same for records."""
        from joytui.core.wire import request_view

        self.append(request_view(record) for record in records)

    def prepend_records(self, records: Sequence[RequestRecord]) -> int:
        """Older requests, oldest first, before all others; returns how many were not here yet."""
        fresh = [r for r in records if r.id not in self._place]
        if not fresh:
            return 0
        front = LogStore()
        front.append_records(fresh)
        front.append_columns(self)
        shift = len(fresh)
        places = {name: place + shift for name, place in self._place.items()}
        for name in ("time", "status", "cost", "source", "ttft", "latency", "stream", "text", "unique", "count"):
            setattr(self, name, getattr(front, name))
        self.errors = front.errors
        self._place = {**front._place, **places}
        self.changed = {row + shift for row in self.changed}
        self.version += 1
        return shift

    def append_columns(self, other: LogStore) -> None:
        """All rows of another store behind these, column by column."""
        for name in ("time", "status", "cost", "source", "ttft", "latency", "stream"):
            getattr(self, name).extend(getattr(other, name))
        for name, column in self.text.items():
            column.extend(other.text[name])
        for name, texts in self.unique.items():
            texts.extend(other.unique[name])
        for name, numbers in self.count.items():
            numbers.extend(other.count[name])
        self.errors += other.errors

    def _add(self, row: Mapping[str, Any]) -> None:
        place = len(self.time)
        self._place[row["id"]] = place
        status = row.get("status")
        self.time.append(milliseconds(row["time"]))
        self.status.append(status or RUNNING)
        self.errors += (status or 0) >= 400
        self.cost.append(_nano(row.get("cost_credits")))
        self.source.append(_source(row.get("cost_source")))
        self.ttft.append(_ms(row.get("ttft_ms")))
        self.latency.append(_ms(row.get("latency_ms")))
        self.stream.append(bool(row.get("stream")))
        for name, column in self.text.items():
            column.append(row.get(name))
        for name, texts in self.unique.items():
            texts.append(row.get(name))
        for name, numbers in self.count.items():
            numbers.append(row.get(name) or 0)

    def _replace(self, place: int, row: Mapping[str, Any]) -> None:
        status = row.get("status") or RUNNING
        self.errors += (status >= 400) - (self.status[place] >= 400)
        self.status[place] = status
        self.cost[place] = _nano(row.get("cost_credits"))
        self.source[place] = _source(row.get("cost_source"))
        self.ttft[place] = _ms(row.get("ttft_ms"))
        self.latency[place] = _ms(row.get("latency_ms"))
        for name, column in self.text.items():
            column.set(place, row.get(name))
        for name, texts in self.unique.items():
            texts.set(place, row.get(name))
        for name, numbers in self.count.items():
            numbers[place] = row.get(name) or 0
        self.changed.add(place)

    def _forget(self) -> None:
        """Ids of rows that have ended long ago need no place any more: they will not come again."""
        if len(self._place) <= 2 * REMEMBERED:
            return
        floor = len(self.time) - REMEMBERED
        self._place = {
            name: place for name, place in self._place.items() if place >= floor or self.status[place] == RUNNING
        }

    def record(self, row: int) -> RequestRecord:
        """One row as a record, times with milliseconds."""
        text = {name: column.get(row) for name, column in self.text.items()}
        unique = {name: texts.get(row) for name, texts in self.unique.items()}
        counts = {name: numbers[row] for name, numbers in self.count.items()}
        values: dict[str, Any] = {**text, **unique, **counts}
        return RequestRecord(
            time=rfc3339(datetime.fromtimestamp(self.time[row] / 1000, UTC)),
            status=self.status[row] or None,
            cost_nano=self.cost[row],
            cost_source=_SOURCES[self.source[row]],  # type: ignore[arg-type]
            ttft_ms=_none(self.ttft[row]),
            latency_ms=_none(self.latency[row]),
            stream=bool(self.stream[row]),
            **values,
        )

    def find(self, request_id: str) -> int | None:
        """The newest row with this own, client's or upstream's id."""
        for row in range(len(self) - 1, -1, -1):
            if any(texts.get(row) == request_id for texts in self.unique.values()):
                return row
        return None


def milliseconds(text: str) -> int:
    """Epoch milliseconds of an RFC 3339 time; 0 for what is none."""
    try:
        return round(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        return 0


def _ms(value: float | None) -> float:
    return -1.0 if value is None else float(value)


def _none(value: float) -> float | None:
    return None if value < 0 else round(value, 1)


def _nano(text: str | None) -> int:
    if not text or text == "0":
        return 0
    try:
        return parse_credits(text)
    except ValueError:
        return 0


def _source(name: str | None) -> int:
    return _SOURCES.index(name) if name in _SOURCES else 0
