"""Ends of requests that the store did not take, in order, in a file that outlives the gateway.

A client that has its whole answer must not find it free because the store was away and the gateway was restarted before it came
back. An engine adds what it could not write, writes what is `left` before anything else when it opens a store, and says what is
`done`; the file goes with the last of it. A line that the store has already changes nothing: a request that has ended stays
as it is.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from joytui.core.request import Ended, Opened

log = logging.getLogger("joytui.ledger")
MOST_BYTES = 64 * 1024 * 1024
"""Some 50,000 ends."""
LOOKED_UP = 200
"""Of the ends in a file that may be of this store: requests that are looked for."""
_Record = TypeVar("_Record", Opened, Ended)


class End(NamedTuple):
    """What `Ledger.end` is called with."""

    opened: Opened
    ended: Ended
    budget_id: str | None
    held: bool


class Spool:
    """The file for one store (its `location`, without a password) in a gateway's data folder; it is made when it is needed,
    with mode 0600. A store that was moved or is named otherwise now finds its former file by the requests in it (`take_over`)."""

    def __init__(self, folder: Path, location: str) -> None:
        name = hashlib.sha256(location.encode()).hexdigest()[:12]
        self.path = folder / f"unwritten-{name}.jsonl"
        self._lock = threading.Lock()
        self._waiting = 0

    def take_over(self, has: Callable[[Sequence[int]], bool]) -> None:
        """Takes in what this store left under another name. `has`: whether the store has one of the requests with these numbers,
        which no other store gives. What is of no request here stays, and is said."""
        for path in sorted(self.path.parent.glob("unwritten-*.jsonl")):
            ends = [] if path == self.path else _ends(path)
            if not ends:
                continue
            if not has([end.opened.n for end in ends[:LOOKED_UP]]):
                log.warning("%s has %d ends of requests for another store", path, len(ends))
            elif self.add(ends):
                path.unlink()
                log.warning(
                    "%d ends of requests that this store did not take under its former name are written now", len(ends)
                )

    def left(self) -> list[End]:
        """The ends in it, oldest first."""
        ends = _ends(self.path)
        self._waiting = len(ends)
        return ends

    def add(self, ends: Sequence[End]) -> bool:
        """Whether they are on the disk now. False if there is no room, or the disk takes no more than the store does."""
        data = b"".join(_line(end) for end in ends)
        try:
            with (
                self._lock,
                open(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb", buffering=0) as file,
            ):
                size = file.tell() or os.fstat(file.fileno()).st_size
                if size + len(data) > MOST_BYTES:
                    log.error("%s is full: %d ends wait in memory only", self.path, len(ends))
                    return False
                try:
                    if file.write(data) != len(data):
                        raise OSError("not everything was written")
                    os.fsync(file.fileno())
                except OSError:
                    with contextlib.suppress(OSError):
                        file.truncate(size)
                    raise
                self._waiting += len(ends)
        except OSError as error:
            log.error("%s cannot be written: %s; %d ends wait in memory only", self.path, error, len(ends))
            return False
        return True

    def done(self, count: int) -> None:
        """How many of them the store has."""
        with self._lock:
            self._waiting -= count
            if not self._waiting:
                self.path.unlink(missing_ok=True)


def _ends(path: Path) -> list[End]:
    """Those in a file. A last line that a crash cut off was never promised to anybody."""
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return []
    found = [_read(line) for line in lines if line.endswith(b"\n")]
    if None in found:
        log.error("%s has %d lines that cannot be read; they are left out", path, found.count(None))
    return [end for end in found if end is not None]


def _line(end: End) -> bytes:
    data = {**end._asdict(), "opened": end.opened._asdict(), "ended": end.ended._asdict()}
    return json.dumps(data, separators=(",", ":")).encode() + b"\n"


def _read(line: bytes) -> End | None:
    try:
        data = json.loads(line)
        opened, ended = _record(Opened, data["opened"]), _record(Ended, data["ended"])
        return End(opened, ended, data["budget_id"], data["held"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _record(kind: type[_Record], fields: Mapping[str, Any]) -> _Record:
    """A field that only a newer version knows is left out."""
    return kind(**{name: value for name, value in fields.items() if name in kind._fields})
