"""Requests beyond one page of the console API."""

from __future__ import annotations

from joytui.client.console import ConsoleClient
from joytui.core.request import RequestRecord
from joytui.core.token_counts import Tests

PAGE = 500  # the most that the gateway gives at once


async def newest_requests(
    console: ConsoleClient,
    filter: str = "",
    *,
    since: str | None = None,
    until: str | None = None,
    limit: int = 0,
    tests: Tests = "in",
) -> list[RequestRecord]:
    """The newest `limit` requests (0: all) that the filter finds, newest first. `tests`: whether the doctor's are among them.

    Raises RefusedError, UnreachableError."""
    found: list[RequestRecord] = []
    before = None
    while limit == 0 or len(found) < limit:
        size = PAGE if limit == 0 else min(PAGE, limit - len(found))
        page = await console.requests(filter, since=since, until=until, limit=size, before=before, tests=tests)
        found += page.records
        before = page.next
        if before is None:
            break
    return found
