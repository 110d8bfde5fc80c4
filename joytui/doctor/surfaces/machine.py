"""This machine as the finders of environments see it, so that a test can lay out another."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from joytui.codex.home import home_of
from joytui.codex.shell_state import ShellState
from joytui.codex.world import Invocation, World
from joytui.doctor.limits import Limit

System = Literal["linux", "macos", "windows", "wsl"]
How = Literal["read", "run"]
_ALWAYS = ("HOME", "USER", "LOGNAME", "SHELL", "LANG")
PLAIN_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True)
class Machine:
    """`world`: Codex as it would start here. `how`: whether shells are read or started. `variables`: those that count for Codex."""

    world: World = field(repr=False)
    limit: Limit
    system: System
    how: How = "read"
    etc: Path = Path("/etc")
    proc: Path = Path("/proc")

    @property
    def invocation(self) -> Invocation:
        return self.world.invocation

    @property
    def env(self) -> Mapping[str, str]:
        return self.invocation.env

    @property
    def home(self) -> Path:
        return home_of(self.env, self.invocation.home)

    @property
    def variable(self) -> str | None:
        """The key's variable."""
        key = self.world.credential
        return key.variable if key is not None and key.kind == "env_key" else None

    @property
    def shell(self) -> str:
        """The user's login shell: $SHELL, else the account's."""
        return self.env.get("SHELL") or _account_shell() or "/bin/sh"

    def bare(self) -> dict[str, str]:
        """What any start has: who the user is, and a PATH."""
        own = {name: self.env[name] for name in _ALWAYS if name in self.env}
        return {"SHELL": self.shell, **own, "HOME": str(self.home), "PATH": PLAIN_PATH}


@dataclass(frozen=True, slots=True)
class Found:
    """The environment of one start. `env` None: it cannot be known from here, and `why` says why.

    `name`: a part of the surface's name that only this machine knows. `state`: the shell's state behind it. `dotenv` False: the
    process is older than $CODEX_HOME/.env, which it has not read. `sure` False: told, not found. `unseen`: what else may set variables there.
    `hint`: where the key's variable is set so that it does not reach this place.
    `path_known`: its PATH is the one that Codex is looked for on there, not one that joytui assumes.
    """

    env: Mapping[str, str] | None = field(repr=False)
    how: str
    name: str = ""
    why: str = ""
    state: ShellState | None = field(default=None, repr=False)
    dotenv: bool = True
    sure: bool = True
    unseen: str = ""
    hint: str = ""
    path_known: bool = False


def system_of(env: Mapping[str, str]) -> System:
    """Which kind of machine this environment is of."""
    if sys.platform == "win32":
        return "windows"
    if sys.platform == "darwin":
        return "macos"
    return "wsl" if env.get("WSL_DISTRO_NAME") else "linux"


def _account_shell() -> str | None:
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_shell
    except (ImportError, KeyError):
        return None
