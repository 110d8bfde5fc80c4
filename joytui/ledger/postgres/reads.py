"""What is read in a way of this engine's own: how far the changes have come, and the newest pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from joytui.core.clock import now_ms
from joytui.core.columnar import Block
from joytui.core.filters import Term
from joytui.ledger.ids import COUNTER_BITS
from joytui.ledger.postgres.connections import Link
from joytui.ledger.records import DAY_MS, Entry, Page
from joytui.ledger.sql import blocks, reads

T = TypeVar("T")
NEAR_DAYS = 2


def last_seq(link: Link) -> int:
    """The number of the newest change that is committed."""
    return int(link.execute("SELECT seq FROM turn").fetchall()[0][0])


def page(link: Link, asked: Page) -> list[Entry]:
    """Newest first."""
    return _near_first(link, asked, reads.page, len)


def page_block(link: Link, asked: Page) -> Block:
    """The same by column, oldest first."""
    return _near_first(link, asked, blocks.page, lambda block: block.rows)


def _near_first(link: Link, asked: Page, look: Callable[[Link, Page], T], rows: Callable[[T], int]) -> T:
    """A page within NEAR_DAYS, if they fill it: planning a question over each day that is kept costs more than its answer."""
    top = now_ms() << COUNTER_BITS if asked.before is None else asked.before
    near = look(link, asked._replace(after=top - (NEAR_DAYS * DAY_MS << COUNTER_BITS)))
    return near if rows(near) == asked.limit else look(link, asked)


def newest_and(
    link: Link,
    changed: Callable[[Link, int, Term | None, int], T],
    nothing: T,
    after: int,
    term: Term | None,
    limit: int,
) -> tuple[int, T]:
    """The newest number, then what changed: what comes in between is read again, not missed."""
    newest = last_seq(link)
    return newest, changed(link, after, term, limit) if newest > after else nothing
