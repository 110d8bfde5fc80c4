"""When spending was unusual and who it was, and the filter of Logs that finds its requests. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from joytui.core.anomalies import Anomaly, Culprit
from joytui.core.clock import rfc3339
from joytui.core.filters import worded
from joytui.tui.shown import visible
from joytui.tui.usage.drill import FILTERS


def requests_of(anomaly: Anomaly) -> str:
    """The filter that finds its requests: those of the culprit in these hours, or everybody's."""
    culprit = anomaly.culprit
    until = anomaly.end.replace(microsecond=0)
    when = [f"since:{_when(anomaly.begin)}", f"until:{_when(until)}"]
    named = culprit is not None and culprit.dimension in FILTERS
    return " ".join(([worded(FILTERS[culprit.dimension], culprit.name)] if culprit and named else []) + when)  # type: ignore[index]


def _when(moment: datetime) -> str:
    return rfc3339(moment)[:19] + "Z"


def when(anomaly: Anomaly, zone: tzinfo | None) -> str:
    """For example "Sat 28 Nov 11:00–15:00", local time."""
    begin, end = anomaly.begin.astimezone(zone), anomaly.end.astimezone(zone)
    within = (end - timedelta(seconds=1)).date() == begin.date()
    last = f"{end:%H:%M}" if within else f"{end:%a %d %b %H:%M}"
    return f"{begin:%a %d %b %H:%M}–{'24:00' if within and end.date() != begin.date() else last}"


def who(anomaly: Anomaly, most: int = 5) -> str:
    """For example "owner ben · key ci-nightly · project ~/shop"; "nobody alone" where no one explains half of it."""
    order = ("owner", "key", "project", "thread", "model")
    culprits = sorted(anomaly.culprits, key=lambda one: order.index(one.dimension) if one.dimension in order else 9)
    return " · ".join(_named(one) for one in culprits[:most]) or "nobody alone"


def _named(culprit: Culprit) -> str:
    name = visible(culprit.name).replace("\n", " ")
    if culprit.dimension == "thread":
        name = name if len(name) <= 13 else name[:12] + "…"
    elif len(name) > 36:
        name = "…" + name[-35:] if culprit.dimension == "project" else name[:35] + "…"
    return f"{culprit.dimension} {name}"
