"""How each surface's environment is found out on this machine; where it cannot be, that is told with the reason."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from joytui.codex.home import codex_home
from joytui.core.bounded_run import run_bounded
from joytui.core.plain_file import plain_content
from joytui.doctor.surfaces.editor_settings import terminal_environment
from joytui.doctor.surfaces.machine import PLAIN_PATH, Found, Machine
from joytui.doctor.surfaces.processes import Running, app_servers, extension_hosts, running
from joytui.doctor.surfaces.shells import shell_environment

ASK_S = 2.0
"""How long a program may take that is asked for an environment."""
_LIMIT = 2**20
_MOST_ROWS = 8
_ASSIGNED = re.compile(r"\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*", re.ASCII)
_WORKFLOWS = (
    ".github/workflows/*.yml",
    ".github/workflows/*.yaml",
    ".gitlab-ci.yml",
    "azure-pipelines.yml",
    ".circleci/config.yml",
)
COUNT = (
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy", "SSL_CERT_FILE",
    "CODEX_CA_CERTIFICATE", "CODEX_HOME",
)  # fmt: skip
"""What counts for Codex beside the key."""

# --- shells


def here(machine: Machine) -> list[Found]:
    return [Found(machine.env, "this process")]


def terminal(machine: Machine) -> list[Found]:
    login = machine.system == "macos"
    return [shell_environment(machine, session(machine), login=login, interactive=True)]


def login_shell(machine: Machine) -> list[Found]:
    return [shell_environment(machine, pam(machine), login=True)]


def script(machine: Machine) -> list[Found]:
    return [shell_environment(machine, machine.env, program="/bin/sh")]


def shell_command(machine: Machine) -> list[Found]:
    return [shell_environment(machine, machine.env)]


def empty(machine: Machine) -> list[Found]:
    return [Found({"HOME": str(machine.home), "PATH": PLAIN_PATH}, "HOME and PATH alone")]


def ssh_command(machine: Machine) -> list[Found]:
    base = {**pam(machine), "SSH_CLIENT": "127.0.0.1 1 22", "SSH_CONNECTION": "127.0.0.1 1 127.0.0.1 22"}
    found = shell_environment(machine, base, ssh=True)
    return [replace(found, how=f"{found.how}; a server's AcceptEnv and ~/.ssh/environment are not looked at")]


# --- what the system starts


def pam(machine: Machine) -> dict[str, str]:
    """A start of the system's own on Linux: /etc/environment counts, no file of a shell does."""
    return {**machine.bare(), **_assignments(machine.etc / "environment")}


def session(machine: Machine) -> dict[str, str]:
    """A desktop session: also environment.d (systemd, GNOME, KDE)."""
    return {**pam(machine), **dict(_environment_d(machine))}


