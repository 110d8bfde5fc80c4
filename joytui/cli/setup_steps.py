"""The steps of `joytui setup`: write the provider, see to the key, examine, let Codex say hi; and back again."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from joytui.cli.invocation import shell_invocation
from joytui.cli.output import emit, paint, say
from joytui.codex.look import look
from joytui.codex.model_lists import CATALOG_FILE_KEY
from joytui.codex.world import Invocation, World
from joytui.core.codex_path import INSTALL_CODEX, codex_path
from joytui.core.errors import EXIT_BAD_NEWS, EXIT_OK, RefusedError
from joytui.core.joytoken import BASE_PATH, DEV_BASE_URL, PROVIDER_ID
from joytui.core.places import places
from joytui.doctor.setup import (
    PROMPT,
    first_turn,
    key_variable,
    listed_models,
    models_beside,
    provider_plan,
    usable,
)

if TYPE_CHECKING:
    from joytui.cli.setup_key import NewKey
    from joytui.core.records import Change, Fix, Report

Choice = Literal["direct", "local"]
_UNASKED = "\n  hint: stdin is not a terminal, so you cannot answer: add --yes to write without asking"


def set_up(args: argparse.Namespace, choice: Choice) -> int:
    """Config, key, and Codex's first turn if it is wanted; the exit code. Raises UsageError, RefusedError,
    UnreachableError."""
    from joytui.cli import setup_key
    from joytui.cli.fixing import ask

    invocation = shell_invocation()
    usable(look(invocation))
    base_url = args.base_url or DEV_BASE_URL
    if choice == "local":
        base_url = asyncio.run(setup_key.gateway(args)) + BASE_PATH
    world = look(invocation)
    fix = _plan(world, base_url, args.model, lists_models=choice == "local" or _lists_models(world, base_url))
    _say_step("config.toml")
    if fix.changes:
        _show(fix, world)
        if not args.yes and not ask("Write this?"):
            say("nothing was written" + ("" if sys.stdin.isatty() else _UNASKED))
            if choice == "local":
                asyncio.run(setup_key.let_go())
            return EXIT_BAD_NEWS
        _record(fix.changes, world)
    else:
        say(f"  {world.config_file} already has it")
    _say_step("the key")
    world = look(invocation)
    key = setup_key.see_to(world, args, choice)
    if key is None:
        _write_models(invocation, base_url)
        return _finish(invocation, args)
    try:
        invocation = replace(invocation, env={**invocation.env, key.variable: key.value})
        _write_models(invocation, base_url)
        return _finish(invocation, args)
    finally:  # whatever came of the rest: the key is shown this once
        _one_thing_left(key, setup_key.start_file(invocation.env))


def _one_thing_left(key: NewKey, file: str) -> None:
    """The line that this shell needs, last of all, where nothing scrolls it away."""
    _say_step("One thing left")
    if sys.stdout.isatty():
        say(
            f"  Paste this line, because this shell has no key yet. Add it to {file}, too (joytui does not change that file):\n"
        )
    else:
        say(f"  The line that sets the key went to stdout. Add it to {file}, too (joytui does not change that file).")
    emit(key.line)
    sys.stdout.flush()


def _lists_models(world: World, base_url: str) -> bool:
    """Whether another gateway than the local one lists its models for Codex: asked with the key that its provider will use."""
    if base_url == DEV_BASE_URL:
        return False
    return asyncio.run(listed_models(base_url, _key_set(world), world.version)) is not None


def _key_set(world: World) -> bytes:
    return os.fsencode(world.codex_env.get(key_variable(world), ""))


def _write_models(invocation: Invocation, base_url: str) -> None:
    """For a Codex that cannot ask for the gateway's models: a copy of them, once there is a key to ask with."""
    world = look(invocation)
    if base_url == DEV_BASE_URL or not (changes := asyncio.run(models_beside(world, base_url, _key_set(world)))):
        return
    _say_step("the gateway's models")
    say(
        f"  Codex {world.version} cannot load them itself, so they are copied for its picker, with the line {CATALOG_FILE_KEY}"
    )
    _record(changes, world)


def _plan(world: World, base_url: str, model: str, *, lists_models: bool) -> Fix:
    fix, remark = provider_plan(world, base_url, model, lists_models=lists_models)
    if remark:
        say(f"note: {remark}")
    return fix


def _say_step(text: str) -> None:
    say(paint(f"\n{text}", "bold", stream=sys.stderr))


def _show(fix: Fix, world: World) -> None:
    from joytui.core.redaction import visible
    from joytui.doctor.fix.write import remarks
    from joytui.doctor.scrub import shown_patch

    for line in visible(shown_patch(fix.patch, world.secrets)).splitlines():
        style = "green" if line.startswith("+") else "red" if line.startswith("-") else "dim"
        say(f"  {paint(line, style, stream=sys.stderr)}")
    for change in fix.changes:
        for remark in remarks(change):
            say(f"  {remark}")


def _record(changes: tuple[Change, ...], world: World) -> None:
    from joytui.doctor.fix import journal
    from joytui.doctor.fix.provider import SETUP

    entry = journal.record(changes, SETUP, world.codex_home, places())
    for written in entry.files:
        kept = f"; backup: {written.backup}" if written.backup else " (new)"
        say(f"{paint('✓', 'green', stream=sys.stderr)} wrote {written.path}{kept}")


# --- the doctor and a first turn


def _finish(invocation: Invocation, args: argparse.Namespace) -> int:
    from joytui.doctor.examine import examine

    _say_step("the doctor")
    report = examine(invocation)
    _tell(report)
    if report.verdict.cause is not None:
        return EXIT_BAD_NEWS
    return _offer_turn(invocation, args)


