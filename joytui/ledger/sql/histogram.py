"""The buckets of the latency histograms."""

from __future__ import annotations

import math

STEPS_PER_DOUBLING = 8


def bucket(milliseconds: float) -> int:
    """The histogram's bucket: eight to a doubling, so its middle is within 5% of what it holds."""
    return max(0, math.ceil(math.log2(milliseconds) * STEPS_PER_DOUBLING)) if milliseconds > 1 else 0


def bucket_middle(index: int) -> float:
    """Milliseconds that stand for a bucket."""
    return float(2 ** ((index - 0.5) / STEPS_PER_DOUBLING)) if index else 1.0
