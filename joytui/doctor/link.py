"""The way to the gateway, step by step: resolver, TCP, proxy, TLS. One `Route` opens as many connections as needed.

Codex resolves a host itself only where no proxy serves it, so neither does the doctor. A proxy takes plain http
requests in absolute form and tunnels https with CONNECT (Codex 0.169.0, observed).
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from joytui.codex.urls import normalise
from joytui.doctor.faults import NetFault
from joytui.doctor.limits import Limit, OutOfTime
from joytui.doctor.tls import Trust, make_context, secure
from joytui.doctor.wire import Address, Attempt, ByteStream, ResolveError, TcpStream, TlsStream, connect, resolve

RESOLVE_LIMIT = 4.0
CONNECT_LIMIT = 5.0
PROXY_LIMIT = 5.0
TLS_QUESTION_LIMIT = 0.7
_DEFAULT_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080, "socks4": 1080}

Note = Callable[[str], None]
Watch = Callable[[str], AbstractContextManager[Note]]
"""Brackets a step by its id; what is noted becomes the step's summary."""


@contextmanager
def unwatched(_: str) -> Iterator[Note]:
    """A Watch that keeps no record."""
    yield lambda _: None


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: an http(s) origin and the path with its query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them: without the default port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def url(self) -> str:
        return self.origin + self.path


def target_of(url: str) -> Target:
    """What Codex would connect to for this URL. Raises ValueError for what Codex can send no request to."""
    wire, error = normalise(url)
    if error:
        raise ValueError(f"not an http address: {url!r} ({error})")
    parts = urlsplit(wire)
    port = _DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port
    return Target(parts.scheme, str(parts.hostname), port, wire.removeprefix(f"{parts.scheme}://{parts.netloc}"))


@dataclass(frozen=True, slots=True)
class Proxy:
    """The proxy in use: its URL, and the variable that named it."""

    url: str
    variable: str

    @property
    def socks(self) -> bool:
        """Whether the URL names a SOCKS proxy. Codex speaks HTTP to it all the same, which ports for both take."""
        return self.url.lower().startswith("socks")

    def parts(self) -> SplitResult:
        """Raises NetFault("proxy-invalid")."""
        text = self.url if "://" in self.url else f"http://{self.url}"
        try:
            parts = urlsplit(text)
            if not parts.hostname:
                raise ValueError("no host")
            _ = parts.port
        except ValueError as error:
            raise NetFault(
                "proxy-invalid", f"{self.variable} is not a usable proxy address ({error})", self.variable
            ) from None
        if parts.scheme not in ("http", "https", "socks5", "socks5h", "socks4", "socks4a"):
            raise NetFault(
                "proxy-invalid", f"{self.variable} names a proxy of an unknown kind ({parts.scheme}:)", self.variable
            )
        return parts


@dataclass(slots=True)
class Link:
    """An open connection. `absolute`: requests name the whole URL, since a proxy reads them."""

    stream: ByteStream
    absolute: bool
    proxy_authorization: str | None
    peer: str
    tls: str | None = None


