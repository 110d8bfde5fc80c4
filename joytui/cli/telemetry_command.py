"""Codex's own telemetry: Codex reports its requests to a gateway, also those that do not go through it.

joytui telemetry on                                      writes [otel] into config.toml, with its own token
joytui telemetry on --gateway https://gw.example.com     to a team's gateway (token: JOYTUI_TELEMETRY_TOKEN)
joytui telemetry status
joytui telemetry off                                     restores config.toml
joytui telemetry token create ann-laptop --owner ann --team core
joytui telemetry token list
joytui telemetry token revoke ann-laptop
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from joytui.cli.columns import Column
from joytui.cli.gateway_options import add_action, with_console
from joytui.cli.invocation import shell_invocation
from joytui.cli.names import check_name
from joytui.cli.output import emit, emit_json, paint, say
from joytui.cli.token_actions import find_token, show_all, show_new, show_revoked
from joytui.core.errors import EXIT_BAD_NEWS, EXIT_OK, JoytuiError, UsageError
from joytui.core.places import places

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.records import Change
    from joytui.core.wire import SenderView
    from joytui.doctor.telemetry import Exporter

TOKEN_VARIABLE = "JOYTUI_TELEMETRY_TOKEN"  # noqa: S105 (a name)
NEW_TOKEN = "jtt_" + "x" * 43
"""Stands for a token in what is shown, which masks it."""
KEPT = "stored for each request: time, thread, model, tokens, status, error, provider, Codex's version; never prompts, tools or answers"


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    on = add_action(
        actions, "on", "write the exporter into Codex's config.toml: shows the change, asks, keeps a backup"
    )
    off = add_action(actions, "off", "remove it again, byte for byte")
    for action in (on, off):
        action.add_argument("--yes", action="store_true", help="do not ask (needed if stdin is not a terminal)")
    add_action(actions, "status", "whether it is on, and whether it arrives")
    token = actions.add_parser("token", help="the tokens that may send telemetry: one per person")
    tokens = token.add_subparsers(dest="token_action", required=True, metavar="ACTION")
    create = add_action(tokens, "create", "a new token, shown only once; it can only send telemetry")
    create.add_argument("name", metavar="NAME")
    create.add_argument("--owner", metavar="O", help="the person whose Codex uses it")
    create.add_argument("--team", metavar="T")
    add_action(tokens, "list", "the tokens, and when each was last used")
    revoke = add_action(tokens, "revoke", "revoke a token; the requests that it reported stay")
    revoke.add_argument("token", metavar="TOKEN", help="its name or id")


def run(args: argparse.Namespace) -> int:
    if args.action == "token":
        acts = {"create": _create, "list": _list, "revoke": _revoke}
        return with_console(args, lambda console: acts[args.token_action](console, args))
    return {"on": _on, "off": _off, "status": _status}[args.action](args)


# --- tokens -----------------------------------------------------------------------------------------------------------


async def _create(console: ConsoleClient, args: argparse.Namespace) -> int:
    for name, value in (("NAME", args.name), ("--owner", args.owner), ("--team", args.team)):
        check_name(value, name)
    made = await console.create_telemetry_token(args.name, args.owner, args.team)
    intro = f"{made.name}: this token is shown only once. On that person's machine:"
    usage = f"export {TOKEN_VARIABLE}=…; joytui telemetry on --gateway {console.url}"
    return show_new(made, args.json, intro, usage)


async def _list(console: ConsoleClient, args: argparse.Namespace) -> int:
    from joytui.cli.amounts import local_time

    columns = [
        Column("name"), Column("owner"), Column("team", rank=2), Column("created", rank=3), Column("last received"),
        Column("id", rank=5),
    ]  # fmt: skip

    def row(one: SenderView) -> list[str]:
        last = _when(one.last_received) or "never"
        return [one.name, one.owner or "", one.team or "", local_time(one.created_at), last, one.id]

    none = "no telemetry tokens yet: `joytui telemetry on` makes one for this machine, `joytui telemetry token create NAME` one for a person"
    return show_all(await console.telemetry_tokens(), args.json, columns, row, none)


async def _revoke(console: ConsoleClient, args: argparse.Namespace) -> int:
    tokens = await console.telemetry_tokens()
    one = find_token(tokens, args.token, "telemetry token", "joytui telemetry token list")
    await console.revoke_telemetry_token(one.id)
    return show_revoked(one, args.json, f"{one.name} is revoked; the requests that it reported stay")


def _when(text: str | None) -> str:
    from joytui.cli.amounts import local_time

    return local_time(text) if text else ""


# --- on ---------------------------------------------------------------------------------------------------------------


def _on(args: argparse.Namespace) -> int:
    from joytui.codex.look import look
    from joytui.doctor.setup import usable
    from joytui.doctor.telemetry import check_free, exporter

    world = look(shell_invocation())
    usable(world)
    given = os.environ.get(TOKEN_VARIABLE, "").strip()
    if given:
        _check_token(given)
    check_free(exporter(world))
    if given and args.gateway:
        from joytui.client.http import gateway_url

        return (
            _written(args, gateway_url(args.gateway), given)
            if _wanted(args, gateway_url(args.gateway), given)
            else _unchanged(args)
        )
    return with_console(args, lambda console: _on_at(console, args, given))


def _check_token(token: str) -> None:
    if not token.isascii() or any(c.isspace() or not c.isprintable() for c in token) or not token.startswith("jtt_"):
        raise UsageError(
            "this is not a telemetry token", where=TOKEN_VARIABLE, hint="`joytui telemetry token create NAME` makes one"
        )


async def _on_at(console: ConsoleClient, args: argparse.Namespace, token: str) -> int:
    """At a gateway that lets this console make a token."""
    if not token:
        known = {one.fingerprint for one in await console.telemetry_tokens()}
        found = _exporter()
        if found is not None and found.fingerprint in known:
            token = found.token or ""
    if not _wanted(args, console.url, token):
        return _unchanged(args)
    return _written(args, console.url, token or await _own_token(console))


async def _own_token(console: ConsoleClient) -> str:
    """A new token for this machine's user; an older one of that name, whose value is lost, is revoked."""
    from joytui.doctor.setup import user_name

    name = f"codex-{user_name()}"
    for one in await console.telemetry_tokens():
        if one.name == name:
            await console.revoke_telemetry_token(one.id)
    return (await console.create_telemetry_token(name, user_name())).token


