"""Codex's turns on this machine: where each went, what it used, how it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from joytui.codex.rollouts.count import Counter, is_spawned, milliseconds, older_turn, text
from joytui.codex.rollouts.files import RolloutFile, find_rollouts
from joytui.codex.rollouts.lines import Kind, Scanner, decode_payload, open_rollout
from joytui.core.token_counts import TokenCounts

Outcome = Literal["completed", "failed", "interrupted", "unfinished", "running"]


@dataclass(frozen=True, slots=True)
class Session:
    """What the head of a rollout says of its thread (session_meta). None: this Codex did not write it.

    `root_thread`: the thread that a user began, which sub-agents share. `subagent`: the kind of sub-agent. `branch`, `commit`
    and `origin` (with credentials, where the remote's URL has some): of the repository in which it began.
    """

    thread: str = ""
    root_thread: str | None = None
    parent_thread: str | None = None
    subagent: str | None = None
    codex_version: str | None = None
    originator: str | None = None
    branch: str | None = None
    commit: str | None = None
    origin: str | None = None
    cwd: str | None = None

    @classmethod
    def of(cls, meta: Mapping[str, Any]) -> Session:
        found = meta.get("git")
        git = found if isinstance(found, Mapping) else {}
        return cls(
            thread=text(meta.get("id")) or "",
            root_thread=text(meta.get("session_id")),
            parent_thread=text(meta.get("parent_thread_id")),
            subagent=_subagent(meta.get("source")),
            codex_version=text(meta.get("cli_version")),
            originator=text(meta.get("originator")),
            branch=text(git.get("branch")),
            commit=text(git.get("commit_hash")),
            origin=text(git.get("repository_url")),
            cwd=text(meta.get("cwd")),
        )


def _subagent(source: Any) -> str | None:
    kind = source.get("subagent") if isinstance(source, Mapping) else None
    if isinstance(kind, Mapping):
        return next((name for name in kind if isinstance(name, str)), None)
    return text(kind)


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn as Codex wrote it. Times are aware UTC, spans milliseconds.

    `outcome`: "failed" with `error` (Codex's own words, unredacted) where Codex wrote them (0.163 and later); "failed"
    without `error` where it ended with no answer and no words (0.140); "unfinished" where it never ended (a hung
    retry, a killed Codex, or one that still runs); "running" from a reader that goes on, while no end is written.
    `error_info` is codex_error_info: a name, or an object by name. `responses`: the ids of the upstream's answers (0.153
    and later).
    """

    time: datetime
    thread: str
    turn: str | None
    provider: str | None
    model: str | None
    cwd: str | None
    outcome: Outcome
    error: str | None
    error_info: str | Mapping[str, Any] | None
    codex_version: str | None
    path: str
    tokens: TokenCounts = field(default_factory=TokenCounts)
    duration_ms: int | None = None
    ttft_ms: int | None = None
    responses: tuple[str, ...] = ()
    session: Session = field(default_factory=Session)

    @property
    def http_status(self) -> int | None:
        """The HTTP status in codex_error_info, if it holds one."""
        if isinstance(self.error_info, Mapping):
            for inner in self.error_info.values():
                status = inner.get("http_status_code") if isinstance(inner, Mapping) else None
                if type(status) is int:
                    return status
        return None


def last_turns(
    home: Path,
    limit: int = 20,
    *,
    before: datetime | None = None,
    since: datetime | None = None,
    files: Sequence[RolloutFile] | None = None,
    running_since: datetime | None = None,
) -> tuple[Turn, ...]:
    """The newest `limit` turns below `home` (a CODEX_HOME) that began in `since <= time < before`, newest first.

    Reads newest files first, and no more than that needs; never raises. `files`: those of `find_rollouts`, where they are
    known already. `running_since`: a turn without an end in a file that was written since then is "running".
    """
    turns: list[Turn] = []
    times: list[datetime] = []
    scanner = Scanner()
    for file in sorted(find_rollouts(home) if files is None else files, key=lambda file: -file.mtime_ns):
        oldest = times[-limit] if len(times) >= limit else since
        if oldest is not None and file.mtime_ns / 1e9 < oldest.timestamp():
            break  # a file last written before the turns that we have cannot hold a newer one
        if before is not None and file.born_ms >= before.timestamp() * 1000:
            continue
        runs = running_since is not None and file.mtime_ns / 1e9 >= running_since.timestamp()
        found = [turn for turn in read_turns(file, scanner, runs=runs) if _between(turn.time, since, before)]
        turns += found
        times = sorted([*times, *(turn.time for turn in found)])
    return tuple(sorted(turns, key=lambda turn: turn.time, reverse=True)[:limit])


def _between(time: datetime, since: datetime | None, before: datetime | None) -> bool:
    return (since is None or time >= since) and (before is None or time < before)


def read_turns(file: RolloutFile, scanner: Scanner | None = None, *, runs: bool = False) -> list[Turn]:
    """The turns of one rollout, oldest first; what could be read of a damaged file. `runs`: a last one without an end runs."""
    reader = TurnReader(file.path)
    try:
        with open_rollout(file.path, file.compressed) as opened:
            (scanner or Scanner()).scan(opened, reader)
    except (OSError, ValueError):
        pass  # gone, or damaged from some point on
    if runs and (running := reader.open_turn()):
        return [*reader.ended, running]
    return reader.finish()


def turns_by_provider(turns: tuple[Turn, ...]) -> dict[str, int]:
    """How many of the turns went to each provider, the most used first ("openai" where a file names none)."""
    counts: dict[str, int] = {}
    for turn in turns:
        provider = turn.provider or "openai"
        counts[provider] = counts.get(provider, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


class TurnReader:
    """Collects the turns of one file. A replay of a parent's turns (forked threads) is left out.

    `ended`: the turns whose end was read, oldest first. `open_turn()`: the one that was not, so far.
    """

    def __init__(self, path: str) -> None:
        self.ended: list[Turn] = []
        self._path = path
        self._counter = Counter()
        self._session: Session | None = None
        self._start = 0
        self._spawned = False
        self._provider: str | None = None
        self._place: tuple[str | None, str | None] = (None, None)
        self._open: tuple[int, str | None] | None = None
        self._first_entry = 0
        self._spans: tuple[int | None, int | None] = (None, None)
        self._answered = False
        self._error: tuple[str | None, Any] = (None, None)

    def take(self, kind: Kind, line: bytes) -> None:
        self._take(kind, line)
        if kind < Kind.TURN_ABORTED:
            self._counter.take(kind, line)

    def _take(self, kind: Kind, line: bytes) -> None:
        if kind in (Kind.TOKEN_COUNT, Kind.USAGE_RECORD):
            self._answered = self._answered or b'"input_tokens"' in line
            return
        stamp, payload = decode_payload(line)
        ms = milliseconds(stamp) or self._start
        if kind is Kind.SESSION_META:
            self._meta(ms, payload)
        elif kind is Kind.SETTINGS:
            self._settings(payload)
        elif kind is Kind.TURN_CONTEXT:
            self._begin(ms, text(payload.get("turn_id")))
            self._place = (text(payload.get("model")), text(payload.get("cwd")))
        elif kind is Kind.TURN_STARTED:
            self._begin(ms, text(payload.get("turn_id")))
        elif kind is Kind.ERROR:
            self._error = (text(payload.get("message")), payload.get("codex_error_info"))
        else:
            self._end(kind, ms, payload)

    def finish(self) -> list[Turn]:
        """All turns, for a file that is read once: one without an end has none."""
        self._close("completed" if self._answered else "unfinished")
        return self.ended

    def open_turn(self) -> Turn | None:
        """The turn without an end so far, None if there is none. Codex before 0.140 writes no ends: there, an answer is one."""
        if self._open is None or self._is_replay():
            return None
        return self._turn("completed" if self._answered and self._open[1] is None else "running")

    def _meta(self, ms: int, payload: dict[str, Any]) -> None:
        if self._session is None:
            self._session, self._start, self._spawned = Session.of(payload), ms, is_spawned(payload)
            self._provider = text(payload.get("model_provider"))
        elif payload.get("id") != self._session.thread:
            self._spawned = True

    def _settings(self, payload: dict[str, Any]) -> None:
        settings = payload.get("thread_settings")
        if isinstance(settings, dict) and payload.get("thread_id", self._thread) == self._thread:
            self._provider = text(settings.get("model_provider_id")) or self._provider

    @property
    def _thread(self) -> str:
        return self._session.thread if self._session else ""

    def _begin(self, ms: int, turn: str | None) -> None:
        if self._open and (self._open[1] == turn or (turn is None and not self._answered)):
            return  # the same turn goes on; before 0.140 each retry writes its context again, without an id
        self._close("completed" if self._answered else "unfinished")
        self._open, self._answered, self._error = (ms, turn), False, (None, None)
        self._spans, self._first_entry = (None, None), len(self._counter.entries)

    def _end(self, kind: Kind, ms: int, payload: dict[str, Any]) -> None:
        began = self._open[0] if self._open else ms
        took = _span(payload.get("duration_ms"))
        self._spans = (max(0, ms - began) if took is None else took, _span(payload.get("time_to_first_token_ms")))
        if kind is Kind.TURN_ABORTED:
            return self._close("interrupted")
        error = payload.get("error")
        if isinstance(error, dict):
            self._error = (text(error.get("message")), error.get("codex_error_info"))
        failed = bool(error) or self._error[0] or not (payload.get("last_agent_message") or self._answered)
        return self._close("failed" if failed else "completed")

    def _close(self, outcome: Outcome) -> None:
        if self._open is not None and not self._is_replay():
            self.ended.append(self._turn(outcome))
        self._open = None

    def _is_replay(self) -> bool:
        assert self._open is not None
        return self._spawned and _replayed(*self._open, self._thread, self._start)

    def _turn(self, outcome: Outcome) -> Turn:
        assert self._open is not None
        (ms, turn), session = self._open, self._session or Session()
        message, info = self._error if outcome == "failed" else (None, None)
        model, cwd = self._place
        entries = [one for one in self._counter.entries[self._first_entry :] if one.thread == session.thread]
        duration, ttft = self._spans
        return Turn(
            time=datetime.fromtimestamp(ms / 1000, UTC),
            thread=session.thread,
            turn=turn,
            provider=self._provider,
            model=model,
            cwd=cwd or session.cwd,
            outcome=outcome,
            error=message,
            error_info=info if isinstance(info, (str, Mapping)) else None,
            codex_version=session.codex_version,
            path=self._path,
            tokens=TokenCounts.sum(entry.tokens for entry in entries) if entries else TokenCounts(),
            duration_ms=duration,
            ttft_ms=ttft,
            responses=tuple(entry.response for entry in entries if entry.response),
            session=session,
        )


def _span(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < 1 << 40 else None


def _replayed(ms: int, turn: str | None, thread: str, start: int) -> bool:
    older = older_turn(turn, thread, start)
    return older if older is not None else ms - start < 1000
