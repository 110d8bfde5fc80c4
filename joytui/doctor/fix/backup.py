"""The bytes that a file had before a change, dated, beside it: config.toml.joytui-20261123-131500-3c1f…9a.bak (0600).

The name tells what was written instead (the start of its SHA-256), so that a change can be undone from the backup alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from joytui.core.clock import now
from joytui.core.plain_file import plain_content
from joytui.core.whole_file import sync_folder

_DIGITS = 16
_NAME = re.compile(
    r"(?P<name>.+)\.joytui-(?P<moment>\d{8}-\d{6})(?:-(?P<number>\d{1,2}))?(?:-(?P<digest>[0-9a-f]{16}))?\.bak"
)


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup as its name tells. `of`: the file; `made`: when; `order`: among those of a second; `digest`: the start of what
    was written, "" in names of older versions."""

    path: Path
    of: Path
    made: datetime
    order: tuple[str, int]
    digest: str


def digest(data: bytes) -> str:
    """SHA-256 in hex: whether a file is still as it was written."""
    return hashlib.sha256(data).hexdigest()


def new_place(path: Path, new: bytes) -> Path:
    """A free name for the backup of a file that becomes `new`."""
    moment = now().astimezone()
    for number in range(100):
        place = path.with_name(_name(path.name, moment, number, digest(new)[:_DIGITS]))
        if not os.path.lexists(place):
            return place
    raise FileExistsError(17, "too many backups of this second", str(path))


def _name(name: str, moment: datetime, number: int, written: str) -> str:
    return f"{name}.joytui-{moment:%Y%m%d-%H%M%S}{f'-{number}' if number else ''}-{written}.bak"


def keep(place: Path, data: bytes) -> None:
    """Writes a backup. Raises OSError, also if the name is taken."""
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        place.unlink(missing_ok=True)
        raise
    sync_folder(place.parent)


def beside(folders: Iterable[Path]) -> list[Backup]:
    """The backups in some folders, newest first."""
    found: list[Backup] = []
    for folder in folders:
        with contextlib.suppress(OSError):
            found += [backup for path in folder.iterdir() if (backup := _read_name(path))]
    return sorted(found, key=lambda backup: backup.order, reverse=True)


def _read_name(path: Path) -> Backup | None:
    named = _NAME.fullmatch(path.name)
    if named is None:
        return None
    try:
        made = datetime.strptime(named["moment"], "%Y%m%d-%H%M%S").astimezone()
    except ValueError:
        return None
    order = (named["moment"], int(named["number"] or 0))
    return Backup(path, path.with_name(named["name"]), made, order, named["digest"] or "")


def bytes_of(place: str | Path) -> bytes | None:
    """What a backup holds; None if it cannot be read."""
    with contextlib.suppress(OSError):
        return plain_content(place)
    return None
