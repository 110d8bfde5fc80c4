"""What was spent as a FOCUS dataset: the columns of the FinOps Open Cost and Usage Specification 1.2 (focus.finops.org), for the
tools that already read every other bill. Pure.

A row is what one key spent in a day (UTC) on a model. Costs are credits times a rate in US dollars; without a rate they are the
credits themselves, and the currency is XXX, ISO 4217's code for none. Nothing is amortised and no discount is known, so the four
costs of FOCUS are one; unit prices are left out, since the figures that are charged are the upstream's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from typing import NamedTuple

from joytui.core.money import NANO_PER_CREDIT
from joytui.core.periods import period_bounds
from joytui.core.sheet import Sheet
from joytui.core.token_counts import UsageRow

VERSION = "1.2"
GROUPS = ("day", "key", "owner", "model", "tier", "provider")
"""What the rows of usage have to be grouped by."""
NO_CURRENCY = "XXX"
PREFIX = "joytui:"
"""Of the tags that are no labels."""


class Account(NamedTuple):
    """Whose bill it is: the gateway's address, who makes the models available, and the labels of the keys by their names. `rate`: US
    dollars a credit."""

    gateway: str
    provider: str
    labels: Mapping[str, Sequence[str]]
    rate: Decimal | None = None


COLUMNS = (
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
    "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart",
    "ConsumedQuantity", "ConsumedUnit", "ContractedCost", "EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingCategory",
    "PricingCurrency", "PricingCurrencyEffectiveCost", "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName",
    "ServiceCategory", "ServiceName", "ServiceSubcategory", "SkuId", "SkuMeter", "SkuPriceId", "SubAccountId", "SubAccountName",
    "SubAccountType", "Tags", "x_Tier", "x_Requests", "x_InputTokens", "x_CachedInputTokens", "x_OutputTokens", "x_ReasoningTokens",
)  # fmt: skip
"""FOCUS's own, by their names; then ours."""


def focus_sheet(rows: Iterable[UsageRow], account: Account) -> Sheet:
    """The dataset of rows by GROUPS. What neither cost nor used anything was no charge, and is left out."""
    charged = [row for row in rows if row.totals.cost_nano or row.totals.input_tokens or row.totals.output_tokens]
    charges = [_charge(row, account) for row in charged]
    return Sheet(COLUMNS, [[charge[column] for column in COLUMNS] for charge in charges])


def _charge(row: UsageRow, account: Account) -> dict[str, object]:
    totals, key, model = row.totals, row.by["key"], row.by["model"]
    day = datetime.fromisoformat(row.by["day"] or "").replace(tzinfo=UTC)
    tokens = totals.input_tokens + totals.output_tokens
    credits, cost = _amounts(totals.cost_nano, account.rate)
    sku = model or row.by["tier"] or account.provider
    return {
        **_period("Charge", "day", day),
        **_period("Billing", "month", day),
        **dict.fromkeys(("BilledCost", "EffectiveCost", "ContractedCost", "ListCost"), cost),
        "BillingAccountId": account.gateway,
        "BillingAccountName": f"joytui gateway {account.gateway}",
        "BillingCurrency": NO_CURRENCY if account.rate is None else "USD",
        "ChargeCategory": "Usage",
        "ChargeClass": None,
        "ChargeDescription": f"{sku}: {totals.input_tokens} input and {totals.output_tokens} output tokens",
        "ChargeFrequency": "Usage-Based",
        "ConsumedQuantity": tokens,
        "ConsumedUnit": "Tokens",
        "InvoiceIssuerName": account.provider,
        "PricingCategory": "Standard",
        "PricingCurrency": "Credits",
        "PricingCurrencyEffectiveCost": credits,
        "PricingQuantity": tokens,
        "PricingUnit": "Tokens",
        "ProviderName": account.provider,
        "PublisherName": row.by["provider"] or account.provider,
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": account.provider,
        "ServiceSubcategory": "Generative AI",
        "SkuId": sku,
        "SkuMeter": "Tokens",
        "SkuPriceId": sku,
        "SubAccountId": key,
        "SubAccountName": key,
        "SubAccountType": "API key" if key else None,
        "Tags": _tags(row.by["owner"], account.labels.get(key or "", ())),
        "x_Tier": row.by["tier"],
        "x_Requests": totals.requests,
        "x_InputTokens": totals.input_tokens,
        "x_CachedInputTokens": totals.cached_input_tokens,
        "x_OutputTokens": totals.output_tokens,
        "x_ReasoningTokens": totals.reasoning_tokens,
    }


def _period(what: str, period: str, day: datetime) -> dict[str, object]:
    edges = zip(("Start", "End"), period_bounds(period, day), strict=True)
    return {f"{what}Period{name}": edge.strftime("%Y-%m-%dT%H:%M:%SZ") for name, edge in edges}


def _tags(owner: str | None, labels: Sequence[str]) -> str | None:
    """A key's labels, which have no values, and its owner."""
    tags: dict[str, str | bool] = {label: True for label in labels if not label.startswith(PREFIX)}
    if owner:
        tags[f"{PREFIX}owner"] = owner
    return json.dumps(tags, ensure_ascii=False) if tags else None


def _amounts(nano: int, rate: Decimal | None) -> tuple[str, str]:
    """Credits, and what they cost: digits and a point, no exponent, nothing rounded."""
    with localcontext() as context:
        context.prec = 60
        credits = Decimal(nano) / NANO_PER_CREDIT
        amounts = credits, credits if rate is None else credits * rate
        shown = [f"{amount.normalize():f}" for amount in amounts]
    return shown[0], shown[1]
