"""Who spends what: sums over the gateway's requests, over Codex's own files on this machine, or both.

joytui usage --by key --since 7d
joytui usage --by day --by model --json
joytui usage --source codex --by project         from Codex's rollout files: needs no gateway
joytui usage --since today --budget 5 --fail-over    exit 1 when more than 5 credits are gone
joytui usage --reconcile --since 2d              Codex's files against the gateway's records, each difference explained
"""

from __future__ import annotations

import argparse
import os
from datetime import timedelta
from typing import TYPE_CHECKING

from joytui.cli.gateway_options import add_gateway_options, moment, with_console
from joytui.cli.output import emit, emit_json, say
from joytui.codex.home import codex_home
from joytui.core.clock import now, parse_when
from joytui.core.errors import EXIT_BAD_NEWS, EXIT_OK, UsageError
from joytui.core.usage import USAGE_GROUPS

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.usage import UsageRow, UsageTotals
    from joytui.core.wire import UsageView

HourlySpending = dict[int, int]
"""Nano-credits by Unix time in hours."""
SOURCES = ("gateway", "codex", "both")


def configure(parser: argparse.ArgumentParser) -> None:
    by = f"group by it, repeatable: {', '.join(USAGE_GROUPS)}"
    parser.add_argument("--by", metavar="FIELD", action="append", help=by)
    parser.add_argument("--since", metavar="WHEN", help="30m, 2h, 7d, today, a date, an RFC 3339 time")
    parser.add_argument("--until", metavar="WHEN", help="before then")
    parser.add_argument("--source", choices=SOURCES, default="gateway", help="default: gateway")
    parser.add_argument("--budget", metavar="CR", help="compare what is spent with so many credits")
    parser.add_argument("--fail-over", action="store_true", help="exit 1 when the budget is overspent")
    parser.add_argument(
        "--reconcile", action="store_true", help="compare Codex's files with the gateway's records (a week, or --since)"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="JSON on stdout")
    form.add_argument("--csv", action="store_true", help="CSV on stdout")
    add_gateway_options(parser)


def run(args: argparse.Namespace) -> int:
    from joytui.usage.rows import sum_rows

    args.by = _fields(args.by or [])
    args.since = moment(args.since, "--since", parse_when)
    args.until = moment(args.until, "--until", parse_when)
    budget = _budget(args)
    if args.reconcile:
        return _reconcile(args)
    rows, hours = gather(args)
    totals = sum_rows(rows)
    show(rows, totals, args)
    return _judge(totals, budget, hours, fail_over=args.fail_over)


def gather(args: argparse.Namespace) -> tuple[list[UsageRow], HourlySpending]:
    """The rows of the sources that were asked for, and what the gateway spent by the hour where that is needed for a budget.

    `--source codex` asks no gateway, and starts none.
    """
    rows, hours = _from_gateway(args) if args.source != "codex" else ([], {})
    return rows + _from_codex(args) if args.source != "gateway" else rows, hours


def _from_gateway(args: argparse.Namespace) -> tuple[list[UsageRow], HourlySpending]:
    from joytui.usage.rows import gateway_rows

    async def ask(console: ConsoleClient) -> tuple[UsageView, HourlySpending]:
        hours: HourlySpending = {}
        if args.budget is not None and not args.until:
            from joytui.usage.comparing import RATE_DAYS, hourly_spending

            hours = await hourly_spending(console, now() - timedelta(days=RATE_DAYS))
        return await console.usage(args.by, since=args.since, until=args.until), hours

    view, hours = with_console(args, ask)
    return gateway_rows(view.rows, args.by), hours


def _from_codex(args: argparse.Namespace) -> list[UsageRow]:
    from joytui.codex.rollouts import read_usage
    from joytui.core.clock import parse_time
    from joytui.core.places import places
    from joytui.usage.rows import codex_rows

    since, until = (parse_time(text) if text else None for text in (args.since, args.until))
    usage = read_usage(codex_home(os.environ), places().cache_dir, since, until)
    if usage.broken:
        say(f"joytui: {usage.broken} lines of Codex's files could not be read, and are not counted")
    return codex_rows(usage.rows, args.by)


def _reconcile(args: argparse.Namespace) -> int:
    from joytui.cli.usage_reports import reconciled, show_reconciliation
    from joytui.core.places import places

    if args.by or args.csv or args.budget is not None:
        raise UsageError("--reconcile lists differences, it sums up nothing", hint="leave out --by, --csv and --budget")
    found = with_console(args, lambda console: reconciled(console, codex_home(os.environ), places().cache_dir, args))
    show_reconciliation(found, as_json=args.json)
    return EXIT_OK


def _fields(words: list[str]) -> list[str]:
    """The fields in their order, each once; `--by key,model` is two."""
    fields = list(dict.fromkeys(part.strip() for word in words for part in word.split(",") if part.strip()))
    for field in fields:
        if field not in USAGE_GROUPS:
            raise UsageError(f"nothing is called {field!r}", where="--by", hint=f"one of {', '.join(USAGE_GROUPS)}")
    return fields


def _budget(args: argparse.Namespace) -> int | None:
    from joytui.core.money import MoneyError, parse_credits

    if args.budget is None:
        if args.fail_over:
            raise UsageError("--fail-over compares with a budget", hint="--budget 5 --fail-over")
        return None
    try:
        return parse_credits(args.budget)
    except MoneyError as error:
        raise UsageError(str(error), where="--budget") from None


def _judge(totals: UsageTotals, budget: int | None, hours: HourlySpending, *, fail_over: bool) -> int:
    from joytui.core.money import format_credits

    if budget is None:
        return EXIT_OK
    spent = totals.cost_nano
    over = spent > budget
    rest = f"{format_credits(abs(budget - spent))} Cr {'over' if over else 'left'}"
    say(f"{'OVER BUDGET' if over else 'within budget'}: {format_credits(spent)} of {format_credits(budget)} Cr, {rest}")
    if hours:
        from joytui.cli.usage_reports import forecast_text

        say(forecast_text(hours, budget - spent, now()))
    return EXIT_BAD_NEWS if over and fail_over else EXIT_OK


# --- showing ---


def show(rows: list[UsageRow], totals: UsageTotals, args: argparse.Namespace) -> None:
    """JSON, CSV, or a table with the totals under it."""
    from joytui.usage.rows import usage_csv, usage_view

    if args.json:
        emit_json(usage_view(rows, ("gateway", "codex") if args.source == "both" else (args.source,)))
    elif args.csv:
        emit(usage_csv(rows, args.by).rstrip("\r\n"))
    elif totals.requests:
        from joytui.cli.usage_table import emit_usage

        emit_usage(rows, args.by)
    else:
        _say_empty(args)


def _say_empty(args: argparse.Namespace) -> None:
    if args.since or args.until:
        say("no requests in that time")
    elif args.source == "gateway":
        say("no requests yet: what passes the gateway is summed up here. `joytui try` sends one;")
        say("`joytui usage --source codex` sums up what Codex did on this machine so far")
    else:
        say("no turns of Codex yet: its rollout files under CODEX_HOME/sessions are summed up here")
