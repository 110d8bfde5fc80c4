"""How many refusals without a valid key an address gets: gateway/keyless.py, by itself."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from joytui.gateway import keyless
from joytui.gateway.keyless import A_SECOND, MOST_ADDRESSES, SECOND_NS, KeylessPace


class Pace(KeylessPace):
    """On a clock that the test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.now = 10 * SECOND_NS
        monkeypatch.setattr(keyless, "time", SimpleNamespace(monotonic_ns=lambda: self.now))

    def admitted(self, address: str | None, many: int = 100) -> int:
        return sum(self.admits(address) for _ in range(many))


@pytest.fixture
def pace(monkeypatch: pytest.MonkeyPatch) -> Pace:
    return Pace(monkeypatch)


def test_so_many_at_once_and_so_many_a_second(pace: Pace) -> None:
    assert pace.admitted("10.0.0.1") == A_SECOND
    for _ in range(3):
        pace.now += SECOND_NS
        assert pace.admitted("10.0.0.1") == A_SECOND
    pace.now += SECOND_NS // A_SECOND
    assert pace.admitted("10.0.0.1") == 1


def test_addresses_are_apart_and_networks_of_ipv6_together(pace: Pace) -> None:
    assert pace.admitted("10.0.0.1") == pace.admitted("10.0.0.2") == pace.admitted(None) == A_SECOND
    one = sum(pace.admits(f"2001:db8:1:1::{n:x}") for n in range(100))
    assert (one, pace.admitted("2001:db8:1:2::1")) == (A_SECOND, A_SECOND)
    assert not pace.admits("::ffff:10.0.0.1"), "IPv4, written as IPv6"


def test_it_remembers_no_more_than_so_many_and_forgets_the_longest_silent(pace: Pace) -> None:
    pace.admitted("10.0.0.1")
    for n in range(MOST_ADDRESSES - 1):
        pace.admits(f"2001:db8:{n:x}::1")
    assert not pace.admits("10.0.0.1")
    for n in range(2 * MOST_ADDRESSES):
        pace.admits(f"2001:db8:{n:x}::2")
    assert len(pace._until) == MOST_ADDRESSES
    assert pace.admits("10.0.0.1")
