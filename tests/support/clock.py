"""The tests' clock: core.clock stands still at one instant, the same on every day, until a test moves it.

It holds in the tests' own process. Processes that a test starts have the machine's clock, as a user's do, and so has
OpenSSL when it judges a certificate: what such a test expects must not depend on the date.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

NOW = datetime(2026, 11, 23, 14, 5, 30, tzinfo=UTC)  # a Monday
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock:
    """Takes the place of `core.clock.time_ns`."""

    def __init__(self) -> None:
        self.moment = NOW

    def __call__(self) -> int:
        return (self.moment - _EPOCH) // timedelta(microseconds=1) * 1000

    def advance(self, span: timedelta) -> None:
        self.moment += span


CLOCK = Clock()
