"""Other people's programs from PyPI and npm, each in its own folder in the platform's cache (JOYTUI_PROGRAMS_CACHE moves it).

`python_of("litellm[proxy]==1.108.7")` gives the Python of a virtual environment with it, `node_folder("openai@7.59.0")` a folder in which
Node finds it. What is not there yet is installed first; where that fails (no registry, no npm) the test is skipped with the
command that provides it, and fails in CI.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from tests.support.needs import lacking

LITELLM = "litellm[proxy]==1.108.7"
AGENTS = "openai-agents==0.24.0"
OPENAI_NODE = "openai@7.59.0"
INSTALL_S = 600.0


@functools.cache
def python_of(requirement: str) -> Path:
    folder = _folder("python", requirement)
    python = folder / "bin" / "python"
    make = [sys.executable, "-m", "venv", str(folder)]
    install = [str(python), "-m", "pip", "install", "--quiet", requirement]
    _installed(folder, requirement, make, install)
    return python


@functools.cache
def node_folder(package: str) -> Path:
    folder = _folder("node", package)
    if shutil.which("npm") is None:
        lacking(f"{package} (npm is not installed)", "apt-get install nodejs npm")
    _installed(folder, package, ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), package])
    return folder


def cache_folder() -> Path:
    return Path(os.environ.get("JOYTUI_PROGRAMS_CACHE") or platformdirs.user_cache_path("joytui-tests"))


def _folder(kind: str, name: str) -> Path:
    return cache_folder() / kind / re.sub(r"[^\w.-]+", "-", name)


def _installed(folder: Path, name: str, *commands: Sequence[str]) -> None:
    """Runs the commands once; the mark that they ended well is written last."""
    done = folder / "installed"
    if done.exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for command in commands:
        try:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S, check=False)
        except subprocess.TimeoutExpired:
            lacking(f"{name} (its installation did not end within {INSTALL_S:g} s)", " ".join(command))
        if ended.returncode != 0:
            lacking(f"{name} ({ended.stderr.strip().splitlines()[-1:]})", " ".join(command))
    done.touch()
