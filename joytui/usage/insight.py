"""What stands out in the usage: the live rate against the usual, an hour out of the ordinary, the budget's end.

`insight` is pure. `gateway_insight` and `codex_insight` read what it needs, and no more: which keys and models to look
at is known from the hour that is out of the ordinary.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from joytui.core.clock import parse_time, rfc3339
from joytui.core.money import parse_credits
from joytui.core.periods import HOUR, hour_of
from joytui.usage.anomalies import DAYS, Anomaly, Rate, Series, find_anomalies, live_rate
from joytui.usage.budget import Burn, Period, burn_down

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient

Unit = Literal["credits", "tokens"]
LOOK_BACK = timedelta(days=32)
PARTS_BACK = timedelta(days=DAYS + 1)
FRESH = timedelta(hours=24)
RECENT = timedelta(minutes=10)
SUSPECTS = ("key", "model")


@dataclass(frozen=True, slots=True)
class Insight:
    """`unit` says what the amounts are: nano-credits, or tokens by Codex's files. `burn` is there with a budget."""

    unit: Unit
    rate: Rate
    anomaly: Anomaly | None = None
    burn: Burn | None = None
    period: Period = "month"


def insight(
    unit: Unit,
    hours: Series,
    recent: Sequence[tuple[datetime, int]],
    parts: Mapping[str, Mapping[str, Series]],
    at: datetime,
    limit: int | None = None,
    period: Period = "month",
) -> Insight:
    """From amounts by hour, the last minutes' amounts, and the hours of each key, model or folder.

    `limit`: a budget in nano-credits for the period; tokens have none.
    """
    found = find_anomalies(hours, parts, at - FRESH, at)
    burn = burn_down(hours, limit, at, period) if limit is not None and unit == "credits" else None
    return Insight(unit, live_rate(recent, hours, at), found[0] if found else None, burn, period)


async def gateway_insight(
    console: ConsoleClient, at: datetime, limit: int | None = None, period: Period = "month"
) -> Insight:
    """Of a gateway, in nano-credits. Raises JoytuiError where it cannot be asked."""
    begin = (at - LOOK_BACK).replace(minute=0, second=0, microsecond=0)
    hours = _series((await console.usage(["hour"], since=rfc3339(begin))).rows, None).get("", {})
    lately = await console.usage(since=rfc3339(at - RECENT), until=rfc3339(at))
    recent = [(at, parse_credits(lately.totals.cost_credits))]
    found = insight("credits", hours, recent, {}, at, limit, period)
    if found.anomaly is None:
        return found
    parts = {by: await _suspects(console, by, found.anomaly, at) for by in SUSPECTS}
    return insight("credits", hours, recent, parts, at, limit, period)


async def _suspects(console: ConsoleClient, by: str, anomaly: Anomaly, at: datetime) -> dict[str, dict[int, int]]:
    """The hours of those that alone may explain half of the excess: they spent as much in that hour."""
    end = anomaly.hour + HOUR - timedelta(milliseconds=1)
    view = await console.usage([by], since=rfc3339(anomaly.hour), until=rfc3339(end))
    excess = anomaly.amount - anomaly.usual
    names = [row[by] for row in view.rows if row[by] and 2 * parse_credits(row["cost_credits"]) >= excess]
    if not names:
        return {}
    begin = (at - PARTS_BACK).replace(minute=0, second=0, microsecond=0)
    return _series((await console.usage(["hour", by], since=rfc3339(begin), only=names)).rows, by)


def _series(rows: Iterable[Mapping[str, Any]], by: str | None) -> dict[str, dict[int, int]]:
    """Nano-credits by hour of each value of `by`, or under "" of everything."""
    series: dict[str, dict[int, int]] = {}
    for row in rows:
        if row.get("hour"):
            name = str(row.get(by)) if by else ""
            series.setdefault(name, {})[hour_of(parse_time(row["hour"]))] = parse_credits(row["cost_credits"])
    return series


def codex_insight(home: Path, cache_dir: Path, at: datetime) -> Insight:
    """Of Codex's own files, in tokens. `home` is a CODEX_HOME."""
    from joytui.codex.rollouts import read_responses, read_usage

    begin = (at - LOOK_BACK).replace(minute=0, second=0, microsecond=0)
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
    return insight("tokens", hours, recent, parts, at)


def _add(series: dict[int, int], hour: int, amount: int) -> None:
    series[hour] = series.get(hour, 0) + amount
