"""While an answer streams, its reservation grows with it, step by step, and the store records what has passed.

No piece waits for the store by itself. A step is asked for once the one before it is used up, and the answer runs on
meanwhile; only one that is a whole step ahead of what it was granted waits. So a running answer is at most one step above
its limits when it ends for lack of money. A gateway that dies owes the store no more than the last step of each, or its last
moment where nothing is held for it (`checkpoint`).
"""

from __future__ import annotations

import asyncio
import contextlib

from joytui.gateway import refusals
from joytui.gateway.checkpoint import heard
from joytui.gateway.metering import BYTES_PER_TOKEN, written
from joytui.gateway.upstreams.exchange import Observation
from joytui.gateway.visit import Visit
from joytui.ledger.api import Shortfall, StoreUnavailable
from joytui.ledger.records import Candidate, Reservation


def at_once(visit: Visit) -> int | None:
    """Bytes of a step: where the answer is limited, no piece has more, so that no burst of an upstream passes many steps."""
    return visit.gateway.settings.default_output_tokens * BYTES_PER_TOKEN if visit.held else None


AHEAD = 7
"""Steps that are held beyond the one that is needed, where that is a small part of what is left."""


class Renewal:
    """Keeps up with one answer. `passed`: bytes of output that were passed on; set by who passes them on."""

    __slots__ = ("_asked", "_begun", "_candidate", "_due", "_granted", "_seen", "_step", "_visit", "_whole", "passed")

    def __init__(self, visit: Visit, candidate: Candidate, seen: Observation) -> None:
        self._visit = visit
        self._candidate = candidate
        self._seen = seen
        self._step = visit.gateway.settings.default_output_tokens
        self._begun = self._granted = candidate.covers  # output tokens: of the steps that have begun, and that are held
        self._asked: asyncio.Future[Candidate] | None = None
        self._due = 1  # the next note of what has passed: with the first token, then each step
        self._whole = False
        self.passed = 0

    async def keep_up(self) -> None:
        """Before a piece is passed on. Raises Refused if the answer needs more than may be held: it must end then."""
        seen = self._seen
        if seen.output_bytes > self.passed:
            tokens = written(seen)
            if self._visit.held and tokens > self._begun:
                await self._begin(tokens)
            if tokens >= self._due:
                self._note(tokens)
            if self._asked is not None and (self._asked.done() or tokens > self._granted + self._step):
                await self._take()
        if seen.complete and not self._whole:  # what a client has whole must be in the store
            self._whole = True
            with contextlib.suppress(StoreUnavailable):
                await self._visit.gateway.checkpoint.at_once(self._visit.n, self._visit.charged(seen))

    async def _begin(self, tokens: int) -> None:
        """As many more steps as the answer has come to; where they are not held yet, they are asked for."""
        steps = -(-(tokens - self._begun) // self._step)
        self._begun += steps * self._step
        self._visit.holds += steps * self._candidate.step
        if self._begun > self._granted:
            await self._take()
        if self._begun > self._granted:
            self._ask()

    def _ask(self) -> None:
        visit = self._visit
        assert visit.opened is not None
        assert visit.key is not None
        self._due = self._begun  # what has passed is noted with it
        wanted = Reservation(
            visit.gateway.limits_of(visit.key, visit.opened.root_thread),
            [self._until(self._begun + AHEAD * self._step), self._until(self._begun)],
            visit.gateway.settings.lease_s * 1000,
        )
        self._asked = visit.gateway.ledger.extend(visit.opened, wanted, visit.charged(self._seen))
        self._asked.add_done_callback(heard)  # an answer may end before it looks at what it asked for

    def _until(self, tokens: int) -> Candidate:
        """The candidate, with the amount to reserve for this many output tokens."""
        ahead = (tokens - self._begun) // self._step * self._candidate.step
        return self._candidate._replace(estimate=self._visit.holds + ahead, covers=tokens)

    async def _take(self) -> None:
        """Waits for what was asked for. Raises Refused. While the store is unreachable the answer goes on: the next step asks again."""
        asked, self._asked = self._asked, None
        if asked is None:
            return
        try:
            self._granted = (await asked).covers
        except Shortfall as error:
            self._visit.holds -= (self._begun - self._granted) // self._step * self._candidate.step
            raise refusals.used_up(error) from None
        except StoreUnavailable:
            pass

    def _note(self, tokens: int) -> None:
        """Where money is held, the first one is kept at once: from then on the answer is not free."""
        visit, seen, first = self._visit, self._seen, self._due == 1
        self._due = tokens + self._step
        if first and visit.held:
            visit.gateway.checkpoint.at_once(visit.n, visit.charged(seen))
        else:
            visit.gateway.checkpoint.soon(visit.n, lambda: visit.charged(seen))
