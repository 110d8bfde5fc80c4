"""Server-sent events, read as bytes come in: any split of the same bytes gives the same events.

Tolerant as the clients are that this project meets: LF, CRLF and CR line ends, comments, several `data:` lines in one
event, a byte order mark, and a last event without the blank line after it. `lenient` also mends two faults of real servers,
which Codex does not: events that one line break parts (a `data:` line that is JSON by itself is an event), and JSON that
is in the stream without `data:` before it (how several servers report an error). What else is no event (a proxy's page, its
words) is kept for who wants to say why a stream broke off.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

MAX_EVENT_BYTES = 16 * 1024 * 1024
"""The largest event that is read; JoyToken's SDKs read lines up to 16 MiB."""

DONE = "[DONE]"
MAX_STRAY_BYTES = 8000
_FIELDS = (b"data", b"event", b"id", b"retry")


class EventTooLarge(ValueError):
    """An event larger than `MAX_EVENT_BYTES`: whatever sends this is no event stream."""


@dataclass(frozen=True, slots=True)
class SseEvent:
    """One event: its `data` lines joined by newlines, and its `event:` name, None if it has none."""

    data: str
    name: str | None = None


class SseSplitter:
    """Turns pieces of a byte stream into events. `feed` each piece, then `end` once."""

    def __init__(self, *, limit: int = MAX_EVENT_BYTES, lenient: bool = False) -> None:
        self._limit = limit
        self._lenient = lenient
        self._rest: list[bytes] = []  # pieces of a line that has not ended; joined once, when it ends
        self._waiting = 0  # their bytes
        self._data: list[bytes] = []
        self._size = 0
        self._name: str | None = None
        self._first = True
        self._single = False  # this stream parts its events by one line break
        self._late: SseEvent | None = None
        self.comments = 0  # comment lines seen: pings that no reader of events counts
        self.stray = b""  # what came since the last event that belongs to none (`lenient`)

    @property
    def between_events(self) -> bool:
        """No event has begun that has not ended."""
        return not self._rest and not self._data and self._name is None

    def feed(self, piece: bytes) -> list[SseEvent]:
        """The events that this piece completes. Raises `EventTooLarge`."""
        if (
            self._rest
            and b"\n" not in piece
            and b"\r" not in piece
            and not self._first
            and self._rest[-1][-1:] != b"\r"
        ):
            self._keep(piece)
            return []
        buffer = b"".join((*self._rest, piece))
        self._rest, self._waiting = [], 0
        if self._first and buffer:
            if len(buffer) < 3 and b"\xef\xbb\xbf".startswith(buffer):
                self._rest = [buffer]
                return []
            buffer = buffer.removeprefix(b"\xef\xbb\xbf")
            self._first = False
        lines, rest = _split_lines(buffer)
        if rest:
            self._keep(rest)
        return self._events(lines)

    def _events(self, lines: Iterable[bytes]) -> list[SseEvent]:
        events: list[SseEvent] = []
        for line in lines:
            if (event := self._line(line)) is not None:
                events.append(event)
                if self._late is not None:
                    events.append(self._late)
                    self._late = None
        return events

    def _keep(self, piece: bytes) -> None:
        self._rest.append(piece)
        self._waiting += len(piece)
        if self._size + self._waiting > self._limit:
            raise EventTooLarge(f"an event of more than {self._limit} bytes")

    def end(self) -> list[SseEvent]:
        """What an unterminated last event holds."""
        rest, self._rest, self._waiting = b"".join(self._rest), [], 0
        return self._events((*rest.splitlines(), b""))

    def _line(self, line: bytes) -> SseEvent | None:
        if not line:
            return self._dispatch()
        if line.startswith(b":"):
            self.comments += 1
            return None
        if self._lenient and line[:1] in (b"{", b"[") and _stands_alone([line]):
            return self._datum(line)
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            return self._datum(value)
        if field == b"event":
            ends = self._lenient and self._name is not None and _stands_alone(self._data)
            event = self._dispatch() if ends else None
            self._name = value.decode("utf-8", "replace")
            return event
        if self._lenient and field not in _FIELDS and len(self.stray) < MAX_STRAY_BYTES:
            self.stray += line[:MAX_STRAY_BYTES] + b"\n"
        return None

    def _datum(self, value: bytes) -> SseEvent | None:
        """One line of data; the event that it shows to have ended, before it or with it (`_late` where both did)."""
        ended, self.stray = None, b""
        if self._lenient and self._data and _stands_alone(self._data):
            self._single = True
            ended = self._dispatch()
        self._data.append(value)
        self._size += len(value)
        if self._size > self._limit:
            raise EventTooLarge(f"an event of more than {self._limit} bytes")
        if self._single and _stands_alone(self._data):
            if ended is None:
                return self._dispatch()
            self._late = self._dispatch()
        return ended

    def _dispatch(self) -> SseEvent | None:
        data, name = self._data, self._name
        self._data, self._name, self._size = [], None, 0
        if not data:
            return None
        return SseEvent(b"\n".join(data).decode("utf-8", "replace"), name)


def _stands_alone(data: list[bytes]) -> bool:
    """Whether these lines are a whole event by themselves: an object of JSON, or the end mark."""
    if len(data) != 1:
        return False
    line = data[0].strip()
    if line == DONE.encode():
        return True
    if not (line.startswith(b"{") and line.endswith(b"}")):
        return False
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _split_lines(buffer: bytes) -> tuple[list[bytes], bytes]:
    """The complete lines, and the rest. A CR at the very end waits: the LF that belongs to it may come next."""
    if b"\r" not in buffer:
        *lines, rest = buffer.split(b"\n")
        return lines, rest
    held = b"\r" if buffer.endswith(b"\r") else b""
    body = buffer[: len(buffer) - len(held)].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    *lines, rest = body.split(b"\n")
    return lines, rest + held


def encode_event(data: str, name: str | None = None) -> bytes:
    """One event as bytes. `data` may hold newlines."""
    head = f"event: {name}\n" if name else ""
    lines = "".join(f"data: {line}\n" for line in data.split("\n"))
    return f"{head}{lines}\n".encode()
