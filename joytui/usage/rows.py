"""Usage rows of both sources in one form: the gateway's as it sums them, Codex's own from its rollouts' hours.

The contract is that of `joytui usage --json`; amounts are nano-credits inside, decimal strings outside. Codex's files
know no price, key, owner, label, team or tier: those fields are null there, and the cost is 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from joytui.codex.rollouts import Origin, RolloutRow
from joytui.core.periods import PERIODS, period_label
from joytui.core.sheet import Sheet
from joytui.core.token_counts import OTHERS, USAGE_NUMBERS, UsageRow, UsageTotals


def codex_rows(rows: Iterable[RolloutRow], by: Sequence[str], top: int | None = None) -> list[UsageRow]:
    """Codex's rollups summed by these fields (of USAGE_GROUPS), in the order of times, then by tokens.

    `top`: this many values of the one field that is not a time, those with the most tokens; all others are OTHERS.
    """
    if top is not None:
        (field,) = (name for name in by if name not in PERIODS)
        rows = _with_others(list(rows), field, top)
    groups: dict[tuple[str | None, ...], list[UsageTotals]] = {}
    labels: dict[tuple[str, int], str] = {}
    for row in rows:
        place = tuple(_codex_field(row, name, labels) for name in by)
        groups.setdefault(place, []).append(row.totals)
    made = [
        UsageRow(dict(zip(by, place, strict=True)), "codex", UsageTotals.sum(parts)) for place, parts in groups.items()
    ]
    return sorted(made, key=_order)


def _with_others(rows: Sequence[RolloutRow], field: str, top: int) -> list[RolloutRow]:
    largest = sorted(codex_rows(rows, [field]), key=_order)[:top]
    kept = {row.by[field] for row in largest}
    return [row if _codex_field(row, field, {}) in kept else _as_other(row, field) for row in rows]


def _as_other(row: RolloutRow, field: str) -> RolloutRow:
    changed: dict[str, Any] = {field: OTHERS}
    if field in Origin._fields:
        return row._replace(origin=row.origin._replace(**changed))
    return row._replace(**changed)


def _codex_field(row: RolloutRow, name: str, labels: dict[tuple[str, int], str]) -> str | None:
    if name in PERIODS:
        key = (name, row.hour)
        if key not in labels:
            labels[key] = period_label(name, row.hour)
        return labels[key]
    held = row if name in ("model", "provider", "project", "thread") else row.origin
    value: str | None = getattr(held, name, None)
    return value


def gateway_rows(rows: Iterable[Mapping[str, Any]], by: Sequence[str]) -> list[UsageRow]:
    """The rows of the console API's UsageView. Raises ValueError (MoneyError) for an amount that is none."""
    return [UsageRow({name: row.get(name) for name in by}, "gateway", UsageTotals.of(row)) for row in rows]


def totals_of(rows: Iterable[UsageRow], source: str) -> UsageTotals:
    """The sums of a source's rows. (Rows by label overlap: of those the source itself knows the totals.)"""
    return UsageTotals.sum(row.totals for row in rows if row.source == source)


def usage_view(
    rows: Sequence[UsageRow],
    asked: Sequence[str],
    totals: Mapping[str, UsageTotals] | None = None,
    joined: UsageTotals | None = None,
) -> dict[str, Any]:
    """Rows as `joytui usage --json` prints them; `asked`: the sources that were asked, also those without a row; `totals` by
    source, where they are not the sums of the rows.

    `totals_by_source` has the sums of each source. `totals` are those of the one source; where both were asked: a turn through
    the gateway has two witnesses then, and `joined` counts it once (`usage.witnesses`); null where nobody has joined them.
    """
    known = totals or {}
    sums = {name: (known.get(name) or totals_of(rows, name)).numbers() for name in asked}
    return {
        "rows": [row.shown() for row in rows],
        "totals": sums[asked[0]] if len(asked) == 1 else joined.numbers() if joined else None,
        "totals_by_source": sums,
    }


def usage_sheet(rows: Sequence[UsageRow], by: Sequence[str]) -> Sheet:
    """Rows as a table: the fields, the source, the numbers of the JSON."""
    cells = [[*(row.by.get(name) for name in by), row.source, *row.totals.numbers().values()] for row in rows]
    return Sheet((*by, "source", *USAGE_NUMBERS), cells)


def _order(row: UsageRow) -> tuple[Any, ...]:
    times = tuple(row.by[name] or "" for name in row.by if name in PERIODS)
    spent = row.totals.input_tokens + row.totals.output_tokens
    return (*times, OTHERS in row.by.values(), -spent, *(value or "" for value in row.by.values()))
