"""Who spends what: sums over the gateway's requests, over Codex's own files on this machine, or both.

joytui usage --by key --since 7d
joytui usage --by day --by model --json
joytui usage --by thread --top 20                the most expensive threads, all others as one row
joytui usage --source codex --by project         from Codex's rollout files: needs no gateway
joytui usage --since today --budget 5 --fail-over    exit 1 if more than 5 credits are spent
joytui usage --insight --json                    also the current rate, and unusual spending with its culprits
joytui usage --focus spend.csv --since 2026-11-01    for other tools: a row a day, key and model in the columns of FOCUS 1.2
joytui usage --reconcile --since 2d              Codex's files against the gateway's records, each difference explained

JSON: {"rows", "totals", "totals_by_source"}, "left_out" (the doctor's tests), and "budget" and "insight" if you ask for them. With --source both,
a turn through the gateway is in both sources: "totals" counts it once, and "totals_by_source" has the sums of each source. Requests
that only Codex's telemetry reported belong to codex.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from joytui.cli.gateway_options import add_gateway_options, count, moment, with_console
from joytui.cli.output import emit, emit_json, say
from joytui.codex.home import codex_home
from joytui.core.clock import now, parse_time, parse_when
from joytui.core.errors import EXIT_BAD_NEWS, EXIT_OK, JoytuiError, UsageError
from joytui.core.periods import PERIODS
from joytui.core.token_counts import MANY, MOST_TOP, USAGE_GROUPS, UsageRow, UsageTotals
from joytui.usage.witnesses import Told, ask_told, joined_totals, of_codex, topped

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.token_counts import Tests
    from joytui.usage.insight import Insight

SOURCES = ("gateway", "codex", "both")
UNKNOWN_TO_CODEX = ("key", "owner", "team", "label", "tier")


class Gathered(NamedTuple):
    """What was read. `totals` by source. `hours`: the gateway's nano-credits by hour (Unix time in hours), for a budget's
    forecast. `left_out`: the doctor's test requests, which are in no row. `told`: what the gateway knows of Codex's telemetry.
    `joined`: the totals of both sources, where both were asked."""

    rows: list[UsageRow]
    totals: Mapping[str, UsageTotals]
    hours: dict[int, int] = {}  # noqa: RUF012 - a default that nobody changes
    insight: Insight | None = None
    left_out: UsageTotals | None = None
    told: Told | None = None
    joined: UsageTotals | None = None


def configure(parser: argparse.ArgumentParser) -> None:
    by = f"group by it, repeatable: {', '.join(USAGE_GROUPS)}"
    parser.add_argument("--by", metavar="FIELD", action="append", help=by)
    parser.add_argument("--since", metavar="WHEN", help="30m, 2h, 7d, today, a date, an RFC 3339 time")
    parser.add_argument("--until", metavar="WHEN", help="before then")
    parser.add_argument("--source", choices=SOURCES, default="gateway", help="default: gateway")
    parser.add_argument(
        "--top",
        metavar="N",
        type=count,
        help=f"with --by {', '.join(MANY[:-1])} or {MANY[-1]}: the N most expensive, all others as one row",
    )
    parser.add_argument("--budget", metavar="CR", help="compare the spending with this many credits")
    parser.add_argument("--fail-over", action="store_true", help="exit 1 when the budget is overspent")
    parser.add_argument(
        "--insight",
        action="store_true",
        help="also show the current rate and unusual spending since --since (default 7d), and who caused it; a table of the gateway always does",
    )
    parser.add_argument(
        "--reconcile", action="store_true", help="compare Codex's files with the gateway's records (a week, or --since)"
    )
    parser.add_argument(
        "--include-doctor",
        action="store_true",
        help="also count the test requests of joytui doctor (a budget always does)",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="JSON on stdout")
    form.add_argument("--csv", action="store_true", help="CSV on stdout, rows only")
    form.add_argument(
        "--focus",
        metavar="FILE",
        help="write a CSV with the columns of FOCUS 1.2 (the FinOps Open Cost and Usage Specification); - is stdout",
    )
    parser.add_argument(
        "--usd-per-credit",
        metavar="USD",
        help="with --focus: what a credit costs (default: the setting usd_per_credit of the local gateway)",
    )
    add_gateway_options(parser)


def run(args: argparse.Namespace) -> int:
    args.by = _fields(args.by or [])
    args.since = moment(args.since, "--since", parse_when)
    args.until = moment(args.until, "--until", parse_when)
    if args.focus is not None:
        from joytui.cli.usage_focus import write_focus

        return write_focus(args)
    if args.usd_per_credit is not None:
        raise UsageError("it needs --focus", where="--usd-per-credit", hint="joytui usage --focus spend.csv")
    budget = _budget(args)
    _check(args)
    if args.reconcile:
        return _reconcile(args)
    found = gather(args)
    counted = (found.totals.get("gateway"), found.left_out)
    spent = sum(totals.cost_nano for totals in counted if totals)
    show(found, budget, spent, args)
    over = budget is not None and spent > budget
    return EXIT_BAD_NEWS if over and args.fail_over else EXIT_OK


def gather(args: argparse.Namespace) -> Gathered:
    """The rows of the sources that were asked for, and what else the answer needs.

    `--source codex` asks no gateway, and starts none.
    """
    if args.source == "gateway":
        return _from_gateway(args)
    mine, by_thread = _from_codex(args)
    if args.source == "codex":
        return _with_telemetry(mine, _told_here(args), by_thread, args)
    found = _from_gateway(args)
    told = found.told or Told()
    mine = _with_telemetry(mine, told, by_thread, args)
    return found._replace(
        rows=found.rows + mine.rows,
        totals={**found.totals, **mine.totals},
        joined=joined_totals(found.totals["gateway"], told, by_thread),
    )


def _with_telemetry(
    mine: Gathered, told: Told, by_thread: Mapping[str, UsageTotals], args: argparse.Namespace
) -> Gathered:
    from joytui.usage.rows import totals_of

    rows = topped(of_codex(mine.rows, told, by_thread), args.top)
    return mine._replace(rows=rows, totals={"codex": totals_of(rows, "codex")})


def _told_here(args: argparse.Namespace) -> Told:
    """What a gateway that runs knows of Codex's telemetry; none is started for that."""
    import asyncio

    from joytui.client.local import connect
    from joytui.core.places import places

    async def ask() -> Told:
        async with await connect(places(), gateway_url=args.gateway, start=False) as console:
            return await ask_told(console, args.by, args.since, args.until)

    try:
        return asyncio.run(ask())
    except JoytuiError:
        if args.gateway:
            raise
        return Told()


