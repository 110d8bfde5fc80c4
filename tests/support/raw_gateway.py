"""A gateway that answers with whatever bytes it is given, and the config.toml that leads Codex to it.

with answering(HEAD + OK) as port:
    (home / "config.toml").write_text(CONFIG.format(port=port))
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager

from tests.support.threaded_server import ThreadedServer

KEY = "jt_live_planted0123456789"
CONFIG = """model_provider = "joytoken"
model = "auto"
[model_providers.joytoken]
name = "joytoken"
base_url = "http://127.0.0.1:{port}/openai/v1"
env_key = "JOY_TOKEN_API_KEY"
stream_idle_timeout_ms = 60000
request_max_retries = 0
stream_max_retries = 0
"""
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
OK = b'data: {"type":"response.output_item.done","item":{"type":"message","role":"assistant","content":[{"type":"output_text","text":"ok"}]}}\n\ndata: {"type":"response.completed","response":{"id":"r"}}\n\n'


@contextmanager
def answering(raw: bytes) -> Iterator[int]:
    """A port that answers every request with these bytes, and closes."""
    with RawGateway([raw]) as gateway:
        yield gateway.port


class RawGateway(ThreadedServer):
    """A connection gets one answer and is closed; the n-th POST the n-th answer (when they are used up, the first), a GET the first.

    After an answer that is in `unfinished` nothing follows until the other side has gone: however long that takes, no answer is late by
    chance. `heard` is set when a POST has come.
    """

    def __init__(self, answers: Sequence[bytes], unfinished: Container[bytes] = ()) -> None:
        super().__init__()
        self._answers, self._coming, self._unfinished = answers, iter(answers), unfinished
        self.heard = threading.Event()
        self.start()

    def serve(self, connection: socket.socket) -> None:
        is_post = connection.recv(65536).startswith(b"POST")
        answer = next(self._coming, self._answers[0]) if is_post else self._answers[0]
        connection.sendall(answer)
        if is_post:
            self.heard.set()
        if answer not in self._unfinished:
            connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
