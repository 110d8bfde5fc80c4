"""Writes rollout files as Codex 0.80 to 0.169 write them, and says what their true totals are.

The shapes of the lines are those of real rollouts (Codex 0.80.0, 0.94.0, 0.140.0, 0.153.0, 0.169.0, observed). The
truth is kept while writing, response by response, and never by reading what was written.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

MODELS = ("auto", "gpt-5.5", "joy/claude-sonnet", "joy/deepseek-v4")
PROVIDERS = ("joytoken", "joytoken", "joytoken", "openai")
VERSIONS = ("0.80.0", "0.94.0", "0.140.0", "0.153.0", "0.169.0")
FIELDS = ("input", "cached", "output", "reasoning")
Usage = tuple[int, int, int, int]


@dataclass
class Truth:
    """What is in the corpus: responses and tokens, in all, by (provider, model), and two parts that others miss.

    `compressed`: what is in `.zst` files. `forks`: the input tokens of forked threads, by thread id.
    """

    responses: int = 0
    failures: int = 0
    totals: Counter[str] = field(default_factory=Counter)
    groups: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)
    compressed: Counter[str] = field(default_factory=Counter)
    forks: dict[str, int] = field(default_factory=dict)
    files: int = 0
    bytes: int = 0
    threads: set[str] = field(default_factory=set)

    def add(self, provider: str, model: str, usage: Usage) -> None:
        self.responses += 1
        group = self.groups.setdefault((provider, model), Counter())
        for name, value in zip(FIELDS, usage, strict=True):
            self.totals[name] += value
            group[name] += value


def uuid7(moment: datetime, rng: random.Random) -> str:
    """An id like Codex's: the time in milliseconds first."""
    head = f"{int(moment.timestamp() * 1000):012x}"
    return f"{head[:8]}-{head[8:]}-7{rng.randrange(16**3):03x}-{rng.choice('89ab')}{rng.randrange(16**3):03x}-{rng.randrange(16**12):012x}"


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def usage_json(usage: Usage, version: str) -> dict[str, int]:
    spent, cached, output, reasoning = usage
    data = {"input_tokens": spent, "cached_input_tokens": cached}
    if _at_least(version, "0.153.0"):
        data["cache_write_input_tokens"] = 0
    return {
        **data,
        "output_tokens": output,
        "reasoning_output_tokens": reasoning,
        "total_tokens": spent + output,
    }


def _at_least(version: str, other: str) -> bool:
    return tuple(map(int, version.split("."))) >= tuple(map(int, other.split(".")))


