"""What Budgets shows at one moment, frozen, and how it is read from the gateway. Touches no widget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from joytui.core.clock import parse_time, rfc3339
from joytui.core.errors import JoytuiError, RefusedError
from joytui.core.money import parse_credits
from joytui.core.nodes import KINDS, parse_node
from joytui.core.periods import hour_of
from joytui.tui.people.owner import spent_by_key
from joytui.usage.budget import Burn, limit_burn

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import NodeBudget, NodeLimit

Hours = Mapping[int, int]
WEEK = timedelta(days=7)
BACK = timedelta(days=32)
"""How far back the burn-down of one node is read; the rates of all need a week."""
LAST_LETTERS = 8
OLDER = "this gateway is too old for budgets"


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of a node, and what comes of it at the rate of the last seven days."""

    node: NodeBudget
    limit: NodeLimit
    burn: Burn

    @property
    def id(self) -> str:
        return f"{self.node.node} {self.limit.period}"

    @property
    def used(self) -> float:
        """The share that is spent or held, from 0 to 1."""
        whole = self.burn.limit
        return min(1.0, max(0.0, self.burn.spent / whole)) if whole else 1.0

    @property
    def held(self) -> int:
        return parse_credits(self.limit.held_credits)

    @property
    def is_gone(self) -> bool:
        return self.burn.left <= 0

    @property
    def raised(self) -> int:
        """The nano-credits by which it is raised for a time."""
        return max(0, self.burn.limit - parse_credits(self.limit.base_limit_credits))


@dataclass(frozen=True, slots=True)
class BudgetsSnapshot:
    """`nodes` in the order of the tree, `hours` the nano-credits by hour of each node, by its name in the API."""

    nodes: tuple[NodeBudget, ...]
    hours: Mapping[str, Hours] = field(default_factory=dict)

    def limits(self, now: datetime) -> list[Limit]:
        return [limit_of(node, one, self.hours.get(node.node, {}), now) for node in self.nodes for one in node.limits]


def limit_of(node: NodeBudget, limit: NodeLimit, hours: Hours, now: datetime) -> Limit:
    left = _signed(limit.left_credits)
    return Limit(node, limit, limit_burn(hours, parse_credits(limit.limit_credits), left, now, limit.period))


def _signed(text: str) -> int:
    return -parse_credits(text[1:]) if text.startswith("-") else parse_credits(text)


def words(node: NodeBudget) -> str:
    """A node as a person says it: "team core", "organisation"; of a task the end of its id, which tells it from others."""
    if node.kind == "task" and len(node.name) > LAST_LETTERS + 1:
        return f"task …{node.name[-LAST_LETTERS:]}"
    return "organisation" if node.kind == "org" else f"{node.kind} {node.name}"


def in_a_sentence(node: NodeBudget) -> str:
    """The same within a sentence: "the organisation"."""
    return f"the {words(node)}" if node.kind == "org" else words(node)


async def read_budgets(client: ConsoleClient, now: datetime) -> BudgetsSnapshot:
    """The nodes that the token sees, with what each spent in the last week. Raises JoytuiError."""
    nodes = tuple(await _nodes(client))
    return BudgetsSnapshot(nodes, await _hours(client, nodes, now - WEEK))


async def chosen_limit(client: ConsoleClient, chosen: tuple[str, str] | None, now: datetime) -> Limit | None:
    """The limit whose burn-down Usage shows: the chosen one (node and period), else that of the topmost node of which most is
    gone. None where no node has a limit, or the gateway knows no tree. Raises JoytuiError where it cannot be asked."""
    try:
        nodes = await _nodes(client)
    except RefusedError:
        return None
    node = next((one for one in nodes if chosen and one.node == chosen[0]), None) or _topmost(nodes)
    if node is None or not node.limits:
        return None
    hours = (await _hours(client, [node], now - BACK)).get(node.node, {})
    found = [limit_of(node, limit, hours, now) for limit in node.limits]
    asked = next((one for one in found if chosen == (node.node, one.limit.period)), None)
    return asked or max(found, key=lambda one: one.used)


def _topmost(nodes: Sequence[NodeBudget]) -> NodeBudget | None:
    """By kind: a task without a limited node above it is listed before the keys of others, and is still only a task."""
    return min(nodes, key=lambda one: KINDS.index(one.kind), default=None)


async def _nodes(client: ConsoleClient) -> list[NodeBudget]:
    try:
        return await client.budgets()
    except RefusedError as error:
        if error.status == 404:
            raise RefusedError(OLDER, where=error.where, status=404, kind=error.kind) from None
        raise


async def _hours(client: ConsoleClient, nodes: Sequence[NodeBudget], since: datetime) -> dict[str, dict[int, int]]:
    """Nano-credits by hour of each node: one question for each kind of node."""
    found: dict[str, dict[int, int]] = {}
    begin = since.replace(minute=0, second=0, microsecond=0)
    for kind in ("org", "team", "owner", "task"):
        names = {parse_node(one.node).name: one.node for one in nodes if one.kind == kind}
        if not names:
            continue
        by = ["hour"] if kind == "org" else ["hour", kind]
        view = await client.usage(by, since=rfc3339(begin), only=[] if kind == "org" else list(names))
        for row in view.rows:
            if (node := names.get(str(row.get(kind) or ""))) is not None:
                _add(found.setdefault(node, {}), row)
    return found | await _hours_of_keys(client, nodes, begin)


async def _hours_of_keys(
    client: ConsoleClient, nodes: Sequence[NodeBudget], begin: datetime
) -> dict[str, dict[int, int]]:
    ids = {parse_node(one.node).name for one in nodes if one.kind == "key"}
    if not ids:
        return {}
    known = await client.keys()
    shared = {name for name, many in Counter(key.name for key in known).items() if many > 1}
    keys = [key for key in known if key.id in ids]
    spent = await spent_by_key(client, "hour", keys, begin, shared)
    return {f"key:{id}": {hour_of(parse_time(hour)): one for hour, one in hours.items()} for id, hours in spent.items()}


def _add(hours: dict[int, int], row: Mapping[str, Any]) -> None:
    hour = hour_of(parse_time(row["hour"]))
    hours[hour] = hours.get(hour, 0) + parse_credits(row["cost_credits"])


async def known_nodes(client: ConsoleClient) -> dict[str, str]:
    """What may be given a limit, as it is typed and as the API calls it: "key:NAME" is "key:ID". Raises JoytuiError."""
    keys = [key for key in await client.keys() if key.state == "active"]
    names = ["org", *(f"team:{team.name}" for team in await client.teams())]
    names += sorted({f"owner:{key.owner}" for key in keys if key.owner})
    return {name: name for name in names} | {f"key:{key.name}": f"key:{key.id}" for key in keys}


def is_unknown(error: JoytuiError) -> bool:
    """Whether the gateway knows no tree of budgets."""
    return error.what == OLDER