def _exporter() -> Exporter | None:
    from joytui.codex.look import look
    from joytui.doctor.telemetry import exporter

    return exporter(look(shell_invocation()))


def _changes(gateway_url: str, token: str) -> tuple[Change, ...]:
    from joytui.codex.look import look
    from joytui.doctor.telemetry import changes_on, endpoint_of, exporter

    world = look(shell_invocation())
    return changes_on(world, exporter(world), endpoint_of(gateway_url), token)


def _wanted(args: argparse.Namespace, gateway_url: str, token: str) -> bool:
    """Shows what would change, and asks; False if nothing would, or the user says no."""
    from joytui.cli.fixing import ask

    changes = _changes(gateway_url, token or NEW_TOKEN)
    if not changes:
        return False
    _show(changes)
    if args.yes or (sys.stdin.isatty() and ask("Write this?")):
        return True
    hint = "" if sys.stdin.isatty() else "\n  hint: stdin is not a terminal, so you cannot answer: add --yes"
    say("nothing was written" + hint)
    args.refused = True
    return False


def _unchanged(args: argparse.Namespace) -> int:
    if getattr(args, "refused", False):
        return EXIT_BAD_NEWS
    if args.json:
        return _status(args)
    say("telemetry is already on")
    return EXIT_OK


def _show(changes: tuple[Change, ...]) -> None:
    from joytui.codex.look import look
    from joytui.core.redaction import visible
    from joytui.doctor.fix.draft import patch_of
    from joytui.doctor.scrub import shown_patch

    for line in visible(shown_patch(patch_of(changes), look(shell_invocation()).secrets)).splitlines():
        style = "green" if line.startswith("+") else "red" if line.startswith("-") else "dim"
        say(f"  {paint(line, style, stream=sys.stderr)}")


