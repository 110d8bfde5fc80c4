"""Finds the cause of a ticket: how certain it is, what to ask for, and the reply to send.

  joytui triage ticket.txt       any text: terminal output of Codex, `codex exec --json`, `codex doctor --json`, an error
                                 body, `curl -v`, a rollout file, a bundle from `joytui report`, or the user's own words
  pbpaste | joytui triage        the same from stdin
  joytui triage --request ID     the gateway's record of a request, the Codex thread that made it, key and wallet then

If the ticket names a bundle joytui-report….zip in the same folder, that is read instead. Nothing is sent, with one exception: a
request id or thread id in the ticket is looked up in the local gateway if that is running (it is never started for this), or in
the one that --gateway names.

Exit code 0: no failure in it; 1: a failure, decided or not; 2: wrong usage; 3: the gateway cannot be reached (--request).
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from joytui.cli.gateway_options import add_gateway_options, with_console
from joytui.cli.input_file import read_input
from joytui.cli.output import emit, emit_json, paint, say
from joytui.core.errors import EXIT_BAD_NEWS, EXIT_OK, RefusedError, UnreachableError, UsageError

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.doctor.triage import Answer
    from joytui.doctor.triage.story import Story

LIMIT = 50_000_000


def configure(parser: argparse.ArgumentParser) -> None:
    parser.usage = "joytui triage [FILE|-] [--json] | joytui triage --request ID [--json]"
    parser.add_argument("file", nargs="?", metavar="FILE", help="the ticket (default and -: stdin)")
    parser.add_argument("--json", action="store_true", help="the answer as JSON on stdout")
    parser.add_argument(
        "--request", metavar="ID", help="a request of the gateway: own id, X-Request-ID or upstream's id"
    )
    add_gateway_options(parser)


def run(args: argparse.Namespace) -> int:
    if args.request is not None:
        if args.file is not None:
            raise UsageError("a file and --request at once", hint="one of them")
        return _of_request(args)
    from joytui.doctor.triage import answer_json, render, triage

    name = args.file or "-"
    if name == "-" and sys.stdin.isatty():
        say("Paste the ticket, then press Ctrl-D.")
    data = read_input(name, LIMIT)
    answer = triage(data, _own_secrets())
    if bundle := _bundle_beside(name, data):
        answer = triage(bundle, _own_secrets())
    answer = _looked_up(args, answer)
    if args.json:
        emit_json(answer_json(answer))
    else:
        emit(render(answer, paint))
    return EXIT_OK if not answer.candidates and not answer.ask else EXIT_BAD_NEWS


_NAMES_BUNDLE = re.compile(rb"(?<![\w.-])(joytui-report[\w.-]{0,60}\.zip)\b")


def _bundle_beside(name: str, data: bytes) -> bytes | None:
    """The bundle of `joytui report` that the ticket names, where it lies beside the ticket; what the ticket says of other places is
    not opened."""
    found = _NAMES_BUNDLE.search(data[:200_000])
    if found is None or data[:2] == b"PK":
        return None
    file = Path(os.curdir if name == "-" else os.path.dirname(name) or os.curdir, found[1].decode())
    if file.is_symlink() or not file.is_file():
        return None
    say(f"reading {file}, named in the ticket")
    return read_input(str(file), LIMIT)


def _own_secrets() -> list[str]:
    """Keys of this shell, so that a ticket of one's own does not show them whatever they look like."""
    from joytui.core.known_secrets import secrets_of_environment

    return secrets_of_environment(os.environ)


def _looked_up(args: argparse.Namespace, answer: Answer) -> Answer:
    """The answer with the gateway's record of the request in the ticket; with the command that asks for it where none answers."""
    from joytui.doctor.triage.lookup import holds_ids, look_up, not_asked

    if not holds_ids(answer.facts):
        return answer
    here = argparse.Namespace(gateway=args.gateway, no_start=True)
    try:
        return with_console(here, lambda console: look_up(console, answer, os.environ))
    except (UnreachableError, RefusedError) as error:
        return not_asked(answer, error.what)


def _of_request(args: argparse.Namespace) -> int:
    from joytui.doctor.triage.joining import render_story, story_json

    story = with_console(args, lambda console: _joined(console, args.request))
    if args.json:
        emit_json(story_json(story))
    else:
        emit(render_story(story, paint))
    return EXIT_OK if story.cause is None else EXIT_BAD_NEWS


async def _joined(console: ConsoleClient, request_id: str) -> Story:
    from joytui.doctor.triage.joining import join

    story = await join(console, request_id, os.environ)
    if story is None:
        hint = "`joytui logs --json` lists the ids; a request that never reached the gateway has no record"
        raise RefusedError(f"the gateway has no request {request_id!r}", where=console.url, hint=hint)
    return story
