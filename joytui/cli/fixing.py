"""`joytui doctor --fix` and `--undo`: shows what would change, asks, writes, looks again."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from joytui.cli.output import emit, emit_json, paint, say
from joytui.core.errors import EXIT_BAD_NEWS, EXIT_OK, UsageError
from joytui.core.places import places

if TYPE_CHECKING:
    from joytui.codex.world import Invocation, World
    from joytui.core.records import Finding, Fix, Report
    from joytui.doctor.fix.journal import Entry
    from joytui.doctor.fix.outcome import Tried

ROUNDS = 8
VERDICT = "the verdict"


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `joytui doctor` that fix and undo."""
    group = parser.add_argument_group("fixing")
    group.add_argument(
        "--fix",
        nargs="?",
        const=VERDICT,
        metavar="CAUSE",
        help="fix the verdict (or the named warning): shows the change, asks, keeps a backup, examines again",
    )
    group.add_argument("--yes", action="store_true", help="with --fix: do not ask (needed if stdin is not a terminal)")
    group.add_argument(
        "--stop-daemon", action="store_true", help="with --fix: allow stopping a stale background server"
    )
    group.add_argument("--undo", action="store_true", help="undo the latest change, byte for byte")


def run_undo(invocation: Invocation) -> int:
    """Restores the files of the latest fix of this CODEX_HOME."""
    from joytui.codex.look import look
    from joytui.codex.versions import assumed_version
    from joytui.doctor.fix import journal

    world = look(replace(invocation, codex_version=assumed_version()))
    entry = journal.undo(world.codex_home, places(), folders=world.folders)
    if entry is None:
        say("nothing to undo: joytui has changed no file here")
        return EXIT_BAD_NEWS
    for written in entry.files:
        emit(f"{written.path} is restored ({entry.what})" if written.backup else f"{written.path} is removed again")
    return EXIT_OK


def run_fix(args: argparse.Namespace, invocation: Invocation) -> int:
    """Examines, fixes, examines again, until nothing is left that it can fix. What did not help is restored."""
    from joytui.doctor.fix.outcome import after_all, settled, told

    if not args.yes and not sys.stdin.isatty():
        raise UsageError("--fix asks before it writes, but stdin is not a terminal", hint="joytui doctor --fix --yes")
    report = _examined(args, invocation)
    wanted = None if args.fix == VERDICT else _wanted(args.fix)
    if wanted and _finding(report, wanted) is None:
        say(f"{wanted} was not found here; nothing was changed")
    tried: list[Tried] = []
    seen: set[tuple[str, str]] = set()
    for _ in range(ROUNDS):
        finding = _finding(report, wanted)
        if finding is None or (finding.cause or "", _first_where(finding)) in seen:
            break
        seen.add((finding.cause or "", _first_where(finding)))
        made = _fixed(finding, args, invocation, reported=finding is report.verdict)
        if made is None:
            break
        before, report = report, _examined(args, invocation)
        if made.entry is None:
            continue
        tried.append(settled(finding, made.summary, made.entry, before, report, places()))
        if tried[-1].outcome != "helped":
            say(f"{paint('✗', 'red', 'bold', stream=sys.stderr)} {told(tried[-1])}")
            report = after_all(before, tried[-1]) if tried[-1].put_back else report
            break
    if report.verdict.works:
        tidied(invocation)
    return _show(report, tried, as_json=args.json)


def _examined(args: argparse.Namespace, invocation: Invocation) -> Report:
    from joytui.doctor.examine import examine

    say(paint("examining …", "dim", stream=sys.stderr))
    report = examine(invocation, send=not args.no_send, timeout=args.timeout)
    if args.surfaces or args.fix == "key-unset":
        from joytui.doctor.surfaces import with_surfaces

        report = with_surfaces(report, invocation, args.surfaces or "read", args.timeout)
    return report


def _wanted(name: str) -> str:
    from joytui.causes import CAUSES

    if name not in CAUSES:
        raise UsageError(f"no cause named {name!r}", hint="`joytui doctor --explain list` names them all")
    return name


def _finding(report: Report, wanted: str | None) -> Finding | None:
    verdict = report.verdict
    if wanted is None or verdict.cause == wanted:
        return verdict if verdict.cause else None
    return next((warning for warning in report.warnings if warning.cause == wanted), None)


def _first_where(finding: Finding) -> str:
    return f"{finding.evidence[0].where} {finding.evidence[0].what}" if finding.evidence else ""


def _show(report: Report, tried: list[Tried], *, as_json: bool) -> int:
    from joytui.core.records import to_json
    from joytui.doctor.report import render_text, report_json

    if as_json:
        emit_json({**report_json(report), "fixes": to_json(tried)})
    else:
        say("")
        emit(render_text(report, paint, steps=False))
        if any(one.outcome == "helped" for one in tried):
            emit(
                "\n" + paint("`joytui doctor --undo` undoes the latest change; run it again for the one before", "dim")
            )
    return EXIT_OK if report.verdict.cause is None else EXIT_BAD_NEWS


