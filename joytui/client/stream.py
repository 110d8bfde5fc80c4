"""The tail of requests: server-sent events in batches, decoded, reconnected.

Batches rather than single requests, and plain dicts rather than models: at 10,000 requests a second each layer counts.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from joytui.core.columnar import Block, block_of, from_json
from joytui.core.errors import JoytuiError, UnreachableError
from joytui.core.money import MoneyError, parse_credits
from joytui.core.request import FIELDS, Kind, RequestRecord
from joytui.core.sse import SseSplitter

# The gateway sends comments as a heartbeat while nothing happens; complete silence for this long means a dead connection.
SILENCE_LIMIT = 45.0
FIRST_RETRY = 0.25
LAST_RETRY = 5.0
SLICE = 250


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """The state of the tail: "connecting", "live", or "waiting" (lost, with the error, trying again in `retry_s`)."""

    name: Literal["connecting", "live", "waiting"]
    error: JoytuiError | None = None
    retry_s: float = 0.0


@dataclass(frozen=True, slots=True)
class RequestPage:
    """Requests in the order of the wire, newest first; `next` goes into `before` for the older page, None at the end."""

    records: tuple[RequestRecord, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class RequestBatch:
    """Some requests of the tail, oldest change first. A request comes when admitted (`status` None) and again when it
    ended: the same `id` replaces the earlier record. `seq` is where to continue after it. `rows` are RequestView's dicts."""

    seq: int
    rows: list[dict[str, Any]]

    @property
    def records(self) -> list[RequestRecord]:
        return [record_of(row) for row in self.rows]


@dataclass(frozen=True, slots=True)
class BlockPage:
    """A page by column, oldest first; `next` as in a RequestPage. The tail continues after `last_seq`; None if the gateway
    does not say it with its page."""

    block: Block
    next: str | None
    last_seq: int | None = None


@dataclass(slots=True)
class Backoff:
    """Doubles from a quarter of a second to five; `reset` after something worked."""

    delay: float = FIRST_RETRY

    def next(self) -> float:
        delay, self.delay = self.delay, min(self.delay * 2, LAST_RETRY)
        return delay

    def reset(self) -> None:
        self.delay = FIRST_RETRY


class Sequenced(Protocol):
    """What a tail brings: `seq` is where to continue after it."""

    @property
    def seq(self) -> int: ...


BatchT = TypeVar("BatchT", bound=Sequenced)
OnState = Callable[[ConnectionState], None]
Connect = Callable[[int | None, Callable[[], None]], AsyncGenerator[BatchT]]
"""One connection of a tail: what comes after that sequence; the function is called when it is live."""


async def reconnecting(
    connect: Connect[BatchT], after: int | None, on_state: OnState | None, *, where: str
) -> AsyncGenerator[BatchT]:
    """An endless tail: reconnects whenever the connection is lost, and continues where it was. Raises RefusedError."""
    tell = on_state or (lambda state: None)
    backoff = Backoff()
    while True:
        tell(ConnectionState("connecting"))
        try:
            async with aclosing(connect(after, lambda: tell(ConnectionState("live")))) as stream:
                async for batch in stream:
                    after = max(after or 0, batch.seq)
                    backoff.reset()
                    yield batch
            error: JoytuiError = UnreachableError("the gateway ended the stream", where=where)
        except UnreachableError as lost:
            error = lost
        delay = backoff.next()
        tell(ConnectionState("waiting", error, delay))
        await asyncio.sleep(delay)


async def batches(chunks: AsyncIterator[bytes]) -> AsyncGenerator[RequestBatch]:
    """The batches in a stream of the console API. Raises ValueError if it does not speak it."""
    async for data in _events(chunks):
        rows = data["requests"]
        if rows:
            yield RequestBatch(max(row["seq"] for row in rows), rows)


async def blocks(chunks: AsyncIterator[bytes]) -> AsyncGenerator[Block]:
    """The same by column. A gateway that does not know that form sends rows: they come in slices, so that keys and frames
    come between them."""
    async for data in _events(chunks):
        for block in page_blocks(data):
            yield block


def page_blocks(data: Mapping[str, Any]) -> Iterator[Block]:
    """What is in an answer that was asked for by column, oldest change first. Raises ValueError."""
    if "columns" in data:
        block = from_json(data["columns"])
        if block.rows:
            yield block
        return
    rows = data["requests"]
    for start in range(0, len(rows), SLICE):
        yield block_of(rows[start : start + SLICE])


async def _events(chunks: AsyncIterator[bytes]) -> AsyncGenerator[Any]:
    splitter = SseSplitter()
    async for chunk in chunks:
        for event in splitter.feed(chunk):
            yield json.loads(event.data)


_READ: dict[Kind, Callable[[Any], Any]] = {
    "count": lambda number: number or 0,
    "cost": lambda text: parse_credits(text or 0),
    "source": lambda name: name or "none",
    "flag": bool,
    "list": lambda words: tuple(words or ()),
}
_MEMBERS = tuple((field.name, field.member, _READ.get(field.kind)) for field in FIELDS)


def record_of(row: Mapping[str, Any]) -> RequestRecord:
    """A RequestView's plain data as a record. Raises ValueError if it is none."""
    try:
        values: dict[str, Any] = {
            name: row.get(member) if read is None else read(row.get(member)) for name, member, read in _MEMBERS
        }
        return RequestRecord(**values)
    except (AttributeError, TypeError, MoneyError) as error:
        raise ValueError(f"not a request record: {error}") from None
