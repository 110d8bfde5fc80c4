"""What an alert is: something that people should hear of, told once.

Its id is made of what it is about (`alert_id`), so that any number of gateways may notice the same thing, and one of them tells it.
What is about a window has the window in it: the next one is told of again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from joytui.core.redaction import Clean

AlertKind = Literal["budget", "forecast", "expiry", "anomaly", "failing", "gateway", "test"]
Delivery = Literal["waiting", "sent", "failed", "unsent"]
THRESHOLDS = (50, 80, 95, 100)
"""Percent of a limit."""
FRESH_MS = 24 * 3_600_000
"""How long after it was raised an alert is still sent: one that could not be by then has `failed`, one that nobody tried to send
stays `unsent`."""
_SEPARATOR = "\x1f"


def alert_id(*about: object) -> str:
    """The same for the same thing, in every engine and gateway."""
    return f"alert-{hashlib.sha256(_SEPARATOR.join(map(str, about)).encode()).hexdigest()[:24]}"


def budget_alert_id(budget: str, period: str, window: int, limit: int, threshold: int) -> str:
    """`budget`: the id that spending is counted under; of other nodes than keys, the node. `limit`: a limit that is changed within
    its window is told of again."""
    return alert_id("budget", budget, period, window, limit, threshold)


def threshold_of(spent: int, limit: int) -> int:
    """The highest threshold that was reached; 0: none. A limit of nothing is used up."""
    return next((one for one in reversed(THRESHOLDS) if spent * 100 >= one * limit), 0)


@dataclass(frozen=True, slots=True)
class NewAlert:
    """`subject`: whom it is about, as "key:ID", "team:NAME", "gateway:ID" or "sender:ID". `team`: whose it is; None: nobody's in
    particular. `facts`: what its words are made of: amounts in nano-credits, times in ms."""

    id: str
    kind: AlertKind
    subject: str
    team: str | None
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert of the store. `at`: when it was raised (ms). `tries`: how often it was sent, or tried; `error`: why the last try failed."""

    id: str
    at: int
    kind: AlertKind
    subject: str
    team: Clean | None
    facts: Mapping[str, Any]
    state: Delivery
    tries: int
    sent_at: int | None
    error: Clean | None
