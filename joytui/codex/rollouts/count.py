"""Counts the tokens of one rollout exactly: which records count, which repeat, which only replay a parent thread.

The rules (Codex 0.80 to 0.169, observed):

1. `token_usage_record` (0.153 and later) is one response: its `usage`, unique by (thread id, response id).
2. `token_count` counts `last_token_usage` when the total changed, and only in a turn without rule 1 (0.153 and later
   write both). `info` is null in events that carry rate limits only.
3. A forked or spawned thread's file begins with a replay of its parent. A turn whose id is older than the thread's own
   is the parent's (both are UUIDv7); without such ids, the first second is. A replay is the base of rule 2, no usage.
4. The provider is the first `session_meta`'s until `thread_settings_applied` of this thread names another; model and
   folder are the last `turn_context`'s.
5. Cached tokens are part of input, reasoning tokens part of output.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from joytui.codex.rollouts.files import uuid7_ms
from joytui.codex.rollouts.lines import Kind, decode_payload
from joytui.codex.rollouts.origin import Origin
from joytui.codex.rollouts.shapes import Counts, info_of, time_of, token_count_of, turn_id_of, usage_record_of
from joytui.core.repository import repository
from joytui.core.token_counts import TokenCounts

REPLAY_MS = 1000
_CLOCK_SLACK_MS = 300_000
_MAX_TOKENS = 2**53
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_NO_TOKENS = (0, 0, 0, 0)
_TOKEN_COUNT = Kind.TOKEN_COUNT  # looked up a hundred thousand times


class Entry(NamedTuple):
    """One response, or one failed turn (`source` "e", no tokens). `response` is None if only totals were written.

    `ms` is Unix time in milliseconds. `source`: "r" token_usage_record, "c" token_count, "e" a turn that failed.
    """

    ms: int
    thread: str
    response: str | None
    turn: str | None
    provider: str | None
    model: str | None
    cwd: str | None
    input: int
    cached: int
    output: int
    reasoning: int
    source: str

    @property
    def tokens(self) -> TokenCounts:
        return TokenCounts(self.input, self.cached, self.output, self.reasoning)


class Counter:
    """The state of one rollout while it is read. `state()` and `Counter.restore` carry it from one run to the next."""

    __slots__ = (
        "_counts_here",
        "_info",
        "_recorded",
        "_spare",
        "_total",
        "_turn_began",
        "cwd",
        "entries",
        "model",
        "origin",
        "provider",
        "spawned",
        "start",
        "thread",
        "turn",
    )

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.thread = ""
        self.start = 0
        self.spawned = False
        self.provider: str | None = None
        self.model: str | None = None
        self.cwd: str | None = None
        self.origin = Origin()
        self.turn: str | None = None
        self._turn_began = 0  # the first entry of this turn
        self._counts_here = 0  # entries of this turn that are from a token_count
        self._recorded = False  # this turn has a token_usage_record
        self._total: Counts | None = None
        self._info = b""  # the usage of the token_count that gave that total, as it was written
        self._spare: bytes = b""  # the last token_count that was not needed yet: it may be the base later

    def take(self, kind: Kind, line: bytes) -> None:
        """One record of the file. Raises ValueError for a line that does not hold what it promises."""
        if kind is _TOKEN_COUNT:
            if self._recorded:
                self._spare = line
                return
            if self._take_count(line):
                return
        elif (kind is Kind.TURN_COMPLETE and b'"error"' not in line) or self._take_shaped(kind, line):
            return
        if handler := _HANDLERS.get(kind):
            stamp, payload = decode_payload(line)
            handler(self, milliseconds(stamp) or self._last_ms(), payload)

    def _take_shaped(self, kind: Kind, line: bytes) -> bool:
        """Two more of the commonest records in their usual shape; False for any other."""
        if kind is Kind.TURN_STARTED:
            if turn := turn_id_of(line):
                self._begin(turn)
            return turn is not None
        if kind is not Kind.USAGE_RECORD or not (ms := time_of(line)) or (record := usage_record_of(line)) is None:
            return False
        self._recorded_usage(ms, *record)
        return True

    def _take_count(self, line: bytes) -> bool:
        """A token_count in its usual shape; False for any other."""
        info = info_of(line)
        if info and info == self._info and not self._spare:
            return True  # the same usage again: the total did not change
        if (counts := token_count_of(info)) is None or not (ms := time_of(line)):
            return False
        self._use_spare()
        self._counted(ms, *counts)
        self._info = info
        return True

    def _session_meta(self, ms: int, payload: dict[str, Any]) -> None:
        thread = text(payload.get("id")) or ""
        if not self.thread:
            self.thread, self.start = thread, ms
            self.spawned = is_spawned(payload)
            self.cwd = text(payload.get("cwd"))
            self.provider = text(payload.get("model_provider"))
            self.origin = origin_of(payload)
        elif thread != self.thread:
            self.spawned = True
        else:
            self.provider = text(payload.get("model_provider")) or self.provider

    def _turn_context(self, ms: int, payload: dict[str, Any]) -> None:
        self._begin(text(payload.get("turn_id")))
        self.model = text(payload.get("model")) or self.model
        self.cwd = text(payload.get("cwd")) or self.cwd

    def _turn_started(self, ms: int, payload: dict[str, Any]) -> None:
        self._begin(text(payload.get("turn_id")))

    def _begin(self, turn: str | None) -> None:
        if turn is not None and turn == self.turn:
            return
        self.turn = turn
        self._recorded = False
        self._turn_began = len(self.entries)
        self._counts_here = 0

    def _settings(self, ms: int, payload: dict[str, Any]) -> None:
        settings = payload.get("thread_settings")
        if not isinstance(settings, dict) or payload.get("thread_id", self.thread) != self.thread:
            return
        self.provider = text(settings.get("model_provider_id")) or self.provider
        self.cwd = text(settings.get("cwd")) or self.cwd

    def _usage_record(self, ms: int, payload: dict[str, Any]) -> None:
        usage = tokens(payload.get("usage"))
        if usage is None:
            raise ValueError("a token_usage_record without usage")
        thread = text(payload.get("thread_id")) or self.thread
        turn = text(payload.get("turn_id")) or self.turn
        self._recorded_usage(ms, thread, turn, text(payload.get("response_id")), usage)

    def _recorded_usage(self, ms: int, thread: str, turn: str | None, response: str | None, usage: Counts) -> None:
        self._recorded = True
        if thread == self.thread and self.spawned and older_turn(turn, self.thread, self.start):
            return
        self._drop_counted(usage)
        self._add(ms, thread, turn, response, usage, "r")

    def _drop_counted(self, usage: Counts) -> None:
        """A token_count that came before its record: the record is the better witness."""
        if not self._counts_here:
            return
        for index in range(len(self.entries) - 1, self._turn_began - 1, -1):
            entry = self.entries[index]
            if entry.source == "c" and (entry.input, entry.cached, entry.output, entry.reasoning) == usage:
                del self.entries[index]
                self._counts_here -= 1
                return

    def _token_count(self, ms: int, payload: dict[str, Any]) -> None:
        self._use_spare()
        self._info = b""
        info = payload.get("info")
        if not isinstance(info, dict):
            return
        self._counted(ms, tokens(info.get("total_token_usage")), tokens(info.get("last_token_usage")))

    def _counted(self, ms: int, total: Counts | None, last: Counts | None) -> None:
        if total is not None and total == self._total:
            return
        before, self._total = self._total, total or self._total
        if self._replays(ms, self.turn):
            return
        if last is None and total is not None:
            last = _difference(total, before)
        if last is not None and any(last):
            self._add(ms, self.thread, self.turn, None, last, "c")
            self._counts_here += 1

    def _turn_complete(self, ms: int, payload: dict[str, Any]) -> None:
        turn = text(payload.get("turn_id")) or self.turn
        if payload.get("error") and not self._replays(ms, turn):
            self._add(ms, self.thread, turn, None, _NO_TOKENS, "e")

    def _add(self, ms: int, thread: str, turn: str | None, response: str | None, usage: Counts, source: str) -> None:
        entry = Entry(ms, thread, response, turn, self.provider, self.model, self.cwd, *usage, source)
        self.entries.append(entry)

    def _replays(self, ms: int, turn: str | None) -> bool:
        if not self.spawned:
            return False
        if (older := older_turn(turn, self.thread, self.start)) is not None:
            return older
        return ms - self.start < REPLAY_MS

    def _use_spare(self) -> None:
        """Takes the total of the last token_count that was passed over as the base of the next."""
        if self._spare:
            line, self._spare, self._info = self._spare, b"", b""
            try:
                info = decode_payload(line)[1].get("info")
            except ValueError:
                return
            if isinstance(info, dict):
                self._total = tokens(info.get("total_token_usage")) or self._total

    def _last_ms(self) -> int:
        return self.entries[-1].ms if self.entries else self.start

    def state(self) -> list[Any]:
        """What the next run needs to go on, as JSON data."""
        self._use_spare()
        place = [self.thread, self.start, self.spawned, self.provider, self.model, self.cwd, self.turn]
        total = tuple(self._total) if self._total else None
        return [*place, self._turn_began, self._recorded, total, tuple(self.origin)]

    @classmethod
    def restore(cls, state: list[Any], entries: list[Entry]) -> Counter:
        """A counter as `state()` left it. Raises ValueError or TypeError if that is no such state."""
        counter = cls()
        counter.entries = entries
        (counter.thread, counter.start, counter.spawned, counter.provider, counter.model, counter.cwd) = state[:6]
        counter.turn, counter._turn_began, counter._recorded, total, origin = state[6:]
        counter.origin = Origin(*origin)
        counter._total = TokenCounts(*total) if total else None
        counter._counts_here = sum(entry.source == "c" for entry in entries[counter._turn_began :])
        return counter


_HANDLERS = {
    Kind.USAGE_RECORD: Counter._usage_record,
    Kind.TURN_CONTEXT: Counter._turn_context,
    Kind.SESSION_META: Counter._session_meta,
    Kind.TOKEN_COUNT: Counter._token_count,
    Kind.SETTINGS: Counter._settings,
    Kind.TURN_STARTED: Counter._turn_started,
    Kind.TURN_COMPLETE: Counter._turn_complete,
}


def tokens(usage: Any) -> TokenCounts | None:
    """A usage object's counts; None if it is none. What is missing or no count is 0."""
    if not isinstance(usage, dict):
        return None
    return TokenCounts(
        _count(usage.get("input_tokens")),
        _count(usage.get("cached_input_tokens")),
        _count(usage.get("output_tokens")),
        _count(usage.get("reasoning_output_tokens")),
    )


