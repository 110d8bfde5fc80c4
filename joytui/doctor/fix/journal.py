"""What joytui changed in Codex's files, newest last, so that it can be restored: `mends.json` in the data folder (0600).

It names files, backups and digests; it holds no content of any file. An entry is written before the files are: whether
they were changed is told by what they hold. So a process may be killed at any moment, and the next one (one at a time,
by `mends.lock`) finds out how far it came. Where an entry is lost, the backups beside the files tell the same.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from joytui.codex.dotenv import without
from joytui.core.clock import now, rfc3339
from joytui.core.errors import RefusedError
from joytui.core.lock_file import open_lock, try_lock
from joytui.core.places import Places
from joytui.core.records import Change
from joytui.core.whole_file import is_part, leftovers, write_whole
from joytui.doctor.fix import backup
from joytui.doctor.fix.backup import bytes_of, digest
from joytui.doctor.fix.replace import content_of, keep_beside
from joytui.doctor.fix.write import UNKNOWN, Written, apply, planned, restore, secret_in, target_of

KEPT = 50
WAIT_S = 20.0
"""How long another joytui may take for its change."""
_DAMAGED = "\ufffd"
"""What stands for a byte that is no UTF-8."""
RECOVERED = "recovered from its backup"


@dataclass(frozen=True, slots=True)
class Entry:
    """One fix that was made. `home`: the CODEX_HOME it belongs to; `what`: the cause, or "setup"; `at`: RFC 3339."""

    at: str
    home: str
    what: str
    files: tuple[Written, ...]


def record(changes: tuple[Change, ...], what: str, home: str, here: Places) -> Entry:
    """Writes the changes and notes them under `what`. Raises RefusedError, and then nothing is changed."""
    with _alone(here):
        entries = _settled(read(here), home)
        entry = Entry(rfc3339(now()), home, what, tuple(planned(change) for change in changes))
        _write(here, [*entries, entry])
        try:
            apply(changes, entry.files)
        except BaseException:
            with contextlib.suppress(RefusedError):  # the entry would do no harm: the files tell that it was not made
                _write(here, entries)
            raise
    return entry


def undo(home: str, here: Places, *, what: str | None = None, folders: Collection[str] = ()) -> Entry | None:
    """Puts the latest fix of this CODEX_HOME back, byte for byte (`what`: the latest of that kind); None if there is none.

    `folders`: where else files of Codex may have been changed. Raises RefusedError if a file changed since, or its backup
    is gone: nothing is touched then.
    """
    with _alone(here):
        noted = read(here)
        entries = _settled(noted, home)
        found = _latest(entries, home, what)
        if what is None and (found is None or not _stands(found)):
            lost = _without_entry(entries, {home, *folders})
            if unnoted := next((entry for one in lost if (entry := _recovered(one, home))), None):
                found = unnoted
                entries.append(found)
                _write(here, entries)
            elif found is None and lost:
                raise _not_recoverable(lost[0])
        if found is not None:
            _put_back(found)
            entries.remove(found)
        if entries != noted:
            _write(here, entries)
        return found


def latest(home: str, here: Places, *, what: str | None = None) -> Entry | None:
    """The latest fix of this CODEX_HOME that is not undone."""
    return _latest(read(here), home, what)


def _latest(entries: list[Entry], home: str, what: str | None) -> Entry | None:
    return next((e for e in reversed(entries) if e.home == home and what in (None, e.what)), None)


def recover(home: str, here: Places, *, what: str, is_one: Callable[[bytes, bytes], bool]) -> Entry | None:
    """A change whose record is lost, noted again as `what`, where a backup and its file tell that `is_one` (old and new bytes)
    and that the file is still as the change left it; the newest of them. None if none does."""
    with _alone(here):
        entries = _settled(read(here), home)
        for found in _without_entry(entries, {home}):
            entry = _recovered(found, home)
            if entry is not None and is_one(bytes_of(found.path) or b"", bytes_of(found.of) or b""):
                entry = replace(entry, what=what)
                _write(here, [*entries, entry])
                return entry
    return None


def oldest_lost(file: str, here: Places) -> bytes | None:
    """What a file was before the first change of which only a backup tells; None without one."""
    lost = [found for found in _without_entry(read(here), {str(Path(file).parent)}) if str(found.of) == file]
    return bytes_of(lost[-1].path) if lost else None


def forget(entry: Entry, here: Places) -> None:
    """Takes an entry out: what it changed is no longer as it was left."""
    with _alone(here):
        _write(here, [one for one in read(here) if one != entry])


def drop_secret_backups(home: str, here: Places) -> None:
    """Once Codex works: the backup of a `.env` goes. An undo takes joytui's line out then. Nothing is raised."""
    for entry in read(here):
        for written in entry.files if entry.home == home else ():
            if written.secret_of and written.backup:
                with contextlib.suppress(OSError):
                    Path(written.backup).unlink(missing_ok=True)


