"""The store's files: which path is one, that only their owner may read them, and that one gateway at a time has them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import IO

import portalocker

from joytui.core.errors import GATEWAY_THERE, UnreachableError
from joytui.core.plain_file import is_other_than_file


def prepare(path: Path) -> None:
    """The folder 0700 (if it is made here) and the file 0600, before SQLite opens it. Raises UnreachableError."""
    if is_other_than_file(path):  # a device, whose mode is everybody's
        raise UnreachableError("the store is a file, and this is none", where=str(path), hint=_ELSEWHERE)
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


class StoreLock:
    """One gateway a store: caches of keys and the release of what a dead process held rely on it."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f"{path.name}.lock")
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Raises UnreachableError when another process has it, and where no lock can be made."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            what = f"the store cannot be locked: {error.strerror}"
            raise UnreachableError(what, where=str(self._path), hint=_ELSEWHERE) from None
        file = os.fdopen(descriptor, "r+", encoding="utf-8")
        try:
            portalocker.lock(file, portalocker.LOCK_EX | portalocker.LOCK_NB)
        except (portalocker.LockException, OSError):
            holder = file.read().strip() or "another process"
            file.close()
            raise UnreachableError(
                f"the store is in use by a gateway (process {holder})",
                where=str(self._path.with_name(self._path.name.removesuffix(".lock"))),
                hint="`joytui gateway status` shows it; `joytui gateway stop` ends it; --store names another store",
                kind=GATEWAY_THERE,
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file

    def release(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None
