"""Console tokens: who may read the gateway's data, and who may change things. They do not work as model keys.

joytui tokens create ann --role admin
joytui tokens create wall --role viewer               reads everything, changes nothing
joytui tokens create bea --role lead --team core      sees only this team, and edits its keys
joytui tokens list
joytui tokens revoke wall

To use one: put it into JOYTUI_ADMIN_TOKEN, and give --gateway to the console or a command.

JSON: {"tokens": [{"id", "name", "role", "teams", "created_at"}]}; of `create`, one of them with "token"; of `revoke`, {"revoked": NAME}.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from joytui.cli.columns import Column
from joytui.cli.gateway_options import add_action, with_console
from joytui.cli.names import check_name
from joytui.cli.token_actions import find_token, show_all, show_new, show_revoked
from joytui.core.errors import UsageError
from joytui.core.roles import ROLES

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import TokenView

TOKEN_VARIABLE = "JOYTUI_ADMIN_TOKEN"  # noqa: S105 (a name)


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = add_action(actions, "create", "a new token; it is shown only once")
    create.add_argument("name", metavar="NAME")
    rights = "; ".join(f"{role} {what}" for role, what in ROLES.items())
    create.add_argument("--role", required=True, choices=tuple(ROLES), help=rights)
    create.add_argument("--team", metavar="T", action="append", default=[], help="a team that a lead leads; repeatable")
    add_action(actions, "list", "all tokens, oldest first")
    revoke = add_action(actions, "revoke", "revoke a token, at once and for good")
    revoke.add_argument("token", metavar="NAME|ID")


def run(args: argparse.Namespace) -> int:
    acts = {"create": _create, "list": _list, "revoke": _revoke}
    return with_console(args, lambda console: acts[args.action](console, args))


async def _create(console: ConsoleClient, args: argparse.Namespace) -> int:
    check_name(args.name, "NAME")
    if (args.role == "lead") != bool(args.team):
        raise UsageError("a lead needs at least one; other roles take none", where="--team")
    made = await console.create_token(args.name, args.role, args.team)
    intro = f"{made.name} ({made.id}, {made.role}): this token is shown only once. To use it:"
    return show_new(made, args.json, intro, f'export {TOKEN_VARIABLE}="…"; joytui --gateway {console.url}')


async def _list(console: ConsoleClient, args: argparse.Namespace) -> int:
    from joytui.cli.amounts import local_time

    columns = [Column("name"), Column("role"), Column("teams", rank=1), Column("created", rank=2), Column("id")]

    def row(one: TokenView) -> list[str]:
        return [one.name, one.role, ", ".join(one.teams), local_time(one.created_at), one.id]

    none = "no console tokens yet: `joytui tokens create NAME --role viewer` makes a read-only one"
    return show_all(await console.tokens(), args.json, columns, row, none)


async def _revoke(console: ConsoleClient, args: argparse.Namespace) -> int:
    one = find_token(await console.tokens(), args.token, "console token", "joytui tokens list")
    await console.delete_token(one.id)
    return show_revoked(one, args.json, f"{one.name} ({one.id}) is revoked and no longer works")
