"""Limits how many answers per second an address without a valid key gets, so that guessing and noise stay cheap.

A valid key is never asked about this, whatever comes from its address.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from ipaddress import IPv6Address

from joytui.gateway.addresses import parse_address

A_SECOND = 20
SECOND_NS = 1_000_000_000
STEP_NS = SECOND_NS // A_SECOND
MOST_ADDRESSES = 4_096
"""The most recent ones; who is forgotten may begin again."""


class KeylessPace:
    """Counts refusals by address. For one thread."""

    def __init__(self) -> None:
        self._until: OrderedDict[str, int] = OrderedDict()

    def admits(self, address: str | None) -> bool:
        """Whether one more may be answered, and kept, now."""
        place, now = _place(address), time.monotonic_ns()
        until = max(self._until.pop(place, now), now)  # when all that were admitted would be through, one after another
        admitted = until - now <= SECOND_NS - STEP_NS
        self._until[place] = until + STEP_NS if admitted else until
        if len(self._until) > MOST_ADDRESSES:
            self._until.popitem(last=False)
        return admitted


def _place(address: str | None) -> str:
    """An address; of IPv6 the network (/64), all of whose addresses one machine may have."""
    parsed = parse_address(address) if address else None
    if isinstance(parsed, IPv6Address):
        return str(IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed or address or "")
