"""When a test gives up on what must happen: late enough for a machine with ten times the work that it can do.

No test judges how quickly something happens. A wait is bounded only so that a hang ends, and by nothing less than this.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

HANG_S = 180.0
MEANWHILE_S = 0.3
"""How long is looked whether something happens that must not: a busy machine sees less of it, and finds no fault that there is not."""
WORK_S = 20.0
"""CPU seconds after which work that takes parts of one does not end."""


def poll(holds: Callable[[], bool], what: Callable[[], str]) -> None:
    """For what tells nobody when it has changed: looked at twenty times a second. `what` was waited for, and what was there instead."""
    end = time.monotonic() + HANG_S
    while not holds():
        assert time.monotonic() < end, f"waited for {what()}"
        time.sleep(0.05)


@contextmanager
def ended() -> Iterator[None]:
    """A block that only works, and waits for nothing that could be given a bound: it ends by the CPU time that it took. In the main thread."""

    def give_up(number: int, frame: object) -> None:
        raise AssertionError(f"still at work after {WORK_S:g} s of CPU time")

    before = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, WORK_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def alive(pid: int) -> bool:
    """Whether a process runs (Linux; elsewhere none is said to)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
