"""A scripted upstream on loopback that speaks HTTP by hand: it can be silent, slow, refuse, and break off anywhere.

async with ChatUpstream(script) as upstream:      script(request) -> Scripted
    upstream.url, upstream.requests
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

Chunk = dict[str, Any]


@dataclass(slots=True)
class Seen:
    """One request as the upstream got it. Header names are lower-case."""

    method: str
    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


@dataclass(slots=True)
class Scripted:
    """One answer. `pieces`: bytes as they go out, or awaitables to wait for between them. `cut`: no clean end."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "text/event-stream"})
    pieces: Iterable[bytes | Awaitable[None]] = ()
    cut: bool = False


Script = Callable[[Seen], Scripted]


class ChatUpstream:
    """Serves one script until the block ends; `requests` holds what came, probes left out of `turns`."""

    def __init__(self, script: Script, *, base: str = "/v1") -> None:
        self.script = script
        self.requests: list[Seen] = []
        self._base = base
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}{self._base}"

    @property
    def turns(self) -> list[Seen]:
        """Requests for a model: those with a body that is not the capability question `{}`."""
        return [seen for seen in self.requests if seen.method == "POST" and seen.raw.strip() not in (b"{}", b"")]

    async def __aenter__(self) -> ChatUpstream:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            while (seen := await _read_request(reader)) is not None:
                self.requests.append(seen)
                if not await _answer(self.script(seen), writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client disconnected, or the block ended: nothing is left to say
        finally:
            writer.close()


async def _read_request(reader: asyncio.StreamReader) -> Seen | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    headers = {name.strip().lower(): value.strip() for name, value in pairs}
    raw = await reader.readexactly(int(headers.get("content-length", 0)))
    return Seen(method, path, headers, raw)


async def _answer(scripted: Scripted, writer: asyncio.StreamWriter) -> bool:
    """Chunked, one piece a chunk; True when the connection may be used again."""
    headers = {**scripted.headers, "transfer-encoding": "chunked"}
    head = f"HTTP/1.1 {scripted.status} X\r\n" + "".join(f"{n}: {v}\r\n" for n, v in headers.items()) + "\r\n"
    writer.write(head.encode())
    for piece in scripted.pieces:
        if isinstance(piece, bytes):
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b"")
            await writer.drain()
        else:
            await piece
    if scripted.cut:
        return False
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


# --- answers in Chat's forms ---


def chunk(delta: Chunk | None = None, finish: str | None = None, **more: Any) -> Chunk:
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "real-model",
        "choices": [choice],
        **more,
    }


def usage(given: int, output: int, *, cached: int = 0, reasoning: int = 0) -> Chunk:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "choices": [],
        "usage": {
            "prompt_tokens": given,
            "completion_tokens": output,
            "total_tokens": given + output,
            "prompt_tokens_details": {"cached_tokens": cached},
            "completion_tokens_details": {"reasoning_tokens": reasoning},
        },
    }


def call_delta(
    index: int | None = None, id: str | None = None, name: str | None = None, arguments: str | None = None, **more: Any
) -> Chunk:
    function = {k: v for k, v in (("name", name), ("arguments", arguments)) if v is not None}
    call = {k: v for k, v in (("index", index), ("id", id)) if v is not None}
    return {"tool_calls": [{**call, **({"type": "function"} if id else {}), "function": function, **more}]}


def sse(chunks: Iterable[Chunk], *, done: bool = True) -> bytes:
    body = "".join(f"data: {json.dumps(c)}\n\n" for c in chunks)
    return (body + ("data: [DONE]\n\n" if done else "")).encode()


def stream(*chunks: Chunk, done: bool = True, cut: bool = False) -> Scripted:
    return Scripted(pieces=[sse([c], done=False) for c in chunks] + ([b"data: [DONE]\n\n"] if done else []), cut=cut)


def answer_json(data: Any, status: int = 200, **headers: str) -> Scripted:
    return Scripted(status, {"content-type": "application/json", **headers}, [json.dumps(data).encode()])


def not_found(seen: Seen) -> Scripted:
    return answer_json({"error": {"message": f"no route {seen.path}", "type": "invalid_request_error"}}, 404)
