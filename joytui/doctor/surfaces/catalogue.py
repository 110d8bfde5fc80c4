"""Every place from which Codex may be started: what the user calls it, on which systems, and what finds its environment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from joytui.doctor.surfaces import environments as of
from joytui.doctor.surfaces.machine import Found, Machine, System

UNIX: Final[tuple[System, ...]] = ("linux", "macos", "wsl")
LINUX: Final[tuple[System, ...]] = ("linux", "wsl")
ALL: Final[tuple[System, ...]] = ("linux", "macos", "wsl", "windows")


@dataclass(frozen=True, slots=True)
class Surface:
    """`name`: what the user calls it. `started`: how Codex comes to start there. `find`: its environments on a machine, one for
    each that is told apart. `again`: what makes a change reach it."""

    id: str
    name: str
    started: str
    systems: tuple[System, ...]
    find: Callable[[Machine], list[Found]]
    again: str = ""


SURFACES: Final[tuple[Surface, ...]] = (
    Surface("this-shell", "this shell", "codex, typed here", ALL, of.here),
    Surface("terminal", "a new terminal", "an interactive shell, from the desktop", UNIX, of.terminal),
    Surface("powershell", "a new PowerShell", "PowerShell with its profile", ("windows",), of.powershell),
    Surface("login-shell", "a login shell", "`bash -lc`, `su -`, the console", UNIX, of.login_shell),
    Surface("shell-command", "your shell's -c, here", "`bash -c`, `zsh -c`, `fish -c` in this shell", UNIX, of.shell_command),
    Surface("script", "a script, here", "`sh -c`, make, a git hook in this shell", UNIX, of.script),
    Surface("ssh-command", "ssh HOST codex", "sshd starts your shell with -c", UNIX, of.ssh_command),
    Surface("cron", "cron", "cron starts /bin/sh -c", UNIX, of.cron),
    Surface("systemd-user", "a systemd user unit", "systemd --user", ("linux", "wsl"), of.systemd_user, "systemctl --user restart UNIT"),
    Surface("empty", "an empty environment", "`env -i`, a service's own", UNIX, of.empty),
    Surface("tmux-pane", "a new tmux window", "the server's environment, then your shell", UNIX, of.tmux_pane),
    Surface("tmux-command", "a command of tmux", "`tmux new-window 'codex …'`", UNIX, of.tmux_command),
    Surface("app-server", "a running app server", "`codex app-server`, by an editor or an app", UNIX, of.codex_servers, "restart the program"),
    Surface("vscode-terminal", "VS Code's terminal", "a shell in the editor", UNIX, of.vscode_terminal),
    Surface("vscode", "VS Code, Cursor", "their extension starts codex app-server", UNIX, of.vscode, "quit and open the editor"),
    Surface("vscode", "VS Code, Cursor", "their extension starts codex app-server", ("windows",), of.registry, "quit and open the editor"),
    Surface("editors", "other editors", "JetBrains, Zed, Neovim", ALL, of.elsewhere),
    Surface("desktop-app", "the desktop app", "opened from the Dock", ("macos",), of.launchd, "quit and open the app"),
    Surface("desktop-app", "the desktop app", "opened from the menu", ("windows",), of.registry, "quit and open the app"),
    Surface("wsl-windows", "Windows' own Codex", "outside of WSL", ("wsl",), of.wsl_windows),
    Surface("wsl-linux", "Codex inside WSL", "the other side's home", ("windows",), of.wsl_linux),
    Surface("dev-container", "a dev container", "inside it", ALL, of.dev_container, "rebuild the container"),
    Surface("ci", "CI", "a runner's job", ALL, of.ci),
)  # fmt: skip


def surfaces_of(system: System) -> list[Surface]:
    """Those that a system has, in the order in which they are shown."""
    return [one for one in SURFACES if system in one.systems]
