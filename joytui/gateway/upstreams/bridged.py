"""Runs the bridge over an upstream's Chat answer: chunks come in as they arrive, Responses events go out as bytes."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from joytui.core.clock import now_ms
from joytui.core.joytoken import UPSTREAM_ERROR
from joytui.core.sse import DONE
from joytui.gateway.bridge.answer import feed_completion
from joytui.gateway.bridge.echoed import BULKY
from joytui.gateway.bridge.encode import event_bytes, json_bytes
from joytui.gateway.bridge.errors import StreamError, find_error
from joytui.gateway.bridge.plain import PlainChunk
from joytui.gateway.bridge.request import ChatRequest
from joytui.gateway.bridge.stream import CHARACTERS_PER_TOKEN, Answer, ResponsesStream
from joytui.gateway.upstreams.exchange import ModelCall
from joytui.gateway.upstreams.observe import ChatReader

KEEP_ALIVE_S = 15.0
LINGER_S = 5.0
AFTER_DONE_S = 1.0
"""How long an upstream that said `[DONE]` may still tell its usage, if it has not."""
MAX_ANSWER_CHARS = 16 * 1024 * 1024
"""The longest text, thoughts and arguments of one answer, which the bridge has to keep to its end: some 4 million tokens."""


MOST_CHUNKS_HELD = 64
TOO_DEEP = "the upstream's answer is nested too deeply"

Events = list[dict[str, Any]]


class StreamBroken(Exception):
    """The upstream's bytes broke off; the text says how."""


@dataclass(slots=True)
class Bridge:
    """One bridged answer: the state machine, what it observes, and the call that it answers.

    `foreign`: the upstream has its own id for the answer, worth a note. `held`: chunks in which the upstream's own key may
    have begun.
    """

    stream: ResponsesStream
    reader: ChatReader
    call: ModelCall
    foreign: bool = True
    held: list[Any] = field(default_factory=list)
    done: bool = False

    @property
    def whole_answer(self) -> bool:
        """Nothing more is to come."""
        return self.stream.ended or (self.done and self.reader.seen.usage_seen)

    def feed(self, chunk: Any) -> bytes:
        if self.done:
            chunk = _counts_of(chunk)
        elif type(chunk) is str:
            self.done = chunk == DONE
        if (trail := self.reader.trail) is not None:
            trail.at = len(self.held)
        read = self.reader.take(chunk)
        if trail is None or (trail.quiet and not self.held):
            return event_bytes(self.stream.feed(chunk, read))
        self.held.append(chunk.to_json() if isinstance(chunk, PlainChunk) else chunk)
        waits = trail.holding and not self.reader.seen.complete and len(self.held) < MOST_CHUNKS_HELD
        return b"" if waits else event_bytes(self._let_go())

    def _let_go(self) -> Events:
        held, self.held, trail = self.held, [], self.reader.trail
        if trail is not None and trail.found:
            held = [json.loads(chunk) for chunk in trail.masked([json.dumps(chunk).encode() for chunk in held])]
        elif trail is not None:
            trail.passed()
        return [event for chunk in held for event in self.stream.feed(chunk)]

    def whole(self, completion: Any) -> Events:
        """A whole completion as events; `end` gives the last of them."""
        read = self.reader.take(completion)
        return feed_completion(self.stream, completion, read)

    def end(self) -> Events:
        self.reader.end()
        last = self._let_go()
        seen, call = self.reader.seen, self.call
        metadata = call.metadata(seen) if call.metadata is not None and self.stream.finish is not None else None
        self.stream.completed_at = now_ms() // 1000
        return [*last, *self._ended(self.stream.end(metadata))]

    def fail(self, error: StreamError) -> Events:
        self.reader.end()
        return self._ended(self.stream.fail(error))

    def failed(self, error: StreamError) -> bytes:
        """The same as bytes: `Exchange.fail`."""
        return event_bytes(self.fail(error))

    def _ended(self, events: Events) -> Events:
        seen, error = self.reader.seen, self.stream.error
        if self.foreign and self.reader.answer_id:
            seen.note(f"the upstream calls this answer {self.reader.answer_id[:100]}")
        for note in self.stream.notes:
            seen.note(note)
        if error is None and not seen.complete:  # [DONE] alone ended it
            seen.finish, seen.complete = self.stream.finish, True
        if error is not None:
            seen.error_type, seen.error_message = error.type or error.code, error.message
        return events