@dataclass(slots=True)
class Route:
    """Opens connections to one origin. Addresses are resolved once, and what was tried is kept for the report."""

    target: Target
    proxy: Proxy | None
    trust: Trust
    tunnels: bool = field(
        default=False, kw_only=True
    )  # also plain http goes through the proxy by CONNECT, as WebSockets do
    attempts: list[Attempt] = field(default_factory=list)
    _addresses: list[Address] = field(default_factory=list)
    _tls_answers: bool | None = None

    def open(self, limit: Limit, watch: Watch = unwatched) -> Link:
        """A connection that is ready for a request. Raises NetFault, Cancelled."""
        authorization = _basic(self.proxy.parts()) if self.proxy else None
        if self.target.scheme == "http":
            absolute = self.proxy is not None and not self.tunnels
            stream = self._to_proxy(limit, watch) if absolute else self._tunnel(limit, watch, authorization)
            return Link(stream, absolute, authorization if absolute else None, self._peer())
        first: list[ByteStream] = [self._tunnel(limit, watch, authorization)]

        def fresh() -> ByteStream:
            return first.pop() if first else self._tunnel(limit, unwatched, authorization)

        with watch("net.tls") as note:
            try:
                tls = secure(fresh, self.target.host, self.trust, limit, lambda: self._speaks_plain(limit))
            except OutOfTime:
                raise NetFault(
                    "no-response", "there was no time left for TLS", self.target.origin, timed_out=True
                ) from None
            note(f"{tls.version()}, certificate valid for {self.target.host}")
        return Link(tls, False, None, self._peer(), tls.version())

    def speaks_tls(self, limit: Limit) -> bool:
        """Whether the port of a plain http target answers a TLS greeting. Asked once, without sending anything else."""
        if self._tls_answers is None:
            self._tls_answers = self._ask_tls(limit.within(TLS_QUESTION_LIMIT))
        return self._tls_answers

    def _ask_tls(self, short: Limit) -> bool:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            stream = TlsStream(self._direct(short, unwatched), context, self.target.host)
        except (NetFault, OutOfTime):
            return False
        try:
            stream.handshake(short)
            return True
        except (OSError, OutOfTime):
            return stream.first[:1] in (b"\x16", b"\x15")
        finally:
            stream.close()

    # --- one step each ------------------------------------------------------------------------------------------------

    def _tunnel(self, limit: Limit, watch: Watch, authorization: str | None) -> ByteStream:
        if self.proxy is None:
            return self._direct(limit, watch)
        stream = self._to_proxy(limit, watch)
        with watch("net.proxy") as note:
            _connect_through(stream, self.target, authorization, self.proxy, limit.within(PROXY_LIMIT))
            note(f"{self.proxy.variable} opened a tunnel to {self.target.host}")
        return stream

    def _direct(self, limit: Limit, watch: Watch) -> TcpStream:
        host = self.target.host
        with watch("net.dns") as note:
            if not self._addresses:
                self._addresses = _resolved(host, self.target.port, limit)
            note(f"{host} is {', '.join(a.text for a in self._addresses[:4])}")
        with watch("net.tcp") as note:
            stream = self._connected(limit, self._addresses, host)
            note(f"connected to {stream.peer}")
        return stream

    def _connected(self, limit: Limit, addresses: list[Address], host: str) -> TcpStream:
        tried: list[Attempt] = []
        try:
            stream = connect(addresses, limit.within(CONNECT_LIMIT), tried)
        except OutOfTime:
            listed = ", ".join(a.text for a in addresses[:4])
            raise NetFault(
                "connection-timeout", f"no answer from {listed}", f"{host}:{self.target.port}", timed_out=True
            ) from None
        except OSError as error:
            raise _tcp_fault(error, host, self.target.port, tried) from None
        finally:
            self.attempts.extend(tried)
        return stream

    def _to_proxy(self, limit: Limit, watch: Watch) -> ByteStream:
        assert self.proxy is not None, "only resolved when there is a proxy"
        parts = self.proxy.parts()
        host, port = str(parts.hostname), parts.port or _DEFAULT_PORTS.get(parts.scheme, 1080)
        with watch("net.proxy") as note:
            try:
                addresses = resolve(host, port, limit.within(RESOLVE_LIMIT))
                stream: ByteStream = connect(addresses, limit.within(CONNECT_LIMIT), self.attempts)
                if parts.scheme == "https":
                    tls = TlsStream(stream, make_context(self.trust), host)
                    tls.handshake(limit.within(PROXY_LIMIT))
                    stream = tls
            except (OSError, OutOfTime) as error:
                why = "no answer" if isinstance(error, OutOfTime) else str(error)
                raise NetFault(
                    "proxy-unreachable",
                    f"{self.proxy.variable} names the proxy {host}:{port}, which cannot be reached ({why})",
                    self.proxy.variable,
                    {"proxy": f"{host}:{port}", "variable": self.proxy.variable},
                ) from None
            note(f"{self.proxy.variable}: {host}:{port} answers")
        return stream

    def _speaks_plain(self, limit: Limit) -> bool:
        """Whether the port of an https target answers plain HTTP. Sends a HEAD without a key."""
        short = limit.within(1.5)
        try:
            stream = self._tunnel(short, unwatched, _basic(self.proxy.parts()) if self.proxy else None)
            try:
                stream.send(
                    f"HEAD / HTTP/1.1\r\nHost: {self.target.authority}\r\nConnection: close\r\n\r\n".encode(), short
                )
                return stream.receive(short).startswith(b"HTTP/")
            finally:
                stream.close()
        except (NetFault, OSError, OutOfTime):
            return False

    def _peer(self) -> str:
        connected = [a.address.text for a in self.attempts if a.error is None]
        return connected[-1] if connected else self.target.host


