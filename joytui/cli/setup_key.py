"""The key's part of `joytui setup`: is there one that works here, or a new one on the local gateway; the line for the shell."""

from __future__ import annotations

import argparse
import asyncio
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from joytui.cli.output import say
from joytui.codex.world import World
from joytui.core.errors import RefusedError
from joytui.core.joytoken import AUTO_MODEL, BASE_PATH, KEY_VARIABLE, LOCAL_BASE_URL
from joytui.core.places import places

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import KeyCreated

_LOOPBACK = ["127.0.0.0/8", "::1/128"]
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
            what = f"the gateway runs already, {'with upstream ' + present if present else 'with its offline model'}"
            raise RefusedError(what, where=found.url, hint="`joytui gateway stop`, then the same setup again")
    return found.url


async def let_go() -> None:
    """A gateway that was started for nothing ends again; one that has a key, or that somebody else started, stays."""
    from joytui.client.local import connect, leave

    async with await connect(places(), start=False) as console:
        if note := await leave(console, places()):
            say(note)


def local_base_url() -> str:
    """Where the local gateway is, or would be; nothing is started."""
    from joytui.client.local import find

    found = asyncio.run(find(places()))
    return found.url + BASE_PATH if found else LOCAL_BASE_URL


def variable(world: World) -> str:
    """The variable that the provider names."""
    named = world.provider.get("env_key") if world.provider else None
    return named if isinstance(named, str) and named.isidentifier() else KEY_VARIABLE


def see_to(world: World, args: argparse.Namespace, choice: str) -> NewKey | None:
    """A new key where one is needed and can be made here; else says what there is, or what to do."""
    name = variable(world)
    value = world.credential.value if world.credential else None
    if choice == "direct":
        if value:
            say(f"  {name} is set")
        else:
            say(f"  {name} is not set. With your JoyToken key:")
            say(f"  {shell_advice(world.invocation.env, name, '<your key>')}")
        return None
    created = asyncio.run(_local_key(args, value))
    if created is None:
        return None
    line = shell_line(world.invocation.env, name, created.key)
    say(f"  key {created.name!r} ({created.hint}): shown this once, joytui keeps only its digest")
    file = start_file(world.invocation.env)
    say(f"  add this line to {file} (joytui does not touch that file), then `source {file}`:")
    return NewKey(name, created.key, line)


async def _local_key(args: argparse.Namespace, value: bytes | None) -> KeyCreated | None:
    from joytui.client.local import connect

    async with await connect(places(), start=False) as console:
        if value and not args.new_key:
            verdict = await console.check_key(value.decode("utf-8", "replace"), model=args.model)
            if verdict.allowed:
                say("  the key in this shell works here")
                return None
            say(f"  the key in this shell does not work here ({verdict.message or verdict.error_type})")
        return await _made(console, args)


async def _made(console: ConsoleClient, args: argparse.Namespace) -> KeyCreated | None:
    """The key of this user for Codex. One that was made before is replaced only when asked: another shell may have it."""
    from joytui.core.wire import KeyCreate, PolicyView

    name = f"codex-{_user()}"
    active = [key for key in await console.keys() if key.name == name and key.state == "active"]
    present = next((key for key in active if key.replaced_by is None), active[-1] if active else None)
    if present is not None and not args.new_key:
        hint = "open a shell that has it, or `joytui setup --local --new-key` (the old one ends)"
        say(f"  a key {name!r} ({present.hint}) was made before; it is not set in this shell: {hint}")
        return None
    if present is not None:
        return await console.rotate_key(present.id)
    policy = PolicyView(
        fixed_model=AUTO_MODEL if args.model == AUTO_MODEL else None,
        daily_limit=args.daily,
        ip_allow=_LOOPBACK,
        logs=True,
    )
    return await console.create_key(KeyCreate(name=name, owner=_user(), labels=["codex"], policy=policy))


def _user() -> str:
    import getpass

    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        name = "me"
    return "".join(c for c in name if c.isalnum() or c in "-_.")[:40] or "me"


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
