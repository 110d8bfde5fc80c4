"""Puts changes in place: the old bytes beside each file first, then the new ones in one step; and puts them back.

RefusedError    the file changed meanwhile, may not be written, or is no plain file: nothing was written
"""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from joytui.codex.dotenv import read_dotenv
from joytui.core.errors import RefusedError
from joytui.core.plain_file import NotPlainError
from joytui.core.records import Change
from joytui.core.redaction import fingerprint
from joytui.doctor.fix import backup
from joytui.doctor.fix.backup import digest
from joytui.doctor.fix.replace import ChangedError, content_of, replace_file

UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class Written:
    """One file of a change. `backup` None: the file was not there before.

    `secret_of`, `secret`: the variable whose line was written, where its value is a secret, and its fingerprint.
    `digest`: SHA-256 of what is written; `before`: of what was there, None for no file, UNKNOWN in records of older versions.
    """

    path: str
    target: str
    backup: str | None
    digest: str
    before: str | None = UNKNOWN
    secret_of: str = ""
    secret: str = ""


def target_of(path: str) -> str:
    """The file that is really written: a symlink's target."""
    return os.path.realpath(path)


def remarks(change: Change) -> list[str]:
    """What else to know before saying yes: where it is written, and what will not be as it was."""
    said = []
    target = target_of(change.path)
    if target != os.path.abspath(change.path):
        said.append(f"{change.path} is a link; the file that changes is {target}")
    with contextlib.suppress(OSError):
        if (others := os.stat(target).st_nlink - 1) > 0:
            names = "another name" if others == 1 else f"{others} other names"
            said.append(f"{target} has {names} (hard links): the others keep the old content")
    return said


def planned(change: Change) -> Written:
    """What `apply` will do for a change; nothing is written yet. Raises RefusedError if it cannot be made."""
    check(change)
    before = None if change.old is None else digest(change.old)
    place = None if change.old is None else str(backup.new_place(Path(change.path), change.new))
    secret = secret_in(change.new, change.secret_of) or ""
    return Written(change.path, target_of(change.path), place, digest(change.new), before, change.secret_of, secret)


def secret_in(data: bytes, variable: str) -> str | None:
    """The fingerprint of the value that a `.env` sets a variable to; None if it sets none."""
    items = read_dotenv(data.decode("utf-8", "replace"), {}) if variable else ()
    return next((fingerprint(item.value) for item in reversed(items) if item.name == variable), None)


def check(change: Change) -> None:
    """Raises RefusedError if the change cannot be made, or is no longer the one that was shown."""
    target = Path(target_of(change.path))
    with _told(change.path):
        if content_of(target) != change.old:
            raise ChangedError(target)
        if change.old is not None and not (target.stat().st_mode & 0o222 and os.access(target, os.W_OK)):
            raise RefusedError(
                "the file is read-only; nothing was written",
                where=str(target),
                hint=f"chmod u+w {shlex.quote(str(target))}, if it is yours",
            )


def apply(changes: tuple[Change, ...], plan: tuple[Written, ...]) -> None:
    """Writes all files, or none: what was written before a failure is restored. Raises RefusedError."""
    done: list[tuple[Written, Change]] = []
    try:
        for change, written in zip(changes, plan, strict=True):
            _apply(change, written)
            done.append((written, change))
    except BaseException:
        for written, change in reversed(done):
            with contextlib.suppress(OSError, RefusedError):
                restore(written, change.old, change.new)
        raise


def _apply(change: Change, written: Written) -> None:
    with _told(change.path):
        if written.backup is not None and change.old is not None:
            backup.keep(Path(written.backup), change.old)
        try:
            replace_file(Path(written.target), change.new, old=change.old, private=bool(change.secret_of))
        except BaseException:
            if written.backup is not None:
                Path(written.backup).unlink(missing_ok=True)
            raise


def restore(written: Written, old: bytes | None, new: bytes | None) -> None:
    """Puts the old bytes back instead of the new (None: no file), and removes the backup, which then holds nothing more.

    Raises RefusedError if something else is there by now.
    """
    with _told(written.path):
        replace_file(Path(written.target), old, old=new)
        if written.backup:
            Path(written.backup).unlink(missing_ok=True)


@contextmanager
def _told(path: str) -> Iterator[None]:
    """What keeps a file from being written, as RefusedError."""
    try:
        yield
    except ChangedError as changed:
        also = f"; another program's version is kept as {changed.kept}" if changed.kept else ""
        raise RefusedError(
            f"the file changed in the meantime; nothing was written{also}",
            where=path,
            hint="run `joytui doctor --fix` again",
        ) from None
    except (NotPlainError, IsADirectoryError):
        target = target_of(path)
        raise RefusedError(
            "is not a file; nothing was written", where=target, hint=f"check what it is: ls -la {shlex.quote(target)}"
        ) from None
    except OSError as error:
        raise RefusedError(
            f"cannot be written: {error.strerror or error}; nothing was changed",
            where=str(error.filename or path),
            hint="check who owns the file and folder: ls -la",
        ) from None
