"""The HTTP protocol under uvicorn: httptools (a quarter less CPU a request than h11, measured), with caps of our own.

llhttp itself accepts endless headers, uvicorn waits forever for the rest of a request and queues pipelined requests
without bound. Here headers have a cap, the queue has one, a request that has begun must go on, and connections have a bound.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from joytui.core.joytoken import INVALID_REQUEST, UPSTREAM_ERROR
from joytui.gateway.descriptors import Room
from joytui.gateway.upstreams.exchange import error_body

SLACK = 4096
"""For the request line, and so that the guard's own 431 is what a client meets first."""
MOST_PIPELINED = 16
"""Requests that wait on one connection for an answer to the one before: no client that we know sends even two."""
LINGER_S = 1.0
"""How long one that was refused may go on sending: who is cut off while it sends does not read why."""
LAST_S = 0.5
"""How long a connection without a request stays open once the gateway ends: a request may be on its way on it."""
_STATUS = {400: b"400 Bad Request", 408: b"408 Request Timeout", 503: b"503 Service Unavailable\r\nretry-after: 1"}


CLIENT = "joytui.client"
"""The member of the scope that has the request's `Client`."""


class Client:
    """Who sent the requests of one connection. `when_gone` notifies those concerned without a task that waits for it: such a task
    took a twentieth of a request."""

    __slots__ = ("_flow", "_gone", "_tell")

    def __init__(self, flow: Any) -> None:
        self._flow = flow
        self._gone = False
        self._tell: set[Callable[[], object]] = set()

    def when_gone(self, tell: Callable[[], object]) -> None:
        """Calls `tell` once when the client closes the connection; at once where it has."""
        if self._gone:
            tell()
            return
        self._tell.add(tell)
        self._flow.resume_reading()  # who does not read does not see the end

    def forget(self, tell: Callable[[], object]) -> None:
        self._tell.discard(tell)

    def gone(self) -> None:
        self._gone = True
        tell, self._tell = self._tell, set()
        for one in tell:
            one()


class _HeadFirst:
    """A connection's transport that sends the head of an answer together with the body that follows at once: uvicorn writes the
    two apart, and each write is a system call and a packet. `body_follows`: the answer will have one (HEAD's has none)."""

    __slots__ = ("_head", "_transport", "body_follows")

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._head = b""
        self.body_follows = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if self._head:
            data, self._head = self._head + data, b""
        elif self.body_follows and data.startswith(b"HTTP/1.1 2") and b"\r\ncontent-length: " in data:
            self._head = data
            return
        self._transport.write(data)

    def close(self) -> None:
        if self._head:
            self.write(b"")
        self._transport.close()

    def is_closing(self) -> bool:
        return bool(self._transport.is_closing())


class TooManyPipelined(Exception):
    """Raised within the parser, which then gives the connection up."""


class Capped(HttpToolsProtocol):
    """`head_limit`: bytes before a request's headers are complete. `wait_s`: the time for a connection's first byte, for all
    headers of a request, and for each further piece of its body. `body_s`: the time for all of a body. `room`: how many may be
    connected. `leaving`: whether the gateway ends, so that each request is the last of its connection."""

    head_limit: int
    wait_s: float
    body_s: float
    room: Room
    leaving: Callable[[], bool]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes = 0
        self._in_head = True
        self._whole = False
        self._client: Client
        self._head_first: _HeadFirst
        self._due: asyncio.TimerHandle | None = None
        self._body_by = 0.0
        self._too_many = False
        self._last: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._head_first = _HeadFirst(transport)
        self.transport = self._head_first  # type: ignore[assignment]
        self._client = Client(self.flow)
        self._await_more()
        if len(self.connections) > self.room.connections:
            self._too_many = True
            self.room.say_full()
            for other in list(self.connections):
                if isinstance(other, Capped) and other.is_idle:
                    other.transport.close()

    @property
    def is_idle(self) -> bool:
        """Kept open in case that another request comes."""
        return self.cycle is not None and self.cycle.response_complete

    def connection_lost(self, exc: Exception | None) -> None:
        self._await_nothing()
        if self._last is not None:
            self._last.cancel()
        super().connection_lost(exc)
        self._client.gone()

    def data_received(self, data: bytes) -> None:
        if self._too_many:
            self._no_room()
            return
        if self._in_head:
            self._head_bytes += len(data)
        self._whole = False
        super().data_received(data)
        if self._in_head and self._head_bytes > self.head_limit + SLACK and not self.transport.is_closing():
            self.send_400_response(f"headers too large: at most {self.head_limit} bytes (max_header_bytes)")
        if self._whole or self.transport.is_closing():
            self._await_nothing()
        elif self._due is None or not self._in_head:
            self._await_more()

    # --- a request that does not go on --------------------------------------------------------------------------------

    def _await_more(self) -> None:
        self._await_nothing()
        by = self.loop.time() + self.wait_s
        if not self._in_head and not self.flow.read_paused:
            by = min(by, self._body_by)
        self._due = self.loop.call_at(by, self._too_slow)

    def _await_nothing(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _too_slow(self) -> None:
        if self.flow.read_paused:  # it is we who do not read
            self._await_more()
        elif not self.transport.is_closing():
            answering = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
            if self._head_bytes and not answering:
                late = not self._in_head and self.loop.time() >= self._body_by
                why = f": its body may take {self.body_s:g} s (body_wait_s)" if late else ""
                self._refuse(408, f"the request was not complete in time{why}")
            self.transport.close()

    def _no_room(self) -> None:
        if self._whole:
            return  # already reported
        self._whole = True
        self._refuse(503, "the gateway has no room for another connection; try again", UPSTREAM_ERROR)
        self._await_nothing()
        wait = LINGER_S if len(self.connections) <= self.room.connections + self.room.burst else 0
        self._due = self.loop.call_later(wait, self.transport.close)

    # --- the gateway ends ---------------------------------------------------------------------------------------------

    def shutdown(self) -> None:
        """A request that runs is the last one. Without one: a request may have been sent already, so it is waited for."""
        if self.cycle is not None and not self.is_idle:
            super().shutdown()
        elif self._last is None:
            self._last = self.loop.call_later(LAST_S, self._leave)

    def _leave(self) -> None:
        if not self._head_bytes and (self.cycle is None or self.is_idle):
            self.transport.close()

    # --- refusals before there is a request ---------------------------------------------------------------------------

    def send_400_response(self, msg: str) -> None:
        """In the gateway's own error shape."""
        self._refuse(400, msg)
        self.transport.close()

    def _refuse(self, status: int, message: str, kind: str = INVALID_REQUEST) -> None:
        body = error_body(message, kind)
        head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
        self.transport.write(head % (_STATUS[status], len(body)) + body)

    # --- the parser's calls -------------------------------------------------------------------------------------------

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= MOST_PIPELINED:
            raise TooManyPipelined
        self._in_head = False
        self._head_first.body_follows = self.parser.get_method() == b"POST"
        self._body_by = self.loop.time() + self.body_s
        self.scope[CLIENT] = self._client  # type: ignore[literal-required]
        super().on_headers_complete()
        if self.leaving():
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        self._whole = True
        super().on_message_complete()


def capped(head_limit: int, wait_s: float, body_s: float, room: Room, leaving: Callable[[], bool]) -> type[Capped]:
    """The protocol with these limits: uvicorn makes one of it for each connection, and gives it none of ours."""
    ours = {
        "head_limit": head_limit,
        "wait_s": wait_s,
        "body_s": body_s,
        "room": room,
        "leaving": staticmethod(leaving),
    }
    return type("CappedHere", (Capped,), ours)
