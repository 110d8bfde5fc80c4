"""Which rollouts changed since the last look, at the cost of a few `stat` calls while nothing happens.

A walk over a year of rollouts takes tens of milliseconds, so it is made only when something hints at it. Codex writes to
databases in CODEX_HOME itself when a turn begins or a thread is resumed (0.171.0, observed), a new thread's file appears in the
folder of its day (the newest, or today's), and what was written last is mostly written next. Each look therefore takes the newest files, the entries of
CODEX_HOME and the newest folders. A walk that the home hints at waits until the last one is REST times its own CPU time ago, and
a walk without any hint (older versions write no databases) comes every SLOW_S, but not before SLOW_REST times that CPU time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from joytui.codex.rollouts.files import RolloutFile, find_rollouts, in_folder
from joytui.core import clock

NEAR = 64
"""How many files, the most recently written, are checked each time."""
REST = 200
SLOW_S = 30.0
SLOW_REST = 1_000
"""So that these walks take a thousandth of a core at most, however many files there are."""
DAY = 3
"""How deep a day's folder lies: below `sessions`, the year and the month."""
Mark = tuple[object, ...]
Change = tuple[RolloutFile, RolloutFile | None]
"""A file as it is, and as it was at the last look; None: it is new."""


class Watch:
    """The rollouts of one CODEX_HOME. `files` are those of the last look, by name. `now` counts seconds (tests set it)."""

    def __init__(self, home: Path, now: Callable[[], float] = time.monotonic) -> None:
        self.files: dict[str, RolloutFile] = {}
        self._home = home
        self._now = now
        self._near: list[RolloutFile] = []
        self._folders: list[str] = []
        self._moved: tuple[Mark, Mark] = ((), ())
        self._hinted = False
        self._rested = self._slowly = 0.0
        self.walk()

    def changed(self) -> list[Change]:
        """The files that are new, or that are not what they were at the last look."""
        (home, folders), now = self._moved, self._now()
        self._moved = (_entries(self._home), _stamps(self._folders))
        self._hinted |= self._moved[0] != home
        moved = [folder for folder, old, new in zip(self._folders, folders, self._moved[1], strict=True) if old != new]
        due = now >= self._slowly or (self._hinted and now >= self._rested)
        if due or not all(map(self._is_day, moved)):
            return self.walk()
        self._near += self._new_in(moved)
        return self._taken(
            found for file in self._near if (found := _changed(file, self.files.get(file.name))) is not None
        )

    def walk(self) -> list[Change]:
        """Looks at every rollout."""
        began = time.thread_time()
        self._hinted = False
        self._folders = [*dict.fromkeys([*_newest_folders(self._home), *_folders_of_today(self._home)])]
        self._moved = (_entries(self._home), _stamps(self._folders))
        files = find_rollouts(self._home)
        changed = self._taken(files)
        self.files = {file.name: file for file in files}
        self._near = sorted(files, key=lambda file: file.mtime_ns)[-NEAR:]
        now, took = self._now(), time.thread_time() - began
        self._rested = now + REST * took
        self._slowly = now + max(SLOW_S, SLOW_REST * took)
        return changed

    def _taken(self, files: Iterable[RolloutFile]) -> list[Change]:
        changed = [(file, old) for file in files if (old := self.files.get(file.name)) != file]
        self.files.update((file.name, file) for file, _ in changed)
        return changed

    def _new_in(self, days: Iterable[str]) -> list[RolloutFile]:
        """The files in folders of days that were not there yet."""
        named = [(folder, Path(folder).relative_to(self._home).as_posix()) for folder in days]
        return [file for folder, name in named for file in in_folder(folder, name) if file.name not in self.files]

    def _is_day(self, folder: str) -> bool:
        return len(Path(folder).relative_to(self._home).parts) > DAY


def _newest_folders(home: Path) -> list[str]:
    """`sessions` with its newest year, month and day, the outermost first."""
    folders = [os.path.join(home, "sessions")]
    while len(folders) <= DAY:
        try:
            with os.scandir(folders[-1]) as entries:
                inner = max((entry.path for entry in entries if entry.is_dir(follow_symlinks=False)), default=None)
        except OSError:
            break
        if inner is None:
            break
        folders.append(inner)
    return folders


def _folders_of_today(home: Path) -> list[str]:
    """The same for today, here and in UTC, whether they are there yet or not."""
    now = clock.now()
    return [
        str(home.joinpath("sessions", *f"{day:%Y/%m/%d}".split("/")[:parts]))
        for day in (now, now.astimezone())
        for parts in range(DAY + 1)
    ]


def _stamps(folders: Iterable[str]) -> Mark:
    """When each folder's entries changed last; None for one that is not there."""
    return tuple(_stamp(folder) for folder in folders)


def _stamp(path: str) -> int | None:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return None


def _entries(home: Path) -> Mark:
    """What a look at CODEX_HOME itself gives: the names, sizes and times of what is in it."""
    try:
        with os.scandir(home) as entries:
            return tuple(_entry(entry) for entry in entries)
    except OSError:
        return ()


def _entry(entry: os.DirEntry[str]) -> tuple[str, int, int]:
    try:
        status = entry.stat()
    except OSError:
        return entry.name, 0, 0
    return entry.name, status.st_size, status.st_mtime_ns


def _changed(file: RolloutFile, known: RolloutFile | None) -> RolloutFile | None:
    """The file as it is now; None where it is as it was known, or went away (the next walk tells)."""
    try:
        status = os.stat(file.path)
    except OSError:
        return None
    if known is not None and status.st_mtime_ns == known.mtime_ns and status.st_size == known.size:
        return None
    return file._replace(size=status.st_size, mtime_ns=status.st_mtime_ns)
