"""The real Codex as a program that others talk to: `codex app-server` over stdin and stdout, one JSON message a line."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.hang import HANG_S

CLIENT = {"name": "joytui-tests", "title": "joytui's tests", "version": "1"}


class AppServer:
    """A running server. `notices` are the notifications that were read so far, in order."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._number = 0
        self._heard: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.notices: list[dict[str, Any]] = []
        threading.Thread(target=self._listen, daemon=True).start()
        self.ask("initialize", clientInfo=CLIENT)
        self._say({"method": "initialized"})

    def ask(self, method: str, **params: Any) -> Any:
        """The result of one request. Raises AssertionError for an error in its place."""
        self._number += 1
        number = self._number
        self._say({"id": number, "method": method, "params": params})
        while (message := self._next()).get("id") != number or "method" in message:
            self.notices.append(message)
        assert "result" in message, message
        return message["result"]

    def wait_for(self, method: str, limit_s: float = HANG_S) -> Any:
        """The parameters of the next notification of this name."""
        while True:
            message = self._next(limit_s)
            self.notices.append(message)
            if message.get("method") == method:
                return message["params"]

    def turn(self, thread: str, text: str) -> dict[str, Any]:
        """One turn of a thread, to its end, those of its sub-agents passed over; the turn as it ended."""
        self.ask("turn/start", threadId=thread, input=[{"type": "text", "text": text}])
        while (ended := self.wait_for("turn/completed"))["threadId"] != thread:
            pass
        turn: dict[str, Any] = ended["turn"]
        return turn

    def _say(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._heard.put(json.loads(line))
        self._heard.put(None)

    def _next(self, limit_s: float = HANG_S) -> dict[str, Any]:
        message = self._heard.get(timeout=limit_s)
        assert message is not None, "the app server ended"
        return message


@contextmanager
def app_server(command: str, env: Mapping[str, str], folder: Path) -> Iterator[AppServer]:
    """`codex app-server` in this environment and folder; it ends with the block, and all that it started with it."""
    with (folder / "app-server.stderr").open("w") as log:
        process = subprocess.Popen(
            [command, "app-server"],
            env=dict(env),
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    try:
        yield AppServer(process)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
