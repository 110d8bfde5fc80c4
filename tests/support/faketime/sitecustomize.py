"""Python loads this first, in each process of a run under libfaketime (tests/conftest.py puts its folder on PYTHONPATH).

libfaketime 0.9.10, which Debian 12 has, breaks `time.sleep` where it leaves the monotonic clock alone: it takes a moment
of that clock for one of the faked clock (https://github.com/wolfcw/libfaketime/issues/426), and the kernel refuses it.
"""

import time

try:
    time.sleep(1e-9)
except OSError:
    import select

    def sleep(seconds: float) -> None:
        """As time.sleep, by a call that takes a span."""
        select.select([], [], [], seconds)

    time.sleep = sleep
