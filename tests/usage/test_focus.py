"""`joytui usage --focus` against the column rules of FOCUS 1.2: names, types, nullability, allowed values (focus_1_2.json)."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from joytui.core.money import MAX_NANO
from joytui.core.sheet import csv_text
from joytui.core.token_counts import UsageRow, UsageTotals
from joytui.usage.focus import COLUMNS, GROUPS, NO_CURRENCY, Account, focus_sheet

SPEC = json.loads((Path(__file__).parent / "focus_1_2.json").read_text())
RULES: dict[str, tuple[str, bool, str]] = {name: tuple(rule) for name, rule in SPEC["columns"].items()}
"""Of each column: "Mandatory", "Conditional" or "Recommended", whether it may be null, and its type."""
TYPES = {
    "Decimal": r"-?\d+(\.\d+)?",
    "Date/Time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "String": r"(?s).*\S.*",
    "JSON": r"\{.*\}",
}
CURRENCY = r"[A-Z]{3}"
ACCOUNT = Account("http://127.0.0.1:8791", "JoyToken", {"dev": ["web", "night"], "ci": []}, Decimal("0.0123"))

TEXTS = st.one_of(st.none(), st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=1, max_size=12))
TOTALS = st.builds(UsageTotals, *[st.integers(0, 10**6)] * 6, st.integers(0, MAX_NANO))
ROWS = st.builds(
    lambda day, texts, totals: UsageRow(dict(zip(GROUPS, (day.isoformat(), *texts), strict=True)), "gateway", totals),
    st.dates(min_value=datetime(2020, 1, 1).date(), max_value=datetime(2030, 12, 30).date()),
    st.tuples(st.sampled_from([None, "dev", "ci", "gone"]), TEXTS, TEXTS, TEXTS, TEXTS), TOTALS,
)  # fmt: skip


def dataset(rows: list[UsageRow], account: Account = ACCOUNT) -> list[dict[str, str | None]]:
    """As a tool reads it: an empty cell is null."""
    read = csv.DictReader(io.StringIO(csv_text(focus_sheet(rows, account)), newline=""))
    return [{name: value or None for name, value in charge.items()} for charge in read]


def row(**fields: Any) -> UsageRow:
    by = {
        "day": "2026-11-30",
        "key": "dev",
        "owner": "Ada",
        "model": "gpt-5.5",
        "tier": "standard",
        "provider": "openai",
    }
    return UsageRow({**by, **fields}, "gateway", UsageTotals(3, 1, 1200, 1000, 90, 12, 1_500_000_000))


def test_its_columns_are_focuss_and_then_ours() -> None:
    ours = [name for name in COLUMNS if name not in RULES]
    assert [*COLUMNS[-len(ours) :]] == ours, "custom columns stand after all of FOCUS's"
    assert all(re.fullmatch(r"x_([A-Z][a-z]+)+", name) for name in ours)
    assert {name for name, (level, *_) in RULES.items() if level == "Mandatory"} <= set(COLUMNS)
    assert len(set(COLUMNS)) == len(COLUMNS)


@settings(max_examples=60, deadline=None)
@given(st.lists(ROWS, max_size=4), st.sampled_from([None, Decimal("0.0123"), Decimal("0.000000001"), Decimal(7)]))
def test_every_value_is_as_its_column_says(rows: list[UsageRow], rate: Decimal | None) -> None:
    for charge in dataset(rows, ACCOUNT._replace(rate=rate)):
        for name, value in charge.items():
            if name not in RULES:
                continue
            _, nulls, kind = RULES[name]
            assert value is not None or nulls, f"{name} is null"
            assert value is None or re.fullmatch(TYPES[kind], value), (name, value)
            assert value is None or value in SPEC["allowed"].get(name, [value]), (name, value)
        conditions(charge)


def conditions(charge: dict[str, str | None]) -> None:
    """What FOCUS wants of columns together, where a row is the usage of a service."""
    assert re.fullmatch(CURRENCY, charge["BillingCurrency"] or "")
    for quantity, unit in (("PricingQuantity", "PricingUnit"), ("ConsumedQuantity", "ConsumedUnit")):
        assert charge[quantity] is not None, "not null for Usage"
        assert charge[unit] is not None
    assert all(charge[name] is not None for name in ("SkuId", "SkuPriceId", "PricingCategory", "PricingCurrency"))
    assert charge["PricingCurrencyEffectiveCost"] is not None
    assert len({charge[f"SubAccount{part}"] is None for part in ("Id", "Name", "Type")}) == 1
    assert (
        (charge["BillingPeriodStart"] or "") <= (charge["ChargePeriodStart"] or "") < (charge["ChargePeriodEnd"] or "")
    )
    assert (charge["ChargePeriodEnd"] or "") <= (charge["BillingPeriodEnd"] or "")
    tags = json.loads(charge["Tags"] or "{}")
    assert all(isinstance(value, (str, bool)) for value in tags.values())


@settings(max_examples=30, deadline=None)
@given(st.lists(ROWS, max_size=6))
def test_every_credit_is_in_one_charge(rows: list[UsageRow]) -> None:
    charges = dataset(rows)
    nano = sum(int(Decimal(charge["PricingCurrencyEffectiveCost"] or 0) * 10**9) for charge in charges)
    assert nano == sum(row.totals.cost_nano for row in rows)
    for name in ("BilledCost", "EffectiveCost", "ContractedCost", "ListCost"):
        assert sum(Decimal(charge[name] or 0) for charge in charges) == Decimal(nano) / 10**9 * Decimal("0.0123")


def test_a_charge() -> None:
    [charge] = dataset([row()])
    told = {
        "BilledCost": "0.01845", "BillingCurrency": "USD", "PricingCurrencyEffectiveCost": "1.5", "SubAccountId": "dev",
        "BillingPeriodStart": "2026-11-01T00:00:00Z", "BillingPeriodEnd": "2026-12-01T00:00:00Z",
        "ChargePeriodStart": "2026-11-30T00:00:00Z", "ChargePeriodEnd": "2026-12-01T00:00:00Z",
        "SkuId": "gpt-5.5", "PublisherName": "openai", "ProviderName": "JoyToken", "ConsumedQuantity": "1290",
        "x_Tier": "standard", "x_Requests": "3", "x_CachedInputTokens": "1000",
    }  # fmt: skip
    assert {name: charge[name] for name in told} == told
    assert json.loads(charge["Tags"] or "") == {"web": True, "night": True, "joytui:owner": "Ada"}


def test_without_a_rate_it_is_credits_in_no_currency() -> None:
    [charge] = dataset([row()], ACCOUNT._replace(rate=None))
    assert (charge["BilledCost"], charge["BillingCurrency"]) == ("1.5", NO_CURRENCY)


def test_a_refusal_is_no_charge() -> None:
    assert dataset([row()._replace(totals=UsageTotals(1, 1))]) == []
