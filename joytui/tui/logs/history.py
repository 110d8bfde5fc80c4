"""Loading what is older than the rows that are here: a page when the user reaches the top, pages up to an older failure.

The workers ask the gateway and post what came; the screen's handlers put it into the rows.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from textual.message import Message
from textual.message_pump import MessagePump

from joytui.core.errors import JoytuiError
from joytui.tui.logs.shown import Shown

if TYPE_CHECKING:
    from joytui.client.console import BlockPage, ConsoleClient
    from joytui.core.token_counts import Tests

PAGE = 500
LARGE_PAGE = 5_000
MOST_PAGES = 20
FAR_BACK = "the next failed request is far back: the filter is:error shows it"


class OlderCame(Message):
    """A page of requests that are older than what `shown` has; `edge` is what they were asked before."""

    def __init__(self, shown: Shown, page: BlockPage, edge: str | None) -> None:
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


async def older_page(target: MessagePump, client: ConsoleClient, shown: Shown, text: str) -> None:
    """The body of a worker: one page."""
    await _reporting(target, shown, _page(target, client, shown, text, shown.older, PAGE))


async def older_error(target: MessagePump, client: ConsoleClient, shown: Shown, text: str) -> None:
    """The body of a worker: pages up to the newest failure that is older than all rows here."""
    await _reporting(target, shown, _up_to_error(target, client, shown, text))


async def _reporting(target: MessagePump, shown: Shown, work: Awaitable[object]) -> None:
    try:
        await work
    except JoytuiError as error:
        target.post_message(OlderEnded(shown, problem=error.what))
    else:
        target.post_message(OlderEnded(shown))


async def _page(
    target: MessagePump, client: ConsoleClient, shown: Shown, text: str, edge: str | None, size: int
) -> BlockPage:
    tests: Tests = (
        "out" if shown.term is not None and shown.store.hides_tests else "in"
    )  # the store sorts its own rows out
    page = await client.newest(text, limit=size, before=edge, tests=tests)
    target.post_message(OlderCame(shown, page, edge))
    return page


async def _up_to_error(target: MessagePump, client: ConsoleClient, shown: Shown, text: str) -> None:
    edge = shown.older
    tests: Tests = "out" if shown.store.hides_tests else "in"
    wanted = await client.requests(f"{text} is:error".strip(), limit=1, before=edge, tests=tests)
    if not wanted.records:
        target.post_message(OlderEnded(shown, exhausted=True))
        return
    failure = wanted.records[0].id
    for _ in range(MOST_PAGES):
        page = await _page(target, client, shown, text, edge, LARGE_PAGE)
        if failure in page.block.ids["id"]:
            target.post_message(OlderEnded(shown, found=failure))
            return
        if page.next is None:
            break
        edge = page.next
    target.post_message(OlderEnded(shown, words=FAR_BACK))
