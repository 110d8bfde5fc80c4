"""Token counts, and usage in numbers: what every source, the store, the screens and `joytui usage` add up, and its JSON.

Imported on the way to the first line of `joytui usage`: tuples with names, for `dataclasses` alone would cost 7 ms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import sub
from typing import Any, Literal, NamedTuple

from joytui.core.money import format_credits, parse_credits

USAGE_GROUPS = (
    "key", "owner", "team", "label", "model", "tier", "provider", "client", "project", "repo", "branch", "commit", "task",
    "thread", "hour", "day", "week", "month",
)  # fmt: skip
"""What usage can be grouped by. A task is a root thread with its sub-agents. A key with two labels is in both rows of `label`,
and counts once in the totals; of all others a request is in one row. The gateway knows no branch."""
MANY = ("client", "project", "repo", "branch", "commit", "task", "thread")
"""Those that may have tens of thousands of values: of these the dearest may be asked for."""
TOKEN_NAMES = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens")
"""How the counts are called in the store and in JSON."""
USAGE_NUMBERS = ("requests", "errors", *TOKEN_NAMES, "cost_credits")
"""The numbers of a row as they are in JSON and CSV; the cost is a decimal string there."""


MOST_TOP = 1_000
"""How many groups may be asked for as the dearest."""

OTHERS = "(others)"
"""What all the groups are called together that are not among the largest that were asked for."""


class TokenCounts(NamedTuple):
    """`cached` is part of `input`, `reasoning` part of `output`."""

    input: int = 0
    cached: int = 0
    output: int = 0
    reasoning: int = 0

    @classmethod
    def sum(cls, parts: Iterable[TokenCounts]) -> TokenCounts:
        """All of them added up; zeros of nothing."""
        return cls(*map(sum, zip(*parts, strict=True)))

    def named(self) -> dict[str, int]:
        """As they are in JSON: TOKEN_NAMES."""
        return dict(zip(TOKEN_NAMES, self, strict=True))


Tests = Literal["in", "out", "only"]
"""Whether the test requests of `joytui doctor` count in sums: with the others, not at all, or nothing else."""


Teller = Literal["gateway", "telemetry"]
"""Whose requests are summed: those that a gateway saw, or those that only Codex's telemetry reported."""


class UsageTotals(NamedTuple):
    """Sums over requests: how many, how many failed, TokenCounts by TOKEN_NAMES, nano-credits."""

    requests: int = 0
    errors: int = 0
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cost_nano: int = 0

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> UsageTotals:
        """The numbers of a row of the wire; what is missing is 0. Raises ValueError (MoneyError) for what is not a number."""
        counts = (int(row.get(name) or 0) for name in USAGE_NUMBERS[:-1])
        return cls._make([*counts, parse_credits(row.get("cost_credits") or "0")])

    @classmethod
    def sum(cls, parts: Iterable[UsageTotals]) -> UsageTotals:
        """All of them added up; zeros of nothing."""
        return cls(*map(sum, zip(*parts, strict=True)))

    def less(self, part: UsageTotals) -> UsageTotals:
        """What is left without a part of it."""
        return UsageTotals._make(map(sub, self, part))

    def numbers(self) -> dict[str, Any]:
        """As they are in JSON: USAGE_NUMBERS."""
        shown: list[int | str] = list(self)
        shown[-1] = format_credits(self.cost_nano)
        return dict(zip(USAGE_NUMBERS, shown, strict=True))


class UsageRow(NamedTuple):
    """Totals for one combination of grouping fields (USAGE_GROUPS), `by` in the order that was asked for."""

    by: Mapping[str, str | None]
    source: Literal["gateway", "codex"]
    totals: UsageTotals

    def shown(self) -> dict[str, Any]:
        """As it is in JSON: the fields, the source, the numbers."""
        return {**self.by, "source": self.source, **self.totals.numbers()}
