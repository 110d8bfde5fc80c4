"""What every SQL engine does in the same words: a question is read, a change is handed to the engine's writer."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Generic, Protocol, TypeVar

from joytui.core.redaction import Clean
from joytui.core.roles import Role
from joytui.ledger.alerts import AlertRow, NewAlert
from joytui.ledger.audit import ACTING, AuditRow
from joytui.ledger.records import (
    EVERYBODY,
    BudgetRow,
    ClockSeen,
    KeyActivity,
    KeyChanges,
    KeyRow,
    LessonRow,
    NewKey,
    Period,
    PolicyRow,
    StoppedTask,
    StopReason,
    TeamRow,
    TokenRow,
    WalletEntry,
    WalletRow,
)
from joytui.ledger.sql import alerts as sql_alerts
from joytui.ledger.sql import audit, budgets, clock_readings, keys, lessons, nodes, stops, teams, telemetry, wallets
from joytui.ledger.telemetry import Piece, SenderRow

T = TypeVar("T")


class StoreWriter(Protocol):
    """An engine's writer: one thread that commits what it is handed."""

    broken: Future[BaseException]
    lost: int

    @property
    def waiting(self) -> int: ...
    @property
    def owed(self) -> int: ...
    @property
    def troubled(self) -> bool: ...
    def write(self, function: Callable[..., T], *args: Any) -> asyncio.Future[T]: ...
    def write_now(self, function: Callable[..., T], *args: Any) -> T: ...


W = TypeVar("W", bound=StoreWriter)


