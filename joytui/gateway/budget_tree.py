"""The limits of the tree of budgets as requests are judged by them: a copy of what the store has (`Gateway` keeps it fresh).

A key's own limits are its policy's. What was set on other nodes, and what raises a limit for a while, is here.
"""

from __future__ import annotations

from collections.abc import Iterable

from joytui.core.nodes import ORG
from joytui.gateway.policy import Policy
from joytui.ledger.records import KeyRow, Limit, NodeLimit, NodeRaise, Period


class BudgetTree:
    """One state of it. `team`: that of the key's owner. Nodes are named as in the store: a key by its budget id."""

    __slots__ = ("_limits", "_raises")

    def __init__(self, limits: Iterable[NodeLimit] = (), raises: Iterable[NodeRaise] = ()) -> None:
        self._limits: dict[str, list[tuple[Period, int]]] = {}
        for node, period, amount in limits:
            self._limits.setdefault(node, []).append((period, amount))
        self._raises = {one.node: one for one in raises}

    def above(self, row: KeyRow, policy: Policy, team: str | None, task: str | None, at_ms: int) -> tuple[Limit, ...]:
        """All limits of a request of a key, in the order of `Reservation`: from the organisation down to the task."""
        own = self.of_key(row, policy, at_ms)
        if not self._limits and policy.per_task is None:
            return own
        nodes = [ORG, *([f"team:{team}"] if team else []), *([f"owner:{row.owner}"] if row.owner else [])]
        above = [limit for node in nodes for limit in self._of(node, self.set_on(node), at_ms)]
        below = self._of(f"task:{task}", self.of_task(task, policy), at_ms) if task else []
        return (*above, *own, *below)

    def of_key(self, row: KeyRow, policy: Policy, at_ms: int) -> tuple[Limit, ...]:
        """A key's own limits at that moment."""
        own = tuple(Limit(row.budget_id, period, amount) for period, amount in policy.limits)
        if self._raises and (more := self.raised(f"key:{row.budget_id}", at_ms)) is not None:
            own = tuple(limit._replace(amount=more.on(limit.amount)) for limit in own)
        return own

    def _of(self, node: str, limits: Iterable[tuple[Period, int]], at_ms: int) -> list[Limit]:
        raised = self.raised(node, at_ms)
        return [Limit(node, period, raised.on(amount) if raised else amount) for period, amount in limits]

    def set_on(self, node: str) -> list[tuple[Period, int]]:
        """What somebody set on a node that is no key, without what raises it."""
        return self._limits.get(node, [])

    def of_task(self, task: str, policy: Policy | None) -> list[tuple[Period, int]]:
        """A task's own limit, or else what its key's policy has for each of its tasks."""
        own = self.set_on(f"task:{task}")
        return own or ([] if policy is None or policy.per_task is None else [("total", policy.per_task)])

    def total_of_task(self, task: str, policy: Policy | None, at_ms: int) -> int | None:
        """What it may cost at that moment; None: as much as the nodes above it let it."""
        return next((limit.amount for limit in self._of(f"task:{task}", self.of_task(task, policy), at_ms)), None)

    def raised(self, node: str, at_ms: int) -> NodeRaise | None:
        """What raises a node's limits at that moment."""
        found = self._raises.get(node)
        return found if found is not None and found.at(at_ms) else None
