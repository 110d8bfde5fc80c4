"""Where joytui's own gateway runs, by its state file: for a Codex that asks another port of this machine."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from joytui.codex.world import World
from joytui.core.gateway_state import read_state
from joytui.core.joytoken import BASE_PATH
from joytui.core.places import places

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def running_elsewhere(world: World) -> str | None:
    """The base_url of joytui's gateway, if requests go to another loopback port than the one where it runs.

    Its process must be there; nothing is sent. None where there is no such gateway.
    """
    state = read_state(places(world.invocation.env).state_file)
    if state is None or world.plan is None or not _is_there(state.pid):
        return None
    try:
        asked, own = urlsplit(world.plan.wire_url), urlsplit(state.url)
        elsewhere = asked.hostname in _LOOPBACK and own.hostname in _LOOPBACK and asked.port != own.port
    except ValueError:
        return None
    return f"{state.url}{BASE_PATH}" if elsewhere else None


def _is_there(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True
