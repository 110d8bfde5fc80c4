"""From what was asked to the models that may answer, in the order to try them: JoyToken's checks, then the router.

The order is that of JoyToken's guardrails page: blocked and address, tiers, fixed model and blacklist, then the route.
Money comes after (`Ledger.reserve`). Pure: the same code serves requests and the dry run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from joytui.core.joytoken import AUTO_MODEL, FALLBACK_ORDER
from joytui.gateway import refusals
from joytui.gateway.catalog import DEFAULT_FREEZE, Catalog, Model, dearest, reserve
from joytui.gateway.policy import (
    Policy,
    allowed_tiers,
    blacklisted,
    check_address,
    check_blacklist,
    check_blocked,
    effective_model,
)
from joytui.ledger.records import Candidate

FIRST_TIER = {"COST_FIRST": "economy", "QUALITY_FIRST": "premium"}


@dataclass(frozen=True, slots=True)
class Ask:
    """What a request wants. Token counts are estimates for the freeze, `output_tokens` that of each of its `answers`;
    `features` what a model must have (vision)."""

    model: str | None = None
    tier: str | None = None
    address: str | None = None
    features: frozenset[str] = frozenset()
    input_tokens: int = 0
    output_tokens: int | None = None
    answers: int = 1


@dataclass(frozen=True, slots=True)
class Market:
    """What can be routed to. `forwards_auto`: the upstream routes `auto` itself. `open`: unknown models are passed on.
    `stands_for`: the names that the settings give to models of the upstreams. `listed`: the catalog's models are there, by the
    upstream's list or the settings; else it only has prices."""

    catalog: Catalog
    provider: str
    open: bool = False
    forwards_auto: bool = False
    auto_model: str | None = None
    default_model: str = AUTO_MODEL
    default_output_tokens: int = 1024
    default_freeze: int = DEFAULT_FREEZE
    stands_for: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    listed: bool = True

    def names(self, model: str) -> tuple[str, ...]:
        """What a model is called here and at the upstreams: a key's policy may forbid it by each of them."""
        return (model, *self.stands_for.get(model, ()))


def route(policy: Policy, ask: Ask, market: Market) -> list[Candidate]:
    """The candidates of a request, best first, each with the most that it may cost. Raises Refused."""
    check_blocked(policy)
    check_address(policy, ask.address)
    tiers = allowed_tiers(policy, ask.tier)
    model = effective_model(policy, ask.model, market.default_model)
    if model != AUTO_MODEL:
        check_blacklist(policy, *market.names(model))
        return [_pinned(model, tiers, ask, market)]
    return _automatic(policy, tiers, ask, market)


def _pinned(key: str, tiers: tuple[str, ...], ask: Ask, market: Market) -> Candidate:
    model = market.catalog.get(key)
    if model is None:
        if not market.open:
            raise refusals.model_not_found(key)
        model = Model(key, key)
    if model.tier is not None and model.tier not in tiers:
        raise refusals.policy(
            f"model {key} is in the tier {model.tier}, but this request may only use {', '.join(tiers)}", step="tier"
        )
    return _candidate(model, model.tier or _first_tier(tiers, "BALANCE"), ask, market)


def _automatic(policy: Policy, tiers: tuple[str, ...], ask: Ask, market: Market) -> list[Candidate]:
    strategy = policy.routing_strategy
    if market.forwards_auto:
        return [_forwarded(tier, ask, market) for tier in _tier_order(tiers, strategy)]
    if market.auto_model:
        check_blacklist(policy, *market.names(market.auto_model))
        return [_pinned(market.auto_model, tiers, ask, market)]
    models = [m for m in market.catalog.models.values() if not blacklisted(policy, *market.names(m.key))]
    found = [_candidate(m, m.tier or t, ask, market) for t, m in _ranked(models, tiers, strategy, ask)]
    if not found:
        wanted = f" with {', '.join(sorted(ask.features))}" if ask.features else ""
        raise refusals.no_route(f"no usable model{wanted} within the key's policy (tiers: {', '.join(tiers)})")
    return found


def _ranked(models: list[Model], tiers: tuple[str, ...], strategy: str, ask: Ask) -> Iterator[tuple[str, Model]]:
    """The best model of each tier by the strategy, tiers in the fallback order. A model without a tier fits any."""
    for tier in _tier_order(tiers, strategy):
        fitting = [
            m
            for m in models
            if m.tier in (tier, None) and (not ask.features or not m.features or ask.features <= set(m.features))
        ]
        if fitting:
            yield tier, max(fitting, key=_worth(strategy))


def _worth(strategy: str) -> Callable[[Model], tuple[float, float]]:
    """Higher is better. Balance is quality for its price."""

    def price(model: Model) -> float:
        return float(model.prices.input + model.prices.output) if model.prices else 0.0

    def worth(model: Model) -> tuple[float, float]:
        score = model.score or 0.0
        if strategy == "COST_FIRST":
            return -price(model), score
        if strategy == "QUALITY_FIRST":
            return score, -price(model)
        if strategy == "SPEED_FIRST":
            return model.speed or 0.0, score
        return score / (price(model) + 1.0), score

    return worth


def _first_tier(tiers: tuple[str, ...], strategy: str) -> str:
    return _tier_order(tiers, strategy)[0]


def _tier_order(tiers: tuple[str, ...], strategy: str) -> list[str]:
    """JoyToken's fallback order from the strategy's first tier (standard, its balanced default), as far as allowed."""
    return [tier for tier in FALLBACK_ORDER[FIRST_TIER.get(strategy, "standard")] if tier in tiers]


def _forwarded(tier: str, ask: Ask, market: Market) -> Candidate:
    """`auto` for the upstream to route: held at the price of the dearest model of that tier that we know of."""
    held = _candidate(dearest(market.catalog, tier) or Model(AUTO_MODEL, AUTO_MODEL), tier, ask, market)
    return held._replace(model=AUTO_MODEL, provider=market.provider)


def _candidate(model: Model, tier: str, ask: Ask, market: Market) -> Candidate:
    """Without a price, each step of output is held at the default freeze."""
    provider, step = model.provider or market.provider, market.default_output_tokens
    if model.prices is None:
        return Candidate(model.key, provider, tier, market.default_freeze, step, market.default_freeze)
    output = ask.answers * (step if ask.output_tokens is None else ask.output_tokens)
    held = reserve(model.prices, ask.input_tokens, output)
    return Candidate(model.key, provider, tier, held, output, reserve(model.prices, 0, step))
