"""Reads what Usage shows: from the gateway, and from Codex's own files in a thread. Touches no widget."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joytui.core.clock import parse_time, rfc3339
from joytui.core.money import parse_credits
from joytui.core.periods import hour_of
from joytui.tui.usage.snapshot import Question, UsageSnapshot

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.usage import UsageRow
    from joytui.tui.settings import ConsoleSettings
    from joytui.tui.usage.insight import Hours, Insight

RECENT = timedelta(minutes=10)


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
        view = await sources.client.usage(by, since=rfc3339(since))
        if asked.source == "gateway" or (asked.source == "auto" and view.totals.requests):
            return UsageSnapshot(asked, tuple(view.rows), view.totals.model_dump())
    if asked.source == "gateway" or sources.home is None:
        return UsageSnapshot(asked, tuple(view.rows) if view else (), view.totals.model_dump() if view else None)
    rows, sums = await asyncio.to_thread(_codex, sources, by, since)
    if asked.source == "both":
        mine = tuple(view.rows) if view else ()
        return UsageSnapshot(
            asked, (*mine, *rows), view.totals.model_dump() if view else None, source="both", codex_totals=sums
        )
    return UsageSnapshot(asked, tuple(rows), sums, source="codex")


def _codex(sources: Sources, by: Sequence[str], since: datetime) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    from joytui.codex.rollouts import read_usage
    from joytui.usage.rows import codex_rows, usage_view

    assert sources.home is not None
    rows: list[UsageRow] = codex_rows(read_usage(sources.home, sources.cache_dir, since).rows, by)
    view = usage_view(rows, ("codex",))
    return view["rows"], view["totals"]


async def stands_out(sources: Sources, source: str, now: datetime, settings: ConsoleSettings) -> Insight | None:
    """The rate, the anomaly and the budget; of tokens where only Codex's files are shown. Raises JoytuiError."""
    from joytui.tui.usage.insight import LOOK_BACK, PARTS_BACK, insight

    if source == "codex":
        if sources.home is None:
            return None
        return await asyncio.to_thread(_codex_insight, sources.home, sources.cache_dir, now, settings)
    client = sources.client
    if client is None:
        return None
    hours = _series((await client.usage(["hour"], since=rfc3339(now - LOOK_BACK))).rows, None).get("", {})
    page = await client.requests(since=rfc3339(now - RECENT), limit=500)
    recent = [(parse_time(record.time), record.cost_nano) for record in page.records]
    found = insight("credits", hours, recent, {}, now, settings)
    if found.anomaly is None:
        return found
    since = rfc3339(now - PARTS_BACK)
    parts = {by: _series((await client.usage(["hour", by], since=since)).rows, by) for by in ("key", "model")}
    return insight("credits", hours, recent, parts, now, settings)


def _series(rows: Iterable[Mapping[str, Any]], by: str | None) -> dict[str, dict[int, int]]:
    """Nano-credits by hour of each value of `by`, or under "" of everything."""
    series: dict[str, dict[int, int]] = {}
    for row in rows:
        if row.get("hour"):
            name = str(row.get(by) or "(none)") if by else ""
            series.setdefault(name, {})[hour_of(parse_time(row["hour"]))] = parse_credits(row["cost_credits"])
    return series


def _codex_insight(home: Path, cache_dir: Path, now: datetime, settings: ConsoleSettings) -> Insight:
    from joytui.codex.rollouts import read_responses, read_usage
    from joytui.tui.usage.insight import LOOK_BACK, insight

    since = (now - LOOK_BACK).replace(minute=0, second=0, microsecond=0)
    hours: dict[int, int] = {}
    parts: dict[str, dict[str, dict[int, int]]] = {"project": {}, "model": {}}
    for row in read_usage(home, cache_dir, since).rows:
        tokens = row.totals.input_tokens + row.totals.output_tokens
        _add(hours, row.hour, tokens)
        for by, names in parts.items():
            _add(names.setdefault(getattr(row, by) or "(none)", {}), row.hour, tokens)
    recent = [
        (datetime.fromtimestamp(entry.ms / 1000, now.tzinfo), entry.input + entry.output)
        for entry in read_responses(home, cache_dir, now - RECENT)
    ]
    typed: dict[str, Mapping[str, Hours]] = dict(parts)
    return insight("tokens", hours, recent, typed, now, settings)


def _add(series: dict[int, int], hour: int, amount: int) -> None:
    series[hour] = series.get(hour, 0) + amount
