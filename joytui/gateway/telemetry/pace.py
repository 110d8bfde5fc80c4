"""How fast one telemetry token may post."""

from __future__ import annotations

import time
from collections import OrderedDict

A_SECOND = 60
BURST = 120
MOST_SENDERS = 4_096


class Pace:
    """How many posts each token has made lately: A_SECOND, and BURST at once. For one thread."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def admits(self, sender_id: str) -> bool:
        now = time.monotonic()
        left, then = self._left.pop(sender_id, (float(BURST), now))
        left = min(float(BURST), left + (now - then) * A_SECOND)
        admitted = left >= 1
        self._left[sender_id] = (left - admitted, now)
        if len(self._left) > MOST_SENDERS:
            self._left.popitem(last=False)
        return admitted
