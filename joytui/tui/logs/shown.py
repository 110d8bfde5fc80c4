"""What the log view shows: all requests of a store, or those that a filter finds. Rows stay in the store; a filter is an
array of their places. Before them stand older ones that the gateway found. No textual here.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import compress, count

from joytui.core.columnar import Block
from joytui.core.filters import Term
from joytui.core.request import RequestRecord
from joytui.tui.logs.away import Away
from joytui.tui.logs.store import REMEMBERED, LogStore

Gone = Callable[[int], None]

FEW = 20_000
STAYING = 1_000
"""How many matches of a filter stay when the store's oldest rows leave, so that a followed list does not visibly shrink."""


class Shown:
    """One ordered sequence of requests, oldest first. `term` None: everything.

    `failed` holds the places (in this sequence) with a status of 400 and above. `older`: from where the gateway's history
    goes on ("end": nothing is left, None: there was nobody to ask). `away`: what was here and has left. While it is
    attached, it lets go of rows before the store does, and keeps of those what it needs.
    """

    def __init__(self, store: LogStore, term: Term | None = None) -> None:
        self.store = store
        self.term = term
        self.front = LogStore()
        self.front.held = True
        self._gone: Gone | None = None
        self._failed: Sequence[int] | None = None
        self._rows = array("I")
        self._seen = -1
        self._length = 0
        self._epoch = -1
        self.refresh()

    def attach(self, gone: Gone) -> None:
        """From now on this is the sequence that is looked at; `gone` hears how many places have left its start."""
        self._gone = gone
        self.store.leaving = self.let_go

    @property
    def away(self) -> Away:
        return self.store.away if self.term is None else self.front.away

    @property
    def older(self) -> str | None:
        if self.term is None or self.front.older is None:
            return self.store.older or ("end" if len(self.store) else None)
        return self.front.older

    @older.setter
    def older(self, edge: str) -> None:
        store = self.store if self.term is None else self.front
        store.older = edge
        if edge == "end":
            store.away.clear()

    @property
    def turns_from(self) -> int | None:
        """From when on Codex's turns are here (epoch milliseconds; 0: none is older, None: nobody looks at them)."""
        if self.term is None or self.front.turns_from is None:
            return self.store.turns_from
        return self.front.turns_from

    @turns_from.setter
    def turns_from(self, begin: int) -> None:
        (self.store if self.term is None else self.front).turns_from = begin

    @property
    def total(self) -> int:
        """Those that are here, and those that were."""
        return len(self) + self.away.requests

    @property
    def errors(self) -> int:
        return len(self.failed) + self.away.errors

    def __len__(self) -> int:
        return len(self.front) + (self._length if self.term is None else len(self._rows))

    def at(self, place: int) -> tuple[LogStore, int]:
        """The store and the row in it."""
        front = len(self.front)
        if place < front:
            return self.front, place
        return self.store, place - front if self.term is None else self._rows[place - front]

    def place_near(self, row: int) -> int:
        """Where a row of the store is here; where the filter hides it, the next one that it shows, or the last."""
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

    @property
    def keyless(self) -> bool:
        """Whether none of the requests here has a key: Codex's own turns, which passed no gateway."""
        return len(self) > 0 and self.store.text["key"].is_blank() and self.front.text["key"].is_blank()

    def id(self, place: int) -> str:
        store, row = self.at(place)
        return store.id(row)

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
        from joytui.tui.logs.select import matching

        assert self.term is not None
        self._rows = matching(self.term, self.store)
        self._failed = None

    def _go_on(self, before: int, changed: set[int]) -> set[int] | None:
        """New rows behind the others; changed ones come, go or stay. What changed mostly ended, so it is near the end."""
        from joytui.tui.logs.select import matching

        assert self.term is not None
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

    # What the store lets go of

    def let_go(self, rows: int, staying: Sequence[int]) -> None:
        """The store is about to move its first rows, but for a few, to nowhere: all others have other places then."""
        self.refresh()
        before, less = len(self), rows - len(staying)
        if self.term is not None:
            self._keep_found(rows, staying)
        self._length = max(0, self._length - less)
        self._epoch = self.store.epoch + 1 if self.term is not None else -1
        self._failed = None
        if self._gone is not None:
            self._gone(before - len(self))

    def _keep_found(self, rows: int, staying: Sequence[int]) -> None:
        looked = bisect_left(self._rows, rows)
        found = self._rows[:looked]
        running = set(staying).intersection(found)
        self._to_front([row for row in found if row not in running], len(self._rows) - looked)
        less = rows - len(staying)
        here = [at for at, row in enumerate(staying) if row in running]
        self._rows = array("I", [*here, *(row - less for row in self._rows[looked:])])

    def _to_front(self, leaving: list[int], others: int) -> None:
        """The newest of the rows that leave go before the others; what is too much is the gateway's to show."""
        front = self.front
        many = len(leaving) if self.store.held else min(len(leaving), max(0, STAYING - others))
        front.older = self.older
        if many < len(leaving):
            front.cut(len(front))
            front.send_away(self.store, leaving[: len(leaving) - many])
        if many:
            front.append_block(self.store.block(leaving[-many:]))
        if not self.store.held and len(front) > STAYING:
            front.cut(len(front) - STAYING)

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
        keys = block.keys()
        here = set(self.store.ids["id"].rows)
        added = self.front.prepend_block(block.take([row for row, key in enumerate(keys) if key not in here]))
        self._failed = None
        return added
