"""Which output belongs to which call.

Chat Completions wants each call answered right after it; a Responses history may have outputs later, twice, for calls
that were cut away, or not at all, and call ids that repeat from turn to turn (some upstreams count from zero each time).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

CALL_SUFFIX = "_call"
OUTPUT_SUFFIX = "_call_output"
NAMED_OUTPUTS = {"tool_search_output": "tool_search_call"}
Waiting = deque[tuple[int, deque[int]]]
"""Calls of one id that have no output yet: the number of each run of calls, and their positions in it."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """`outputs`: position of a call to position of its output. `orphans`: positions of outputs without a call."""

    outputs: Mapping[int, int] = field(default_factory=dict)
    orphans: tuple[int, ...] = ()


def is_call(item: Mapping[str, Any]) -> bool:
    """A call that a client runs: it has a call id, and an output item answers it."""
    return str(item.get("type", "")).endswith(CALL_SUFFIX) and isinstance(item.get("call_id"), str)


def is_output(item: Mapping[str, Any]) -> bool:
    kind = str(item.get("type", ""))
    return kind.endswith(OUTPUT_SUFFIX) or kind in NAMED_OUTPUTS


def pair(items: Sequence[Mapping[str, Any]]) -> Pairs:
    """Pairs by call id. Where an id repeats, an output answers the latest run of calls before it, the first of them."""
    open_calls: dict[str, Waiting] = {}
    outputs: dict[int, int] = {}
    early: list[int] = []
    run, in_run = 0, False
    for position, item in enumerate(items):
        if is_call(item):
            run, in_run = (run, True) if in_run else (run + 1, True)
            calls = open_calls.setdefault(item["call_id"], deque())
            if not calls or calls[-1][0] != run:
                calls.append((run, deque()))
            calls[-1][1].append(position)
        elif is_output(item):
            in_run = False
            waiting = open_calls.get(str(item.get("call_id")))
            if not waiting:
                early.append(position)
                continue
            outputs[_next_of(waiting, -1)] = position
        elif item.get("type") != "reasoning":
            in_run = False
    return Pairs(outputs, _place_early(items, early, open_calls, outputs))


def _next_of(waiting: Waiting, run: int) -> int:
    """Takes the first call of a run, the last one (-1) or the first (0)."""
    calls = waiting[run][1]
    position = calls.popleft()
    if not calls:
        del waiting[run]
    return position


def _place_early(
    items: Sequence[Mapping[str, Any]],
    early: list[int],
    open_calls: dict[str, Waiting],
    outputs: dict[int, int],
) -> tuple[int, ...]:
    """Outputs that stood before their call still answer it, if nothing else does; the rest are orphans."""
    orphans: list[int] = []
    for position in early:
        waiting = open_calls.get(str(items[position].get("call_id")))
        if waiting:
            outputs[_next_of(waiting, 0)] = position
        else:
            orphans.append(position)
    return tuple(orphans)