def open_bridge(call: ModelCall, chat: ChatRequest, reader: ChatReader, *, foreign: bool = True) -> Bridge:
    """A bridge for one call. The response id is new each time: Codex counts usage by it, and the record holds it."""
    reasoning = call.body.get("reasoning")
    summary = isinstance(reasoning, dict) and reasoning.get("summary") not in (None, "none")
    answer = Answer(
        f"resp_{uuid.uuid4().hex}",
        now_ms() // 1000,
        call.asked or call.model,
        chat.names,
        {**chat.echo, **BULKY} if from_codex(call.headers) else chat.echo,
        summary,
        reader.quirks,
        chat.compaction,
        len(call.raw) // CHARACTERS_PER_TOKEN + 1,
        call.asked is not None,
        chat.metadata,
    )
    for note in chat.notes:
        reader.seen.note(note)
    reader.seen.upstream_id = answer.id
    return Bridge(ResponsesStream(answer), reader, call, foreign)


def from_codex(headers: Mapping[str, str]) -> bool:
    """Whether Codex asks: it says so in `originator` (`codex_exec`, `codex_cli_rs`; 0.171.0, observed)."""
    return headers.get("originator", "").startswith("codex") or headers.get("user-agent", "").startswith("codex")


def _counts_of(chunk: Any) -> Any:
    """What counts of a chunk behind `[DONE]`: not an answer, and no error, for the answer was whole."""
    counts = {k: v for k, v in chunk.items() if k not in ("choices", "error")} if isinstance(chunk, dict) else None
    return None if counts and find_error(counts) else counts


async def bridged_events(
    bridge: Bridge, pieces: AsyncIterator[list[Any]], *, keep_alive: float = KEEP_ALIVE_S, linger: float = LINGER_S
) -> AsyncIterator[bytes]:
    """The event stream for chunks of parsed JSON, as many as arrive together at a time.

    Where the answer is limited, no piece has more output than `at_once` (`ModelCall`) and a chunk has. Ends with a
    terminal event whatever the upstream does. A stretch without output counts as silence also while the
    upstream writes (a freeform call is passed on when it is whole).
    """
    stream, seen, at_once = bridge.stream, bridge.reader.seen, bridge.call.at_once
    yield event_bytes(stream.start())
    last = time.monotonic()
    broken: StreamError | None = None
    try:
        async with aclosing(_arriving(bridge, pieces, keep_alive, linger)) as arriving:
            async for chunks in arriving:
                data, told = b"", seen.output_bytes
                for chunk in chunks:
                    data += bridge.feed(chunk)
                    if at_once and seen.output_bytes - told > at_once:
                        yield data
                        data, told, last = b"", seen.output_bytes, time.monotonic()
                if not data and time.monotonic() - last >= keep_alive:
                    data = event_bytes(stream.keep_alive())
                if data:
                    last = time.monotonic()
                yield data
    except StreamBroken as error:
        broken = StreamError(UPSTREAM_ERROR, str(error), UPSTREAM_ERROR)
    except RecursionError:
        broken = StreamError(UPSTREAM_ERROR, TOO_DEEP, UPSTREAM_ERROR)
    # an answer that had its finish reason is whole, whatever happened to the connection after it
    yield event_bytes(bridge.fail(broken) if broken is not None and not stream.finish else bridge.end())


