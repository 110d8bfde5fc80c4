"""Finds Codex's rollout files: which of several copies of one thread counts, and which changed.

    $CODEX_HOME/sessions/YYYY/MM/DD/rollout-<time>-<thread id>.jsonl[.zst]
    $CODEX_HOME/archived_sessions/rollout-<time>-<thread id>.jsonl[.zst]     (flat: Codex 0.169.0, observed)

Of copies of one rollout, `sessions` wins over `archived_sessions`, and a plain file over its `.zst` sibling.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FOLDERS = ("sessions", "archived_sessions")
_MAX_DEPTH = 8
_THREAD_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.jsonl")
_THREAD_ID_LENGTH = 36 + len(".jsonl")


class RolloutFile(NamedTuple):
    """One file to read. `name` is its path below CODEX_HOME with slashes; `size` is in bytes."""

    path: str
    name: str
    size: int
    mtime_ns: int

    @property
    def compressed(self) -> bool:
        return self.name.endswith(".zst")

    @property
    def born_ms(self) -> int:
        """When its thread was made, by the thread's id in the name (a UUIDv7), in Unix milliseconds; 0 if it does not tell."""
        thread = self.name.removesuffix(".zst").removesuffix(".jsonl")[-36:]
        return uuid7_ms(thread) or 0


def uuid7_ms(value: str | None) -> int | None:
    """The time in milliseconds with which an id like Codex's begins; None for any other text."""
    if value is None or len(value) != 36 or value[14] != "7":
        return None
    try:
        return int(value[:8] + value[9:13], 16)
    except ValueError:
        return None


def find_rollouts(home: Path) -> list[RolloutFile]:
    """Every rollout that counts, in the order of names. A folder that is missing or unreadable holds none."""
    chosen: dict[str, RolloutFile] = {}
    for folder in FOLDERS:
        for file in sorted(_walk(os.path.join(home, folder), folder, 0), key=_preference):
            chosen.setdefault(_identity(file.name), file)
    return sorted(chosen.values(), key=lambda file: file.name)


def in_folder(folder: str, name: str) -> list[RolloutFile]:
    """The rollouts in one folder and below it; `name` is its path below CODEX_HOME with slashes."""
    return sorted(_walk(folder, name, 0), key=lambda file: file.name)


def _preference(file: RolloutFile) -> tuple[bool, str]:
    return (file.compressed, file.name)


def _identity(name: str) -> str:
    """What copies of one rollout share: the file's name where it holds the thread's id, else the path in its folder.

    Archiving moves `sessions/2026/11/23/X` to `archived_sessions/X`, so the path alone would not tell.
    """
    plain = name.removesuffix(".zst")
    last = plain.rpartition("/")[2]
    named = last.startswith("rollout-") and _THREAD_ID.fullmatch(last, max(8, len(last) - _THREAD_ID_LENGTH))
    return last if named else plain.partition("/")[2]


def _walk(folder: str, name: str, depth: int) -> Iterator[RolloutFile]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                inner = f"{name}/{entry.name}"
                if entry.name.endswith((".jsonl", ".jsonl.zst")):
                    if found := _stat(entry, inner):
                        yield found
                elif depth < _MAX_DEPTH and entry.is_dir(follow_symlinks=False):
                    yield from _walk(entry.path, inner, depth + 1)
    except OSError:
        return  # no such folder, or not ours to read: nothing to count there


def _stat(entry: os.DirEntry[str], name: str) -> RolloutFile | None:
    try:
        if not entry.is_file():
            return None
        status = entry.stat()
    except OSError:
        return None  # went away while we looked
    return RolloutFile(entry.path, name, status.st_size, status.st_mtime_ns)
