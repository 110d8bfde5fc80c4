"""HTTP/1.1 over sockets, by hand, since broken protocol must be playable: requests read, replies played as they are told."""

from __future__ import annotations

import contextlib
import http
import socket
import struct
import threading
from dataclasses import dataclass
from typing import BinaryIO

from tests.support.behaviours import Reply

_LIMIT = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """One request with its whole body."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first header of this name (lower case)."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    @property
    def bare_path(self) -> str:
        """Without the query."""
        return self.path.split("?", 1)[0]


def read_request(reader: BinaryIO) -> Request | None:
    """The next request of a connection; None at its end. Raises ValueError for what is no HTTP."""
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
    return Request(method, path, tuple(headers), body)


def _read_chunks(reader: BinaryIO) -> bytes:
    body = b""
    while size := int(reader.readline().split(b";")[0], 16):
        body += reader.read(size)
        reader.readline()
    reader.readline()
    return body


def play(connection: socket.socket, reply: Reply, closing: threading.Event, *, has_body: bool) -> bool:
    """Sends a reply, with its pauses, and ends as it says; whether the connection may carry another request."""
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
        reset_at_close(connection)
        return False
    if reply.ending == "cut":
        with contextlib.suppress(OSError):
            connection.sendall(b"ff\r\nhalf a chunk" if reply.chunked else b"")
            connection.shutdown(socket.SHUT_RDWR)
        return False
    if reply.chunked:
        connection.sendall(b"0\r\n\r\n")
    return True


def reset_at_close(connection: socket.socket) -> None:
    """Closing it sends RST, not FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
