"""The console API's data as pydantic models: the trust boundary between the gateway and whoever watches it.

Amounts of credits cross the wire as decimal strings, times as RFC 3339 UTC. Import it late: pydantic costs 0.1 s.

    GET    /console/v1/status                                       -> GatewayStatus
    GET    /console/v1/keys                                         -> {"keys": [KeyView]}
    POST   /console/v1/keys                       KeyCreate         -> KeyCreated
    POST   /console/v1/keys/{id}/revoke                             -> KeyView
    GET    /console/v1/requests                   filter since until limit before -> {"requests": [RequestView], "next": str|null}
    GET    /console/v1/requests/{id}                                -> RequestView     (by own id or request id)
    GET    /console/v1/requests/stream            after filter      -> SSE; data: {"requests": [RequestView]}, id: the newest sequence
    GET    /console/v1/usage                      by (repeated) since until -> UsageView
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from joytui.core.money import format_credits
from joytui.core.records import RequestRecord


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
    routing_strategy: Literal["BALANCE", "COST_FIRST", "QUALITY_FIRST", "SPEED_FIRST"] = "BALANCE"
    logs: bool = True
    blocked: bool = False
    block_reason: str | None = None


class KeyCreate(Model):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=80)
    owner: str | None = Field(default=None, max_length=80)
    labels: list[str] = Field(default_factory=list, max_length=20)
    expires_at: str | None = None
    policy: PolicyView = Field(default_factory=PolicyView)


class BudgetView(Model):
    """One limit of a key and how much of it is gone. `resets_at` is null for a total."""

    period: Literal["daily", "weekly", "total"]
    limit: str
    spent: str
    held: str
    left: str
    resets_at: str | None = None


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
    clients: list[str] = Field(default_factory=list)


class KeyCreated(KeyView):
    """The answer to creating (or rotating) a key: the only place where the plain key ever stands."""

    key: str


class RequestView(Model):
    """One line of `joytui logs --json`; overview.md's contract, `seq` and `notes` beyond it."""

    seq: int = 0
    id: str
    time: str
    key: str | None = None
    key_id: str | None = None
    model: str | None = None
    model_used: str | None = None
    provider: str | None = None
    tier: str | None = None
    endpoint: str
    status: int | None = None
    error_type: str | None = None
    error_message: str | None = None
    cause: str | None = None
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cost_credits: str = "0"
    cost_source: Literal["upstream", "estimated", "none"] = "none"
    ttft_ms: float | None = None
    latency_ms: float | None = None
    stream: bool = False
    request_id: str
    upstream_id: str | None = None
    thread_id: str | None = None
    client: str | None = None
    ip: str | None = None
    notes: str | None = None


class UsageNumbers(Model):
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


class GatewayStatus(Model):
    version: str
    url: str
    pid: int
    started_at: str
    upstream: str | None = None
    upstream_api: str | None = None
    store: str
    keys: int = 0
    requests: int = 0
    consoles: int = 0
    last_seq: int = 0


def request_view(record: RequestRecord, seq: int = 0) -> dict[str, Any]:
    """A record as one line of the logs' JSON (a plain dict: no validation on the hot path)."""
    from joytui.core.records import to_json

    data = to_json(record)
    data["cost_credits"] = format_credits(data.pop("cost_nano"))
    return {"seq": seq, **data}