class Thread:
    """One thread's rollout while it is written: lines as Codex `version` writes them, and the truth beside them."""

    def __init__(
        self,
        rng: random.Random,
        truth: Truth,
        moment: datetime,
        *,
        version: str,
        provider: str = "joytoken",
        model: str = "auto",
        cwd: str = "/home/dev/project",
        parent: Thread | None = None,
    ) -> None:
        self.rng, self.truth, self.moment, self.version = rng, truth, moment, version
        self.provider, self.model, self.cwd, self.parent = provider, model, cwd, parent
        self.id = uuid7(moment, rng)
        self.turn = ""
        self.lines: list[str] = []
        self.total: Usage = (0, 0, 0, 0)
        self.born = moment
        truth.threads.add(self.id)
        self._session_meta()

    @property
    def file_name(self) -> str:
        return f"rollout-{self.born:%Y-%m-%dT%H-%M-%S}-{self.id}.jsonl"

    @property
    def records(self) -> bool:
        return _at_least(self.version, "0.153.0")

    def line(self, kind: str, payload: dict[str, Any]) -> None:
        record: dict[str, Any] = {"timestamp": stamp(self.moment)}
        if self.records:
            record["ordinal"] = len(self.lines)
        self.lines.append(json.dumps({**record, "type": kind, "payload": payload}, separators=(",", ":")))

    def event(self, kind: str, **payload: Any) -> None:
        self.line("event_msg", {"type": kind, **payload})

    def wait(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)

    def _session_meta(self) -> None:
        meta: dict[str, Any] = {"id": self.id, "timestamp": stamp(self.moment), "cwd": self.cwd}
        meta |= {"originator": "codex_exec", "cli_version": self.version, "source": "exec"}
        if self.parent:
            meta |= {"forked_from_id": self.parent.id, "parent_thread_id": self.parent.id, "thread_source": "subagent"}
            meta["source"] = {"subagent": {"thread_spawn": {"parent_thread_id": self.parent.id, "depth": 1}}}
        meta["model_provider"] = self.provider
        meta["base_instructions"] = {"text": "You are a coding agent running in the Codex CLI. " * 20}
        self.line("session_meta", meta)
        if self.parent:
            self._replay(self.parent)

    def _replay(self, parent: Thread) -> None:
        """A fork begins with its parent's history, every line stamped with the time of the fork."""
        for text in parent.lines:
            record = json.loads(text)
            kind, payload = record["type"], record["payload"]
            if kind == "token_usage_record" or (self.records and payload.get("type") == "token_count"):
                continue  # Codex 0.153 and later leave them out of the replay
            self.line(kind, payload)
        if not self.records:
            self.total = parent.total  # newer versions begin their totals again

    def begin_turn(self) -> None:
        self.turn = uuid7(self.moment, self.rng)
        if _at_least(self.version, "0.140.0"):
            self.event("task_started", turn_id=self.turn, model_context_window=258400)
        context = {"cwd": self.cwd, "approval_policy": "never", "sandbox_policy": {"type": "read-only"}}
        if _at_least(self.version, "0.140.0"):
            context = {"turn_id": self.turn, **context}
        self.line("turn_context", {**context, "model": self.model, "summary": "auto"})

    def settings(self, provider: str) -> None:
        """Another provider from here on (0.163 and later)."""
        self.provider = provider
        applied = {"model": self.model, "model_provider_id": provider, "cwd": self.cwd}
        self.event("thread_settings_applied", thread_id=self.id, thread_settings=applied)

    def text(self, words: str, role: str = "assistant") -> None:
        content = [{"type": "output_text" if role == "assistant" else "input_text", "text": words}]
        self.line("response_item", {"type": "message", "role": role, "content": content})

    def answer(self, usage: Usage, *, repeat: int = 1, response: str | None = None) -> None:
        """One response with its usage: the record (0.153 and later), and token_count as often as `repeat`."""
        self.truth.add(self.provider, self.model, usage)
        if self.parent:
            self.truth.forks[self.id] = self.truth.forks.get(self.id, 0) + usage[0]
        self.total = tuple(a + b for a, b in zip(self.total, usage, strict=True))  # type: ignore[assignment]
        if self.records:
            ids = {"thread_id": self.id, "turn_id": self.turn, "session_id": self.id, "root_turn_id": self.turn}
            counts = usage_json(usage, self.version)
            record = {**ids, "response_id": response or f"resp_{self.rng.randrange(16**20):020x}", "usage": counts}
            thread = usage_json(self.total, self.version)
            self.line("token_usage_record", {**record, "turn_token_usage": counts, "thread_token_usage": thread})
        for _ in range(repeat):
            self.token_count(usage)

    def token_count(self, usage: Usage | None) -> None:
        info = None
        if usage is not None:
            total, last = usage_json(self.total, self.version), usage_json(usage, self.version)
            info = {"total_token_usage": total, "last_token_usage": last, "model_context_window": 258400}
        limits = {"limit_id": "codex", "primary": None, "secondary": None, "credits": None, "plan_type": None}
        self.event("token_count", info=info, rate_limits=limits)

    def end_turn(self, error: str | None = None, status: int = 402) -> None:
        ending: dict[str, Any] = {"turn_id": self.turn, "last_agent_message": None if error else "done"}
        if error and self.records:
            info = {"http_connection_failed": {"http_status_code": status}}
            ending["error"] = {"message": error, "codex_error_info": info}
            self.truth.failures += 1
        if _at_least(self.version, "0.140.0"):
            self.event("task_complete", **ending, duration_ms=1200)

    def path(self, home: Path, *, archived: bool = False) -> Path:
        folder = home / "archived_sessions" if archived else home / "sessions" / f"{self.born:%Y/%m/%d}"
        return folder / self.file_name

    def write(self, home: Path, *, archived: bool = False, compressed: bool = False) -> Path:
        path = self.path(home, archived=archived)
        path.parent.mkdir(parents=True, exist_ok=True)
        data = ("\n".join(self.lines) + "\n").encode()
        if compressed:
            import zstandard

            path = path.with_name(path.name + ".zst")
            data = zstandard.ZstdCompressor(level=1).compress(data)
            self.truth.compressed.update(dict(zip(FIELDS, self.total, strict=True)))
        path.write_bytes(data)
        self.truth.files += 1
        self.truth.bytes += len(data)
        return path