def _count(value: Any) -> int:
    return value if type(value) is int and 0 <= value < _MAX_TOKENS else 0


def _difference(total: Counts, before: Counts | None) -> Counts:
    if before is None or any(now < then for now, then in zip(total, before, strict=True)):
        return total  # the totals began again
    return TokenCounts(*(now - then for now, then in zip(total, before, strict=True)))


def text(value: Any) -> str | None:
    """A string that says something, else None."""
    return value if isinstance(value, str) and value else None


def milliseconds(stamp: str) -> int:
    """Unix time in milliseconds of an RFC 3339 time; 0 if it is none."""
    try:
        moment = datetime.fromisoformat(stamp)
        return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError):
        return 0


def is_spawned(meta: dict[str, Any]) -> bool:
    """Whether a session_meta opens the file of a forked or spawned thread."""
    source = meta.get("source")
    named = meta.get("forked_from_id") or meta.get("parent_thread_id") or meta.get("thread_source") == "subagent"
    return bool(named) or (isinstance(source, dict) and "subagent" in source)


def origin_of(meta: dict[str, Any]) -> Origin:
    """What a session_meta says of its thread's origin; `git` and `session_id` are there in newer versions (0.169 and 0.171 observed)."""
    own, source = text(meta.get("id")), meta.get("source")
    spawn = source["subagent"] if isinstance(source, dict) and isinstance(source.get("subagent"), dict) else {}
    spawn = spawn["thread_spawn"] if isinstance(spawn.get("thread_spawn"), dict) else {}
    parent = text(meta.get("parent_thread_id")) or text(spawn.get("parent_thread_id"))
    git = meta["git"] if isinstance(meta.get("git"), dict) else {}
    remote = text(git.get("repository_url"))
    names = (text(meta.get("originator")), text(meta.get("cli_version")))
    return Origin(
        task=text(meta.get("session_id")) or parent or own,
        repo=repository(remote) if remote else None,
        branch=text(git.get("branch")),
        commit=text(git.get("commit_hash")),
        client="/".join(name for name in names if name) or None,
    )


def older_turn(turn: str | None, thread: str, start_ms: int) -> bool | None:
    """Whether a turn began before the thread was made, by their ids; None if the ids do not tell.

    Codex's ids are UUIDv7, which begin with their time in milliseconds.
    """
    born, began = uuid7_ms(thread), uuid7_ms(turn)
    if born is None or began is None or abs(born - start_ms) > _CLOCK_SLACK_MS:
        return None
    return turn is not None and turn < thread