def _written(args: argparse.Namespace, gateway_url: str, token: str) -> int:
    from joytui.codex.look import look
    from joytui.doctor.fix import journal
    from joytui.doctor.telemetry import ON

    world = look(shell_invocation())
    entry = journal.record(_changes(gateway_url, token), ON, world.codex_home, places())
    for one in entry.files:
        kept = f"; backup: {one.backup}" if one.backup else " (new)"
        say(f"{paint('✓', 'green', stream=sys.stderr)} wrote {one.path}{kept}")
    say(f"  {KEPT}")
    say("  a Codex that is already running sends it from its next start on; `joytui telemetry off` removes it")
    return _status(args) if args.json else EXIT_OK


# --- off --------------------------------------------------------------------------------------------------------------


def _off(args: argparse.Namespace) -> int:
    from joytui.cli.fixing import ask
    from joytui.doctor.telemetry import take_out

    found = _exporter()
    if found is None or not found.ours:
        say(
            "telemetry is already off"
            + (f" (the exporter at {found.origin} is not joytui's, and stays)" if found else "")
        )
        return _status(args) if args.json else EXIT_OK
    if not args.yes and not (sys.stdin.isatty() and ask(f"Remove joytui's exporter from {found.origin}?")):
        say(
            "nothing was changed"
            + ("" if sys.stdin.isatty() else "\n  hint: stdin is not a terminal, so you cannot answer: add --yes")
        )
        return EXIT_BAD_NEWS
    for line in take_out(shell_invocation(), places()):
        say(line)
    with suppress(JoytuiError):  # without the gateway its token stays: it writes only, and nobody has it any more
        asyncio.run(_revoked(args, found))
    return _status(args) if args.json else EXIT_OK


async def _revoked(args: argparse.Namespace, found: Exporter) -> None:
    from joytui.client.local import connect

    async with await connect(places(), gateway_url=args.gateway, start=False) as console:
        for one in await console.telemetry_tokens():
            if one.fingerprint == found.fingerprint:
                await console.revoke_telemetry_token(one.id)
                say(f"its token {one.name} is revoked")


# --- status -----------------------------------------------------------------------------------------------------------


def _status(args: argparse.Namespace) -> int:
    found = _exporter()
    known = asyncio.run(_token_of(args, found)) if found is not None and found.ours else None
    on = found is not None and found.ours
    if args.json:
        emit_json(
            {
                "on": on,
                "endpoint": found.endpoint if found else None,
                "origin": found.origin if found else None,
                "token": known.name if known else None,
                "last_received": known.last_received if known else None,
            }
        )
        return EXIT_OK
    if found is None:
        emit("telemetry is off: `joytui telemetry on` lets Codex report its requests to this gateway")
    elif not on:
        emit(f"Codex sends its telemetry to {found.endpoint or 'an exporter'} ({found.origin}), which is not joytui's")
    else:
        emit(f"telemetry is on: Codex posts to {found.endpoint} ({found.origin})")
        emit(f"  token: {known.name if known else 'unknown to the gateway, or the gateway is not running'}")
        emit(f"  last received: {(_when(known.last_received) or 'nothing yet') if known else 'not known'}")
        emit(f"  {KEPT}")
    return EXIT_OK


async def _token_of(args: argparse.Namespace, found: Exporter) -> SenderView | None:
    """The token as a gateway that runs knows it."""
    from joytui.client.local import connect

    try:
        async with await connect(places(), gateway_url=args.gateway, start=False) as console:
            return next((one for one in await console.telemetry_tokens() if one.fingerprint == found.fingerprint), None)
    except JoytuiError:
        return None
