"""What an upstream has: `/responses`, `/chat/completions`, or both. Asked once with an empty body, and remembered.

A route that is there refuses `{}` with something about the request or the key; one that is not there answers 404 or
405. The question costs no tokens. What is learned holds for 24 hours; a 404 or 405 on a real request asks again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from joytui.gateway.upstreams.exchange import Api, Endpoint

LIFETIME_S = 24 * 3600.0
RELEARN_AFTER_S = 60.0
"""A 404 may also mean an unknown model: it is not worth asking again within this time."""

NOT_THERE = (404, 405, 501)
Probe = Callable[[Endpoint], Awaitable[int | None]]


@dataclass(frozen=True, slots=True)
class Learned:
    """Which routes exist; None: no conclusive answer. `at`: `time.monotonic()` of the question."""

    responses: bool | None
    chat: bool | None
    at: float

    @property
    def api(self) -> Api | None:
        """How to serve `/responses`. An upstream with neither route is treated as if it had it: its own 404 says more. One that lacks
        `/responses` and did not tell about the other route is spoken to by that one."""
        if self.responses:
            return "responses"
        if self.responses is False and self.chat is not False:
            return "chat"
        return None


class Capability:
    """The remembered answer for one upstream, or a fixed one. `probe` gives the status of an empty POST, None for none."""

    def __init__(self, probe: Probe, fixed: Api | None = None) -> None:
        self.fixed = fixed
        self.learned: Learned | None = None
        self._probe = probe
        self._lock = asyncio.Lock()

    @property
    def api(self) -> Api | None:
        return self.fixed or (self.learned.api if self.learned else None)

    async def get(self) -> Api:
        """How to serve `/responses` with this upstream."""
        if self.fixed:
            return self.fixed
        learned = self.learned
        if learned is None or learned.api is None or time.monotonic() - learned.at > LIFETIME_S:
            learned = await self._learn(unless_newer_than=0.0 if learned is None else learned.at)
        return learned.api or "responses"

    async def after_missing(self) -> Api | None:
        """Asks again after a real request met a 404 or 405; the new answer if it differs, else None."""
        if self.fixed:
            return None
        before = self.learned
        if before is not None and time.monotonic() - before.at < RELEARN_AFTER_S:
            return None
        after = await self._learn(unless_newer_than=before.at if before else 0.0)
        return after.api if after.api is not None and (before is None or after.api != before.api) else None

    async def lacks_chat(self) -> bool:
        """After a 404 or 405 to `/chat/completions`: whether `/responses` alone is there (a model may be unknown as well).
        What was asked within the last minute is not asked again."""
        known = self.learned
        if known is None or time.monotonic() - known.at > RELEARN_AFTER_S:
            known = await self._learn(unless_newer_than=known.at if known else 0.0)
        return known.chat is False and known.responses is True

    async def _learn(self, *, unless_newer_than: float) -> Learned:
        async with self._lock:
            if self.learned is not None and self.learned.at > unless_newer_than:
                return self.learned
            # one after the other: a small server takes one connection at a time
            responses, chat = await self._probe("responses"), await self._probe("chat/completions")
            self.learned = Learned(_there(responses), _there(chat), time.monotonic())
            return self.learned


def _there(status: int | None) -> bool | None:
    """A 5xx, too many requests or no answer at all tell nothing about the route; 501 does."""
    if status in NOT_THERE:
        return False
    return None if status is None or status >= 500 or status == 429 else True