def _tell(report: Report) -> None:
    verdict = report.verdict
    glyph, style = ("✓", "green") if verdict.cause is None else ("✗", "red")
    say(
        f"{paint(glyph, style, 'bold', stream=sys.stderr)} {verdict.title}"
        + (f"   [{verdict.cause}]" if verdict.cause else "")
    )
    if verdict.fix and verdict.cause:
        say(f"  {verdict.fix.summary}")
        for command in verdict.fix.commands:
            say(f"      {paint(command, 'cyan', stream=sys.stderr)}")
    for warning in report.warnings[:3]:
        say(f"  ! {warning.title}   [{warning.cause}]")
    if verdict.cause:
        say("  `joytui doctor` says why")


def _offer_turn(invocation: Invocation, args: argparse.Namespace) -> int:

    from joytui.cli.fixing import ask

    codex = codex_path(invocation.env)
    if codex is None:
        say(f"there is no codex on PATH yet: {INSTALL_CODEX}")
        return EXIT_OK
    if not args.turn and (args.yes or not ask(f'Run a first Codex turn now (codex exec "{PROMPT}")?')):
        say(f'try it: codex exec --skip-git-repo-check "{PROMPT}"')
        return EXIT_OK

    def heard(line: str) -> None:
        say(paint(f"  codex │ {line}", "dim", stream=sys.stderr))

    _say_step("Codex's first turn")
    works = asyncio.run(first_turn(codex, invocation, heard))
    say(f"{paint('✓', 'green', stream=sys.stderr)} it works" if works else "Codex failed: `joytui doctor` says why")
    return EXIT_OK if works else EXIT_BAD_NEWS


# --- --print and --remove


def print_plan(args: argparse.Namespace, choice: Choice) -> int:
    """What setup would do, on stdout. Nothing is written, started or sent."""
    from joytui.cli import setup_key
    from joytui.core.redaction import visible
    from joytui.doctor.scrub import shown_patch

    world = look(shell_invocation())
    usable(world)
    base_url = args.base_url or (setup_key.local_base_url() if choice == "local" else DEV_BASE_URL)
    fix = _plan(world, base_url, args.model, lists_models=choice == "local")
    if fix.changes:
        emit(visible(shown_patch(fix.patch, world.secrets)).rstrip("\n"))
    else:
        say(f"{world.config_file} already has it")
    if choice == "local":
        say(
            f"then: the local gateway at {base_url.removesuffix(BASE_PATH)} (started if it does not run), and a key for Codex:"
        )
        say(f"      model auto, at most {args.daily} credits a day, from this machine only, logs on")
    say(f"then: {setup_key.shell_advice(world.invocation.env, key_variable(world), '<the key>')}")
    return EXIT_OK


def remove(args: argparse.Namespace) -> int:
    """Puts back what was there before each setup, newest first; takes the provider out by itself where the file was
    edited since. Where the record is lost, the backups tell the same."""
    from joytui.doctor.fix import journal
    from joytui.doctor.fix.provider import SETUP, sets_up

    world = look(shell_invocation())
    found = False
    while entry := (
        journal.latest(world.codex_home, places(), what=SETUP)
        or journal.recover(world.codex_home, places(), what=SETUP, is_one=sets_up)
    ):
        found = True
        try:
            if args.dry:
                say(f"would put back {', '.join(one.path for one in entry.files)} as before {entry.at}")
                break
            journal.undo(world.codex_home, places(), what=SETUP)
        except RefusedError as refusal:
            say(f"{refusal.where}: {refusal.what}")
            _take_out(world)
            break
        for written in entry.files:
            say(f"{written.path} is restored" if written.backup else f"{written.path} is removed again")
    if not found and not _take_out_unrecorded(world, dry=args.dry):
        return EXIT_BAD_NEWS
    if not args.dry:
        say("the gateway and its keys stay: `joytui keys list`, `joytui gateway stop`")
    return EXIT_OK


def _take_out(world: World) -> None:
    from joytui.doctor.fix import journal
    from joytui.doctor.fix.provider import SETUP

    entries = [one for one in journal.read(places()) if one.home == world.codex_home and one.what == SETUP]
    old = None
    if entries and (backup := entries[0].files[0].backup):
        with suppress(OSError):
            old = Path(backup).read_bytes()
    _without_provider(world, _removal(world, old))
    for entry in entries:
        journal.forget(entry, places())


def _take_out_unrecorded(world: World, *, dry: bool) -> bool:
    """Without a record, and where the file was edited since: its oldest backup has what is put in the provider's place. False
    where nothing tells that joytui changed anything."""
    from joytui.doctor.fix import journal

    old = journal.oldest_lost(world.config_file, places())
    changes = _removal(world, old or b"")
    if changes and old is not None:
        if dry:
            say(f"would remove the provider from {world.config_file}")
        else:
            _without_provider(world, changes)
        return True
    say("nothing to remove: joytui has no record of a setup here")
    if changes:
        say(
            f"{world.config_file} still has the provider {PROVIDER_ID}: to get rid of it, remove that table and the"
            " lines model_provider and model by hand"
        )
    return False


def _removal(world: World, old: bytes | None) -> tuple[Change, ...]:
    from joytui.codex.edit import EditError
    from joytui.doctor.fix.provider import removal

    try:
        return removal(world, old)
    except EditError as error:
        raise RefusedError(str(error), where=world.config_file, hint="remove the provider by hand") from None


def _without_provider(world: World, changes: tuple[Change, ...]) -> None:
    from joytui.doctor.fix import journal

    if changes:
        journal.record(changes, "setup-remove", world.codex_home, places())
        say(f"removed the provider from {world.config_file}; your own changes since then stay")
