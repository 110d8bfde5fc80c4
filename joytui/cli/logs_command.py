"""The requests of Codex on this machine, and those through the gateway: the newest, one by its id, or live.

joytui logs                                 the newest 50; needs no gateway, and starts none
joytui logs --follow                        then each new one as it comes, until Ctrl-C
joytui logs --filter 'status:4xx key:ci-*'  the same filters as on the Logs screen
joytui logs --request ID                    one request, explained (own id, X-Request-ID or the upstream's id)
joytui logs --json                          one JSON object a line, oldest first
joytui logs --csv                           CSV with the same fields, for a spreadsheet
joytui logs --source codex                  only what Codex itself reports: its rollout files on this machine, its telemetry

A request that both the gateway and Codex's files report is one line, with the gateway's figures ("sources" names both). With
--gateway or JOYTUI_ADMIN_TOKEN, Codex's files are only read if you add --source codex or both.
"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from joytui.cli.gateway_options import add_gateway_options, count, moment
from joytui.cli.output import emit, say
from joytui.core.clock import parse_when
from joytui.core.errors import EXIT_OK, RefusedError, UnreachableError, UsageError

if TYPE_CHECKING:
    from joytui.cli.request_view import Form
    from joytui.client.console import ConsoleClient
    from joytui.codex.rollouts.tail import TurnTail
    from joytui.core.request import RequestRecord
    from joytui.usage.newest import Wish

SOURCES = ("gateway", "codex", "both")
DASHED = ("--filter",)
LIMIT = 50
FOLLOW_LIMIT = 10


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--follow", "-f", action="store_true", help="keep following until Ctrl-C")
    parser.add_argument(
        "--filter", metavar="EXPR", default="", help="for example 'status:4xx since:2h'; see --help-filter"
    )
    parser.add_argument("--help-filter", action=_FilterHelp, nargs=0, help="explain the filter language")
    parser.add_argument("--since", metavar="WHEN", help="30m, 2h, 7d, today, a date, an RFC 3339 time")
    parser.add_argument("--until", metavar="WHEN", help="before then")
    parser.add_argument("--limit", "-n", metavar="N", type=count, help=f"the newest N (default {LIMIT}; 0: all)")
    parser.add_argument("--request", metavar="ID", help="one request, explained")
    parser.add_argument(
        "--source",
        choices=SOURCES,
        help="where requests come from (default both; gateway with --gateway or JOYTUI_ADMIN_TOKEN)",
    )
    parser.add_argument(
        "--include-doctor",
        action="store_true",
        help="also show the test requests of joytui doctor (left out by default)",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object a line, oldest first")
    form.add_argument("--csv", action="store_true", help="CSV with the fields of the JSON, oldest first")
    add_gateway_options(parser)


class _FilterHelp(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from joytui.core.filters import help_lines

        for form, text in help_lines():
            emit(f"{form:<14} {text}")
        parser.exit(0)


def run(args: argparse.Namespace) -> int:
    from joytui.core.filters import asks_for_tests, parse

    args.tests = "in" if args.include_doctor or asks_for_tests(parse(args.filter)) else "out"
    args.since = moment(args.since, "--since", parse_when)
    args.until = moment(args.until, "--until", parse_when)
    args.source = args.source or _usual_source(args)
    if args.since and args.until and args.until <= args.since:
        raise UsageError("it must be later than --since", where="--until", hint=f"--since is {args.since}")
    if args.request is not None and not args.request.strip():
        raise UsageError("no id", where="--request", hint="`joytui logs --json` has the ids")
    if args.request is None and args.follow and args.until:
        raise UsageError("--follow does not end, so --until makes no sense", hint="use one of them")
    return _answer(args)


def _usual_source(args: argparse.Namespace) -> str:
    """Codex's files of this machine belong to its own gateway; somebody else's gateway knows nothing of them."""
    from joytui.client.local import TOKEN_VARIABLE

    return "gateway" if args.gateway or os.environ.get(TOKEN_VARIABLE, "").strip() else "both"


def _answer(args: argparse.Namespace) -> int:
    import asyncio

    from joytui.cli.gateway_here import gateway_if_there

    async def run() -> int:
        async with gateway_if_there(args, needed=args.source == "gateway") as console:
            if args.request is not None:
                return await _one(console, args)
            return await (_follow if args.follow else _list)(console, args)

    try:
        return asyncio.run(run())
    except UnicodeEncodeError:  # a word of the command line whose bytes are no UTF-8
        raise UsageError("filters and ids must be UTF-8; an argument here is not") from None


def _turns(args: argparse.Namespace) -> TurnTail | None:
    """Codex's turns on this machine, where they are asked for."""
    if args.source == "gateway":
        return None
    from joytui.codex.home import codex_home
    from joytui.codex.rollouts.tail import TurnTail

    return TurnTail(codex_home(os.environ))


