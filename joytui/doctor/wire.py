"""Byte streams with time limits: TCP, and TLS on top of any of them (so that TLS runs inside a proxy's TLS, too)."""

from __future__ import annotations

import errno
import queue
import select
import socket
import ssl
import threading
from dataclasses import dataclass, field
from typing import Any, Protocol

from joytui.doctor.limits import Limit, OutOfTime

STAGGER = 0.25  # how long one address may keep the next one waiting, seconds (RFC 8305)


class ByteStream(Protocol):
    """What HTTP needs: bytes out, bytes in (b"" at the end), each within a limit."""

    def send(self, data: bytes, limit: Limit) -> None: ...
    def receive(self, limit: Limit) -> bytes: ...
    def close(self) -> None: ...


class ResolveError(OSError):
    """The name has no address; str() is the resolver's reason."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address of a name, as the socket calls take it."""

    family: int
    sockaddr: tuple[Any, ...]

    @property
    def text(self) -> str:
        host, port = self.sockaddr[0], self.sockaddr[1]
        return f"[{host}]:{port}" if self.family == socket.AF_INET6 else f"{host}:{port}"


def resolve(host: str, port: int, limit: Limit) -> list[Address]:
    """All addresses, in the system's order. In a daemon thread, since getaddrinfo cannot be stopped; an address needs no resolver,
    so that no busy machine makes one look silent.

    Raises ResolveError, OutOfTime, Cancelled.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        return list(dict.fromkeys(Address(info[0], info[4]) for info in found))
    except (OSError, UnicodeError, ValueError, OverflowError):
        pass
    answers: queue.SimpleQueue[list[Address] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put([Address(info[0], info[4]) for info in found])
        except (OSError, UnicodeError, ValueError, OverflowError) as error:
            answers.put(error)

    threading.Thread(target=ask, name="resolver", daemon=True).start()
    while True:
        try:
            answer = answers.get(timeout=limit.slice())
        except queue.Empty:
            continue
        if isinstance(answer, Exception):
            raise ResolveError(_reason(answer))
        return list(dict.fromkeys(answer))


def _reason(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else f"not a host name ({error})"


@dataclass(slots=True)
class Attempt:
    """One address tried: `error` None while open or once connected; `code` is the errno."""

    address: Address
    error: str | None = None
    code: int | None = None


@dataclass(slots=True)
class TcpStream:
    """A connected socket, non-blocking; `peer` is its address as text."""

    sock: socket.socket
    peer: str
    _looked_late: float = 0.0  # the end of the limit after which one more look was taken

    def send(self, data: bytes, limit: Limit) -> None:
        view = memoryview(data)
        while view:
            _, writable, _ = select.select([], [self.sock], [], limit.slice())
            if writable:
                try:
                    view = view[self.sock.send(view) :]
                except (BlockingIOError, InterruptedError):
                    continue

    def receive(self, limit: Limit) -> bytes:
        """What came. Bytes that arrived in time count, even where this process only had its turn after the limit."""
        while True:
            if select.select([self.sock], [], [], self._pause(limit))[0]:
                try:
                    return self.sock.recv(65536)
                except (BlockingIOError, InterruptedError):
                    continue

    def _pause(self, limit: Limit) -> float:
        """How long to wait now, seconds: 0, once for each limit, if bytes are there at its end. Raises OutOfTime and Cancelled."""
        try:
            return limit.slice()
        except OutOfTime:
            if limit.until == self._looked_late or not select.select([self.sock], [], [], 0)[0]:
                raise
            self._looked_late = limit.until
            return 0.0

    def close(self) -> None:
        self.sock.close()


def connect(addresses: list[Address], limit: Limit, attempts: list[Attempt]) -> TcpStream:
    """The first address that accepts; each is started a little after the one before. `attempts` is filled in.

    Raises OSError (the last refusal) when every address refused, OutOfTime, Cancelled.
    """
    waiting: dict[socket.socket, Attempt] = {}
    todo = list(addresses)
    last: OSError | None = None
    try:
        while todo or waiting:
            if todo:
                last = _start(todo.pop(0), waiting, attempts) or last
            step = limit.within(STAGGER) if todo else limit
            winner, failure = _first_ready(waiting, step, more=bool(todo))
            last = failure or last
            if winner is not None:
                attempt = waiting.pop(winner)
                return TcpStream(winner, attempt.address.text)
        raise last or OSError(errno.EADDRNOTAVAIL, "no address to try")
    finally:
        for sock in waiting:
            sock.close()


def _start(address: Address, waiting: dict[socket.socket, Attempt], attempts: list[Attempt]) -> OSError | None:
    attempt = Attempt(address)
    attempts.append(attempt)
    try:
        sock = socket.socket(address.family, socket.SOCK_STREAM)
    except OSError as error:
        attempt.error, attempt.code = str(error), error.errno
        return error
    sock.setblocking(False)
    try:
        code = sock.connect_ex(address.sockaddr)
    except (OSError, OverflowError, ValueError) as error:
        sock.close()
        attempt.error = str(error)
        return error if isinstance(error, OSError) else OSError(errno.EINVAL, str(error))
    if code in (0, errno.EINPROGRESS, errno.EWOULDBLOCK):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        waiting[sock] = attempt
        return None
    sock.close()
    failure = OSError(code, errno.errorcode.get(code, str(code)))
    attempt.error, attempt.code = str(failure), code
    return failure


def _first_ready(
    waiting: dict[socket.socket, Attempt], step: Limit, *, more: bool
) -> tuple[socket.socket | None, OSError | None]:
    """The socket that connected, or the failure of those that did not; neither when the step's time is over."""
    failure: OSError | None = None
    while waiting:
        try:
            pause = step.slice()
        except OutOfTime:
            if more:
                return None, failure
            raise
        _, ready, _ = select.select([], list(waiting), [], pause)
        for sock in ready:
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code == 0:
                return sock, failure
            attempt = waiting.pop(sock)
            sock.close()
            failure = OSError(code, errno.errorcode.get(code, str(code)))
            attempt.error, attempt.code = str(failure), code
        if ready and more:
            return None, failure
    return None, failure


