"""The key's part of `joytui setup`: is there one that works here, or a new one on the local gateway; the line for the shell."""

from __future__ import annotations

import argparse
import asyncio
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from joytui.cli.output import say
from joytui.codex.world import World
from joytui.core.errors import RefusedError
from joytui.core.joytoken import BASE_PATH
from joytui.core.local_address import local_url
from joytui.core.places import places
from joytui.doctor.setup import KeyHere, key_here, key_variable

_FILES = {"zsh": "~/.zshrc", "bash": "~/.bashrc", "fish": "~/.config/fish/config.fish"}


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was made just now. `line` sets it in a POSIX shell (for fish its own words)."""

    variable: str
    value: str = field(repr=False)
    line: str = field(repr=False)


async def gateway(args: argparse.Namespace) -> str:
    """The URL of the local gateway, started if need be. Raises UnreachableError, RefusedError."""
    from joytui.client.local import client_of, ensure

    options = ("upstream", "upstream_key_env", "upstream_api")
    words = tuple(f"--{name.replace('_', '-')}={getattr(args, name)}" for name in options if getattr(args, name))
    found = await ensure(places(), arguments=words, announce=say)
    if args.upstream and not found.started:
        async with client_of(found) as console:
            present = (await console.status()).upstream
        if (present or "").rstrip("/") != args.upstream.rstrip("/"):
            what = (
                f"the gateway is already running, {'with upstream ' + present if present else 'with its offline model'}"
            )
            raise RefusedError(what, where=found.url, hint="run `joytui gateway stop`, then the same setup again")
    return found.url


async def let_go() -> None:
    """Stops a gateway that was started for nothing; one with a key, or one that was already running, stays."""
    from joytui.client.local import connect, leave

    async with await connect(places(), start=False) as console:
        if note := await leave(console, places()):
            say(note)


def local_base_url() -> str:
    """Where the local gateway is, or would be; nothing is started."""
    from joytui.client.local import find

    found = asyncio.run(find(places()))
    return (found.url if found else local_url(places())) + BASE_PATH


def see_to(world: World, args: argparse.Namespace, choice: str) -> NewKey | None:
    """A new key where one is needed and can be made here; else says what there is, or what to do."""
    name = key_variable(world)
    value = world.credential.value if world.credential else None
    if choice == "direct":
        if value:
            say(f"  {name} is set")
        else:
            say(f"  {name} is not set. With your JoyToken key:")
            say(f"  {shell_advice(world.invocation.env, name, '<your key>')}")
        return None
    found = asyncio.run(_local_key(args, value))
    if found.refused:
        say(f"  the key in this shell does not work here ({found.refused})")
    if found.state == "works":
        say("  the key in this shell works here")
    if found.state == "elsewhere":
        hint = "open a shell that has it, or run `joytui setup --local --new-key` (the old one stops working)"
        say(f"  the key {found.name!r} ({found.hint}) already exists, but is not set in this shell: {hint}")
    if found.state != "made":
        return None
    say(f"  key {found.name!r} ({found.hint}): it is shown only once; joytui stores only its digest")
    return NewKey(name, found.value, shell_line(world.invocation.env, name, found.value))


async def _local_key(args: argparse.Namespace, value: bytes | None) -> KeyHere:
    from joytui.client.local import connect

    async with await connect(places(), start=False) as console:
        return await key_here(console, value, model=args.model, daily=args.daily, new=args.new_key)


# --- the shell


def shell_of(env: Mapping[str, str]) -> str:
    """zsh, bash, fish, or "sh"."""
    name = Path(env.get("SHELL") or "").name
    return name if name in _FILES else "sh"


def shell_line(env: Mapping[str, str], name: str, value: str) -> str:
    """What sets the variable in the user's shell."""
    if shell_of(env) == "fish":
        return f"set -gx {name} {shlex.quote(value)}"
    return f'export {name}="{value}"'


def shell_advice(env: Mapping[str, str], name: str, value: str) -> str:
    """The exact line, the file it belongs to, and the command that reads it again; joytui does not write that file."""
    file = start_file(env)
    return f"add this line to {file}, then `source {file}`:  {shell_line(env, name, value)}"


def start_file(env: Mapping[str, str]) -> str:
    """The file that the user's shell reads when it starts."""
    return _FILES.get(shell_of(env), "~/.profile")
