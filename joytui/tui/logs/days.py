"""The days of the log: a line above the first row of each day names it, so every time has its day. Pure.

Places are those of `Shown`, lines those of the view: each day's line moves all rows below it down by one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import datetime, timedelta, tzinfo

from joytui.tui.figures import day
from joytui.tui.logs.shown import Shown


class Days:
    """`starts`: the places over which a day's line stands; none while all rows are of today."""

    def __init__(self, zone: tzinfo | None) -> None:
        self.zone = zone
        self.starts: list[int] = []
        self._lines: list[int] = []
        self._names: list[str] = []

    def find(self, shown: Shown, now_ms: int) -> bool:
        """Looks again where days begin; whether that has changed. Times stand nearly in order, so each is found by halving."""
        starts, names = self._found(shown, now_ms)
        changed = starts != self.starts or names != self._names
        self.starts, self._names = starts, names
        self._lines = [place + number for number, place in enumerate(starts)]
        return changed

    def _found(self, shown: Shown, now_ms: int) -> tuple[list[int], list[str]]:
        many, now = len(shown), self._local(now_ms)
        starts: list[int] = []
        names: list[str] = []
        place = 0
        while place < many:
            here = self._local(shown.time(place))
            if not starts and here.date() == now.date():
                break
            starts.append(place)
            names.append(day(here, now) + (" · today" if here.date() == now.date() else ""))
            midnight = datetime.combine(here.date() + timedelta(days=1), datetime.min.time(), self.zone)
            edge = round(midnight.timestamp() * 1000)
            place = bisect_left(range(many), edge, lo=place + 1, key=shown.time)
        return starts, names

    def _local(self, ms: int) -> datetime:
        return datetime.fromtimestamp(ms / 1000, self.zone)

    def lines(self, rows: int) -> int:
        """How many lines this many rows and their day lines take."""
        return rows + len(self.starts)

    def line(self, place: int) -> int:
        """The line of a row."""
        return place + bisect_right(self.starts, place)

    def place(self, line: int) -> int | None:
        """The row of a line; None for a day's line."""
        above = bisect_right(self._lines, line)
        return None if above and self._lines[above - 1] == line else line - above

    def name(self, line: int) -> str:
        """The day of a line: of its own, or of the row that is there; "" while all are of today."""
        above = bisect_right(self._lines, line)
        return self._names[above - 1] if above else ""
