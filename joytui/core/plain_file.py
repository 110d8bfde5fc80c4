"""Reads files that a user named or may have put somewhere: a pipe never makes the reader wait, a device is not a file."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

MOST_SETTINGS = 1_000_000
"""Bytes."""


class NotPlainError(OSError):
    """A pipe, a socket or a device stands where a file is wanted. `strerror` is "is not a file"."""

    def __init__(self, path: str) -> None:
        super().__init__(errno.EINVAL, "is not a file", path)


def plain_content(path: str | Path, limit: int = -1) -> bytes:
    """What a plain file holds (at most `limit` bytes); links are followed. Raises OSError, for anything else than a file too."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb", closefd=True) as file:
        mode = os.fstat(file.fileno()).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise NotPlainError(str(path))
        return file.read(limit)


def settings_text(path: Path) -> str:
    """A settings file's text, "" of /dev/null, which means none. Raises OSError, and UnicodeDecodeError."""
    if path == Path(os.devnull):
        return ""
    data = plain_content(path, MOST_SETTINGS + 1)
    if len(data) > MOST_SETTINGS:
        raise OSError(errno.EFBIG, f"it is larger than {MOST_SETTINGS:,} bytes", str(path))
    return data.decode("utf-8-sig")


def is_other_than_file(path: str | Path) -> bool:
    """Whether something is there that is no plain file (links followed): nothing of it is to be replaced."""
    return os.path.exists(path) and not os.path.isfile(path)
