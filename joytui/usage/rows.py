"""Usage rows of both sources in one form: the gateway's as it sums them, Codex's own from its rollouts' hours.

The contract is that of `joytui usage --json`; amounts are nano-credits inside, decimal strings outside. Codex's files
know no price, key, owner or tier: those fields are null there, and the cost is 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from joytui.codex.rollouts import RolloutRow
from joytui.core.money import format_credits, parse_credits
from joytui.core.periods import PERIODS, period_label
from joytui.core.records import UsageRow, UsageTotals

NUMBERS = (
    "requests",
    "errors",
    "input_tokens",
    "cached_input_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost_credits",
)


def codex_rows(rows: Iterable[RolloutRow], by: Sequence[str]) -> list[UsageRow]:
    """Codex's rollups summed by these fields (of USAGE_GROUPS), in the order of times, then by tokens."""
    sums: dict[tuple[str | None, ...], list[int]] = {}
    labels: dict[tuple[str, int], str] = {}
    for row in rows:
        place = tuple(_codex_field(row, name, labels) for name in by)
        held = sums.setdefault(place, [0] * 6)
        for index, number in enumerate(row[5:]):
            held[index] += number
    made = [UsageRow(dict(zip(by, place, strict=True)), "codex", UsageTotals(*held)) for place, held in sums.items()]
    return sorted(made, key=_order)


def _codex_field(row: RolloutRow, name: str, labels: dict[tuple[str, int], str]) -> str | None:
    if name in PERIODS:
        key = (name, row.hour)
        if key not in labels:
            labels[key] = period_label(name, row.hour)
        return labels[key]
    if name in ("model", "provider", "project", "thread"):
        value: str | None = getattr(row, name)
        return value
    return None


def gateway_rows(rows: Iterable[Mapping[str, Any]], by: Sequence[str]) -> list[UsageRow]:
    """The rows of the console API's UsageView. Raises ValueError (MoneyError) for an amount that is none."""
    return [UsageRow({name: row.get(name) for name in by}, "gateway", _totals(row)) for row in rows]


def _totals(row: Mapping[str, Any]) -> UsageTotals:
    counts = {name: int(row.get(name) or 0) for name in NUMBERS[:-1]}
    return UsageTotals(**counts, cost_nano=parse_credits(row.get("cost_credits", "0")))


def sum_rows(rows: Iterable[UsageRow]) -> UsageTotals:
    """The totals over rows."""
    sums = [0] * 7
    for row in rows:
        for index, number in enumerate(_numbers(row.totals)):
            sums[index] += number
    return UsageTotals(*sums)


def usage_view(rows: Sequence[UsageRow], asked: Sequence[str] = ()) -> dict[str, Any]:
    """Rows as `joytui usage --json` prints them; `asked`: the sources that were asked, also those without a row.

    `totals` sums every row shown. With both sources a request through the gateway is in it twice, once by each witness:
    `totals_by_source` keeps them apart.
    """
    sources = dict.fromkeys([*asked, *(row.source for row in rows)])
    return {
        "rows": [{**row.by, "source": row.source, **_view(row.totals)} for row in rows],
        "totals": _view(sum_rows(rows)),
        "totals_by_source": {name: _view(sum_rows(row for row in rows if row.source == name)) for name in sources},
    }


def usage_csv(rows: Sequence[UsageRow], by: Sequence[str]) -> str:
    """Rows as CSV (RFC 4180) with a head line. Cells that a spreadsheet would run as a formula begin with a quote."""
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*by, "source", *NUMBERS])
    for row in rows:
        cells = [_cell(row.by.get(name)) for name in by]
        writer.writerow([*cells, row.source, *_view(row.totals).values()])
    return text.getvalue()


def _cell(value: str | None) -> str:
    text = value or ""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _view(totals: UsageTotals) -> dict[str, Any]:
    *counts, cost = _numbers(totals)
    return {**dict(zip(NUMBERS, counts, strict=False)), "cost_credits": format_credits(cost)}


def _numbers(totals: UsageTotals) -> tuple[int, ...]:
    return (
        totals.requests,
        totals.errors,
        totals.input_tokens,
        totals.cached_input_tokens,
        totals.output_tokens,
        totals.reasoning_tokens,
        totals.cost_nano,
    )


def _order(row: UsageRow) -> tuple[Any, ...]:
    times = tuple(row.by[name] or "" for name in row.by if name in PERIODS)
    spent = row.totals.input_tokens + row.totals.output_tokens
    return (*times, -spent, *(value or "" for value in row.by.values()))
