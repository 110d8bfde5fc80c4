"""Tasks: what each Codex agent and its sub-agents cost, running or recently ended.

joytui tasks                     of the last 24 hours, the newest first
joytui tasks --since 7d --running
joytui tasks 01a22c5a-46d4-7730-9681-f9b55ca875d9
joytui tasks raise 01a22c5a-46d4-7730-9681-f9b55ca875d9 5   raises its limit by 5 credits, so that it can go on
joytui tasks stop 01a22c5a-46d4-7730-9681-f9b55ca875d9      ends it: Codex says so and sends nothing more
joytui tasks resume 01a22c5a-46d4-7730-9681-f9b55ca875d9    lets it go on
joytui logs --filter task:01a22c5a*      the requests of one

A task is a root thread with all of its sub-agents. Its line has their sum; below it, each sub-agent has its own line, under the
agent that started it. Codex reports them since 0.169. A stopped task, whether by you or by a limit of its key
(`joytui keys create --help`), is refused until it is resumed.

JSON: {"tasks": [{"id", "key", "owner", "project", "repo", "commit", "state", "started_at", "last_at", "requests", "errors", tokens,
"cost_credits", "agents", "limit_credits", "threads", "stopped_at", "stopped_why"}]}; in "threads" each thread's own "id", "parent", "subagent", "model", and the same numbers.
"""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import TYPE_CHECKING

from joytui.cli.gateway_options import add_gateway_options, count, moment, with_console
from joytui.cli.output import emit, emit_json, say
from joytui.core.clock import now, parse_time, parse_when
from joytui.core.errors import EXIT_BAD_NEWS, EXIT_OK, UsageError
from joytui.core.token_counts import MOST_TOP

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import AgentView, TaskView

LIMIT = 50


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", metavar="ID", nargs="?", help="only this task; or: raise ID AMOUNT, stop ID, resume ID")
    parser.add_argument("of", metavar="ID", nargs="?", help="with raise, stop and resume: which task")
    parser.add_argument("amount", metavar="AMOUNT", nargs="?", help="with raise: by how many credits")
    parser.add_argument(
        "--since", metavar="WHEN", help="with requests since then (default: 24h): 30m, 7d, today, a date"
    )
    parser.add_argument("--limit", metavar="N", type=count, default=LIMIT, help=f"the N newest (default: {LIMIT})")
    parser.add_argument("--running", action="store_true", help="only running tasks")
    parser.add_argument("--json", action="store_true", help="JSON on stdout")
    add_gateway_options(parser)


def run(args: argparse.Namespace) -> int:
    args.since = moment(args.since, "--since", parse_when)
    if args.task in CHANGES:
        return _change(args)
    if args.of is not None:
        raise UsageError(f"give one task, or one of {', '.join(CHANGES)}", where="ID", hint="joytui tasks stop ID")
    if not 1 <= args.limit <= MOST_TOP:
        raise UsageError(f"from 1 to {MOST_TOP}", where="--limit")
    return with_console(args, lambda console: _list(console, args))


CHANGES = ("raise", "stop", "resume")


def _change(args: argparse.Namespace) -> int:
    change, of = args.task, args.of
    if of is None:
        raise UsageError(f"{change} needs a task", where="ID", hint="`joytui tasks` lists them")
    if args.since is not None or args.running or args.limit != LIMIT:
        raise UsageError(f"{change} does not take --since, --limit or --running")
    if change == "raise":
        return _raise(args)
    if args.amount is not None:
        raise UsageError(f"{change} takes no amount", where="AMOUNT")
    return with_console(args, lambda console: _changed(console, args))


async def _changed(console: ConsoleClient, args: argparse.Namespace) -> int:
    task = await (console.stop_task if args.task == "stop" else console.resume_task)(args.of)
    if args.json:
        emit_json(task.model_dump())
    elif task.state == "stopped":
        emit(f"{task.id} is stopped: its requests are refused until `joytui tasks resume {task.id}`")
    else:
        emit(f"{task.id} is resumed")
    return EXIT_OK


def _raise(args: argparse.Namespace) -> int:
    from joytui.cli.amounts import given_credits

    if args.amount is None:
        raise UsageError("raise needs an amount", where="AMOUNT", hint=f"joytui tasks raise {args.of} 5")
    args.amount = given_credits(args.amount, "AMOUNT")
    return with_console(args, lambda console: _raised(console, args))


async def _raised(console: ConsoleClient, args: argparse.Namespace) -> int:
    budget = await console.raise_budget(f"task:{args.of}", args.amount)
    if args.json:
        emit_json(budget.model_dump())
        return EXIT_OK
    for limit in budget.limits:
        emit(f"{args.of} may cost {limit.limit_credits} Cr, and has {limit.left_credits} Cr left")
    return EXIT_OK


async def _list(console: ConsoleClient, args: argparse.Namespace) -> int:
    tasks = await console.tasks(since=args.since, limit=args.limit, task=args.task)
    tasks = [task for task in tasks if task.state == "running" or not args.running]
    if args.json:
        emit_json({"tasks": [task.model_dump() for task in tasks]})
    elif tasks:
        _show(tasks)
    else:
        _say_none(args)
    return EXIT_BAD_NEWS if args.task and not tasks else EXIT_OK


def _say_none(args: argparse.Namespace) -> None:
    if args.task:
        say(f"no task {args.task!r} has requests here")
    elif args.running:
        say("no task is running")
    else:
        say(f"no tasks since {args.since}" if args.since else "no tasks in the last 24 hours")
        say("a task is everything that one Codex prompt starts; requests through this gateway carry its id")


def _show(tasks: list[TaskView]) -> None:
    from joytui.cli.columns import Column, emit_table
    from joytui.usage.agent_tree import branches

    columns = [
        Column("task", least=16),
        Column("state"),
        Column("cost", right=True),
        Column("requests", right=True, rank=2),
        Column("errors", right=True, rank=4),
        Column("agents", right=True, rank=1),
        Column("tokens", right=True, rank=6),
        Column("age", right=True, rank=1),
        Column("last", rank=5),
        Column("key", rank=3, least=6),
        Column("project", rank=1, least=10),
    ]
    at, rows = now(), []
    for task in tasks:
        rows.append(_row(task.id, task, at, [str(task.agents), task.key or "-", _place(task)]))
        rows += [_row(f"{stem}{_named(agent)}", agent, at, ["", "", ""]) for stem, agent in branches(task)]
    emit_table(columns, rows)
    for task in tasks:
        if task.stopped_at is not None:
            say(f"{task.id} was stopped{_why(task)}: `joytui tasks resume {task.id}` lets it go on")


def _why(task: TaskView) -> str:
    return f" as a runaway, for {task.stopped_why}" if task.stopped_why else ""


def _named(agent: AgentView) -> str:
    return " ".join(part for part in (agent.subagent, agent.id) if part) or "-"


def _place(task: TaskView) -> str:
    return task.repo or task.project or ""


def _row(name: str, one: TaskView | AgentView, at: datetime, of_task: list[str]) -> list[str]:
    from joytui.cli import amounts
    from joytui.core.amounts import count as short
    from joytui.core.amounts import span

    agents, key, place = of_task
    age = span((at - parse_time(one.started_at)).total_seconds() * 1000)
    errors, tokens = str(one.errors or ""), short(one.input_tokens + one.output_tokens)
    cost, last = amounts.credits_text(one.cost_credits), amounts.local_time(one.last_at)
    return [name, one.state, cost, str(one.requests), errors, agents, tokens, age, last, key, place]
