"""A running gateway: its settings, store, keys, catalog, upstream and counters, and what keeps them fresh."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from joytui import __version__
from joytui.core.clock import JumpWatch, now, now_ms, rfc3339, span_text
from joytui.core.joytoken import AUTO_MODEL
from joytui.core.money import parse_credits
from joytui.core.wire import TRIAL_LABEL
from joytui.gateway.addresses import parse_networks
from joytui.gateway.alerts.look import DELIVERY_S, LOOK_S, Alerts
from joytui.gateway.alerts.sending import Webhook
from joytui.gateway.budget_tree import BudgetTree
from joytui.gateway.catalog import Catalog, joined, load_catalog, with_names
from joytui.gateway.checkpoint import Checkpoint
from joytui.gateway.key_lookup import KeyEntry, KeyLookup
from joytui.gateway.keyless import KeylessPace
from joytui.gateway.metrics import Metrics
from joytui.gateway.request_body import BodyRoom
from joytui.gateway.routing import Market
from joytui.gateway.settings import GatewaySettings
from joytui.gateway.stops import Stops
from joytui.gateway.tail import Tail
from joytui.gateway.telemetry.pace import Pace
from joytui.gateway.upstreams.exchange import Upstream
from joytui.ledger.api import Ledger, StoreUnavailable
from joytui.ledger.records import (
    Access,
    AgentRow,
    GatewayRow,
    KeyRow,
    LessonRow,
    Limit,
    StoppedTask,
    TeamRow,
    TokenRow,
)
from joytui.ledger.retention import Keeping
from joytui.ledger.telemetry import SenderRow

log = logging.getLogger("joytui.gateway")

MODELS_FRESH_S = 300.0
LEASE_RENEWAL_S = 20.0
RETENTION_S = 600.0
CLOCK_LOOK_S = 10.0
JUMP_SHOWN_S = 86_400.0
"""How long a change of the clock is among the warnings."""
ANSWER_S = 2.0
"""How long the store may take to say that it can be written."""
PROBED_S = 0.5
"""How long after a write the store counts as writable."""
ACCESS_AGAIN_S = 1.0
"""When the store is asked again after it could not tell what changed."""
TRIAL_LIFE_MS = 2 * 3_600_000
"""Longer than any trial's key is made for, also where its maker's clock is slow."""


class StoreTold(NamedTuple):
    """What a store reports about itself; `away`: why this is an earlier report."""

    last_seq: int = 0
    requests: int = 0
    gateways: Sequence[GatewayRow] = ()
    away: Sequence[str] = ()


class Gateway:
    """`admin_token` opens the console API. Call `start` in the loop that serves, `stop` at the end. `turned_away`: requests that
    got 503 since the start, and no row, because the store could not be written."""

    def __init__(
        self,
        settings: GatewaySettings,
        ledger: Ledger,
        upstream: Upstream,
        admin_token: str,
        url: str,
        webhook: Webhook | None = None,
    ) -> None:
        self.settings = settings
        self.ledger = ledger
        self.upstream = upstream
        self.admin_token = admin_token
        self.url = url
        self.started_at = rfc3339(now())
        self.shipped = load_catalog(settings.catalog)
        if not settings.offline and settings.catalog is None:
            # the built-in models answer to other models' names offline only: an upstream is asked for what was asked for
            self.shipped = replace(self.shipped, aliases={})
        self._stands_for = settings.stands_for
        listed = settings.offline or settings.catalog is not None
        self.market = self._market(self.shipped, knows_auto=not settings.offline, listed=listed)
        self.keys = KeyLookup()
        self.stops = Stops()
        self.running: dict[int, Any] = {}
        self._own_changes = 0
        self._reading_access = asyncio.Lock()
        self._take_access(ledger.access())
        self.trusted_proxies = parse_networks(settings.trusted_proxies)
        self.metrics = Metrics(_label(url))
        self.bodies = BodyRoom(max(settings.max_bodies_bytes, settings.max_body_bytes))
        self.tail = Tail(ledger)
        self.checkpoint = Checkpoint(ledger)
        self.console_seen = time.monotonic()
        self.draining = False
        self.turned_away = 0
        self._told = StoreTold()
        self._probing: asyncio.Task[bool] | None = None
        self._wrote_at = -math.inf
        self._watch = JumpWatch()
        self._jump: tuple[float, str] | None = None
        self._tidied_at: float | None = None
        self.keyless = KeylessPace()
        self.telemetry_pace = Pace()
        self.alerts = Alerts(settings, ledger, self.keys, self.team_of, webhook)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        await self._recall_lessons()
        with contextlib.suppress(StoreUnavailable):  # a full disk: trials expire by themselves
            await self.ledger.announce(self.url, __version__)
            await self._end_trials()
        self._tasks = [
            asyncio.create_task(self._every(ACCESS_AGAIN_S, self._follow_access)),
            asyncio.create_task(self._every(min(LEASE_RENEWAL_S, self.settings.lease_s / 3), self._renew)),
            asyncio.create_task(self._every(CLOCK_LOOK_S, self._look_at_clock)),
            asyncio.create_task(self._every(RETENTION_S, self._tidy)),
            asyncio.create_task(self._every(RETENTION_S, self._catch_up)),
            asyncio.create_task(self._every(LOOK_S, self.alerts.look)),
        ]
        if self.alerts.sends:
            self._tasks.append(asyncio.create_task(self._every(DELIVERY_S, self.alerts.deliver)))
        if not self.settings.offline:
            self._tasks.append(asyncio.create_task(self._every(MODELS_FRESH_S, self.list_models)))

    async def stop(self) -> None:
        """Ends live tails and upkeep, then the upstream. The caller closes the ledger."""
        self.draining = True
        self.tail.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.alerts.aclose()
        await self.upstream.aclose()

    # --- keys, tokens, wallets: a copy of what the store has ---------------------------------------------------------

    def _take_access(self, access: Access) -> None:
        self._access_version = access.version
        self.keys.replace(access.keys)
        self.tokens = {row.digest: row for row in access.tokens}
        self.senders = {row.digest: row for row in access.senders}
        self.wallets_on = access.wallets_on
        self._take_teams(access.teams)
        self._take_stops(access.stops)
        self.budgets = BudgetTree(access.limits, access.raises)

    def _take_teams(self, rows: Iterable[TeamRow]) -> None:
        self.teams: dict[str, TeamRow] = {row.name: row for row in rows}
        self._team_of: dict[str, str] = {owner: row.name for row in self.teams.values() for owner in row.owners}

    def _take_stops(self, rows: Iterable[StoppedTask]) -> None:
        self.stops.replace(rows)
        self._end_stopped()

    def _end_stopped(self) -> None:
        """Whatever runs of a task that is stopped ends now."""
        for visit in list(self.running.values()) if self.stops else ():
            if visit.halt is not None and (refusal := visit.stopped()) is not None:
                visit.halt(refusal)

    def team_of(self, owner: str | None) -> str | None:
        """The team that an owner of keys is in."""
        return self._team_of.get(owner) if owner is not None else None

    def limits_of(self, entry: KeyEntry, task: str | None) -> tuple[Limit, ...]:
        """All limits that a request of this key, in this task, has to keep now."""
        row = entry.row
        return self.budgets.above(row, entry.policy, self.team_of(row.owner), task, now_ms())

    def total_of_task(self, agent: AgentRow, at_ms: int) -> int | None:
        """What the task of this agent may cost in all, in nano-credits."""
        entry = self.keys.get(agent.key_id or "")
        return self.budgets.total_of_task(agent.task, entry.policy if entry else None, at_ms)

    async def _follow_access(self) -> None:
        """Takes over what others changed in the store, for as long as the store can tell."""
        async with aclosing(self.ledger.changes()) as changes:
            async for _ in changes:
                while await self.ledger.access_version() != self._access_version:
                    await self.read_access()

    async def read_access(self) -> None:
        """Takes over what the store has now. One at a time: what was read first must not be taken last."""
        async with self._reading_access:
            while True:
                own_changes = self._own_changes
                access = await asyncio.to_thread(self.ledger.access)
                if own_changes == self._own_changes:  # else it may be older than what this gateway has changed since
                    self._take_access(access)
                    return

    def keep(self, row: KeyRow) -> KeyEntry:
        """Takes over a key that this gateway itself has just made or changed in the store."""
        self._own_changes += 1
        return self.keys.put(row)

    def keep_tokens(self, rows: Iterable[TokenRow]) -> None:
        """The same for all console tokens."""
        self._own_changes += 1
        self.tokens = {row.digest: row for row in rows}

    def keep_stop(self, row: StoppedTask) -> None:
        """The same for a task that was stopped."""
        self._own_changes += 1
        self.stops.put(row)
        self._end_stopped()

    def keep_resumed(self, task: str) -> None:
        """The same for a task that goes on."""
        self._own_changes += 1
        self.stops.drop(task)

    def keep_senders(self, rows: Iterable[SenderRow]) -> None:
        """The same for the telemetry tokens."""
        self._own_changes += 1
        self.senders = {row.digest: row for row in rows}

    # --- models ------------------------------------------------------------------------------------------------------

    def _market(self, catalog: Catalog, *, knows_auto: bool, listed: bool = True) -> Market:
        settings = self.settings
        return Market(
            catalog=with_names(catalog, self.shipped, self._stands_for),
            stands_for=self._stands_for,
            listed=listed,
            provider=self.upstream.name,
            open=not settings.offline and not settings.strict,
            forwards_auto=not settings.offline and knows_auto and settings.auto_model is None,
            auto_model=settings.auto_model,
            default_model=settings.default_model,
            default_output_tokens=settings.default_output_tokens,
            default_freeze=parse_credits(settings.default_freeze),
        )

    async def list_models(self) -> None:
        """Asks the upstream for its models; without its own list the shipped catalog stands.

        `auto` is passed on where the list has it, where it is JoyToken's catalog (which has no such entry), and where
        there is no list to tell; else the router picks from the list.
        """
        listed = await self.upstream.models()
        if not listed:
            return
        keys_seen = {str(entry.get("model_key") or entry.get("modelKey") or entry.get("id")) for entry in listed}
        is_joytoken = any("model_key" in entry or "modelKey" in entry for entry in listed)
        self.market = self._market(joined(self.shipped, listed), knows_auto=is_joytoken or AUTO_MODEL in keys_seen)

    # --- what upstreams taught ---------------------------------------------------------------------------------------

    async def _recall_lessons(self) -> None:
        """Takes over what is kept, and keeps what comes."""
        rows = await self.ledger.lessons() if self.upstream.taught() else []
        for lessons in self.upstream.taught():
            lessons.load(rows)
            lessons.keep = self._keep_lesson

    def _keep_lesson(self, row: LessonRow) -> None:
        log.info("upstream %s, model %s: %s", row.upstream, row.model, row.lesson)
        self.ledger.learn(row).add_done_callback(asyncio.Future.exception)  # a store that is away: learned again then

    async def forget_lessons(self, upstream: str | None, model: str | None) -> int:
        """Forgets what one upstream (by name or URL) or all taught about one model or all; returns how much that was."""
        count = 0
        for lessons in self.upstream.taught():
            if upstream in (None, lessons.name, lessons.url):
                count += lessons.forget(model)
                await self.ledger.unlearn(lessons.url, model)
        return count

    # --- upkeep ------------------------------------------------------------------------------------------------------

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except StoreUnavailable as error:
                log.warning("upkeep waits: %s", error)
            except Exception as error:  # upkeep goes on, whatever one round of it met
                log.warning("upkeep: %s", error, exc_info=error)
            await asyncio.sleep(seconds)

    async def _end_trials(self) -> None:
        """Trials that were under way when the gateway ended could not take their keys away."""
        for row in await self.ledger.end_labelled(TRIAL_LABEL, TRIAL_LIFE_MS):
            self.keep(row)

    async def _renew(self) -> None:
        await self.ledger.renew_leases(list(self.running), self.settings.lease_s * 1000)

    async def _look_at_clock(self) -> None:
        if jump := self._watch.jumped():
            self._note_jump(jump)
            await self._tidy()  # recorded immediately: the next start may be soon, and before this time

    def _note_jump(self, jump_ms: int) -> None:
        """Budgets, logs and sums go by the new time from now on: whoever wonders at them finds here why."""
        way = "ahead" if jump_ms > 0 else "back"
        text = f"the clock was set {span_text(abs(jump_ms))} {way}, to {rfc3339(now())[:19]}Z"
        log.warning("%s", text)
        self._jump = time.monotonic(), text

    async def _tidy(self) -> None:
        """Retention, by a time that the clock has kept on from."""
        last, self._tidied_at = self._tidied_at, time.monotonic()
        seen = await self.ledger.read_clock(0 if last is None else round((self._tidied_at - last) * 1000))
        if last is None and seen.before is not None and seen.before - now_ms() >= JumpWatch.SMALL_MS:
            self._note_jump(now_ms() - seen.before)
        if seen.believed is not None:
            await self.ledger.tidy(
                seen.believed, Keeping(self.settings.retention_days, self.settings.duplicate_window_s)
            )

    async def _catch_up(self) -> None:
        """A store of an older version gets what it lacks while it is in use, in small slices."""
        while await self.ledger.catch_up():  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    def warnings(self) -> list[str]:
        """What the console should know of this gateway."""
        found = []
        if self._jump is not None and time.monotonic() - self._jump[0] < JUMP_SHOWN_S:
            found.append(self._jump[1])
        if self.ledger.interrupted:
            found.append(f"{self.ledger.interrupted} requests were cut off when the gateway last ended")
        if self.ledger.owed:
            found.append(f"{self.ledger.owed} changes are waiting until the store is writable again (disk full?)")
        if self.ledger.lost:
            found.append(f"{self.ledger.lost} changes could not be written to the store")
        return found

    async def can_write(self) -> bool:
        """Whether the store takes a write. It is asked at most twice a second, however many want to know."""
        if time.monotonic() - self._wrote_at < PROBED_S:
            return True
        if self._probing is None or self._probing.done():
            self._probing = asyncio.create_task(self._probe())
        return await asyncio.shield(self._probing)

    async def _probe(self) -> bool:
        try:
            async with asyncio.timeout(ANSWER_S):
                await self.ledger.probe()
        except (StoreUnavailable, TimeoutError):
            return False
        self._wrote_at = time.monotonic()
        return True

    async def store_told(self) -> StoreTold:
        """As it is now; while the store is unreachable, its last report: that is when a status matters most."""
        ledger = self.ledger
        try:
            self._told = StoreTold(await ledger.last_seq(), await ledger.counted(), await ledger.gateways())
        except StoreUnavailable as error:
            return self._told._replace(away=[str(error)])
        return self._told

    def seen_console(self) -> None:
        self.console_seen = time.monotonic()

    @property
    def alone_s(self) -> float:
        """Seconds since a console was here; 0 while one is, while a request runs, and where a key or a telemetry token exists."""
        if self.tail.listeners or self.running or self.keys.usable or self.senders:
            return 0.0
        return time.monotonic() - self.console_seen


def _label(url: str) -> str:
    """This machine and the port: the same after a restart, and another one for each gateway of a team."""
    return f"{socket.gethostname()}:{urlsplit(url).port or 80}"
