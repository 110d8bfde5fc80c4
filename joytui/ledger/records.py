"""What goes into a ledger and comes out of it, whatever engine keeps it. Times are ms since 1970, amounts nano-credits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, TypedDict

from joytui.core.filters import Term
from joytui.core.money import MAX_NANO
from joytui.core.redaction import Clean, clean
from joytui.core.request import RequestRecord
from joytui.core.roles import Role
from joytui.core.token_counts import UsageTotals
from joytui.ledger.telemetry import SenderRow

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS
MONDAY_MS = 4 * DAY_MS  # 1970-01-01 was a Thursday
END_OF_TIME = 100_000 * 365 * DAY_MS
"""After every clock; a multiple of a day."""

# --- requests ---------------------------------------------------------------------------------------------------------

AGAIN_MS = 60_000
"""Within this time after a refusal, the same refusal of the same turn is another attempt of that request."""
AGAIN_TURNLESS_MS = 10_000
"""The same where the request names no turn, but a thread."""
AGAIN_MOST_MS = HOUR_MS
"""No attempt of a request comes later than this after the first."""
REPEATED = ("key_id", "turn_id", "request_id", "model", "endpoint", "doctor")
"""What two attempts at one request have in common, beside their thread and their refusal."""

Entry = tuple[int, RequestRecord]
"""A request with the sequence number of its last change."""


class Page(NamedTuple):
    """Asks for the newest `limit` requests that started from `since` on and before `until`; `before` and `after` are requests' numbers."""

    limit: int
    term: Term | None = None
    since: int | None = None
    until: int | None = None
    before: int | None = None
    after: int | None = None


@dataclass(frozen=True, slots=True)
class AgentRow:
    """One thread of a task: what all of its requests come to, and what the newest of them said.

    `task`: its root thread. `thread`: None if requests named none. `key` to `finish` are the newest request's; `key` its name.
    Times are ms since 1970: when the first request came, when the newest ended (or came, while it runs). `running`: how many
    requests run now.
    """

    task: str
    thread: str | None
    parent: str | None
    subagent: str | None
    key: str | None
    key_id: str | None
    owner: str | None
    project: str | None
    repo: str | None
    commit_hash: str | None
    dirty: bool
    model: str | None
    finish: str | None
    started_at: int
    last_at: int
    running: int
    totals: UsageTotals


INTERRUPTED = clean("gateway_interrupted", 100)
"""The error type of a request whose gateway ended before it did."""


class Charge(NamedTuple):
    """What a request is charged for, or would be if it ended now; the fields are those of `Ended`."""

    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cost_nano: int = 0
    cost_source: str = "none"


class TurnCost(NamedTuple):
    """What the requests of one Codex turn have cost so far, in nano-credits. `running`: how many of them have not ended;
    `answers`: how many were answered; `unpriced`: how many of these have no known price."""

    turn_id: str
    cost_nano: int
    running: int
    answers: int
    unpriced: int


def interrupted(what: str, passed: Charge) -> Clean | None:
    """The error message of a request whose gateway ended before it did."""
    charged = "charged for what is known to have passed" if passed.cost_nano else "nothing was charged"
    return clean(f"{what}; {charged}", 500)


class ClockSeen(NamedTuple):
    """What a store knows of the clock. `believed`: the newest time that is (`ledger.retention`). `before`: what the clock said
    when the store was last told of it."""

    believed: int | None
    before: int | None


@dataclass(frozen=True, slots=True)
class GatewayRow:
    """A gateway on the store: where it serves, since when (ms), how many requests it runs, when the store last heard of it
    (ms), and whether its lease still runs."""

    id: str
    url: str
    version: str
    since: int
    running: int
    last_seen: int
    alive: bool


# --- tasks that are stopped -------------------------------------------------------------------------------------------

StopReason = Literal["stopped", "runaway"]
EVERYBODY = ""
"""The scope of a stop that holds whatever key asks."""


