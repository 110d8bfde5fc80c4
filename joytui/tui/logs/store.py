"""The requests that the console knows, in columns. No textual here: what draws them reads `version` and the columns.

A request comes when it is admitted (status 0) and again when it ended; the later row replaces the earlier in place. Codex's
own turns are among them (`beside`): where the gateway tells of one, its row takes their place.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from joytui.core.clock import rfc3339
from joytui.core.columnar import IDS, LISTS, NUMBERS, SOURCES, TEXTS, Block, block_of, coded, narrow
from joytui.core.request import Kind, RequestRecord, parted, request_id, request_number
from joytui.tui.logs.away import Away
from joytui.tui.logs.columns import NO_STATUS, RUNNING, Ids, Interned, Numbers, Spans

REMEMBERED = 4096
CHUNK = 1 << 15
"""How many rows leave at once."""
WINDOW = 4 * CHUNK
"""The most rows that are kept while the newest are followed, some 45 MB; what is older is the gateway's to show."""
READING = 2 * WINDOW
"""The most while somebody reads older ones, so that what comes meanwhile leaves room for what is loaded."""
CHANGES = 20_000
"""Up to this many changed rows are reported one by one; beyond that, all count as changed."""
Leaving = Callable[[int, Sequence[int]], None]
TURN = "codex-"
"""How the id of a row begins that only Codex reports."""
NEARLY_MS = 60_000
"""Rows arrive nearly in order of time: one that is late by up to this is still appended."""