def _from_gateway(args: argparse.Namespace) -> Gathered:
    from joytui.usage.rows import gateway_rows

    async def ask(console: ConsoleClient) -> Gathered:
        hours: dict[int, int] = {}
        insight = None
        tests: Tests = "in" if args.include_doctor else "out"
        if args.budget is not None and not args.until:
            from joytui.core.anomalies import DAYS
            from joytui.usage.comparing import RATE_DAYS, hourly_spending

            hours = await hourly_spending(console, now() - timedelta(days=RATE_DAYS + DAYS + 1))
        view = await console.usage(args.by, since=args.since, until=args.until, top=args.top, tests=tests)
        if args.insight or not (args.json or args.csv):
            from joytui.cli.usage_insight import MOST_ANOMALIES
            from joytui.usage.insight import gateway_insight

            since = parse_time(args.since) if args.since else None
            insight = await gateway_insight(console, now(), since=since, most=MOST_ANOMALIES)
        left_out = UsageTotals.of(view.left_out.model_dump()) if view.left_out else None
        totals = {"gateway": UsageTotals.of(view.totals.model_dump())}
        both = args.source == "both"
        told = await ask_told(console, args.by, args.since, args.until, seen=True) if both else None
        return Gathered(gateway_rows(view.rows, args.by), totals, hours, insight, left_out, told)

    return with_console(args, ask)


def _from_codex(args: argparse.Namespace) -> tuple[Gathered, dict[str, UsageTotals]]:
    """What the rollouts here tell, and their sums by thread."""
    from joytui.codex.rollouts import read_usage
    from joytui.core.places import places
    from joytui.usage.rows import codex_rows

    home, cache_dir = codex_home(os.environ), places().cache_dir
    since, until = (parse_time(text) if text else None for text in (args.since, args.until))
    usage = read_usage(home, cache_dir, since, until)
    if usage.broken:
        say(f"joytui: {usage.broken} lines of Codex's files could not be read and are not counted")
    if unknown := [name for name in args.by if name in UNKNOWN_TO_CODEX]:
        say(f"joytui: Codex's files do not record {', no '.join(unknown)}")
    insight = None
    if args.insight and args.source == "codex":
        from joytui.usage.insight import codex_insight

        insight = codex_insight(home, cache_dir, now(), since)
    by_thread: dict[str, list[UsageTotals]] = {}
    for row in usage.rows:
        by_thread.setdefault(row.thread, []).append(row.totals)
    sums = {thread: UsageTotals.sum(parts) for thread, parts in by_thread.items()}
    return Gathered(codex_rows(usage.rows, args.by), {}, insight=insight), sums


def _reconcile(args: argparse.Namespace) -> int:
    from joytui.cli.usage_reports import reconciled, show_reconciliation
    from joytui.core.places import places

    if args.by or args.csv or args.budget is not None:
        raise UsageError("--reconcile lists differences and has no sums", hint="leave out --by, --csv and --budget")
    found = with_console(args, lambda console: reconciled(console, codex_home(os.environ), places().cache_dir, args))
    show_reconciliation(found, as_json=args.json)
    return EXIT_OK