def cron(machine: Machine) -> list[Found]:
    base = {**pam(machine), "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
    listed = _asked(machine, ["crontab", "-l"])
    if listed is None:
        return [Found(base, "cron's own few variables; you have no crontab", path_known=True)]
    return [Found({**base, **_lines(listed)}, "cron's own few variables and your crontab's", path_known=True)]


def systemd_user(machine: Machine) -> list[Found]:
    shown = _asked(machine, ["systemctl", "--user", "show-environment"])
    if shown is None:
        return [Found({**machine.bare(), **dict(_environment_d(machine))}, "environment.d, read", sure=False)]
    return [Found({**machine.bare(), **_lines(shown)}, "`systemctl --user show-environment`", path_known=True)]


def launchd(machine: Machine) -> list[Found]:
    names = [*COUNT, *([machine.variable] if machine.variable else [])]
    told = {name: _asked(machine, ["launchctl", "getenv", name]) for name in names}
    if all(value is None for value in told.values()):
        return [Found(None, "`launchctl getenv`", why="launchctl did not answer")]
    set_there = {name: value.rstrip("\n") for name, value in told.items() if value and value.strip()}
    return [Found({**machine.bare(), **set_there}, "`launchctl getenv`", sure=False)]


def registry(machine: Machine) -> list[Found]:
    """What Windows gives to a program that is started from the menu: the variables of the system and of the user."""
    found = _registry()
    if found is None:
        return [Found(None, "the registry", why="the registry cannot be read from here")]
    return [Found({**machine.bare(), **found}, "the registry's variables of the system and of the user")]


def powershell(machine: Machine) -> list[Found]:
    base = _registry()
    if base is None:
        return [Found(None, "the registry", why="the registry cannot be read from here")]
    for folder in ("PowerShell", "WindowsPowerShell"):
        for name in ("profile.ps1", "Microsoft.PowerShell_profile.ps1"):
            base |= powershell_profile(machine.home / "Documents" / folder / name)
    return [Found({**machine.bare(), **base}, "the registry, and the profile's lines `$env:NAME = '…'`", sure=False)]


def powershell_profile(file: Path) -> dict[str, str]:
    """The literal `$env:NAME = 'value'` of a profile."""
    pattern = re.compile(r"(?i)^\s*\$env:([A-Za-z_]\w*)\s*=\s*(?:'([^']*)'|\"([^\"$`]*)\")\s*(?:[;#].*)?$")
    found = (pattern.match(line) for line in _text(file).lstrip("\ufeff").splitlines())
    return {one[1]: one[2] if one[2] is not None else one[3] for one in found if one}


# --- what runs now


def tmux(machine: Machine, *, pane: bool) -> list[Found]:
    """The environment of each tmux server: that of its first start, whatever the shell has by now."""
    folder = Path(machine.env.get("TMUX_TMPDIR") or "/tmp") / f"tmux-{_uid()}"  # noqa: S108 (tmux's own place)
    found = []
    for socket in _sockets(folder):
        shown = _asked(machine, ["tmux", "-S", str(socket), "show-environment", "-g"])
        if shown is None:
            continue
        name = "" if socket.name == "default" else f" (server {socket.name})"
        base = {**machine.bare(), **_plain_lines(shown)}
        one = shell_environment(machine, base, login=pane, interactive=pane)
        found.append(replace(one, name=name, how=f"the tmux server's environment, then {one.how}"))
    return found or [Found(None, "tmux show-environment -g", why="you have no running tmux server")]


def tmux_pane(machine: Machine) -> list[Found]:
    return tmux(machine, pane=True)


def tmux_command(machine: Machine) -> list[Found]:
    return tmux(machine, pane=False)


def codex_servers(machine: Machine) -> list[Found]:
    """Each app server that runs: what an editor's extension, an app or Codex itself has started."""
    found = [_process(one, f" (pid {one.pid}, started by {one.parent or 'another program'})") for one in
             app_servers(running(machine.proc))]  # fmt: skip
    return found[:_MOST_ROWS] or [
        Found(None, "/proc", why=_no_process(machine, "you have no running `codex app-server`"))
    ]


def _is_of(machine: Machine, process: Running) -> bool:
    """Whether it has the CODEX_HOME that is looked at."""
    return str(codex_home(process.env)) == machine.world.codex_home


def vscode(machine: Machine) -> list[Found]:
    """An extension host that runs has its environment; one that is opened from the desktop asks the user's shell for it."""
    hosts = [_process(one, f" (running, pid {one.pid})") for one in extension_hosts(running(machine.proc))]
    opened = shell_environment(machine, session(machine), login=True, interactive=True)
    told = f"opened from the desktop: asks your shell, which then is {opened.how}"
    return [*hosts[:_MOST_ROWS], replace(opened, how=told, sure=False, hint=_terminal_alone(machine))]


def vscode_terminal(machine: Machine) -> list[Found]:
    """A shell in the editor, begun with what its settings add."""
    added, file = terminal_environment(machine)
    login = machine.system == "macos"
    found = shell_environment(machine, {**session(machine), **added}, login=login, interactive=True)
    return [replace(found, how=f"{file}, then {found.how}" if file else found.how)]


def _terminal_alone(machine: Machine) -> str:
    added, file = terminal_environment(machine)
    return f"{file} sets it for the editor's own terminal alone." if machine.variable in added else ""


def _process(process: Running, name: str) -> Found:
    """`$CODEX_HOME/.env` counts for a process that started after it was written."""
    dotenv = codex_home(process.env) / ".env"
    try:
        read = dotenv.stat().st_mtime <= process.started + 1
    except OSError:
        read = True
    return Found(process.env, f"/proc/{process.pid}/environ", name=name, dotenv=read)


def _no_process(machine: Machine, told: str) -> str:
    return told if machine.proc.is_dir() else "this system does not show the environment of a process"


# --- the other side, and what is not here


def wsl_windows(machine: Machine) -> list[Found]:
    """Windows' own Codex, seen from WSL: another home, with a config.toml and a `.env` of its own."""
    homes = list(_windows_homes(machine))
    if not homes:
        return [Found(None, "/mnt/c/Users", why="no .codex of Windows' side is seen from here")]
    return [
        Found(
            {**machine.bare(), "HOME": str(home), "CODEX_HOME": str(home / ".codex")},
            f"{home / '.codex'}",
            name=f" ({home})", sure=False, unseen="Windows' own variables cannot be seen from here",
        )
        for home in homes
    ]  # fmt: skip


def _windows_homes(machine: Machine) -> Iterator[Path]:
    named = machine.env.get("USERPROFILE", "")
    if named.startswith("/"):
        yield from [Path(named)] if (Path(named) / ".codex").is_dir() else []
        return
    try:
        yield from (path.parent for path in sorted(Path("/mnt/c/Users").glob("*/.codex"))[:_MOST_ROWS])
    except OSError:
        return


def wsl_linux(machine: Machine) -> list[Found]:
    return [
        Found(None, "-", why="WSL has a home, a config.toml and an environment of its own: run joytui doctor inside it")
    ]


def dev_container(machine: Machine) -> list[Found]:
    files = [machine.invocation.cwd / ".devcontainer/devcontainer.json", machine.invocation.cwd / ".devcontainer.json"]
    return [_told_by(machine, files, "a container has a home and an environment of its own")]


def ci(machine: Machine) -> list[Found]:
    files = [path for pattern in _WORKFLOWS for path in sorted(machine.invocation.cwd.glob(pattern))[:50]]
    return [_told_by(machine, files, "a runner has an environment of its own: the key is one of its secrets")]


def elsewhere(machine: Machine) -> list[Found]:
    why = "some ask your login shell for its environment, some have the desktop's: restart it, and run joytui doctor in its terminal"
    return [Found(None, "-", why=why)]


def _told_by(machine: Machine, files: list[Path], told: str) -> Found:
    variable = machine.variable or ""
    there = [file for file in files if file.is_file()]
    named = next((file for file in there if variable and variable in _text(file)), None)
    if named is not None:
        return Found(None, str(named), why=f"{told}; {named.name} names {variable}")
    missing = f"; {there[0].name} does not name {variable}" if there and variable else ""
    return Found(None, str(there[0]) if there else "-", why=f"{told}{missing}")


# --- reading and asking


def _asked(machine: Machine, command: list[str]) -> str | None:
    """What a program says; None if it is not there, fails or takes too long."""
    path = shutil.which(command[0], path=machine.env.get("PATH", os.defpath))
    seconds = min(ASK_S, machine.limit.left())
    if path is None or seconds <= 0:
        return None
    try:
        ran = run_bounded([path, *command[1:]], env=machine.env, cwd="/", seconds=seconds, most_bytes=_LIMIT)
    except (OSError, ValueError):
        return None
    return ran.out.decode("utf-8", "surrogateescape") if ran.code == 0 else None


def _assignments(file: Path) -> dict[str, str]:
    return _lines(_text(file))


def _lines(text: str) -> dict[str, str]:
    """`NAME=value` lines, with quotes as a shell has them; others are passed over."""
    found = {}
    for line in text.splitlines():
        if not line.lstrip().startswith("#") and (one := _ASSIGNED.fullmatch(line)):
            found[one[1]] = _unquoted(one[2])
    return found


def _plain_lines(text: str) -> dict[str, str]:
    """`NAME=value` lines, the value as it is; a name that is marked as removed has none."""
    return {name: value for name, sign, value in (line.partition("=") for line in text.splitlines()) if sign}


def _unquoted(text: str) -> str:
    if text[:1] in "\"'" or text.startswith("$'"):
        try:
            return " ".join(shlex.split(text.removeprefix("$"), comments=False))
        except ValueError:
            return text
    return text


def _environment_d(machine: Machine) -> Iterator[tuple[str, str]]:
    config = Path(machine.env.get("XDG_CONFIG_HOME") or machine.home / ".config")
    for folder in (machine.etc / "environment.d", config / "environment.d"):
        for file in sorted(folder.glob("*.conf"))[:50]:
            yield from _assignments(file).items()


def _text(file: Path) -> str:
    try:
        return plain_content(file, _LIMIT).decode("utf-8", "surrogateescape")
    except (OSError, ValueError):
        return ""


def _sockets(folder: Path) -> list[Path]:
    try:
        return [path for path in sorted(folder.iterdir()) if stat.S_ISSOCK(path.stat().st_mode)][:_MOST_ROWS]
    except OSError:
        return []


def _uid() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


def _registry() -> dict[str, str] | None:
    try:
        import winreg
    except ImportError:
        return None
    found: dict[str, str] = {}
    for root, key in (
        ("HKEY_LOCAL_MACHINE", r"SYSTEM\CurrentControlSet\Control\Session Manager\Environment"),
        ("HKEY_CURRENT_USER", "Environment"),
    ):
        found |= _values(winreg, root, key)
    return found


def _values(winreg: object, root: str, key: str) -> Mapping[str, str]:
    values: dict[str, str] = {}
    try:
        with winreg.OpenKey(getattr(winreg, root), key) as opened:  # type: ignore[attr-defined]
            for number in range(winreg.QueryInfoKey(opened)[1]):  # type: ignore[attr-defined]
                name, value, _ = winreg.EnumValue(opened, number)  # type: ignore[attr-defined]
                values[str(name)] = str(value)
    except OSError:
        pass
    return values
