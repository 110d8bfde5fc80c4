"""Console tokens: who may read what the gateway tells, and who may change things. They open no model.

joytui tokens create ann --role admin
joytui tokens create wall --role viewer               reads everything, changes nothing
joytui tokens create bea --role lead --team core      sees this team alone, and edits its keys
joytui tokens list
joytui tokens revoke wall

Whoever has a token puts it into JOYTUI_ADMIN_TOKEN, for the commands and the console with --gateway.

JSON: {"tokens": [{"id", "name", "role", "teams", "created_at"}]}; of `create`, one of them with "token"; of `revoke`, {"revoked": NAME}.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from joytui.cli.gateway_options import add_gateway_options, with_console
from joytui.cli.names import check_name
from joytui.cli.output import emit, emit_json, say
from joytui.core.errors import EXIT_OK, UsageError
from joytui.core.roles import ROLES

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import TokenView

TOKEN_VARIABLE = "JOYTUI_ADMIN_TOKEN"  # noqa: S105 (a name)


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = actions.add_parser("create", help="a new token; it is shown this once")
    create.add_argument("name", metavar="NAME")
    rights = "; ".join(f"{role} {what}" for role, what in ROLES.items())
    create.add_argument("--role", required=True, choices=tuple(ROLES), help=rights)
    create.add_argument("--team", metavar="T", action="append", default=[], help="a team that it leads, repeatable")
    listing = actions.add_parser("list", help="all tokens, oldest first")
    revoke = actions.add_parser("revoke", help="end a token, at once and for good")
    revoke.add_argument("token", metavar="NAME|ID")
    for action in (create, listing, revoke):
        action.add_argument("--json", action="store_true", help="JSON on stdout")
        add_gateway_options(action)


def run(args: argparse.Namespace) -> int:
    acts = {"create": _create, "list": _list, "revoke": _revoke}
    return with_console(args, lambda console: acts[args.action](console, args))


async def _create(console: ConsoleClient, args: argparse.Namespace) -> int:
    check_name(args.name, "NAME")
    if (args.role == "lead") != bool(args.team):
        raise UsageError("a lead needs at least one; other roles take none", where="--team")
    made = await console.create_token(args.name, args.role, args.team)
    if args.json:
        emit_json(made.model_dump())
        return EXIT_OK
    say(f"{made.name} ({made.id}, {made.role}): this token is shown only once. To use it:")
    emit(made.token)
    say(f'  export {TOKEN_VARIABLE}="…"; joytui --gateway {console.url}')
    return EXIT_OK


async def _list(console: ConsoleClient, args: argparse.Namespace) -> int:
    found = await console.tokens()
    if args.json:
        emit_json({"tokens": [one.model_dump() for one in found]})
    elif found:
        _show(found)
    else:
        say("no console tokens yet: `joytui tokens create NAME --role viewer` makes one that reads")
    return EXIT_OK


def _show(found: list[TokenView]) -> None:
    from joytui.cli.amounts import local_time
    from joytui.cli.columns import Column, emit_table

    columns = [Column("name"), Column("role"), Column("teams", rank=1), Column("created", rank=2), Column("id")]
    emit_table(
        columns, [[one.name, one.role, ", ".join(one.teams), local_time(one.created_at), one.id] for one in found]
    )


async def _revoke(console: ConsoleClient, args: argparse.Namespace) -> int:
    one = _meant(await console.tokens(), args.token)
    await console.delete_token(one.id)
    if args.json:
        emit_json({"revoked": one.name})
    else:
        say(f"{one.name} ({one.id}) is revoked: it opens nothing any more")
    return EXIT_OK


def _meant(tokens: list[TokenView], text: str) -> TokenView:
    """By id, or by name where one token has it. Raises UsageError."""
    found = [one for one in tokens if one.id == text] or [one for one in tokens if one.name == text]
    if not found:
        raise UsageError(f"no console token is called {text[:80]!r}", hint="`joytui tokens list` shows them")
    if len(found) > 1:
        ids = " and ".join(one.id for one in found)
        raise UsageError(f"{ids} have the name {text[:80]!r}", hint="use the id")
    return found[0]
