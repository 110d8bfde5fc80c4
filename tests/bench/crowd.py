"""Many streams that begin at the same moment: what each waits for its first byte, and what each chunk is delayed by."""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

STAMP = re.compile(rb'"(?:content|delta)": ?"@(\d+)@"')
"""A chunk's text: when the upstream wrote it, in ns of the monotonic clock, which all processes share."""
_END = b"0\r\n\r\n"


@dataclass(slots=True)
class Crowd:
    """What so many streams saw, in ms; `maker_s`: the CPU seconds that this process took for it."""

    first: list[float] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    maker_s: float = 0.0

    def line(self) -> str:
        delays = f"  chunk delay p50 {statistics.median(self.delays):6.1f} p99 {p99(self.delays):6.1f} ms"
        return f"first byte p50 {statistics.median(self.first):6.1f} p99 {p99(self.first):6.1f} ms{delays}"


def p99(took: list[float]) -> float:
    return sorted(took)[int(len(took) * 0.99)]


async def gather(base: str, request: bytes, count: int, crowd: Crowd) -> None:
    """All connections are made first; then all ask at once."""
    parts = urlsplit(base)
    before = time.process_time()
    ends = [await asyncio.open_connection(parts.hostname, parts.port) for _ in range(count)]
    await asyncio.gather(*(_one(reader, writer, request, crowd) for reader, writer in ends))
    crowd.maker_s += time.process_time() - before


async def _one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, crowd: Crowd) -> None:
    begun, data = time.monotonic_ns(), b""
    writer.write(request)
    while not data.endswith(_END):
        piece = await reader.read(65536)
        assert piece, "the stream ended early"
        now = time.monotonic_ns()
        if not data:
            crowd.first.append((now - begun) / 1e6)
        crowd.delays += [(now - int(at)) / 1e6 for at in STAMP.findall(piece)]
        data = data[-len(_END) :] + piece
    writer.close()


def pin(pid: int | None, cores: set[int]) -> None:
    """Keeps a process, and the threads that it has, on these cores (Linux)."""
    threads = os.listdir(f"/proc/{pid}/task") if pid else ["0"]
    for thread in threads:
        os.sched_setaffinity(int(thread), cores)
