"""Replaces one file in one step, and only where it still holds what it is thought to hold.

Whoever reads sees the old or the new, never a part. What another program wrote at the last moment is seen: the two files
are exchanged, so that what was replaced can be looked at and, where it is something else, restored.

ChangedError    the file holds something else; it stays as it is
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat
import sys
from functools import cache, partial
from pathlib import Path
from typing import Any

from joytui.core.plain_file import plain_content
from joytui.core.whole_file import name_aside, sync_folder, write_beside

_HERE = -100  # AT_FDCWD
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS
_OF_THE_SYSTEM = ("security.", "trusted.")
"""Attributes that the system gives each new file itself."""


class ChangedError(Exception):
    """A file does not hold what it was thought to hold. `kept`: where a version of another program was put, if it was."""

    def __init__(self, path: Path, kept: Path | None = None) -> None:
        super().__init__(str(path))
        self.path = path
        self.kept = kept


def content_of(path: str | Path) -> bytes | None:
    """What a plain file holds, None if nothing is there. Raises OSError."""
    try:
        return plain_content(path)
    except FileNotFoundError:
        return None


def replace_file(target: Path, new: bytes | None, *, old: bytes | None, private: bool = False) -> None:
    """`old` becomes `new`; None: no file. Mode, owner, ACL and extended attributes stay; a file that was not there, and one that
    is `private`, is 0600.

    Raises ChangedError if the file is not `old`, and OSError; nothing is replaced then.
    """
    if new is None:
        return _take_away(target, old)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    like = partial(_like, model=target) if old is not None and not private else None
    beside = write_beside(target, new, lasting=True, prepare=like)
    try:
        if content_of(target) != old:
            raise ChangedError(target)
        if old is None:
            _put_where_nothing_is(beside, target)
        elif _exchange(beside, target):
            _look_at_what_was_replaced(beside, target, old, new)
        else:
            os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(target.parent)


def _look_at_what_was_replaced(beside: Path, target: Path, old: bytes, new: bytes) -> None:
    """Raises ChangedError if it was not `old`. It then is in its place again; or, where our bytes were changed
    in the meantime, beside it under a name that is seen."""
    if content_of(beside) == old:
        return
    if _exchange(beside, target) and content_of(beside) == new:
        raise ChangedError(target)
    raise ChangedError(target, keep_beside(beside, target))


def keep_beside(stray: Path, target: Path) -> Path:
    """Gives a stray version of a file a name that is seen: config.toml.kept, config.toml.kept-1, …"""
    for number in range(100):
        place = target.with_name(f"{target.name}.kept{f'-{number}' if number else ''}")
        with contextlib.suppress(FileExistsError):
            os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            os.replace(stray, place)
            return place
    raise FileExistsError(errno.EEXIST, "too many kept versions", str(target))


def _take_away(target: Path, old: bytes | None) -> None:
    if content_of(target) != old:
        raise ChangedError(target)
    if old is None:
        return
    beside = name_aside(target)
    os.rename(target, beside)
    if content_of(beside) != old:
        try:
            _put_where_nothing_is(beside, target)
        except ChangedError:
            raise ChangedError(target, keep_beside(beside, target)) from None
        raise ChangedError(target)
    beside.unlink()
    sync_folder(target.parent)


def _put_where_nothing_is(beside: Path, target: Path) -> None:
    try:
        os.link(beside, target)
    except FileExistsError:
        raise ChangedError(target) from None
    except OSError:  # a file system without links
        if os.path.lexists(target):
            raise ChangedError(target) from None
        os.replace(beside, target)
        return
    beside.unlink()


def _exchange(one: Path, other: Path) -> bool:
    """Swaps two files in one step; False if the system or the file system cannot."""
    swap = _swap()
    sys.audit("os.rename", str(one), str(other), -1, -1)
    return swap is not None and swap(os.fsencode(one), os.fsencode(other)) == 0


@cache
def _swap() -> Any:
    """renameat2 of Linux (glibc 2.28), renamex_np of macOS; None on others."""
    if os.name != "posix":
        return None
    libc = ctypes.CDLL(None)
    if linux := getattr(libc, "renameat2", None):
        return lambda one, other: linux(_HERE, one, _HERE, other, ctypes.c_uint(_EXCHANGE))
    if macos := getattr(libc, "renamex_np", None):
        return lambda one, other: macos(one, other, ctypes.c_uint(_EXCHANGE))
    return None


def _like(name: str, model: Path) -> None:
    found, own = model.stat(), os.stat(name)
    if (found.st_uid, found.st_gid) != (own.st_uid, own.st_gid):  # on Windows all of them are 0
        with contextlib.suppress(PermissionError):
            os.chown(name, found.st_uid, found.st_gid)
    for attribute in _attributes(model):
        os.setxattr(name, attribute, os.getxattr(model, attribute))
    os.chmod(name, stat.S_IMODE(found.st_mode))


def _attributes(path: Path) -> list[str]:
    """The extended attributes that are the file's own; an ACL is one of them. Python reads them on Linux only."""
    if sys.platform != "linux":
        return []
    try:
        return [name for name in os.listxattr(path) if not name.startswith(_OF_THE_SYSTEM)]
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return []
        raise
