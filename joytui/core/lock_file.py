"""Files that are locked for a while: one holder at a time, and the system releases the lock when the holder ends, however it ends."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import IO

import portalocker

from joytui.core.plain_file import NotPlainError


def open_lock(path: Path) -> IO[str]:
    """The lock file (made 0600 where there is none), not locked yet. Raises OSError; NotPlainError for a pipe or a device."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(path, flags, 0o600)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotPlainError(str(path))
    return os.fdopen(descriptor, "r+", encoding="utf-8")


def try_lock(file: IO[str]) -> bool:
    """Whether the lock is ours now; False if another process has it. Closing the file gives it back."""
    try:
        portalocker.lock(file, portalocker.LOCK_EX | portalocker.LOCK_NB)
    except (portalocker.LockException, OSError):
        return False
    return True
