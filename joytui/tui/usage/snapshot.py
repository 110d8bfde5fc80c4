"""What Usage shows at one moment, frozen: the question, the gateway's rows, and when they came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import Any, Literal

Range = Literal["day", "week", "month"]
Group = Literal["model", "key", "owner", "tier"]
Metric = Literal["spend", "tokens", "requests"]

RANGES: dict[Range, tuple[str, str, int]] = {
    "day": ("last 24 hours", "hour", 24),
    "week": ("last 7 days", "day", 7),
    "month": ("last 30 days", "day", 30),
}
GROUPS: tuple[Group, ...] = ("model", "key", "owner", "tier")
METRICS: tuple[Metric, ...] = ("spend", "tokens", "requests")


@dataclass(frozen=True, slots=True)
class Question:
    """Which numbers: over what time, split by what, measured how."""

    range: Range = "week"
    group: Group = "model"
    metric: Metric = "spend"

    @property
    def bucket(self) -> str:
        """The gateway's word for the time steps: "hour" or "day"."""
        return RANGES[self.range][1]

    @property
    def steps(self) -> int:
        return RANGES[self.range][2]

    @property
    def words(self) -> str:
        return RANGES[self.range][0]

    def next_group(self) -> Question:
        return replace(self, group=GROUPS[(GROUPS.index(self.group) + 1) % len(GROUPS)])

    def next_metric(self) -> Question:
        return replace(self, metric=METRICS[(METRICS.index(self.metric) + 1) % len(METRICS)])

    def since(self, now: datetime, zone: tzinfo | None = None) -> datetime:
        """The start of the first step: steps end at full hours, or at midnight local time."""
        local = now.astimezone(zone)
        if self.bucket == "hour":
            full = local.replace(minute=0, second=0, microsecond=0)
            return full - timedelta(hours=self.steps - 1)
        return local.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=self.steps - 1)


@dataclass(frozen=True, slots=True)
class UsageSnapshot:
    """`rows` have the bucket's field, the group's field and the numbers of the wire; `asked` is what they answer.

    `problem`: why there are none, for a person; `loading` while the first answer is under way.
    """

    asked: Question
    rows: tuple[Mapping[str, Any], ...] = ()
    totals: Mapping[str, Any] | None = None
    loading: bool = False
    problem: str = ""

    @property
    def empty(self) -> bool:
        return not self.rows or not (self.totals or {}).get("requests")
