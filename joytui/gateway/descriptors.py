"""File descriptors: as many as the system lets this process have, a part of them for clients, and a reserve for everything else.

A relayed request takes two, the client's connection and the upstream's. Where clients took all of them, requests under way
could not reach their upstream, and the server could not even refuse. So clients that come when their share is used up are told
503, and the log says so once a minute.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import time
from typing import Any

MOST = 65_536
"""As many as are asked for: the kernel keeps a table of that size."""
RESERVE = 64
AGAIN_S = 60.0
_NONE_LEFT = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
log = logging.getLogger("joytui.gateway")


class Room:
    """`connections`: how many clients may be connected. `burst`: how many are taken in before the first of them is looked at."""

    def __init__(self, limit: int, used: int) -> None:
        reserve = min(RESERVE, limit // 4)
        self.limit = limit
        self.burst = max(1, reserve // 2)
        self.connections = max(1, (limit - used - reserve) // 2)
        self._said_at: float | None = None

    def say_full(self) -> None:
        """One line in the log, at most once a minute."""
        now = time.monotonic()
        if self._said_at is None or now - self._said_at >= AGAIN_S:
            self._said_at = now
            log.warning(
                "at most %d connections: half of the %d file descriptors (ulimit -n) are for clients; more get 503",
                self.connections, self.limit,
            )  # fmt: skip

    def failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """The loop's exception handler: without it each attempt to accept a connection is a traceback."""
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in _NONE_LEFT:
            self.say_full()
        else:
            loop.default_exception_handler(context)


def make_room() -> Room:
    """Raises the soft limit as far as this process may, and divides the descriptors."""
    limit = _raised()
    lowest = os.open(os.devnull, os.O_RDONLY)  # that is free: those below it are in use
    os.close(lowest)
    return Room(limit, lowest)


def _raised() -> int:
    try:
        import resource
    except ImportError:
        return MOST  # Windows has no such limit
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return MOST if soft == resource.RLIM_INFINITY else soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (ValueError, OSError):  # macOS allows less than it says
        return soft
    return wanted
