"""What a card about an owner shows, frozen, and how it is read from the gateway. Touches no widget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from joytui.core.clock import parse_time, rfc3339
from joytui.core.filters import worded
from joytui.core.money import parse_credits
from joytui.core.periods import hour_of
from joytui.usage.budget import hourly_rate

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.request import RequestRecord
    from joytui.core.wire import KeyView

DAYS = 28
WEEK = timedelta(days=7)
MOST_REFUSALS = 200


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose card is asked for: an owner by name, or whoever owns the key (its id or name)."""

    owner: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class OwnedKey:
    """A key, its nano-credits of the last 7 days, and what it spends an hour by the rule of `usage.budget`."""

    key: KeyView
    week: int
    rate: int

    def used_up(self, now: datetime) -> datetime | None:
        """When its tightest limit is used up at this rate; None where that resets before, or never ends."""
        budget = self.key.tightest
        if budget is None or self.rate <= 0:
            return None
        hours = parse_credits(budget.left) / self.rate if budget.left[:1] != "-" else 0.0
        if hours > 366 * 24:
            return None
        moment = now + timedelta(hours=hours)
        return None if budget.resets_at and parse_time(budget.resets_at) <= moment else moment


@dataclass(frozen=True, slots=True)
class OwnerCard:
    """`days`: nano-credits of the last DAYS days (UTC), today last. `refused`: requests by cause in the last 7 days, the newest
    MOST_REFUSALS of them. `owner` None: the key has none, and the card is the key's."""

    owner: str | None
    keys: tuple[OwnedKey, ...]
    days: tuple[int, ...]
    refused: tuple[tuple[str, int], ...]
    last: RequestRecord | None

    @property
    def week(self) -> int:
        return sum(self.days[-7:])

    @property
    def week_before(self) -> int:
        return sum(self.days[-14:-7])

    @property
    def requests(self) -> str:
        """The filter of Logs that finds its requests."""
        if self.owner is not None:
            return worded("owner", self.owner)
        return worded("key_id", self.keys[0].key.id)


async def read_owner(client: ConsoleClient, subject: Subject, now: datetime) -> OwnerCard | None:
    """The card; None where the gateway knows no such key or owner. Raises JoytuiError."""
    owner, keys = _owned(await client.keys(), subject)
    if not keys:
        return None
    by, names = ("owner", [owner]) if owner is not None else ("key", [keys[0].name])
    begin = (now - timedelta(days=DAYS - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = (await client.usage(["day", by], since=rfc3339(begin), only=[str(name) for name in names])).rows
    hours = await _hours(client, [key.name for key in keys], now - WEEK)
    card = OwnerCard(owner, tuple(_with_hours(key, hours, now) for key in keys), _days(rows, now), (), None)
    refused = await client.requests(f"{card.requests} is:refused", since=rfc3339(now - WEEK), limit=MOST_REFUSALS)
    last = (await client.requests(card.requests, limit=1)).records
    causes = Counter(record.cause or "other" for record in refused.records).most_common()
    return OwnerCard(owner, card.keys, card.days, tuple(causes), last[0] if last else None)


def _owned(keys: Iterable[KeyView], subject: Subject) -> tuple[str | None, list[KeyView]]:
    """The owner and all keys of theirs, those that work first, the dearest before others."""
    known = list(keys)
    asked = next(
        (key for key in reversed(known) if subject.key is not None and subject.key in (key.id, key.name)), None
    )
    owner = subject.owner or (asked.owner if asked else None) or None
    mine = [key for key in known if key.owner == owner] if owner else [asked] if asked else []
    return owner, sorted(mine, key=lambda key: (key.state != "active", -parse_credits(key.spent)))


async def _hours(client: ConsoleClient, names: list[str], since: datetime) -> dict[str, dict[int, int]]:
    rows = (await client.usage(["hour", "key"], since=rfc3339(since), only=names)).rows
    series: dict[str, dict[int, int]] = {}
    for row in rows:
        series.setdefault(str(row["key"]), {})[hour_of(parse_time(row["hour"]))] = parse_credits(row["cost_credits"])
    return series


def _with_hours(key: KeyView, hours: Mapping[str, Mapping[int, int]], now: datetime) -> OwnedKey:
    mine = hours.get(key.name, {})
    return OwnedKey(key, sum(mine.values()), hourly_rate(mine, now))


def _days(rows: Iterable[Mapping[str, Any]], now: datetime) -> tuple[int, ...]:
    spent = {str(row["day"])[:10]: parse_credits(row["cost_credits"]) for row in rows}
    today = now.astimezone(UTC)
    return tuple(spent.get(f"{today - timedelta(days=back):%Y-%m-%d}", 0) for back in range(DAYS - 1, -1, -1))
