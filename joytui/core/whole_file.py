"""Writes a file in one step: a reader sees the old content or the new, never a part of either.

The content goes into a file beside the target first, `.NAME.joytui-…`, which then takes its name. `.part` is one that is
still being written, `.whole` one that is complete; either may stay behind when the process is killed.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

_PART, _WHOLE = ".part", ".whole"


def write_whole(target: Path, data: bytes, *, mode: int | None = None, lasting: bool = False) -> None:
    """Replaces the file, or makes it (and its folder, 0700). A link is replaced, not followed. Raises OSError.

    `mode`: its permissions, 0600 unless given. `lasting`: it is there after a loss of power, too.
    """
    with contextlib.suppress(FileExistsError):  # a file where the folder should be: the next line names the error
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = write_beside(target, data, lasting=lasting, prepare=lambda name: os.chmod(name, mode) if mode else None)
    try:
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)
    if lasting:
        sync_folder(target.parent)


def write_beside(target: Path, data: bytes, *, lasting: bool, prepare: Callable[[str], object] | None = None) -> Path:
    """A new file (0600) with this content in the target's folder. `prepare` gets its name before anything is written to it."""
    descriptor, name = tempfile.mkstemp(prefix=_start(target), suffix=_PART, dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if prepare is not None:
                prepare(name)
            file.write(data)
            file.flush()
            if lasting:
                os.fsync(file.fileno())
        return Path(name).rename(Path(name).with_suffix(_WHOLE))
    except BaseException:
        os.unlink(name)
        raise


def leftovers(target: Path) -> list[Path]:
    """The files beside this one that a killed process left behind: complete versions of it, unless `is_part`."""
    start = _start(target)
    with contextlib.suppress(OSError):
        return [
            path for path in target.parent.iterdir() if path.name.startswith(start) and path.suffix in (_PART, _WHOLE)
        ]
    return []


def is_part(leftover: Path) -> bool:
    """Whether its writer may have been stopped in the middle of it."""
    return leftover.suffix == _PART


def name_aside(target: Path) -> Path:
    """Where a file goes for a moment before it is deleted; one of its `leftovers` if the process is killed there."""
    return target.with_name(f"{_start(target)}gone{_WHOLE}")


def sync_folder(folder: Path) -> None:
    """Makes the folder's names survive a loss of power, where the file system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _start(target: Path) -> str:
    return f".{target.name}.joytui-"
