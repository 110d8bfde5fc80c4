"""What is read in a way of this engine's own: how far the changes have come."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from joytui.core.filters import Term
from joytui.ledger.postgres.connections import Link

T = TypeVar("T")


def last_seq(link: Link) -> int:
    """The number of the newest change that is committed."""
    return int(link.execute("SELECT seq FROM turn").fetchall()[0][0])


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
