"""What the log view shows: all requests of a store, or those that a filter finds. Rows stay in the store; a filter is an
array of their places. Before them stand older ones that the gateway found. No textual here.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import compress, count

from joytui.core.columnar import Block
from joytui.core.filters import Term
from joytui.core.records import RequestRecord
from joytui.tui.logs.store import REMEMBERED, LogStore

FEW = 20_000


class Shown:
    """One ordered sequence of requests, oldest first. `term` None: everything.

    `failed` holds the places (in this sequence) with a status of 400 and above. `older`: from where the gateway's history
    goes on ("end": nothing is left), None as long as it was not asked.

    A filter looks at the newest rows at once, and at the others slice by slice when `look_back` is called, as long as
    `looking`: so a million rows hold up no key.
    """

    def __init__(self, store: LogStore, term: Term | None = None) -> None:
        self.store = store
        self.term = term
        self.front = LogStore()
        self.older: str | None = None
        self._failed: Sequence[int] | None = None
        self._rows = array("I")
        self._from = 0
        self._seen = -1
        self._length = 0
        self._epoch = -1
        self.refresh()

    def __len__(self) -> int:
        return len(self.front) + (self._length if self.term is None else len(self._rows))

    def at(self, place: int) -> tuple[LogStore, int]:
        """The store and the row in it."""
        front = len(self.front)
        if place < front:
            return self.front, place
        return self.store, place - front if self.term is None else self._rows[place - front]

    def place_near(self, row: int) -> int:
        """Where a row of the store stands here; where the filter hides it, the next one that it shows, or the last."""
        place = max(0, row) if self.term is None else bisect_left(self._rows, max(0, row))
        return max(0, min(len(self) - 1, place + len(self.front)))

    def find(self, request_id: str) -> int | None:
        """The place of a request by its own, the client's or the upstream's id."""
        for store in (self.store, self.front):
            row = store.find(request_id)
            if row is None:
                continue
            place = row if store is self.front else self.place_near(row)
            if self.at(place) == (store, row):
                return place
        return None

    def id(self, place: int) -> str:
        store, row = self.at(place)
        return store.own.get(row)

    def status(self, place: int) -> int:
        store, row = self.at(place)
        return store.status[row]

    def time(self, place: int) -> int:
        store, row = self.at(place)
        return store.time[row]

    def record(self, place: int) -> RequestRecord:
        store, row = self.at(place)
        return store.record(row)

    def refresh(self) -> set[int] | None:
        """Takes over what the store has got. The places that look different now; None: all may."""
        store = self.store
        if store.version == self._seen and store.epoch == self._epoch:
            return set()
        moved = store.epoch != self._epoch
        changed = set(store.changed)
        store.changed.clear()
        before, self._length = self._length, len(store)
        self._seen, self._epoch = store.version, store.epoch
        if self.term is None:
            return None if moved else changed
        if not moved:
            return self._go_on(before, changed)
        self._again()
        return None

    def _again(self) -> None:
        from joytui.tui.logs.select import SLICE, matching

        assert self.term is not None
        self._from = max(0, len(self.store) - SLICE)
        self._rows = matching(self.term, self.store, self._from)
        self._failed = None

    @property
    def looking(self) -> bool:
        """Whether there are rows at which the filter has not looked yet."""
        return self._from > 0

    def look_back(self) -> int | None:
        """Looks at the next older slice; how many rows that put before the others. None: rows have got other places since
        the last `refresh`, which comes first."""
        from joytui.tui.logs.select import SLICE, matching

        if self.term is None or self.store.epoch != self._epoch:
            return None
        low = max(0, self._from - SLICE)
        found = matching(self.term, self.store, low, self._from)
        self._from, self._rows, self._failed = low, found + self._rows, None
        return len(found)

    def _go_on(self, before: int, changed: set[int]) -> set[int] | None:
        """New rows behind the others; changed ones come, go or stay. What changed mostly ended, so it is near the end."""
        from joytui.tui.logs.select import matching

        assert self.term is not None
        changed = {row for row in changed if row >= self._from}
        floor = max(0, before - 2 * REMEMBERED)
        near = [row for row in changed if row >= floor]
        low = min([before, *near])
        for row in sorted(changed.difference(near)):
            self._change(row, bool(matching(self.term, self.store, row, row + 1)))
        keep = bisect_left(self._rows, low)
        tail = matching(self.term, self.store, low, len(self.store))
        if tail == self._rows[keep:] and not changed:
            return set()
        del self._rows[keep:]
        self._rows.extend(tail)
        self._failed = None
        return None if changed else set()

    def _change(self, row: int, holds: bool) -> None:
        at = bisect_left(self._rows, row)
        there = at < len(self._rows) and self._rows[at] == row
        if holds and not there:
            self._rows.insert(at, row)
        elif there and not holds:
            del self._rows[at]

    @property
    def failed(self) -> Sequence[int]:
        if self.term is None:
            return self.store.failed
        if self._failed is None:
            self._failed = [*self.front.failed, *self._find_failed(len(self.front))]
        return self._failed

    def _find_failed(self, front: int) -> Iterable[int]:
        """A few failed rows are looked up among all others, many are marked."""
        rows, failed = self._rows, self.store.failed
        if len(failed) <= FEW:
            places = ((bisect_left(rows, row), row) for row in failed)
            return (at + front for at, row in places if at < len(rows) and rows[at] == row)
        many = len(self.store)
        mask = self.store.status.mask(">=", 400, 0, many).to_bytes(many, "little")
        return compress(count(front), map(mask.__getitem__, rows))

    def prepend(self, block: Block) -> int:
        """Older requests, oldest first, before the others; how many were not here yet."""
        if self.term is None:
            added = self.store.prepend_block(block)
            self._length, self._epoch = len(self.store), self.store.epoch
            return added
        here = {self.store.own.get(row) for row in self._rows[: block.rows]}
        added = self.front.prepend_block(
            block.take([row for row, own in enumerate(block.id_texts("id")) if own not in here])
        )
        self._failed = None
        return added
