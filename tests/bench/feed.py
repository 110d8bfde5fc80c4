"""The bench's gateway: speaks the console API as far as the console's live path needs it, and sends requests in batches.

    python -m tests.bench.feed RATE SECONDS [rows]     prints its URL; RATE 0: SECONDS is a number of requests, sent at once

By column for who asks for it, as the real gateway does; "rows": like a gateway that does not know that form.

Ten batches a second, as the real gateway's tail has them. Each request's `time` is the moment it ended, so that who shows
it can tell how late it is; the last one has the note "last".
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from datetime import UTC, datetime
from typing import Any

from joytui.core.columnar import block_of, to_json

TICK_S = 0.1
LARGEST = 2_000
DICE = random.Random(11)
THREADS = [str(f"0199f3a2-{DICE.getrandbits(16):04x}-7c11-9d20-{DICE.getrandbits(48):012x}") for _ in range(5_000)]
MODELS = (("auto", "gpt-5.4-mini", "openai", "standard"), ("auto", "claude-haiku-5", "anthropic", "economy"))


def request(number: int, at_ms: int, *, last: bool = False) -> dict[str, Any]:
    """One ended request as the console API sends it, one in twenty refused; the ids are all different."""
    asked, used, provider, tier = MODELS[number % 2]
    bad = number % 20 == 0
    second, ms = divmod(at_ms, 1000)
    moment = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    draw = DICE.getrandbits(128)
    digits = f"{draw:032x}"
    return {
        "seq": number + 1, "id": f"req-{(at_ms << 21) + number % (1 << 21):016x}", "time": f"{moment}.{ms:03d}Z",
        "key": f"dev-{number % 37}", "key_id": f"key_{number % 37}", "model": asked, "model_used": None if bad else used,
        "provider": None if bad else provider, "tier": tier, "endpoint": "/openai/v1/responses",
        "status": 402 if bad else 200, "error_type": "insufficient_quota" if bad else None,
        "error_message": f"daily limit reached: 0.{number % 1000:04d} Cr left" if bad else None,
        "cause": "insufficient-quota" if bad else None, "input_tokens": draw % 60_000, "cached_input_tokens": draw % 9_000,
        "output_tokens": draw % 3_001, "reasoning_tokens": draw % 701, "cost_credits": f"0.{draw % 999_999:06d}",
        "cost_source": "upstream", "queue_ms": draw % 300 / 100, "first_byte_ms": None if bad else draw % 1_900 + 0.25, "ttft_ms": None if bad else draw % 2_000 + 0.5, "latency_ms": draw % 20_000 + 2_000.5,
        "stream": True, "request_id": f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}",
        "upstream_id": None if bad else f"resp_{DICE.getrandbits(128):032x}", "thread_id": THREADS[number % 5_000],
        "client": "codex_exec/0.169.0", "ip": "127.0.0.1", "notes": "last" if last else None,
    }  # fmt: skip


class Feed:
    """Answers the console's questions; the stream is the load."""

    def __init__(self, rate: int, amount: float, *, rows_only: bool = False) -> None:
        self.rate = rate
        self.rows_only = rows_only
        self.many = int(rate * amount) if rate else int(amount)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until the other side closes it."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                path, _, query = head.split(b" ", 2)[1].decode().partition("?")
                columns = "form=columns" in query and not self.rows_only
                if path.endswith("/requests/stream"):
                    await self._stream(writer, columns=columns)
                    return
                await self._send(writer, self._plain(path, columns=columns))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _plain(self, path: str, *, columns: bool) -> dict[str, Any]:
        if path.endswith("/requests"):
            return json.loads(to_json(block_of([]), next=None)) if columns else {"requests": [], "next": None}
        return {
            "version": "0.1.0", "url": "http://bench", "pid": 1, "started_at": "2026-11-23T00:00:00.000Z", "store": "bench",
            "keys": 37, "last_seq": 0,
        }  # fmt: skip

    async def _send(self, writer: asyncio.StreamWriter, data: dict[str, Any]) -> None:
        body = json.dumps(data).encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )
        await writer.drain()

    async def _stream(self, writer: asyncio.StreamWriter, *, columns: bool) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n: bench\n\n")
        await writer.drain()
        await asyncio.sleep(0.5)  # the console's own start is not what is measured
        sent, begun, tick = 0, time.time(), 0
        while sent < self.many:
            tick += 1
            if self.rate:
                await asyncio.sleep(max(0.0, begun + tick * TICK_S - time.time()))
                due = min(self.many, int((time.time() - begun) * self.rate))
            else:
                due = min(self.many, sent + LARGEST)
            while sent < due:
                upto = min(due, sent + LARGEST)
                rows = [self._row(number, begun) for number in range(sent, upto)]
                data = to_json(block_of(rows)) if columns else json.dumps({"requests": rows}, separators=(",", ":"))
                writer.write(f"id: {upto}\ndata: {data}\n\n".encode())
                await writer.drain()
                sent = upto
        await asyncio.sleep(3600)

    def _row(self, number: int, begun: float) -> dict[str, Any]:
        at = begun + number / self.rate if self.rate else time.time()
        return request(number, int(at * 1000), last=number == self.many - 1)


async def serve(rate: int, amount: float, *, rows_only: bool = False) -> None:
    feed = Feed(rate, amount, rows_only=rows_only)
    server = await asyncio.start_server(feed.answer, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2]), rows_only="rows" in sys.argv[3:]))