@dataclass(slots=True)
class TlsStream:
    """TLS over any byte stream. `first` keeps the first bytes that the other side sent, to know plain speech by."""

    inner: ByteStream
    context: ssl.SSLContext
    server_name: str
    first: bytes = b""
    _in: ssl.MemoryBIO = field(default_factory=ssl.MemoryBIO)
    _out: ssl.MemoryBIO = field(default_factory=ssl.MemoryBIO)
    _tls: ssl.SSLObject | None = None

    def handshake(self, limit: Limit) -> None:
        """Raises ssl.SSLError, OSError, OutOfTime, Cancelled."""
        self._tls = self.context.wrap_bio(self._in, self._out, server_hostname=self.server_name)
        while True:
            try:
                self._tls.do_handshake()
                self._flush(limit)
                return
            except ssl.SSLWantReadError:
                self._flush(limit)
                self._pull(limit)
            except ssl.SSLError:
                self._alert(limit)
                raise

    def certificate(self) -> dict[str, Any]:
        """The peer's certificate, as ssl.getpeercert gives it; empty if it was not verified."""
        return dict(self._object().getpeercert() or {})

    def version(self) -> str:
        """For example "TLSv1.3"."""
        return self._object().version() or "TLS"

    def send(self, data: bytes, limit: Limit) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[self._object().write(view) :]
            except ssl.SSLWantReadError:
                self._pull(limit)
            self._flush(limit)

    def receive(self, limit: Limit) -> bytes:
        while True:
            try:
                return self._object().read(65536)
            except ssl.SSLWantReadError:
                self._flush(limit)
                self._pull(limit)
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    def close(self) -> None:
        self.inner.close()

    def _object(self) -> ssl.SSLObject:
        assert self._tls is not None, "handshake first"
        return self._tls

    def _flush(self, limit: Limit) -> None:
        if data := self._out.read():
            self.inner.send(data, limit)

    def _alert(self, limit: Limit) -> None:
        """Sends the alert that says why; whether it arrives does not matter."""
        try:
            self._flush(limit.within(0.2))
        except (OSError, OutOfTime):
            return

    def _pull(self, limit: Limit) -> None:
        data = self.inner.receive(limit)
        if len(self.first) < 16:
            self.first += data[:16]
        if data:
            self._in.write(data)
        else:
            self._in.write_eof()
