"""The console API's data as pydantic models: the trust boundary between the gateway and whoever watches it.

Amounts of credits cross the wire as decimal strings, times as RFC 3339 UTC. Import it late: pydantic costs 0.1 s.

Every path wants `Authorization: Bearer TOKEN`: the gateway's admin token, or a console token of that role (`core.roles`); a viewer
has GET and `keys/check`; a lead sees only its own teams, and edits their keys and budgets. Errors have the
model API's shape, {"error": {"message", "type"}}: 400 invalid_request_error (names the field), 401 missing_token,
403 invalid_token, read_only_token or beyond_teams, 404 not_found, 409 conflict. `{id}` of a key is its id, or its name where only one
key has it that is neither revoked nor expired (else 409). An active key has its name alone, but for rotation: then the name
means the new key, and is not enough (409) to revoke, disable or enable.

    GET    /console/v1/status                                       -> GatewayStatus
    GET    /console/v1/keys                                         -> {"keys": [KeyView]}, newest last
    POST   /console/v1/keys                       KeyCreate         -> KeyCreated (201)
    GET    /console/v1/keys/{id}                                    -> KeyView
    PATCH  /console/v1/keys/{id}                  KeyEdit           -> KeyView
    POST   /console/v1/keys/{id}/revoke|disable|enable              -> KeyView
    POST   /console/v1/keys/{id}/rotate           KeyRotate         -> KeyCreated (the new key; 201)
    POST   /console/v1/keys/check                 KeyCheck          -> KeyVerdict (a dry run: nothing is held or recorded)
    GET    /console/v1/requests                   filter since until limit before form tests -> {"requests": [RequestView], "next": str|null}
                                                  newest first; `next` is the `before` of the following (older) page.
                                                  tests: the doctor's test requests are "in" (the default), "out", or the "only" ones
                                                  form=columns: {"columns": …, "next", "last_seq"} of core.columnar, oldest first
    GET    /console/v1/requests/{id}                                -> RequestView     (by own id, request id or upstream id)
    GET    /console/v1/requests/stream            after filter form tests -> SSE; data: {"requests": [RequestView]}, id: the newest sequence
                                                  (form=columns: {"columns": …} of core.columnar; a gateway that knows no
                                                  `form` sends rows, so read what came);
                                                  oldest change first; a request comes when admitted (status null) and again when
                                                  it ended; without `after` only what happens from now on; comments as heartbeat
    GET    /console/v1/usage                      by (repeated) since until filter top only (repeated) tests source -> UsageView
                                                  top: this many projects or threads, the most expensive; all others are one, "(others)"
                                                  only: nothing but these values of the one field in `by` that is not a time
                                                  source: "gateway" (the default), or "telemetry": what it alone told of
    GET    /console/v1/tasks                      since limit task  -> {"tasks": [TaskView]}, those that asked last first
                                                  since: of those that asked since then (default 24h); task: this one alone
    POST   /console/v1/tasks/stop                 TaskNamed         -> TaskView: its running requests end, further ones are refused
    POST   /console/v1/tasks/resume               TaskNamed         -> TaskView: it goes on (409 where it is not stopped)
    GET    /console/v1/budgets                                      -> {"budgets": [NodeBudget]}: the nodes that have limits, each below its parent
    PUT    /console/v1/budgets                    BudgetSet         -> NodeBudget
    POST   /console/v1/budgets/raise              BudgetRaise       -> NodeBudget
    GET    /console/v1/latency                    since until       -> {"rows": [LatencyView]}, by hour
    GET    /console/v1/models                     key=ID            -> {"models": [ModelView]}
    GET    /console/v1/wallet                                       -> {"enabled": bool, "wallets": [WalletView]}
    PUT    /console/v1/wallet/{tier}              WalletSet         -> WalletView
    POST   /console/v1/wallet/{tier}/credit       WalletCredit      -> WalletView
    GET    /console/v1/wallet/entries             tier limit before -> {"entries": [WalletEntryView], "next": int|null}, newest first
    GET    /console/v1/policies                                     -> {"policies": [NamedPolicy]}, newest version of each
    PUT    /console/v1/policies/{name}            PolicyView        -> NamedPolicy (a new version)
    GET    /console/v1/upstreams                                    -> {"upstreams": [UpstreamLessons]}
    DELETE /console/v1/upstreams/lessons          upstream model    -> Forgotten (of all upstreams, all models without them)
    GET    /console/v1/telemetry/tokens                             -> {"tokens": [SenderView]}
    POST   /console/v1/telemetry/tokens           SenderCreate      -> SenderCreated (201; it posts telemetry and opens nothing else)
    DELETE /console/v1/telemetry/tokens/{id}                        -> {"revoked": true}
    GET    /console/v1/fleet                                        -> {"people": [PersonView]}: what telemetry says of each token's Codex
    GET    /console/v1/audit                      since limit       -> {"entries": [AuditEntry]}, newest first
    GET    /console/v1/alerts                     since limit       -> {"alerts": [AlertView], "webhook": its host | null}, newest first
    POST   /console/v1/alerts/test                                  -> AlertTested (409: no webhook is set)
    GET    /console/v1/teams                                        -> {"teams": [TeamView]}
    POST   /console/v1/teams                      TeamCreate        -> TeamView (201)
    POST   /console/v1/teams/{name}/owners        OwnerAdd          -> TeamView (an owner is in one team at most: else 409)
    DELETE /console/v1/teams/{name}/owners        owner             -> TeamView
    GET    /console/v1/tokens                                       -> {"tokens": [TokenView]}
    POST   /console/v1/tokens                     TokenCreate       -> TokenCreated (201; the token this once; without `role` it reads only)
    DELETE /console/v1/tokens/{id}                                  -> {"deleted": true}

`GET /readyz` needs no token: 200 while new requests are welcome; 503 {"status": "draining"} while the gateway is being stopped,
{"status": "store_unavailable"} while its store cannot be written.

`GET /healthz` needs no token: {"status": "ok", "version", "pid"}, and with `?nonce=X` also "proof": `core.gateway_state.proof(
admin token, X, the url of the state file)`, by which a console knows the gateway before it sends that token. It is 503 and "failed" when the store
can no longer be written, and the gateway about to end for that. A Host that the gateway does not expect
is refused first of all, so talk to the address that its state file names.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_type_hints

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model

from joytui.core.money import parse_credits
from joytui.core.request import FIELDS, RequestRecord, names
from joytui.core.roles import Role


class Model(BaseModel):
    model_config = ConfigDict(extra="ignore")


class PolicyView(Model):
    """What a key may do. Empty lists do not limit; amounts are decimal credits, null is no limit."""

    fixed_model: str | None = None
    tiers: list[Literal["economy", "standard", "premium"]] = Field(default_factory=list)
    model_blacklist: list[str] = Field(default_factory=list)
    ip_allow: list[str] = Field(default_factory=list)
    ip_block: list[str] = Field(default_factory=list)
    daily_limit: str | None = None
    weekly_limit: str | None = None
    total_limit: str | None = None
    per_task_limit: str | None = Field(
        default=None, description="what each task may cost in total, sub-agents included"
    )
    routing_strategy: Literal["BALANCE", "COST_FIRST", "QUALITY_FIRST", "SPEED_FIRST"] = "BALANCE"
    logs: bool = True
    blocked: bool = False
    block_reason: str | None = None
    max_requests_per_minute: int | None = Field(
        default=None, ge=1, le=1_000_000, description="of a task; one that sends more is stopped"
    )
    max_identical_turns: int | None = Field(
        default=None, ge=1, le=1_000, description="in a row; a task with more is stopped"
    )

    def changes_to(self, wanted: PolicyView) -> PolicyView:
        """The fields that differ in the policy that is wanted, as `KeyEdit.policy_changes` takes them."""
        mine, given = self.model_dump(), wanted.model_dump()
        return PolicyView.model_validate({name: value for name, value in given.items() if value != mine[name]})


TRIAL_LABEL = "joytui-try"
"""The label of a key that `joytui try` made for one turn: whoever made it deletes it, or the gateway does at its next start."""


def key_name(text: str) -> str:
    """A name by which a key can be spoken of in an address. Raises ValueError."""
    if "/" in text or text in (".", "..") or not text.isprintable():
        raise ValueError("a key's name has printable characters, and no slash")
    return text


KeyName = Annotated[str, AfterValidator(key_name)]
Label = Annotated[str, Field(max_length=80)]


class KeyCreate(Model):
    model_config = ConfigDict(extra="forbid")

    name: KeyName = Field(min_length=1, max_length=80)
    owner: str | None = Field(default=None, max_length=80)
    labels: list[Label] = Field(default_factory=list, max_length=20)
    expires_at: str | None = None
    policy: PolicyView = Field(default_factory=PolicyView)
    policy_name: str | None = Field(default=None, description="copy this named policy instead of `policy`")


class KeyEdit(Model):
    """What to change; fields that are left out stay. `policy` replaces the key's snapshot as a whole; of `policy_changes`, too, the
    fields that are left out stay, as they are when the change is made."""

    model_config = ConfigDict(extra="forbid")

    name: KeyName | None = Field(default=None, min_length=1, max_length=80)
    owner: str | None = Field(default=None, max_length=80)
    labels: list[Label] | None = Field(default=None, max_length=20)
    expires_at: str | None = None
    policy: PolicyView | None = None
    policy_name: str | None = None
    policy_changes: PolicyView | None = None


class KeyRotate(Model):
    """A new key with the same policy and the same budget; the old one works on until `old_expires_at` (null: ends now)."""

    model_config = ConfigDict(extra="forbid")

    old_expires_at: str | None = None


class KeyCheck(Model):
    """May this key call this model now? `key` is a plain key, a key's id or its name.

    `like`: the size of the request that is asked about. "codex-turn": the first turn of a Codex session, some 16,000
    tokens; later turns hold more, as the conversation grows. "small": a short question.
    """

    model_config = ConfigDict(extra="forbid")

    key: str = Field(min_length=1, max_length=400)
    model: str = "auto"
    ip: str | None = None
    tier: str | None = None
    like: Literal["codex-turn", "small"] = "codex-turn"


class KeyVerdict(Model):
    """`steps`: the checks in the gateway's order, up to the one that refused. The error fields are null where allowed.

    `estimate_credits`: what a request of the size `like` holds while it runs.
    """

    allowed: bool
    key_id: str | None = None
    model: str
    model_used: str | None = None
    tier: str | None = None
    status: int = 200
    error_type: str | None = None
    message: str | None = None
    cause: str | None = None
    estimate_credits: str | None = None
    like: str = "codex-turn"
    steps: list[dict[str, str]] = Field(default_factory=list)


class BudgetView(Model):
    """One limit of a key, with what raises it now, and how much of it is gone. `resets_at` is null for a total."""

    period: Literal["daily", "weekly", "total"]
    limit: str
    spent: str
    held: str
    left: str
    resets_at: str | None = None

    @property
    def used(self) -> float:
        """The part that is spent or held, 0 to 1; a limit of nothing is used up."""
        limit = parse_credits(self.limit)
        return min(1.0, (parse_credits(self.spent) + parse_credits(self.held)) / limit) if limit else 1.0


class NodeLimit(Model):
    """One limit of a node and how much of it is gone. `base_limit_credits`: without what raises it until `raised_until`.
    `resets_at` is null for a total."""

    period: Literal["daily", "weekly", "total"]
    limit_credits: str
    base_limit_credits: str
    raised_until: str | None = None
    spent_credits: str
    held_credits: str
    left_credits: str
    resets_at: str | None = None


class NodeBudget(Model):
    """A node of the tree of budgets with its limits. `node`: "org", "team:NAME", "owner:NAME", "key:ID" or "task:ID"; `name`: of a
    key its name. `parent`: the nearest node above that is in the answer, too. Of tasks, those that run or asked in the last 24 hours."""

    node: str
    kind: Literal["org", "team", "owner", "key", "task"]
    name: str
    parent: str | None = None
    limits: list[NodeLimit] = Field(default_factory=list)


class BudgetSet(Model):
    """The limits of a node (decimal credits). What is left out stays, null takes a limit away. A task has a total alone. A key's are
    those of its policy."""

    model_config = ConfigDict(extra="forbid")

    node: str = Field(min_length=1, max_length=120)
    daily_limit: str | None = None
    weekly_limit: str | None = None
    total_limit: str | None = None


class BudgetRaise(Model):
    """Raises each limit of a node by an amount until a time, instead of an earlier raise; an amount of 0 ends that one. Without
    `until` for good, which is for a task alone."""

    model_config = ConfigDict(extra="forbid")

    node: str = Field(min_length=1, max_length=120)
    amount: str
    until: str | None = None


class KeyView(Model):
    id: str
    name: str
    hint: str
    state: Literal["active", "disabled", "revoked", "expired"]
    owner: str | None = None
    labels: list[str] = Field(default_factory=list)
    created_at: str
    expires_at: str | None = None
    revoked_at: str | None = None
    last_used_at: str | None = None
    policy: PolicyView = Field(default_factory=PolicyView)
    budgets: list[BudgetView] = Field(default_factory=list)
    spent: str = "0"
    requests: int = 0
    refused_today: int = 0
    clients: list[str] = Field(default_factory=list, description="who used it in the last 7 days, newest first")
    policy_name: str | None = None
    policy_version: int = 1
    replaced_by: str | None = Field(default=None, description="the id of the key that it was rotated to")

    @property
    def tightest(self) -> BudgetView | None:
        """The budget that is nearest to its end; None for a key without limits."""
        return max(self.budgets, key=lambda budget: budget.used, default=None)


class KeyCreated(KeyView):
    """The answer to creating (or rotating) a key: the only place that ever has the plain key."""

    key: str


def _request_members() -> dict[str, Any]:
    """Each field of a request by its name in JSON: a type as in RequestRecord, and what holds where a row lacks it."""
    types = get_type_hints(RequestRecord)
    types["cost_nano"] = str
    types |= dict.fromkeys(names("list"), list[str])
    missing = {"count": 0, "cost": "0", "source": "none", "flag": False, "list": []}
    members: dict[str, Any] = {"seq": (int, 0)}
    for field in FIELDS:
        default = ... if types[field.name] is str and field.kind != "cost" else missing.get(field.kind)
        members[field.member] = (types[field.name], Field(default, description=field.measured or None))
    return members


RequestView = create_model(
    "RequestView",
    __base__=Model,
    __doc__="One line of `joytui logs --json`, with `seq`, `notes` and two times more.",
    **_request_members(),
)


class UsageNumbers(Model):
    """What `core.token_counts.UsageTotals` is on the wire: the same numbers by name, for the description and for checked types.
    (The sums themselves are tuples, which `joytui usage` adds up before pydantic could be imported.)"""

    requests: int = 0
    errors: int = 0
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cost_credits: str = "0"


class UsageView(Model):
    """`rows`: objects with the grouping fields, "source" and the numbers of UsageNumbers; `totals`: the same numbers."""

    rows: list[dict[str, Any]]
    totals: UsageNumbers
    left_out: UsageNumbers | None = Field(
        default=None, description="with tests=out: the doctor's test requests of that time"
    )


class AgentView(UsageNumbers):
    """One thread of a task. `parent`: the thread that started it; `subagent`: what kind it is. Null for the root."""

    id: str | None = Field(default=None, description="the thread; null where requests named none")
    parent: str | None = None
    subagent: str | None = None
    model: str | None = None
    state: Literal["running", "ended", "stopped"]
    started_at: str
    last_at: str


class TaskView(UsageNumbers):
    """A root thread with its sub-agents. `state`: running while a request runs, or a tool that the last answer called; stopped until
    it is resumed; `agents`: how
    many threads. `key` to `commit` are what the newest request of its root said."""

    id: str = Field(description="the root thread")
    key: str | None = None
    owner: str | None = None
    project: str | None = None
    repo: str | None = None
    commit: str | None = None
    state: Literal["running", "ended", "stopped"]
    started_at: str
    last_at: str
    agents: int = 0
    limit_credits: str | None = None
    threads: list[AgentView] = Field(default_factory=list)
    stopped_at: str | None = None
    stopped_why: str | None = Field(default=None, description="what a breaker counted; null where somebody stopped it")


class TaskNamed(Model):
    model_config = ConfigDict(extra="forbid")

    task: str = Field(min_length=1, max_length=100, description="the root thread")


class UpstreamView(Model):
    """`key_from`: where its key came from ("environment variable NAME", "keyring (…)", "file PATH"); null: it has none.
    `api`: null until it is known. `healthy`: false while others are asked first, because it failed a moment ago."""

    name: str
    url: str
    api: Literal["responses", "chat"] | None = None
    key_from: str | None = None
    healthy: bool = True


class LessonView(Model):
    """What an upstream taught about a model ("no stream_options"), when, and until when it holds."""

    model: str
    lesson: str
    learned_at: str
    until: str


class UpstreamLessons(Model):
    name: str
    url: str
    api: Literal["responses", "chat"] | None = None
    lessons: list[LessonView] = []


class Forgotten(Model):
    forgotten: int


class GatewayOnStore(Model):
    """A gateway on this store. `since`, `last_seen`: RFC 3339 UTC; `alive`: the store heard of it within its lease."""

    id: str
    url: str
    version: str
    since: str
    running: int
    last_seen: str
    alive: bool


class GatewayStatus(Model):
    version: str
    url: str
    pid: int
    started_at: str
    upstream: str | None = None
    upstream_api: str | None = None
    upstreams: list[UpstreamView] = Field(default_factory=list)
    store: str
    gateways: list[GatewayOnStore] = Field(default_factory=list)
    keys: int = 0
    telemetry_tokens: int = 0
    requests: int = 0
    consoles: int = 0
    last_seq: int = 0
    in_flight: int = 0
    wallets: bool = False
    turned_away: int = Field(0, description="requests that got 503 and no row, because the store could not be written")
    owed: int = Field(0, description="ends of requests that wait until the store can be written")
    role: Role | None = Field(None, description="of the token that asks; null: the gateway is older than this")
    teams: list[str] | None = Field(None, description="those that this token sees; null: all")
    warnings: list[str] = Field(default_factory=list)


class LatencyView(Model):
    """Milliseconds, from histograms: exact to about 10%. Null where nothing was measured."""

    hour: str
    requests: int
    latency_p50: float | None = None
    latency_p95: float | None = None
    latency_p99: float | None = None
    ttft_p50: float | None = None
    ttft_p95: float | None = None
    ttft_p99: float | None = None


class ModelView(Model):
    """A catalog entry; prices in credits per million tokens. `callable`: by the key that was asked for, with `reason` if not."""

    model_key: str
    display_name: str
    tier: str | None = None
    provider: str | None = None
    tags: list[str] = Field(default_factory=list)
    feature_tags: list[str] = Field(default_factory=list)
    mci_score: float | None = None
    input_price: str | None = None
    output_price: str | None = None
    cache_read_price: str | None = None
    cache_write_price: str | None = None
    callable: bool | None = None
    reason: str | None = None


class WalletSet(Model):
    """`balance` in credits; null takes this tier's balance away. Wallets limit only while at least one tier has a balance;
    then a tier without one counts as empty."""

    model_config = ConfigDict(extra="forbid")

    balance: str | None
    note: str | None = Field(default=None, max_length=200)


class WalletCredit(Model):
    model_config = ConfigDict(extra="forbid")

    amount: str
    note: str | None = Field(default=None, max_length=200)


class WalletView(Model):
    """Credits; `left` is the balance without what is held by running requests. Balance null: none was set."""

    tier: Literal["economy", "standard", "premium"]
    balance: str | None = None
    held: str = "0"
    left: str | None = None


class WalletEntryView(Model):
    """One movement: the amounts of a tier's entries sum up to its balance, `held` to what is held."""

    id: int
    time: str
    tier: str
    kind: Literal["set", "credit", "freeze", "settle", "release"]
    amount: str
    held: str
    request: str | None = None
    note: str | None = None


