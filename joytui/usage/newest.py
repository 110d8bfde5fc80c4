"""The newest requests by all that tell of them: a gateway, where there is one to ask, and this machine's rollouts, joined."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from joytui.codex.rollouts import Turn
from joytui.codex.rollouts.tail import TurnTail
from joytui.core.clock import parse_time, rfc3339
from joytui.core.errors import RefusedError
from joytui.core.filter_meaning import EVERYTHING, predicate, relaxed
from joytui.core.filters import Term, parse
from joytui.core.request import RequestRecord
from joytui.core.token_counts import Tests
from joytui.usage.joined import FROM_ROLLOUT, SLACK_MS, TurnIndex, join, told_by_rollout
from joytui.usage.turns import PREFIX, turn_record, turn_row_id

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient

Source = Literal["gateway", "codex", "both"]
SOURCES: tuple[Source, ...] = ("gateway", "codex", "both")
TELEMETRY_ALONE = "source:telemetry"
MARGIN = timedelta(hours=1)
"""A turn that began up to this long before the oldest request may still have sent it."""
FIRST_TURNS = 200
THREAD_LENGTH = 36
ASKED = 40
"""Turns that a gateway is asked about at a time: their threads are in an address."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Which requests are wanted. `since`, `until`: RFC 3339. `tests`: whether the doctor's are among them."""

    filter: str = ""
    since: str | None = None
    until: str | None = None
    tests: Tests = "out"
    source: Source = "both"

    @property
    def gateway_filter(self) -> str:
        """What the gateway is asked: for Codex's own words that is telemetry alone."""
        return f"{self.filter} {TELEMETRY_ALONE}".strip() if self.source == "codex" else self.filter

    def passes(self) -> Callable[[RequestRecord], bool]:
        """The filter over records that no store has."""
        return predicate(parse(self.filter))

    @property
    def told_by_files(self) -> Term:
        """What the filter asks of what Codex's files alone may know of a request (FROM_ROLLOUT): its branch, above all."""
        return relaxed(parse(self.filter), FROM_ROLLOUT)

    def may_pass(self) -> Callable[[RequestRecord], bool]:
        """Which of Codex's turns may have a request that passes, or pass themselves."""
        asked, passes = self.told_by_files, self.passes()
        if asked == EVERYTHING:
            return passes
        return predicate(asked)


async def newest(console: ConsoleClient | None, turns: TurnTail | None, wish: Wish, limit: int) -> list[RequestRecord]:
    """The newest `limit` (0: all), oldest first. Raises RefusedError, UnreachableError, FilterError."""
    records = await _of_gateway(console, wish, limit) if console is not None else []
    if turns is not None:
        full = 0 < limit <= len(records)
        low = max(filter(None, [wish.since, records[-1].time if full else None]), default=None)
        records, alone = join(records, _near(turns, wish, low, limit + len(records) if limit else None))
        if wish.told_by_files != EVERYTHING:
            records = [*filter(wish.passes(), records)]  # what only the join told may speak against them
        records += await _rows(console, alone, wish, low)
    records.sort(key=lambda record: record.time)
    return records[-limit:] if limit else records


async def one_request(console: ConsoleClient | None, turns: TurnTail | None, request_id: str) -> RequestRecord | None:
    """A request by any of its ids; a turn by the id of its row. None if it is unknown."""
    found = await console.request(request_id) if console is not None else None
    if found is not None or turns is None or not request_id.startswith(PREFIX):
        return found
    thread = request_id.removeprefix(PREFIX)[:THREAD_LENGTH]
    return next((turn_record(turn) for turn in turns.of_thread(thread) if turn_row_id(turn) == request_id), None)


async def _of_gateway(console: ConsoleClient, wish: Wish, limit: int) -> list[RequestRecord]:
    from joytui.client.pages import newest_requests

    try:
        return await newest_requests(
            console, wish.gateway_filter, since=wish.since, until=wish.until, limit=limit, tests=wish.tests
        )
    except RefusedError:
        if wish.source != "codex":
            raise
        return []  # an older gateway, which knows nothing of telemetry


async def _rows(
    console: ConsoleClient | None, alone: Sequence[Turn], wish: Wish, low: str | None
) -> list[RequestRecord]:
    """The rows of turns of which no request came: those that pass, without those whose requests did not; and the requests that only
    the turn's file lets pass."""
    passes, may_pass = wish.passes(), wish.may_pass()
    rows = {turn_row_id(turn): turn_record(turn) for turn in alone if low is None or rfc3339(turn.time) >= low}
    rows = {own: row for own, row in rows.items() if may_pass(row)}
    found: list[RequestRecord] = []
    if console is not None and (wish.filter or wish.until or wish.source == "codex"):
        told = await told_by(console, [turn for turn in alone if turn_row_id(turn) in rows], wish.source)
        rows = {own: row for own, row in rows.items() if own not in told}
        found = told_by_files(told, wish)
    return [*filter(passes, rows.values()), *found]


def told_by_files(told: Mapping[str, Sequence[RequestRecord]], wish: Wish) -> list[RequestRecord]:
    """Of the requests that a gateway has of turns, those that the filter finds by what the turns' files tell of them."""
    if wish.told_by_files == EVERYTHING:
        return []
    passes = wish.passes()
    return [
        record
        for records in told.values()
        for record in records
        if passes(record)
        and (wish.since is None or record.time >= wish.since)
        and (wish.until is None or record.time < wish.until)
        and (wish.tests == "in" or not record.doctor)
    ]


def _near(tail: TurnTail, wish: Wish, low: str | None, many: int | None) -> list[Turn]:
    """Turns, newest first, until this many match (None: all); also those before `low` that may belong to a request after it."""
    found: list[Turn] = []
    passes, passed = wish.may_pass(), 0
    since = parse_time(low) - MARGIN if low else None
    until = parse_time(wish.until) if wish.until else None
    for turn in _each(tail, until, since, many or FIRST_TURNS):
        found.append(turn)
        passed += passes(turn_record(turn))
        if many is not None and passed >= many:
            break
    return found


def _each(tail: TurnTail, before: datetime | None, since: datetime | None, many: int) -> Iterator[Turn]:
    """Turns, newest first, a page at a time; each page is twice the one before, since it reads some files again."""
    while page := tail.before(before, many, since=since):
        yield from page
        if len(page) < many:
            return
        before, many = page[-1].time, 2 * many


async def told_by(
    console: ConsoleClient, turns: Sequence[Turn], source: Source = "both"
) -> dict[str, list[RequestRecord]]:
    """The requests that a gateway has of these turns, whatever they are, by the ids of the turns' rows, with what the turns' files
    tell of them; turns without one are left out."""
    from joytui.client.pages import newest_requests

    told: dict[str, list[RequestRecord]] = {}
    for at in range(0, len(turns), ASKED):
        some = turns[at : at + ASKED]
        index = TurnIndex(some)
        since = rfc3339(min(turn.time for turn in some) - timedelta(milliseconds=SLACK_MS))
        asked = f"thread:{','.join({turn.thread for turn in some if turn.thread})}"
        if source == "codex":
            asked += f" {TELEMETRY_ALONE}"
        for record in await newest_requests(console, asked, since=since):
            if (turn := index.of_record(record)) is not None:
                told.setdefault(turn_row_id(turn), []).append(told_by_rollout(record, turn))
    return told