# --- putting back


def _put_back(entry: Entry) -> None:
    """All files or none, as far as looking first can tell; what is back already is left alone."""
    steps = [(written, _old_bytes(written), _as_written(written)) for written in entry.files if not _is_back(written)]
    for written, old, new in steps:
        restore(written, old, new)


def _stands(entry: Entry) -> bool:
    """Whether all files are as this change left them."""
    return all(_is_back(written) or _known(bytes_of(written.target)) == written.digest for written in entry.files)


def _old_bytes(written: Written) -> bytes | None:
    if written.backup is None and not _edited(written):
        return None
    if written.secret_of and (_edited(written) or not os.path.lexists(written.backup or "")):
        return without(_text(written), written.secret_of).encode("utf-8", "surrogateescape")
    assert written.backup is not None, "only a new file has no backup"
    try:
        old = content_of(written.backup)
    except OSError as error:
        raise RefusedError(f"the backup cannot be read: {error.strerror}", where=written.backup) from None
    if old is None:
        raise RefusedError("the backup is gone", where=written.backup)
    return old


def _as_written(written: Written) -> bytes:
    """The file's bytes where they are as joytui wrote them."""
    try:
        present = content_of(written.target)
    except OSError as error:
        raise RefusedError(f"cannot be read: {error.strerror}", where=written.target) from None
    if present is None or (digest(present) != written.digest and not _edited(written)):
        raise RefusedError(
            "the file has changed since, so it stays as it is", where=written.path, hint=_by_hand(written)
        )
    return present


def _edited(written: Written) -> bool:
    """Whether a `.env` was edited since, and still has the line that joytui wrote: that line alone goes then."""
    present = bytes_of(written.target)
    if not written.secret_of or present is None or digest(present) == written.digest:
        return False
    return secret_in(present, written.secret_of) == written.secret


def _text(written: Written) -> str:
    return (bytes_of(written.target) or b"").decode("utf-8", "surrogateescape")


def _by_hand(written: Written) -> str:
    """What to type if a file was edited after the fix: only the user knows which edits should stay."""
    path = shlex.quote(written.path)
    if written.backup is None:
        return f"joytui made this file: `rm {path}` removes it, including later edits"
    kept = shlex.quote(written.backup)
    return (
        f"`diff {kept} {path}` shows all that changed; undo joytui's part by hand, or put the whole file back, without "
        f"what was edited since: `cp {kept} {path}`"
    )


# --- what a process that was killed left


def _settled(entries: list[Entry], home: str) -> list[Entry]:
    """The entries without the latest ones of this CODEX_HOME that were never made, or are undone already."""
    left = list(entries)
    while (entry := _latest(left, home, None)) is not None:
        for written in entry.files:
            _tidy(written)
        if not all(map(_is_back, entry.files)):
            break
        for written in entry.files:
            if written.backup and _known(bytes_of(written.backup)) == written.before:
                Path(written.backup).unlink(missing_ok=True)
        left = [one for one in left if one is not entry]
    return left


def _tidy(written: Written) -> None:
    """Takes away what a killed change left, but for another program's version that it had in its hands."""
    target = Path(written.target)
    for stray in leftovers(target):
        with contextlib.suppress(OSError):
            if is_part(stray) or _known(content_of(stray)) in (written.digest, written.before):
                stray.unlink()
            else:
                keep_beside(stray, target)


def _is_back(written: Written) -> bool:
    """Whether a file is restored."""
    before = written.before
    if before == UNKNOWN:
        before = None if written.backup is None else _known(bytes_of(written.backup)) or UNKNOWN
    try:
        return _known(content_of(written.target)) == before
    except OSError:
        return False


def _known(data: bytes | None) -> str | None:
    return None if data is None else digest(data)


