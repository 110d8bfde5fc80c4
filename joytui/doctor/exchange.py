"""One HTTP exchange with time limits: the request goes out byte for byte as given, the answer comes back in pieces.

HTTP/1.1 only, by h11 for the answer; the request head is written by hand, because the key's bytes must go out as Codex
sends them (non-ASCII included), which client libraries refuse.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import h11

from joytui.doctor.faults import NetFault
from joytui.doctor.limits import Limit, OutOfTime
from joytui.doctor.link import Link, Route, Target, Watch, socks_fault, unwatched

BODY_LIMIT = 256 * 1024
MAX_HEAD = 1024 * 1024  # a head of half a megabyte passes with Codex
MAX_HEADERS = 100
_OPEN_METHODS = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Request:
    """What goes out. `headers` without Host and Content-Length; values as bytes."""

    method: str
    headers: Sequence[tuple[str, bytes]] = field(repr=False)
    body: bytes = b""


class BodyBroken(Exception):
    """The body broke off; str() is Codex's word for it."""


@dataclass(slots=True)
class Answer:
    """The head of an answer, and its body as it comes."""

    status: int
    reason: str
    headers: Mapping[str, str]
    target: Target
    _pieces: Iterator[bytes]
    _close: Callable[[], None]
    peer: str = ""

    def header(self, name: str) -> str | None:
        return self.headers.get(name.lower())

    def pieces(self) -> Iterator[bytes]:
        """The body. Raises OutOfTime, Cancelled, BodyBroken."""
        return self._pieces

    def read(self, limit_bytes: int = BODY_LIMIT) -> bytes:
        """The body up to this many bytes, or what has arrived when it breaks off or time runs out."""
        data = b""
        try:
            for piece in self._pieces:
                data += piece
                if len(data) >= limit_bytes:
                    break
        except (OutOfTime, BodyBroken):
            pass  # what has come is what there is to judge
        finally:
            self.close()
        return data[:limit_bytes]

    def close(self) -> None:
        self._close()


@dataclass(slots=True)
class LimitHolder:
    """The limit of the body's next piece; the reader may move it while the body comes."""

    limit: Limit


def exchange(
    route: Route, request: Request, limit: Limit, *, watch: Watch = unwatched, holder: LimitHolder | None = None
) -> Answer:
    """Sends the request on a new connection and returns the answer's head. Raises NetFault, Cancelled.

    `holder` lets the caller change the limit while the body is read; without it, `limit` holds for all.
    """
    link = route.open(limit, watch)
    holder = holder or LimitHolder(limit)
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
    try:
        with watch("net.answer") as note:
            try:
                link.stream.send(_head(link, route.target, request) + request.body, limit)
            except BrokenPipeError:
                pass  # the answer may have come before the body was sent
            _pretend_sent(http, request)
            event = _response(http, link, route, limit)
            note(f"HTTP {event.status_code}")
    except OutOfTime:
        link.stream.close()
        raise NetFault(
            "no-response",
            f"{route.target.authority} accepted the request but gave no answer in time",
            route.target.url,
            timed_out=True,
        ) from None
    except OSError as error:
        link.stream.close()
        raise _reset(route, limit, f"broke the connection ({error.strerror or error})") from None
    except BaseException:
        link.stream.close()
        raise
    headers = _headers(event)
    pieces = _body(http, link, holder)
    reason = event.reason.decode("latin-1", "replace")
    return Answer(event.status_code, reason, headers, route.target, pieces, link.stream.close, link.peer)


def _refuse_as_codex(event: h11.Response, head: bytes) -> None:
    """What h11 takes and Codex's HTTP library does not: more than 100 headers, and headers that go on in the next line."""
    if len(event.headers) > MAX_HEADERS:
        raise h11.RemoteProtocolError(f"more than {MAX_HEADERS} headers")
    if re.search(rb"\n[ \t]+[^\s]", re.split(rb"\r?\n\r?\n", head, maxsplit=1)[0]):
        raise h11.RemoteProtocolError("a header continues on the next line")


def _response(http: h11.Connection, link: Link, route: Route, limit: Limit) -> h11.Response:
    """The head of the answer. Raises NetFault for what is none, OSError, OutOfTime, Cancelled."""
    head = b""
    try:
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                data = link.stream.receive(limit)
                if not head:
                    _check_first(data, route, limit)
                head += data
                http.receive_data(data)
            elif isinstance(event, h11.Response):
                _refuse_as_codex(event, head)
                return event
            elif not isinstance(event, h11.InformationalResponse):
                raise _reset(route, limit, "closed the connection before the answer was complete")
    except h11.RemoteProtocolError as error:
        raise NetFault(
            "not-a-gateway",
            f"{route.target.authority} does not speak HTTP ({error})",
            route.target.origin,
            {"garbage": True},
        ) from None


def _head(link: Link, target: Target, request: Request) -> bytes:
    path = target.url if link.absolute else target.path
    lines = [f"{request.method} {path} HTTP/1.1".encode("utf-8", "replace")]
    sent = [
        (name, value) for name, value in request.headers if name.lower() != "transfer-encoding"
    ]  # the length is known
    lines += [name.encode("ascii", "replace") + b": " + value for name, value in sent]
    if link.absolute and link.proxy_authorization:
        lines.append(b"proxy-authorization: " + link.proxy_authorization.encode())
    lines.append(b"host: " + target.authority.encode("utf-8", "replace"))
    if request.body or request.method not in _OPEN_METHODS:
        lines.append(b"content-length: " + str(len(request.body)).encode())
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _pretend_sent(http: h11.Connection, request: Request) -> None:
    """Tells the parser that a request went out: it only needs the method to know whether a body follows."""
    http.send(h11.Request(method=request.method, target="/", headers=[("host", "x")]))
    http.send(h11.EndOfMessage())


def _check_first(data: bytes, route: Route, limit: Limit) -> None:
    """The first bytes: there must be some, and they must not be a TLS alert."""
    if not data:
        raise _reset(route, limit, "closed the connection without an answer")
    if data[:1] == b"\x15" and route.target.scheme == "http":
        raise _tls_port(route)


def _tls_port(route: Route) -> NetFault:
    return NetFault(
        "tls-protocol-mismatch",
        f"base_url says http, and {route.target.authority} speaks TLS on that port",
        route.target.origin,
        {"use": "https"},
    )


def _reset(route: Route, limit: Limit, what: str) -> NetFault:
    if route.target.scheme == "http" and route.proxy is None and route.speaks_tls(limit):
        return _tls_port(route)
    if route.proxy is not None:
        if route.proxy.socks:
            return socks_fault(route.proxy)
        what = f"is asked through the proxy of {route.proxy.variable}, which {what}"
    return NetFault("connection-reset", f"{route.target.authority} {what}", route.target.origin)


def _headers(event: h11.Response) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in event.headers:
        key = name.decode("latin-1").lower()
        text = value.decode("utf-8", "replace")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def _body(http: h11.Connection, link: Link, holder: LimitHolder) -> Iterator[bytes]:
    try:
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                http.receive_data(link.stream.receive(holder.limit))
            elif isinstance(event, h11.Data):
                yield bytes(event.data)
            else:
                return
    except (h11.RemoteProtocolError, OSError):
        raise BodyBroken("error decoding response body") from None
    finally:
        link.stream.close()
