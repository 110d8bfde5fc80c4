"""What Usage shows at one moment, frozen: the question, the rows of its sources, and what stands out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from typing import TYPE_CHECKING, Literal, get_args

from joytui.tui.usage.window import CALENDAR, OPENED, RANGES, Bucket, Range, Window, window

if TYPE_CHECKING:
    from joytui.core.token_counts import UsageRow, UsageTotals
    from joytui.tui.usage.insight import Insight

Group = Literal[
    "model",
    "key",
    "owner",
    "team",
    "label",
    "tier",
    "provider",
    "project",
    "repo",
    "branch",
    "commit",
    "task",
    "thread",
    "client",
]
Metric = Literal["spend", "tokens", "requests"]
Source = Literal["auto", "gateway", "codex", "both"]

GROUPS: tuple[Group, ...] = tuple(group for group in get_args(Group) if group != "branch")
"""What the gateway knows: no header names the branch."""
OF_KEYS: tuple[Group, ...] = ("key", "owner", "team", "label", "tier")
CODEX_GROUPS: tuple[Group, ...] = tuple(group for group in get_args(Group) if group not in OF_KEYS)
"""What Codex's own files know: neither keys, nor whose they are, nor tiers."""
METRICS: tuple[Metric, ...] = ("spend", "tokens", "requests")
SOURCES: tuple[Source, ...] = ("gateway", "codex", "both")


@dataclass(frozen=True, slots=True)
class Question:
    """Which numbers: over what time, split by what, measured how, from where.

    The window is that of the range, `back` windows ago; a calendar range lies around the local day `at`, today where none is
    given. The source "auto" is the gateway, and Codex's own files as long as the gateway has nothing to show. `tests`: with
    the test requests of joytui doctor.
    """

    range: Range = "week"
    group: Group = "model"
    metric: Metric = "spend"
    source: Source = "auto"
    back: int = 0
    at: date | None = None
    tests: bool = False

    @property
    def bucket(self) -> Bucket:
        """The word for the time steps."""
        return RANGES[self.range].bucket

    def window(self, now: datetime, zone: tzinfo | None = None) -> Window:
        return window(self.range, now, zone, back=self.back, at=self.at)

    def next_group(self, groups: tuple[Group, ...] = GROUPS, by: int = 1) -> Question:
        here = groups.index(self.group) if self.group in groups else -min(by, 1)
        return replace(self, group=groups[(here + by) % len(groups)])

    def next_metric(self) -> Question:
        return replace(self, metric=METRICS[(METRICS.index(self.metric) + 1) % len(METRICS)])

    def ranged(self, name: Range) -> Question:
        """Of this range, up to now; of its calendar where it is asked for once more."""
        twin = CALENDAR.get(name)
        wanted = twin if twin and self.range == name and not self.back else name
        return replace(self, range=wanted, back=0, at=None)

    def moved(self, by: int) -> Question:
        """This many windows later (below 0: earlier), but none that has not begun."""
        return replace(self, back=max(0, self.back - by)) if self.at is None else replace(self, back=self.back - by)

    def opened(self, step: datetime) -> Question | None:
        """A step of the window as its own window: a month's or a week's days, a day's hours; None for an hour."""
        inner = OPENED.get(self.bucket)
        return replace(self, range=inner, back=0, at=step.date()) if inner else None

    def same_numbers(self, other: Question) -> bool:
        """Whether both need the same answer; the metric alone changes none."""
        return replace(self, metric=other.metric) == other


@dataclass(frozen=True, slots=True)
class UsageSnapshot:
    """`rows` are grouped by the question's bucket and group; `asked` is what they answer.

    `source`: where the rows are from; `totals` are the gateway's sums, or Codex's where it is the only source;
    `codex_totals` Codex's beside them where both were asked; `before` those of the window before, as far as this one has
    come, where one source was asked; `left_out` the sums of the doctor's tests, where they are in no row. `problem`: why
    there are no rows, for a person; `loading`
    while the first answer is under way.
    """

    asked: Question
    rows: tuple[UsageRow, ...] = ()
    totals: UsageTotals | None = None
    loading: bool = False
    problem: str = ""
    source: Literal["gateway", "codex", "both"] = "gateway"
    codex_totals: UsageTotals | None = None
    before: UsageTotals | None = None
    left_out: UsageTotals | None = None
    insight: Insight | None = None

    @property
    def empty(self) -> bool:
        return not self.rows or not any(sums is not None and sums.requests for sums in (self.totals, self.codex_totals))

    @property
    def metric(self) -> Metric:
        """What is drawn: Codex's files have no prices, so beside them tokens are compared."""
        return "tokens" if self.asked.metric == "spend" and self.source != "gateway" else self.asked.metric

    @property
    def groups(self) -> tuple[Group, ...]:
        return CODEX_GROUPS if self.source == "codex" else GROUPS
