"""Token counts and JoyToken's billing records, read from whatever form they come in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from joytui.core.money import NANO_PER_CREDIT, MoneyError, parse_credits
from joytui.core.token_counts import TokenCounts
from joytui.gateway.bridge.quirks import DEFAULT, UsageSpelling

MOST_TOKENS = 10**12
MOST_COST = 1_000_000 * NANO_PER_CREDIT
"""More than one answer can have. What an upstream says beyond it is not believed: sums of it would burst the ledger's 64 bits.
(What is believed of one answer is far less: `gateway.metering`.)"""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one answer used; `total` if the upstream reports it. `odd`: input or output was reported as something other than a count,
    and is here as 0."""

    tokens: TokenCounts
    total: int | None = None
    odd: bool = False

    def to_responses(self) -> dict[str, Any]:
        """The form that Codex reads; one without `input_tokens` fails the turn (observed with Codex 0.169.0)."""
        tokens = self.tokens
        return {
            "input_tokens": tokens.input,
            "input_tokens_details": {"cached_tokens": tokens.cached},
            "output_tokens": tokens.output,
            "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
            "total_tokens": tokens.input + tokens.output if self.total is None else self.total,
        }

    def to_chat(self) -> dict[str, Any]:
        tokens = self.tokens
        return {
            "prompt_tokens": tokens.input,
            "completion_tokens": tokens.output,
            "total_tokens": tokens.input + tokens.output if self.total is None else self.total,
            "prompt_tokens_details": {"cached_tokens": tokens.cached},
            "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
        }


_ELSEWHERE = (
    *("usageMetadata", "usage_metadata", "token_usage", "amazon-bedrock-invocationMetrics"),
    *("timings", "meta", "details", "x_groq", "data"),
)
"""Where counts are that are not in `usage`: Gemini and Vertex, relays, Bedrock; llama.cpp, Cohere, TGI, Groq; an event's `data`.
`metadata` is none of them: there JoyToken has its own records, and Bedrock its usage."""
_AT_THE_TOP = ("prompt_eval_count", "tokens_evaluated", "eval_count", "tokens_predicted")
"""Ollama's and llama.cpp's own names, which nobody else has: counts beside the choices."""
_COHERE = ("tokens", "billed_units")
"""Cohere has the true counts in the one and what it bills in the other. Both are objects: a number under one of these names is
somebody else's."""


