"""Loading rows that are older than those here: a page when the user reaches the top, pages up to an older failure.

The workers ask the gateway, and look at Codex's turns of the same time, and post what came; the screen's handlers put it into
the rows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message
from textual.message_pump import MessagePump

from joytui.core.columnar import Block, block_of
from joytui.core.errors import JoytuiError
from joytui.tui.logs.shown import Shown

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.codex.rollouts import Turn
    from joytui.core.request import RequestRecord
    from joytui.core.token_counts import Tests
    from joytui.tui.logs.codex_turns import CodexTurns

PAGE = 500
LARGE_PAGE = 5_000
MOST_PAGES = 20
FAR_BACK = "the next failed request is far back; the filter is:error shows it"


@dataclass(frozen=True, slots=True)
class History:
    """Who knows of older requests: a gateway, Codex's turns on this machine, or both. `text`: the filter."""

    client: ConsoleClient | None
    codex: CodexTurns | None
    text: str = ""

    def asks_gateway(self, shown: Shown) -> bool:
        """Whether the gateway may have older ones."""
        return self.client is not None and shown.older != "end"

    def looks_at_codex(self, shown: Shown) -> bool:
        """Whether Codex may have older ones."""
        return self.codex is not None and bool(shown.turns_from)

    def more(self, shown: Shown) -> bool:
        """Whether anybody may have older requests than those that are here."""
        return self.asks_gateway(shown) or self.looks_at_codex(shown)


@dataclass(frozen=True, slots=True)
class Older:
    """Requests and turns from before those that are here. `next` goes into `shown.older`, `begin` into `shown.turns_from`, where
    they were asked for. `told`: the rows of turns that the filter would hide, if the gateway's rows of them were here."""

    block: Block
    next: str | None = None
    turns: tuple[Turn, ...] = ()
    begin: int | None = None
    told: frozenset[str] = frozenset()


class OlderCame(Message):
    """A page of requests that are older than what `shown` has; `edge` is what they were asked before."""

    def __init__(self, shown: Shown, page: Older, edge: str | None) -> None:
        super().__init__()
        self.shown = shown
        self.page = page
        self.edge = edge


class OlderEnded(Message):
    """The loading of `shown`'s history has ended: `found` is the request to go to, `words` what to say about it, `problem`
    what went wrong. `exhausted`: a failure was looked for, and no older one is there."""

    def __init__(
        self, shown: Shown, *, found: str = "", words: str = "", problem: str = "", exhausted: bool = False
    ) -> None:
        super().__init__()
        self.shown = shown
        self.found = found
        self.words = words
        self.problem = problem
        self.exhausted = exhausted


async def older_page(target: MessagePump, history: History, shown: Shown) -> None:
    """The body of a worker: one page."""
    await _reporting(target, shown, _page(target, history, shown, shown.older, PAGE))


async def older_error(target: MessagePump, history: History, shown: Shown) -> None:
    """The body of a worker: pages up to the newest failure that is older than all rows here."""
    search = _up_to_error if history.asks_gateway(shown) else _up_to_failed_turn
    await _reporting(target, shown, search(target, history, shown))


async def _reporting(target: MessagePump, shown: Shown, work: Awaitable[object]) -> None:
    try:
        await work
    except JoytuiError as error:
        target.post_message(OlderEnded(shown, problem=error.what))
    else:
        target.post_message(OlderEnded(shown))


async def _page(
    target: MessagePump, history: History, shown: Shown, edge: str | None, size: int, turns_from: int | None = None
) -> Older:
    page = Older(block_of([]))
    if history.client is not None and edge != "end":
        tests: Tests = (
            "out" if shown.term is not None and shown.store.hides_tests else "in"
        )  # the store sorts its own rows out
        asked = await history.client.newest(history.text, limit=size, before=edge, tests=tests)
        page = Older(asked.block, asked.next or "end")
    page = await _with_turns(history, shown, page, turns_from or shown.turns_from)
    target.post_message(OlderCame(shown, page, edge))
    return page


