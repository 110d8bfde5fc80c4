"""Reads many rollouts: each from where the last run stopped, on two cores when much is new.

What a file gave is kept as one JSON text (`FileResult.dump`), the same for the cache and for the helper process.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from joytui.codex.rollouts.count import Counter, Entry
from joytui.codex.rollouts.files import RolloutFile
from joytui.codex.rollouts.lines import Scanner, open_rollout

TAIL_BYTES = 64
_WORTH_A_PROCESS = 24 << 20


@dataclass(frozen=True, slots=True)
class FileResult:
    """What one file gave so far. `offset` is where the next run goes on; `tail` the checksum of the bytes before it."""

    name: str
    size: int
    mtime_ns: int
    offset: int
    tail: int
    broken: int
    state: list[Any]
    entries: list[Entry]

    def dump(self) -> str:
        head = [self.name, self.size, self.mtime_ns, self.offset, self.tail, self.broken, self.state]
        return json.dumps([*head, self.entries], separators=(",", ":"))

    @classmethod
    def load(cls, dumped: str) -> FileResult:
        """A result as `dump` wrote it. Raises ValueError or TypeError for anything else."""
        name, size, mtime_ns, offset, tail, broken, state, entries = json.loads(dumped)
        return cls(name, size, mtime_ns, offset, tail, broken, state, [Entry(*entry) for entry in entries])

    def is_of(self, file: RolloutFile) -> bool:
        return self.size == file.size and self.mtime_ns == file.mtime_ns


def read_file(file: RolloutFile, scanner: Scanner, known: FileResult | None = None) -> FileResult:
    """One file, from where `known` ends if the bytes before that point are still the same. Never raises."""
    if known and (resumed := _resume(file, scanner, known)):
        return resumed
    return _read(file, scanner, Counter(), 0, 0)


def _resume(file: RolloutFile, scanner: Scanner, known: FileResult) -> FileResult | None:
    if file.compressed or file.size < known.offset or not known.offset or not _same_tail(file.path, known):
        return None
    try:
        counter = Counter.restore(known.state, list(known.entries))
    except (ValueError, TypeError):
        return None
    return _read(file, scanner, counter, known.offset, known.broken)


def _same_tail(path: str, known: FileResult) -> bool:
    try:
        with open(path, "rb", buffering=0) as file:
            return _tail(file.fileno(), known.offset) == known.tail
    except OSError:
        return False


def _read(file: RolloutFile, scanner: Scanner, counter: Counter, offset: int, broken: int) -> FileResult:
    end, tail, mtime_ns = offset, 0, file.mtime_ns
    try:
        with open_rollout(file.path, file.compressed, offset) as opened:
            extent = scanner.scan(opened, counter, offset)
            if not file.compressed:
                tail = _tail(opened.fileno(), extent.offset)
        end, broken = extent.offset, broken + extent.broken + (extent.cut and file.compressed)
    except OSError:
        broken, mtime_ns = broken + 1, -1  # gone or not readable now: the next run tries again
    except ValueError:
        broken += 1  # damaged compression: what was read before it stands
    return FileResult(file.name, file.size, mtime_ns, end, tail, broken, counter.state(), counter.entries)


def _tail(descriptor: int, offset: int) -> int:
    """The checksum of the bytes before `offset`: whether a file was only added to."""
    length = min(TAIL_BYTES, offset)
    return zlib.crc32(os.pread(descriptor, length, offset - length))


@contextmanager
def uncollected() -> Iterator[None]:
    """No cyclic garbage collection inside: reading makes many small tuples that all live on (a tenth of the time)."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


Job = tuple[RolloutFile, FileResult | None]


def read_files(jobs: Sequence[Job]) -> list[tuple[FileResult, str]]:
    """Each file's result with its dumped form. Uses a second process where that pays and is safe."""
    new_bytes = sum(file.size - (known.offset if known else 0) for file, known in jobs)
    if new_bytes < _WORTH_A_PROCESS or not _may_fork():
        return list(_each(jobs))
    mine, others = _halves(jobs)
    return _beside(mine, others)


def _each(jobs: Iterable[Job]) -> Iterable[tuple[FileResult, str]]:
    scanner = Scanner()
    for file, known in jobs:
        result = read_file(file, scanner, known)
        yield result, result.dump()


def _may_fork() -> bool:
    """A fork copies one thread only: never beside others (the console); and it needs a second core to pay.

    Linux only: forking is not safe beside the system libraries of macOS.
    """
    return sys.platform == "linux" and threading.active_count() == 1 and len(os.sched_getaffinity(0)) > 1


def _halves(jobs: Sequence[Job]) -> tuple[list[Job], list[Job]]:
    """Two lists of about the same number of bytes."""
    first: list[Job] = []
    second: list[Job] = []
    balance = 0
    for job in sorted(jobs, key=lambda job: -job[0].size):
        if balance <= 0:
            first.append(job)
            balance += job[0].size
        else:
            second.append(job)
            balance -= job[0].size
    return first, second


def _beside(mine: list[Job], others: list[Job]) -> list[tuple[FileResult, str]]:
    """Reads `others` in a forked process while this one reads `mine`; what the other did not deliver is read here."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _serve(others, reading, writing)
    os.close(writing)
    results = list(_each(mine))
    with os.fdopen(reading, "rb") as pipe:
        delivered = pipe.read().decode()
    os.waitpid(child, 0)
    got = [(FileResult.load(line), line) for line in delivered.split("\n")[:-1]]
    missing = {job[0].name: job for job in others}
    for result, _ in got:
        missing.pop(result.name, None)
    return [*results, *got, *_each(missing.values())]


def _serve(jobs: list[Job], reading: int, writing: int) -> None:
    """The forked process: one line a file, and away without any of the parent's clean-up."""
    try:
        os.close(reading)
        with os.fdopen(writing, "wb") as pipe:
            pipe.write("".join(dumped + "\n" for _, dumped in _each(jobs)).encode())
    finally:
        os._exit(0)
