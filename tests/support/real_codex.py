"""The real Codex CLI from npm, in its own cache.

`codex("0.169.0")` gives the path of its command, and installs it first where it is not there: into JOYTUI_CODEX_CACHE, otherwise into the
platform's cache folder. Without Node or npm (or without the registry) the test is skipped with the reason and the command that provides
it; with JOYTUI_REQUIRE=1 (CI) it fails instead.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import platformdirs

from tests.support.needs import lacking

CURRENT = "0.169.0"
OLDER = ("0.140.0", "0.94.0")
NEWEST = "0.171.0"
INSTALL_S = 300.0


def cache_folder() -> Path:
    """Where the installed versions live, one folder each."""
    return Path(os.environ.get("JOYTUI_CODEX_CACHE") or platformdirs.user_cache_path("joytui-tests") / "codex")


@functools.cache
def codex(version: str = CURRENT) -> str:
    """The path of the `codex` command of that version."""
    folder = cache_folder() / version
    command = folder / "node_modules" / ".bin" / "codex"
    if shutil.which("node") is None:
        _lacking(version, "Node.js is not installed")
    if not command.exists():
        _install(version, folder)
    return str(command)


def _install(version: str, folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        _lacking(version, "npm is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), f"@openai/codex@{version}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    except subprocess.TimeoutExpired:
        _lacking(version, f"npm install did not end within {INSTALL_S:g} s")
    if done.returncode != 0:
        _lacking(version, f"npm install failed: {done.stderr.strip().splitlines()[-1:]}")


def _lacking(version: str, reason: str) -> NoReturn:
    lacking(
        f"the real Codex {version} ({reason})",
        f"npm install --prefix {cache_folder() / version} @openai/codex@{version}",
    )
