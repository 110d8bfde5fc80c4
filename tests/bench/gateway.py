"""What the gateway adds to a request: with key, policy, relay and ledger, and with the bridge, beside the upstream alone.

    python -m tests.bench gateway [--requests N] [--connections 1,16,64] [--memory N] [--crowd N] [--pin] [--baseline COMMIT]

Three processes: a trivial Chat upstream, a real `joytui gateway run` in front of it, and this client (raw sockets, so that
the client costs little). Latency and requests/s at each number of connections with their ratio to the upstream alone, what a
streamed chunk is delayed by, what a stream of 12 steps takes with a key that has a limit, a burst of --crowd streams (200) of one
chunk and as many of 50 chunks/s that begin together, and memory over --memory requests (10,000; the promise is 100,000). CPU time
stands beside the clock, since it says more on a machine that others use too. `--pin`: the gateways have the first core, upstream and
client the others. Direct, relay and bridge (and the baseline's) take turns, a quarter of
the requests each time. Aims: at most 1.0 ms p50 added at 1 connection, at least 1,500
requests/s at 16 on one worker, memory that stays flat.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.bench import baseline
from tests.bench.crowd import STAMP, Crowd, gather, p99, pin
from tests.bench.spent import Spent, by_turns, cpu_of, judged

AIM_ADDED_MS, AIM_RATE, AIM_GROWTH_MB = 1.0, 1500, 8.0
AIM_FIRST_MS, AIM_DELAY_MS = 100.0, 25.0
CROWD_CHUNKS, CROWD_PAUSE_MS = 100, 20
CHUNKS = 200
LONG_CHUNKS, LONG_STREAMS = 500, 60
"""Long streams: chunks of 100 letters without a pause, 12,500 tokens."""
TURNS = 4
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


@dataclass(slots=True)
class Way:
    """A way to the upstream: its latencies at one number of connections in ms, and what a request took at each turn.

    `pid`: the gateway's, None if none stands between. `limited`: a key that has a limit.
    """

    name: str
    base: str
    path: str
    body: bytes
    key: str
    pid: int | None = None
    limited: str = ""
    took: list[float] = field(default_factory=list)
    turns: list[Spent] = field(default_factory=list)

    @property
    def p50(self) -> float:
        return statistics.median(self.took)

    @property
    def p99(self) -> float:
        return p99(self.took)

    @property
    def rate(self) -> float:
        return len(self.turns) / sum(turn.wall for turn in self.turns)

    @property
    def cpu_ms(self) -> float:
        return 1000 * statistics.mean(turn.cpu for turn in self.turns)

    async def turn(self, connections: int, requests: int) -> None:
        """So many requests over so many connections."""
        before, begun = self._cpu(), time.perf_counter()
        took = await load(self.base, self.path, self.body, self.key, connections, requests)
        self.turns.append(Spent((time.perf_counter() - begun) / len(took), (self._cpu() - before) / len(took)))
        self.took += took

    async def long_streams(self, count: int) -> None:
        """So many streams with the limited key, four at a time."""
        before, begun = self._cpu(), time.perf_counter()
        for _ in range(0, count, 4):
            await asyncio.gather(*(long_stream(self.base, self.path, self.limited) for _ in range(4)))
        self.turns.append(Spent((time.perf_counter() - begun) / count, (self._cpu() - before) / count))

    async def crowd(self, count: int, chunks: int, crowd: Crowd) -> None:
        """So many streams at once; the turn says what each chunk took."""
        headers = f"{self.key}\r\nX-Codex-Chunks: {chunks}\r\nX-Codex-Pause: {CROWD_PAUSE_MS}"
        before, begun = self._cpu(), time.perf_counter()
        await gather(self.base, _request(self.base, self.path, STREAMED[self.path], headers), count, crowd)
        told = count * chunks
        self.turns.append(Spent((time.perf_counter() - begun) / told, (self._cpu() - before) / told))

    def _cpu(self) -> float:
        return cpu_of(self.pid) if self.pid else 0.0


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench gateway")
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--connections", default="1,16,64")
    parser.add_argument("--crowd", type=int, default=200, help="streams that begin at the same moment")
    parser.add_argument("--pin", action="store_true", help="the gateways have the first core for themselves")
    parser.add_argument("--memory", type=int, default=10_000, help="requests over which memory is watched")
    baseline.add_option(parser)
    args = parser.parse_args(words)
    trees = baseline.trees(args.baseline)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        upstream, asked = stack.enter_context(running(sys.executable, "-m", "tests.bench.gateway"))
        url = f"{upstream}/v1"
        ways = [Way("direct", url, "chat/completions", CHAT, "none")]
        for tree in trees:
            data = folder / tree.name
            gateway, pid = stack.enter_context(running(tree.joytui, "gateway", "run", env=_env(data, url)))
            base, key, limited = f"{gateway}/openai/v1", _key(gateway, data), _key(gateway, data, "1000000")
            mark = "" if tree is baseline.HERE else f" {tree.name}"
            ways += [Way(f"relay{mark}", base, "chat/completions", CHAT, key, pid, limited)]
            ways += [Way(f"bridge{mark}", base, "responses", RESPONSES, key, pid, limited)]
        if args.pin:
            cores = sorted(os.sched_getaffinity(0))
            for pid, where in ((None, cores[1:]), (asked, cores[1:]), *((way.pid, cores[:1]) for way in ways[1::2])):
                pin(pid, set(where) or set(cores))
        return asyncio.run(_measure(ways, trees, args))


async def _measure(ways: list[Way], trees: tuple[baseline.Tree, ...], args: argparse.Namespace) -> int:
    good = True
    turns: dict[str, list[Spent]] = {way.name: [] for way in ways}
    for connections in [int(part) for part in args.connections.split(",")]:
        await _load_all(ways, connections, args.requests)
        for way in ways:
            print(f"{connections:3} connections  {_line(way, ways[0])}")
            turns[way.name] += way.turns
        if connections == 1:
            good &= ways[2].p50 - ways[0].p50 <= AIM_ADDED_MS
        if connections == 16:
            good &= ways[2].rate >= AIM_RATE
    for way in ways:
        await delays(way.base, way.path, way.key, 10)
        p50, p99 = await delays(way.base, way.path, way.key, CHUNKS)
        print(f"streamed chunks  {way.name:15} delay p50 {p50:6.2f}  p99 {p99:6.2f} ms")
    long = await _long_streams(ways[1:])
    crowds = await _crowds(ways[1:], args.crowd) if args.crowd else {}
    if args.memory:
        good &= await _memory(ways[1:3], args.memory)
    print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"aims (added p50 <= {AIM_ADDED_MS} ms at 1, >= {AIM_RATE} req/s at 16): {'reached' if good else 'missed'}")
    for tree in trees[1:]:
        for kind in ("relay", "bridge"):
            good &= judged(kind, turns[kind], turns[f"{kind} {tree.name}"], tree.name, baseline.AIM)
            for what, spent in (("long streams", long), *((what, crowds[what]) for what in crowds)):
                judged(f"{kind}, {what}", spent[kind], spent[f"{kind} {tree.name}"], tree.name, baseline.AIM)
    return 0 if good else 1


async def _long_streams(ways: list[Way]) -> dict[str, list[Spent]]:
    for way in ways:
        await way.long_streams(8)
        way.turns = []
    for way in by_turns(ways, TURNS):
        await way.long_streams(LONG_STREAMS // TURNS)
    for way in ways:
        print(
            f"long streams     {way.name:15} gateway CPU {way.cpu_ms:.1f} ms each, {1000 / way.rate:.1f} ms by the clock"
        )
    return {way.name: list(way.turns) for way in ways}


async def _crowds(ways: list[Way], count: int) -> dict[str, dict[str, list[Spent]]]:
    """Bursts and crowds of all ways by turns; what they took by kind and way."""
    found: dict[str, dict[str, list[Spent]]] = {}
    for what, chunks in (("burst", 1), ("crowd", CROWD_CHUNKS)):
        crowds = {way.name: Crowd() for way in ways}
        for way in ways:
            await way.crowd(count, 1, Crowd())
        for way in ways:
            way.turns = []
        for way in by_turns(ways, TURNS):
            await way.crowd(count, chunks, crowds[way.name])
        for way in ways:
            crowd = crowds[way.name]
            maker = 1e6 * crowd.maker_s / len(crowd.delays)
            print(
                f"{what} of {count}     {way.name:15} {crowd.line()}  gateway CPU {1000 * way.cpu_ms:.0f} µs a chunk, this client {maker:.0f}"
            )
        found[what] = {way.name: list(way.turns) for way in ways}
    print(
        f"(aims: first byte of a burst p99 {AIM_FIRST_MS:.0f} ms, chunk of a crowd p99 {AIM_DELAY_MS:.0f} ms, on quiet cores)"
    )
    return found


async def _load_all(ways: list[Way], connections: int, requests: int) -> None:
    for way in ways:
        await way.turn(connections, 50 * connections)  # warms it up
        way.took, way.turns = [], []
    for way in by_turns(ways, TURNS):
        await way.turn(connections, requests // TURNS)


def _line(way: Way, direct: Way) -> str:
    line = f"{way.name:15} {way.rate:7.0f} req/s  p50 {way.p50:6.2f}  p99 {way.p99:6.2f} ms"
    if way.pid is None:
        return line
    return (
        f"{line}  added p50 {way.p50 - direct.p50:6.2f} p99 {way.p99 - direct.p99:6.2f} ms  {way.rate / direct.rate:4.2f} of direct"
        f"  gateway CPU {way.cpu_ms:.2f} ms a request"
    )


async def load(base: str, path: str, body: bytes, key: str, connections: int, requests: int) -> list[float]:
    """Keep-alive connections that ask one after another; the latencies in ms."""
    took: list[float] = []
    each = max(1, requests // connections)
    await asyncio.gather(*(_client(base, path, body, key, each, took) for _ in range(connections)))
    return took


async def _memory(ways: list[Way], requests: int) -> bool:
    """Whether the gateway stays as large as it is after a warm-up, over so many requests of both kinds."""
    sizes: list[float] = []
    for count in (WARM_UP, *[max(requests // 4, 32)] * 4):
        for way in ways:
            await load(way.base, way.path, way.body, way.key, 16, count // 2)
        sizes.append(_resident_mb(ways[0].pid))
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
        took += [(now - int(at)) / 1e6 for at in STAMP.findall(data)]
    writer.close()
    took.sort()
    return statistics.median(took), took[int(len(took) * 0.99)]


async def long_stream(base: str, path: str, key: str) -> None:
    parts = urlsplit(base)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    headers = f"{key}\r\nX-Codex-Chunks: {LONG_CHUNKS}\r\nX-Codex-Pause: none"
    writer.write(_request(base, path, STREAMED[path], headers))
    data = b""
    while not data.endswith(b"0\r\n\r\n"):
        data = data[-8:] + (piece := await reader.read(65536))
        assert piece, "the stream ended early"
    writer.close()


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
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=env)
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


def _key(gateway: str, folder: Path, limit: str | None = None) -> str:
    import httpx

    token = (folder / "admin-token").read_text().strip()
    headers = {"authorization": f"Bearer {token}"}
    wanted = {"name": f"bench {limit}", "policy": {"total_limit": limit}} if limit else {"name": "bench"}
    answer = httpx.post(f"{gateway}/console/v1/keys", json=wanted, headers=headers, trust_env=False)
    return str(answer.json()["key"])


def _resident_mb(pid: int | None) -> float:
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
        said = head.split(b"x-codex-pause: ")[1].split(b"\r\n")[0] if b"x-codex-pause: " in head else b"5"
        hurried = said == b"none"
        pause_s = 0 if hurried else int(said) / 1000
        for _ in range(int(head.split(b"x-codex-chunks:")[1].split(b"\r\n")[0])):
            text = "word " * 20 if hurried else f"@{time.monotonic_ns()}@"
            self._event({"choices": [{"index": 0, "delta": {"content": text}}]})
            await asyncio.sleep(pause_s)
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
