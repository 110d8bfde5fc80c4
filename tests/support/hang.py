"""When a test gives up on what must happen: late enough for a machine with ten times the work that it can do.

No test judges how quickly something happens. A wait is bounded only so that a hang ends, and by nothing less than this.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

HANG_S = 180.0


@contextmanager
def ended() -> Iterator[None]:
    """A block that only works, and waits for nothing that could be given a bound: it ends by the CPU time that it took. In the main thread."""

    def give_up(number: int, frame: object) -> None:
        raise AssertionError(f"still at work after {HANG_S:g} s of CPU time")

    before = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, HANG_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
