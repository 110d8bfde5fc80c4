"""The last turns of Codex on this machine: which provider they went to, and what the failed ones ended with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from joytui.codex.rollouts.count import is_spawned, milliseconds, older_turn, text
from joytui.codex.rollouts.files import RolloutFile, find_rollouts
from joytui.codex.rollouts.lines import Kind, Scanner, decode_payload, open_rollout

Outcome = Literal["completed", "failed", "interrupted", "unfinished"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn as Codex wrote it. Times are aware UTC.

    `outcome`: "failed" with `error` (Codex's own words, unredacted) where Codex wrote them (0.163 and later); "failed"
    without `error` where it ended with no answer and no words (0.140); "unfinished" where it never ended (a hung
    retry, a killed Codex, or one that still runs). `error_info` is codex_error_info: a name, or an object by name.
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

    @property
    def http_status(self) -> int | None:
        """The HTTP status in codex_error_info, if it holds one."""
        if isinstance(self.error_info, Mapping):
            for inner in self.error_info.values():
                status = inner.get("http_status_code") if isinstance(inner, Mapping) else None
                if type(status) is int:
                    return status
        return None


def last_turns(home: Path, limit: int = 20) -> tuple[Turn, ...]:
    """The newest `limit` turns below `home` (a CODEX_HOME), newest first. Reads newest files first; never raises."""
    turns: list[Turn] = []
    scanner = Scanner()
    for file in sorted(find_rollouts(home), key=lambda file: -file.mtime_ns):
        if len(turns) >= limit and file.mtime_ns / 1e9 < _at_place(turns, limit).timestamp():
            break  # a file last written before the turns that we have cannot hold a newer one
        turns += read_turns(file, scanner)
    return tuple(sorted(turns, key=lambda turn: turn.time, reverse=True)[:limit])


def read_turns(file: RolloutFile, scanner: Scanner | None = None) -> list[Turn]:
    """The turns of one rollout, oldest first; what could be read of a damaged file."""
    reader = _TurnReader(file.path)
    try:
        with open_rollout(file.path, file.compressed) as opened:
            (scanner or Scanner()).scan(opened, reader)
    except (OSError, ValueError):
        pass  # gone, or damaged from some point on
    return reader.finish()


def turns_by_provider(turns: tuple[Turn, ...]) -> dict[str, int]:
    """How many of the turns went to each provider, the most used first ("openai" where a file names none)."""
    counts: dict[str, int] = {}
    for turn in turns:
        provider = turn.provider or "openai"
        counts[provider] = counts.get(provider, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _at_place(turns: list[Turn], place: int) -> datetime:
    return sorted((turn.time for turn in turns), reverse=True)[place - 1]


class _TurnReader:
    """Collects the turns of one file. A replay of a parent's turns (forked threads) is left out."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._turns: list[Turn] = []
        self._meta: dict[str, Any] = {}
        self._start = 0
        self._spawned = False
        self._provider: str | None = None
        self._place: tuple[str | None, str | None] = (None, None)
        self._open: tuple[int, str | None] | None = None
        self._answered = False
        self._error: tuple[str | None, Any] = (None, None)

    def take(self, kind: Kind, line: bytes) -> None:
        if kind in (Kind.TOKEN_COUNT, Kind.USAGE_RECORD):
            self._answered = self._answered or b'"input_tokens"' in line
            return
        stamp, payload = decode_payload(line)
        ms = milliseconds(stamp) or self._start
        if kind is Kind.SESSION_META:
            self._session(ms, payload)
        elif kind is Kind.SETTINGS:
            self._settings(payload)
        elif kind is Kind.TURN_CONTEXT:
            self._place = (text(payload.get("model")), text(payload.get("cwd")))
            self._begin(ms, text(payload.get("turn_id")))
        elif kind is Kind.TURN_STARTED:
            self._begin(ms, text(payload.get("turn_id")))
        elif kind is Kind.ERROR:
            self._error = (text(payload.get("message")), payload.get("codex_error_info"))
        else:
            self._end(kind, payload)

    def finish(self) -> list[Turn]:
        self._close("completed" if self._answered else "unfinished")
        return self._turns

    def _session(self, ms: int, payload: dict[str, Any]) -> None:
        if not self._meta:
            self._meta, self._start, self._spawned = payload, ms, is_spawned(payload)
            self._provider = text(payload.get("model_provider"))
        elif payload.get("id") != self._meta.get("id"):
            self._spawned = True

    def _settings(self, payload: dict[str, Any]) -> None:
        settings = payload.get("thread_settings")
        if isinstance(settings, dict) and payload.get("thread_id", self._meta.get("id")) == self._meta.get("id"):
            self._provider = text(settings.get("model_provider_id")) or self._provider

    def _begin(self, ms: int, turn: str | None) -> None:
        if self._open and (self._open[1] == turn or (turn is None and not self._answered)):
            return  # the same turn goes on; before 0.140 each retry writes its context again, without an id
        self._close("completed" if self._answered else "unfinished")
        self._open, self._answered, self._error = (ms, turn), False, (None, None)

    def _end(self, kind: Kind, payload: dict[str, Any]) -> None:
        if kind is Kind.TURN_ABORTED:
            return self._close("interrupted")
        error = payload.get("error")
        if isinstance(error, dict):
            self._error = (text(error.get("message")), error.get("codex_error_info"))
        failed = bool(error) or self._error[0] or not (payload.get("last_agent_message") or self._answered)
        return self._close("failed" if failed else "completed")

    def _close(self, outcome: Outcome) -> None:
        if self._open is None:
            return
        (ms, turn), self._open = self._open, None
        thread = text(self._meta.get("id")) or ""
        if self._spawned and _replayed(ms, turn, thread, self._start):
            return
        message, info = self._error if outcome == "failed" else (None, None)
        model, cwd = self._place
        self._turns.append(
            Turn(
                time=datetime.fromtimestamp(ms / 1000, UTC),
                thread=thread,
                turn=turn,
                provider=self._provider,
                model=model,
                cwd=cwd or text(self._meta.get("cwd")),
                outcome=outcome,
                error=message,
                error_info=info if isinstance(info, (str, Mapping)) else None,
                codex_version=text(self._meta.get("cli_version")),
                path=self._path,
            )
        )


def _replayed(ms: int, turn: str | None, thread: str, start: int) -> bool:
    older = older_turn(turn, thread, start)
    return older if older is not None else ms - start < 1000
