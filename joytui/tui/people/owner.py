"""What a card about an owner shows, frozen, and how it is read from the gateway. Touches no widget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from joytui.core.clock import parse_time, rfc3339
from joytui.core.filters import worded
from joytui.core.money import parse_credits
from joytui.core.periods import hour_of
from joytui.core.spending_rate import hourly_rate, too_early
from joytui.usage.limits import used_up

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
    """A key, its nano-credits of the last 7 days, and what it spends an hour by the rule of `core.spending_rate`; 0 where it
    is too early to tell."""

    key: KeyView
    week: int
    rate: int

    def used_up(self, now: datetime) -> datetime | None:
        """When its tightest limit is used up at this rate; None if that resets before, or never ends."""
        limit = self.key.tightest
        return used_up(limit, self.rate, now) if limit is not None else None


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
    """The card; None if the gateway knows no such key or owner. The doctor's tests are in what was spent, and nowhere else.
    Raises JoytuiError."""
    known = await client.keys()
    owner, keys = _owned(known, subject)
    if not keys:
        return None
    shared = {name for name, many in Counter(key.name for key in known).items() if many > 1}
    begin = (now - timedelta(days=DAYS - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
    if owner is not None:
        rows = (await client.usage(["day", "owner"], since=rfc3339(begin), only=[owner])).rows
        days = _by(rows, "day")
    else:
        days = (await spent_by_key(client, "day", keys, begin, shared))[keys[0].id]
    hours = await spent_by_key(client, "hour", keys, now - WEEK, shared)
    card = OwnerCard(owner, tuple(_with_hours(key, hours[key.id], now) for key in keys), _days(days, now), (), None)
    asked, since = f"{card.requests} is:refused", rfc3339(now - WEEK)
    refused = await client.requests(asked, since=since, limit=MOST_REFUSALS, tests="out")
    last = (await client.requests(card.requests, limit=1, tests="out")).records
    causes = Counter(record.cause or "other" for record in refused.records).most_common()
    return replace(card, refused=tuple(causes), last=last[0] if last else None)


def _owned(keys: Iterable[KeyView], subject: Subject) -> tuple[str | None, list[KeyView]]:
    """The owner and all keys of theirs, those that work first, the dearest before others."""
    known = list(keys)
    asked = next(
        (key for key in reversed(known) if subject.key is not None and subject.key in (key.id, key.name)), None
    )
    owner = subject.owner or (asked.owner if asked else None) or None
    mine = [key for key in known if key.owner == owner] if owner else [asked] if asked else []
    return owner, sorted(mine, key=lambda key: (key.state != "active", -parse_credits(key.spent)))


async def spent_by_key(
    client: ConsoleClient, period: str, keys: Sequence[KeyView], since: datetime, shared: Collection[str]
) -> dict[str, dict[str, int]]:
    """Nano-credits of each key, by its id, by hour or day. The sums know a key by its name: for names that several keys share
    (rotated ones, and revoked ones of others), the requests are asked."""
    ids = {key.name: key.id for key in keys if key.name not in shared}
    found: dict[str, dict[str, int]] = {key.id: {} for key in keys}
    rows = (await client.usage([period, "key"], since=rfc3339(since), only=list(ids))).rows if ids else []
    for row in rows:
        if (key_id := ids.get(row["key"])) is not None:  # an older gateway leaves nothing out
            found[key_id] |= _by([row], period)
    for key in keys:
        if key.name in shared:
            view = await client.usage([period], since=rfc3339(since), filter=worded("key_id", key.id))
            found[key.id] = _by(view.rows, period)
    return found


def _by(rows: Iterable[Mapping[str, Any]], period: str) -> dict[str, int]:
    return {row[period]: parse_credits(row["cost_credits"]) for row in rows}


def _with_hours(key: KeyView, spent: Mapping[str, int], now: datetime) -> OwnedKey:
    hours = {hour_of(parse_time(hour)): amount for hour, amount in spent.items()}
    return OwnedKey(key, sum(hours.values()), 0 if too_early(hours, now) else hourly_rate(hours, now))


def _days(spent: Mapping[str, int], now: datetime) -> tuple[int, ...]:
    today = now.astimezone(UTC)
    return tuple(spent.get(f"{today - timedelta(days=back):%Y-%m-%d}", 0) for back in range(DAYS - 1, -1, -1))
