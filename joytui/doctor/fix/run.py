"""Fixes that are no change of a file: a stale background server is stopped, the local gateway started."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable

from joytui.codex.world import World
from joytui.core.errors import RefusedError
from joytui.core.places import Places

STOP_LIMIT_S = 20.0


def stop_daemon(world: World) -> None:
    """By Codex's own command, in the environment that was examined. Raises RefusedError."""
    if world.binary is None:
        raise RefusedError("there is no codex on PATH to stop it with", hint="codex app-server daemon stop")
    command = [world.binary.path, "app-server", "daemon", "stop"]
    try:
        done = subprocess.run(
            command, env=dict(world.invocation.env), stdin=subprocess.DEVNULL, capture_output=True, timeout=STOP_LIMIT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RefusedError(f"Codex did not stop it: {error}", where=world.binary.path) from None
    if done.returncode != 0:
        raise RefusedError(f"Codex did not stop it (exit {done.returncode})", where=" ".join(command))


def start_gateway(here: Places, announce: Callable[[str], None]) -> None:
    """Starts the local gateway; it stays. Raises UnreachableError."""
    from joytui.client.local import ensure

    asyncio.run(ensure(here, announce=announce, on_demand=False))
