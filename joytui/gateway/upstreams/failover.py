"""Several upstreams in order of priority: the next one answers when one cannot be reached or answers 5xx.

An upstream that took the request and fell silent, closed the connection, or is behind a proxy that lost it (a 502 that
is not an error of the API) may be at work on it and bill for it: it is not asked elsewhere then (the client may, and knows what
it asks for), but rests like one that failed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from joytui.core.joytoken import HEADER_FAILOVER
from joytui.gateway.upstreams.exchange import Api, Exchange, ModelCall, Upstream, UpstreamFacts
from joytui.gateway.upstreams.learning import Lessons

REST_S = 15.0
"""How long an upstream that failed is asked last."""


class Failover:
    """Tries upstreams in order, as long as none has the work in its hands (`Exchange.undone`)."""

    def __init__(self, upstreams: Sequence[Upstream], *, rest: float = REST_S) -> None:
        if not upstreams:
            raise ValueError("at least one upstream")
        self.upstreams = tuple(upstreams)
        self._rest = rest
        self._failed_at: dict[Upstream, float] = {}  # not by name: two on one host may have the same

    @property
    def name(self) -> str:
        return self.upstreams[0].name

    @property
    def api(self) -> Api | None:
        return self.upstreams[0].api

    def healthy(self, upstream: Upstream) -> bool:
        """Whether an upstream has not failed just now."""
        failed_at = self._failed_at.get(upstream)
        return failed_at is None or time.monotonic() - failed_at > self._rest

    async def call(self, call: ModelCall) -> Exchange:
        order = sorted(self.upstreams, key=lambda upstream: not self.healthy(upstream))
        given_up: list[str] = []
        for upstream in order[:-1]:
            exchange = await upstream.call(call)
            if not exchange.undone:
                return self._answered(upstream, exchange, given_up)
            if exchange.status >= 500:  # else it is well, and lacks what was asked for
                self._failed_at[upstream] = time.monotonic()
            given_up.append(f"{upstream.name} ({exchange.status})")
            await exchange.aclose()
        exchange = await order[-1].call(call)
        return self._answered(order[-1], exchange, given_up)

    def _answered(self, upstream: Upstream, exchange: Exchange, given_up: list[str]) -> Exchange:
        if exchange.status < 500:
            self._failed_at.pop(upstream, None)
        else:
            self._failed_at[upstream] = time.monotonic()
            if not exchange.undone:
                exchange.observation.note("not sent elsewhere: the upstream may still be working on it")
        if given_up:
            exchange.headers[HEADER_FAILOVER.lower()] = f"{', '.join(given_up)} -> {upstream.name}"
            exchange.observation.note(f"failover from {', '.join(given_up)} to {upstream.name}")
        return exchange

    async def models(self) -> Sequence[Mapping[str, Any]]:
        """The entries of all upstreams; of two with the same id the one of the higher priority."""
        lists = await asyncio.gather(*(upstream.models() for upstream in self.upstreams))
        found: dict[str, Mapping[str, Any]] = {}
        for entry in (entry for entries in lists for entry in entries):
            key = entry.get("id") or entry.get("model_key") or entry.get("modelKey")
            found.setdefault(str(key), entry)
        return list(found.values())

    def facts(self) -> Sequence[UpstreamFacts]:
        return [replace(fact, healthy=self.healthy(one)) for one in self.upstreams for fact in one.facts()]

    def taught(self) -> Sequence[Lessons]:
        return [lessons for one in self.upstreams for lessons in one.taught()]

    async def aclose(self) -> None:
        await asyncio.gather(*(upstream.aclose() for upstream in self.upstreams))
