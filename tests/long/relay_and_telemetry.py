"""Turns of the real Codex through a relay that also gets its telemetry: each request is counted once, to the token.

Several threads at a time speak to a scripted upstream that calls tools, starts sub-agents, refuses for a moment and breaks off in the
middle. What the upstream gave is compared with the ledger, with what telemetry told, and with Codex's own files.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from joytui.core.token_counts import TOKEN_NAMES
from tests.bridge.chat_upstream import (
    ChatUpstream,
    Chunk,
    Scripted,
    Seen,
    answer_json,
    call_delta,
    chunk,
    not_found,
    stream,
    usage,
)
from tests.support.app_server import app_server
from tests.support.hang import HANG_S
from tests.support.real_codex import NEWEST, codex
from tests.support.real_setup import Setup

THREADS = 4
KINDS = ("plain", "tool", "agent", "busy", "cut")
"""What happens in a turn: nothing more; a command; a sub-agent; two refusals; an answer that breaks off."""
MORE_CONFIG = 'approval_policy = "never"\nsandbox_mode = "danger-full-access"\n'


@dataclass
class Upstream:
    """The script. `given`: the sums of its whole answers."""

    given: Counter[str] = field(default_factory=Counter)
    answers: int = 0
    _met: Counter[str] = field(default_factory=Counter)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, seen: Seen) -> Scripted:
        if not seen.path.endswith("/chat/completions") or seen.method != "POST":
            return not_found(seen)
        if not seen.body.get("messages"):
            return answer_json({"error": {"message": "messages is required", "type": "invalid_request_error"}}, 400)
        kind, label, made = _asked(seen.body)
        with self._guard:
            self._met[label] += 1
            met = self._met[label]
        if kind == "busy" and met <= 2:
            return answer_json({"error": {"message": "busy", "type": "upstream_error"}}, 503)
        if kind == "cut" and met == 1:
            return stream(chunk({"content": "half of an ans"}), done=False, cut=True)
        calls = self._calls(kind, label, seen.body)
        return self._whole(*calls[made]) if made < len(calls) else self._whole(None, f"{label} is done")

    def _calls(self, kind: str, label: str, body: Any) -> list[tuple[str | None, Any]]:
        if kind == "tool":
            return [("exec_command", {"cmd": f"echo {label}"})]
        return _spawning(label, body) if kind == "agent" else []

    def _whole(self, name: str | None, what: Any) -> Scripted:
        with self._guard:
            self.answers += 1
            n = self.answers
            counts = {"input_tokens": 1000 + n, "cached_input_tokens": 500 + n, "output_tokens": 20 + n % 7}
            self.given.update({**counts, "reasoning_tokens": 3})
        tokens = usage(1000 + n, 20 + n % 7, cached=500 + n, reasoning=3)
        if name is None:
            return stream(chunk({"role": "assistant", "content": str(what)}), chunk({}, "stop"), tokens)
        call = call_delta(0, f"call_{n}", name, json.dumps(what))
        return stream(chunk(call), chunk({}, "tool_calls"), tokens)


def _asked(body: Any) -> tuple[str, str, int]:
    """Kind and label of the newest prompt ("kind label"), and how many calls were answered since."""
    messages: list[Chunk] = body["messages"]
    for place in range(len(messages) - 1, -1, -1):
        found = re.findall(r"\b(plain|tool|agent|busy|cut|child) (n\d+)\b", str(messages[place]["content"]))
        if messages[place]["role"] == "user" and found:
            kind, label = found[-1]
            return kind, f"{kind}-{label}", sum(1 for one in messages[place:] if one.get("tool_calls"))
    raise AssertionError("no prompt")


def _spawning(label: str, body: Any) -> list[tuple[str | None, Any]]:
    """The calls that start a sub-agent and wait for it, by whichever tools this Codex offers."""
    offered = {tool["function"]["name"] for tool in body["tools"]}
    task = label.replace("agent-", "child ")
    if "collaboration__spawn_agent" in offered:
        spawn = {"task_name": f"help_{label[6:]}", "message": task, "fork_turns": "none"}
        return [("collaboration__spawn_agent", spawn), ("collaboration__wait_agent", {})]
    outputs = [str(one["content"]) for one in reversed(body["messages"]) if one["role"] == "tool"]
    agent = next((json.loads(text)["agent_id"] for text in outputs if text.startswith('{"agent_id"')), None)
    search: list[tuple[str | None, Any]] = (
        [("tool_search", {"query": "spawn agent"})] if "tool_search" in offered else []
    )
    return [
        *search,
        ("multi_agent_v1__spawn_agent", {"message": task}),
        ("multi_agent_v1__wait_agent", {"targets": [agent]}),
    ]


@dataclass
class Ran:
    """`rows`: the ledger's, oldest first; `totals`: by source, as `joytui usage` prints them; `noted`: the sums of Codex's own files."""

    rows: list[dict[str, Any]]
    totals: dict[str, dict[str, Any]]
    noted: Counter[str]
    upstream: Upstream
    asked: int
    turns: Counter[str]

    def wrong(self) -> list[str]:
        """What does not hold, in words."""
        return list(self._wrong())

    def _wrong(self) -> Iterator[str]:
        good = [row for row in self.rows if row["status"] == 200 and not row["error_type"]]
        yield from _unless(self.turns["completed"] == self.turns.total(), "turns failed", dict(self.turns))
        yield from _unless(
            len(self.rows) == self.asked, "rows, and requests that the upstream saw", len(self.rows), self.asked
        )
        for row in self.rows:
            told = (row["source"], row["sources"], row["attempts"], row.get("differs"))
            yield from _unless(
                told == ("gateway", ["gateway", "telemetry"], 1, None), "a row", row["id"], row["status"], *told
            )
        sums = Counter({name: sum(row[name] for row in good) for name in self.upstream.given})
        yield from _unless(
            sums == self.upstream.given, "tokens of good rows, and those given", sums, self.upstream.given
        )
        yield from _unless(
            self.noted == self.upstream.given, "Codex's files, and what was given", self.noted, self.upstream.given
        )
        own = {name: sum(row[name] for row in self.rows) for name in TOKEN_NAMES} | {"requests": len(self.rows)}
        for source in ("gateway", "both"):
            said = {name: self.totals[source][name] for name in own}
            yield from _unless(said == own, f"usage --source {source}, and the rows", said, own)
        yield from _unless(
            self.totals["telemetry"]["requests"] == 0, "requests of telemetry alone", self.totals["telemetry"]
        )
        yield from _unless(any(row.get("subagent") for row in self.rows), "no sub-agent")
        yield from _unless(len(good) < len(self.rows), "no request failed")

    def summary(self) -> str:
        kinds = Counter(row["status"] for row in self.rows)
        agents = sum(bool(row.get("subagent")) for row in self.rows)
        threads = len({row["thread_id"] for row in self.rows})
        return (
            f"{self.turns.total()} turns, {len(self.rows)} requests ({dict(kinds)}), {agents} of sub-agents, {threads} threads,"
            f" {self.upstream.given['input_tokens']} input and {self.upstream.given['output_tokens']} output tokens"
        )


def _unless(holds: bool, what: str, *values: object) -> Iterator[str]:
    if not holds:
        yield f"{what}: {' | '.join(map(str, values))}"


async def relayed(turns: int, folder: Path) -> Ran:
    """A gateway, an upstream behind it, and one Codex with telemetry on that makes so many turns."""
    setup, script = Setup(folder), Upstream()
    async with ChatUpstream(script) as upstream:
        try:
            return await asyncio.to_thread(_relayed, setup, script, upstream, turns)
        finally:
            await asyncio.to_thread(setup.stop_gateway)


def _relayed(setup: Setup, script: Upstream, upstream: ChatUpstream, turns: int) -> Ran:
    options = ("--upstream", upstream.url, "--upstream-key-env", "UP_KEY")
    url = setup.start_gateway(*options, env={"UP_KEY": "up-secret-0123456789"})
    setup.create_key("dev")
    file = setup.configure()
    file.write_text(MORE_CONFIG + file.read_text())
    setup.joytui("telemetry", "on", "--gateway", url, "--yes")
    with app_server(codex(NEWEST), setup.env, setup.folder / "work") as server:
        threads = [str(server.ask("thread/start")["thread"]["id"]) for _ in range(min(THREADS, turns))]
        ended: Counter[str] = Counter()
        for begin in range(0, turns, len(threads)):
            numbers = range(begin, min(begin + len(threads), turns))
            for thread, n in zip(threads, numbers, strict=False):
                words = f"{KINDS[n % len(KINDS)]} n{n}"
                server.ask("turn/start", threadId=thread, input=[{"type": "text", "text": words}])
            waiting = len(numbers)
            while waiting:
                told = server.wait_for("turn/completed")
                if told["threadId"] in threads:
                    waiting -= 1
                    ended[told["turn"]["status"]] += 1
        rows = _joined(setup)
    totals = {
        source: json.loads(setup.joytui("usage", "--source", source, "--json").stdout)["totals"]
        for source in ("gateway", "both")
    }
    totals["telemetry"] = setup.console("GET", "/usage?source=telemetry")["totals"]
    noted: Counter[str] = Counter()
    for one in setup.noted_usage():
        counts = {**one["usage"], "reasoning_tokens": one["usage"]["reasoning_output_tokens"]}
        noted.update({name: counts[name] for name in TOKEN_NAMES})
    return Ran(rows, totals, noted, script, len(upstream.turns), ended)


def _joined(setup: Setup) -> list[dict[str, Any]]:
    """The rows, once telemetry told of them all; as they are where that takes too long."""
    rows: list[dict[str, Any]] = []
    pause = threading.Event()
    for _ in range(int(HANG_S / 2)):
        rows = setup.json_lines("logs", "--limit", "0", "--source", "gateway")
        if all(len(row["sources"]) == 2 for row in rows):
            break
        pause.wait(0.5)
    return rows


@contextmanager
def _folder(kept: str | None) -> Iterator[Path]:
    if kept is not None:
        Path(kept).mkdir(parents=True)
        yield Path(kept)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.long relay-and-telemetry", description=__doc__)
    parser.add_argument("--turns", type=int, default=100, help="default 100")
    parser.add_argument("--folder", help="a new folder for all that is written; it stays")
    args = parser.parse_args(words)
    if not 1 <= args.turns <= 2000:
        parser.error("--turns from 1 to 2,000")
    with _folder(args.folder) as folder:
        ran = asyncio.run(relayed(args.turns, folder))
    print(ran.summary())
    wrong = ran.wrong()
    for line in wrong[:20]:
        print(f"WRONG  {line}")
    print("nothing twice, nothing lost" if not wrong else f"{len(wrong)} wrong")
    return 1 if wrong else 0
