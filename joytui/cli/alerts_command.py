"""Alerts: limits nearly used up, keys about to expire, people whose Codex fails, gateways that are gone. Each is sent once.

joytui alerts list              the newest first
joytui alerts list --since 24h --json
joytui alerts test              send a test to the webhook, and show its answer

The setting alerts_url names the webhook. Without one, alerts are kept here but not sent.

JSON of list: {"alerts": [{"id", "time", "kind", "severity", "subject", "team", "title", "text", "facts", "state", "tries", "sent_at",
"error"}], "webhook"}; of test: {"id", "webhook", "signed", "delivered", "status", "answer"}, exit 1 where it was not delivered.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from joytui.cli.gateway_options import add_gateway_options, count, moment, with_console
from joytui.cli.output import emit, emit_json, say
from joytui.core.clock import parse_when
from joytui.core.errors import EXIT_BAD_NEWS, EXIT_OK, UsageError

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import AlertView

LIMIT, MOST = 100, 5_000


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="alerts, newest first, and whether each was sent")
    test = actions.add_parser("test", help="send a test to the webhook, and show its answer")
    listing.add_argument("--since", metavar="WHEN", help="30m, 2h, 7d, today, a date, an RFC 3339 time")
    listing.add_argument("--limit", metavar="N", type=count, default=LIMIT, help=f"the N newest (default: {LIMIT})")
    for action in (listing, test):
        action.add_argument("--json", action="store_true", help="JSON on stdout")
        add_gateway_options(action)


def run(args: argparse.Namespace) -> int:
    if args.action == "test":
        return with_console(args, lambda console: _test(console, args))
    args.since = moment(args.since, "--since", parse_when)
    if not 1 <= args.limit <= MOST:
        raise UsageError(f"from 1 to {MOST}", where="--limit")
    return with_console(args, lambda console: _list(console, args))


async def _list(console: ConsoleClient, args: argparse.Namespace) -> int:
    found, webhook = await console.alerts(since=args.since, limit=args.limit)
    if args.json:
        emit_json({"alerts": [one.model_dump() for one in found], "webhook": webhook})
        return EXIT_OK
    if found:
        _show(found, sent=webhook is not None)
    else:
        say("no alerts" + (f" since {args.since}" if args.since else " yet"))
    if webhook is None:
        say("alerts are kept here but not sent: no webhook is set (alerts_url)")
    return EXIT_OK


def _show(found: list[AlertView], *, sent: bool) -> None:
    """`sent`: whether there is a webhook, so that each has a state."""
    from joytui.cli.amounts import local_time
    from joytui.cli.columns import Column, emit_table

    columns = [Column("time"), Column("severity"), Column("alert", least=20), Column("text", rank=1, least=16)]
    rows = [[local_time(one.time), one.severity, one.title, one.text] for one in found]
    if sent:
        columns.append(Column("state"))
        rows = [[*row, _state(one)] for row, one in zip(rows, found, strict=True)]
    emit_table(columns, rows)


def _state(one: AlertView) -> str:
    """For example "waiting (HTTP 500)"."""
    return f"{one.state} ({one.error})" if one.error else one.state


async def _test(console: ConsoleClient, args: argparse.Namespace) -> int:
    told = await console.test_alerts()
    if args.json:
        emit_json(told.model_dump())
    else:
        said = f"HTTP {told.status}" if told.status is not None else "no answer"
        answer = f": {told.answer}" if told.answer else ""
        signed = "signed" if told.signed else "not signed"
        emit(f"{told.webhook} {'accepted it' if told.delivered else 'did not accept it'} ({signed}): {said}{answer}")
    return EXIT_OK if told.delivered else EXIT_BAD_NEWS