class NamedPolicy(Model):
    name: str
    version: int
    created_at: str
    policy: PolicyView


class TokenCreate(Model):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=80)
    role: Role = "viewer"
    teams: list[str] = Field(default_factory=list, max_length=100, description="of a lead, those that it leads")


class TokenView(Model):
    id: str
    name: str
    role: Role = "viewer"
    teams: list[str] = Field(default_factory=list)
    created_at: str


class TokenCreated(TokenView):
    token: str


class TeamCreate(Model):
    model_config = ConfigDict(extra="forbid")

    name: KeyName = Field(min_length=1, max_length=80)


class OwnerAdd(Model):
    model_config = ConfigDict(extra="forbid")

    owner: str = Field(min_length=1, max_length=80)


class TeamView(Model):
    """A team with its owners: what keys and telemetry tokens name as theirs."""

    name: str
    owners: list[str] = Field(default_factory=list)
    created_at: str


class AuditEntry(Model):
    """One change. `token`: the name of the console token that made it ("admin": the gateway's own; "gateway": the gateway itself).
    `before`, `after`: the facts that differ; null: it was not there."""

    id: str
    time: str
    token: str
    token_id: str | None = None
    what: str = Field(description="what was done: key created, wallet set, …")
    subject: str = Field(description="the id of what it was done to, or its name where it has no id")
    name: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


