"""How far a long command is: on a terminal one line that changes, elsewhere a line now and then, always on stderr."""

from __future__ import annotations

import sys
import time

from joytui.cli.output import say

EVERY_S = 0.1
ELSEWHERE_S = 10.0


class Progress:
    """Call it with what is being done, how much of it is done, and how much there is; at the end `clear`."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._terminal = sys.stderr.isatty()
        self._next = 0.0 if self._terminal else time.monotonic() + ELSEWHERE_S
        self._width = 0

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        part = f"{100 * done // total}%" if total else "0%"
        text = f"{what}: {part} of {total:,} {self._unit}"
        if self._terminal:
            self._next = now + EVERY_S
            sys.stderr.write(f"\r{text:<{self._width}}")
            sys.stderr.flush()
            self._width = len(text)
        else:
            self._next = now + ELSEWHERE_S
            say(text)

    def clear(self) -> None:
        if self._width:
            sys.stderr.write(f"\r{'':<{self._width}}\r")
            sys.stderr.flush()
            self._width = 0
