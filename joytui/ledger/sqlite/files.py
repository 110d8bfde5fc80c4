"""The store's files: which path is one, that only their owner may read them, and that one gateway at a time has them."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from pathlib import Path
from typing import IO

from joytui.core.errors import GATEWAY_THERE, UnreachableError
from joytui.core.lock_file import open_lock, try_lock
from joytui.core.plain_file import is_other_than_file


def prepare(path: Path) -> None:
    """The folder 0700 (if it is made here) and the file 0600, before SQLite opens it. Raises UnreachableError."""
    if is_other_than_file(path):  # a device, whose mode is everybody's
        raise UnreachableError("the store must be a file, and this is not one", where=str(path), hint=_ELSEWHERE)
    try:
        if not path.parent.exists():
            path.parent.mkdir(parents=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
            file = path.with_name(name)
            if file.exists() and file.stat().st_mode & 0o077:
                file.chmod(0o600)
    except OSError as error:
        raise UnreachableError(
            f"the store cannot be opened: {error.strerror}",
            where=str(path),
            hint=_ELSEWHERE,
        ) from None


_ELSEWHERE = "JOYTUI_DATA_DIR or --store names another place"


_OUR_BYTE = 0x6A6F79 << 32
"""Beyond any page of a store, and far from the bytes that SQLite locks (at 1 GiB): locked while a gateway has the store."""


class StoreLock:
    """One gateway a store: caches of keys and the release of what a dead process held rely on it.

    The lock file tells who has it. It can be removed, and a store with two names has two of them: so the store itself is
    locked as well, where the system has locks that SQLite's own do not undo (Linux).
    """

    def __init__(self, path: Path) -> None:
        self._store = path
        self._path = path.with_name(f"{path.name}.lock")
        self._file: IO[str] | None = None
        self._inode: IO[bytes] | None = None

    def acquire(self) -> None:
        """Raises UnreachableError when another process has it, and where no lock can be made."""
        try:
            file = open_lock(self._path)
            store = open(self._store, "r+b", buffering=0)  # noqa: SIM115 (it is closed when the lock is given back)
        except OSError as error:
            what = f"the store cannot be locked: {error.strerror}"
            raise UnreachableError(what, where=str(self._path), hint=_ELSEWHERE) from None
        if not try_lock(file):
            holder = f"process {file.read().strip() or 'unknown'}"
        elif not _lock_inode(store):
            holder = "its lock file was removed, or the store has another name"
        else:
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            self._file, self._inode = file, store
            return
        file.close()
        store.close()
        raise UnreachableError(
            f"the store is in use by a gateway ({holder})",
            where=str(self._store),
            hint="`joytui gateway status` shows it; `joytui gateway stop` ends it; --store names another store",
            kind=GATEWAY_THERE,
        )

    def release(self) -> None:
        """After SQLite's last connection is closed: closing a file ends all of a process's POSIX locks on it."""
        for file in (self._file, self._inode):
            if file is not None:
                with contextlib.suppress(OSError):
                    file.close()
        self._file = self._inode = None


def _lock_inode(store: IO[bytes]) -> bool:
    """Locks a byte of the store by an "open file description" lock, which lasts until this very file is closed. True also
    where the system or the file system has none."""
    if sys.platform != "linux":
        return True
    import fcntl
    import struct

    wanted = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, _OUR_BYTE, 1, 0)
    try:
        fcntl.fcntl(store, fcntl.F_OFD_SETLK, wanted)
    except OSError as error:
        return error.errno not in (errno.EAGAIN, errno.EACCES)
    return True


def holder(path: Path) -> str | None:
    """Which gateway has the store ("process 123"), without touching anything: None if there is no lock, or nobody holds it."""
    lock = path.with_name(f"{path.name}.lock")
    try:
        with open(lock, encoding="utf-8") as file:
            return None if try_lock(file) else f"process {file.read().strip() or 'unknown'}"
    except OSError:
        return None
