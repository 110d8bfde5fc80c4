"""Codex's background server (>= 0.157): whether one runs for this CODEX_HOME, and what environment it still has.

Observed with Codex 0.169.0. `$CODEX_HOME/app-server-daemon/daemon.pid` holds JSON with the process's identity; a process that is
gone or is another one, or a file that does not parse, is no daemon.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from joytui.codex.world import Command, Daemon

_ALSO = (
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
    "SSL_CERT_FILE", "CODEX_CA_CERTIFICATE", "CODEX_HOME",
)  # fmt: skip


_TAIL = 16 * 1024


def asks_the_daemon(command: Command) -> bool:
    """Whether this command speaks to the gateway through the background server."""
    return command.subcommand in ("", "resume", "fork") and "--no-daemon" not in command.flags


def start_fault(codex_home: Path) -> tuple[Path, str] | None:
    """The file that stands where the background server needs a folder, and what Codex prints of it (0.171.0, observed)."""
    state, control = codex_home / "app-server-daemon", codex_home / "app-server-control"
    told = {
        state: f"failed to create daemon state directory {state}: socket directory path exists and is not a directory: {state}",
        control: f"app server did not become ready on {control / 'app-server-control.sock'}",
    }
    return next(((path, f"Error: {says}") for path, says in told.items() if os.path.isfile(path)), None)


def last_words(codex_home: Path) -> tuple[Path, str] | None:
    """The server's own log and the last error in it; None if it ended without one, or runs."""
    log = codex_home / "app-server-daemon" / "daemon.stderr.log"
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL))
            lines = file.read(_TAIL).decode("utf-8", "replace").splitlines()
    except OSError:
        return None
    said = next((line for line in reversed(lines) if line.strip()), "")
    return (log, said[:300]) if said.startswith("Error: ") and running_daemon(codex_home, None, {}) is None else None


def running_daemon(
    codex_home: Path, variable: str | None, env: Mapping[str, str], proc: Path = Path("/proc")
) -> Daemon | None:
    """The live daemon of this CODEX_HOME, compared with the environment that Codex would get now; None if none runs."""
    try:
        record = json.loads((codex_home / "app-server-daemon" / "daemon.pid").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    pid = record.get("pid") if isinstance(record, dict) else None
    if not isinstance(pid, int) or isinstance(pid, bool) or pid <= 0 or not _same_process(record, pid, proc):
        return None
    started = record.get("processStartTime")
    theirs = _environment(pid, proc)
    shown = started if isinstance(started, str) else None
    if theirs is None:
        return Daemon(pid, shown, "unknown")
    differs = tuple(name for name in _ALSO if name != "CODEX_HOME" and theirs.get(name) != env.get(name))
    return Daemon(pid, shown, _key_state(variable, theirs, env), differs)


def _key_state(variable: str | None, theirs: Mapping[str, str], ours: Mapping[str, str]) -> str:
    if not variable:
        return "unknown"
    value = theirs.get(variable)
    if value is None or not value.strip():
        return "unset"
    return "same" if value == ours.get(variable) else "different"


def _same_process(record: Mapping[str, Any], pid: int, proc: Path) -> bool:
    """Whether the process that has this pid now is the one that wrote the file."""
    identity = record.get("processIdentity")
    stat = _start_ticks(pid, proc)
    if stat is None:
        return False
    if not isinstance(identity, dict):
        return _started_then(record.get("processStartTime"), pid)
    boot = _read(proc / "sys/kernel/random/boot_id")
    ticks = identity.get("startTicks")
    try:
        same = ticks is not None and int(ticks) == stat
    except (TypeError, ValueError):
        return False
    stored = identity.get("bootId")
    return same and (stored is None or boot is None or str(stored).strip() == boot.strip())


def _started_then(text: Any, pid: int) -> bool:
    """The older form of the file: the start time as `ps -o lstart=` prints it in the C locale."""
    import subprocess

    if not isinstance(text, str):
        return False
    try:
        done = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)],
            env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
            capture_output=True,
            timeout=2,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return " ".join(done.stdout.decode("ascii", "replace").split()) == " ".join(text.split())


def _start_ticks(pid: int, proc: Path) -> int | None:
    text = _read(proc / str(pid) / "stat")
    try:
        return int(text.rpartition(")")[2].split()[19]) if text else None
    except (IndexError, ValueError):
        return None


def _environment(pid: int, proc: Path) -> dict[str, str] | None:
    try:
        raw = (proc / str(pid) / "environ").read_bytes()
    except OSError:
        return None
    pairs = (entry.decode("utf-8", "surrogateescape").partition("=") for entry in raw.split(b"\0") if b"=" in entry)
    return {name: value for name, _, value in pairs}


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return None
