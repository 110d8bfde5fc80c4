"""What goes through the gateway: the newest requests, one request, or everything as it comes.

joytui logs                                 the newest 50
joytui logs --follow                        and what comes next, until Ctrl-C
joytui logs --filter 'status:4xx key:ci-*'  the same filters as on the Logs screen
joytui logs --request ID                    one request, explained (own id, X-Request-ID or the upstream's id)
joytui logs --json                          one JSON object a line, oldest first
joytui logs --csv                           CSV with the same fields, for a spreadsheet
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from joytui.cli.gateway_options import add_gateway_options, count, moment, with_console
from joytui.cli.output import emit, say
from joytui.core.clock import parse_when
from joytui.core.errors import EXIT_OK, RefusedError, UsageError

if TYPE_CHECKING:
    from joytui.cli.request_view import Form
    from joytui.client.console import ConsoleClient
    from joytui.core.request import RequestRecord

DASHED = ("--filter",)
LIMIT = 50
FOLLOW_LIMIT = 10


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--follow", "-f", action="store_true", help="go on with what comes, until Ctrl-C")
    parser.add_argument(
        "--filter", metavar="EXPR", default="", help="for example 'status:4xx since:2h'; see --help-filter"
    )
    parser.add_argument("--help-filter", action=_FilterHelp, nargs=0, help="explain the filter language")
    parser.add_argument("--since", metavar="WHEN", help="30m, 2h, 7d, today, a date, an RFC 3339 time")
    parser.add_argument("--until", metavar="WHEN", help="before then")
    parser.add_argument("--limit", "-n", metavar="N", type=count, help=f"the newest N (default {LIMIT}; 0: all)")
    parser.add_argument("--request", metavar="ID", help="one request, explained")
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
    if args.since and args.until and args.until <= args.since:
        raise UsageError("it ends before it begins", where="--until", hint=f"--since is {args.since}")
    if args.request is not None:
        if not args.request.strip():
            raise UsageError("no id", where="--request", hint="`joytui logs --json` has the ids")
        return with_console(args, lambda console: _one(console, args))
    if args.follow and args.until:
        raise UsageError("--follow has no end, --until is one", hint="take one of them")
    return with_console(args, lambda console: (_follow if args.follow else _list)(console, args))


async def _one(console: ConsoleClient, args: argparse.Namespace) -> int:
    from joytui.cli.request_view import describe, emit_records

    record = await console.request(args.request)
    if record is None:
        hint = "an id stands in the X-Request-ID header of an answer, and in `joytui logs --json`"
        raise RefusedError(f"no request {args.request!r} in this gateway's logs", where=console.url, hint=hint)
    if (form := _form(args)) == "table":
        emit(describe(record))
    else:
        emit_records([record], form)
    return EXIT_OK


async def _list(console: ConsoleClient, args: argparse.Namespace) -> int:
    records = await _newest(console, args, LIMIT if args.limit is None else args.limit)
    _show(records, args)
    if not records:
        _say_empty(console.url, args)
    if not args.json and args.tests == "out":
        await _say_hidden(console, args, since=args.since or (records[0].time if records else None))
    return EXIT_OK


async def _say_hidden(console: ConsoleClient, args: argparse.Namespace, since: str | None) -> None:
    """How many of the doctor's test requests are not among the lines; nothing where an older gateway does not tell them apart."""
    most = 1000
    asked = {"since": since, "until": args.until, "limit": most}
    try:
        hidden = [one for one in (await console.requests(args.filter, **asked, tests="only")).records if one.doctor]
    except RefusedError:
        return
    if hidden:
        many = f"{len(hidden)}{'+' if len(hidden) == most else ''}"
        say(f"{many} test request{'s' * (len(hidden) != 1)} of joytui doctor left out; --include-doctor shows them")


async def _newest(console: ConsoleClient, args: argparse.Namespace, limit: int) -> list[RequestRecord]:
    """The newest `limit` (0: all), oldest first."""
    from joytui.client.pages import newest_requests

    asked = {"since": args.since, "until": args.until, "limit": limit, "tests": args.tests}
    return (await newest_requests(console, args.filter, **asked))[::-1]


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


async def _follow(console: ConsoleClient, args: argparse.Namespace) -> int:
    """Each request once, when it has ended: those of the newest page first, then what the tail brings."""
    from joytui.cli.request_view import Feed

    seen = (await console.status()).last_seq
    limit = FOLLOW_LIMIT if args.limit is None else args.limit
    records = await _newest(console, args, limit) if limit or args.since else []
    feed = Feed(_form(args))
    feed.show(records)
    if not records:
        _say_empty(console.url, args)
    tell = _Connection()
    async for batch in console.tail(seen, args.filter, tests=args.tests, on_state=tell):
        feed.show([r for r in batch.records if args.since is None or r.time >= args.since])
    return EXIT_OK


class _Connection:
    """Says when the tail is lost, and when it is back."""

    def __init__(self) -> None:
        self.lost = False

    def __call__(self, state: object) -> None:
        from joytui.client.console import ConnectionState

        assert isinstance(state, ConnectionState)
        if state.name == "waiting" and not self.lost:
            self.lost = True
            say(f"joytui: {state.error}; trying again")
        elif state.name == "live" and self.lost:
            self.lost = False
            say("joytui: connected again")


def _say_empty(url: str, args: argparse.Namespace) -> None:
    from joytui.core.joytoken import BASE_PATH

    if args.filter or args.since or args.until:
        say("no request matches; `joytui logs` without filter shows the newest")
        return
    say(f"no requests yet: what passes {url}{BASE_PATH} appears here.")
    say("`joytui try` sends one real Codex turn through it; `joytui doctor` says where your Codex sends its requests.")
