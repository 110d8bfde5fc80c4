"""A team's Codex, according to its telemetry: whose works, whose fails (since when, and why), whose is silent, and whose talks to another provider.

joytui fleet
joytui fleet --json
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from joytui.cli.gateway_options import add_gateway_options, with_console
from joytui.cli.output import emit, emit_json, say
from joytui.core.errors import EXIT_OK
from joytui.usage.fleet import NOBODY, STATES, elsewhere, name, ordered, why

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import PersonView


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="JSON on stdout")
    add_gateway_options(parser)


def run(args: argparse.Namespace) -> int:
    return with_console(args, lambda console: _show(console, args))


async def _show(console: ConsoleClient, args: argparse.Namespace) -> int:
    people = await console.fleet()
    if args.json:
        emit_json({"people": [one.model_dump() for one in people]})
    elif not people:
        say(NOBODY)
    else:
        _table(ordered(people))
        for line in elsewhere(people):
            emit(line)
    return EXIT_OK


def _table(people: Sequence[PersonView]) -> None:
    from joytui.cli.amounts import local_time
    from joytui.cli.columns import Column, emit_table

    columns = [
        Column("owner"), Column("team", rank=3), Column("codex", rank=2), Column("provider", rank=2), Column("last turn", rank=4),
        Column("state"), Column("why", least=20),
    ]  # fmt: skip
    rows = [
        [
            name(one),
            one.team or "",
            one.codex_version or "",
            one.provider or "",
            local_time(one.last_turn) if one.last_turn else "",
            STATES[one.state],
            why(one, local_time(one.since)),
        ]
        for one in people
    ]
    emit_table(columns, rows)
