"""One console of one browser: a child process, and the packets between it and the page's websocket."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Coroutine
from typing import Any

from aiohttp import WSMsgType, web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from joytui.web.child import Wish, size

QUIT_S = 4.0
"""How long a console may take to end by itself, and then to end by a signal."""
STUCK_S = 8.0
"""How long a console may leave its input alone while more of it waits than fits: it hangs then, and is ended."""

ENDED, FAILED, GOING_AWAY, FULL, NOT_UNDERSTOOD = 1000, 4001, 1001, 1013, 1008


class Session(AppService):
    """textual-serve's process of one app, with our command and environment, an end that always comes, and neither
    downloads nor links: a console in a browser hands out no file and opens no address."""

    def __init__(self, command: list[str], environment: dict[str, str], socket: web.WebSocketResponse) -> None:
        super().__init__(
            command[-1],
            write_bytes=socket.send_bytes,
            write_str=socket.send_str,
            close=_nothing,
            download_manager=DownloadManager(),
        )
        self._words = command
        self._environment = environment
        self._socket = socket

    async def _open_app_process(self, width: int = 80, height: int = 24) -> asyncio.subprocess.Process:
        """Without a shell, and in its own session: Ctrl-C is for the server, which ends its consoles in order."""
        self._process = await asyncio.create_subprocess_exec(
            *self._words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=self._environment,
            start_new_session=True,
        )
        self._stdin = self._process.stdin
        return self._process

    async def run(self) -> None:
        """Passes on what the console draws until it ends; then closes the page's socket with the reason."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        try:
            await self._pass_on(process.stdout)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the console has ended, or the browser has gone
        await self._ended(process)
        code, why = (ENDED, "") if process.returncode == 0 else (FAILED, f"exit code {process.returncode}")
        with contextlib.suppress(ConnectionError):
            await self._socket.close(code=code, message=why.encode())

    async def _pass_on(self, stdout: asyncio.StreamReader) -> None:
        while await stdout.readline() != b"__GANGLION__\n":
            if stdout.at_eof():
                return
        while True:
            head = await stdout.readexactly(5)
            payload = await stdout.readexactly(int.from_bytes(head[1:], "big"))
            if head[:1] == b"D":
                await self.on_data(payload)

    async def stop(self) -> None:
        """Asks the console to quit, and ends it where it does not; afterwards there is no process."""
        if self._process is not None and self._process.returncode is None:
            await self.send_meta({"type": "quit"})
            await self._ended(self._process)
        if self._task is not None:
            task, self._task = self._task, None
            await task

    async def _ended(self, process: asyncio.subprocess.Process) -> None:
        for end in (process.terminate, process.kill, None):
            try:
                # Not asyncio.timeout: in a task that is being cancelled, Python 3.11.2 lets it raise CancelledError.
                await asyncio.wait_for(process.wait(), QUIT_S)
                return
            except TimeoutError:
                if end is not None:
                    with contextlib.suppress(ProcessLookupError):
                        end()

    async def send_bytes(self, data: bytes) -> bool:
        return await self._taken(super().send_bytes(data))

    async def send_meta(self, data: dict[str, str | int | bool | None]) -> bool:
        return await self._taken(super().send_meta(data))

    async def _taken(self, sending: Coroutine[Any, Any, bool]) -> bool:
        """Whether the console accepted it. Waiting for a console that hangs would never end, even after the page is gone."""
        try:
            return await asyncio.wait_for(sending, STUCK_S)
        except TimeoutError:
            if self._process is not None:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
            return False

    async def listen(self) -> None:
        """Passes on what the page sends until it goes. Raises ValueError for what no page of ours sends."""
        async for message in self._socket:
            if message.type == WSMsgType.TEXT:
                await self._heard(*_envelope(message.data))

    async def _heard(self, kind: str, data: Any) -> None:
        match kind, data:
            case "stdin", str():
                await self.send_bytes(data.encode("utf-8", "replace"))
            case "resize", {"width": int(width), "height": int(height)}:
                await self.set_terminal_size(*size(width, height))
            case "ping", str() if len(data) <= 32:
                await self._socket.send_json(["pong", data])
            case "focus", _:
                await self.focus()
            case "blur", _:
                await self.blur()


async def _nothing() -> None:
    """The socket is closed when the process has ended, with its reason."""


def _envelope(text: str) -> tuple[str, Any]:
    """A message as its kind and its data. Raises ValueError."""
    parts = json.loads(text)
    if not isinstance(parts, list) or not parts or not isinstance(parts[0], str):
        raise ValueError("not a message of the page")
    return parts[0], parts[1] if len(parts) > 1 else None


async def converse(session: Session, wish: Wish, socket: web.WebSocketResponse) -> None:
    """The whole life of one console: from its start to the end of its process."""
    try:
        await session.start(wish.width, wish.height)
        await session.listen()
    except OSError as error:
        await socket.close(code=FAILED, message=f"it could not be started: {error.strerror}"[:120].encode())
    except (ValueError, RecursionError):
        await socket.close(code=NOT_UNDERSTOOD, message=b"not a message of the page")
    finally:
        await session.stop()