def random_usage(rng: random.Random) -> Usage:
    spent = rng.randrange(2_000, 180_000)
    output = rng.randrange(20, 4_000)
    return spent, rng.randrange(spent), output, rng.randrange(output)


def texts(rng: random.Random) -> Callable[[], str]:
    """Fillers as a session has them: short words mostly, long tool output at times, quotes and line ends in it."""
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz_", k=rng.randint(2, 11))) for _ in range(2_000)]
    pool = []
    for _ in range(400):
        size = rng.choice((20, 60, 120, 300, 900))
        pool.append(" ".join(rng.choices(words, k=size)).replace(" a", ' "a"\n'))
    return lambda: rng.choice(pool)


def write_corpus(home: Path, size: int, seed: int = 7, moment: datetime = datetime(2026, 9, 1, 6, tzinfo=UTC)) -> Truth:
    """About `size` bytes of rollouts below `home`, the first of that moment: every version, children, copies, archived and
    compressed files."""
    rng, truth = random.Random(seed), Truth()
    text = texts(rng)
    while truth.bytes < size:
        moment += timedelta(minutes=rng.randrange(20, 160))
        thread = _write_thread(rng, truth, moment, text)
        style = rng.random()
        thread.write(home, archived=style < 0.1, compressed=0.1 < style < 0.15)
        if style > 0.93:
            _copy(thread, home, "archived_sessions")
        if rng.random() < 0.3:
            _write_child(rng, truth, thread, text).write(home)
    return truth


def _copy(thread: Thread, home: Path, folder: str) -> None:
    """An older copy of the same rollout, which must not count twice."""
    path = home / folder / thread.file_name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(thread.lines[: len(thread.lines) // 2]) + "\n")
    thread.truth.bytes += path.stat().st_size
    thread.truth.files += 1


def _write_thread(rng: random.Random, truth: Truth, moment: datetime, text: Callable[[], str]) -> Thread:
    version = rng.choice(VERSIONS)
    thread = Thread(
        rng,
        truth,
        moment,
        version=version,
        provider=rng.choice(PROVIDERS),
        model=rng.choice(MODELS),
        cwd=f"/home/dev/project-{rng.randrange(12)}",
    )
    for _ in range(rng.randrange(1, 7)):
        _write_turn(thread, text)
    return thread


def _write_child(rng: random.Random, truth: Truth, parent: Thread, text: Callable[[], str]) -> Thread:
    child = Thread(
        rng,
        truth,
        parent.moment + timedelta(milliseconds=rng.randrange(900)),
        version=parent.version,
        provider=parent.provider,
        model=parent.model,
        cwd=parent.cwd,
        parent=parent,
    )
    if _at_least(child.version, "0.163.0"):
        child.settings(parent.provider)
    child.wait(2.5)
    _write_turn(child, text)
    return child


def _write_turn(thread: Thread, text: Callable[[], str]) -> None:
    rng = thread.rng
    thread.wait(rng.randrange(3, 400))
    if _at_least(thread.version, "0.163.0") and rng.random() < 0.1:
        thread.settings(rng.choice(PROVIDERS))
    if rng.random() < 0.15:
        thread.model = rng.choice(MODELS)
    thread.begin_turn()
    thread.text(text(), "user")
    if rng.random() < 0.05:
        thread.token_count(None)
        thread.wait(6.5)
        return thread.end_turn("unexpected status 402 Payment Required: Wallet balance is too low")
    for _ in range(rng.randrange(1, 9)):
        thread.wait(rng.randrange(1, 60))
        for _ in range(rng.randrange(2, 9)):
            thread.text(text())
        thread.answer(random_usage(rng), repeat=rng.choice((1, 1, 1, 2, 3)))
    return thread.end_turn()
