"""Reads the lines of a rollout that matter, fast: one search for line ends, one look at the head of each line.

Most lines of a rollout are texts and tool output, which need no JSON decoder. Codex writes `timestamp`, `ordinal`
(since 0.153), `type` and `payload` in this order; a line of any other shape is decoded to see what it is.
Measured: 200 MB of rollouts in about 0.08 s on one core, when the files are in the page cache.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, BinaryIO, Protocol


class Kind(IntEnum):
    """The records that are read; the numbers are the groups of `_HEAD`."""

    USAGE_RECORD = 1
    TURN_CONTEXT = 2
    SESSION_META = 3
    TOKEN_COUNT = 4
    SETTINGS = 5
    TURN_STARTED = 6
    TURN_COMPLETE = 7
    TURN_ABORTED = 8
    ERROR = 9


_TYPES = {
    "token_usage_record": Kind.USAGE_RECORD,
    "turn_context": Kind.TURN_CONTEXT,
    "session_meta": Kind.SESSION_META,
}
_EVENTS = {
    "token_count": Kind.TOKEN_COUNT,
    "thread_settings_applied": Kind.SETTINGS,
    "task_started": Kind.TURN_STARTED,
    "turn_started": Kind.TURN_STARTED,
    "task_complete": Kind.TURN_COMPLETE,
    "turn_complete": Kind.TURN_COMPLETE,
    "turn_aborted": Kind.TURN_ABORTED,
    "error": Kind.ERROR,
}
_HEAD = re.compile(
    rb'\{"timestamp": ?"[^"]{0,40}", ?(?:"ordinal": ?\d+, ?)?"type": ?"(?:'
    rb"(token_usage_record)|(turn_context)|(session_meta)"
    rb'|event_msg", ?"payload": ?\{"type": ?"(?:'
    rb"(token_count)|(thread_settings_applied)|((?:task|turn)_started)|((?:task|turn)_complete)|(turn_aborted)|(error)"
    rb'|\w+)|(?!event_msg")\w+)"'
)
_KINDS = (None, *Kind)
_BRACE = ord("}")
_BLOCK = 1 << 20


class Reader(Protocol):
    """What takes the records of one rollout, in order."""

    def take(self, kind: Kind, line: bytes) -> None:
        """One record; raises ValueError where the line does not hold it."""


class Extent:
    """How far a reading came: `offset` after the last whole line, how many lines were `broken`, if one was `cut` off."""

    __slots__ = ("broken", "cut", "offset")

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.broken = 0
        self.cut = False


class Scanner:
    """Feeds the records of open files to a reader. It keeps one buffer, so one scanner serves one thread."""

    def __init__(self) -> None:
        self._buffer = bytearray(_BLOCK)

    def scan(self, file: BinaryIO, reader: Reader, offset: int = 0) -> Extent:
        """Reads from the file's position to its end. A last line without a line end counts if it is whole JSON."""
        extent = Extent(offset)
        held = 0
        while got := file.readinto(memoryview(self._buffer)[held:]):  # type: ignore[attr-defined]
            end = held + got
            used = self._lines(reader, extent, end)
            extent.offset += used
            held = end - used
            if held == len(self._buffer):
                self._buffer = self._buffer + bytearray(len(self._buffer))  # one line is longer than the buffer
            elif used:
                self._buffer[:held] = self._buffer[used:end]
        if held:
            self._last_line(reader, extent, bytes(self._buffer[:held]))
        return extent

    def _lines(self, reader: Reader, extent: Extent, end: int) -> int:
        buffer, head, find, take = self._buffer, _HEAD.match, self._buffer.find, reader.take
        start = 0
        while (stop := find(b"\n", start, end)) >= 0:
            found = head(buffer, start, stop)
            if found is None:
                extent.broken += not _take_any(reader, bytes(buffer[start:stop]))
            elif group := found.lastindex:
                try:
                    take(_KINDS[group], bytes(buffer[start:stop]))
                except (ValueError, RecursionError):
                    extent.broken += 1
            elif buffer[stop - 1] != _BRACE and not buffer[start:stop].rstrip().endswith(b"}"):
                extent.broken += 1
            start = stop + 1
        return start

    def _last_line(self, reader: Reader, extent: Extent, line: bytes) -> None:
        """Codex may be writing it: unless it is whole, the next reading begins with it."""
        try:
            decode(line)
        except ValueError:
            extent.cut = True
            return
        extent.broken += not _take_any(reader, line)
        extent.offset += len(line)


def _take_any(reader: Reader, line: bytes) -> bool:
    """A line of an unusual shape: decoded to see what it is. False if it is not a record at all."""
    if not line.strip():
        return True
    try:
        if kind := _kind_of(decode(line)):
            reader.take(kind, line)
    except (ValueError, RecursionError):
        return False
    return True


def _kind_of(record: dict[str, Any]) -> Kind | None:
    name, payload = record.get("type"), record.get("payload")
    if name == "event_msg" and isinstance(payload, dict):
        return _EVENTS.get(str(payload.get("type")))
    return _TYPES.get(str(name))


def decode(line: bytes) -> dict[str, Any]:
    """A line as a JSON object; bytes that are no UTF-8 are replaced. Raises ValueError."""
    try:
        record = json.loads(line.decode("utf-8", "replace"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(record, dict):
        raise ValueError("a rollout's line is an object")
    return record


def decode_payload(line: bytes) -> tuple[str, dict[str, Any]]:
    """The timestamp and the payload of a line. Raises ValueError."""
    record = decode(line)
    payload = record.get("payload")
    if not isinstance(payload, dict):
        raise ValueError("a rollout's payload is an object")
    return str(record.get("timestamp", "")), payload


@contextmanager
def open_rollout(path: str, compressed: bool, offset: int = 0) -> Iterator[BinaryIO]:
    """A rollout's bytes from `offset`, decompressed. Raises OSError and, for damaged compression, ValueError."""
    with open(path, "rb", buffering=0) as raw:
        if not compressed:
            raw.seek(offset)
            yield raw
            return
        import zstandard

        try:
            with zstandard.ZstdDecompressor(max_window_size=1 << 31).stream_reader(
                raw, read_across_frames=True
            ) as text:
                yield text
        except zstandard.ZstdError as error:
            raise ValueError(f"not a zstd file, or cut off: {error}") from None
