"""Reads what Usage shows: from the gateway, and from Codex's own files in a thread. Touches no widget."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

from joytui.core.clock import rfc3339
from joytui.core.token_counts import UsageRow, UsageTotals
from joytui.tui.usage.snapshot import Question, UsageSnapshot

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
    since = asked.since(now, zone)
    by = [asked.bucket, asked.group]
    view = None
    if asked.source != "codex" and sources.client is not None:
        top = MOST_GROUPS if asked.group in ("project", "thread") else None
        view = await sources.client.usage(by, since=rfc3339(since), top=top, tests="in" if asked.tests else "out")
        if asked.source == "gateway" or (asked.source == "auto" and view.totals.requests):
            return _snapshot(asked, view, by)
    if asked.source == "gateway" or sources.home is None:
        return _snapshot(asked, view, by)
    rows = await asyncio.to_thread(_codex, sources, by, since)
    sums = UsageTotals.sum(row.totals for row in rows)
    if asked.source == "both":
        mine = _snapshot(asked, view, by)
        return replace(mine, rows=(*mine.rows, *rows), source="both", codex_totals=sums)
    return UsageSnapshot(asked, rows, sums, source="codex")


def _snapshot(asked: Question, view: UsageView | None, by: Sequence[str]) -> UsageSnapshot:
    """The gateway's answer; without one, a snapshot without rows."""
    from joytui.usage.rows import gateway_rows

    if view is None:
        return UsageSnapshot(asked)
    left_out = UsageTotals.of(view.left_out.model_dump()) if view.left_out else None
    totals = UsageTotals.of(view.totals.model_dump())
    return UsageSnapshot(asked, tuple(gateway_rows(view.rows, by)), totals, left_out=left_out)


def _codex(sources: Sources, by: Sequence[str], since: datetime) -> tuple[UsageRow, ...]:
    from joytui.codex.rollouts import read_usage
    from joytui.usage.rows import codex_rows

    assert sources.home is not None
    return tuple(codex_rows(read_usage(sources.home, sources.cache_dir, since).rows, by))


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
