"""What the gateway needs to receive, join and show a team's telemetry: the CPU of its process, and how soon a row is at a console.

Each person posts once a second, as Codex's exporter does, with real records (tests/telemetry) moved to now: of each turn a prompt, an
attempt, the stream's events, the first token and the tokens.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from tests.support.joytui_process import Machine
from tests.telemetry.otlp import OUTCOMES, as_json

TICK = os.sysconf("SC_CLK_TCK")


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench telemetry", description=__doc__)
    parser.add_argument("--turns", type=int, default=2_000, help="a minute (default 2000)")
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--seconds", type=int, default=30)
    args = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(Path(folder))
        process = machine.start("gateway", "run", "--port", "0")
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[1]
            admin = (machine.data / "admin-token").read_text().strip()
            share, delays, rows = asyncio.run(measure(url, admin, process.pid, args))
        finally:
            process.terminate()
            process.communicate()
    delays.sort()
    print(
        f"{args.turns} turns a minute by {args.people} people: {share:.1%} of a core, {rows} rows of {len(delays)} requests"
    )
    print(
        f"from the post to a console's tail: p50 {delays[len(delays) // 2]:.0f} ms, p99 {delays[int(len(delays) * 0.99)]:.0f} ms"
    )
    return 0 if share <= 0.25 and rows == len(delays) else 1


async def measure(url: str, admin: str, pid: int, args: argparse.Namespace) -> tuple[float, list[float], int]:
    """The share of a core (of the CPU that each turn took, so that a busy machine that posts later says the same), the delays in ms,
    and the rows of the store."""
    each = max(1, round(args.turns / 60 / args.people))
    sent: dict[str, float] = {}
    delays: dict[str, float] = {}
    bearer = {"Authorization": f"Bearer {admin}"}
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        tokens = []
        for n in range(args.people):
            wanted = {"name": f"person-{n}", "owner": f"owner-{n}"}
            made = await client.post("/console/v1/telemetry/tokens", json=wanted, headers=bearer)
            tokens.append(made.json()["token"])
        tail = asyncio.create_task(watch(client, bearer, sent, delays))
        await asyncio.sleep(1)
        cpu = seconds(pid)
        await asyncio.gather(
            *(person(client, token, each, args.seconds, n / args.people, sent) for n, token in enumerate(tokens))
        )
        share = (seconds(pid) - cpu) / len(sent) * args.turns / 60
        await asyncio.sleep(2)
        tail.cancel()
        status = (await client.get("/console/v1/status", headers=bearer)).json()
    return share, [delays.get(thread, float("inf")) for thread in sent], status["requests"]


async def person(
    client: httpx.AsyncClient, token: str, each: int, rounds: int, offset: float, sent: dict[str, float]
) -> None:
    await asyncio.sleep(offset)
    due = time.monotonic()
    for _ in range(rounds):
        threads = [str(uuid4()) for _ in range(each)]
        body = as_json([record for thread in threads for record in turn(thread)])
        sent.update(dict.fromkeys(threads, time.monotonic()))
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        answer = await client.post("/otlp/v1/logs", content=body, headers=headers)
        assert answer.status_code == 200, answer.text
        due += 1
        await asyncio.sleep(max(0.0, due - time.monotonic()))


def turn(thread: str) -> list[dict[str, Any]]:
    """The records of a turn that went well, now."""
    records, now = OUTCOMES["healthy"], time.time_ns()
    shift = now - int(records[-1]["observed"])
    found = []
    for record in records:
        observed = int(record["observed"]) + shift
        moment = datetime.fromtimestamp(observed / 1e9, UTC).isoformat().replace("+00:00", "Z")
        said = {**record["attributes"], "event.timestamp": moment, "conversation.id": thread}
        found.append({"observed": str(observed), "attributes": said})
    return found


async def watch(
    client: httpx.AsyncClient, bearer: dict[str, str], sent: dict[str, float], delays: dict[str, float]
) -> None:
    """A console's tail: when each row is there with its tokens."""
    async with client.stream("GET", "/console/v1/requests/stream", headers=bearer, timeout=None) as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data:"):
                now = time.monotonic()
                for row in json.loads(line[5:])["requests"]:
                    if row["input_tokens"] and row["thread_id"] in sent:
                        delays.setdefault(row["thread_id"], (now - sent[row["thread_id"]]) * 1000)


def seconds(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK
