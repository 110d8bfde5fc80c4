"""Teams: which owners of keys belong together. A lead's token sees only its own teams. Usage can be summed by team.

joytui teams create core
joytui teams add core ann            ann's keys and telemetry belong to the team from now on; past usage counts, too
joytui teams list
joytui teams remove core ann
joytui usage --by team
joytui tokens create bea --role lead --team core

An owner is in at most one team.

JSON: {"teams": [{"name", "owners", "created_at"}]}; of the others, one of them.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from joytui.cli.gateway_options import add_action, with_console
from joytui.cli.names import check_name
from joytui.cli.output import emit, emit_json, say
from joytui.core.errors import EXIT_OK

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import TeamView


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = add_action(actions, "create", "create a team, without members yet")
    add_action(actions, "list", "all teams, with their owners")
    add = add_action(actions, "add", "put an owner into a team")
    remove = add_action(actions, "remove", "take an owner out of a team")
    for action in (create, add, remove):
        action.add_argument("team", metavar="TEAM")
    for action in (add, remove):
        action.add_argument("owner", metavar="OWNER", help="the owner as named on keys")


def run(args: argparse.Namespace) -> int:
    for name in ("team", "owner"):
        check_name(getattr(args, name, None), name.upper())
    return with_console(args, lambda console: _act(console, args))


async def _act(console: ConsoleClient, args: argparse.Namespace) -> int:
    match args.action:
        case "create":
            _show(await console.create_team(args.team), args)
        case "add":
            _show(await console.add_owner(args.team, args.owner), args)
        case "remove":
            _show(await console.remove_owner(args.team, args.owner), args)
        case _:
            _show_all(await console.teams(), args)
    return EXIT_OK


def _show(team: TeamView, args: argparse.Namespace) -> None:
    if args.json:
        emit_json(team.model_dump())
    else:
        emit(f"{team.name}: {', '.join(team.owners) or 'no members'}")


def _show_all(teams: list[TeamView], args: argparse.Namespace) -> None:
    if args.json:
        emit_json({"teams": [team.model_dump() for team in teams]})
        return
    for team in teams:
        _show(team, args)
    if not teams:
        say("no teams yet: `joytui teams create NAME`, then `joytui teams add NAME OWNER`")