def _resolved(host: str, port: int, limit: Limit) -> list[Address]:
    try:
        return resolve(host, port, limit.within(RESOLVE_LIMIT))
    except ResolveError as error:
        raise NetFault("dns-failure", f"the name {host} cannot be resolved: {error}", host) from None
    except OutOfTime:
        raise NetFault("dns-failure", f"no resolver answered for {host}", host, {"resolver": "silent"}) from None


def _tcp_fault(error: OSError, host: str, port: int, tried: list[Attempt]) -> NetFault:
    import errno

    listed = "; ".join(f"{a.address.text}: {a.error or 'no answer'}" for a in tried[:4])
    details = {"tried": [a.address.text for a in tried], "errno": errno.errorcode.get(error.errno or 0, str(error))}
    where = f"{host}:{port}"
    if error.errno == errno.ECONNREFUSED:
        return NetFault("connection-refused", f"nothing listens at {where}", where, details)
    if error.errno in (errno.ETIMEDOUT,):
        return NetFault("connection-timeout", f"no answer from {where}", where, details, timed_out=True)
    if error.errno in (errno.ECONNRESET,):
        return NetFault("connection-reset", f"{where} reset the connection", where, details)
    return NetFault("connection-refused", f"{where} cannot be reached ({listed or error})", where, details)


def _basic(parts: SplitResult) -> str | None:
    if not parts.username:
        return None
    userinfo = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return "Basic " + base64.b64encode(userinfo.encode("utf-8", "surrogateescape")).decode()


def _connect_through(stream: ByteStream, target: Target, authorization: str | None, proxy: Proxy, limit: Limit) -> None:
    where = f"{target.host}:{target.port}"
    extra = f"Proxy-Authorization: {authorization}\r\n" if authorization else ""
    try:
        stream.send(f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n{extra}\r\n".encode("latin-1", "replace"), limit)
        head = _read_head(stream, limit)
    except OutOfTime:
        stream.close()
        raise _refused(proxy, "proxy-unreachable", f"did not answer when asked for {where}") from None
    except OSError as error:
        stream.close()
        raise _refused(proxy, "proxy-denied", f"broke the connection when asked for {where} ({error})") from None
    status = head.split(b" ", 2)
    if not head.startswith(b"HTTP/") or len(status) < 2 or not status[1].isdigit():
        stream.close()
        raise _refused(proxy, "proxy-denied", f"did not answer like a proxy when asked for {where}")
    code = int(status[1])
    if not 200 <= code < 300:
        stream.close()
        wants = " (it requires a login)" if code == 407 else ""
        raise NetFault(
            "proxy-denied",
            f"the proxy of {proxy.variable} answered {code} when asked for {where}{wants}",
            proxy.variable,
            {"status": code, "variable": proxy.variable},
        )


def _refused(proxy: Proxy, cause: str, what: str) -> NetFault:
    if proxy.socks:
        return socks_fault(proxy)
    return NetFault(cause, f"the proxy of {proxy.variable} {what}", proxy.variable, {"variable": proxy.variable})


def socks_fault(proxy: Proxy) -> NetFault:
    """Codex 0.169.0 takes socks5:// and the like for an HTTP proxy (observed: no SOCKS greeting is sent)."""
    return NetFault(
        "proxy-invalid",
        f"{proxy.variable} names a SOCKS proxy, to which Codex speaks HTTP",
        proxy.variable,
        {"variable": proxy.variable, "kind": "socks"},
    )


def _read_head(stream: ByteStream, limit: Limit) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data and len(data) < 65536:
        piece = stream.receive(limit)
        if not piece:
            break
        data += piece
    return data
