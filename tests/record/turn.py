"""One turn of the binary against a server on loopback: the model that it asks for, the headers, the size of the request."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.record.binary import Binary

TURN_S = 60.0
_EVENTS = (
    {"type": "response.created", "response": {"id": "resp_1"}},
    {
        "type": "response.output_item.done",
        "item": {"type": "message", "role": "assistant", "id": "msg_1", "content": [{"type": "output_text", "text": "hi"}]},
    },
    {
        "type": "response.completed",
        "response": {"id": "resp_1", "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}},
    },
)  # fmt: skip
_ANSWER = "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in _EVENTS).encode()


_OF_THE_PLAN = ("user-agent", "x-openai-internal-codex-responses-lite", "host", "content-length", "connection")


@dataclass
class Turn:
    """What the server saw of the first request. `model` None: none came."""

    model: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    size: int = 0

    def fixed_headers(self) -> dict[str, str]:
        """Those that are the same in every request: without ids, and without what joytui makes from the rest of the plan."""
        session = self.headers.get("session-id") or self.headers.get("session_id") or ""
        return {
            name: value
            for name, value in sorted(self.headers.items())
            if name not in _OF_THE_PLAN and not (session and session in value)
        }


def one_turn(binary: Binary) -> Turn:
    """Runs `codex exec` with a provider on loopback and no model set."""
    seen = Turn()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if seen.model is None and not self.headers.get("content-encoding"):
                seen.model, seen.size = json.loads(body)["model"], len(body)
                seen.headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("content-length", str(len(_ANSWER)))
            self.end_headers()
            self.wfile.write(_ANSWER)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        config = (
            'model_provider = "here"\n[model_providers.here]\nname = "here"\nwire_api = "responses"\n'
            f'base_url = "http://127.0.0.1:{server.server_port}/v1"\nrequest_max_retries = 0\nstream_max_retries = 0\n'
        )
        binary.ask("exec", "--skip-git-repo-check", "say hi", config=config, limit=TURN_S)
    finally:
        server.shutdown()
        server.server_close()
    return seen
