"""Who listens on a port of this machine: so that "port taken" says by whom."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from joytui.core.errors import GATEWAY_THERE, UnreachableError
from joytui.core.redaction import visible

OUR_KIND = "another joytui gateway"
_LISTEN = "0A"


def cannot_listen(host: str, port: int, error: OSError) -> UnreachableError:
    """What a failed bind means, in words."""
    import errno

    where = f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        program = listener(port)
        by = f" by {program}" if program else ""
        hint = f"end that program, or use another port: `joytui gateway start --port {port + 1 if port < 65535 else 0}`"
        kind = GATEWAY_THERE if program and program.startswith(OUR_KIND) else None
        return UnreachableError(f"the port is taken{by}", where=where, hint=hint, kind=kind)
    if error.errno == errno.EACCES:
        hint = "ports below 1024 are reserved for the administrator: `joytui gateway start --port 8791`"
        return UnreachableError("this user may not listen there", where=where, hint=hint)
    hint = "--host must be an address of this machine, for example 127.0.0.1"
    return UnreachableError(f"cannot listen there: {error.strerror or error}", where=where, hint=hint)


def listener(port: int) -> str | None:
    """The program that listens on the port, as "name (pid 123)"; None if that cannot be found out."""
    if Path("/proc/net/tcp").exists():
        return _listener_linux(port)
    return _listener_lsof(port)


def _listener_linux(port: int) -> str | None:
    inodes = {
        fields[9]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for fields in _rows(table)
        if fields[3] == _LISTEN and int(fields[1].rsplit(":", 1)[1], 16) == port
    }
    sockets = {f"socket:[{inode}]" for inode in inodes}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(os.readlink(entry.path) in sockets for entry in os.scandir(process / "fd")):
                return describe(int(process.name))
        except OSError:
            continue  # it ended, or belongs to somebody else
    return "a program of another user" if sockets else None


def _rows(table: str) -> list[list[str]]:
    try:
        lines = Path(table).read_text(encoding="ascii", errors="replace").splitlines()[1:]
    except OSError:
        return []
    return [fields for line in lines if len(fields := line.split()) > 9]


def describe(pid: int) -> str:
    """A process as "name (pid 123)". Its arguments are not shown (they may hold secrets), but our own gateway is named."""
    if runs_gateway(pid):
        return f"{OUR_KIND} (pid {pid})"
    try:
        name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        name = "a program"
    return f"{visible(name, limit=40)} (pid {pid})"


def runs_gateway(pid: int) -> bool:
    """Whether that process is a `joytui gateway run`, by its command line. False if it cannot be read."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"gateway" in words and b"run" in words and any(b"joytui" in word for word in words[:4])


def _listener_lsof(port: int) -> str | None:
    """Where there is no /proc (macOS)."""
    try:
        words = ["lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=3, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    values = {line[:1]: line[1:] for line in done.stdout.splitlines() if line}
    return f"{visible(values.get('c', 'a program'), limit=40)} (pid {values['p']})" if "p" in values else None
