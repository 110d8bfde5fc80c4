"""Where Codex keeps its files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def codex_home(env: Mapping[str, str]) -> Path:
    """CODEX_HOME, else ~/.codex. The folder need not be there, and `$CODEX_HOME` may be relative to where Codex starts."""
    named = env.get("CODEX_HOME")
    return Path(named) if named else Path(env.get("HOME") or "~").expanduser() / ".codex"
