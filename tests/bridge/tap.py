"""Listens in between a client and a server on loopback: passes every byte, and keeps the requests."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit


class Tap:
    """`port` to talk to, `target` (a URL) to be set before the first connection; `bodies` are the requests' JSON bodies."""

    def __init__(self) -> None:
        self.target = ""
        self._heard: list[bytearray] = []
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(body) for heard in self._heard for body in _bodies(bytes(heard))]

    async def __aenter__(self) -> Tap:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parts = urlsplit(self.target)
        there = await asyncio.open_connection(parts.hostname, parts.port)
        heard = bytearray()
        self._heard.append(heard)
        await asyncio.gather(_pump(reader, there[1], heard), _pump(there[0], writer, bytearray()))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: bytearray) -> None:
    try:
        while piece := await reader.read(65536):
            heard += piece
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        pass  # one side is gone: so is the other
    finally:
        writer.close()


def _bodies(heard: bytes) -> list[bytes]:
    """The bodies of the requests on one connection, by their Content-Length."""
    found: list[bytes] = []
    while b"\r\n\r\n" in heard:
        head, _, rest = heard.partition(b"\r\n\r\n")
        lengths = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        length = lengths[0] if lengths else 0
        found += [rest[:length]] if length else []
        heard = rest[length:]
    return found
