"""Codex's turns as they happen: what was added to the rollouts since the last poll, as turns."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from joytui.codex.rollouts.files import RolloutFile
from joytui.codex.rollouts.lines import Scanner, open_rollout
from joytui.codex.rollouts.reading import tail_sum
from joytui.codex.rollouts.turns import Turn, TurnReader, last_turns
from joytui.codex.rollouts.watch import NEAR, Watch
from joytui.core import clock

POLL_S = 0.4
"""How often a follower polls: a turn appears within a second of being written."""


SILENT_S = 3600
"""An unfinished turn whose file has not changed for this long no longer runs: Codex was killed."""


class TurnTail:
    """The turns of one CODEX_HOME from now on; `last` gives those until now. Serves one thread at a time, and never raises."""

    def __init__(self, home: Path, now: Callable[[], float] = time.monotonic) -> None:
        self._home = home
        self._watch = Watch(home, now)
        self._scanner = Scanner()
        self._open: OrderedDict[str, _Followed] = OrderedDict()

    def last(self, limit: int) -> tuple[Turn, ...]:
        """The newest turns until now, newest first."""
        return self.before(None, limit)

    def before(self, moment: datetime | None, limit: int, *, since: datetime | None = None) -> tuple[Turn, ...]:
        """The newest turns that began before a moment, newest first."""
        files = [*self._watch.files.values()]
        return last_turns(self._home, limit, before=moment, since=since, files=files, running_since=_fresh())

    def of_thread(self, thread: str) -> tuple[Turn, ...]:
        """All turns of one thread, newest first."""
        files = [file for file in self._watch.files.values() if thread and thread in file.name]
        return last_turns(self._home, len(files) * (1 << 32), files=files, running_since=_fresh())

    def poll(self) -> list[Turn]:
        """The turns that began, went on or ended since the last poll, oldest first."""
        turns: list[Turn] = []
        for file, before in self._watch.changed():
            turns += self._read(file, before.mtime_ns if before else 0)
        return sorted(turns, key=lambda turn: turn.time)

    def _read(self, file: RolloutFile, since_ns: int) -> list[Turn]:
        followed = self._open.pop(file.name, None)
        if followed is None or not followed.goes_on(file):
            followed = _Followed(file.path, since_ns)
        self._open[file.name] = followed
        while len(self._open) > NEAR:
            self._open.popitem(last=False)
        return followed.read(file, self._scanner)


def _fresh() -> datetime:
    """A file that was written since then may still be written."""
    return clock.now() - timedelta(seconds=SILENT_S)


class _Followed:
    """One file while it grows. `since_ns`: when it was written last before anybody followed it: earlier turns are not news."""

    def __init__(self, path: str, since_ns: int) -> None:
        self._reader = TurnReader(path)
        self._since = since_ns / 1e9
        self._offset = 0
        self._tail = 0
        self._told = 0
        self._running: Turn | None = None

    def goes_on(self, file: RolloutFile) -> bool:
        """Whether the file was only added to."""
        if file.compressed or file.size < self._offset:
            return False
        try:
            with open(file.path, "rb", buffering=0) as opened:
                return tail_sum(opened.fileno(), self._offset) == self._tail
        except OSError:
            return False

    def read(self, file: RolloutFile, scanner: Scanner) -> list[Turn]:
        """What is new in it, as turns, oldest first."""
        first = not self._offset
        try:
            with open_rollout(file.path, file.compressed, self._offset) as opened:
                self._offset = scanner.scan(opened, self._reader, self._offset).offset
                if not file.compressed:
                    self._tail = tail_sum(opened.fileno(), self._offset)
        except (OSError, ValueError):
            pass  # gone, or damaged from some point on: what was read stands
        return self._news(first)

    def _news(self, first: bool) -> list[Turn]:
        ended, running = self._reader.ended, self._reader.open_turn()
        news = ended[self._told :]
        self._told = len(ended)
        if first:
            news = [turn for turn in news[:-1] if turn.time.timestamp() >= self._since] + news[-1:]
        if running is not None and running != self._running:
            news.append(running)
        self._running = running
        return news
