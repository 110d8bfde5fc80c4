"""Runs a program with a bound on everything: its time, what it may print, and what it leaves running."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Literal

_LOOK_S = 0.01
_DRAIN_S = 0.2


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of it. `ended`: "itself", or what ended it ("time", "size"). `code` None: it did not end by itself."""

    code: int | None
    out: bytes
    err: bytes
    ended: Literal["itself", "time", "size"]


def run_bounded(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: str | os.PathLike[str],
    seconds: float,
    most_bytes: int,
    cancelled: Callable[[], bool] = lambda: False,
) -> Ran:
    """Runs it with empty stdin and a time limit; printing more than `most_bytes` ends it, too. Its whole process group
    is gone afterwards, children that it left behind included. Raises OSError, ValueError if it cannot be started."""
    process = subprocess.Popen(
        list(command), env=dict(env), cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None, "a pipe"
    assert process.stderr is not None, "a pipe"
    kept, too_much = (bytearray(), bytearray()), threading.Event()
    readers = [
        threading.Thread(target=_read, args=(stream, into, most_bytes, too_much), daemon=True)
        for stream, into in zip((process.stdout, process.stderr), kept, strict=True)
    ]
    for reader in readers:
        reader.start()
    ended: Literal["itself", "time", "size"] = "itself"
    until = time.monotonic() + seconds
    try:
        while process.poll() is None:
            if too_much.wait(_LOOK_S):
                ended = "size"
                break
            if time.monotonic() > until or cancelled():
                ended = "time"
                break
    finally:
        _end_group(process)
    drained = time.monotonic() + _DRAIN_S
    for reader in readers:
        reader.join(max(0.0, drained - time.monotonic()))
    if too_much.is_set():
        ended = "size"
    return Ran(process.returncode if ended == "itself" else None, bytes(kept[0]), bytes(kept[1]), ended)


def _read(stream: IO[bytes], into: bytearray, most: int, too_much: threading.Event) -> None:
    with contextlib.suppress(OSError, ValueError), stream:
        while data := os.read(stream.fileno(), 65536):
            into += data[: most - len(into)]
            if len(into) >= most:
                too_much.set()
                return


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Ends the process and everything of its group."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    elif process.poll() is None:
        process.kill()
    process.wait()
