"""Runs Codex once: its lines as they come, bounded time, and no process left behind when it is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from joytui.core.errors import UnreachableError

GRACE_S = 3.0
SAID_LIMIT = 100_000
LINE_LIMIT = 20_000


@dataclass(frozen=True, slots=True)
class CodexRun:
    """`said` is what it wrote to stdout (`codex exec`: its last message). `exit_code` is None when it was ended by us."""

    exit_code: int | None
    timed_out: bool
    said: str


async def run_codex(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    folder: str,
    limit_s: float,
    on_line: Callable[[str], None],
    on_stderr: Callable[[str], None] | None = None,
) -> CodexRun:
    """Runs it in the folder, with nothing on stdin. `on_line` hears each line of both streams, of stdout alone where
    `on_stderr` hears the other. Raises UnreachableError if it cannot be started."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=folder,
            env=dict(env),
            start_new_session=True,
        )
    except OSError as error:
        raise UnreachableError(f"Codex cannot be started: {error.strerror or error}", where=command[0]) from None
    said: list[str] = []

    def hear(line: str) -> None:
        said.append(line)
        on_line(line)

    try:
        async with asyncio.timeout(limit_s):
            await asyncio.gather(
                _lines(process.stdout, hear),
                _lines(process.stderr, on_stderr or on_line),
            )
            code = await process.wait()
    except TimeoutError:
        return CodexRun(None, True, "\n".join(said)[:SAID_LIMIT])
    finally:
        await _end(process)
    return CodexRun(code, False, "\n".join(said)[:SAID_LIMIT])


async def _lines(stream: asyncio.StreamReader | None, give: Callable[[str], object]) -> None:
    assert stream is not None
    rest = b""
    while chunk := await stream.read(65536):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            give(line.decode("utf-8", "replace").rstrip("\r"))
        if len(rest) > LINE_LIMIT:  # a line without an end is no reason to keep it all
            give(rest.decode("utf-8", "replace"))
            rest = b""
    if rest:
        give(rest.decode("utf-8", "replace"))


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ends what still runs of its session: politely, then hard."""
    if process.returncode is not None:
        if not (process.stdout is None or process.stdout.at_eof()):  # what it left running holds its streams
            _end_session(process, hard=True)
        return
    for hard in (False, True):
        _end_session(process, hard=hard)
        with contextlib.suppress(TimeoutError):
            # Not asyncio.timeout: in a task that is being cancelled, Python 3.11.2 lets it raise CancelledError.
            await asyncio.wait_for(process.wait(), GRACE_S)
            return


def _end_session(process: asyncio.subprocess.Process, *, hard: bool) -> None:
    """The process and all that it started; on Windows, which has no sessions, the process alone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL if hard else signal.SIGTERM)
        else:
            process.kill()
