"""The fault gateway: a real server on loopback that plays one `Behaviour`, and remembers what it was asked.

    with FaultGateway("E_402") as gateway:
        gateway.port, gateway.origin, gateway.base_url    # http://127.0.0.1:PORT/openai/v1
        ...
        assert gateway.summary() == {"POST /openai/v1/responses 402 auth": 6}

HTTP is spoken by hand over sockets, since broken protocol must be playable: cut chunks, resets, silence, garbage, TLS of every wrong kind.
Keys are compared and forgotten: no record holds one.
"""

from __future__ import annotations

import contextlib
import http
import json
import socket
import ssl
import struct
import threading
from collections import Counter
from dataclasses import dataclass
from types import TracebackType

from tests.support import certificates
from tests.support.behaviours import Answer, Behaviour, Reply, behaviour, error, missing

GOOD_KEY = "jt_live_0123456789abcdef"
REFUSAL = error(401, "Invalid or missing API key", "invalid_api_key")

_LIMIT = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as the gateway saw it. `status` is None where the behaviour ended without an answer's head."""

    method: str
    path: str
    host: str
    status: int | None
    authorized: bool
    headers: tuple[str, ...]
    body_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)

    @property
    def bare_path(self) -> str:
        return self.path.split("?", 1)[0]


class FaultGateway:
    """Plays a behaviour (or its name) on a port of its own until closed. Thread-safe to read while it runs."""

    def __init__(
        self,
        plays: Behaviour | str,
        *,
        good_key: str = GOOD_KEY,
        address: str = "127.0.0.1",
        port: int = 0,
        origins: dict[str, str] | None = None,
    ) -> None:
        self.behaviour = behaviour(plays) if isinstance(plays, str) else plays
        self._key = f"Bearer {good_key}".encode()
        self._origins = origins or {}
        self._lock = threading.Lock()
        self._seen: list[Seen] = []
        self._turns: Counter[str] = Counter()
        self._open: set[socket.socket] = set()
        self._closing = threading.Event()
        kind = self.behaviour.transport
        self._tls = certificates.server_context(kind.removeprefix("tls:")) if kind.startswith("tls:") else None
        self._fillers: list[socket.socket] = []
        self._listener = _listen(address, port, 0 if kind == "black-hole" else 128)
        self.port: int = self._listener.getsockname()[1]
        if kind == "black-hole":
            self._fillers = _fill_queue(self._listener.getsockname()[:2])
        else:
            threading.Thread(target=self._accept, name=f"fault-gateway-{self.port}", daemon=True).start()

    @property
    def origin(self) -> str:
        """Scheme, host and port as a base_url would name them."""
        return f"https://localhost:{self.port}" if self._tls else f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        return self.origin + self.behaviour.base

    @property
    def seen(self) -> tuple[Seen, ...]:
        """Every request so far, in order of arrival."""
        with self._lock:
            return tuple(self._seen)

    def summary(self, *, hosts: bool = False) -> dict[str, int]:
        """How often each request came: "POST /openai/v1/responses 401 NOAUTH" -> 6; with `hosts` the path begins with the host's name."""
        counts: Counter[str] = Counter()
        for one in self.seen:
            place = f"{one.host}{one.path}" if hosts else one.path
            status = "-" if one.status is None else str(one.status)
            counts[f"{one.method} {place} {status} {'auth' if one.authorized else 'NOAUTH'}"] += 1
        return dict(counts)

    def close(self) -> None:
        self._closing.set()
        for one in (self._listener, *self._fillers):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits in accept
            one.close()
        with self._lock:
            still_open = list(self._open)
        for one in still_open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> FaultGateway:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Connections

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)
        plain = connection
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection.makefile("rb") as reader:
                if reader.peek(1)[:1] == b"\x16":  # a TLS hello on a plain port: answered as common servers do
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
                    return
                while not self._closing.is_set() and (request := _read_request(reader)) is not None:
                    if not self._answer(connection, request):
                        return
        except (OSError, ValueError, ssl.SSLError):
            return  # the client went away, or spoke something else than HTTP
        finally:
            with self._lock:
                self._open.discard(plain)
            with contextlib.suppress(OSError):
                connection.close()

    def _answer(self, connection: socket.socket, request: _Request) -> bool:
        """Play the answer; whether the connection may carry another request."""
        reply = self._choose(request)
        self._note(request, reply)
        stays = _play(connection, reply, self._closing, has_body=request.method != "HEAD")
        return stays and (request.header("connection") or "").lower() != "close"

    # Answers

    def _choose(self, request: _Request) -> Reply:
        plays = self._behaviour_for(request)
        path = request.bare_path
        if plays.redirect and path.startswith(plays.redirect[0]):
            return self._redirect(request, *plays.redirect)
        if plays.everywhere is not None:
            return (plays.no_key if request.header("authorization") is None else None) or plays.everywhere
        admitted = plays.check_key == "off" or self._authorized(request)
        refusal = (plays.no_key if request.header("authorization") is None else None) or plays.refusal or REFUSAL
        if plays.check_key == "before-route" and not admitted:
            return refusal
        answer = _route(plays, request.method, path)
        if (
            answer is not None
            and answer is plays.chat
            and plays.chat_stream is not None
            and b'"stream":true' in request.body.replace(b": ", b":")
        ):
            answer = plays.chat_stream
        if answer is None:
            return missing(f"{request.method} {path}")
        if not admitted and path != "/api/v1/models":
            return refusal
        return self._turn(f"{plays.name} {request.method} {path}", answer)

    def _behaviour_for(self, request: _Request) -> Behaviour:
        host = (request.header("host") or "").rsplit(":", 1)[0]
        return dict(self.behaviour.hosts).get(host, self.behaviour)

    def _turn(self, route: str, answer: Answer) -> Reply:
        if isinstance(answer, Reply):
            return answer
        with self._lock:
            number = self._turns[route]
            self._turns[route] += 1
        return answer[min(number, len(answer) - 1)]

    def _redirect(self, request: _Request, prefix: str, status: int, target: str) -> Reply:
        places = {"self": self.origin, "host": request.header("host") or "", **self._origins}
        location = target.format(**places) + request.path.removeprefix(prefix)
        return Reply(status, (), None, headers=(("location", location),))

    def _authorized(self, request: _Request) -> bool:
        value = request.header("authorization")
        return value is not None and value.strip(" \t").encode("latin-1") == self._key

    def _note(self, request: _Request, reply: Reply) -> None:
        try:
            body = json.loads(request.body) if request.body else {}
        except ValueError:
            body = {}
        seen = Seen(
            request.method,
            request.path,
            (request.header("host") or "").removesuffix(f":{self.port}"),
            reply.status if reply.raw is None else None,
            request.header("authorization") is not None,
            tuple(sorted({name.lower() for name, _ in request.headers})),
            tuple(sorted(body)) if isinstance(body, dict) else (),
        )
        with self._lock:
            self._seen.append(seen)


