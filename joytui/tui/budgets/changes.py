"""Raises a node of the tree of budgets, and puts that back. Neither is done over somebody else's change meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from joytui.core.clock import parse_time, rfc3339
from joytui.core.errors import RefusedError
from joytui.core.money import format_credits, parse_credits
from joytui.tui.budgets.reading import in_a_sentence
from joytui.tui.figures import exact_credits, when

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import NodeBudget
    from joytui.tui.keys.mend import Period

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class NodeRaise:
    """`before`: the node as it was; `by`: the nano-credits that come on top of its limits, until a time (RFC 3339; None: for good, of a
    task alone)."""

    before: NodeBudget
    by: int
    until: str | None

    @property
    def what(self) -> str:
        return f"the budget of {in_a_sentence(self.before)}"

    @property
    def _raised(self) -> int:
        """What raises it already."""
        return max(
            (parse_credits(one.limit_credits) - parse_credits(one.base_limit_credits) for one in self.before.limits),
            default=0,
        )

    async def make(self, client: ConsoleClient) -> None:
        """Raises JoytuiError; RefusedError where the limits are not those of `before` any more."""
        await _expect(client, self.before, _limits(self.before))
        more = self.by if self.until is None else self.by + self._raised
        await client.raise_budget(self.before.node, format_credits(more), self.until)

    async def undo(self, client: ConsoleClient) -> None:
        """The same, the other way round."""
        node = self.before.node
        await _expect(client, self.before, {period: limit + self.by for period, limit in _limits(self.before).items()})
        if self.until is None:
            await client.set_budget(node, {"total_limit": self.before.limits[0].base_limit_credits})
        else:
            until = next((one.raised_until for one in self.before.limits), None)
            await client.raise_budget(node, format_credits(self._raised if until else 0), until)

    def difference(self, now: datetime, zone: tzinfo | None) -> str:
        """The changed limits as a diff."""
        lines = []
        for one in self.before.limits:
            most = parse_credits(one.limit_credits)
            ends = f" until {when(parse_time(one.raised_until), zone, now)}" if one.raised_until else ""
            until = f" until {when(parse_time(self.until), zone, now)}" if self.until else ""
            lines += [
                f"- {one.period}: {exact_credits(most)} Cr{ends}",
                f"+ {one.period}: {exact_credits(most + self.by)} Cr{until}",
            ]
        return "\n".join(lines)


def _limits(node: NodeBudget) -> Mapping[str, int]:
    return {one.period: parse_credits(one.limit_credits) for one in node.limits}


async def _expect(client: ConsoleClient, node: NodeBudget, limits: Mapping[str, int]) -> None:
    now = next((one for one in await client.budgets() if one.node == node.node), None)
    if now is None or _limits(now) != limits:
        hint = "look at it again; B shows the budgets"
        raise RefusedError(f"the budget of {in_a_sentence(node)} was changed in the meantime", hint=hint)


def raises_of(node: NodeBudget, period: Period, now: datetime) -> list[tuple[str, str | None]]:
    """How a node whose limit of that window refused a request may be raised: in words, and until when. One that is raised already
    stays so at least as long as it is."""
    name, limit = in_a_sentence(node), next((one for one in node.limits if one.period == period), None)
    if limit is None:
        return []
    if node.kind == "task":
        return [(f"Raise {name} for good by", None), (f"Raise {name} for 24 hours by", rfc3339(now + DAY))]
    first = (
        (f"until its {period} limit resets", limit.resets_at)
        if limit.resets_at
        else ("for 24 hours", rfc3339(now + DAY))
    )
    found = [first, ("for 7 days", rfc3339(now + 7 * DAY))]
    raised = limit.raised_until
    return [
        (f"Raise {name} {span} by", max(until, raised, key=parse_time) if raised else until) for span, until in found
    ]