def _without_entry(entries: list[Entry], folders: Collection[str]) -> list[backup.Backup]:
    """Backups of which no entry tells, newest first; one that holds what its file holds has had its day, and goes."""
    named = {written.backup for entry in entries for written in entry.files}
    left = []
    for found in backup.beside(map(Path, folders)):
        if str(found.path) in named:
            continue
        if (old := bytes_of(found.path)) is not None and old == bytes_of(found.of):
            found.path.unlink(missing_ok=True)
        else:
            left.append(found)
    return left


def _recovered(found: backup.Backup, home: str) -> Entry | None:
    """The entry of a change whose record is lost, where the file is still as that change left it."""
    present, old = bytes_of(found.of), bytes_of(found.path)
    if present is None or old is None or not found.digest or not digest(present).startswith(found.digest):
        return None
    path = str(found.of)
    written = Written(path, target_of(path), str(found.path), digest(present), digest(old))
    return Entry(rfc3339(found.made), home, RECOVERED, (written,))


def _not_recoverable(found: backup.Backup) -> RefusedError:
    path = str(found.of)
    return RefusedError(
        f"{found.path.name} holds what this file was before a change by joytui; the record of that change is lost, and "
        "the file may have been edited since: it stays as it is",
        where=path,
        hint=_by_hand(Written(path, path, str(found.path), "")),
    )


# --- the file


@contextmanager
def _alone(here: Places) -> Iterator[None]:
    """One joytui at a time changes files and their record. Raises RefusedError if another does not come to its end."""
    place = here.data_dir / "mends.lock"
    try:
        here.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = open_lock(place)
    except OSError as error:
        raise _no_record(error, place) from None
    with file:
        end = time.monotonic() + WAIT_S
        while not try_lock(file):
            if time.monotonic() > end:
                raise RefusedError(
                    "another joytui is changing files now; nothing was changed",
                    where=str(place),
                    hint="try again when it is done",
                )
            time.sleep(0.02)
        for stray in leftovers(_file(here)):
            stray.unlink(missing_ok=True)
        yield


def read(here: Places) -> list[Entry]:
    """The entries, oldest first; of a damaged record those that can still be read."""
    data = bytes_of(_file(here)) or b""
    try:
        items = json.loads(data)["mends"]
    except (ValueError, KeyError, TypeError, RecursionError):
        items = _salvaged(data.decode("utf-8", "replace"))
    return [entry for item in items if (entry := _entry(item)) is not None]


def _salvaged(text: str) -> Iterator[Any]:
    """The whole objects that have the form of an entry, out of a text that is not JSON as a whole."""
    decoder, place = json.JSONDecoder(), 0
    while (place := text.find("{", place)) >= 0:
        try:
            item, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            item, end = None, place + 1
        if isinstance(item, dict) and "mends" in item:
            yield from item["mends"] if isinstance(item["mends"], list) else ()
        elif item is not None:
            yield item
        place = end


def _entry(item: Any) -> Entry | None:
    try:
        files = tuple(
            Written(
                f["path"],
                f["target"],
                f["backup"],
                f["digest"],
                f.get("before", UNKNOWN),
                f.get("secret_of", ""),
                f.get("secret", ""),
            )
            for f in item["files"]
        )
        entry = Entry(item["at"], item["home"], item["what"], files)
    except (KeyError, TypeError, AttributeError):
        return None
    texts = [
        entry.at,
        entry.home,
        entry.what,
        *(text for w in files for text in (w.path, w.target, w.digest, w.secret_of, w.secret)),
    ]
    texts += [text for w in files for text in (w.backup, w.before) if text is not None]
    return entry if all(isinstance(text, str) and _DAMAGED not in text for text in texts) else None


def _write(here: Places, entries: list[Entry]) -> None:
    kept = [asdict(entry) for entry in entries[-KEPT:]]
    text = json.dumps({"mends": kept}, indent=2) + "\n"
    try:
        write_whole(_file(here), text.encode(), lasting=True)
    except OSError as error:
        raise _no_record(error, _file(here)) from None


def _no_record(error: OSError, place: Path) -> RefusedError:
    return RefusedError(
        f"the record for undo cannot be written: {error.strerror}; nothing was changed",
        where=str(place),
        hint="make joytui's data folder writable, or set another one in JOYTUI_DATA_DIR",
    )


def _file(here: Places) -> Path:
    return here.data_dir / "mends.json"
