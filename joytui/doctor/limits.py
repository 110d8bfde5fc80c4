"""Time as the doctor spends it: one deadline for the whole run, smaller limits inside, and a way to stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

SLICE = 0.1  # how often a waiting step looks whether it was cancelled, seconds


class Cancelled(Exception):
    """The caller does not want the answer any more."""


class OutOfTime(Exception):
    """A step's own limit, or that of the whole run, is over."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A moment on the monotonic clock (seconds) that must not be passed, and whether anybody still waits."""

    until: float
    cancelled: Callable[[], bool] = lambda: False

    @classmethod
    def after(cls, seconds: float, cancelled: Callable[[], bool] = lambda: False) -> Limit:
        return cls(time.monotonic() + seconds, cancelled)

    def left(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.until - time.monotonic())

    def within(self, seconds: float) -> Limit:
        """The earlier of this limit and this many seconds from now."""
        return Limit(min(self.until, time.monotonic() + seconds), self.cancelled)

    def slice(self) -> float:
        """How long to wait now, seconds. Raises OutOfTime and Cancelled."""
        if self.cancelled():
            raise Cancelled
        left = self.left()
        if left <= 0:
            raise OutOfTime
        return min(left, SLICE)

    def pause(self, seconds: float) -> None:
        """Waits this long. Raises OutOfTime and Cancelled."""
        end = time.monotonic() + seconds
        while (rest := end - time.monotonic()) > 0:
            time.sleep(min(rest, self.slice()))