async def _arriving(
    bridge: Bridge, pieces: AsyncIterator[list[Any]], keep_alive: float, linger: float
) -> AsyncGenerator[list[Any], None]:
    """The chunks of an answer, those that came together at a time, until it is whole; nothing at a time in a silent stretch. Who
    takes them feeds them to the bridge. Raises StreamBroken."""
    stream, seen = bridge.stream, bridge.reader.seen

    def patience() -> float:
        return min(AFTER_DONE_S, linger) if bridge.done else linger if stream.finish else keep_alive

    async with aclosing(with_pauses(pieces, patience)) as paused:
        async for chunks in paused:
            if chunks is None and (stream.finish or bridge.done):
                if not bridge.done:
                    seen.note("the upstream kept the stream open after its finish reason")
                return
            yield chunks or []
            if bridge.whole_answer:
                return
            if seen.output_bytes > MAX_ANSWER_CHARS:
                raise StreamBroken(f"the upstream's answer has more than {MAX_ANSWER_CHARS:,} characters")


async def bridged_whole(
    bridge: Bridge, pieces: AsyncIterator[list[Any]], *, linger: float = LINGER_S
) -> AsyncIterator[bytes]:
    """A whole Response put together from the chunks of a stream: a piece without anything while it grows, at the latest after
    `at_once` (`ModelCall`), then all of it. Raises StreamBroken where the answer is not whole."""
    seen, at_once = bridge.reader.seen, bridge.call.at_once
    try:
        async with aclosing(_arriving(bridge, pieces, KEEP_ALIVE_S, linger)) as arriving:
            async for chunks in arriving:
                told = seen.output_bytes
                for chunk in chunks:
                    bridge.feed(chunk)
                    if at_once and seen.output_bytes - told > at_once:
                        yield b""
                        told = seen.output_bytes
                yield b""
    except StreamBroken:
        if not bridge.stream.finish:
            raise
    yield bridged_body(bridge)


def bridged_body(bridge: Bridge) -> bytes:
    """The whole Response of a bridge that was fed with all there is."""
    bridge.end()
    bridge.reader.seen.complete = True
    return json_bytes(bridge.stream.response)


async def with_pauses(source: AsyncIterator[Any], patience: Callable[[], float]) -> AsyncGenerator[Any, None]:
    """The items of `source`, with None in between whenever none came for `patience()` seconds."""
    ahead = _Ahead(source)
    try:
        while (item := await ahead.take(patience())) is not _END:
            yield item
    finally:
        await ahead.aclose()


_END = object()


class _Ahead:
    """Reads a source in one task, an item or two ahead of who takes them: that one can give up waiting, and the source goes on.
    A task for each item, and a timer, would take as long as all else that is done for a small chunk."""

    __slots__ = ("_due", "_items", "_loop", "_room", "_taker", "_task", "_timer")

    def __init__(self, source: AsyncIterator[Any]) -> None:
        self._loop = asyncio.get_running_loop()
        self._items: deque[Any] = deque()
        self._taker: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._task = self._loop.create_task(self._read(source))
        self._task.add_done_callback(lambda _: _wake(self._taker))

    async def _read(self, source: AsyncIterator[Any]) -> None:
        async for item in source:
            while self._items:
                self._room = self._loop.create_future()
                await self._room
            self._items.append(item)
            _wake(self._taker)

    async def take(self, patience: float) -> Any:
        """The next item, None after this many seconds without one, _END after the last. Raises what the source raises."""
        if not self._items and not self._task.done():
            self._due = self._loop.time() + patience
            if self._timer is None or self._timer.when() > self._due:
                self._set_timer()
            self._taker = self._loop.create_future()
            await self._taker
        if self._items:
            _wake(self._room)
            return self._items.popleft()
        if self._task.done():
            self._task.result()
            return _END
        return None

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._due, self._look)

    def _look(self) -> None:
        """Wakes who has waited long enough. Each wait only moves the time: a timer for each would cost more."""
        self._timer = None
        if self._taker is not None and not self._taker.done():
            if self._loop.time() >= self._due:
                _wake(self._taker)
            else:
                self._set_timer()

    async def aclose(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
