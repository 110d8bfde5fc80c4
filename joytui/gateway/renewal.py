"""While an answer streams: what is held for it grows with it, a step at a time, and the store is told what has passed.

No piece waits for the store by itself. A step is asked for once the one before it is used up, and the answer runs on
meanwhile; only one that is a whole step ahead of what it was granted waits. So a running answer is at most one step above
its limits when it ends for lack of money, and a gateway that dies owes the store no more than the last step of each.
"""

from __future__ import annotations

import asyncio
import contextlib

from joytui.gateway import refusals
from joytui.gateway.metering import written
from joytui.gateway.upstreams.exchange import Observation
from joytui.gateway.visit import Visit
from joytui.ledger.api import Shortfall, StoreUnavailable
from joytui.ledger.records import Candidate, Reservation


class Renewal:
    """Keeps up with one answer. `passed`: bytes of output that were passed on; set by who passes them on."""

    __slots__ = ("_asked", "_candidate", "_covered", "_due", "_granted", "_seen", "_step", "_visit", "_whole", "passed")

    def __init__(self, visit: Visit, candidate: Candidate, seen: Observation) -> None:
        self._visit = visit
        self._candidate = candidate
        self._seen = seen
        self._step = visit.gateway.settings.default_output_tokens
        self._granted = self._covered = candidate.covers  # output tokens; `_covered` has the step that was asked for
        self._asked: asyncio.Future[None] | None = None
        self._due = 1  # the next note of what has passed: with the first token, then each step
        self._whole = False
        self.passed = 0

    async def keep_up(self) -> None:
        """Before a piece is passed on. Raises Refused where the answer needs more than may be held: it must end then."""
        seen = self._seen
        if seen.output_bytes > self.passed:
            tokens = written(seen)
            if self._visit.held and tokens > self._covered:
                await self._take()
                self._ask(tokens)
            elif tokens >= self._due:
                self._note(tokens)
            if self._asked is not None and (self._asked.done() or tokens > self._granted + self._step):
                await self._take()
        if seen.complete and not self._whole:  # what a client has whole must be in the store
            self._whole = True
            with contextlib.suppress(StoreUnavailable):
                await self._note(written(seen))

    def _ask(self, tokens: int) -> None:
        """Asks for as many more steps as the answer has begun."""
        visit = self._visit
        assert visit.opened is not None
        assert visit.key is not None
        steps = -(-(tokens - self._covered) // self._step)
        self._covered += steps * self._step
        self._due = self._covered
        visit.holds += steps * self._candidate.step
        wanted = Reservation(
            visit.key.row.budget_id,
            visit.key.policy.limits,
            [self._candidate._replace(estimate=visit.holds)],
            visit.gateway.settings.lease_s * 1000,
        )
        self._asked = visit.gateway.ledger.extend(visit.opened, wanted, visit.charged(self._seen))
        self._asked.add_done_callback(_heard)

    async def _take(self) -> None:
        """Waits for what was asked for. Raises Refused."""
        asked, self._asked = self._asked, None
        if asked is None:
            return
        try:
            await asked
        except (Shortfall, StoreUnavailable) as error:
            self._visit.holds -= (self._covered - self._granted) // self._step * self._candidate.step
            if isinstance(error, Shortfall):
                raise refusals.used_up(error) from None
            raise refusals.store_unavailable(error) from None
        self._granted = self._covered

    def _note(self, tokens: int) -> asyncio.Future[None]:
        visit = self._visit
        assert visit.opened is not None
        self._due = tokens + self._step
        noted = visit.gateway.ledger.passed(visit.opened, visit.charged(self._seen))
        noted.add_done_callback(_heard)
        return noted


def _heard(noted: asyncio.Future[None]) -> None:
    """An answer may end before it looks at what it asked for, and asyncio complains of errors that nobody looked at."""
    if not noted.cancelled():
        noted.exception()
