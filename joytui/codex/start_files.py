"""Which files a shell reads when it starts, and what environment a program gets from it: read, not run.

Files are read because running them executes their code: a start file may ask for a password, attach to tmux or never end.
What only the shell could compute is told as open. From the manuals of bash 5.2, zsh 5.9, dash and fish 3.6; on Linux, bash is
built to read ~/.bashrc for an ssh command, too (Debian, Fedora).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from joytui.codex.fish_script import follow_fish, read_universal
from joytui.codex.shell_script import follow
from joytui.codex.shell_state import ShellState, environment_state

POSIX = ("bash", "zsh", "sh", "dash", "ksh", "ash", "busybox")


def flavour_of(shell: str) -> str | None:
    """ "bash", "zsh", "sh" or "fish" of a shell's path; None for one whose start files joytui cannot read."""
    name = Path(shell).name.lstrip("-").removesuffix(".exe").lower()
    if name in ("bash", "zsh", "fish"):
        return name
    return "sh" if name in POSIX else None


def after_start_files(
    flavour: str, env: Mapping[str, str], *, login: bool, interactive: bool, ssh: bool = False, etc: Path = Path("/etc")
) -> ShellState:
    """The shell's state after its start files, begun in `env`. `ssh`: sshd started it for a command."""
    state = environment_state(env, flavour, login=login, interactive=interactive)
    if flavour == "fish":
        config = Path(env.get("XDG_CONFIG_HOME") or state.home / ".config") / "fish"
        read_universal(config / "fish_variables", state)
        follow_fish([*_fish_files(etc / "fish"), *_fish_files(config)], state)
    elif flavour == "zsh":
        _zsh(state, etc)
    elif flavour == "bash":
        follow(_bash_files(state, etc, ssh=ssh), state)
    else:
        follow(_sh_files(state, etc), state)
    return state


def _fish_files(folder: Path) -> list[Path]:
    return [*sorted(folder.glob("conf.d/*.fish")), folder / "config.fish"]


def _zsh(state: ShellState, etc: Path) -> None:
    """ZDOTDIR may be set by the first file, so each is looked for when its turn comes."""
    system = etc / "zsh" if os.path.isdir(etc / "zsh") else etc
    kinds = ["zshenv", *["zprofile"] * state.login, *["zshrc"] * state.interactive, *["zlogin"] * state.login]
    for kind in kinds:
        follow([system / kind], state)
        follow([Path(state.get("ZDOTDIR") or state.home) / f".{kind}"], state)


def _bash_files(state: ShellState, etc: Path, *, ssh: bool) -> list[Path]:
    home = state.home
    if state.login:
        own = next((home / n for n in (".bash_profile", ".bash_login", ".profile") if os.path.isfile(home / n)), None)
        return [etc / "profile", *([own] if own else [])]
    if state.interactive or ssh:
        return [etc / "bash.bashrc", home / ".bashrc"]
    named = state.get("BASH_ENV")
    return [state.path(named)] if named else []


def _sh_files(state: ShellState, etc: Path) -> list[Path]:
    named = state.get("ENV") if state.interactive else ""
    login = [etc / "profile", state.home / ".profile"] if state.login else []
    return [*login, *([state.path(named)] if named else [])]
