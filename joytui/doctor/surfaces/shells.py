"""The environment that a shell gives to Codex: read from its start files, or from the shell itself where it may be started."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from joytui.codex.start_files import after_start_files, flavour_of
from joytui.core.bounded_run import run_bounded
from joytui.doctor.surfaces.machine import Found, Machine

RUN_S = 5.0
"""How long a shell may take to start."""
_MOST = 4_000_000
_MARK = b"\0joytui-environment\0"
_TELL = "import os;os.write(1,b'\\0joytui-environment\\0'+b'\\0'.join(k+b'='+v for k,v in os.environb.items())+b'\\0joytui-environment\\0')"


def shell_environment(
    machine: Machine,
    base: Mapping[str, str],
    *,
    program: str = "",
    login: bool = False,
    interactive: bool = False,
    ssh: bool = False,
) -> Found:
    """What a program gets from the user's shell (or `program`), begun with `base`."""
    shell = program or machine.shell
    if machine.how == "run":
        return _ran(machine, base, shell, login=login, interactive=interactive)
    flavour = flavour_of(shell)
    if flavour is None:
        why = (
            f"joytui cannot read the start files of {os.path.basename(shell)}; `joytui doctor --surfaces run` starts it"
        )
        return Found(None, f"{shell}, not read", why=why)
    state = after_start_files(flavour, base, login=login, interactive=interactive, ssh=ssh, etc=machine.etc)
    return Found(state.environment, f"{os.path.basename(shell)}'s start files, read", state=state)


def _ran(machine: Machine, base: Mapping[str, str], shell: str, *, login: bool, interactive: bool) -> Found:
    flags = f"-{'l' if login else ''}{'i' if interactive else ''}c"
    shown = f"{os.path.basename(shell)} {flags}"
    command = [shell, flags, f"'{sys.executable}' -I -S -c \"{_TELL}\""]
    seconds = min(RUN_S, machine.limit.left())
    if seconds <= 0:
        return Found(None, f"{shown}, not started", why=f"{shown} was not started: the time for all of them is up")
    try:
        ran = run_bounded(command, env=base, cwd=_folder(machine.home), seconds=seconds, most_bytes=_MOST)
    except (OSError, ValueError) as error:
        return Found(
            None, f"`{shown}`, started", why=f"{shell} does not start: {getattr(error, 'strerror', None) or error}"
        )
    parts = ran.out.split(_MARK)
    if len(parts) < 3:
        why = (
            f"it did not reach its command within {seconds:g} s"
            if ran.ended != "itself"
            else "its start files ended it"
        )
        return Found(None, f"`{shown}`, started", why=f"`{shown}`: {why}")
    pairs = (entry.decode("utf-8", "surrogateescape").partition("=") for entry in parts[1].split(b"\0"))
    return Found({name: value for name, _, value in pairs}, f"`{shown}`, started", path_known=True)


def _folder(home: Path) -> Path:
    return home if home.is_dir() else Path("/")
