"""An HTTP proxy on loopback that works, refuses, or breaks; beside the fault gateway, for HTTP_PROXY and its like.

Kinds: "forward" (CONNECT and absolute-form requests pass), "deny" (403 to everything), "auth" (407), "bad-gateway" (502), "silent", "reset", "garbage".
"""

from __future__ import annotations

import contextlib
import socket
import threading
from urllib.parse import urlsplit

from tests.support.hang import HANG_S
from tests.support.http_by_hand import reset_at_close
from tests.support.threaded_server import ThreadedServer

_ANSWERS = {
    "deny": b"HTTP/1.1 403 Forbidden\r\ncontent-length: 14\r\nx-proxy: fault\r\n\r\nblocked by it\n",
    "auth": b'HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm="proxy"\r\ncontent-length: 0\r\n\r\n',
    "bad-gateway": b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 11\r\n\r\nno such hop",
    "garbage": b"\x05\x00\x01 no HTTP\r\n\r\n",
}


class FaultProxy(ThreadedServer):
    """Serves until closed. `seen` lists the request lines' method and target."""

    def __init__(self, kind: str = "forward") -> None:
        super().__init__()
        self.kind = kind
        self.seen: list[str] = []
        self.start()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, connection: socket.socket) -> None:
        head = _read_head(connection)
        if not head:
            return
        method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        self.seen.append(f"{method} {target}")
        if self.kind == "forward":
            self._forward(connection, head, method, target)
        elif self.kind == "silent":
            self.closing.wait()
        elif self.kind == "reset":
            reset_at_close(connection)
        else:
            connection.sendall(_ANSWERS[self.kind])

    def _forward(self, client: socket.socket, head: bytes, method: str, target: str) -> None:
        place = urlsplit(f"//{target}" if method == "CONNECT" else target)
        try:
            upstream = socket.create_connection((place.hostname or "", place.port or 80), timeout=HANG_S)
        except OSError:
            client.sendall(_ANSWERS["bad-gateway"])
            return
        upstream.settimeout(None)
        with self.kept(upstream):
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:  # one request a connection is enough here
                line, rest = head.split(b"\r\n", 1)
                path = place.path + (f"?{place.query}" if place.query else "")
                version = line.rsplit(b" ", 1)[1]
                upstream.sendall(f"{method} {path} ".encode("latin-1") + version + b"\r\nconnection: close\r\n" + rest)
            back = threading.Thread(target=_copy, args=(upstream, client), daemon=True)
            back.start()
            _copy(client, upstream)
            back.join()


def _read_head(client: socket.socket) -> bytes:
    """Up to the blank line; whatever of a body came along stays behind it."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < 65536:
        data = client.recv(4096)
        if not data:
            return b""
        head += data
    return head


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
