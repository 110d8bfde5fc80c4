"""A receiver of alerts on loopback: keeps what comes, and answers as it is told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

SECRET = "whsec_" + base64.b64encode(b"the tests' secret of 32 bytes ok").decode()


class Post(NamedTuple):
    """One try that came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def signed(self) -> bool:
        """Whether the signature is that of SECRET, by the words of the Standard Webhooks."""
        secret = base64.b64decode(SECRET.removeprefix("whsec_"))
        content = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        expected = base64.b64encode(hmac.new(secret, content, hashlib.sha256).digest()).decode()
        return self.headers.get("webhook-signature") == f"v1,{expected}"


class Answer(NamedTuple):
    """`status` 0: the connection is closed without one. `takes`: whether the receiver has taken what was posted; None: by its status."""

    status: int
    headers: Mapping[str, str] = {}
    text: bytes = b""
    takes: bool | None = None


GOOD = Answer(200, {}, b"ok")
LOST = Answer(0)


class Receiver:
    """`answer` is given each post with how many came before. `taken`: how often each id got a 2xx."""

    def __init__(self, answer: Callable[[Post, int], Answer]) -> None:
        self.answer = answer
        self.posts: list[Post] = []
        self.taken: Counter[str] = Counter()
        self.url = ""
        self.lock = threading.Lock()

    def take(self, post: Post) -> Answer:
        with self.lock:
            before = len(self.posts)
            self.posts.append(post)
            said = self.answer(post, before)
            if said.takes or (said.takes is None and 200 <= said.status < 300):
                self.taken[post.id] += 1
            return said


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    receiver: Receiver

    def handle_error(self, request: object, client_address: object) -> None:
        """A sender that was killed."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if len(body) < int(self.headers["content-length"]):  # a sender that was killed
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, more, text, _ = self.server.receiver.take(Post(self.path, headers, body))
        if not status:
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in {"content-length": str(len(text)), **more}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@contextmanager
def receiving(answer: Callable[[Post, int], Answer] | Answer = GOOD) -> Iterator[Receiver]:
    """A receiver until the block ends, always with this answer or as the function says."""
    receiver = Receiver(answer if callable(answer) else lambda post, before: answer)
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.receiver = receiver
        receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook/s3cret-path-9f8e7d"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
