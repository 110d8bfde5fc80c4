"""Where Codex keeps its files."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path

_SYSTEM_SAYS = {errno.ELOOP: "Symbolic link loop", errno.ENAMETOOLONG: "Filename too long"}
"""Where the C library that Codex is built with has other words than this machine's."""


def codex_home(env: Mapping[str, str]) -> Path:
    """CODEX_HOME, else ~/.codex. The folder need not be there, and `$CODEX_HOME` may be relative to where Codex starts."""
    named = env.get("CODEX_HOME")
    return Path(named) if named else Path(env.get("HOME") or "~").expanduser() / ".codex"


def home_of(env: Mapping[str, str], home: Path | None = None) -> Path:
    """The user's home: the one that is given, else $HOME, else the account's."""
    return home or Path(env.get("HOME") or os.path.expanduser("~"))


def no_folder(path: Path) -> tuple[str, bool] | None:
    """Why this is not a folder, in Codex's words, and whether they are the system's; None if it is one."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return "that path does not exist", False
    except OSError as error:
        return f"{_SYSTEM_SAYS.get(error.errno or 0, error.strerror)} (os error {error.errno})", True
    return None if stat.S_ISDIR(mode) else ("that path is not a directory", False)
