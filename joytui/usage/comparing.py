"""Reading for the views over both sources: a gateway's spending by hour, and its records against Codex's files."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from joytui.core.clock import parse_time, rfc3339
from joytui.core.money import parse_credits
from joytui.core.periods import hour_of

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.token_counts import Tests
    from joytui.usage.reconcile import Reconciliation

RATE_DAYS = 7
EDGE = timedelta(minutes=15)  # a request and the note of it need not are on the same side of a range's end


async def hourly_spending(console: ConsoleClient, since: datetime) -> dict[int, int]:
    """Nano-credits by hour (Unix time in hours) since then, the doctor's tests with them: what a budget and a forecast need."""
    view = await console.usage(["hour"], since=rfc3339(since))
    return {hour_of(parse_time(row["hour"])): parse_credits(row["cost_credits"]) for row in view.rows if row["hour"]}


async def reconciled(
    console: ConsoleClient, home: Path, cache_dir: Path, since: datetime, until: datetime, tests: Tests = "out"
) -> Reconciliation:
    """Codex's responses against the gateway's requests of that time. `home` is a CODEX_HOME. `tests`: whether the doctor's, of
    which no Codex knows, are among them."""
    import asyncio

    from joytui.client.pages import newest_requests
    from joytui.codex.rollouts import read_responses
    from joytui.usage.reconcile import reconcile

    begin, end = since - EDGE, until + EDGE
    records = await newest_requests(console, since=rfc3339(begin), until=rfc3339(end), tests=tests)
    entries = await asyncio.to_thread(read_responses, home, cache_dir, begin, end)
    found = reconcile(entries, records)
    return replace(found, differences=tuple(one for one in found.differences if since <= one.time < until))
