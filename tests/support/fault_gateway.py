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
import json
import socket
import threading
from collections import Counter
from dataclasses import dataclass

from tests.support import certificates
from tests.support.behaviours import Answer, Behaviour, Reply, behaviour, error, missing
from tests.support.http_by_hand import Request, play, read_request
from tests.support.threaded_server import ThreadedServer

GOOD_KEY = "jt_live_0123456789abcdef"
REFUSAL = error(401, "Invalid or missing API key", "invalid_api_key")


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as the gateway saw it. `status` is None if the behaviour ended without an answer's head."""

    method: str
    path: str
    host: str
    status: int | None
    authorized: bool
    headers: tuple[str, ...]
    body_keys: tuple[str, ...]


class FaultGateway(ThreadedServer):
    """Plays a behaviour (or its name) on its own port until closed. Thread-safe to read while it runs."""

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
        self._seen: list[Seen] = []
        self._turns: Counter[str] = Counter()
        self._guard = threading.Lock()
        kind = self.behaviour.transport
        self._tls = certificates.server_context(kind.removeprefix("tls:")) if kind.startswith("tls:") else None
        super().__init__(_listen(address, port, 0 if kind == "black-hole" else 128))
        self._fillers = contextlib.ExitStack()
        if kind == "black-hole":
            _fill_queue(self.listener.getsockname()[:2], self._fillers)
        else:
            self.start()

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
        with self._guard:
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
        super().close()
        self._fillers.close()

    def serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is None:
            self._converse(connection)
        else:
            with self.kept(self._tls.wrap_socket(connection, server_side=True)) as encrypted:
                self._converse(encrypted)

    def _converse(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as reader:
            if reader.peek(1)[:1] == b"\x16":  # a TLS hello on a plain port: answered as common servers do
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
                return
            while not self.closing.is_set() and (request := read_request(reader)) is not None:
                if not self._answer(connection, request):
                    return

    def _answer(self, connection: socket.socket, request: Request) -> bool:
        """Play the answer; whether the connection may carry another request."""
        reply = self._choose(request)
        self._note(request, reply)
        stays = play(connection, reply, self.closing, has_body=request.method != "HEAD")
        return stays and (request.header("connection") or "").lower() != "close"

    # Answers

    def _choose(self, request: Request) -> Reply:
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
        if answer is plays.responses:
            answer = next((its for holds, its in plays.when if holds(request)), answer)
        return self._turn(f"{plays.name} {request.method} {path}", answer)

    def _behaviour_for(self, request: Request) -> Behaviour:
        host = (request.header("host") or "").rsplit(":", 1)[0]
        return dict(self.behaviour.hosts).get(host, self.behaviour)

    def _turn(self, route: str, answer: Answer) -> Reply:
        if isinstance(answer, Reply):
            return answer
        with self._guard:
            number = self._turns[route]
            self._turns[route] += 1
        return answer[min(number, len(answer) - 1)]

    def _redirect(self, request: Request, prefix: str, status: int, target: str) -> Reply:
        places = {"self": self.origin, "host": request.header("host") or "", **self._origins}
        location = target.format(**places) + request.path.removeprefix(prefix)
        return Reply(status, (), None, headers=(("location", location),))

    def _authorized(self, request: Request) -> bool:
        value = request.header("authorization")
        return value is not None and value.strip(" \t").encode("latin-1") == self._key

    def _note(self, request: Request, reply: Reply) -> None:
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
        with self._guard:
            self._seen.append(seen)


def _route(plays: Behaviour, method: str, path: str) -> Answer | None:
    routes = {
        ("POST", f"{plays.base}/responses"): plays.responses,
        ("POST", f"{plays.base}/chat/completions"): plays.chat,
        ("GET", f"{plays.base}/models"): plays.models,
        ("GET", "/api/v1/models"): plays.catalog,
    }
    return routes.get((method, path))


def _listen(address: str, port: int, backlog: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(backlog)
    return listener


def _fill_queue(address: tuple[str, int], fillers: contextlib.ExitStack) -> None:
    """Connections that nobody accepts: with the queue full, the kernel drops every further SYN, as a firewall does."""
    for _ in range(4):
        filler = fillers.enter_context(socket.socket())
        filler.setblocking(False)
        filler.connect_ex(address)
