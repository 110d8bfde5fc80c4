"""The rollups over Codex's files, kept between runs in a SQLite file of the cache folder.

Everything in it can be made again: a file that is damaged, of another version or not writable is left out or rebuilt
without a word. It holds counts, times, ids, the names of models, folders, repositories and branches; no text of a conversation and no error message.
"""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from joytui.codex.rollouts.files import RolloutFile

if TYPE_CHECKING:
    from joytui.codex.rollouts.reading import FileResult

VERSION = 5
_BUSY_SECONDS = 2.0
_SCHEMA = f"""
PRAGMA page_size = 16384;
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS files (name TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, result TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS rollup (listing TEXT NOT NULL, rows TEXT NOT NULL);
PRAGMA user_version = {VERSION};
COMMIT;
"""


def cache_path(home: Path, cache_dir: Path) -> Path:
    """The cache of one CODEX_HOME."""
    place = os.fsencode(os.path.realpath(home))
    return cache_dir / f"rollouts-{zlib.crc32(place):08x}{zlib.adler32(place):08x}.sqlite3"


def listing(home: Path, files: Sequence[RolloutFile]) -> str:
    """The whole set of files with their sizes and times, as one text: what a rollup is the rollup of."""
    lines = [f"{file.name} {file.size} {file.mtime_ns}" for file in files]
    return "\n".join([os.path.realpath(home), *lines]).encode("utf-8", "backslashreplace").decode()


class Cache:
    """One open cache; every method works, as an empty cache, when SQLite does not. Close it, or use it in `with`."""

    def __init__(self, path: Path | None) -> None:
        self._database = _open(path) if path else None

    def __enter__(self) -> Cache:
        return self

    def __exit__(self, *_: object) -> None:
        if self._database:
            self._database.close()

    def rollup(self, mark: str) -> str | None:
        """The rollup kept for this listing."""
        rows = self._query("SELECT rows FROM rollup WHERE listing = ?", (mark,))
        return rows[0][0] if rows and isinstance(rows[0][0], str) else None

    def results(self) -> dict[str, FileResult]:
        """What is known of each file, by its name. Rows that do not hold are left out."""
        from joytui.codex.rollouts.reading import FileResult

        known = {}
        for (dumped,) in self._query("SELECT result FROM files"):
            try:
                result = FileResult.load(dumped)
            except (ValueError, TypeError):
                continue
            known[result.name] = result
        return known

    def keep(self, changed: Iterable[tuple[FileResult, str]], gone: Iterable[str], mark: str, rollup: str) -> None:
        """Stores what changed in one transaction. A cache that another run holds, or that is full, stays as it is."""
        if not self._database:
            return
        rows = sorted((result.name, result.size, result.mtime_ns, dumped) for result, dumped in changed)
        try:
            with self._database:
                self._database.execute("BEGIN IMMEDIATE")
                self._database.executemany("DELETE FROM files WHERE name = ?", [(name,) for name in gone])
                self._database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", rows)
                self._database.execute("DELETE FROM rollup")
                self._database.execute("INSERT INTO rollup VALUES (?, ?)", (mark, rollup))
        except (sqlite3.Error, UnicodeEncodeError):
            return  # the next run reads the files again

    def _query(self, sql: str, values: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
        if not self._database:
            return []
        try:
            return self._database.execute(sql, values).fetchall()
        except sqlite3.Error:
            return []


def _open(path: Path) -> sqlite3.Connection | None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    return _connect(path) or _rebuild(path)


def _connect(path: Path) -> sqlite3.Connection | None:
    """The database if it is ours and sound, made if there is none; None otherwise."""
    database: sqlite3.Connection | None = None
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        database = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        database.execute("PRAGMA synchronous = OFF")
        if database.execute("PRAGMA user_version").fetchone()[0] == VERSION:
            database.execute("SELECT name FROM files LIMIT 1").fetchone()
            return database
        if database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
            database.executescript(_SCHEMA)
            return database
    except (OSError, sqlite3.Error):
        pass  # not a database, or not ours to write: the caller decides
    if database:
        database.close()
    return None


def _rebuild(path: Path) -> sqlite3.Connection | None:
    """Puts an empty cache instead of one that cannot be used; None if that is not possible either."""
    try:
        for name in (path, path.with_name(path.name + "-journal")):
            name.unlink(missing_ok=True)
    except OSError:
        return None
    return _connect(path)
