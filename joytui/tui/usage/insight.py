"""What is notable in the usage, with the budget of the console's settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from joytui.core.anomalies import Series
from joytui.tui.settings import ConsoleSettings
from joytui.usage import insight as standing
from joytui.usage.insight import Insight, Unit

__all__ = ["Insight", "Unit", "insight"]


def insight(
    unit: Unit,
    hours: Series,
    recent: Sequence[tuple[datetime, int]],
    parts: Mapping[str, Mapping[str, Series]],
    at: datetime,
    settings: ConsoleSettings,
) -> Insight:
    """`usage.insight.insight` with the budget that the settings name."""
    return standing.insight(unit, hours, recent, parts, at, settings.budget_nano, settings.budget_period)
