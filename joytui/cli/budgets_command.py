"""Budgets: what the organisation, its teams, owners, keys and tasks may spend. A request must fit into the limit of each node above it.

joytui budgets list
joytui budgets set org --weekly 500
joytui budgets set team:core --daily 40 --total off
joytui budgets set owner:ann --daily 15
joytui budgets raise team:core 20 --until 18h      raises each of its limits by 20 until then
joytui budgets raise team:core 0                   ends it now
joytui tasks raise ID 5                            a task's total, for good

NODE is org, team:NAME, owner:NAME, key:ID or task:ID. For a key, `set` changes its policy; `joytui keys create --per-task`
limits each task of a key. Days and weeks are in UTC; weeks begin on Monday.

JSON: {"budgets": [{"node", "kind", "name", "parent", "limits": [{"period", "limit_credits", "base_limit_credits", "raised_until",
"spent_credits", "held_credits", "left_credits", "resets_at"}]}]}; of set and raise, one of them.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from joytui.cli.gateway_options import add_gateway_options, moment, with_console
from joytui.cli.output import emit_json, say
from joytui.core.clock import parse_expiry
from joytui.core.errors import EXIT_OK, UsageError

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import NodeBudget

PERIODS = {"daily": "a day", "weekly": "a week", "total": "in all"}


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="the nodes that have limits, and what is left in each")
    change = actions.add_parser("set", help="set or remove a node's limits")
    more = actions.add_parser("raise", help="raise a node's limits for a while")
    for action in (change, more):
        action.add_argument("node", metavar="NODE", help="org, team:NAME, owner:NAME, key:ID or task:ID")
    for period, text in PERIODS.items():
        change.add_argument(f"--{period}", metavar="CR|off", help=f"at most this many credits {text}, or `off`")
    more.add_argument("amount", metavar="AMOUNT", help="credits on top of each of its limits; 0 ends the current raise")
    more.add_argument("--until", metavar="WHEN", help="12h, 3d, a date, an RFC 3339 time")
    for action in (listing, change, more):
        action.add_argument("--json", action="store_true", help="JSON on stdout")
        add_gateway_options(action)


def run(args: argparse.Namespace) -> int:
    if args.action != "list":
        _read(args)
    return with_console(args, lambda console: _act(console, args))


def _read(args: argparse.Namespace) -> None:
    """What can be wrong about the words is found before a gateway is asked, or started."""
    from joytui.cli.amounts import given_credits
    from joytui.core.nodes import parse_node

    try:
        node = parse_node(args.node)
    except ValueError as error:
        raise UsageError(str(error), where="NODE") from None
    if args.action == "set":
        given = {period: getattr(args, period) for period in PERIODS if getattr(args, period) is not None}
        if not given:
            raise UsageError("nothing to set", hint="joytui budgets set team:core --daily 40")
        args.limits = {
            f"{period}_limit": None if text.lower() == "off" else given_credits(text, f"--{period}")
            for period, text in given.items()
        }
        return
    args.amount = given_credits(args.amount, "AMOUNT")
    args.until = moment(args.until, "--until", parse_expiry)
    if args.until is None and args.amount != "0" and node.kind != "task":
        raise UsageError(
            "a raise needs an end", where="--until", hint=f"joytui budgets raise {args.node} {args.amount} --until 24h"
        )


async def _act(console: ConsoleClient, args: argparse.Namespace) -> int:
    match args.action:
        case "set":
            found = [await console.set_budget(args.node, args.limits)]
        case "raise":
            found = [await console.raise_budget(args.node, args.amount, args.until)]
        case _:
            found = await console.budgets()
    if args.json:
        emit_json({"budgets": [one.model_dump() for one in found]} if args.action == "list" else found[0].model_dump())
    elif not any(one.limits for one in found):
        say("no limits here" if args.action == "list" else f"{found[0].node} has no limits")
    else:
        _show(found)
    return EXIT_OK


def _show(budgets: list[NodeBudget]) -> None:
    from joytui.cli.amounts import credits_text, local_time
    from joytui.cli.columns import Column, emit_table

    columns = [
        Column("node", least=16),
        Column("name", rank=3, least=6),
        Column("limit", right=True),
        Column("period"),
        Column("spent", right=True, rank=1),
        Column("held", right=True, rank=4),
        Column("left", right=True),
        Column("resets", rank=2),
        Column("raised until", rank=5),
    ]
    depth: dict[str | None, int] = {None: -1}
    rows = []
    for one in budgets:
        depth[one.node] = depth.get(one.parent, -1) + 1
        named = one.name if one.kind == "key" else ""
        for limit in one.limits:
            amounts = limit.spent_credits, limit.held_credits, limit.left_credits
            first = limit is one.limits[0]
            rows.append(
                [
                    "  " * depth[one.node] + one.node if first else "",
                    named if first else "",
                    credits_text(limit.limit_credits),
                    limit.period,
                    *(credits_text(amount) for amount in amounts),
                    local_time(limit.resets_at) if limit.resets_at else "never",
                    local_time(limit.raised_until),
                ]
            )
    emit_table(columns, rows)
