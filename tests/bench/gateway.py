"""What the gateway adds to a request: with key, policy, relay and ledger, and with the bridge, beside the upstream alone.

    python -m tests.bench gateway [--requests N] [--connections 1,16,64] [--memory N]

Three processes: a trivial Chat upstream, a real `joytui gateway run` in front of it, and this client (raw sockets, so that
the client costs little). Latency and requests/s at each number of connections with their ratio to the upstream alone, what a
streamed chunk is delayed by, and memory over --memory requests (10,000; the promise is 100,000). CPU time stands beside the
clock, since it says more on a machine that others use too. Aims: at most 1.0 ms p50 added at 1 connection, at least 1,500
requests/s at 16 on one worker, memory that stays flat.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

AIM_ADDED_MS, AIM_RATE, AIM_GROWTH_MB = 1.0, 1500, 8.0
CHUNKS, CHUNK_EVERY_S = 200, 0.005
WARM_UP = 2000
CHAT = json.dumps({"model": "m", "messages": [{"role": "user", "content": "say hi"}]}).encode()
RESPONSES = json.dumps({"model": "m", "input": "say hi"}).encode()
STREAMED = {"chat/completions": CHAT[:-1] + b', "stream": true}', "responses": RESPONSES[:-1] + b', "stream": true}'}
ANSWER = json.dumps(
    {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10},
    }
).encode()  # fmt: skip


_STAMP = re.compile(rb'"(?:content|delta)": ?"<(\d+)>"')


@dataclass(frozen=True, slots=True)
class Figures:
    """Milliseconds and requests a second."""

    p50: float
    p99: float
    rate: float


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench gateway")
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--connections", default="1,16,64")
    parser.add_argument("--memory", type=int, default=10_000, help="requests over which memory is watched")
    args = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as folder, running("-m", "tests.bench.gateway") as (upstream, _):
        url = f"{upstream}/v1"
        with running("-m", "joytui", "gateway", "run", env=_env(Path(folder), url)) as (gateway, pid):
            key = _key(gateway, Path(folder))
            return asyncio.run(_measure(url, f"{gateway}/openai/v1", key, pid, args))


async def _measure(direct: str, through: str, key: str, pid: int, args: argparse.Namespace) -> int:
    paths = (
        ("direct", direct, "chat/completions", CHAT),
        ("relay", through, "chat/completions", CHAT),
        ("bridge", through, "responses", RESPONSES),
    )
    good = True
    for connections in [int(part) for part in args.connections.split(",")]:
        found: dict[str, Figures] = {}
        cpu: dict[str, float] = {}
        for name, base, path, body in paths:
            await load(base, path, body, key, connections, 50 * connections)
            before = _cpu_ms(pid)
            found[name] = await load(base, path, body, key, connections, args.requests)
            cpu[name] = (_cpu_ms(pid) - before) / args.requests
        for name, f in found.items():
            direct = found["direct"]
            added = (
                f"  added p50 {f.p50 - direct.p50:6.2f} p99 {f.p99 - direct.p99:6.2f} ms  {f.rate / direct.rate:4.2f} of direct"
                f"  gateway CPU {cpu[name]:.2f} ms a request"
                if name != "direct"
                else ""
            )
            print(
                f"{connections:3} connections  {name:7} {f.rate:7.0f} req/s  p50 {f.p50:6.2f}  p99 {f.p99:6.2f} ms{added}"
            )
        if connections == 1:
            good &= found["bridge"].p50 - found["direct"].p50 <= AIM_ADDED_MS
        if connections == 16:
            good &= found["bridge"].rate >= AIM_RATE
    for name, base, path, _ in paths:
        await delays(base, path, key, 10)
        p50, p99 = await delays(base, path, key, CHUNKS)
        print(f"streamed chunks  {name:7} delay p50 {p50:6.2f}  p99 {p99:6.2f} ms")
    if args.memory:
        good &= await _memory(through, key, pid, args.memory)
    print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"aims (added p50 <= {AIM_ADDED_MS} ms at 1, >= {AIM_RATE} req/s at 16): {'reached' if good else 'missed'}")
    return 0 if good else 1


async def load(base: str, path: str, body: bytes, key: str, connections: int, requests: int) -> Figures:
    """Keep-alive connections that ask one after another."""
    took: list[float] = []
    begun = time.perf_counter()
    await asyncio.gather(*(_client(base, path, body, key, requests // connections, took) for _ in range(connections)))
    elapsed = time.perf_counter() - begun
    took.sort()
    return Figures(statistics.median(took), took[int(len(took) * 0.99)], len(took) / elapsed)


async def _memory(through: str, key: str, pid: int, requests: int) -> bool:
    """Whether the gateway stays as large as it is after a warm-up, over so many requests of both kinds."""
    kinds = (("chat/completions", CHAT), ("responses", RESPONSES))
    sizes: list[float] = []
    for count in (WARM_UP, *[max(requests // 4, 32)] * 4):
        for path, body in kinds:
            await load(through, path, body, key, 16, count // 2)
        sizes.append(_resident_mb(pid))
    print(f"memory of the gateway over {requests} requests  {' '.join(f'{size:.1f}' for size in sizes)} MB")
    return sizes[-1] - sizes[0] <= AIM_GROWTH_MB


async def delays(base: str, path: str, key: str, chunks: int) -> tuple[float, float]:
    """p50 and p99, in ms, from the moment that the upstream wrote a chunk until it is here. (One clock for all processes.)"""
    parts = urlsplit(base)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(_request(base, path, STREAMED[path], f"{key}\r\nX-Codex-Chunks: {chunks}"))
    took: list[float] = []
    while len(took) < chunks:
        data = await reader.read(65536)
        now = time.monotonic_ns()
        assert data, "the stream ended early"
        took += [(now - int(at)) / 1e6 for at in _STAMP.findall(data)]
    writer.close()
    took.sort()
    return statistics.median(took), took[int(len(took) * 0.99)]


def _request(base: str, path: str, body: bytes, key: str) -> bytes:
    parts = urlsplit(base)
    head = f"POST {parts.path}/{path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def _client(base: str, path: str, body: bytes, key: str, count: int, took: list[float]) -> None:
    parts = urlsplit(base)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    request = _request(base, path, body, key)
    for _ in range(count):
        begun = time.perf_counter()
        writer.write(request)
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200"), answer
        await reader.readexactly(int(answer.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
        took.append((time.perf_counter() - begun) * 1000)
    writer.close()


# --- the other processes ----------------------------------------------------------------------------------------------


@contextmanager
def running(*words: str, env: dict[str, str] | None = None) -> Iterator[tuple[str, int]]:
    """A process that says "ready URL"; its URL and pid."""
    process = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, text=True, env=env)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[1], process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _env(folder: Path, upstream: str) -> dict[str, str]:
    return {
        **os.environ, "JOYTUI_DATA_DIR": str(folder), "JOYTUI_CONFIG_FILE": str(folder / "c.toml"),
        "JOYTUI_GATEWAY_PORT": "0", "JOYTUI_GATEWAY_UPSTREAM": upstream, "JOYTUI_GATEWAY_UPSTREAM_API": "chat",
    }  # fmt: skip


def _key(gateway: str, folder: Path) -> str:
    import httpx

    token = (folder / "admin-token").read_text().strip()
    headers = {"authorization": f"Bearer {token}"}
    answer = httpx.post(f"{gateway}/console/v1/keys", json={"name": "bench"}, headers=headers, trust_env=False)
    return str(answer.json()["key"])


def _cpu_ms(pid: int) -> float:
    """What the process has computed so far: says more than the clock on a machine that others use too."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def _resident_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return float("nan")
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class _Upstream(asyncio.Protocol):
    """The least that answers: every POST gets the same body."""

    def __init__(self) -> None:
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end].lower()
            length = int(head.split(b"content-length:")[1].split(b"\r\n")[0]) if b"content-length:" in head else 0
            if len(self._data) < end + 4 + length:
                return
            request = self._data[end + 4 : end + 4 + length]
            self._data = self._data[end + 4 + length :]
            if b'"stream":true' in request.replace(b" ", b""):
                self._streaming = asyncio.create_task(self._stream(head))
                return
            found = head.startswith(b"post")
            body = ANSWER if found else b"{}"
            status = b"200 OK" if found else b"404 Not Found"
            self._transport.write(
                b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
                % (status, len(body), body)
            )

    async def _stream(self, head: bytes) -> None:
        """Chunks at even intervals, each with the time at which it is written."""
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        for _ in range(int(head.split(b"x-codex-chunks:")[1].split(b"\r\n")[0])):
            self._event({"choices": [{"index": 0, "delta": {"content": f"<{time.monotonic_ns()}>"}}]})
            await asyncio.sleep(CHUNK_EVERY_S)
        self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        self._transport.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")

    def _event(self, chunk: dict[str, object]) -> None:
        data = b"data: %b\n\n" % json.dumps({"id": "c", "object": "chat.completion.chunk", **chunk}).encode()
        self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))


async def _serve_upstream() -> None:
    server = await asyncio.get_running_loop().create_server(_Upstream, "127.0.0.1", 0)
    print(f"ready http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()


if __name__ == "__main__":
    asyncio.run(_serve_upstream())
