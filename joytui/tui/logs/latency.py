"""How long answers took, by hour: percentiles of the whole answer and of its first token, as bars and in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Literal

from joytui.core.amounts import span
from joytui.core.clock import parse_time

if TYPE_CHECKING:
    from joytui.core.wire import LatencyView

Kind = Literal["latency", "ttft"]
NAMES: dict[Kind, str] = {"latency": "until the end", "ttft": "until the first token"}
SHARES = (50, 95, 99)
HOURS = 24


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour, local time. `ms`: by kind its percentiles of SHARES; None if nothing was measured."""

    begin: datetime
    requests: int
    ms: dict[Kind, tuple[float | None, ...]]


def hours(rows: Sequence[LatencyView], begin: datetime, zone: tzinfo | None) -> list[Hour]:
    """Every hour of a day from `begin` on, also those in which nothing came."""
    known = {parse_time(row.hour): row for row in rows}
    made = []
    for number in range(HOURS):
        at = begin.astimezone(UTC) + timedelta(hours=number)
        row = known.get(at)
        ms: dict[Kind, tuple[float | None, ...]] = {
            "latency": (row.latency_p50, row.latency_p95, row.latency_p99) if row else (None,) * 3,
            "ttft": (row.ttft_p50, row.ttft_p95, row.ttft_p99) if row else (None,) * 3,
        }
        made.append(Hour(at.astimezone(zone), row.requests if row else 0, ms))
    return made


def bars(found: Sequence[Hour], kind: Kind) -> tuple[tuple[str, ...], list[list[float]]]:
    """Labels and three series in seconds, stacked: the median, what the 95th and what the 99th percentile are above it."""
    labels = tuple(f"{hour.begin:%a %H:00}" for hour in found)
    series: list[list[float]] = [[], [], []]
    for hour in found:
        below = 0.0
        for place, value in enumerate(hour.ms[kind]):
            top = max(below, (value or 0.0) / 1000)
            series[place].append(top - below)
            below = top
    return labels, series


def words(hour: Hour, kind: Kind) -> str:
    """One hour: "p50 1.2s  p95 4.0s  p99 9.1s  ·  210 requests"."""
    if not hour.requests:
        return "no request"
    parts = (f"p{share} {span(ms) or '–'}" for share, ms in zip(SHARES, hour.ms[kind], strict=True))
    many = f"{hour.requests:,} request{'' if hour.requests == 1 else 's'}"
    return f"{'  '.join(parts)}  ·  {many}"
