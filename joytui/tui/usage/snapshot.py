"""What Usage shows at one moment, frozen: the question, the rows of its sources, and what stands out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from joytui.core.token_counts import UsageRow, UsageTotals
    from joytui.tui.usage.insight import Insight

Range = Literal["day", "week", "month", "weeks", "months"]
Group = Literal["model", "key", "owner", "tier", "provider", "project", "thread"]
Metric = Literal["spend", "tokens", "requests"]
Source = Literal["auto", "gateway", "codex", "both"]

RANGES: dict[Range, tuple[str, str, int]] = {
    "day": ("last 24 hours", "hour", 24),
    "week": ("last 7 days", "day", 7),
    "month": ("last 30 days", "day", 30),
    "weeks": ("last 13 weeks", "week", 13),
    "months": ("last 12 months", "month", 12),
}
GROUPS: tuple[Group, ...] = ("model", "key", "owner", "tier", "provider", "project", "thread")
CODEX_GROUPS: tuple[Group, ...] = ("model", "provider", "project", "thread")
METRICS: tuple[Metric, ...] = ("spend", "tokens", "requests")
SOURCES: tuple[Source, ...] = ("gateway", "codex", "both")
STEP_NAMES = {"hour": "%Y-%m-%dT%H", "day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}


@dataclass(frozen=True, slots=True)
class Question:
    """Which numbers: over what time, split by what, measured how, from where.

    The source "auto" is the gateway, and Codex's own files as long as the gateway has nothing to show. `tests`: with the test
    requests of joytui doctor.
    """

    range: Range = "week"
    group: Group = "model"
    metric: Metric = "spend"
    source: Source = "auto"
    tests: bool = False

    @property
    def bucket(self) -> str:
        """The word for the time steps: "hour", "day", "week" or "month"."""
        return RANGES[self.range][1]

    @property
    def steps(self) -> int:
        return RANGES[self.range][2]

    @property
    def words(self) -> str:
        return RANGES[self.range][0]

    def next_group(self, groups: tuple[Group, ...] = GROUPS) -> Question:
        here = groups.index(self.group) if self.group in groups else -1
        return replace(self, group=groups[(here + 1) % len(groups)])

    def next_metric(self) -> Question:
        return replace(self, metric=METRICS[(METRICS.index(self.metric) + 1) % len(METRICS)])

    def since(self, now: datetime, zone: tzinfo | None = None) -> datetime:
        """The start of the first step: steps begin at full hours, or at midnight local time."""
        return self.moments(now, zone)[0]

    def moments(self, now: datetime, zone: tzinfo | None = None) -> list[datetime]:
        """The starts of all steps, local time."""
        local = now.astimezone(zone)
        back = range(self.steps - 1, -1, -1)
        if self.bucket == "hour":
            full = local.replace(minute=0, second=0, microsecond=0)
            return [full - timedelta(hours=many) for many in back]
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        if self.bucket == "month":
            return [_months_before(midnight, many) for many in back]
        size = 7 if self.bucket == "week" else 1
        last = midnight - timedelta(days=midnight.weekday()) if size == 7 else midnight
        return [last - timedelta(days=size * many) for many in back]


def _months_before(moment: datetime, many: int) -> datetime:
    months = moment.year * 12 + moment.month - 1 - many
    return moment.replace(year=months // 12, month=months % 12 + 1, day=1)


@dataclass(frozen=True, slots=True)
class UsageSnapshot:
    """`rows` are grouped by the question's bucket and group; `asked` is what they answer.

    `source`: where the rows are from; `totals` are the gateway's sums, or Codex's where it is the only source;
    `codex_totals` Codex's beside them where both were asked; `left_out` the sums of the doctor's tests, where they are in no row. `problem`: why there are no rows, for a person; `loading`
    while the first answer is under way.
    """

    asked: Question
    rows: tuple[UsageRow, ...] = ()
    totals: UsageTotals | None = None
    loading: bool = False
    problem: str = ""
    source: Literal["gateway", "codex", "both"] = "gateway"
    codex_totals: UsageTotals | None = None
    left_out: UsageTotals | None = None
    insight: Insight | None = None

    @property
    def empty(self) -> bool:
        return not self.rows or not any(sums is not None and sums.requests for sums in (self.totals, self.codex_totals))

    @property
    def metric(self) -> Metric:
        """What is drawn: Codex's files know no prices, so beside them tokens are compared."""
        return "tokens" if self.asked.metric == "spend" and self.source != "gateway" else self.asked.metric

    @property
    def groups(self) -> tuple[Group, ...]:
        return CODEX_GROUPS if self.source == "codex" else GROUPS
