"""Reads what Usage shows: from the gateway, and from Codex's own files in a thread. Touches no widget."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

from joytui.core.clock import rfc3339
from joytui.core.periods import hour_of
from joytui.core.token_counts import UsageRow, UsageTotals
from joytui.tui.usage.snapshot import Question, UsageSnapshot
from joytui.tui.usage.window import Window

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import UsageView
    from joytui.tui.settings import ConsoleSettings
    from joytui.tui.usage.insight import Insight

MOST_GROUPS = 200
"""As many projects or threads are asked for, the dearest; all others are one row."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the numbers are: a gateway, a CODEX_HOME with joytui's cache over it; None: not to be had."""

    client: ConsoleClient | None
    home: Path | None
    cache_dir: Path


async def read(sources: Sources, asked: Question, now: datetime, zone: tzinfo | None) -> UsageSnapshot:
    """The answer to a question. Raises JoytuiError where the gateway cannot be asked."""
    window = asked.window(now, zone)
    by = [window.asked, asked.group]
    view = None
    if asked.source != "codex" and sources.client is not None:
        top = MOST_GROUPS if asked.group in ("project", "thread") else None
        view = await sources.client.usage(by, since=rfc3339(window.begin), until=_until(window.end, now), top=top)
        if asked.source == "gateway" or (asked.source == "auto" and view.totals.requests):
            return UsageSnapshot(asked, *_of_gateway(view, by), before=await _before(sources.client, window, now))
    if asked.source == "gateway" or sources.home is None:
        return UsageSnapshot(asked, *_of_gateway(view, by))
    rows, before = await asyncio.to_thread(_codex, sources, by, window, now)
    sums = UsageTotals.sum(row.totals for row in rows)
    if asked.source == "both":
        mine, ours = _of_gateway(view, by)
        return UsageSnapshot(asked, (*mine, *rows), ours, source="both", codex_totals=sums)
    return UsageSnapshot(asked, rows, sums, source="codex", before=before)


def _until(end: datetime, now: datetime) -> str | None:
    """The last millisecond of a window that is over; None for one that goes on."""
    return rfc3339(end - timedelta(milliseconds=1)) if end <= now else None


async def _before(client: ConsoleClient, window: Window, now: datetime) -> UsageTotals:
    """The sums of the window before, as far into it as this one has come."""
    until = window.before_until(now) - timedelta(milliseconds=1)
    view = await client.usage(since=rfc3339(window.before), until=rfc3339(until))
    return UsageTotals.of(view.totals.model_dump())


def _of_gateway(view: UsageView | None, by: Sequence[str]) -> tuple[tuple[UsageRow, ...], UsageTotals | None]:
    from joytui.usage.rows import gateway_rows

    if view is None:
        return (), None
    return tuple(gateway_rows(view.rows, by)), UsageTotals.of(view.totals.model_dump())


def _codex(
    sources: Sources, by: Sequence[str], window: Window, now: datetime
) -> tuple[tuple[UsageRow, ...], UsageTotals]:
    """The window's rows, and the sums of the window before, as far into it as this one has come."""
    from joytui.codex.rollouts import read_usage
    from joytui.usage.rows import codex_rows

    assert sources.home is not None
    rows = read_usage(sources.home, sources.cache_dir, window.before).rows
    here = range(hour_of(window.begin), hour_of(window.end))
    earlier = range(hour_of(window.before), hour_of(window.before_until(now)))
    before = UsageTotals.sum(row.totals for row in rows if row.hour in earlier)
    return tuple(codex_rows((row for row in rows if row.hour in here), by)), before


async def stands_out(sources: Sources, source: str, now: datetime, settings: ConsoleSettings) -> Insight | None:
    """The rate, the anomaly and the budget; of tokens where only Codex's files are shown. Raises JoytuiError."""
    from joytui.usage.insight import codex_insight, gateway_insight

    if source == "codex":
        if sources.home is None:
            return None
        return await asyncio.to_thread(codex_insight, sources.home, sources.cache_dir, now)
    if sources.client is None:
        return None
    return await gateway_insight(sources.client, now, settings.budget_nano, settings.budget_period)
