"""`joytui gateway upstreams [show|forget]`: which API each upstream offers, and what the gateway learned from its refusals.

A request that an upstream refuses for a field or a shape is mended and sent again; what helped is remembered for seven days, by
upstream and model.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from joytui.cli.gateway_options import add_gateway_options, with_console
from joytui.cli.output import emit, emit_json, say
from joytui.core.errors import EXIT_OK

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import UpstreamLessons


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="upstreams_action", metavar="show|forget")
    show = actions.add_parser("show", help="each upstream, and what the gateway learned about its models")
    forget = actions.add_parser("forget", help="forget what was learned: the next refusal teaches it again")
    forget.add_argument("name", metavar="NAME", nargs="?", help="the upstream's name or URL (default: all)")
    forget.add_argument("--model", metavar="M", help="only this model")
    for action in (parser, show, forget):  # alone it shows
        action.add_argument("--json", action="store_true", help="JSON on stdout")
        add_gateway_options(action)


def run(args: argparse.Namespace) -> int:
    return with_console(args, lambda console: _act(console, args))


async def _act(console: ConsoleClient, args: argparse.Namespace) -> int:
    if args.upstreams_action == "forget":
        count = await console.forget_lessons(args.name, args.model)
        emit_json({"forgotten": count}) if args.json else emit(f"forgotten: {count}")
        return EXIT_OK
    upstreams = await console.upstreams()
    if args.json:
        emit_json({"upstreams": [one.model_dump() for one in upstreams]})
    elif not upstreams:
        say("no upstream: the built-in offline model answers")
    else:
        _show(upstreams)
    return EXIT_OK


def _show(upstreams: list[UpstreamLessons]) -> None:
    from joytui.cli.amounts import local_time
    from joytui.core.redaction import visible

    for one in upstreams:
        emit(visible(f"{one.name}  {one.url}  {one.api or 'api not asked yet'}"))
        for lesson in one.lessons:
            emit(visible(f"  {lesson.model}: {lesson.lesson} (until {local_time(lesson.until)})"))
    if any(one.lessons for one in upstreams):
        say("`joytui gateway upstreams forget NAME --model M` forgets it; the next refusal teaches it again")
        say(
            'to set it by hand: quirks = ["its words"] in the upstream\'s [[gateway.upstreams]] (`joytui gateway settings`)'
        )
