"""What the console remembers between two runs: the last screen, the theme, when it was left. Losing it costs nothing, so no error stops."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from joytui.core.whole_file import write_whole

SCREENS = ("doctor", "logs", "usage", "keys")


@dataclass(frozen=True, slots=True)
class Memory:
    """`screen` and `left_at` (RFC 3339) are None before the first run has ended; `theme` None follows the terminal."""

    screen: str | None = None
    theme: str | None = None
    left_at: str | None = None


def load(path: Path) -> Memory:
    """The remembered values; the defaults where the file is missing, unreadable or not ours."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Memory()
    if not isinstance(data, dict):
        return Memory()
    known = {f.name: data.get(f.name) for f in fields(Memory)}
    text = {name: value if isinstance(value, str) else None for name, value in known.items()}
    screen = text["screen"] if text["screen"] in SCREENS else None
    return Memory(screen=screen, theme=text["theme"], left_at=text["left_at"])


def save(path: Path, memory: Memory) -> None:
    """Writes the values, 0600, in one step. A read-only data folder is no reason to complain: nothing of value is lost."""
    with contextlib.suppress(OSError):
        write_whole(path, json.dumps(asdict(memory)).encode())
