"""What joytui changed in Codex's files, newest last, so that it can be put back: `mends.json` in the data folder (0600).

It names files, backups and digests; it holds no content of any file.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from joytui.core.clock import now, rfc3339
from joytui.core.errors import RefusedError
from joytui.core.places import Places
from joytui.core.plain_file import plain_content
from joytui.core.records import Change
from joytui.doctor.fix.write import Written, apply, digest, replace_file, restore

KEPT = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """One fix that was made. `home`: the CODEX_HOME it belongs to; `what`: the cause, or "setup"; `at`: RFC 3339."""

    at: str
    home: str
    what: str
    files: tuple[Written, ...]


def record(changes: tuple[Change, ...], what: str, home: str, here: Places) -> Entry:
    """Writes the changes and notes them under `what`. Raises RefusedError, and then nothing is changed."""
    entries = read(here)
    _write(here, entries)  # whether it can be noted is found out before a file is touched
    entry = Entry(rfc3339(now()), home, what, apply(changes))
    try:
        _write(here, [*entries, entry])
    except RefusedError:
        for change, written in zip(changes, entry.files, strict=True):
            restore(written, change.old)
        raise
    return entry


def undo(home: str, here: Places, *, what: str | None = None) -> Entry | None:
    """Puts the latest fix of this CODEX_HOME back, byte for byte (`what`: the latest of that kind); None if there is none.

    Raises RefusedError where a file changed since, or its backup is gone: nothing is touched then.
    """
    entries = read(here)
    found = next((e for e in reversed(entries) if e.home == home and what in (None, e.what)), None)
    if found is None:
        return None
    old = [_old_bytes(written) for written in found.files]
    for written in found.files:
        _unchanged(written)
    try:
        for written, content in zip(found.files, old, strict=True):
            restore(written, content)
    except OSError as error:
        raise RefusedError(f"cannot be put back: {error.strerror or error}", where=str(error.filename or "")) from None
    _write(here, [entry for entry in entries if entry is not found])
    return found


def latest(home: str, here: Places, *, what: str | None = None) -> Entry | None:
    """The latest fix of this CODEX_HOME that is not undone."""
    return next((e for e in reversed(read(here)) if e.home == home and what in (None, e.what)), None)


def forget(entry: Entry, here: Places) -> None:
    """Takes an entry out: what it changed is no longer as it was left."""
    _write(here, [one for one in read(here) if one != entry])


def _old_bytes(written: Written) -> bytes | None:
    if written.backup is None:
        return None
    try:
        return plain_content(written.backup)
    except OSError as error:
        raise RefusedError(f"the backup cannot be read: {error.strerror}", where=written.backup) from None


def _unchanged(written: Written) -> None:
    try:
        present = digest(plain_content(written.target))
    except FileNotFoundError:
        present = None
    except OSError as error:
        raise RefusedError(f"cannot be read: {error.strerror}", where=written.target) from None
    if present != written.digest:
        raise RefusedError("the file changed since, and stays as it is", where=written.path, hint=_by_hand(written))


def _by_hand(written: Written) -> str:
    """What to type where a file was edited after the fix: nobody but the user knows which edits are to stay."""
    path = shlex.quote(written.path)
    if written.backup is None:
        return f"joytui made this file: `rm {path}` takes it away, with what was edited since"
    backup = shlex.quote(written.backup)
    return (
        f"`diff {backup} {path}` shows all that changed; undo joytui's part by hand, or put the whole file back, without "
        f"what was edited since: `cp {backup} {path}`"
    )


def read(here: Places) -> list[Entry]:
    """The entries, oldest first; [] where there are none, or they cannot be read."""
    try:
        data = json.loads(_file(here).read_text("utf-8"))
        return [_entry(item) for item in data["mends"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _entry(item: Any) -> Entry:
    files = tuple(Written(f["path"], f["target"], f["backup"], f["digest"]) for f in item["files"])
    return Entry(item["at"], item["home"], item["what"], files)


def _write(here: Places, entries: list[Entry]) -> None:
    kept = [asdict(replace(entry)) for entry in entries[-KEPT:]]
    text = json.dumps({"mends": kept}, indent=2) + "\n"
    try:
        replace_file(_file(here), text.encode(), like=None)
    except OSError as error:
        raise RefusedError(
            f"the record for undo cannot be written: {error.strerror}; nothing was changed",
            where=str(_file(here)),
            hint="make joytui's data folder writable, or name another in JOYTUI_DATA_DIR",
        ) from None


def _file(here: Places) -> Path:
    return here.data_dir / "mends.json"
