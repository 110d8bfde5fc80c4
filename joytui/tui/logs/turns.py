"""A thread as the list of its turns: what each cost, and what the thread has cost by then. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from joytui.core.columnar import milliseconds
from joytui.core.request import RequestRecord
from joytui.core.token_counts import TokenCounts


@dataclass(frozen=True, slots=True)
class Turn:
    """The requests of one turn, oldest first. A request that names no turn is one of its own. `spent_nano`: by the thread, this
    turn included."""

    number: int
    requests: tuple[RequestRecord, ...]
    spent_nano: int

    @property
    def begin_ms(self) -> int:
        return milliseconds(self.requests[0].time)

    @property
    def took_ms(self) -> float | None:
        """From its first request until the end of the last; None while it runs."""
        ends = [milliseconds(one.time) + one.latency_ms for one in self.requests if one.latency_ms is not None]
        return max(ends) - self.begin_ms if len(ends) == len(self.requests) else None

    @property
    def cost_nano(self) -> int:
        return sum(one.cost_nano for one in self.requests)

    @property
    def tokens(self) -> TokenCounts:
        return TokenCounts.sum(one.tokens for one in self.requests)

    @property
    def models(self) -> tuple[str, ...]:
        """Those that answered, or were asked for, each once."""
        return tuple(dict.fromkeys(one.model_used or one.model or "–" for one in self.requests))

    @property
    def failed(self) -> int:
        return sum((one.status or 0) >= 400 for one in self.requests)

    @property
    def filter(self) -> str:
        """What finds its requests in Logs."""
        turn = self.requests[0].turn_id
        return f'turn:"{turn}"' if turn else f'id:"{self.requests[0].id}"'


def turns(records: Iterable[RequestRecord]) -> list[Turn]:
    """The turns of a thread's requests, oldest first."""
    groups: dict[str, list[RequestRecord]] = {}
    for record in sorted(records, key=lambda one: (one.time, one.id)):
        groups.setdefault(record.turn_id or record.id, []).append(record)
    made, spent = [], 0
    for number, requests in enumerate(groups.values(), 1):
        spent += sum(one.cost_nano for one in requests)
        made.append(Turn(number, tuple(requests), spent))
    return made