def tidied(invocation: Invocation) -> None:
    """Once Codex works: what a `.env` held before a key was written into it is no longer kept."""
    from joytui.codex.home import codex_home
    from joytui.doctor.fix import journal

    journal.drop_secret_backups(str(codex_home(invocation.env)), places())


# --- one fix


@dataclass(frozen=True, slots=True)
class Made:
    """What was done. `entry` None: something was run, which cannot be restored."""

    summary: str
    entry: Entry | None = None


def _fixed(finding: Finding, args: argparse.Namespace, invocation: Invocation, *, reported: bool) -> Made | None:
    """What was changed or run; None for nothing. `reported`: the report below says what to do."""
    from joytui.codex.look import look
    from joytui.core.redaction import Redactor
    from joytui.doctor.fix.registry import fix_for

    world = look(invocation)
    fix = fix_for(finding.cause or "", world, finding.details)
    say(f"\n{paint('✗', 'red', 'bold', stream=sys.stderr)} {finding.title}   [{finding.cause}]")
    if not fix.automatic:
        _by_hand(finding, told_again=reported and not args.json)
        return None
    summary = Redactor(world.secrets).text(fix.summary)
    if fix.action:
        return Made(summary) if _act(fix, world, args) else None
    _present(summary, fix, world)
    if not _agreed(fix, args, named=args.fix == finding.cause):
        say("nothing was changed")
        return None
    return Made(summary, _apply(finding.cause or "", fix, world))


def _by_hand(finding: Finding, *, told_again: bool) -> None:
    """What joytui does not do itself: shell files, environments, the gateway's side. The report may say it below."""
    say("  joytui does not change this itself; what to do:" + (" see below" if told_again else ""))
    if finding.fix and not told_again:
        say(f"  {finding.fix.summary}")
        for command in finding.fix.commands:
            say(f"      {paint(command, 'cyan', stream=sys.stderr)}")


def _present(summary: str, fix: Fix, world: World) -> None:
    from joytui.core.redaction import visible
    from joytui.doctor.fix.write import remarks
    from joytui.doctor.scrub import shown_patch

    say(f"  {summary}\n")
    for line in visible(shown_patch(fix.patch, world.secrets)).splitlines():
        style = "green" if line.startswith("+") else "red" if line.startswith("-") else "dim"
        say(f"      {paint(line, style, stream=sys.stderr)}")
    for change in fix.changes:
        for remark in remarks(change):
            say(f"\n  {remark}")


def _agreed(fix: Fix, args: argparse.Namespace, *, named: bool) -> bool:
    """`--yes` is an answer where the change is safe, and where it writes a key if the cause was named: `--fix key-unset --yes`."""
    if not args.yes:
        return ask("Apply this change?")
    if named and any(change.secret_of for change in fix.changes):
        return True
    if not fix.safe:
        say("  this needs your own decision, which --yes does not make; `joytui doctor --fix` in a terminal asks")
    return fix.safe


def ask(question: str) -> bool:
    """A question on the terminal; only y or yes is yes, typed after the question was shown."""
    _forget_typed()
    sys.stderr.write(f"\n{question} [y/N] ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer:
        say("")
    return answer.strip().lower() in ("y", "yes")


def _forget_typed() -> None:
    """What was typed while the doctor examined is not an answer to a question that nobody had seen yet."""
    try:
        import termios
    except ImportError:
        return  # another system: its terminal keeps what was typed
    try:
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
    except (OSError, ValueError, termios.error):
        pass  # no terminal: nothing was typed ahead


def _apply(cause: str, fix: Fix, world: World) -> Entry:
    from joytui.doctor.fix import journal

    entry = journal.record(fix.changes, cause, world.codex_home, places())
    for written in entry.files:
        kept = f"; backup: {written.backup}" if written.backup else ""
        say(f"{paint('✓', 'green', stream=sys.stderr)} wrote {written.path}{kept}")
    for line in fix.then:
        say(f"  then: {paint(line, 'cyan', stream=sys.stderr)}")
    return entry


# --- what is run


def _act(fix: Fix, world: World, args: argparse.Namespace) -> bool:
    from joytui.doctor.fix.run import start_gateway, stop_daemon

    say(f"  {fix.summary}")
    if fix.action == "stop-daemon":
        allowed = args.stop_daemon or (not args.yes and ask(f"Stop Codex's background server (pid {fix.pid})?"))
        if not allowed:
            say("  left running; `joytui doctor --fix --stop-daemon` stops it, or: codex app-server daemon stop")
            return False
        stop_daemon(world)
        say(f"{paint('✓', 'green', stream=sys.stderr)} the background server has ended")
        return True
    if not args.yes and not ask("Start the local gateway?"):
        return False
    start_gateway(places(), say)
    return True
