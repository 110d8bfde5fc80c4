"""What runs now under this user, with the environment that it was started with (Linux: /proc)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from joytui.core.plain_file import plain_content

MOST = 4096
_LIMIT = 2**20


@dataclass(frozen=True, slots=True)
class Running:
    """One process. `started`: seconds since 1970. `parent`: what started it, as the system names it."""

    pid: int
    ppid: int
    command: tuple[str, ...] = field(repr=False)
    env: Mapping[str, str] = field(repr=False)
    started: float
    parent: str


def running(proc: Path) -> list[Running]:
    """The user's own processes of which the environment can be read; [] on a system without /proc."""
    try:
        numbers = sorted(int(name) for name in os.listdir(proc) if name.isdecimal())[-MOST:]
    except OSError:
        return []
    boot = _boot_time(proc)
    return [one for pid in numbers if pid != os.getpid() and (one := _read(proc, pid, boot)) is not None]


def app_servers(found: list[Running]) -> list[Running]:
    """Codex's app servers: of a wrapper and what it started, the one that was started last."""
    servers = [one for one in found if _is_app_server(one.command)]
    wrappers = {one.ppid for one in servers}
    return [one for one in servers if one.pid not in wrappers]


def extension_hosts(found: list[Running]) -> list[Running]:
    """Where the extensions of VS Code and its kin run."""
    return [
        one
        for one in found
        if "--type=extensionHost" in one.command or "extensionHostProcess" in one.env.get("VSCODE_ESM_ENTRYPOINT", "")
    ]


def _is_app_server(command: tuple[str, ...]) -> bool:
    if "app-server" not in command:
        return False
    before = command[: command.index("app-server")]
    return any(os.path.basename(part) in ("codex", "codex.js", "codex.exe") for part in before)


def _read(proc: Path, pid: int, boot: float) -> Running | None:
    folder = proc / str(pid)
    try:
        if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
            return None
        command = tuple(part.decode("utf-8", "replace") for part in _content(folder / "cmdline").split(b"\0")[:-1])
        if not command:
            return None
        fields = _content(folder / "stat").rpartition(b")")[2].split()
        ppid, ticks = int(fields[1]), int(fields[19])
        env = _pairs(_content(folder / "environ"))
    except (OSError, ValueError, IndexError):
        return None
    return Running(pid, ppid, command, env, boot + ticks / os.sysconf("SC_CLK_TCK"), _name(proc, ppid))


def _pairs(data: bytes) -> dict[str, str]:
    pairs = (entry.decode("utf-8", "surrogateescape").partition("=") for entry in data.split(b"\0") if b"=" in entry)
    return {name: value for name, _, value in pairs}


def _name(proc: Path, pid: int) -> str:
    try:
        return _content(proc / str(pid) / "comm").decode("utf-8", "replace").strip()
    except OSError:
        return ""


def _boot_time(proc: Path) -> float:
    try:
        lines = _content(proc / "stat").decode("ascii", "replace").splitlines()
        return float(next(line for line in lines if line.startswith("btime ")).split()[1])
    except (OSError, ValueError, StopIteration):
        return 0.0


def _content(path: Path) -> bytes:
    return plain_content(path, _LIMIT)
