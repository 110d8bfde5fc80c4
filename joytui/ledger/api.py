"""The ledger as the gateway uses it: one interface, whatever engine keeps the rows.

    ledger = open_ledger(path)                          # joytui.ledger.engines
    chosen = await ledger.reserve(opened, reservation)  # committed
    ledger.end(opened, ended, budget_id, held=True)     # handed over, also while being cancelled
    entries = await ledger.page(Page(limit=200))

Everything that a second gateway on the same store has to see is in the store: keys, tokens, holds, running requests. What is
in memory is a copy with a version (`access`). `tests/ledger/test_conformance.py` holds every engine to this module.

    StoreError          the store refused or could not do something
    ├── StoreUnavailable    it cannot be read or written now (disk full, locked, gone): try again later
    ├── DuplicateRequest    this key already has a request under this client request id
    ├── Runaway             the breaker of a key refuses a task
    └── Shortfall           refused for money
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from joytui.core.columnar import Block
from joytui.core.filters import Term
from joytui.core.redaction import Clean
from joytui.core.request import Ended, Opened
from joytui.core.roles import Role
from joytui.core.token_counts import Teller, Tests, UsageRow, UsageTotals
from joytui.ledger.alerts import AlertRow, NewAlert
from joytui.ledger.audit import AuditRow
from joytui.ledger.records import (
    EVERYBODY,
    Access,
    AgentRow,
    BudgetRow,
    Candidate,
    Charge,
    ClockSeen,
    Entry,
    GatewayRow,
    KeyActivity,
    KeyChanges,
    KeyRow,
    LessonRow,
    NewKey,
    Page,
    Period,
    PolicyRow,
    Reservation,
    StoppedTask,
    StopReason,
    TeamRow,
    TokenRow,
    TurnCost,
    WalletEntry,
    WalletRow,
    Watch,
)
from joytui.ledger.retention import Keeping
from joytui.ledger.telemetry import Piece, SenderRow

MOST_TURNS = 1_000
"""Turns that may be asked for at once."""


class StoreError(Exception):
    """The store refused or could not do something."""


class StoreUnavailable(StoreError):
    """The store cannot be read or written now. `in_doubt`: a write may have been committed all the same."""

    in_doubt = False


class DuplicateRequest(StoreError):
    """This key already has a request under this client request id, which is the text of the error."""


@dataclass(eq=False)
class Runaway(StoreError):
    """The breaker of a key refuses: so many requests of the task within a minute, or turns of a thread in a row that are the same,
    the refused one included; `most` are let through."""

    what: Literal["requests", "turns"]
    count: int
    most: int


@dataclass(eq=False)
class Shortfall(StoreError):
    """Refused for money, in nano-credits. `period` names the window of a `budget` (`Limit.budget`), or None if the `tier`'s wallet
    lacks it."""

    period: Period | None
    tier: str | None
    limit: int
    spent: int
    held: int
    estimate: int
    at_ms: int
    budget: str | None = None

    @property
    def left(self) -> int:
        return max(0, self.limit - self.spent - self.held)


class Ledger(Protocol):
    """An open store. Its errors are StoreErrors.

    A method that returns a future hands a change over at once, also if nobody awaits it; the future is done when the change is
    committed.

    `location`: where the store is, for people (SQLite: the file's path). `interrupted`: requests that a process which died
    left open, ended when this ledger was opened, and charged for what was noted of them (`passed`).
    """

    location: str
    interrupted: int

    @property
    def waiting(self) -> int:
        """Writes that wait for their turn."""
        ...

    @property
    def owed(self) -> int:
        """Writes that are tried again because the store did not take them."""
        ...

    @property
    def lost(self) -> int:
        """Writes that the store did not take and that are not tried again."""
        ...

    @property
    def troubled(self) -> bool:
        """Whether writes failed a short while ago, so that the next may fail too."""
        ...

    @property
    def failure(self) -> BaseException | None:
        """Why nothing can be written any more, for good; None while the ledger works."""
        ...

    async def broken(self) -> BaseException:
        """Waits until nothing can be written any more, and returns the reason."""
        ...

    def close(self) -> bool:
        """Writes what waits, then closes. False if that took too long, so that something was not written."""
        ...

    # --- who serves ---

    def announce(self, url: str, version: str) -> Future[None]:
        """Says where the gateway that has this ledger serves, and its version: once, at its start."""
        ...

    async def gateways(self) -> list[GatewayRow]:
        """The gateways on this store that said where they serve, oldest first: those that run, and those that died lately."""
        ...

    # --- requests: writing ---

    def next_number(self) -> int:
        """A number for a new request, larger than all before it in this store."""
        ...

    def open(
        self, opened: Opened, chosen: Candidate, ids_ms: int | None = None, watch: Watch | None = None
    ) -> Future[None]:
        """Writes the row of an admitted request. Raises DuplicateRequest, unless this client's id was used more than `ids_ms`
        before (None: as long as the store knows it). `watch`: it is counted by its key's breaker; raises Runaway."""
        ...

    def reserve(self, opened: Opened, wanted: Reservation) -> Future[Candidate]:
        """Holds the estimate on every limited budget and on the wallet of the first candidate that can pay, and writes the
        request's row: all or nothing. Returns that candidate. Raises DuplicateRequest, Runaway, or Shortfall."""
        ...

    def extend(self, opened: Opened, wanted: Reservation, so_far: Charge) -> Future[Candidate]:
        """Holds for an open request what a candidate is estimated at, in all, on every limited budget and on the wallet, and
        notes what it has cost so far, as `passed` does. Of the candidates, dearest first: one that takes a small part of what
        is left, else the last. Raises Shortfall if that one does not fit, and then changes nothing. Nothing is held for a
        request that has ended."""
        ...

    def passed(self, so_far: Mapping[int, Charge]) -> Future[None]:
        """Notes on the rows of open requests, by their numbers, what they have cost so far: what they are charged for if their
        gateway dies. It changes no sum, and no tail hears of it."""
        ...

    def end(self, opened: Opened, ended: Ended, budget_id: str | None, *, held: bool) -> Future[None]:
        """Ends an open request: its sums, budget and hold move together. The future never fails: where the store cannot be
        written it is done as well, and the end is kept for another try. A request that has ended already stays as it is."""
        ...

    def answered(self, key_id: str, upstream_id: str) -> Future[bool]:
        """Whether a request of this key that has ended got an answer with this id (as its client saw it), all that was handed
        over before included."""
        ...

    def refuse(self, opened: Opened, ended: Ended, *, keyless: bool = False) -> Future[int]:
        """A request that the gateway refused: it costs nothing. Gives the number of its row.

        Codex asks several times before it gives up (six times after a 402: 0.171.0, observed). The same refusal of the same turn, without
        another request of its thread in between, is one row with that many attempts; each of them counts in all sums. Its row has
        the time of the first and the words of the last. A request that names no thread has its own row.

        `keyless`: it showed no valid key. Of those only the newest KEYLESS_ROWS rows are kept, and nothing that the caller
        wrote (model, thread, project, client) is in any sum: they count with no more than an ended key's id.
        """
        ...

    def renew_leases(self, running: Collection[int], lease_ms: int) -> Future[int]:
        """Prolongs the holds of these requests and releases those whose lease ran out; returns how many lost theirs."""
        ...

    def written(self) -> Future[None]:
        """Done once everything that was handed over before is written."""
        ...

    def probe(self) -> Future[None]:
        """Whether the store takes a write: it writes something and takes it back. Raises StoreUnavailable."""
        ...

    # --- requests: reading ---

    async def page(self, asked: Page) -> list[Entry]:
        """Newest first."""
        ...

    async def page_block(self, asked: Page) -> Block:
        """The same by column, oldest first."""
        ...

    async def find(self, text: str) -> Entry | None:
        """The request with this own id, else the newest with this client's or upstream's id."""
        ...

    async def changed(self, after: int, term: Term | None, limit: int) -> tuple[int, list[Entry]]:
        """The newest sequence number, and the requests that changed after `after`, oldest change first."""
        ...

    async def changed_block(self, after: int, term: Term | None, limit: int) -> tuple[int, Block]:
        """The same by column."""
        ...

    async def last_seq(self) -> int:
        """The newest sequence number."""
        ...

    async def counted(self) -> int:
        """All requests ever, also those that retention removed."""
        ...

    def changes(self) -> AsyncGenerator[None]:
        """Yields immediately, and then after each change of the store (often several changes at a time)."""
        ...

    async def usage(
        self,
        by: Sequence[str],
        since: int,
        until: int,
        term: Term | None = None,
        top: int | None = None,
        only: Sequence[str] | None = None,
        tests: Tests = "in",
        source: Teller = "gateway",
        teams: Sequence[str] | None = None,
    ) -> tuple[list[UsageRow], UsageTotals]:
        """Sums for each combination of `by` (USAGE_GROUPS), and the totals. The range is in ms, its end open. `source`: of the
        requests that a gateway saw, or of those that only telemetry reported.

        `top`, for projects or threads beside times: only the dearest, and the rest as OTHERS. `only`: these values of the
        one field that is not a time. `tests`: whether the doctor's test requests count. `teams`: of the requests of these alone.
        """
        ...

    async def turn_costs(self, key_id: str, turn_ids: Collection[str]) -> list[TurnCost]:
        """What these turns (at most MOST_TURNS) cost this key; those without a request of this key are left out."""

    async def tasks(self, since: int, limit: int, task: str | None = None, term: Term | None = None) -> list[AgentRow]:
        """The threads of the `limit` tasks that asked last, of those that asked since then (ms): each with all of its requests
        that there are rows of, also those from before. By task, the newest first; a task's threads as they began. `task`: this
        one alone. `term`: of the requests that it finds. The doctor's test requests are in none.
        """
        ...

    async def latency(self, since: int, until: int) -> list[dict[str, Any]]:
        """Percentiles by hour in ms: {"hour", "requests", "latency_p50", …, "ttft_p99"}."""
        ...

    # --- keys, policies, tokens ---

    def access(self) -> Access:
        """Reads, in this thread, what every request is judged by."""
        ...

    async def access_version(self) -> int:
        """The version of `access` alone."""
        ...

    async def key(self, key_id: str) -> KeyRow | None: ...

    def create_key(self, wanted: NewKey, *, alone: bool) -> Future[KeyRow | None]:
        """Stores a key. `alone`: None, and nothing is stored, if an active key has that name."""
        ...

    def edit_key(
        self, key_id: str, changes: KeyChanges, check: Callable[[Mapping[str, Any]], object] | None = None
    ) -> Future[KeyRow | None]:
        """Changes fields of a key (EDITABLE). A changed policy is a new version of the key's snapshot; `check` sees it first, as a
        whole: where it raises, nothing is changed."""
        ...

    def end_labelled(self, label: str, life_ms: int) -> Future[list[KeyRow]]:
        """Revokes the keys of this label that were made for no longer than that and have not ended; returns them."""
        ...

    async def activity(self, row: KeyRow) -> KeyActivity:
        """What a key did and spent."""
        ...

    async def window(self, budget_id: str, period: Period, at_ms: int) -> tuple[int, int]:
        """Spent and held of a budget in the window of this moment."""
        ...

    async def budgets(self, at_ms: int) -> list[BudgetRow]:
        """The limits of all nodes in the windows of this moment, with what is spent and held: of the organisation, teams and owners,
        of the keys that have not ended (the newest of those that share a budget), and of the tasks that run or asked within a day."""
        ...

    def set_limits(self, node: str, limits: Mapping[Period, int | None]) -> Future[None]:
        """Sets limits of a node that is no key, or takes them away (None)."""
        ...

    def raise_limits(self, node: str, amount: int, until: int) -> Future[None]:
        """Raises each limit of a node until then (ms), in the place of an earlier raise; 0 ends that one."""
        ...

    def raise_task(self, node: str, amount: int, otherwise: int | None) -> Future[int | None]:
        """Raises the total of a task for good; `otherwise`: what it is where none was set. Gives the new one; None, and nothing is
        changed, where there is none to raise. Raises MoneyError."""
        ...

    async def policies(self) -> list[PolicyRow]:
        """The newest version of each named policy."""
        ...

    def put_policy(self, name: Clean, body: Mapping[str, Any]) -> Future[PolicyRow]:
        """A new version of a named policy. Keys that copied an older one keep it."""
        ...

    async def tokens(self) -> list[TokenRow]: ...

    def create_token(self, name: Clean, digest: bytes, role: Role, teams: Sequence[Clean] = ()) -> Future[TokenRow]: ...

    def delete_token(self, token_id: str) -> Future[bool]: ...

    # --- teams ---

    async def teams(self) -> list[TeamRow]:
        """All of them, by name."""
        ...

    def create_team(self, name: Clean) -> Future[TeamRow | None]:
        """None, and nothing is stored, where there is one of that name."""
        ...

    def add_owner(self, team: str, owner: Clean) -> Future[str | None]:
        """Puts an owner into a team, unless it is in one. Gives the team that the owner is in now; None: there is no such team."""
        ...

    def remove_owner(self, team: str, owner: str) -> Future[bool]:
        """Whether the owner was in that team."""
        ...

    # --- tasks that are stopped ---

    def stop_task(
        self, task: Clean, reason: StopReason = "stopped", why: Clean | None = None, scope: str = EVERYBODY
    ) -> Future[StoppedTask]:
        """Stops a task, for the keys of one budget or for everybody, until it is resumed. One that is stopped stays as it is."""
        ...

    def resume_task(self, task: str) -> Future[bool]:
        """Lets a task go on, whatever stopped it; breakers count from zero. Whether it was stopped."""
        ...

    async def stops(self) -> list[StoppedTask]:
        """All tasks that are stopped, the oldest stop first."""
        ...

    # --- who changed what ---

    async def audit(self, since: int, limit: int) -> list[AuditRow]:
        """Changes that somebody made (`ledger.audit.ACTING`) from then on (ms), newest first: of keys, policies, tokens, teams, wallets
        and lessons. Each is written in the transaction of the change."""
        ...

    # --- alerts ---

    def raise_alerts(self, alerts: Sequence[NewAlert]) -> Future[int]:
        """Keeps those that are not there yet, to be sent; gives how many those were. An alert about a limit that a request crosses
        is raised by that request's end, in its transaction."""
        ...

    async def alerts(self, since: int, limit: int, teams: Sequence[str] | None = None) -> list[AlertRow]:
        """The newest first, of those raised from then on (ms); `teams`: of these alone."""
        ...

    async def alert(self, alert_id: str) -> AlertRow | None: ...

    async def due_alerts(self, at_ms: int) -> int:
        """How many wait to be sent, and nobody is sending."""
        ...

    def claim_alerts(self, at_ms: int, lease_ms: int, limit: int) -> Future[list[AlertRow]]:
        """The oldest that wait, each with this try counted: nobody else gets them until the lease ends. Those that waited for
        FRESH_MS are given up."""
        ...

    def alert_sent(self, alert_id: str, at_ms: int) -> Future[None]: ...

    def alert_failed(self, alert_id: str, error: Clean | None, again_at: int | None) -> Future[None]:
        """It is tried again at that time (ms); None: no more."""
        ...

    def take_watch(self, holder: str, at_ms: int, lease_ms: int) -> Future[bool]:
        """Whether this gateway is the one that looks for what is to be told: it stays so while it asks again within its lease."""
        ...

    # --- what upstreams taught ---

    async def lessons(self) -> list[LessonRow]:
        """All of them, by upstream and model, oldest first."""
        ...

    def learn(self, row: LessonRow) -> Future[None]:
        """Keeps a lesson; one that is kept already becomes as old as this one."""
        ...

    def unlearn(self, upstream: str, model: str | None) -> Future[int]:
        """Removes the lessons about one model, or all (None), of an upstream; returns how many went."""
        ...

    # --- what Codex's telemetry says ---

    def tell(self, sender_id: str, pieces: Sequence[Piece]) -> Future[int]:
        """Stores pieces that arrived with a telemetry token, and rebuilds the requests around them (`ledger.telemetry`): a request that
        no gateway saw has its own row, with the source "telemetry" and no key; one that a gateway saw keeps its row, its
        figures and its place in all sums, and says in `sources`, `attempts` and `differs` what telemetry adds. In whatever order
        the pieces come, the rows and sums are the same in the end. Gives how many pieces were new; without one nothing changes."""
        ...

    async def pieces_of(self, sender_id: str, limit: int) -> list[Piece]:
        """The newest pieces that came by a token, oldest first."""
        ...

    async def senders(self) -> list[SenderRow]:
        """The telemetry tokens that are not revoked, oldest first."""
        ...

    def create_sender(
        self, name: Clean, digest: bytes, owner: Clean | None, team: Clean | None
    ) -> Future[SenderRow | None]:
        """A telemetry token. None, and nothing is stored, where one that is not revoked has that name."""
        ...

    def revoke_sender(self, sender_id: str) -> Future[bool]:
        """Whether there was one. The requests that it reported stay, with its owner."""
        ...

    # --- wallets ---

    async def wallets(self) -> list[WalletRow]:
        """The three wallets, economy first."""
        ...

    async def wallet_entries(self, tier: str | None, before: int | None, limit: int) -> list[WalletEntry]:
        """Movements, newest first."""
        ...

    def set_wallet(self, tier: str, balance: int | None, note: Clean | None) -> Future[None]:
        """Sets a tier's balance, or takes it away (None). The movement is the difference, so the entries still add up."""
        ...

    def credit_wallet(self, tier: str, amount: int, note: Clean | None) -> Future[None]:
        """Adds to a balance. Raises MoneyError if it would be more than the ledger holds."""
        ...

    # --- upkeep ---

    def read_clock(self, ran_ms: int) -> Future[ClockSeen]:
        """Tells the store what the clock says, `ran_ms` of running after the last time (0: at the start)."""
        ...

    async def tidy(self, at_ms: int, keeping: Keeping) -> int:
        """Removes and folds what is past its time (`ledger.retention.KEPT`) at a moment that is believed, in slices between
        which others get their turn. Returns how many rows went. What was spent, and the totals of all usage, stay."""
        ...

    def catch_up(self) -> Future[bool]:
        """A slice of what a store of an older version lacks: sums that it did not have, and texts that it kept as they came, which
        pass the door now. False once nothing is left."""
        ...