def _wish(args: argparse.Namespace) -> Wish:
    from joytui.usage.newest import Wish

    return Wish(args.filter, args.since, args.until, args.tests, args.source)


async def _one(console: ConsoleClient | None, args: argparse.Namespace) -> int:
    from joytui.cli.request_view import describe, emit_records
    from joytui.usage.newest import one_request

    record = await one_request(console, _turns(args), args.request)
    if record is None:
        hint = "ids are in the X-Request-ID header of answers and in `joytui logs --json`"
        where = console.url if console else "Codex's rollout files; no gateway is running (`joytui gateway start`)"
        raise RefusedError(f"no request {args.request!r} in the logs", where=where, hint=hint)
    if (form := _form(args)) == "table":
        emit(describe(record))
    else:
        emit_records([record], form)
    return EXIT_OK


async def _list(console: ConsoleClient | None, args: argparse.Namespace) -> int:
    from joytui.client.local import START_HINT
    from joytui.usage.newest import newest

    limit = LIMIT if args.limit is None else args.limit
    records = await newest(console, _turns(args), _wish(args), limit)
    if not records and console is None and args.no_start:
        raise UnreachableError("the local gateway is not running, and Codex has left no files here", hint=START_HINT)
    _show(records, args)
    if not records:
        _say_empty(console, args)
    if console is not None and args.source != "codex" and not args.json and args.tests == "out":
        await _say_hidden(console, args, since=args.since or (records[0].time if records else None))
    return EXIT_OK


async def _say_hidden(console: ConsoleClient, args: argparse.Namespace, since: str | None) -> None:
    """How many of the doctor's test requests are not among the lines; nothing if an older gateway does not tell them apart."""
    most = 1000
    asked = {"since": since, "until": args.until, "limit": most}
    try:
        hidden = [one for one in (await console.requests(args.filter, **asked, tests="only")).records if one.doctor]
    except RefusedError:
        return
    if hidden:
        many = f"{len(hidden)}{'+' if len(hidden) == most else ''}"
        say(f"{many} test request{'s' * (len(hidden) != 1)} of joytui doctor left out; --include-doctor shows them")


def _show(records: list[RequestRecord], args: argparse.Namespace) -> None:
    from joytui.cli.columns import screen_width
    from joytui.cli.request_view import emit_records, table_lines

    if (form := _form(args)) != "table":
        emit_records(records, form)
    elif records:
        for line in table_lines(records, width=screen_width()):
            emit(line)


def _form(args: argparse.Namespace) -> Form:
    return "json" if args.json else "csv" if args.csv else "table"


async def _follow(console: ConsoleClient | None, args: argparse.Namespace) -> int:
    """Each request once, when it has ended: those of the newest page first, then what comes."""
    from joytui.cli.logs_follow import follow
    from joytui.cli.request_view import Feed

    limit = FOLLOW_LIMIT if args.limit is None else args.limit
    first = limit if limit or args.since else None
    await follow(console, _turns(args), _wish(args), first, Feed(_form(args)), lambda: _say_empty(console, args))
    return EXIT_OK


def _say_empty(console: ConsoleClient | None, args: argparse.Namespace) -> None:
    from joytui.core.joytoken import BASE_PATH

    if args.filter or args.since or args.until:
        say("no request matches; `joytui logs` without a filter shows the newest")
        return
    if args.source == "gateway" and console is not None:
        say(f"no requests yet: requests through {console.url}{BASE_PATH} appear here.")
    elif console is None:
        say(
            "no turns of Codex yet: they appear here as they happen on this machine. No gateway is running; `joytui gateway start`."
        )
    else:
        say(
            f"no requests yet: Codex's turns on this machine and requests through {console.url}{BASE_PATH} appear here."
        )
    say("`joytui try` sends one real Codex turn through it; `joytui doctor` says where your Codex sends its requests.")
