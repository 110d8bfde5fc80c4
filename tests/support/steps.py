"""Work in steps instead of seconds: the same number on every machine, however busy it is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType


def steps(work: Callable[[], object]) -> int:
    """How many calls of functions, Python's and the interpreter's own, `work` makes in this thread."""
    made = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal made
        made += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return made


def grows_linearly(work: Callable[[int], Callable[[], object]], size: int) -> bool:
    """Whether four times the size takes at most five times the steps. `work(size)` prepares what is then counted."""
    return steps(work(4 * size)) <= 5 * steps(work(size))