class SqlLedger(ABC, Generic[W]):
    """The part of `joytui.ledger.api.Ledger` that is the same on every engine."""

    _writer: W

    @abstractmethod
    def read_now(self, function: Callable[..., T], *args: Any) -> T:
        """The answer of a function of a connection, in the calling thread."""

    @abstractmethod
    def next_number(self) -> int:
        """A number for a new request, larger than all before it in this store."""

    def write(self, function: Callable[..., T], *args: Any) -> asyncio.Future[T]:
        """Hands a write over; the future is done when it is committed."""
        if function in audit.CHANGES:
            return self._writer.write(audit.audited, ACTING.get(), function, *args)
        return self._writer.write(function, *args)

    def write_now(self, function: Callable[..., T], *args: Any) -> T:
        """The same, waiting in this thread."""
        return self._writer.write_now(function, *args)

    @property
    def waiting(self) -> int:
        return self._writer.waiting

    @property
    def owed(self) -> int:
        return self._writer.owed

    @property
    def lost(self) -> int:
        return self._writer.lost

    @property
    def troubled(self) -> bool:
        return self._writer.troubled

    @property
    def failure(self) -> BaseException | None:
        broken = self._writer.broken
        return broken.result() if broken.done() else None

    async def broken(self) -> BaseException:
        return await asyncio.shield(asyncio.wrap_future(self._writer.broken))

    async def read(self, function: Callable[..., T], *args: Any) -> T:
        """In a thread. Raises StoreUnavailable."""
        return await asyncio.to_thread(self.read_now, function, *args)

    # --- keys, policies, tokens --------------------------------------------------------------------------------------

    async def key(self, key_id: str) -> KeyRow | None:
        return await self.read(keys.key, key_id)

    def create_key(self, wanted: NewKey, *, alone: bool) -> asyncio.Future[KeyRow | None]:
        return self.write(keys.create_key, wanted, alone)

    def edit_key(
        self, key_id: str, changes: KeyChanges, check: Callable[[Mapping[str, Any]], object] | None = None
    ) -> asyncio.Future[KeyRow | None]:
        return self.write(keys.edit_key, key_id, changes, check)

    def end_labelled(self, label: str, life_ms: int) -> asyncio.Future[list[KeyRow]]:
        return self.write(keys.end_labelled, label, life_ms)

    async def activity(self, row: KeyRow) -> KeyActivity:
        return await self.read(keys.activity, row)

    async def window(self, budget_id: str, period: Period, at_ms: int) -> tuple[int, int]:
        return await self.read(keys.window, budget_id, period, at_ms)

    async def budgets(self, at_ms: int) -> list[BudgetRow]:
        return await self.read(budgets.budgets, at_ms)

    def set_limits(self, node: str, limits: Mapping[Period, int | None]) -> asyncio.Future[None]:
        return self.write(nodes.set_limits, node, limits)

    def raise_limits(self, node: str, amount: int, until: int) -> asyncio.Future[None]:
        return self.write(nodes.raise_limits, node, amount, until)

    def raise_task(self, node: str, amount: int, otherwise: int | None) -> asyncio.Future[int | None]:
        return self.write(nodes.raise_task, node, amount, otherwise)

    async def policies(self) -> list[PolicyRow]:
        return await self.read(keys.policies)

    def put_policy(self, name: Clean, body: Mapping[str, Any]) -> asyncio.Future[PolicyRow]:
        return self.write(keys.put_policy, name, body)

    async def tokens(self) -> list[TokenRow]:
        return await self.read(keys.tokens)

    def create_token(
        self, name: Clean, digest: bytes, role: Role, teams: Sequence[Clean] = ()
    ) -> asyncio.Future[TokenRow]:
        return self.write(keys.create_token, name, digest, role, teams)

    def delete_token(self, token_id: str) -> asyncio.Future[bool]:
        return self.write(keys.delete_token, token_id)

    # --- teams -------------------------------------------------------------------------------------------------------

    async def teams(self) -> list[TeamRow]:
        return await self.read(teams.teams)

    def create_team(self, name: Clean) -> asyncio.Future[TeamRow | None]:
        return self.write(teams.create_team, name)

    def add_owner(self, team: str, owner: Clean) -> asyncio.Future[str | None]:
        return self.write(teams.add_owner, team, owner)

    def remove_owner(self, team: str, owner: str) -> asyncio.Future[bool]:
        return self.write(teams.remove_owner, team, owner)

    # --- tasks that are stopped --------------------------------------------------------------------------------------

    def stop_task(
        self, task: Clean, reason: StopReason = "stopped", why: Clean | None = None, scope: str = EVERYBODY
    ) -> asyncio.Future[StoppedTask]:
        return self.write(stops.stop_task, task, reason, why, scope)

    def resume_task(self, task: str) -> asyncio.Future[bool]:
        return self.write(stops.resume_task, task)

    async def stops(self) -> list[StoppedTask]:
        return await self.read(stops.stops)

    # --- who changed what --------------------------------------------------------------------------------------------

    async def audit(self, since: int, limit: int) -> list[AuditRow]:
        return await self.read(audit.entries, since, limit)

    # --- alerts ------------------------------------------------------------------------------------------------------

    def raise_alerts(self, alerts: Sequence[NewAlert]) -> asyncio.Future[int]:
        return self.write(sql_alerts.raise_alerts, alerts)

    async def alerts(self, since: int, limit: int, teams: Sequence[str] | None = None) -> list[AlertRow]:
        return await self.read(sql_alerts.alerts, since, limit, teams)

    async def alert(self, alert_id: str) -> AlertRow | None:
        return await self.read(sql_alerts.alert, alert_id)

    async def due_alerts(self, at_ms: int) -> int:
        return await self.read(sql_alerts.due_alerts, at_ms)

    def claim_alerts(self, at_ms: int, lease_ms: int, limit: int) -> asyncio.Future[list[AlertRow]]:
        return self.write(sql_alerts.claim_alerts, at_ms, lease_ms, limit)

    def alert_sent(self, alert_id: str, at_ms: int) -> asyncio.Future[None]:
        return self.write(sql_alerts.alert_sent, alert_id, at_ms)

    def alert_failed(self, alert_id: str, error: Clean | None, again_at: int | None) -> asyncio.Future[None]:
        return self.write(sql_alerts.alert_failed, alert_id, error, again_at)

    def take_watch(self, holder: str, at_ms: int, lease_ms: int) -> asyncio.Future[bool]:
        return self.write(sql_alerts.take_watch, holder, at_ms, lease_ms)

    # --- what upstreams taught ---------------------------------------------------------------------------------------

    async def lessons(self) -> list[LessonRow]:
        return await self.read(lessons.lessons)

    def learn(self, row: LessonRow) -> asyncio.Future[None]:
        return self.write(lessons.learn, row)

    def unlearn(self, upstream: str, model: str | None) -> asyncio.Future[int]:
        return self.write(lessons.unlearn, upstream, model)

    # --- what Codex's telemetry says ---------------------------------------------------------------------------------

    def tell(self, sender_id: str, pieces: Sequence[Piece]) -> asyncio.Future[int]:
        return self.write(telemetry.tell, sender_id, pieces, [self.next_number() for _ in pieces])

    async def pieces_of(self, sender_id: str, limit: int) -> list[Piece]:
        return await self.read(telemetry.pieces_of, sender_id, limit)

    async def senders(self) -> list[SenderRow]:
        return await self.read(telemetry.senders)

    def create_sender(
        self, name: Clean, digest: bytes, owner: Clean | None, team: Clean | None
    ) -> asyncio.Future[SenderRow | None]:
        return self.write(telemetry.create_sender, name, digest, owner, team)

    def revoke_sender(self, sender_id: str) -> asyncio.Future[bool]:
        return self.write(telemetry.revoke_sender, sender_id)

    # --- wallets -----------------------------------------------------------------------------------------------------

    async def wallets(self) -> list[WalletRow]:
        return await self.read(wallets.wallets)

    async def wallet_entries(self, tier: str | None, before: int | None, limit: int) -> list[WalletEntry]:
        return await self.read(wallets.wallet_entries, tier, before, limit)

    def set_wallet(self, tier: str, balance: int | None, note: Clean | None) -> asyncio.Future[None]:
        return self.write(wallets.set_wallet, tier, balance, note)

    def credit_wallet(self, tier: str, amount: int, note: Clean | None) -> asyncio.Future[None]:
        return self.write(wallets.credit_wallet, tier, amount, note)

    def read_clock(self, ran_ms: int) -> asyncio.Future[ClockSeen]:
        return self.write(clock_readings.read_clock, ran_ms)