@dataclass(frozen=True, slots=True)
class StoppedTask:
    """A task of which nothing is answered until it is resumed. `reason`: somebody stopped it, or a key's breaker did, of which `why`
    has the words. `scope`: the budget of the keys that it holds for, or EVERYBODY. `at` in ms since 1970."""

    task: str
    scope: str
    reason: StopReason
    why: Clean | None
    at: int


REPEATS = 64
"""So often may a turn be asked for again, on average, before a breaker overlooks that it is the same as those before: it looks at no
more than so many requests for each turn that it lets through."""


class Watch(NamedTuple):
    """What a key's breaker counts a request by. `scope`: the budget of the key; `per_minute`, `identical`: its limits. `digest`: of
    what is new in this turn, None where there is nothing to tell it by; `items`: how many items the whole input has."""

    scope: str
    task: Clean
    thread: Clean
    per_minute: int | None
    identical: int | None
    digest: str | None
    items: int


# --- money ------------------------------------------------------------------------------------------------------------

Period = Literal["daily", "weekly", "total"]
PERIODS: tuple[Period, ...] = ("daily", "weekly", "total")


def window_start(period: Period, at_ms: int) -> int:
    """The beginning of the window that this moment lies in: UTC midnight, Monday's midnight, or 0 for a total."""
    if period == "daily":
        return at_ms - at_ms % DAY_MS
    if period == "weekly":
        return at_ms - (at_ms - MONDAY_MS) % WEEK_MS
    return 0


def window_end(period: Period, at_ms: int) -> int:
    """Where that window ends, and the next one begins; for a total later than any request."""
    if period == "total":
        return END_OF_TIME
    return window_start(period, at_ms) + (DAY_MS if period == "daily" else WEEK_MS)


def resets_at(period: Period, at_ms: int) -> datetime | None:
    """When a new window begins (UTC); None for a total."""
    return None if period == "total" else datetime.fromtimestamp(window_end(period, at_ms) / 1000, UTC)


class Candidate(NamedTuple):
    """A model that the request may run on: its tier's wallet is asked for the estimate.

    `model` is what the upstream is asked for, which may be the client's own word: `recorded` is what is kept of it. `covers`:
    the output tokens that the estimate is for. `step`: what as many more as one step has may cost.
    """

    model: str
    provider: str | None
    tier: str
    estimate: int
    covers: int = 0
    step: int = 0

    def recorded(self) -> tuple[Clean | None, Clean | None, Clean | None]:
        """Model, provider and tier as a record has them."""
        return clean(self.model, 200), clean(self.provider, 100), clean(self.tier, 40)


PLENTY = 64
"""If this many times as much is left, more may be reserved than is needed yet: nobody is refused because of it."""


class Limit(NamedTuple):
    """What may be spent of a budget in a window. `budget`: as the store names it: a key's budget id, or a node that is no key
    (`core.nodes`)."""

    budget: str
    period: Period
    amount: int


def limits_of(budget: str, limits: Iterable[tuple[Period, int]]) -> tuple[Limit, ...]:
    """The limits of one budget."""
    return tuple(Limit(budget, period, amount) for period, amount in limits)


class Reservation(NamedTuple):
    """What an admission has to hold: the limits of all nodes that the request stands below, from the root of the tree down (one order
    for all), and the candidates in the order to try them. `ids_ms`: as in `Ledger.open`."""

    limits: Sequence[Limit]
    candidates: Sequence[Candidate]
    lease_ms: int
    ids_ms: int | None = None
    watch: Watch | None = None


class NodeLimit(NamedTuple):
    """A limit that somebody set on a node that is no key. (A key's are in its policy.)"""

    node: str
    period: Period
    amount: int


class NodeRaise(NamedTuple):
    """Raises each limit of a node by an amount until a time (ms). A key's node has its budget id here."""

    node: str
    amount: int
    until: int

    def at(self, at_ms: int) -> int:
        """What it adds at that moment."""
        return self.amount if at_ms < self.until else 0

    def on(self, limit: int) -> int:
        """A limit that it raises: no more than the ledger can hold."""
        return min(limit + self.amount, MAX_NANO)


