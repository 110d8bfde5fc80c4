"""What is notable in the usage: the current rate compared with the usual one, unusual spending in a window, the budget's end.

`insight` is pure. `gateway_insight` and `codex_insight` read what it needs, and no more: which keys and models to look
at is known from the unusual hours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from joytui.core.anomalies import DAYS, Anomaly, Rate, Series, find_anomalies, live_rate, with_culprits
from joytui.core.clock import parse_time, rfc3339
from joytui.core.money import parse_credits
from joytui.core.periods import hour_of
from joytui.core.token_counts import OTHERS
from joytui.usage.budget import Burn, Period, burn_down

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient

Unit = Literal["credits", "tokens"]
LOOK_BACK = timedelta(days=32)
PARTS_BACK = timedelta(days=DAYS + 1)
WINDOW = timedelta(days=7)
"""Anomalies are looked for in it, where no other window is asked for."""
LONGEST = timedelta(days=92)
RECENT = timedelta(minutes=10)
SUSPECTS = ("key", "owner", "project", "thread", "model")
RANKED = ("project", "thread")
"""Of these there may be very many: only the dearest are asked for."""


@dataclass(frozen=True, slots=True)
class Insight:
    """`unit` says what the amounts are: nano-credits, or tokens by Codex's files. `anomalies` of the window from `since` on, the
    largest first. `burn` is there with a budget, which lasts for the `period`; `budget`: whose it is, "" for that of the console's own
    settings."""

    unit: Unit
    rate: Rate
    anomalies: tuple[Anomaly, ...] = ()
    since: datetime | None = None
    burn: Burn | None = None
    period: Period | Literal["total"] = "month"
    budget: str = ""

    @property
    def anomaly(self) -> Anomaly | None:
        """The largest."""
        return self.anomalies[0] if self.anomalies else None


def insight(
    unit: Unit,
    hours: Series,
    recent: Sequence[tuple[datetime, int]],
    parts: Mapping[str, Mapping[str, Series]],
    at: datetime,
    limit: int | None = None,
    period: Period = "month",
    since: datetime | None = None,
) -> Insight:
    """From amounts by hour, the last minutes' amounts, and the hours of each key, model or folder.

    `limit`: a budget in nano-credits for the period; tokens have none. `since`: where the window begins (WINDOW ago unless given).
    """
    begin = max(since or at - WINDOW, at - LONGEST)
    found = find_anomalies(hours, parts, begin, at)
    burn = burn_down(hours, limit, at, period) if limit is not None and unit == "credits" else None
    return Insight(unit, live_rate(recent, hours, at), tuple(found), begin, burn, period)


async def gateway_insight(
    console: ConsoleClient,
    at: datetime,
    limit: int | None = None,
    period: Period = "month",
    *,
    since: datetime | None = None,
    most: int = 1,
) -> Insight:
    """Of a gateway, in nano-credits; the `most` largest anomalies with their culprits. Raises JoytuiError if it cannot be asked."""
    window = max(since or at - WINDOW, at - LONGEST)
    begin = min(at - LOOK_BACK, window - PARTS_BACK).replace(minute=0, second=0, microsecond=0)
    hours = _series((await console.usage(["hour"], since=rfc3339(begin))).rows, None).get("", {})
    lately = await console.usage(since=rfc3339(at - RECENT), until=rfc3339(at))
    recent = [(at, parse_credits(lately.totals.cost_credits))]
    found = insight("credits", hours, recent, {}, at, limit, period, window)
    named = [
        with_culprits(one, {by: await _suspects(console, by, one) for by in SUSPECTS}) for one in found.anomalies[:most]
    ]
    return replace(found, anomalies=(*named, *found.anomalies[most:]))


async def _suspects(console: ConsoleClient, by: str, anomaly: Anomaly) -> dict[str, dict[int, int]]:
    """The hours of those that alone may explain half of the excess: they spent as much in those hours."""
    until = rfc3339(anomaly.end - timedelta(milliseconds=1))
    view = await console.usage([by], since=rfc3339(anomaly.begin), until=until, top=2 if by in RANKED else None)
    named = {row[by]: parse_credits(row["cost_credits"]) for row in view.rows if row[by] not in (None, "", OTHERS)}
    names = [name for name, amount in named.items() if 2 * amount >= anomaly.excess]
    if not names:
        return {}
    begin = anomaly.begin - PARTS_BACK
    return _series((await console.usage(["hour", by], since=rfc3339(begin), until=until, only=names)).rows, by)


def _series(rows: Iterable[Mapping[str, Any]], by: str | None) -> dict[str, dict[int, int]]:
    """Nano-credits by hour of each value of `by`, or under "" of everything."""
    series: dict[str, dict[int, int]] = {}
    for row in rows:
        if row.get("hour"):
            name = str(row.get(by)) if by else ""
            series.setdefault(name, {})[hour_of(parse_time(row["hour"]))] = parse_credits(row["cost_credits"])
    return series


def codex_insight(home: Path, cache_dir: Path, at: datetime, since: datetime | None = None) -> Insight:
    """Of Codex's own files, in tokens. `home` is a CODEX_HOME."""
    from joytui.codex.rollouts import read_responses, read_usage

    window = max(since or at - WINDOW, at - LONGEST)
    begin = min(at - LOOK_BACK, window - PARTS_BACK).replace(minute=0, second=0, microsecond=0)
    hours: dict[int, int] = {}
    parts: dict[str, dict[str, dict[int, int]]] = {"project": {}, "model": {}}
    for row in read_usage(home, cache_dir, begin).rows:
        tokens = row.totals.input_tokens + row.totals.output_tokens
        _add(hours, row.hour, tokens)
        for by, names in parts.items():
            _add(names.setdefault(getattr(row, by) or "(none)", {}), row.hour, tokens)
    recent = [
        (datetime.fromtimestamp(entry.ms / 1000, UTC), entry.input + entry.output)
        for entry in read_responses(home, cache_dir, at - RECENT)
    ]
    return insight("tokens", hours, recent, parts, at, since=window)


def _add(series: dict[int, int], hour: int, amount: int) -> None:
    series[hour] = series.get(hour, 0) + amount
