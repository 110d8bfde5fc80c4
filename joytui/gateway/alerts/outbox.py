"""Sends what waits in the store to the webhook, until the receiver has it or MOST_TRIES were in vain.

An alert is claimed under a lease before it is sent, and marked after: a gateway that dies in between leaves it to the next, which sends
it under the same id. It reaches the receiver at least once, and by its id exactly once.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING

from joytui.core.clock import now_ms
from joytui.gateway.alerts.sending import LONGEST_WAIT_MS, Outcome, Webhook
from joytui.ledger.alerts import AlertRow
from joytui.ledger.api import Ledger

if TYPE_CHECKING:
    import httpx

log = logging.getLogger("joytui.gateway")

MOST_TRIES = 14
"""With waits from 5 s doubling to an hour: for some six hours."""
AT_ONCE = 8
CLAIMED = 16
LONGEST_CLAIM_MS = 40_000
"""Longer than sending all that is claimed at once may take (`sending.LIMIT_S`)."""


class Outbox:
    """`retry_ms`: the wait after the first try that failed. `lease_ms`: how long a claim holds."""

    def __init__(self, ledger: Ledger, webhook: Webhook, retry_ms: int, lease_ms: int) -> None:
        self._ledger = ledger
        self._webhook = webhook
        self._retry_ms = retry_ms
        self._lease_ms = max(lease_ms, LONGEST_CLAIM_MS)
        self._client: httpx.AsyncClient | None = None
        self._trouble = False

    async def deliver(self) -> int:
        """Sends all that is due; gives how many tries that took. Raises StoreUnavailable."""
        tried = 0
        while await self._ledger.due_alerts(now_ms()):
            rows = await self._ledger.claim_alerts(now_ms(), self._lease_ms, CLAIMED)
            if not rows:
                break
            room = asyncio.Semaphore(AT_ONCE)
            await asyncio.gather(*(self._one(row, room) for row in rows))
            tried += len(rows)
        return tried

    async def try_now(self, row: AlertRow) -> Outcome:
        """One try of what the store does not have."""
        return await self._webhook.send(self._http(), row)

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def _one(self, row: AlertRow, room: asyncio.Semaphore) -> None:
        async with room:
            outcome = await self._webhook.send(self._http(), row)
        if outcome.good:
            await self._ledger.alert_sent(row.id, now_ms())
            self._trouble = False
            return
        again = None if row.tries >= MOST_TRIES else now_ms() + self._wait_ms(row.tries, outcome)
        await self._ledger.alert_failed(row.id, outcome.words, again)
        if again is None:
            log.error("alert %s was not sent after %d tries: %s", row.id, row.tries, outcome.words)
        elif not self._trouble:  # a receiver that is down is said once, not for each alert
            log.warning("alert %s was not sent and will be tried again: %s", row.id, outcome.words)
            self._trouble = True

    def _wait_ms(self, tries: int, outcome: Outcome) -> int:
        """Twice as long each time, up to an hour, and not all at the same moment."""
        wait = min(self._retry_ms << min(tries - 1, 30), LONGEST_WAIT_MS)
        return max(round(wait * random.uniform(0.8, 1.2)), outcome.wait_ms)  # noqa: S311 (no secret)

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = self._webhook.client()
        return self._client