async def _with_turns(history: History, shown: Shown, page: Older, turns_from: int | None) -> Older:
    """The page with Codex's turns of its time; of all times, where the gateway has nothing older."""
    from joytui.core.filter_meaning import predicate
    from joytui.tui.logs.codex_turns import MOST
    from joytui.usage.newest import Wish, told_by_files
    from joytui.usage.turns import turn_record, turn_row_id

    if history.codex is None or not turns_from:
        return page
    low = min(page.block.numbers["time"], default=0) if page.next not in (None, "end") else 0
    found, begin = await history.codex.before(turns_from, MOST if low else PAGE, since=low)
    if shown.term is None:
        return Older(page.block, page.next, found, begin)
    passing = _passing(shown, found)
    for _ in range(MOST_PAGES):
        if passing or not begin or begin <= low:
            break
        found, begin = await history.codex.before(begin, MOST, since=low)
        passing = _passing(shown, found)
    told = await _told(history.client, passing)
    own = predicate(shown.term)
    passing = tuple(turn for turn in passing if turn_row_id(turn) in told or own(turn_record(turn)))
    block = _with_requests(page.block, told_by_files(told, Wish(history.text)))
    return Older(block, page.next, passing, begin, frozenset(told))


def _with_requests(block: Block, records: Sequence[RequestRecord]) -> Block:
    """A page with requests that only the files of their turns let pass, in the order of their times."""
    from joytui.core.request_lines import request_view
    from joytui.tui.logs.store import LogStore

    if not records:
        return block
    page = LogStore()
    page.held = True
    page.append_block(block)
    page.put_in_time(block_of([request_view(record) for record in sorted(records, key=lambda one: one.time)]))
    return page.block(range(len(page)))


def _passing(shown: Shown, turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    from joytui.core.filter_meaning import EVERYTHING, predicate, relaxed
    from joytui.usage.joined import FROM_ROLLOUT
    from joytui.usage.turns import turn_record

    assert shown.term is not None
    asked = relaxed(shown.term, FROM_ROLLOUT)
    passes = predicate(shown.term if asked == EVERYTHING else asked)
    return tuple(turn for turn in turns if passes(turn_record(turn)))


async def _told(client: ConsoleClient | None, turns: tuple[Turn, ...]) -> Mapping[str, Sequence[RequestRecord]]:
    from joytui.usage.newest import told_by

    return await told_by(client, turns) if client is not None and turns else {}


async def _up_to_error(target: MessagePump, history: History, shown: Shown) -> None:
    assert history.client is not None
    edge, turns_from = shown.older, shown.turns_from
    tests: Tests = "out" if shown.store.hides_tests else "in"
    wanted = await history.client.requests(f"{history.text} is:error".strip(), limit=1, before=edge, tests=tests)
    if not wanted.records:
        target.post_message(OlderEnded(shown, exhausted=True))
        return
    failure = wanted.records[0].id
    for _ in range(MOST_PAGES):
        page = await _page(target, history, shown, edge, LARGE_PAGE, turns_from)
        if failure in page.block.ids["id"]:
            target.post_message(OlderEnded(shown, found=failure))
            return
        if page.next in (None, "end"):
            break
        edge, turns_from = page.next, page.begin
    target.post_message(OlderEnded(shown, words=FAR_BACK))


async def _up_to_failed_turn(target: MessagePump, history: History, shown: Shown) -> None:
    """The same where Codex alone knows of older ones."""
    from joytui.usage.turns import turn_row_id

    turns_from = shown.turns_from
    for _ in range(MOST_PAGES):
        page = await _page(target, history, shown, shown.older, PAGE, turns_from)
        failed = next((turn for turn in page.turns if turn.outcome not in ("completed", "running")), None)
        if failed is not None:
            target.post_message(OlderEnded(shown, found=turn_row_id(failed)))
            return
        if not page.begin:
            target.post_message(OlderEnded(shown, exhausted=True))
            return
        turns_from = page.begin
    target.post_message(OlderEnded(shown, words=FAR_BACK))
