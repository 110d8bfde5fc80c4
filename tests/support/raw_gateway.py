"""A gateway that answers with whatever bytes it is given, and the config.toml that leads Codex to it.

with answering(HEAD + OK) as port:
    (home / "config.toml").write_text(CONFIG.format(port=port))
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.support.threaded_server import ThreadedServer

KEY = "jt_live_planted0123456789"
CONFIG = """model_provider = "joytoken"
model = "auto"
[model_providers.joytoken]
name = "joytoken"
base_url = "http://127.0.0.1:{port}/openai/v1"
env_key = "JOY_TOKEN_API_KEY"
stream_idle_timeout_ms = 300
request_max_retries = 0
stream_max_retries = 0
"""
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
OK = b'data: {"type":"response.output_item.done","item":{"type":"message","role":"assistant","content":[{"type":"output_text","text":"ok"}]}}\n\ndata: {"type":"response.completed","response":{"id":"r"}}\n\n'


@contextmanager
def answering(raw: bytes) -> Iterator[int]:
    """A port that answers every request with these bytes, and closes."""
    with _RawGateway([(0.0, b"", raw)]) as gateway:
        yield gateway.port


@contextmanager
def pausing(pauses: Sequence[float]) -> Iterator[int]:
    """A port whose n-th answer to a POST waits so many seconds (the first, when they are used up) before its events."""
    with _RawGateway([(pause, HEAD, OK) if pause else (0.0, b"", HEAD + OK) for pause in pauses]) as gateway:
        yield gateway.port


class _RawGateway(ThreadedServer):
    """One answer a connection: seconds to wait, what goes out before, what goes out after."""

    def __init__(self, answers: Sequence[tuple[float, bytes, bytes]]) -> None:
        super().__init__()
        self._answers, self._coming = answers, iter(answers)
        self.start()

    def serve(self, connection: socket.socket) -> None:
        connection.settimeout(1.0)
        if connection.recv(65536).startswith(b"POST"):
            pause, before, after = next(self._coming, self._answers[0])
        else:
            pause, before, after = 0.0, b"", b"".join(self._answers[0][1:])
        connection.sendall(before)
        self.closing.wait(pause)
        connection.sendall(after)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(65536)