def find_usage(chunk: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The object with the counts of a chunk or body, from where vendors put it: `usage` beside the choices, in the first of them
    (Moonshot) or in its delta, else a place of `_ELSEWHERE`. An upstream that has `usage` means that: no other place is looked at."""
    if found := _object(chunk.get("usage")):
        return _inner(found)
    choices = chunk.get("choices")
    choice = _object(choices[0]) if isinstance(choices, list) and choices else None
    if choice and (found := _object(choice.get("usage")) or _of_delta(choice)):
        return _inner(found)
    for name in _ELSEWHERE:
        if name in chunk and (found := _object(chunk[name])) and has_counts(found := _inner(found)):
            return found
    if choices is None and (found := _alone(chunk)):
        return found
    return chunk if any(name in chunk for name in _AT_THE_TOP) and has_counts(chunk) else None


def _alone(chunk: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The counts of a chunk that tells nothing else: itself, or what Bedrock has in `metadata`."""
    metadata = _object(chunk.get("metadata"))
    if metadata and "billing" not in metadata and (found := _object(metadata.get("usage"))) and has_counts(found):
        return found
    return chunk if has_counts(chunk) else None


def _of_delta(choice: Mapping[str, Any]) -> Mapping[str, Any] | None:
    delta = choice.get("delta")
    return _object(delta.get("usage")) if delta and isinstance(delta, Mapping) else None


def _inner(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """The counts themselves, where the object that should have them has only objects with them."""
    if has_counts(found):
        return found
    if inner := _object(found.get("usage")):
        return inner
    inner = next((one for name in _COHERE if (one := _object(found.get(name)))), None)
    if inner is None:
        return found
    return {**found, "prompt_tokens": inner.get("input_tokens"), "completion_tokens": inner.get("output_tokens")}


def has_counts(found: Mapping[str, Any], spelling: UsageSpelling = DEFAULT.usage) -> bool:
    """Whether an object names input or output."""
    return any(name in found for names in (spelling.input, spelling.input_alone, spelling.output) for name in names)


_NOTHING: Mapping[str, Any] = MappingProxyType({})


def _object(value: Any) -> Mapping[str, Any] | None:
    """An object that has members. Every chunk of a stream is asked for several, and few are there."""
    return value if value and isinstance(value, Mapping) else None


def read_usage(usage: Any, spelling: UsageSpelling = DEFAULT.usage) -> Usage | None:
    """The counts of a `usage` object; None if it has neither input nor output."""
    if not isinstance(usage, Mapping):
        return None
    alone = _count(usage, *spelling.input)
    given = _count(usage, *spelling.input_alone) if alone is None else alone
    output = _count(usage, *spelling.output)
    total = _count(usage, *spelling.total)
    if given is None and output is None:
        return None
    into = _details(usage, *spelling.input_details)
    out = _details(usage, *spelling.output_details)
    cached = _count(into, *spelling.cached_in_details)
    cached = (_count(usage, *spelling.cached) if cached is None else cached) or 0
    reasoning = _count(out, *spelling.reasoning_in_details)
    reasoning = (_count(usage, *spelling.reasoning) if reasoning is None else reasoning) or 0
    beside = [_count(usage, *names) or 0 for names in (spelling.cached, spelling.cache_written)]
    counted = _with_cache(given or 0, cached, sum(beside), total, output or 0, anthropic=alone is None)
    if output is None and given and total:
        output = max(0, total - counted)
    odd = _odd(usage, *spelling.input, *spelling.output)
    found = _with_reasoning(TokenCounts(counted, cached, output or 0, reasoning), total)
    return replace(found, odd=True) if odd else found


def _with_cache(given: int, cached: int, beside: int, total: int | None, output: int, *, anthropic: bool) -> int:
    """The input with what the cache gave, where the vendor counts that beside it. `anthropic`: its spelling, which does unless
    the total says otherwise."""
    if cached > given:
        return given + max(beside, cached)
    if not anthropic or not beside:
        return given
    return given if total is not None and total < given + beside + output else given + beside


def _with_reasoning(tokens: TokenCounts, total: int | None) -> Usage:
    """The output with the thoughts, where the vendor counts them beside it (xAI) or in the total alone (Gemini)."""
    beyond = 0 if total is None else total - tokens.input - tokens.output
    if tokens.reasoning and (beyond == tokens.reasoning or tokens.reasoning > tokens.output):
        return Usage(tokens._replace(output=tokens.output + tokens.reasoning))
    if beyond > 0 and not tokens.reasoning and tokens.output and tokens.input:
        return Usage(tokens._replace(output=tokens.output + beyond, reasoning=beyond), total)
    return Usage(tokens, None if beyond < 0 else total)


def merge_usage(known: Usage | None, newer: Usage) -> Usage:
    """Counts that came one after the other: the newer one counts, but for zeros that follow the truth."""
    if known is None:
        return newer
    old, new = known.tokens, newer.tokens
    merged = TokenCounts(
        new.input or old.input, new.cached or old.cached, new.output or old.output, new.reasoning or old.reasoning
    )
    total = newer.total if newer.total and newer.total >= merged.input + merged.output else None
    return Usage(merged, total)


def _details(usage: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    for name in names:
        if found := _object(usage.get(name)):
            return found
    return _NOTHING


def _count(source: Mapping[str, Any], *names: str) -> int | None:
    """The first of the names that holds a count that can be. JoyToken's billing has counts as strings in places."""
    for name in names:
        value = source.get(name)
        if value is None or isinstance(value, bool):
            continue
        if type(value) is int and 0 <= value <= MOST_TOKENS:
            return value
        if isinstance(value, str) and value.isdecimal() and len(value) <= 20:
            value = int(value)
        if isinstance(value, (int, float)) and 0 <= value <= MOST_TOKENS and value == int(value):
            return int(value)
    return None


def _odd(source: Mapping[str, Any], *names: str) -> bool:
    """Whether one of the names holds what can be no count: negative, NaN, true, a text."""
    return any(_count(source, name) is None for name in names if source.get(name) is not None)


def metadata_records(metadata: Any) -> list[Mapping[str, Any]]:
    """JoyToken's `metadata`, an object (documentation) or an array (real answers), as a list of records."""
    found = metadata if isinstance(metadata, list) else [metadata]
    return [record for record in found if isinstance(record, Mapping) and record]


def merge_records(records: list[Mapping[str, Any]], more: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Records without repeats: the same billing id, or the same record, counts once."""
    merged = list(records)
    for record in more:
        bill = record.get("billing_id")
        if record in merged or (bill is not None and any(known.get("billing_id") == bill for known in merged)):
            continue
        merged.append(record)
    return merged


def billed_usage(records: Iterable[Mapping[str, Any]]) -> Usage | None:
    """Token counts of the billing records together: what stands in for a missing `usage`."""
    bills = [record["billing"] for record in records if isinstance(record.get("billing"), Mapping)]
    counted = [b for b in bills if _count(b, "input_tokens") is not None or _count(b, "output_tokens") is not None]
    if not counted:
        return None

    def total(name: str) -> int:
        return sum(_count(bill, name) or 0 for bill in counted)

    odd = any(_odd(bill, "input_tokens", "output_tokens") for bill in counted)
    counts = TokenCounts(total("input_tokens"), total("cached_input_tokens"), total("output_tokens"))
    return Usage(counts, odd=odd)


def billed_cost(records: Iterable[Mapping[str, Any]]) -> int | None:
    """Nano-credits of the records together; None if no record has a readable `credits_used`, or all are too much."""
    costs: list[int] = []
    for record in records:
        for place in ("billing", "usage"):
            bill = record.get(place)
            if isinstance(bill, Mapping) and isinstance(bill.get("credits_used"), (str, int, float)):
                try:
                    costs.append(parse_credits(bill["credits_used"]))
                except MoneyError:
                    continue
                break
    return sum(costs) if costs and sum(costs) <= MOST_COST else None


def has_bill(records: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a record says what it cost, readable or not."""
    bills = (record.get(place) for record in records for place in ("billing", "usage"))
    return any(isinstance(bill, Mapping) and bill.get("credits_used") is not None for bill in bills)
