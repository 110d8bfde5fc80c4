"""Reads what Usage shows: from the gateway, and from Codex's own files in a thread. Touches no widget."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joytui.core.clock import rfc3339
from joytui.core.errors import JoytuiError
from joytui.core.periods import hour_of
from joytui.core.token_counts import MANY, Tests, UsageRow, UsageTotals
from joytui.tui.usage.snapshot import Question, UsageSnapshot
from joytui.tui.usage.window import Window

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import UsageView
    from joytui.tui.settings import ConsoleSettings
    from joytui.tui.usage.insight import Insight

PERIODS: dict[str, Any] = {"daily": "day", "weekly": "week", "total": "total"}
MOST_GROUPS = 200
"""As many projects, tasks, … (MANY) are asked for, the dearest; all others are one row."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the numbers are: a gateway, a CODEX_HOME with joytui's cache over it; None: not to be reached."""

    client: ConsoleClient | None
    home: Path | None
    cache_dir: Path


async def read(sources: Sources, asked: Question, now: datetime, zone: tzinfo | None) -> UsageSnapshot:
    """The answer to a question. Raises JoytuiError if the gateway cannot be asked."""
    window = asked.window(now, zone)
    by = [window.asked, asked.group]
    view = None
    if asked.source != "codex" and sources.client is not None:
        top = MOST_GROUPS if asked.group in MANY else None
        tests: Tests = "in" if asked.tests else "out"
        until = _until(window.end, now)
        view = await sources.client.usage(by, since=rfc3339(window.begin), until=until, top=top, tests=tests)
        if asked.source == "gateway" or (asked.source == "auto" and view.totals.requests):
            before = await _before(sources.client, window, now, tests)
            return replace(_snapshot(asked, view, by), before=before)
    if asked.source == "gateway" or (sources.home is None and sources.client is None):
        return _snapshot(asked, view, by)
    rows, before, here = await asyncio.to_thread(_codex, sources, by, window, now)
    rows = await _with_telemetry(sources.client, rows, here, by, window, now)
    sums = UsageTotals.sum(row.totals for row in rows)
    if asked.source == "both":
        mine = _snapshot(asked, view, by)
        return replace(mine, rows=(*mine.rows, *rows), source="both", codex_totals=sums)
    return UsageSnapshot(asked, rows, sums, source="codex", before=before)


def _until(end: datetime, now: datetime) -> str | None:
    """The last millisecond of a window that is over; None for one that goes on."""
    return rfc3339(end - timedelta(milliseconds=1)) if end <= now else None


async def _before(client: ConsoleClient, window: Window, now: datetime, tests: Tests) -> UsageTotals:
    """The sums of the window before, as far into it as this one has come."""
    until = window.before_until(now) - timedelta(milliseconds=1)
    view = await client.usage(since=rfc3339(window.before), until=rfc3339(until), tests=tests)
    return UsageTotals.of(view.totals.model_dump())


def _snapshot(asked: Question, view: UsageView | None, by: Sequence[str]) -> UsageSnapshot:
    """The gateway's answer; without one, a snapshot without rows."""
    from joytui.usage.rows import gateway_rows

    if view is None:
        return UsageSnapshot(asked)
    left_out = UsageTotals.of(view.left_out.model_dump()) if view.left_out else None
    totals = UsageTotals.of(view.totals.model_dump())
    return UsageSnapshot(asked, tuple(gateway_rows(view.rows, by)), totals, left_out=left_out)


async def _with_telemetry(
    client: ConsoleClient | None,
    rows: tuple[UsageRow, ...],
    here: Collection[str | None],
    by: Sequence[str],
    window: Window,
    now: datetime,
) -> tuple[UsageRow, ...]:
    """Codex's side with what its telemetry told a gateway, where one can be asked. `here`: the threads that have rollouts."""
    from joytui.usage.witnesses import ask_told, of_codex

    if client is None:
        return rows
    try:
        told = await ask_told(client, by, rfc3339(window.begin), _until(window.end, now))
    except JoytuiError:
        return rows  # the files are here, whatever became of the gateway
    return tuple(of_codex(rows, told, here)) if told.alone else rows


def _codex(
    sources: Sources, by: Sequence[str], window: Window, now: datetime
) -> tuple[tuple[UsageRow, ...], UsageTotals, set[str | None]]:
    """The window's rows, the sums of the window before, as far into it as this one has come, and all threads."""
    from joytui.codex.rollouts import read_usage
    from joytui.usage.rows import codex_rows

    if sources.home is None:
        return (), UsageTotals(), set()
    rows = read_usage(sources.home, sources.cache_dir, window.before).rows
    here = range(hour_of(window.begin), hour_of(window.end))
    earlier = range(hour_of(window.before), hour_of(window.before_until(now)))
    before = UsageTotals.sum(row.totals for row in rows if row.hour in earlier)
    threads: set[str | None] = {row.thread for row in rows}
    return tuple(codex_rows((row for row in rows if row.hour in here), by)), before, threads


ABSENT = timedelta(hours=1)
"""Who was away for less needs no word about it."""


async def word_for_the_absent(
    client: ConsoleClient, last_visit: datetime, now_ms: int, zone: tzinfo | None
) -> str | None:
    """Unusual spending since then, in a line; None if there was none, or it cannot be known."""
    from joytui.tui.usage.outliers import while_away
    from joytui.usage.insight import gateway_insight

    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    if now - last_visit < ABSENT:
        return None
    try:
        found = await gateway_insight(client, now, since=min(last_visit, now - timedelta(days=7)), most=3)
    except JoytuiError:
        return None
    fresh = [one for one in found.anomalies if one.end > last_visit]
    return while_away(fresh[0], found.unit, zone, len(fresh) - 1) if fresh else None


async def stands_out(
    sources: Sources,
    source: str,
    now: datetime,
    settings: ConsoleSettings,
    since: datetime | None = None,
    chosen: tuple[str, str] | None = None,
) -> Insight | None:
    """The rate, the anomalies since then and the budget; of tokens where only Codex's files are shown. `chosen`: the node and the
    period of the budget. Where no node has a limit, it is the settings' own. Raises JoytuiError."""
    from joytui.usage.insight import codex_insight, gateway_insight

    if source == "codex":
        if sources.home is None:
            return None
        return await asyncio.to_thread(codex_insight, sources.home, sources.cache_dir, now, since)
    if sources.client is None:
        return None
    from joytui.tui.budgets.reading import chosen_limit, words

    limit = await chosen_limit(sources.client, chosen, now)
    if limit is None:
        return await gateway_insight(sources.client, now, settings.budget_nano, settings.budget_period, since=since)
    found = await gateway_insight(sources.client, now, since=since)
    period = PERIODS[limit.limit.period]
    return replace(found, burn=limit.burn, period=period, budget=f"{words(limit.node)}, {limit.limit.period}")
