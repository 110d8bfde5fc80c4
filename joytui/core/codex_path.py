"""Where a shell would find Codex, and what installs it: the one look at PATH of the doctor, of setup and of a trial."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping

INSTALL_CODEX = "npm install -g @openai/codex"


def codex_path(env: Mapping[str, str]) -> str | None:
    """The first `codex` on the PATH of this environment (the system's own where it has none); None if there is none."""
    return shutil.which("codex", path=env.get("PATH", os.defpath))
