"""Who changed what at the gateway: keys, policies, tokens, teams, wallets, what was learned from upstreams. Without secrets.

joytui audit                    the newest changes first
joytui audit --since 7d --json

JSON: {"entries": [{"id", "time", "token", "token_id", "what", "subject", "name", "before", "after"}]}; "before" and "after" hold what
differs; null where it was not set.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from joytui.cli.gateway_options import add_gateway_options, count, moment, with_console
from joytui.cli.output import emit_json, say
from joytui.core.clock import parse_when
from joytui.core.errors import EXIT_OK, UsageError

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import AuditEntry

LIMIT, MOST = 100, 5_000


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--since", metavar="WHEN", help="30m, 2h, 7d, today, a date, an RFC 3339 time")
    parser.add_argument("--limit", metavar="N", type=count, default=LIMIT, help=f"the N newest (default: {LIMIT})")
    parser.add_argument("--json", action="store_true", help="JSON on stdout")
    add_gateway_options(parser)


def run(args: argparse.Namespace) -> int:
    args.since = moment(args.since, "--since", parse_when)
    if not 1 <= args.limit <= MOST:
        raise UsageError(f"a number from 1 to {MOST}", where="--limit")
    return with_console(args, lambda console: _list(console, args))


async def _list(console: ConsoleClient, args: argparse.Namespace) -> int:
    found = await console.audit(since=args.since, limit=args.limit)
    if args.json:
        emit_json({"entries": [one.model_dump() for one in found]})
    elif found:
        _show(found)
    else:
        say("no changes" + (f" since {args.since}" if args.since else " yet"))
    return EXIT_OK


def _show(found: list[AuditEntry]) -> None:
    from joytui.cli.amounts import local_time
    from joytui.cli.columns import Column, emit_table
    from joytui.core.audit_words import change

    columns = [
        Column("time"),
        Column("token"),
        Column("what"),
        Column("subject", least=8),
        Column("change", rank=1, least=12),
    ]
    emit_table(
        columns, [[local_time(one.time), one.token, one.what, one.name or one.subject, change(one)] for one in found]
    )