def _route(plays: Behaviour, method: str, path: str) -> Answer | None:
    routes = {
        ("POST", f"{plays.base}/responses"): plays.responses,
        ("POST", f"{plays.base}/chat/completions"): plays.chat,
        ("GET", f"{plays.base}/models"): plays.models,
        ("GET", "/api/v1/models"): plays.catalog,
    }
    return routes.get((method, path))


# The protocol by hand


def _listen(address: str, port: int, backlog: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(backlog)
    return listener


def _fill_queue(address: tuple[str, int]) -> list[socket.socket]:
    """Connections that nobody accepts: with the queue full, the kernel drops every further SYN, as a firewall does."""
    fillers = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(address)
        fillers.append(filler)
    return fillers


def _read_request(reader) -> _Request | None:  # type: ignore[no-untyped-def]
    line = reader.readline(65537)
    while line in (b"\r\n", b"\n"):
        line = reader.readline(65537)
    if not line:
        return None
    method, path, _version = line.decode("latin-1").split(maxsplit=2)
    headers = []
    while (line := reader.readline(1 << 20)) not in (b"\r\n", b"\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers.append((name.strip(), value.strip("\r\n \t")))
    known = {name.lower(): value for name, value in headers}
    if "chunked" in known.get("transfer-encoding", ""):
        body = _read_chunks(reader)
    else:
        body = reader.read(min(int(known.get("content-length", 0)), _LIMIT))
    return _Request(method, path, tuple(headers), body)


def _read_chunks(reader) -> bytes:  # type: ignore[no-untyped-def]
    body = b""
    while size := int(reader.readline().split(b";")[0], 16):
        body += reader.read(size)
        reader.readline()
    reader.readline()
    return body


def _play(connection: socket.socket, reply: Reply, closing: threading.Event, *, has_body: bool) -> bool:
    if reply.delay and closing.wait(reply.delay):
        return False
    if reply.raw is not None:
        connection.sendall(reply.raw)
        return _end(connection, reply, closing) and False
    waiting = _head(reply)  # goes out with the first piece: some clients read no further than the first segment
    for piece in reply.pieces if has_body else ():
        if isinstance(piece, float | int):
            connection.sendall(waiting)
            waiting = b""
            if closing.wait(piece):
                return False
            continue
        connection.sendall(waiting + (b"%x\r\n%s\r\n" % (len(piece), piece) if reply.chunked else piece))
        waiting = b""
    connection.sendall(waiting)
    return _end(connection, reply, closing) if has_body else True


def _head(reply: Reply) -> bytes:
    try:
        reason = http.HTTPStatus(reply.status).phrase
    except ValueError:
        reason = "Unknown"
    lines = [f"HTTP/1.1 {reply.status} {reason}"]
    if reply.content_type is not None:
        lines.append(f"content-type: {reply.content_type}")
    if reply.chunked:
        lines.append("transfer-encoding: chunked")
    else:
        lines.append(f"content-length: {sum(len(piece) for piece in reply.pieces if isinstance(piece, bytes))}")
    lines += [f"{name}: {value}" for name, value in reply.headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _end(connection: socket.socket, reply: Reply, closing: threading.Event) -> bool:
    """Do what the reply's ending says; whether the connection stays good."""
    if reply.ending == "hang":
        closing.wait()
        return False
    if reply.ending == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False
    if reply.ending == "cut":
        with contextlib.suppress(OSError):
            connection.sendall(b"ff\r\nhalf a chunk" if reply.chunked else b"")
            connection.shutdown(socket.SHUT_RDWR)
        return False
    if reply.chunked:
        connection.sendall(b"0\r\n\r\n")
    return True