class AlertView(Model):
    """Something that people should hear of, told once. `subject`: whom it is about ("key:ID", "team:NAME", "org", "gateway:ID",
    "sender:ID"). `facts`: what its words are made of; amounts are decimal credits. `state`: "waiting" to be sent; "sent"; "failed"
    after all tries, with the `error` of the last; "unsent": no gateway with a webhook was there within a day."""

    id: str
    time: str
    kind: Literal["budget", "forecast", "expiry", "anomaly", "failing", "gateway", "test"]
    severity: Literal["info", "warning", "critical"]
    subject: str
    team: str | None = None
    title: str
    text: str
    facts: dict[str, Any] = Field(default_factory=dict)
    state: Literal["waiting", "sent", "failed", "unsent"]
    tries: int = 0
    sent_at: str | None = None
    error: str | None = None


class AlertTested(Model):
    """What the receiver said to a test. `status` null: no answer came, and `answer` says why; else `answer` is its beginning."""

    id: str
    webhook: str = Field(description="the address without what may be secret in it")
    signed: bool
    delivered: bool
    status: int | None = None
    answer: str = ""


class SenderCreate(Model):
    """A telemetry token: one a person, whose owner and team its requests get."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=80)
    owner: str | None = Field(default=None, max_length=80)
    team: str | None = Field(default=None, max_length=80)


class SenderView(Model):
    id: str
    name: str
    owner: str | None = None
    team: str | None = None
    created_at: str
    last_received: str | None = Field(default=None, description="when something of Codex came by it last")
    fingerprint: str = Field(default="", description="the first 8 hex digits of the token's SHA-256")


class SenderCreated(SenderView):
    token: str


class PersonView(Model):
    """What a person's Codex tells. `state`: "failing" since its requests fail; "silent" since nothing was told of a request;
    else "ok". `cause`: a cause id; `sure`: whether telemetry decides it (it carries a status, and no body)."""

    token: str = Field(description="the name of the telemetry token")
    owner: str | None = None
    team: str | None = None
    codex_version: str | None = None
    provider: str | None = None
    last_turn: str | None = None
    state: Literal["ok", "failing", "silent"]
    since: str
    cause: str | None = None
    sure: bool = True
    status: int | None = None
    message: str | None = None
