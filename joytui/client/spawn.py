"""Starts `joytui gateway run` in the background and waits for its "ready" or "failed" line; ends a gateway and waits until it is gone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from joytui.client.background_log import LOG_LIMIT, open_log
from joytui.core.errors import EXIT_USAGE, JoytuiError, SettingsError, UnreachableError
from joytui.core.places import Places
from joytui.core.redaction import Redactor, visible

START_DEADLINE = 45.0
"""Long enough for a machine under load; the user sees how long it takes, and can stop waiting."""
STOP_DEADLINE = 30.0


def prepare_data_folder(places: Places) -> None:
    """Makes the data folder (0700). Raises UnreachableError if it cannot be written."""
    folder = places.data_dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):  # only trying tells a full disk from one that is read-only
            pass
    except OSError as error:
        raise _not_writable(folder, error.strerror or str(error)) from None


def _not_writable(folder: Path, why: str) -> UnreachableError:
    hint = "make it writable, or set another folder in JOYTUI_DATA_DIR"
    return UnreachableError(f"the data folder cannot be written: {why}", where=str(folder), hint=hint)


async def spawn_gateway(places: Places, arguments: tuple[str, ...], env: Mapping[str, str]) -> int:
    """The pid of a new gateway that said "ready". Raises UnreachableError with what it wrote to its log otherwise.

    It outlives us: its own session, stdin from nowhere, stderr into gateway.log. If we are cancelled before it is
    ready, it is ended.
    """
    prepare_data_folder(places)
    process, offset = _start(places, arguments, env)
    ready, kind = False, None
    try:
        async with asyncio.timeout(START_DEADLINE):
            ready, kind = await _outcome(process)
            if not ready:
                await _watch(process.pid)  # it ends by itself: what is wrong is in its log only then
    except TimeoutError:
        raise UnreachableError(
            f"the gateway was not ready within {START_DEADLINE:.0f} s",
            where=str(places.gateway_log),
            hint="`joytui gateway run` shows what it does",
        ) from None
    finally:
        if not ready and process.poll() is None:
            process.terminate()
    if not ready:
        raise _start_failure(places.gateway_log, offset, process.wait(), kind)
    process.returncode = 0  # it is meant to outlive this object, whose destructor would complain
    return process.pid


def _start(places: Places, arguments: tuple[str, ...], env: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], int]:
    try:
        log = open_log(places.gateway_log)
    except OSError as error:
        raise _not_writable(places.data_dir, error.strerror or str(error)) from None
    try:
        offset = os.fstat(log).st_size
        process = subprocess.Popen(
            [sys.executable, "-m", "joytui", "gateway", "run", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            cwd=places.data_dir,
            env={**env, "JOYTUI_DATA_DIR": str(places.data_dir), "JOYTUI_CONFIG_FILE": str(places.config_file)},
        )
    except OSError as error:
        raise UnreachableError(f"the gateway cannot be started: {error}", where=sys.executable) from None
    finally:
        os.close(log)
    return process, offset


async def _outcome(process: subprocess.Popen[bytes]) -> tuple[bool, str | None]:
    """Whether its stdout says "ready …" before it closes, and the kind of failure if it says "failed KIND"."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    assert process.stdout is not None
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), process.stdout)
    try:
        while line := await reader.readline():
            word, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
            if word in ("ready", "failed"):
                return word == "ready", rest if word == "failed" else None
        return False, None
    finally:
        transport.close()


def _start_failure(log: Path, offset: int, code: int, kind: str | None) -> JoytuiError:
    """The child's own complaint (cli.output.complain wrote it) as our error, with its exit code."""
    try:
        with log.open("rb") as file:
            file.seek(offset)
            text = file.read(LOG_LIMIT).decode("utf-8", "replace")
    except OSError:
        text = ""
    lines = [visible(line).strip() for line in Redactor().text(text).splitlines() if line.strip()]
    hints = [line.removeprefix("hint:").strip() for line in lines if line.startswith("hint:")]
    complaints = [line.removeprefix("joytui:").strip() for line in lines if line.startswith("joytui:")]
    why = (complaints or [line for line in lines if not line.startswith("hint:")] or [_ending(code)])[-1]
    hint = hints[-1] if hints else "`joytui gateway run` shows what it does"
    what = f"the local gateway did not start: {why[:500]}"
    if code == EXIT_USAGE:
        return SettingsError(what, where=str(log), hint=hint)
    return UnreachableError(what, where=str(log), hint=hint, kind=kind)


def _ending(code: int) -> str:
    """How a process ended that said nothing."""
    if code >= 0:
        return f"exit code {code}"
    return f"it was killed by signal {-code} ({signal.strsignal(-code) or 'unknown'})"


async def end_process(pid: int) -> None:
    """SIGTERM, and waits until the process is gone. Raises UnreachableError if it stays, or is not ours."""
    try:
        gone = _watch(pid)
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    except PermissionError:
        raise UnreachableError(
            f"the gateway (pid {pid}) belongs to another user", hint="stop it as that user"
        ) from None
    try:
        await asyncio.wait_for(gone, STOP_DEADLINE)
    except TimeoutError:
        raise UnreachableError(
            f"the gateway (pid {pid}) did not end within {STOP_DEADLINE:.0f} s", hint=f"`kill -9 {pid}` forces it"
        ) from None


def _watch(pid: int) -> asyncio.Future[None]:
    """Done when the process has ended. Linux tells (pidfd); elsewhere we look, twenty times a second."""
    if not hasattr(os, "pidfd_open"):
        return asyncio.ensure_future(_poll(pid))
    loop = asyncio.get_running_loop()
    descriptor = os.pidfd_open(pid)
    future: asyncio.Future[None] = loop.create_future()

    def ended() -> None:
        if not future.done():
            future.set_result(None)

    loop.add_reader(descriptor, ended)

    def release(_: asyncio.Future[None]) -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)

    future.add_done_callback(release)
    return future


async def _poll(pid: int) -> None:
    if os.name == "nt":
        return  # os.kill has ended it there, whatever the signal
    while True:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)  # noqa: ASYNC222 (does not wait)
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        await asyncio.sleep(0.05)
