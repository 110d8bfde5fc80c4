"""How this program is typed here: `joytui` where the shell finds it, else the path that it was started by (.venv/bin/joytui)."""

from __future__ import annotations

import os
import re
import shutil
import sys
from functools import cache
from pathlib import Path

COMMANDS = (
    "doctor", "report", "triage", "codex", "setup", "gateway", "try", "serve", "keys", "wallet", "logs", "usage", "tasks", "models",
    "store", "telemetry", "fleet", "teams", "tokens", "audit", "budgets", "alerts", "completion",
)  # fmt: skip
"""The commands that advice may name."""
_ADVICE = re.compile(
    rf"(^(?:\x1b\[[\d;]*m|[ $→])*|`(?:\x1b\[[\d;]*m)*)joytui(?=`| (?:{'|'.join(COMMANDS)})\b)", re.MULTILINE
)


@cache
def own_command() -> str:
    """What a user types for `joytui` in this folder and with this PATH."""
    started = sys.argv[0] if sys.argv else ""
    if Path(started).name != "joytui" or os.sep not in started:
        return "joytui"
    found = shutil.which("joytui")
    if found and os.path.realpath(found) == os.path.realpath(started):
        return "joytui"
    try:
        return os.path.abspath(started).removeprefix(os.getcwd() + os.sep)
    except OSError:  # the folder is gone
        return started


def as_typed(text: str) -> str:
    """Advice with its commands as they can be typed here: those in backquotes, and those that begin a line."""
    own = own_command()
    return text if own == "joytui" or "joytui" not in text else _ADVICE.sub(lambda found: found[1] + own, text)
