"""The guide's setup, for `joytui setup` and for the console: the provider in config.toml, a key of the local gateway, and Codex's
first turn. Each step by itself; whoever calls says what it does, and asks before it writes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from joytui.causes import CAUSES
from joytui.codex.edit import EditError
from joytui.codex.look import look
from joytui.codex.world import Invocation, World
from joytui.core.errors import JoytuiError, RefusedError
from joytui.core.joytoken import AUTO_MODEL, KEY_VARIABLE
from joytui.core.records import Change, Fix
from joytui.doctor.fix.draft import Draft, as_if

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import KeyCreate

PROMPT = "say hi"
TURN_LIMIT_S = 120.0
ASKED_S = 3.0
DAILY = "500"
"""A new key's budget of a day, in credits: some hundred turns."""
_LOOPBACK = ["127.0.0.0/8", "::1/128"]
_STILL_OPEN = ("key-unset", "codex-flag-unsupported", "key-shadowed-by-dotenv")
_MEND_FIRST = "`joytui doctor --fix` fixes it or says how; then `joytui setup` again"


def usable(world: World) -> None:
    """Faults that setup does not fix, before anything is started. Raises RefusedError."""
    for issue in world.problems:
        if CAUSES[issue.cause].hides:
            raise RefusedError(issue.summary, where=issue.where, hint=_MEND_FIRST)


def provider_plan(world: World, base_url: str, model: str, *, lists_models: bool) -> tuple[Fix, str]:
    """The provider as a change of config.toml, and what else will still be in the way ("" for nothing). `lists_models`: whether
    joytui's gateway is there, which lists its models for Codex. Raises RefusedError."""
    from joytui.doctor.fix.provider import provider_fix

    try:
        fix = provider_fix(world, base_url, model, lists_models=lists_models)
    except EditError as error:
        raise RefusedError(str(error), where=world.config_file, hint="`joytui doctor --fix` may fix it") from None
    for issue in as_if(world, fix.changes).problems:
        if CAUSES[issue.cause].hides:
            raise RefusedError(f"Codex could then not read the file: {issue.summary}", where=issue.where)
        if issue.cause not in _STILL_OPEN:
            return (
                fix,
                f"one more problem will remain: {issue.summary} ({issue.where}); the doctor says more",
            )
    return fix, ""


async def listed_models(base_url: str, key: bytes | None, version: str) -> bytes | None:
    """This key's models for a Codex of this version, as joytui's gateways list them; None if the gateway at this address does
    not. Asks it once, for a moment; without a key nobody can tell."""
    import httpx

    from joytui.client.http import http_client
    from joytui.doctor.fix.provider import models_url

    if not key or not key.isascii():
        return None
    headers = {"Authorization": f"Bearer {key.decode('ascii')}"}
    try:
        async with http_client(base_url, headers=headers, read_timeout=ASKED_S) as client:
            answer = await client.get(models_url(base_url), params={"client_version": version})
        return answer.content if answer.status_code == 200 and isinstance(answer.json().get("models"), list) else None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, AttributeError, RecursionError, JoytuiError):
        return None


async def models_beside(world: World, base_url: str, key: bytes | None) -> tuple[Change, ...]:
    """The gateway's models as a file, with its line, for a Codex that cannot ask for them; nothing for another. Raises
    RefusedError where config.toml takes no line."""
    from joytui.doctor.fix.models_file import models_file, takes_file

    if not takes_file(world):
        return ()
    catalog = await listed_models(base_url, key, world.version)
    try:
        return models_file(world, catalog) if catalog else ()
    except EditError as error:
        raise RefusedError(str(error), where=world.config_file) from None


# --- the key


def key_variable(world: World) -> str:
    """The variable that the provider names."""
    named = world.provider.get("env_key") if world.provider else None
    return named if isinstance(named, str) and named.isidentifier() else KEY_VARIABLE


def user_name() -> str:
    """Who sits here, as a key may be called."""
    import getpass

    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        name = "me"
    return "".join(c for c in name if c.isalnum() or c in "-_.")[:40] or "me"


@dataclass(frozen=True, slots=True)
class KeyHere:
    """The key of this user's Codex at the gateway.

    works: the one that is set here does; made: a new one, `value`, shown this once; elsewhere: one was made before, and its
    value is not here. `refused`: why the one that is set here does not work."""

    state: Literal["works", "made", "elsewhere"]
    name: str
    hint: str = ""
    refused: str = ""
    value: str = field(default="", repr=False)


async def key_here(
    console: ConsoleClient, value: bytes | None, *, model: str = AUTO_MODEL, daily: str = DAILY, new: bool = False
) -> KeyHere:
    """A key that works here: the present one, or a new one where this user has none yet. One that was made before is replaced
    only with `new`: another shell may have it."""
    name, refused = f"codex-{user_name()}", ""
    if value and not new:
        verdict = await console.check_key(value.decode("utf-8", "replace"), model=model)
        if verdict.allowed:
            return KeyHere("works", name)
        refused = str(verdict.message or verdict.error_type)
    active = [key for key in await console.keys() if key.name == name and key.state == "active"]
    present = next((key for key in active if key.replaced_by is None), active[-1] if active else None)
    if present is not None and not new:
        return KeyHere("elsewhere", name, present.hint, refused)
    created = await (console.rotate_key(present.id) if present else console.create_key(_wanted(name, model, daily)))
    return KeyHere("made", created.name, created.hint, refused, created.key)


def _wanted(name: str, model: str, daily: str) -> KeyCreate:
    from joytui.core.wire import KeyCreate, PolicyView

    fixed = AUTO_MODEL if model == AUTO_MODEL else None
    policy = PolicyView(fixed_model=fixed, daily_limit=daily, ip_allow=_LOOPBACK, logs=True)
    return KeyCreate(name=name, owner=user_name(), labels=["codex"], policy=policy)


def key_in_dotenv(world: World, changes: tuple[Change, ...], value: str) -> tuple[Change, ...]:
    """The key as a line of `$CODEX_HOME/.env`, which Codex reads wherever it is started; `changes`: what else is about to be
    written. Raises RefusedError if that file takes no line."""
    from joytui.doctor.fix.dotenv_key import written

    name = key_variable(as_if(world, changes))
    invocation = replace(world.invocation, env={**world.invocation.env, name: value})
    draft = Draft(as_if(replace(world, invocation=invocation), changes))
    try:
        told = written(draft.world, {}, draft)
    except EditError as error:
        raise RefusedError(str(error), where=f"{world.codex_home}/.env") from None
    if told is None:
        raise RefusedError("that file cannot hold the key", where=f"{world.codex_home}/.env")
    return draft.changes()


# --- a first turn


async def first_turn(codex: str, invocation: Invocation, on_line: Callable[[str], None]) -> bool:
    """Codex's first turn with its own configuration, read-only, in an empty folder; whether it ended well and said something. Each
    line goes to `on_line`, cleaned, with no key in it."""
    from joytui.client.codex_process import run_codex
    from joytui.core.redaction import Redactor, visible

    clean = Redactor(look(invocation).secrets)
    with tempfile.TemporaryDirectory(prefix="joytui-setup-", ignore_cleanup_errors=True) as folder:
        done = await run_codex(
            [codex, "exec", "-s", "read-only", "--skip-git-repo-check", PROMPT],
            env=invocation.env,
            folder=folder,
            limit_s=TURN_LIMIT_S,
            on_line=lambda line: on_line(visible(clean.text(line))),
        )
    return done.exit_code == 0 and bool(done.said.strip())
