"""What stands out in the usage: the live rate against the usual, an hour out of the ordinary, the budget's end. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from joytui.tui.settings import ConsoleSettings
from joytui.usage.anomalies import Anomaly, Rate, find_anomalies, live_rate
from joytui.usage.budget import Burn, burn_down

Unit = Literal["credits", "tokens"]
LOOK_BACK = timedelta(days=32)
PARTS_BACK = timedelta(days=15)
FRESH = timedelta(hours=24)
Hours = Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Insight:
    """`unit` says what the amounts are: nano-credits, or tokens by Codex's files. `burn` is there with a budget."""

    unit: Unit
    rate: Rate
    anomaly: Anomaly | None = None
    burn: Burn | None = None
    period: str = "month"


def insight(
    unit: Unit,
    hours: Hours,
    recent: Sequence[tuple[datetime, int]],
    parts: Mapping[str, Mapping[str, Hours]],
    at: datetime,
    settings: ConsoleSettings,
) -> Insight:
    """From amounts by hour, the last minutes' amounts one by one, and the hours of each key, model or folder."""
    found = find_anomalies(hours, parts, at - FRESH, at)
    limit = settings.budget_nano if unit == "credits" else None
    burn = burn_down(hours, limit, at, settings.budget_period) if limit is not None else None
    return Insight(unit, live_rate(recent, hours, at), found[0] if found else None, burn, settings.budget_period)
