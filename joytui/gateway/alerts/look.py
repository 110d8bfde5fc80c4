"""Looks regularly for what needs an alert, if this is the gateway of the store that does so, and sends what waits.

Of a limit that a request crosses its end has told already (`ledger.sql.crossing`).
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from joytui.core.anomalies import DAYS
from joytui.core.clock import now, now_ms, parse_time
from joytui.core.nodes import parse_node
from joytui.core.periods import hour_of
from joytui.core.spending_rate import WINDOW_HOURS
from joytui.gateway.alerts import noticing
from joytui.gateway.alerts.noticing import TeamOf
from joytui.gateway.alerts.outbox import Outbox
from joytui.gateway.alerts.sending import Outcome, Webhook
from joytui.gateway.key_lookup import KeyLookup
from joytui.gateway.settings import GatewaySettings
from joytui.gateway.telemetry.fleet import LOOKED_AT, Person, person
from joytui.ledger.alerts import AlertRow, NewAlert, alert_id
from joytui.ledger.api import Ledger, Shortfall
from joytui.ledger.ids import row_id
from joytui.ledger.records import DAY_MS, HOUR_MS, BudgetRow, KeyRow, window_start

log = logging.getLogger("joytui.gateway")

LOOK_S = 30.0
DELIVERY_S = 1.0
SUMS_S = 600.0
"""Between two looks at the sums of three weeks: for forecasts and unusual spending."""
USED_UP = 95
"""Percent of a limit from which on a refusal means that it is used up: what is left is too little for a request."""
MOST_TOLD = 10_000


class Alerts:
    """What a gateway has to do with alerts. `webhook` None: they are kept, and sent by nobody here."""

    def __init__(
        self, settings: GatewaySettings, ledger: Ledger, keys: KeyLookup, team_of: TeamOf, webhook: Webhook | None
    ) -> None:
        self._ledger = ledger
        self._keys = keys
        self._team_of = team_of
        self._me = row_id("watch")
        self.webhook = webhook
        self._outbox = (
            None
            if webhook is None
            else Outbox(ledger, webhook, round(settings.alerts_retry_s * 1000), settings.lease_s * 1000)
        )
        self._told: dict[str, None] = {}
        self._summed_at = -SUMS_S

    @property
    def sends(self) -> bool:
        return self._outbox is not None

    async def aclose(self) -> None:
        if self._outbox is not None:
            await self._outbox.aclose()

    async def deliver(self) -> None:
        if self._outbox is not None:
            await self._outbox.deliver()

    async def test(self, who: str) -> tuple[AlertRow, Outcome]:
        """Sends one that the store does not keep, at once. Needs a webhook."""
        assert self._outbox is not None
        about, at = alert_id("test", row_id("test")), now_ms()
        row = AlertRow(about, at, "test", "org", None, {"name": who}, "waiting", 1, None, None)
        return row, await self._outbox.try_now(row)

    # --- raising -----------------------------------------------------------------------------------------------------

    async def look(self) -> None:
        """Raises StoreUnavailable."""
        ledger = self._ledger
        if not await ledger.take_watch(self._me, now_ms(), round(3 * LOOK_S * 1000)):
            return
        at, team_of = now_ms(), self._team_of
        keys = {entry.row.id: entry.row for entry in self._keys}
        # a key that this gateway has not heard of yet is told of at the next look: nobody else knows what it is counted under
        rows = await ledger.budgets(at)
        budgets = [row for row in rows if (node := parse_node(row.node)).kind != "key" or node.name in keys]
        found = [
            *noticing.thresholds(budgets, keys, team_of),
            *noticing.expiries(keys.values(), team_of, at),
            *noticing.failing(await self._people(at), team_of, at),
            *noticing.gone(await ledger.gateways()),
        ]
        if time.monotonic() - self._summed_at >= SUMS_S:
            found += await self._by_sums(budgets, keys, at)
            self._summed_at = time.monotonic()
        await self._raise(found)

    def refused(self, key_id: str | None, lack: Shortfall) -> None:
        """A request of this key was refused for a limit: that is used up where hardly anything is left, though it was not reached."""
        entry = self._keys.get(key_id or "")
        if (
            entry is None
            or lack.period is None
            or lack.spent * 100 < USED_UP * lack.limit
            or lack.spent + lack.estimate <= lack.limit
        ):
            return
        window = window_start(lack.period, lack.at_ms)
        named = lack.budget or ""
        node = named if ":" in named or named == "org" else f"key:{entry.row.id}"
        row = BudgetRow(node, lack.period, window, lack.limit, lack.limit, None, lack.spent, lack.held)
        alert = noticing.used(row, 100, {entry.row.id: entry.row}, self._team_of)
        if alert.id not in self._told:
            self._remember(alert.id)
            self._ledger.raise_alerts([alert]).add_done_callback(self._settled(alert.id))

    def _settled(self, about: str) -> Any:
        def done(future: Any) -> None:
            if future.cancelled() or future.exception() is not None:
                self._told.pop(about, None)  # the next refusal tells it

        return done

    async def _raise(self, found: Iterable[NewAlert]) -> None:
        fresh = [one for one in found if one.id not in self._told]
        if fresh and (count := await self._ledger.raise_alerts(fresh)):
            log.info("%d new alerts: `joytui alerts list`", count)
        for one in fresh:
            self._remember(one.id)

    def _remember(self, about: str) -> None:
        """So that what is told already is not written at each look; the store alone decides."""
        self._told[about] = None
        if len(self._told) > MOST_TOLD:
            del self._told[next(iter(self._told))]

    # --- what is looked at -------------------------------------------------------------------------------------------

    async def _people(self, at: int) -> list[tuple[str, Person]]:
        """Those of whom something was told within a day."""
        ledger = self._ledger
        rows = [row for row in await ledger.senders() if row.last_at is not None and at - row.last_at < DAY_MS]
        return [(row.id, person(row, await ledger.pieces_of(row.id, LOOKED_AT), at)) for row in rows]

    async def _by_sums(self, budgets: list[BudgetRow], keys: Mapping[str, KeyRow], at: int) -> list[NewAlert]:
        moment, team_of = now(), self._team_of
        by_key = await self._hours("key", at)
        series = {"key": by_key}
        for kind in {parse_node(row.node).kind for row in budgets} & {"owner", "team"}:
            series[kind] = await self._hours(kind, at)
        total: dict[int, int] = defaultdict(int)
        for hours in by_key.values():
            for hour, spent in hours.items():
                total[hour] += spent

        def hours_of(row: BudgetRow) -> Mapping[int, int]:
            kind, name = parse_node(row.node)
            if kind == "org":
                return total
            called = str(keys[name].name) if kind == "key" and name in keys else name
            return series.get(kind, {}).get(called, {})

        return [
            *noticing.forecasts(budgets, hours_of, keys, team_of, at),
            *noticing.anomalies(total, by_key, keys.values(), team_of, moment),
        ]

    async def _hours(self, by: str, at: int) -> dict[str, dict[int, int]]:
        """Nano-credits by name and hour (Unix time in hours), three weeks back."""
        since = at - DAYS * DAY_MS - WINDOW_HOURS * HOUR_MS
        rows, _ = await self._ledger.usage([by, "hour"], since, at + 1)
        found: dict[str, dict[int, int]] = defaultdict(dict)
        for row in rows:
            if row.totals.cost_nano:
                found[str(row.by[by])][_hour(str(row.by["hour"]))] = row.totals.cost_nano
        return found


def _hour(label: str) -> int:
    return hour_of(parse_time(label))
