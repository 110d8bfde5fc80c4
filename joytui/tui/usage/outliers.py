"""Unusual spending as a list, and as a message after an absence. Pure."""

from __future__ import annotations

from datetime import tzinfo

from textual.content import Content

from joytui.core.anomalies import Anomaly
from joytui.tui.usage.insight import Unit
from joytui.tui.usage.insight_text import amount, usually
from joytui.tui.usage.outlier_words import when, who

MOST = 8
"""How many are listed, with their culprits."""


def outlier_lines(anomaly: Anomaly, unit: Unit, zone: tzinfo | None, *, fresh: bool) -> Content:
    """Two lines: how much and when, and who it was. `fresh`: it came after the last visit."""
    return Content.assemble(
        ("▲ ", "bold $warning"),
        (f"{amount(anomaly.amount, unit):>14}", "bold"),
        (f"  {when(anomaly, zone)}", ""),
        (f"  {usually(anomaly, unit)}", "$quiet"),
        ("\n  ", ""),
        ("● new  " if fresh else "", "$success"),
        (who(anomaly), "$secondary"),
    )


def while_away(anomaly: Anomaly, unit: Unit, zone: tzinfo | None, more: int) -> str:
    """The word on opening, for the largest of what came since the last visit."""
    others = f" and {more} more" if more else ""
    return f"while you were away: {amount(anomaly.amount, unit)} on {when(anomaly, zone)}, {who(anomaly, 3)}{others}; a shows it"
