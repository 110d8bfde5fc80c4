"""What a key may do, as a value made from its snapshot, and the checks that need nothing but it and the request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joytui.core.joytoken import AUTO_MODEL, TIERS
from joytui.core.money import parse_credits
from joytui.gateway import refusals
from joytui.gateway.addresses import Network, listed, parse_networks
from joytui.ledger.records import PERIODS, Period


@dataclass(frozen=True, slots=True)
class Breaker:
    """Stops a task that runs away: one that asks more often within a minute than that, or has more identical turns in a row. None
    does not limit."""

    requests_per_minute: int | None
    identical_turns: int | None


@dataclass(frozen=True, slots=True)
class Policy:
    """A parsed policy snapshot; empty lists do not limit. Limits are nano-credits by period. `per_task`: the
    total of each task, with all of its sub-agents."""

    fixed_model: str | None = None
    tiers: tuple[str, ...] = ()
    model_blacklist: frozenset[str] = frozenset()
    ip_allow: tuple[Network, ...] = ()
    ip_block: tuple[Network, ...] = ()
    limits: tuple[tuple[Period, int], ...] = ()
    per_task: int | None = None
    routing_strategy: str = "BALANCE"
    logs: bool = True
    blocked: bool = False
    block_reason: str | None = None
    breaker: Breaker | None = None


def parse_policy(snapshot: Mapping[str, Any]) -> Policy:
    """A snapshot (the fields of `wire.PolicyView`) as a policy. Raises ValueError for what cannot be one."""
    limits = tuple(
        (period, parse_credits(str(snapshot[f"{period}_limit"])))
        for period in PERIODS
        if snapshot.get(f"{period}_limit") is not None
    )
    tiers = tuple(snapshot.get("tiers") or ())
    if unknown := set(tiers) - set(TIERS):
        raise ValueError(f"no such tier: {', '.join(sorted(unknown))}")
    per_task = snapshot.get("per_task_limit")
    logs = bool(snapshot.get("logs", True))
    if per_task is not None and not logs:
        raise ValueError("a limit per task needs logs: without them, requests are not assigned to tasks")
    most = Breaker(snapshot.get("max_requests_per_minute"), snapshot.get("max_identical_turns"))
    breaker = None if most == Breaker(None, None) else most
    if breaker is not None and not logs:
        raise ValueError("a breaker needs logs: without them, requests are not assigned to tasks")
    return Policy(
        fixed_model=snapshot.get("fixed_model") or None,
        tiers=tiers,
        model_blacklist=frozenset(name.strip().lower() for name in snapshot.get("model_blacklist") or ()),
        ip_allow=parse_networks(snapshot.get("ip_allow") or ()),
        ip_block=parse_networks(snapshot.get("ip_block") or ()),
        limits=limits,
        per_task=None if per_task is None else parse_credits(str(per_task)),
        routing_strategy=snapshot.get("routing_strategy") or "BALANCE",
        logs=logs,
        blocked=bool(snapshot.get("blocked", False)),
        block_reason=snapshot.get("block_reason"),
        breaker=breaker,
    )


def check_blocked(policy: Policy) -> None:
    if policy.blocked:
        reason = f": {policy.block_reason}" if policy.block_reason else ""
        raise refusals.policy(f"this key is blocked by its policy{reason}", step="blocked")


def check_address(policy: Policy, address: str | None) -> None:
    if policy.ip_block and listed(address, policy.ip_block):
        raise refusals.policy(f"IP {address} is blocked by the key's policy", step="ip")
    if policy.ip_allow and not listed(address, policy.ip_allow):
        allowed = ", ".join(str(n) for n in policy.ip_allow[:4]) + (", …" if len(policy.ip_allow) > 4 else "")
        raise refusals.policy(f"IP {address} is not allowed by the key's policy (allowed: {allowed})", step="ip")


def allowed_tiers(policy: Policy, requested: str | None) -> tuple[str, ...]:
    """The tiers that remain of the policy's and the request's. Raises Refused (403) where none does."""
    allowed = policy.tiers or TIERS
    if requested is None:
        return allowed
    if requested not in TIERS:
        raise refusals.policy(f"invalid tier {requested!r}: economy, standard or premium", step="tier")
    if requested not in allowed:
        raise refusals.policy(
            f"requested tier is not allowed: {requested} (this key may use {', '.join(allowed)})", step="tier"
        )
    return (requested,)


def effective_model(policy: Policy, asked: str | None, default: str) -> str:
    """The model to route: the key's fixed one, the asked one, or the default. Raises Refused (403) on a mismatch."""
    model = asked or default
    if policy.fixed_model and model not in (AUTO_MODEL, policy.fixed_model):
        raise refusals.policy(
            f"model {model} is not allowed: this key is fixed to {policy.fixed_model} (use it, or auto)", step="model"
        )
    return policy.fixed_model or model


def check_blacklist(policy: Policy, *models: str) -> None:
    for model in models:
        if blacklisted(policy, model):
            raise refusals.policy(f"model {model} is blacklisted by the key's policy", step="model")


def blacklisted(policy: Policy, *names: str) -> bool:
    """By one of its names, or by one without the vendor ("gpt-x" also stops "openai/gpt-x")."""
    if not policy.model_blacklist:
        return False
    lower = [name.lower() for name in names]
    return any(n in policy.model_blacklist or n.rsplit("/", 1)[-1] in policy.model_blacklist for n in lower)
