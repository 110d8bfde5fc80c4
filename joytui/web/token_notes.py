"""Which tokens the servers of this data folder made: one small file each, locked for as long as its server lives.

A server that was killed revokes no token. The next one does; the lock shows it that the note has no owner any more:
names of machines and numbers of processes are not unique among all who look at one gateway.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import portalocker

PREFIX = "serve-"


@dataclass(slots=True)
class TokenNote:
    """`gateway`: its address, "" for the local one (whose port may be another each time). Who has a note has its lock."""

    path: Path
    gateway: str
    token_id: str
    _file: IO[str]

    @classmethod
    def keep(cls, folder: Path, gateway: str, token_id: str) -> TokenNote | None:
        """A new note, mode 0600; None if the folder takes none: such a token stays if its server is killed."""
        path = folder / f"{PREFIX}{secrets.token_hex(8)}.json"
        with contextlib.suppress(OSError):
            file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "r+", encoding="utf-8")
            with contextlib.suppress(OSError, portalocker.LockException):
                portalocker.lock(file, portalocker.LOCK_EX | portalocker.LOCK_NB)
                json.dump({"gateway": gateway, "token_id": token_id}, file)
                file.flush()
                return cls(path, gateway, token_id, file)
            file.close()
            path.unlink(missing_ok=True)
        return None

    def drop(self) -> None:
        """The token has gone, and the note goes with it."""
        with contextlib.suppress(OSError):
            self.path.unlink()
        self.release()

    def release(self) -> None:
        """Leaves the note for the next one."""
        with contextlib.suppress(OSError):
            self._file.close()


def abandoned(folder: Path) -> Iterator[TokenNote]:
    """The notes of servers that are no more. Each is to be dropped, or released."""
    for path in sorted(folder.glob(f"{PREFIX}*.json")):
        try:
            file = path.open("r+", encoding="utf-8")
        except OSError:
            continue
        try:
            portalocker.lock(file, portalocker.LOCK_EX | portalocker.LOCK_NB)
            data = json.load(file)
            yield TokenNote(path, str(data["gateway"]), str(data["token_id"]), file)
        except (
            OSError,
            portalocker.LockException,
            ValueError,
            KeyError,
            TypeError,
        ):  # its server lives; or was killed while it wrote
            file.close()
