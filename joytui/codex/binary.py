"""Finds the Codex that a shell would start, and its version: npm wrapper, Homebrew, or a standalone binary."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from joytui.codex.world import CodexBinary
from joytui.core.codex_path import codex_path

_BREW = re.compile(r"/(?:Cellar|Caskroom)/codex/([0-9][\w.]*?)(?:_\d+)?/")
VERSION_TIMEOUT_S = 5.0


def find_codex(env: Mapping[str, str]) -> CodexBinary | None:
    """The first `codex` on this PATH; None if there is none. Runs `codex --version` only where no file tells."""
    path = codex_path(env)
    if path is None:
        return None
    real = Path(os.path.realpath(path))
    if version := _npm_version(real):
        return CodexBinary(path, "npm", version)
    if brewed := _BREW.search(str(real)):
        return CodexBinary(path, "homebrew", brewed[1])
    return CodexBinary(path, "standalone" if _is_program(real) else "unknown", ask_version(path, env))


def _npm_version(real: Path) -> str | None:
    """The version in package.json beside bin/codex.js, if this is the npm package."""
    if real.parent.name != "bin":
        return None
    try:
        package = json.loads((real.parent.parent / "package.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if isinstance(package, dict) and package.get("name") == "@openai/codex" and isinstance(package.get("version"), str):
        return str(package["version"])
    return None


def _is_program(real: Path) -> bool:
    try:
        with real.open("rb") as file:
            return file.read(4) in (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
    except OSError:
        return False


def ask_version(path: str, env: Mapping[str, str], *, timeout_s: float = VERSION_TIMEOUT_S) -> str | None:
    """What `codex --version` prints ("codex-cli 0.169.0" -> "0.169.0"); None if it does not say within the limit.

    Runs with an own empty CODEX_HOME and without the user's variables, so that nothing of the user's is read or written.
    """
    import tempfile  # late: mostly a file tells the version

    with tempfile.TemporaryDirectory(prefix="joytui-codex-", ignore_cleanup_errors=True) as home:
        clean = {"PATH": env.get("PATH", os.defpath), "HOME": home, "CODEX_HOME": home}
        try:
            done = subprocess.run(
                [path, "--version"],
                env=clean,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout_s,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
    found = re.search(rb"(\d+\.\d+\.\d+(?:-[\w.]+)?)", done.stdout)
    return found[1].decode() if found else None
