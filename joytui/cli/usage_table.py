"""Usage rows as a table, with the totals of one source under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from joytui.cli.amounts import local_hour
from joytui.cli.columns import Column, emit_table
from joytui.cli.output import say
from joytui.core.amounts import count, credits
from joytui.core.token_counts import UsageRow, UsageTotals

NUMBERS = (
    Column("requests", right=True, rank=1),
    Column("errors", right=True, rank=3),
    Column("input", right=True, rank=3),
    Column("cached", right=True, rank=4),
    Column("output", right=True, rank=2),
    Column("reasoning", right=True, rank=5),
    Column("cost", right=True),
)


def emit_usage(rows: Sequence[UsageRow], by: Sequence[str], totals: Mapping[str, UsageTotals]) -> None:
    """The rows on stdout; `totals` by source. With both sources there is no total: a turn through the gateway has two witnesses then."""
    sources = dict.fromkeys(row.source for row in rows)
    names = [*by, *(["source"] if len(sources) > 1 else [])]
    columns = [*(Column(name, least=None if name == "hour" else 8) for name in names), *NUMBERS]
    lines = [[*_places(row, names), *_numbers(row.totals)] for row in rows] if names else []
    if len(sources) == 1:
        (source,) = sources
        lines.append([*["total", *[""] * len(names)][: len(names)], *_numbers(totals[source])])
    emit_table(columns, lines)
    if len(sources) > 1:
        say("requests through the gateway are in both sources, so the two are not added up")
    if "label" in by:
        say("a key with two labels is in both rows, but counts once in the total")


def _places(row: UsageRow, names: list[str]) -> list[str]:
    values = {**row.by, "source": row.source}
    shown = [(name, values[name] or "-") for name in names]
    return [local_hour(value) if name == "hour" else value for name, value in shown]


def _numbers(totals: UsageTotals) -> list[str]:
    """The cells of NUMBERS; what is mostly 0 is left empty there, so that its column goes where it says nothing."""
    seldom = {"errors": totals.errors, "cached": totals.cached_input_tokens, "reasoning": totals.reasoning_tokens}
    cells = {name: count(number) if number else "" for name, number in seldom.items()}
    return [
        str(totals.requests),
        cells["errors"],
        count(totals.input_tokens),
        cells["cached"],
        count(totals.output_tokens),
        cells["reasoning"],
        credits(totals.cost_nano),
    ]
