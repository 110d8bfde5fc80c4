"""The log of a gateway in the background: a file of its owner (0600) that is put aside before it grows without bound.

`gateway.log` holds what is new, `gateway.log.1` what stood there before: together at most about 2 × LOG_LIMIT bytes.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

LOG_LIMIT = 1_000_000
"""Bytes after which the log is put aside."""
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND


def previous(log: Path) -> Path:
    """Where the log is put aside; what stood there goes."""
    return log.with_name(f"{log.name}.1")


def open_log(log: Path) -> int:
    """A descriptor that appends to the log, which is put aside first where it is full. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > LOG_LIMIT:
            log.replace(previous(log))
    descriptor = os.open(log, _FLAGS, 0o600)
    if hasattr(os, "fchmod") and os.fstat(descriptor).st_mode & 0o077:  # Windows has no modes
        os.fchmod(descriptor, 0o600)
    return descriptor


def renew(log: Path, descriptor: int) -> bool:
    """Where this descriptor is the log and the log is full: puts it aside, and makes the descriptor a new one's.

    False if there is nothing to do, or no file could be made: then the old one goes on.
    """
    with contextlib.suppress(OSError):
        now, there = os.fstat(descriptor), log.stat()
        if now.st_size > LOG_LIMIT and (now.st_dev, now.st_ino) == (there.st_dev, there.st_ino):
            fresh = open_log(log)
            os.dup2(fresh, descriptor)
            os.close(fresh)
            return True
    return False
