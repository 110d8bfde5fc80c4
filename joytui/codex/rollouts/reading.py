"""Reads many rollouts: each from where the last run stopped, on two cores when much is new.

What a file gave is kept as one JSON text (`FileResult.dump`), the same for the cache and for the helper process.
"""

from __future__ import annotations

import gc
import json
import marshal
import os
import sys
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import FileIO
from typing import Any, NamedTuple

from joytui.codex.rollouts.count import Counter, Entry
from joytui.codex.rollouts.files import RolloutFile
from joytui.codex.rollouts.lines import Scanner, open_rollout

TAIL_BYTES = 64
_WORTH_A_PROCESS = 24 << 20
_UNPACKED = 6  # a compressed byte takes as long as this many plain ones
_MOST_GROUPS = 2000  # their numbers fit into a pipe


class FileResult(NamedTuple):
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
        return json.dumps(self, separators=(",", ":"))

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
            return tail_sum(file.fileno(), known.offset) == known.tail
    except OSError:
        return False


def _read(file: RolloutFile, scanner: Scanner, counter: Counter, offset: int, broken: int) -> FileResult:
    end, tail, mtime_ns = offset, 0, file.mtime_ns
    try:
        with open_rollout(file.path, file.compressed, offset) as opened:
            extent = scanner.scan(opened, counter, offset)
            if not file.compressed:
                tail = tail_sum(opened.fileno(), extent.offset)
        end, broken = extent.offset, broken + extent.broken + (extent.cut and file.compressed)
    except OSError:
        broken, mtime_ns = broken + 1, -1  # gone or not readable now: the next run tries again
    except ValueError:
        broken += 1  # damaged compression: what was read before it stands
    return FileResult(file.name, file.size, mtime_ns, end, tail, broken, counter.state(), counter.entries)


def tail_sum(descriptor: int, offset: int) -> int:
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
Read = tuple[FileResult, str]
"""What a file gave, and the same dumped."""


def read_files(jobs: Sequence[Job]) -> list[Read]:
    """Each file's result with its dumped form. Uses a second process where that pays and is safe."""
    if sum(map(_work, jobs)) < _WORTH_A_PROCESS or not _may_fork():
        return list(_each(jobs))
    return _beside(jobs)


def _work(job: Job) -> int:
    """Bytes to read, as text."""
    file, known = job
    return file.size * _UNPACKED if file.compressed else file.size - (known.offset if known else 0)


def _each(jobs: Iterable[Job]) -> Iterator[Read]:
    scanner = Scanner()
    for file, known in jobs:
        result = read_file(file, scanner, known)
        yield result, result.dump()


def _may_fork() -> bool:
    """A fork copies one thread only: never beside others (the console); and it needs a second core to pay.

    Linux only: forking is not safe beside the system libraries of macOS.
    """
    return sys.platform == "linux" and threading.active_count() == 1 and len(os.sched_getaffinity(0)) > 1


def _beside(jobs: Sequence[Job]) -> list[Read]:
    """Reads with a forked process beside this one; what that one took and did not deliver is read here."""
    groups = _groups(jobs)
    queue = _queue(len(groups))
    with open(os.memfd_create("rollouts"), "w+b", buffering=0) as delivery:
        try:
            child = os.fork()
        except OSError:  # no more processes for this user
            os.close(queue)
            return list(_each(jobs))
        if child == 0:
            _serve(groups, queue, delivery)
        results = list(_each(_claimed(groups, queue)))
        os.close(queue)
        os.waitpid(child, 0)
        delivery.seek(0)
        results += _delivered(delivery.read())
    missing = {job[0].name: job for job in jobs}
    for result, _ in results:
        del missing[result.name]
    return [*results, *_each(missing.values())]


def _groups(jobs: Sequence[Job]) -> list[list[Job]]:
    """The jobs in at most _MOST_GROUPS groups, the largest files first, so that both processes end together."""
    ordered = sorted(jobs, key=_work, reverse=True)
    size = -(-len(ordered) // _MOST_GROUPS)
    return [ordered[begin : begin + size] for begin in range(0, len(ordered), size)]


def _queue(length: int) -> int:
    """The numbers below `length` (at most _MOST_GROUPS) in a pipe that ends after them; each is read by one process."""
    reading, writing = os.pipe()
    os.write(writing, b"".join(number.to_bytes(2, "big") for number in range(length)))
    os.close(writing)
    return reading


def _claimed(groups: Sequence[Sequence[Job]], queue: int) -> Iterator[Job]:
    """The jobs of the groups that this process gets."""
    while number := os.read(queue, 2):
        yield from groups[int.from_bytes(number, "big")]


def _serve(groups: Sequence[Sequence[Job]], queue: int, delivery: FileIO) -> None:
    """The forked process: reads what it gets, delivers it, and goes without any of the parent's clean-up."""
    try:
        read = [
            (*result[:-1], list(map(tuple, result.entries)), dumped)
            for result, dumped in _each(_claimed(groups, queue))
        ]
        data = memoryview(marshal.dumps(read))  # for this very interpreter, in a third of JSON's time
        while data:
            data = data[delivery.write(data) :]
    finally:
        os._exit(0)


def _delivered(data: bytes) -> Iterator[Read]:
    """What `_serve` wrote; nothing if it ended before its end."""
    try:
        read = marshal.loads(data)  # noqa: S302 - our own forked process wrote it
    except (ValueError, EOFError, TypeError):
        return
    for *fields, entries, dumped in read:
        yield FileResult._make([*fields, list(map(Entry._make, entries))]), dumped
