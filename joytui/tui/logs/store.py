"""The requests that the console knows, in columns. No textual here: what draws them reads `version` and the columns.

A request comes when it is admitted (status 0) and again when it ended; the later row replaces the earlier in place.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from joytui.core.clock import rfc3339
from joytui.core.columnar import COUNTS, SOURCES, TEXTS, Block, block_of
from joytui.core.money import format_credits
from joytui.core.records import RequestRecord
from joytui.tui.logs.columns import Interned, Numbers, Spans, Times
from joytui.tui.logs.id_columns import Ids, OwnIds

RUNNING = 0
REMEMBERED = 4096
KEPT = 1_000_000
"""So many rows stay here; what is older is the gateway's to show."""
DROPPED = 50_000
"""So many go at once when there are more."""
CHANGES = 20_000
"""So many changed rows are told one by one; beyond that all count as changed (nobody draws them, then)."""
Key = int | str


class LogStore:
    """Columns by name in `text` (interned) and `count`; times are epoch milliseconds, a span that is not there is -1.

    `failed` holds the rows with a status of 400 and above, in order. `changed` holds rows that were replaced since
    somebody cleared it; `epoch` is another number whenever rows got other places, `dropped` counts those that left.
    """

    def __init__(self) -> None:
        self.version = 0
        self.epoch = 0
        self.dropped = 0
        self.older: str | None = None
        self.time = Times()
        self.status = Numbers()
        self.cost = Numbers()
        self.source = Numbers()
        self.stream = Numbers()
        self.queue = Spans()
        self.first_byte = Spans()
        self.ttft = Spans()
        self.latency = Spans()
        self.count = {name: Numbers() for name in COUNTS}
        self.text = {name: Interned() for name in TEXTS}
        self.own = OwnIds()
        self.request_id = Ids()  # None: the own id
        self.upstream_id = Ids()
        self.failed = array("I")
        self.changed: set[int] = set()
        self._place: dict[Key, int] = {}
        self._forget_at = 2 * REMEMBERED

    def _numbers(self) -> dict[str, Numbers | Times]:
        """By the names of a block."""
        return {
            "time": self.time, "status": self.status, "cost_nano": self.cost, "cost_source": self.source,
            "stream": self.stream, "queue": self.queue, "first_byte": self.first_byte, "ttft": self.ttft,
            "latency": self.latency, **self.count,
        }  # fmt: skip

    def _ids(self) -> dict[str, Ids]:
        return {"request_id": self.request_id, "upstream_id": self.upstream_id}

    def __len__(self) -> int:
        return len(self.time)

    @property
    def errors(self) -> int:
        return len(self.failed)

    @property
    def size(self) -> int:
        """Bytes of the columns' rows (not of the texts that are numbered)."""
        columns = (*self._numbers().values(), *self.text.values(), *self._ids().values(), self.own)
        return sum(column.size for column in columns) + self.failed.itemsize * len(self.failed)

    def append(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Rows as they come over the wire (`RequestView`'s plain data), oldest first."""
        self.append_block(block_of(list(rows)))

    def append_records(self, records: Iterable[RequestRecord]) -> None:
        """The same for records."""
        self.append([row_of(record) for record in records])

    def append_block(self, block: Block) -> None:
        """Rows by column; those that are here already are replaced, the last one of a request holds."""
        keys: Sequence[Key] = block.keys()
        places = self._place
        if not places.keys().isdisjoint(keys) or len(set(keys)) < len(keys):
            block, keys = self._without_known(block, keys)
        if block.rows:
            start = len(self)
            self._add(block)
            places.update(zip(keys, range(start, start + block.rows), strict=True))
        self.version += 1
        self._forget()

    def prepend_records(self, records: Sequence[RequestRecord]) -> int:
        """Older requests, oldest first, before all others; returns how many were not here yet."""
        return self.prepend_block(block_of([row_of(record) for record in records]))

    def prepend_block(self, block: Block) -> int:
        """The same by column."""
        front = LogStore()
        rows = [row for row, key in enumerate(block.keys()) if key not in self._place]
        if not rows:
            return 0
        front.append_block(block if len(rows) == block.rows else block.take(rows))
        shift = len(front)
        for name, numbers in self._numbers().items():
            numbers.prepend(front._numbers()[name])  # type: ignore[arg-type]
        for name, column in self.text.items():
            column.prepend(front.text[name])
        for name, ids in self._ids().items():
            ids.prepend(front._ids()[name])
        self.own.prepend(front.own)
        self.failed = front.failed + array("I", [row + shift for row in self.failed])
        self._place = {**front._place, **{name: place + shift for name, place in self._place.items()}}
        self.changed = {row + shift for row in self.changed}
        self.version += 1
        self.epoch += 1
        return shift

    def _add(self, block: Block) -> None:
        start = len(self)
        statuses = block.numbers["status"]
        self.failed.extend([row for row, status in enumerate(statuses, start) if status >= 400])
        for name, numbers in self._numbers().items():
            numbers.add(block.numbers[name])
        for name, column in self.text.items():
            column.add(block.texts[name])
        for name, ids in self._ids().items():
            ids.add(block.ids[name])
        self.own.add(block.ids["id"])

    # Replacing

    def _without_known(self, block: Block, keys: Sequence[Key]) -> tuple[Block, Sequence[Key]]:
        """Replaces what is here, and returns the rest: each request once, where it came first, as it came last."""
        known: dict[int, int] = {}
        fresh: dict[Key, int] = {}
        places = self._place
        for row, key in enumerate(keys):
            if key in places:
                known[places[key]] = row
            else:
                fresh[key] = row
        if known:
            self._replace(list(known), block.take(list(known.values())))
        return block.take(list(fresh.values())), list(fresh)

    def _replace(self, places: list[int], block: Block) -> None:
        for place, status in zip(places, block.numbers["status"], strict=True):
            self._fail(place, status, self.status[place])
        for name, numbers in self._numbers().items():
            numbers.put(places, block.numbers[name])
        for name, column in self.text.items():
            values, codes = block.texts[name]
            column.put(places, [values[code] for code in codes])
        for name, ids in self._ids().items():
            ids.put(places, block.id_texts(name))
        self.changed.update(places)
        if len(self.changed) > CHANGES:
            self.changed.clear()
            self.epoch += 1

    def _fail(self, place: int, status: int, before: int) -> None:
        if (status >= 400) == (before >= 400):
            return
        at = bisect_left(self.failed, place)
        if status >= 400:
            self.failed.insert(at, place)
        else:
            del self.failed[at]

    # Forgetting

    def _forget(self) -> None:
        """Ids of rows that have ended long ago need no place any more: they will not come again. And the oldest rows
        leave, where there are more than a console keeps."""
        if len(self._place) > self._forget_at:
            floor = len(self) - REMEMBERED
            kept = {id: place for id, place in self._place.items() if place >= floor or self.status[place] == RUNNING}
            self._place = kept
            self._forget_at = max(2 * REMEMBERED, 2 * len(kept))
        if len(self) > KEPT + DROPPED:
            self.drop(len(self) - KEPT)

    def drop(self, rows: int) -> None:
        """Without the oldest rows; the gateway still has them (`older` says from where on)."""
        for column in (*self._numbers().values(), *self.text.values(), *self._ids().values(), self.own):
            column.drop(rows)
        self.failed = array("I", [row - rows for row in self.failed if row >= rows])
        self._place = {id: place - rows for id, place in self._place.items() if place >= rows}
        self.changed.clear()
        self.epoch += 1
        self.dropped += rows
        self.older = self.own.get(0) if len(self) else self.older

    # Reading

    def record(self, row: int) -> RequestRecord:
        """One row as a record: times to the millisecond, spans to a hundredth of one."""
        text = {name: column.get(row) for name, column in self.text.items()}
        counts = {name: numbers[row] for name, numbers in self.count.items()}
        own = self.own.get(row)
        values: dict[str, Any] = {**text, **counts}
        return RequestRecord(
            id=own,
            request_id=self.request_id.get(row) or own,
            upstream_id=self.upstream_id.get(row),
            time=rfc3339(datetime.fromtimestamp(self.time[row] / 1000, UTC)),
            status=self.status[row] or None,
            cost_nano=self.cost[row],
            cost_source=SOURCES[self.source[row]],  # type: ignore[arg-type]
            queue_ms=_none(self.queue[row]),
            first_byte_ms=_none(self.first_byte[row]),
            ttft_ms=_none(self.ttft[row]),
            latency_ms=_none(self.latency[row]),
            stream=bool(self.stream[row]),
            **values,
        )

    def find(self, request_id: str) -> int | None:
        """A row with this own, client's or upstream's id."""
        for column in (self.own, self.request_id, self.upstream_id):
            if (row := column.find(request_id)) is not None:
                return row
        return None


def row_of(record: RequestRecord) -> dict[str, Any]:
    """Like `wire.request_view`, without pydantic: the first page does not wait for it."""
    data: dict[str, Any] = {field.name: getattr(record, field.name) for field in fields(record)}
    data["cost_credits"] = format_credits(data.pop("cost_nano"))
    return data


def _none(value: float) -> float | None:
    return None if value < 0 else value