# --- what was asked for ---


def _fields(words: list[str]) -> list[str]:
    """The fields in their order, each once; `--by key,model` is two."""
    fields = list(dict.fromkeys(part.strip().lower() for word in words for part in word.split(",") if part.strip()))
    for field in fields:
        if field not in USAGE_GROUPS:
            raise UsageError(f"no grouping is called {field!r}", where="--by", hint=f"one of {', '.join(USAGE_GROUPS)}")
    return fields


def _budget(args: argparse.Namespace) -> int | None:
    from joytui.core.money import MoneyError, parse_credits

    if args.budget is None:
        if args.fail_over:
            raise UsageError("--fail-over compares with a budget", hint="--budget 5 --fail-over")
        return None
    if args.source == "codex":
        raise UsageError("Codex's files have no prices, so there is nothing to compare with a budget", where="--budget")
    try:
        return parse_credits(args.budget)
    except MoneyError as error:
        raise UsageError(str(error), where="--budget") from None


def _check(args: argparse.Namespace) -> None:
    if args.since and args.until and parse_time(args.until) <= parse_time(args.since):
        raise UsageError("it must be later than --since", where="--until", hint=f"--since is {args.since}")
    fields = [name for name in args.by if name not in PERIODS]
    if args.top is not None and (not 1 <= args.top <= MOST_TOP or len(fields) != 1 or fields[0] not in MANY):
        hint = "joytui usage --by day --by thread --top 20"
        what = f"from 1 to {MOST_TOP}, and with --by {', '.join(MANY[:-1])} or {MANY[-1]} alone, beside times"
        raise UsageError(what, where="--top", hint=hint)
    if args.insight and args.csv:
        raise UsageError("CSV has rows only", where="--insight", hint="--insight --json")


# --- showing ---


def show(found: Gathered, budget: int | None, spent: int, args: argparse.Namespace) -> None:
    """JSON, CSV, or a table with the totals under it. Words about a budget go to stderr, whatever the form."""
    if args.json:
        emit_json(_view(found, budget, spent, args))
    elif args.csv:
        from joytui.core.sheet import csv_text
        from joytui.usage.rows import usage_sheet

        emit(csv_text(usage_sheet(found.rows, args.by)).rstrip("\r\n"))
    elif any(row.totals.requests for row in found.rows):
        from joytui.cli.usage_table import emit_usage

        emit_usage(found.rows, args.by, found.totals)
    else:
        _say_empty(args)
        found = found._replace(insight=None)
    if found.left_out and found.left_out.requests and not args.json:
        _say_left_out(found.left_out)
    if budget is not None:
        _say_budget(budget, spent, found.hours)
    if found.insight and not args.json:
        from joytui.cli.usage_insight import insight_lines

        for line in insight_lines(found.insight):
            say(line)


def _view(found: Gathered, budget: int | None, spent: int, args: argparse.Namespace) -> dict[str, Any]:
    from joytui.usage.rows import usage_view

    asked = ("gateway", "codex") if args.source == "both" else (args.source,)
    view = usage_view(found.rows, asked, found.totals, found.joined)
    if found.left_out is not None:
        view["left_out"] = found.left_out.numbers()
    if budget is not None:
        from joytui.cli.usage_insight import budget_view

        view["budget"] = budget_view(budget, spent, found.hours, now())
    if found.insight is not None:
        from joytui.cli.usage_insight import insight_view

        view["insight"] = insight_view(found.insight)
    return view


def _say_left_out(tests: UsageTotals) -> None:
    from joytui.core.money import format_credits

    many = f"{tests.requests} test request{'s' * (tests.requests != 1)} of joytui doctor"
    say(f"{many} left out ({format_credits(tests.cost_nano)} Cr); --include-doctor counts them")


def _say_budget(budget: int, spent: int, hours: dict[int, int]) -> None:
    from joytui.cli.usage_insight import forecast_lines
    from joytui.core.money import format_credits

    over = spent > budget
    rest = f"{format_credits(abs(budget - spent))} Cr {'over' if over else 'left'}"
    say(f"{'OVER BUDGET' if over else 'within budget'}: {format_credits(spent)} of {format_credits(budget)} Cr, {rest}")
    if hours:
        for line in forecast_lines(hours, budget - spent, now()):
            say(line)


def _say_empty(args: argparse.Namespace) -> None:
    if args.since or args.until:
        say("no requests in that time")
    elif args.source == "gateway":
        say("no requests yet: requests through the gateway are summed up here. `joytui try` sends one;")
        say("`joytui usage --source codex` sums up what Codex has done on this machine")
    else:
        say("no turns of Codex yet: this sums up its rollout files in CODEX_HOME/sessions")
