"""An upstream that refuses every request and says the key that it got in its error: what careless gateways do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self._refuse()

    def do_GET(self) -> None:
        self._refuse()

    def _refuse(self) -> None:
        key = self.headers.get("authorization", "").removeprefix("Bearer ")
        message = f"Incorrect API key provided: {key}. Your headers were Authorization: Bearer {key} and x-key={key}"
        body = json.dumps(
            {"error": {"message": message, "type": "invalid_api_key", "param": key, "code": key}}
        ).encode()
        self.send_response(401)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def echo_upstream() -> Iterator[str]:
    """Runs it on loopback; its base URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/openai/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
