"""The tree of budgets in the console API: which nodes have limits, what is left of them, and who may change them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from starlette.requests import Request

from joytui.core import clock
from joytui.core.clock import rfc3339
from joytui.core.money import MoneyError, format_credits
from joytui.core.nodes import KINDS, Node, parse_node
from joytui.core.wire import BudgetRaise, BudgetSet, PolicyView
from joytui.gateway import refusals
from joytui.gateway.console_auth import BEYOND, Caller, caller_of, keys_of
from joytui.gateway.console_writes import check_whole_task, credits_of, kept, policy_fields, read
from joytui.gateway.json_answer import JsonAnswer
from joytui.gateway.key_lookup import KeyEntry
from joytui.gateway.refusals import CONFLICT, NOT_FOUND, Refused
from joytui.gateway.runtime import Gateway
from joytui.gateway.views import shown_time, stored_time
from joytui.ledger.records import PERIODS, BudgetRow, KeyChanges, Period, resets_at, window_start


class _Place(NamedTuple):
    """A node with what is known of it. `key`: of a key's or a task's node; of a task the one that asked last. `owners`: whose keys
    asked in a task."""

    node: Node
    key: KeyEntry | None = None
    owners: frozenset[str | None] = frozenset()

    @property
    def budget(self) -> str:
        """As the store names it."""
        return self.key.row.budget_id if self.node.kind == "key" and self.key else str(self.node)

    @property
    def raised(self) -> str:
        """As what raises it is named."""
        return f"key:{self.budget}" if self.node.kind == "key" else self.budget

    @property
    def name(self) -> str:
        return self.key.row.name if self.node.kind == "key" and self.key else self.node.name or self.node.kind


async def budgets(gateway: Gateway, request: Request) -> JsonAnswer:
    at_ms = clock.now_ms()
    caller = caller_of(request)
    found: dict[Node, tuple[_Place, list[dict[str, Any]]]] = {}
    for row in await gateway.ledger.budgets(at_ms):
        place = _placed(gateway, row)
        if _sees(gateway, caller, place):
            found.setdefault(place.node, (place, []))[1].append(_limit(row, at_ms))
    paths = {node: _path(gateway, place) for node, (place, _) in found.items()}
    ordered = sorted(found, key=lambda node: [(KINDS.index(above.kind), above.name) for above in paths[node]])
    return JsonAnswer(
        {
            "budgets": [
                _view(
                    found[node][0],
                    next((above for above in paths[node][-2::-1] if above in found), None),
                    found[node][1],
                )
                for node in ordered
            ]
        }
    )


async def set_budget(gateway: Gateway, request: Request) -> JsonAnswer:
    wanted = await read(request, BudgetSet)
    place = await _addressed(gateway, request, wanted.node)
    given = {
        period: getattr(wanted, f"{period}_limit") for period in PERIODS if f"{period}_limit" in wanted.model_fields_set
    }
    if not given:
        raise refusals.bad_request("body: no limit to set: daily_limit, weekly_limit or total_limit")
    amounts = {period: None if text is None else credits_of(f"{period}_limit", text) for period, text in given.items()}
    if place.node.kind == "task" and set(given) != {"total"}:
        raise refusals.bad_request("total_limit: a task can only have a total limit")
    if place.node.kind == "key":
        await _edit_key(gateway, place, {f"{period}_limit": text for period, text in given.items()})
    else:
        await gateway.ledger.set_limits(kept("node", str(place.node)), amounts)
        await gateway.read_access()
    return JsonAnswer(await _one(gateway, place))


async def raise_budget(gateway: Gateway, request: Request) -> JsonAnswer:
    wanted = await read(request, BudgetRaise)
    place = await _addressed(gateway, request, wanted.node)
    amount, at_ms = credits_of("amount", wanted.amount), clock.now_ms()
    node, base = kept("node", place.raised), _base(gateway, place)
    if not base:
        raise Refused(
            409, CONFLICT, f"{place.node} has no limit to raise (`joytui budgets list` lists those that have one)"
        )
    if wanted.until is None and amount and place.node.kind == "task":
        try:
            await gateway.ledger.raise_task(node, amount, dict(base)["total"])
        except MoneyError as error:
            raise refusals.bad_request(f"amount: {error}") from None
    else:
        until = _until(wanted.until, at_ms) if amount else at_ms
        if max(most for _, most in base) + amount > 2**63 - 1:
            raise refusals.bad_request("amount: more credits than the ledger can hold")
        await gateway.ledger.raise_limits(node, amount, until)
    await gateway.read_access()
    return JsonAnswer(await _one(gateway, place))


# --- who may ask for which node ---------------------------------------------------------------------------------------


async def _addressed(gateway: Gateway, request: Request, text: str) -> _Place:
    """The node of that name. Raises Refused: 400, 404, and 403 where the caller does not see it."""
    try:
        node = parse_node(text)
    except ValueError as error:
        raise refusals.bad_request(f"node: {error}") from None
    place = await _found(gateway, request, node)
    if not _sees(gateway, caller_of(request), place):
        raise Refused(
            403, BEYOND, f"node: this token can only change its teams' budgets, and {node} is not one of them"
        )
    return place


async def _found(gateway: Gateway, request: Request, node: Node) -> _Place:
    if node.kind == "key":
        entry = keys_of(gateway, request).addressed(node.name)
        if entry.row.state == "revoked":
            raise Refused(409, CONFLICT, "a revoked key cannot be changed")
        return _Place(Node("key", entry.row.id), entry)
    if node.kind == "task":
        agents = await gateway.ledger.tasks(0, 1, node.name, caller_of(request).term)
        if not agents:
            raise _no_task()
        await check_whole_task(gateway, request, node.name)
        newest = max(agents, key=lambda agent: agent.last_at)
        return _Place(node, gateway.keys.get(newest.key_id or ""), frozenset(agent.owner for agent in agents))
    if node.kind == "team" and node.name not in gateway.teams:
        raise Refused(404, NOT_FOUND, "no team with that name (`joytui teams list`)")
    if node.kind == "owner" and gateway.team_of(node.name) is None and node.name not in _owners(gateway):
        raise Refused(404, NOT_FOUND, "no key or team has that owner (`joytui keys list`, `joytui teams list`)")
    return _Place(node)


def _no_task() -> Refused:
    return Refused(404, NOT_FOUND, "no task with that id has requests here (`joytui tasks` lists them)")


def _owners(gateway: Gateway) -> set[str | None]:
    return {entry.row.owner for entry in gateway.keys}


def _sees(gateway: Gateway, caller: Caller, place: _Place) -> bool:
    kind, name = place.node
    if caller.teams is None:
        return True
    if kind == "key":
        return place.key is not None and caller.sees(gateway.team_of(place.key.row.owner))
    if kind == "task":  # whose id anybody may name: it is a lead's where nobody else did
        return all(caller.sees(gateway.team_of(owner)) for owner in place.owners)
    return (kind == "team" and caller.sees(name)) or (kind == "owner" and caller.sees(gateway.team_of(name)))


def _placed(gateway: Gateway, row: BudgetRow) -> _Place:
    node = parse_node(row.node)
    key_id = node.name if node.kind == "key" else row.key_id
    asked = frozenset(entry.row.owner if (entry := gateway.keys.get(one)) else None for one in row.key_ids)
    return _Place(node, gateway.keys.get(key_id) if key_id else None, asked)


def _path(gateway: Gateway, place: _Place) -> list[Node]:
    """All nodes from the root down to this one, whether they have limits or not."""

    def above(kind: str, owner: str | None) -> Iterator[Node]:
        yield Node("org")
        team = place.node.name if kind == "team" else gateway.team_of(owner)
        if team is not None:
            yield Node("team", team)
        if owner is not None:
            yield Node("owner", owner)
        if kind == "task" and place.key is not None:
            yield Node("key", place.key.row.id)

    kind, name = place.node
    owner = name if kind == "owner" else place.key.row.owner if place.key is not None else None
    return [*(node for node in above(kind, owner) if node != place.node), place.node] if kind != "org" else [place.node]


# --- parts ------------------------------------------------------------------------------------------------------------


def _base(gateway: Gateway, place: _Place) -> list[tuple[Period, int]]:
    """The limits of a node, without what raises them."""
    if place.node.kind == "key" and place.key is not None:
        return list(place.key.policy.limits)
    if place.node.kind == "task":
        return gateway.budgets.of_task(place.node.name, place.key.policy if place.key else None)
    return gateway.budgets.set_on(str(place.node))


async def _one(gateway: Gateway, place: _Place) -> dict[str, Any]:
    at_ms, limits = clock.now_ms(), []
    raised = gateway.budgets.raised(place.raised, at_ms)
    until = raised.until if raised else None
    for period, base in _base(gateway, place):
        gone = await gateway.ledger.window(place.budget, period, at_ms)
        window, most = window_start(period, at_ms), raised.on(base) if raised else base
        limits.append(_limit(BudgetRow(str(place.node), period, window, most, base, until, *gone), at_ms))
    path = _path(gateway, place)
    return _view(place, next((above for above in path[-2::-1] if _limited(gateway, place, above)), None), limits)


def _limited(gateway: Gateway, place: _Place, above: Node) -> bool:
    return bool(_base(gateway, _Place(above, place.key)))


def _view(place: _Place, parent: Node | None, limits: list[dict[str, Any]]) -> dict[str, Any]:
    """A `wire.NodeBudget`."""
    return {
        "node": str(place.node),
        "kind": place.node.kind,
        "name": place.name,
        "parent": None if parent is None else str(parent),
        "limits": limits,
    }


def _limit(row: BudgetRow, at_ms: int) -> dict[str, Any]:
    """A `wire.NodeLimit`."""
    reset = resets_at(row.period, at_ms)
    return {
        "period": row.period,
        "limit_credits": format_credits(row.limit),
        "base_limit_credits": format_credits(row.base),
        "raised_until": shown_time(row.raised_until),
        "spent_credits": format_credits(row.spent),
        "held_credits": format_credits(row.held),
        "left_credits": format_credits(max(0, row.limit - row.spent - row.held)),
        "resets_at": rfc3339(reset) if reset else None,
    }


async def _edit_key(gateway: Gateway, place: _Place, limits: dict[str, str | None]) -> None:
    assert place.key is not None
    changes = KeyChanges(policy_fields=policy_fields(PolicyView.model_validate(limits)), policy_name=None)
    row = await gateway.ledger.edit_key(place.node.name, changes)
    if row is not None:
        gateway.keep(row)


def _until(text: str | None, at_ms: int) -> int:
    if text is None:
        raise refusals.bad_request("until: required (only a task can be raised for good)")
    try:
        until = stored_time(text)
    except (ValueError, OverflowError):
        raise refusals.bad_request("until: not an RFC 3339 time") from None
    if until is None or until <= at_ms:
        raise refusals.bad_request("until: this time has passed")
    return until