class LogStore:
    """Columns by the names of the fields: `text` (interned), `numbers` and `ids`. Times are epoch milliseconds, a span that is
    not there is -1, a request id that is None is the own id.

    `failed` holds the rows with a status of 400 and above, in order. `changed` holds rows that were replaced since
    somebody cleared it; `epoch` is another number whenever rows got other places.

    `held`: somebody reads older rows, so they stay, up to a cap. Else the oldest leave, a chunk at a time. They are counted in
    `away`, and `older` says from where on the gateway has them: the `before` of the page before these rows, "end" where there
    is none, None if nobody asked. A request that still runs stays, so that its end finds it.

    `hides_tests`: the doctor's test requests are kept aside (`sorted_out`); `hidden` is how many.

    `turns_from`: Codex's turns are here from this moment on (epoch milliseconds; 0: all of them, None: nobody looked).
    """

    def __init__(self) -> None:
        self.version = 0
        self.epoch = 0
        self.held = False
        self.away = Away()
        self.older: str | None = None
        self.turns_from: int | None = None
        self.beside: Callable[[Block], Block] | None = None  # completes what a gateway tells by what Codex does
        self.leaving: Leaving | None = None  # told before the first rows leave: how many, and which of them stay
        self.hides_tests = True
        self._aside: dict[str, Block] = {}
        self._forget_at = 2 * REMEMBERED
        self._clear()

    def _clear(self) -> None:
        """Without any row."""
        self.numbers = {name: Spans() if kind == "span" else Numbers() for name, kind in NUMBERS.items()}
        self.time, self.status = self.numbers["time"], self.numbers["status"]
        self.text = {name: Interned() for name in TEXTS}
        self.ids = {name: Ids() for name in IDS}
        self.failed = array("I")
        self.changed: set[int] = set()
        self._place: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.time)

    @property
    def errors(self) -> int:
        return len(self.failed)

    @property
    def size(self) -> int:
        """Bytes of the columns' rows (not of the texts that are numbered)."""
        return sum(column.size for column in self._columns()) + self.failed.itemsize * len(self.failed)

    def _columns(self) -> Iterator[Numbers | Interned | Ids]:
        return chain(self.numbers.values(), self.text.values(), self.ids.values())

    def take_in(self, block: Block) -> None:
        """Rows as the gateway's stream brings them."""
        self.append_block(self.completed(self.sorted_out(block)))

    def completed(self, block: Block) -> Block:
        """What a gateway tells, with what Codex tells of the same requests."""
        return self.beside(block) if self.beside is not None and block.rows else block

    def open_with(self, block: Block, older: str | None) -> None:
        """The gateway's newest page. Codex's turns from before it leave where older requests are still to be loaded between them;
        they come again with those."""
        block = self.completed(self.sorted_out(block))
        if older and block.rows and len(self):
            low = min(block.numbers["time"])
            self._rebuild([row for row in range(len(self)) if self.time[row] >= low])
            self.turns_from = max(low, self.turns_from or 0)
        self.put_in_time(block)
        self.older = older

    def put_in_time(self, block: Block) -> None:
        """Rows among the others by their times; those that are here already are replaced."""
        times = block.numbers["time"]
        if not len(self) or not block.rows or min(times) >= self.time[len(self) - 1] - NEARLY_MS:
            self.append_block(block)
            return
        self.append_block(block)
        self._rebuild(range(len(self)))

    def _rebuild(self, rows: Sequence[int]) -> None:
        """These rows alone, in the order of their times. All have other places then."""
        kept = self.block(sorted(rows, key=self.time.__getitem__))
        self._clear()
        self.append_block(kept)
        self.epoch += 1

    def take_over(self, old: str, new: str) -> None:
        """The row with an id goes on under another: a better witness tells of it."""
        place = self._place.pop(old, None)
        if place is None:
            place = self.ids["id"].find(old)
        if place is not None and new not in self._place:
            self.ids["id"].put([place], [new])
            self._place[new] = place

    def append(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Rows as they come over the wire (`RequestView`'s plain data), oldest first."""
        self.append_block(block_of(list(rows)))

    def append_block(self, block: Block) -> None:
        """Rows by column; those that are here already are replaced, the last one of a request holds."""
        block = _with_endings(block)
        keys: Sequence[str] = block.keys()
        places = self._place
        if not places.keys().isdisjoint(keys) or len(set(keys)) < len(keys):
            block, keys = self._without_known(block, keys)
        if block.rows:
            start = len(self)
            self._add(block)
            places.update(zip(keys, range(start, start + block.rows), strict=True))
        self.version += 1
        self._forget()

    def prepend_block(self, block: Block) -> int:
        """Older requests, oldest first, before all others; returns how many were not here yet."""
        known = set(self.ids["id"].rows)
        rows = [row for row, key in enumerate(block.keys()) if key not in known]
        if not rows:
            return 0
        front = LogStore()
        front.held = True
        front.append_block(block if len(rows) == block.rows else block.take(rows))
        self.away.came_back(*front.times(range(len(front))))
        self._prepend(front)
        self.version += 1
        self.epoch += 1
        return len(front)

    def _prepend(self, front: LogStore) -> None:
        shift = len(front)
        for name, numbers in self.numbers.items():
            numbers.prepend(front.numbers[name])
        for name, column in self.text.items():
            column.prepend(front.text[name])
        for name, ids in self.ids.items():
            ids.prepend(front.ids[name])
        self.failed = front.failed + array("I", [row + shift for row in self.failed])
        self._place = {**front._place, **{name: place + shift for name, place in self._place.items()}}
        self.changed = {row + shift for row in self.changed}

    def _add(self, block: Block) -> None:
        start = len(self)
        statuses = block.numbers["status"]
        self.failed.extend([row for row, status in enumerate(statuses, start) if status >= 400])
        for name, numbers in self.numbers.items():
            numbers.add(block.numbers[name])
        for name, column in self.text.items():
            column.add(block.texts[name])
        for name, ids in self.ids.items():
            ids.add(block.ids[name])

    # Replacing

    def _without_known(self, block: Block, keys: Sequence[str]) -> tuple[Block, Sequence[str]]:
        """Replaces what is here, and returns the rest: each request once, where it came first, as it came last."""
        known: dict[int, int] = {}
        fresh: dict[str, int] = {}
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
        for name, numbers in self.numbers.items():
            numbers.put(places, block.numbers[name])
        for name, column in self.text.items():
            values, codes = block.texts[name]
            column.put(places, [values[code] for code in codes])
        for name, ids in self.ids.items():
            ids.put(places, block.ids[name])
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

    # The doctor's test requests

    @property
    def hidden(self) -> int:
        """How many of the doctor's test requests came that are not among the rows."""
        return len(self._aside)

    def sorted_out(self, block: Block) -> Block:
        """What is to be shown of a block that came: without the doctor's test requests while they are hidden."""
        flags = block.numbers["doctor"]
        if not self.hides_tests or not any(flags):
            return block
        for row, key in enumerate(block.keys()):
            if flags[row]:
                self._aside[key] = block.take([row])
        for key in [*self._aside][: len(self._aside) - REMEMBERED]:
            del self._aside[key]
        self.version += 1
        return block.take([row for row, flag in enumerate(flags) if not flag])

    def show_tests(self, shown: bool) -> None:
        """With the doctor's test requests among the rows, or without them. All rows have other places then."""
        if shown != self.hides_tests:
            return
        self.hides_tests = not shown
        rows = LogStore()
        rows.held = True
        rows.append_block(self.block(range(len(self))))
        for key, block in self._aside.items() if shown else ():
            if _number(key) >= _number(self.older):  # what is older is the gateway's to show
                rows.append_block(block)
        self._aside.clear()
        self._clear()
        order = sorted(range(len(rows)), key=lambda row: (rows.time[row], _number(rows.id(row))))
        self.append_block(self.sorted_out(rows.block(order if shown else range(len(rows)))))
        self.epoch += 1

    # Forgetting

    def _forget(self) -> None:
        """Ids of rows that have ended long ago need no place any more: they will not come again. And the oldest rows
        leave, where there are more than a console keeps."""
        if len(self._place) > self._forget_at:
            floor = len(self) - REMEMBERED
            kept = {id: place for id, place in self._place.items() if place >= floor or self.status[place] == RUNNING}
            self._place = kept
            self._forget_at = max(2 * REMEMBERED, 2 * len(kept))
        most = READING if self.held else WINDOW
        if len(self) > most:
            self.drop(len(self) - most + CHUNK)

    def drop(self, rows: int) -> None:
        """Without the oldest rows, but for those that still run."""
        staying = sorted(place for place in self._place.values() if place < rows and self.status[place] == RUNNING)
        if self.leaving is not None:
            self.leaving(rows, staying)
        running = LogStore()
        if staying:
            running.append_block(self.block(staying))
        self.cut(rows, staying)
        if staying:
            self._prepend(running)

    def cut(self, rows: int, uncounted: Sequence[int] = ()) -> None:
        """Without the first rows, whatever they are; they are counted as `away`, but for some."""
        self.send_away(self, sorted({*range(rows)}.difference(uncounted)) if uncounted else range(rows))
        for column in self._columns():
            column.drop(rows)
        self.failed = array("I", [row - rows for row in self.failed if row >= rows])
        self._place = {id: place - rows for id, place in self._place.items() if place >= rows}
        self.changed.clear()
        if self.turns_from is not None and len(self):
            self.turns_from = max(self.turns_from, self.time[0])
        self.version += 1
        self.epoch += 1

    def send_away(self, store: LogStore, rows: Sequence[int]) -> None:
        """These rows of a store (this one, or another) are the gateway's to show: they are counted, and `older` lies behind
        all of them. Requests come nearly in the order of their ids, so what stays may be before that, too: a page that
        brings it again adds nothing."""
        if rows:
            self.away.left(*store.times(rows))
            edge = store.behind(rows)
            self.older = max(edge, self.older or "", key=_number) if _number(edge) else edge

    def behind(self, rows: Sequence[int]) -> str:
        """An id before which the gateway has all these rows: the one after the greatest, as ids grow with time; the next
        row's where they are no numbers. Codex's own turns are not the gateway's."""
        ids = self.ids["id"].rows
        theirs = [row for row in rows if not (ids[row] or "").startswith(TURN)]
        numbers = [_number(ids[row]) for row in theirs]
        if not theirs:
            return self.older or ""
        return request_id(max(numbers) + 1) if all(numbers) else self.id(min(theirs[-1] + 1, len(self) - 1))

    def times(self, rows: Sequence[int]) -> tuple[Sequence[int], Sequence[int]]:
        """The times of rows, and of those among them that failed."""
        times = [self.time[row] for row in rows]
        return times, [time for time, row in zip(times, rows, strict=True) if self.status[row] >= 400]

    # Reading

    def id(self, row: int) -> str:
        """The own id."""
        return self.ids["id"].rows[row] or ""

    def record(self, row: int) -> RequestRecord:
        """One row as a record: times to the millisecond, spans to a hundredth of one."""
        values: dict[str, Any] = {
            **{name: column.get(row) for name, column in (self.text | self.ids).items()},
            **{name: _VALUES.get(NUMBERS[name], int)(numbers[row]) for name, numbers in self.numbers.items()},
        }
        values["request_id"] = values["request_id"] or values["id"]
        values |= {name: parted(values[name]) for name in LISTS}
        return RequestRecord(**values)

    def block(self, rows: Sequence[int]) -> Block:
        """Some rows as they came, in that order."""
        return Block(
            len(rows),
            0,
            {
                name: array(column.rows.typecode, [column.rows[row] for row in rows])
                for name, column in self.numbers.items()
            },
            {name: coded([column.get(row) for row in rows]) for name, column in self.text.items()},
            {name: [column.rows[row] for row in rows] for name, column in self.ids.items()},
        )

    def find(self, request_id: str) -> int | None:
        """A row with this own, client's or upstream's id."""
        found = (column.find(request_id) for column in self.ids.values())
        return next((row for row in found if row is not None), None)


def _number(own: str | None) -> int:
    """The number in an own id; 0 for any other text."""
    return request_number(own or "") or 0


def _with_endings(block: Block) -> Block:
    """A row without a status that has an error's type has ended: NO_STATUS stands for it."""
    statuses, (values, codes) = block.numbers["status"], block.texts["error_type"]
    if RUNNING not in statuses or all(value is None for value in values):
        return block
    typed = [values[code] is not None for code in codes]
    known = [
        NO_STATUS if status == RUNNING and ended else status for status, ended in zip(statuses, typed, strict=True)
    ]
    return replace(block, numbers={**block.numbers, "status": narrow(known)})


_VALUES: dict[Kind, Callable[[Any], Any]] = {
    "time": lambda ms: rfc3339(datetime.fromtimestamp(ms / 1000, UTC)),
    "status": lambda status: status if RUNNING < status < NO_STATUS else None,
    "number": lambda number: number or None,
    "source": lambda place: SOURCES[place],
    "span": lambda ms: None if ms < 0 else ms,
    "flag": bool,
}
"""What a number of a column stands for in a record; the other kinds are this number."""
