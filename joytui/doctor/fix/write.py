"""Puts a change in place: in one step (temporary file, fsync, rename), mode and owner kept, the old bytes beside it first.

RefusedError    the file changed meanwhile, may not be written, or is no plain file: nothing was written
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import stat
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from joytui.core.clock import now
from joytui.core.errors import RefusedError
from joytui.core.plain_file import NotPlainError, is_other_than_file, plain_content
from joytui.core.records import Change


@dataclass(frozen=True, slots=True)
class Written:
    """One file after a change. `backup` None: the file was not there before. `digest`: SHA-256 of what was written."""

    path: str
    target: str
    backup: str | None
    digest: str


def digest(data: bytes) -> str:
    """SHA-256 in hex: whether a file is still as it was written."""
    return hashlib.sha256(data).hexdigest()


def target_of(path: str) -> str:
    """The file that is really written: a symlink's target."""
    return os.path.realpath(path)


def apply(changes: tuple[Change, ...]) -> tuple[Written, ...]:
    """Writes all files, or none: what was written before a failure is put back. Raises RefusedError."""
    for change in changes:
        check(change)
    done: list[Written] = []
    try:
        for change in changes:
            done.append(_apply(change))
    except BaseException as failure:
        for change, written in zip(changes, done, strict=False):
            with contextlib.suppress(OSError, RefusedError):
                restore(written, change.old)
        if isinstance(failure, OSError):
            raise _failed(failure) from None
        raise
    return tuple(done)


def check(change: Change) -> None:
    """Raises RefusedError where the change cannot be made, or is no longer the one that was shown."""
    target = Path(target_of(change.path))
    try:
        present = plain_content(target) if os.path.exists(target) else None
    except (NotPlainError, IsADirectoryError):
        raise _no_file(target) from None
    except OSError as error:
        raise _failed(error) from None
    if present != change.old:
        raise RefusedError(
            "the file changed meanwhile; nothing was written",
            where=change.path,
            hint="look again: `joytui doctor --fix`",
        )
    if present is not None and not (target.stat().st_mode & 0o222 and os.access(target, os.W_OK)):
        raise RefusedError(
            "the file is read-only; nothing was written",
            where=str(target),
            hint=f"chmod u+w {shlex.quote(str(target))}, if it is yours",
        )


def _apply(change: Change) -> Written:
    target = Path(target_of(change.path))
    backup = _back_up(Path(change.path), change.old) if change.old is not None else None
    try:
        replace_file(target, change.new, like=target if change.old is not None else None)
    except OSError:
        if backup:
            Path(backup).unlink(missing_ok=True)
        raise
    return Written(change.path, str(target), backup, digest(change.new))


def restore(written: Written, old: bytes | None) -> None:
    """Puts the old bytes back (None: the file goes), and removes the backup, which then holds nothing more. Raises
    OSError, and RefusedError where no file stands there any more."""
    target = Path(written.target)
    if is_other_than_file(target):
        raise _no_file(target)
    if old is None:
        target.unlink(missing_ok=True)
    else:
        replace_file(target, old, like=target if os.path.exists(target) else None)
    if written.backup:
        Path(written.backup).unlink(missing_ok=True)


def replace_file(target: Path, data: bytes, *, like: Path | None) -> None:
    """The whole content in one step: whoever reads sees the old or the new. Mode and owner as `like` has; else 0600.

    Raises OSError, and RefusedError for a device, a pipe or a folder: a link may lead to one, and it is never replaced.
    """
    if is_other_than_file(target):
        raise _no_file(target)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if like is not None:
                _like(name, like.stat())
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    _sync_folder(target.parent)


def _like(name: str, found: os.stat_result) -> None:
    own = os.stat(name)
    if (found.st_uid, found.st_gid) != (own.st_uid, own.st_gid):  # on Windows all of them are 0
        with contextlib.suppress(PermissionError):
            os.chown(name, found.st_uid, found.st_gid)
    os.chmod(name, stat.S_IMODE(found.st_mode))


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # some file systems cannot
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _back_up(path: Path, data: bytes) -> str:
    """The old bytes beside the file, 0600: config.toml.joytui-20261123-131500.bak."""
    moment = now().astimezone()
    for number in range(100):
        place = path.with_name(backup_name(path.name, moment, number))
        try:
            descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        return str(place)
    raise FileExistsError(17, "too many backups of this second", str(path))


def backup_name(name: str, moment: datetime, number: int = 0) -> str:
    """The name of a backup beside its file; `number` tells those of one second apart."""
    return f"{name}.joytui-{moment:%Y%m%d-%H%M%S}{f'-{number}' if number else ''}.bak"


def _no_file(target: Path) -> RefusedError:
    return RefusedError(
        "is not a file; nothing was written",
        where=str(target),
        hint=f"see what it is: ls -la {shlex.quote(str(target))}",
    )


def _failed(error: OSError) -> RefusedError:
    return RefusedError(
        f"cannot be written: {error.strerror or error}; nothing was changed",
        where=str(error.filename or ""),
        hint="check whose file and folder it is: ls -la",
    )