class BudgetRow(NamedTuple):
    """One limit of a node (`core.nodes`) in the window of a moment, and how much of it is gone. `window`: where it begins (ms; 0 for a
    total). `base`: the limit without what raises it until `raised_until`. `key_id`: of a task, the key that asked last; `key_ids`: all
    that asked in it lately."""

    node: str
    period: Period
    window: int
    limit: int
    base: int
    raised_until: int | None
    spent: int
    held: int
    key_id: str | None = None
    key_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class WalletRow:
    """`balance` None: none was set."""

    tier: str
    balance: int | None
    held: int


@dataclass(frozen=True, slots=True)
class WalletEntry:
    """A movement. `n` is the request's number where a request moved it."""

    id: int
    at: int
    tier: str
    kind: str
    amount: int
    held: int
    n: int | None
    note: Clean | None


# --- keys, policies, tokens -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to be stored. With a `budget_id` it goes on spending that budget (rotation)."""

    digest: bytes
    name: Clean
    hint: str
    owner: Clean | None
    labels: tuple[Clean, ...]
    expires_at: int | None
    policy: Mapping[str, Any]
    policy_name: Clean | None
    budget_id: str | None = None


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as it is stored. `policy` is the snapshot that its requests are judged by."""

    id: str
    digest: bytes
    name: Clean
    hint: str
    owner: Clean | None
    labels: tuple[Clean, ...]
    state: str
    created_at: int
    expires_at: int | None
    revoked_at: int | None
    last_used_at: int | None
    policy: Mapping[str, Any]
    policy_name: Clean | None
    policy_version: int
    budget_id: str
    replaced_by: str | None


class KeyChanges(TypedDict, total=False):
    """The fields of a key that may be changed. `policy_fields`: those of its policy by name, None takes one away; all else of the
    policy stays as it is when the change is made."""

    name: Clean
    owner: Clean | None
    labels: tuple[Clean, ...]
    expires_at: int | None
    policy: Mapping[str, Any]
    policy_name: Clean | None
    policy_fields: Mapping[str, Any]
    state: str
    revoked_at: int | None
    replaced_by: str | None


EDITABLE = KeyChanges.__optional_keys__


@dataclass(frozen=True, slots=True)
class KeyActivity:
    """Beside a key: what it spent and did, and its windows as {period: (spent, held)}."""

    spent: int
    requests: int
    refused_today: int
    clients: tuple[str, ...]
    windows: Mapping[Period, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """A named policy in its newest version."""

    name: Clean
    version: int
    created_at: int
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A console token. `role`: what it may do; `teams`: of a lead, those that it leads."""

    id: str
    name: Clean
    digest: bytes
    created_at: int
    role: Role
    teams: tuple[Clean, ...] = ()


@dataclass(frozen=True, slots=True)
class TeamRow:
    """A team with its owners, by name. An owner is in at most one team."""

    name: Clean
    created_at: int
    owners: tuple[Clean, ...] = ()


@dataclass(frozen=True, slots=True)
class LessonRow:
    """What an upstream (its base URL) taught about one model, in the gateway's words; `learned_at` in ms since 1970."""

    upstream: str
    model: str
    lesson: str
    learned_at: int


class Access(NamedTuple):
    """Who may ask, whether wallets limit, and what the nodes above keys and the tasks may cost: what every request is judged by, read as one state of the store.

    `version` is another number whenever any of it changed, by whatever gateway.
    """

    version: int
    keys: Sequence[KeyRow]
    tokens: Sequence[TokenRow]
    wallets_on: bool
    senders: Sequence[SenderRow] = ()
    teams: Sequence[TeamRow] = ()
    stops: Sequence[StoppedTask] = ()
    limits: Sequence[NodeLimit] = ()
    raises: Sequence[NodeRaise] = ()
