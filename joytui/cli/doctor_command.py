"""Says why this Codex does not work, and what to type to fix it.

Put what you pass to codex after `--`: `joytui doctor -- -p work`, or a whole pasted `codex exec … "prompt"`.
Sends small test requests (a few tokens); --no-send only checks this machine. Exit code 0: nothing is wrong; 1: a
cause was found; 2: wrong usage.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable

from joytui.cli.input_file import read_input
from joytui.cli.invocation import shell_invocation
from joytui.cli.output import emit, emit_json, paint, say, text_width
from joytui.cli.seconds import seconds
from joytui.codex.world import Invocation
from joytui.core.errors import EXIT_BAD_NEWS, EXIT_OK, JoytuiError, UsageError
from joytui.core.loading import loading
from joytui.core.records import Report, Step

TAKES_REST = True
STDIN_LIMIT = 1_000_000


def configure(parser: argparse.ArgumentParser) -> None:
    parser.usage = "joytui doctor [OPTIONS] [-- CODEX_ARGS…]"
    parser.add_argument("--json", action="store_true", help="the whole report as JSON on stdout")
    parser.add_argument("--no-send", action="store_true", help="local checks only: nothing leaves this machine")
    parser.add_argument(
        "--timeout",
        type=seconds(0.1, 600),
        default=10.0,
        metavar="S",
        help="time limit for the whole run, in seconds (default 10)",
    )
    parser.add_argument(
        "--no-ask",
        action="store_true",
        help="do not ask the installed Codex what it supports and whether its configuration loads",
    )
    parser.add_argument(
        "--surfaces",
        nargs="?",
        const="read",
        choices=("read", "run"),
        help="also where else Codex may start (editors, cron, ssh, …) and whether its key is there; `run` starts your shells for it",
    )
    parser.add_argument("--explain", metavar="CAUSE", help="explain a cause, offline (`list` names them all)")
    parser.add_argument("--with-codex", action="store_true", help="also run the installed Codex once, and compare")
    parser.add_argument(
        "--says", metavar="TEXT", help="the causes that fit what Codex printed, offline (- reads stdin)"
    )
    parser.add_argument("--report", metavar="FILE", help="show a report that --json wrote (- reads stdin)")
    parser.add_argument(
        "--codex-version", metavar="V", help="apply the rules of this version of Codex, not of the one on PATH"
    )
    from joytui.cli.fixing import configure as configure_mending

    configure_mending(parser)


def run(args: argparse.Namespace) -> int:
    if args.explain is not None:
        return _explain(args.explain, as_json=args.json)
    if args.says is not None:
        return _says(args.says, as_json=args.json)
    if args.report is not None:
        return _show(_read_report(args.report), as_json=args.json)
    if args.fix is not None or args.undo:
        return _mend(args)
    return _examine(args)


def _invocation(args: argparse.Namespace) -> Invocation:
    return shell_invocation(args.rest, _version(args.codex_version), ask=not args.no_ask)


def _mend(args: argparse.Namespace) -> int:
    from joytui.cli.fixing import run_fix, run_undo

    return run_undo(_invocation(args)) if args.undo else run_fix(args, _invocation(args))


def _examine(args: argparse.Namespace) -> int:
    with loading():
        from joytui.doctor.examine import examine

    invocation = _invocation(args)
    try:
        report = examine(invocation, send=not args.no_send, timeout=args.timeout, on_step=_progress())
    except (JoytuiError, KeyboardInterrupt):
        raise
    except Exception as error:  # whatever a configuration or a gateway can hold must not end in a traceback
        raise UsageError(
            f"the doctor itself failed: {type(error).__name__} at {_place(error)}",
            hint="this is a bug in joytui; `joytui doctor --no-send` may still help",
        ) from error
    if report.verdict.works:
        from joytui.cli.fixing import tidied

        tidied(invocation)
    if args.with_codex:
        from joytui.doctor.truth import compare

        report = compare(report, invocation, say)
    if args.surfaces:
        from joytui.doctor.surfaces import with_surfaces

        report = with_surfaces(report, invocation, args.surfaces, args.timeout)
    return _show(report, as_json=args.json)


def _place(error: Exception) -> str:
    """Where in joytui an error arose, for whoever reports it: "doctor/walk.py:42", without any value."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "/joytui/" in frame.filename.replace("\\", "/")] or list(frames)
    return (
        f"{own[-1].filename.replace(os.sep, '/').rsplit('/joytui/', 1)[-1]}:{own[-1].lineno}"
        if own
        else "an unknown place"
    )


def _version(text: str | None) -> str | None:
    if text is None:
        return None
    from joytui.codex.versions import assumed_version, parse_version

    number = parse_version(text)
    if number is None:
        raise UsageError(f"not a version of Codex: {text!r}", hint=f"for example --codex-version {assumed_version()}")
    return ".".join(map(str, number))


def _progress() -> Callable[[Step], None] | None:
    """Words about each step, for a person who waits at a terminal."""
    if not sys.stderr.isatty():
        return None
    return lambda step: say(paint(f"  {step.title} … {step.status}", "dim", stream=sys.stderr))


def _show(report: Report, *, as_json: bool) -> int:
    from joytui.doctor.report import render_text, report_json

    if as_json:
        emit_json(report_json(report))
    else:
        emit(render_text(report, paint, width=text_width()))
    return EXIT_OK if report.verdict.cause is None else EXIT_BAD_NEWS


def _read_report(name: str) -> Report:
    from joytui.doctor.report import redacted
    from joytui.doctor.report_file import report_from_json

    text = _text(name)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        hint = "`joytui doctor --json > FILE` writes a report; for what Codex printed, use `joytui triage FILE`"
        raise UsageError("this is not JSON, so it is not a report", where=name, hint=hint) from None
    try:
        if not isinstance(data, dict):
            raise ValueError("not a JSON object")
        return redacted(report_from_json(data), ())
    except (ValueError, RecursionError) as error:
        raise UsageError(str(error), where=name, hint="`joytui doctor --json > FILE` writes a report") from None


def _text(name: str) -> str:
    return read_input(name, STDIN_LIMIT).decode("utf-8", "replace")


def _says(text: str, *, as_json: bool) -> int:
    from joytui.doctor.says import render_triage, triage, triage_json

    words = _text("-") if text == "-" else text
    found = triage(words)
    if as_json:
        emit_json(triage_json(found))
    else:
        emit(render_triage(found, paint))
    return EXIT_BAD_NEWS if found else EXIT_OK


def _explain(cause_id: str, *, as_json: bool) -> int:
    from joytui.causes import CAUSES
    from joytui.doctor.explain import explain_json, explain_text, list_text

    if cause_id == "list":
        emit(list_text(paint))
        return EXIT_OK
    cause = CAUSES.get(cause_id.strip().lower())
    if cause is None:
        import difflib

        near = difflib.get_close_matches(cause_id, list(CAUSES), n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "`joytui doctor --explain list` names them all"
        raise UsageError(f"no cause named {cause_id!r}", hint=hint)
    if as_json:
        emit_json(explain_json(cause))
    else:
        emit(explain_text(cause, paint))
    return EXIT_OK
