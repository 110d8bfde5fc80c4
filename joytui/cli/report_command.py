"""A redacted bundle for a support ticket: a zip of JSON and Markdown. It contains no keys; --check searches it for them.

  joytui report                       writes joytui-report.zip, and says what is in it
  joytui report --preview             lists every entry and what was removed; writes nothing
  joytui report --markdown            the same as text to paste, on stdout
  joytui report --check FILE          whether a bundle (or any file) contains a secret; exit 1 if so
  joytui report -- -p work            about that invocation of Codex

Only looks at this machine; --send also lets the doctor send its small test request.
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joytui.cli.input_file import read_input
from joytui.cli.invocation import shell_invocation
from joytui.cli.output import emit, emit_json, paint, say
from joytui.core.errors import EXIT_BAD_NEWS, EXIT_OK, JoytuiError, UsageError
from joytui.core.plain_file import is_other_than_file
from joytui.core.whole_file import write_whole

if TYPE_CHECKING:
    from joytui.codex.world import Invocation
    from joytui.doctor.bundle import Bundle

TAKES_REST = True
DEFAULT_NAME = "joytui-report.zip"
LIMIT = 100_000_000


def configure(parser: argparse.ArgumentParser) -> None:
    parser.usage = "joytui report [OPTIONS] [-- CODEX_ARGS…]"
    parser.add_argument(
        "-o", "--output", metavar="FILE", help=f"the zip to write (default {DEFAULT_NAME}; - is stdout)"
    )
    parser.add_argument("--markdown", action="store_true", help="print the Markdown to paste; writes no zip unless -o")
    parser.add_argument("--preview", action="store_true", help="list each entry and what was removed; writes nothing")
    parser.add_argument("--json", action="store_true", help="with --preview or --check: as JSON")
    parser.add_argument("--send", action="store_true", help="let the doctor send its small test request too")
    parser.add_argument("--check", metavar="FILE", help="search a bundle for secrets")


def run(args: argparse.Namespace) -> int:
    invocation = shell_invocation(args.rest, without_folder=True, ask=True)
    if args.check is not None:
        return _check(args.check, invocation, as_json=args.json)
    bundle = _bundle(invocation, send=args.send)
    if args.preview:
        return _preview(bundle, as_json=args.json)
    if args.markdown:
        emit(bundle.markdown.rstrip("\n"))
        if args.output is None:
            return EXIT_OK
    return _write(bundle, args.output or DEFAULT_NAME)


def _bundle(invocation: Invocation, *, send: bool) -> Bundle:
    from joytui.doctor.bundle import compose, gather

    moment = _generated_at()
    try:
        return compose(gather(invocation, moment, send=send, gateway=_gateway(invocation, moment)))
    except (JoytuiError, KeyboardInterrupt):
        raise
    except Exception as error:  # whatever a configuration can hold must not end in a traceback
        raise UsageError(
            f"the report itself failed: {type(error).__name__}",
            hint="this is a bug in joytui; `joytui doctor --json` may still help",
        ) from error


def _generated_at() -> datetime:
    """Now, or SOURCE_DATE_EPOCH (seconds since 1970), which makes a bundle reproducible."""
    fixed = os.environ.get("SOURCE_DATE_EPOCH", "")
    if fixed.isdecimal() and len(fixed) <= 11:
        return datetime.fromtimestamp(int(fixed), UTC)
    from joytui.core.clock import now

    return now()


def _gateway(invocation: Invocation, moment: datetime) -> dict[str, Any]:
    """The local gateway's records, where one runs. Starts none."""
    import asyncio

    from joytui.client.local import client_of, find
    from joytui.codex.look import look
    from joytui.core.places import places
    from joytui.doctor.bundle.gather import records_of
    from joytui.doctor.telemetry import exporter

    async def ask() -> dict[str, Any]:
        gateway = await find(places())
        if gateway is None:
            return {"running": False}
        world = look(invocation)
        credential, telemetry = world.credential, exporter(world)
        key = credential.value.decode("utf-8", "replace") if credential and credential.value else None
        async with client_of(gateway) as console:
            return await records_of(console, key, moment, telemetry.fingerprint if telemetry else None)

    try:
        return asyncio.run(ask())
    except JoytuiError as error:
        return {"running": False, "error": error.what}


def _preview(bundle: Bundle, *, as_json: bool) -> int:
    if as_json:
        rows = [
            {"entry": e.name, "bytes": len(e.text.encode()), "about": e.about, "removed": dict(e.removed)}
            for e in bundle.entries
        ]
        emit_json({"schema_version": 1, "entries": rows})
        return EXIT_OK
    emit(paint("What a bundle of this machine contains (nothing was written)", "bold"))
    for entry in bundle.entries:
        inner = ":" in entry.name
        name = f"  {entry.name.split(': ')[-1]}" if inner else entry.name
        emit(
            f"\n{'  ' if inner else ''}{paint(name.strip(), 'bold')}  {len(entry.text.encode())} bytes   {paint(entry.about, 'dim')}"
        )
        if inner:
            for kind, count in entry.removed:
                emit(f"      {paint('removed', 'yellow')} {kind}: {count}")
    emit("\n`joytui report` writes it; `joytui report --check FILE` checks that a bundle contains no secrets.")
    return EXIT_OK


def _write(bundle: Bundle, name: str) -> int:
    from joytui.doctor.bundle import pack

    data = pack(bundle)
    if name == "-":
        sys.stdout.buffer.write(data)
        return EXIT_OK
    try:
        _put(data, Path(name if is_other_than_file(name) else os.path.realpath(name)))
    except (OSError, ValueError) as error:
        raise UsageError(
            str(getattr(error, "strerror", None) or error), where=name, hint="-o FILE writes it elsewhere"
        ) from None
    emit(name)
    removed = sum(count for entry in bundle.entries if ":" in entry.name for _, count in entry.removed)
    say(
        f"{len(data)} bytes, {removed} text(s) removed; `joytui report --preview` lists them, `--check {name}` searches it"
    )
    return EXIT_OK


def _put(data: bytes, path: Path) -> None:
    """A whole file or none, mode 0600. What is not a file (/dev/null, a pipe) is written into, and never replaced by one."""
    if is_other_than_file(path):
        with path.open("wb") as there:
            there.write(data)
        return
    path.parent.stat()  # a folder that is not there is not made
    write_whole(path, data)


def _check(name: str, invocation: Invocation, *, as_json: bool) -> int:
    from joytui.codex.look import look
    from joytui.doctor.bundle.check import NotReadable, check
    from joytui.doctor.scrub import known_secrets

    secrets = known_secrets(look(invocation))
    try:
        leaks = check(read_input(name, LIMIT), secrets)
    except NotReadable as error:
        raise UsageError(str(error), where=name) from None
    if as_json:
        rows = [{"entry": leak.entry, "line": leak.line, "what": leak.what} for leak in leaks]
        emit_json({"schema_version": 1, "clean": not leaks, "secrets_known": len(secrets), "leaks": rows})
    elif leaks:
        emit(paint(f"✗ {len(leaks)} place(s) contain a secret, or something that looks like one", "red", "bold"))
        for leak in leaks[:50]:
            emit(f"  {leak.entry}:{leak.line}  {leak.what}")
    else:
        emit(
            paint("✓ no secrets found", "green", "bold")
            + f"   (looked for {len(secrets)} secrets of this machine, and for every known format)"
        )
    return EXIT_BAD_NEWS if leaks else EXIT_OK
