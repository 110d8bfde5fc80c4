"""The provider's `auth.command`, run once as Codex runs it: its trimmed stdout is the key.

Codex 0.169.0: a command that fails is logged, and the request goes out without a key, so the gateway's answer decides.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from joytui.codex.world import Issue, Stage, World
from joytui.core.bounded_run import run_bounded
from joytui.core.redaction import fingerprint
from joytui.doctor.limits import Limit

DEFAULT_TIMEOUT_S = 5.0
OUTPUT_LIMIT = 64 * 1024


class CommandFailed(Exception):
    """The command gave no key; str() says why, without its output."""


def with_command_key(world: World, limit: Limit) -> World:
    """The world with the command's key in its request plan, or with the suspicion `auth-command-failed`."""
    auth = world.provider.get("auth") if world.provider else None
    if world.credential is None or world.credential.kind != "auth_command" or not isinstance(auth, dict):
        return world
    try:
        key = _key_of(auth, world, limit)
    except CommandFailed as failure:
        where = world.credential.origin
        issue = Issue(
            "auth-command-failed", "suspect", str(failure), None, where, "auth.command", stage=Stage.SUSPECTED
        )
        return replace(world, suspicions=(issue, *world.suspicions))
    header = b"Bearer " + key
    credential = replace(
        world.credential, value=key, header=header, sent="verbatim", fingerprint=fingerprint(key), origin="command"
    )
    plan = replace(world.plan, headers=(*_without(world), ("authorization", header))) if world.plan else None
    secrets = (*world.secrets, key.decode("utf-8", "replace"))
    return replace(world, credential=credential, plan=plan, secrets=secrets)


def _without(world: World) -> tuple[tuple[str, bytes], ...]:
    assert world.plan is not None, "only with a plan"
    return tuple((name, value) for name, value in world.plan.headers if name.lower() != "authorization")


def _key_of(auth: Mapping[str, Any], world: World, limit: Limit) -> bytes:
    words = [str(auth.get("command") or ""), *(str(arg) for arg in auth.get("args") or ())]
    milliseconds = auth.get("timeout_ms")
    own = milliseconds / 1000 if isinstance(milliseconds, int) and milliseconds > 0 else DEFAULT_TIMEOUT_S
    folder = auth.get("cwd")
    cwd = os.path.join(world.invocation.cwd, str(folder)) if folder else str(world.invocation.cwd)
    output = _run(words, cwd, world.codex_env, max(0.1, min(own, limit.left() - 1.0)))
    key = output.strip()
    if not key:
        raise CommandFailed("auth.command printed nothing")
    try:
        key.decode("utf-8")
    except UnicodeDecodeError:
        raise CommandFailed("auth.command printed bytes that are not UTF-8") from None
    if any(byte < 0x20 or byte == 0x7F for byte in key):
        raise CommandFailed("auth.command printed more than one line")
    return key


def _run(words: list[str], cwd: str, env: Mapping[str, str], seconds: float) -> bytes:
    try:
        done = run_bounded(words, env=env, cwd=cwd, seconds=seconds, most_bytes=OUTPUT_LIMIT)
    except (OSError, ValueError) as error:
        raise CommandFailed(f"auth.command cannot be run: {getattr(error, 'strerror', None) or error}") from None
    if done.ended == "time":
        raise CommandFailed(f"auth.command did not finish within {round(seconds, 1):g} s")
    if done.ended == "size":
        raise CommandFailed(f"auth.command printed more than {OUTPUT_LIMIT >> 10} kB")
    if done.code != 0:
        raise CommandFailed(f"auth.command ended with {done.code}")
    return done.out
