"""joytui's own gateway as this machine knows it without asking: its port, its path, and where it runs (its state file)."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from joytui.codex.urls import origin_of
from joytui.codex.world import World
from joytui.core.gateway_state import read_state
from joytui.core.joytoken import BASE_PATH
from joytui.core.local_address import local_url
from joytui.core.places import places
from joytui.core.records import Evidence

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def is_local_gateway(world: World) -> bool:
    """Whether requests go to where joytui's own gateway listens on this machine."""
    if world.plan is None:
        return False
    env = world.invocation.env
    own = local_url(places(env), env)
    return origin_of(world.plan.base_url) in (own, own.replace("//127.0.0.1:", "//localhost:"))


def path_it_lacks(world: World) -> Evidence | None:
    """The path of a base_url that leads to joytui's own gateway, which serves no model below it; None if it is right."""
    if world.plan is None or world.provider is None or world.provider.builtin or not is_local_gateway(world):
        return None
    path = urlsplit(world.plan.wire_url).path
    if path in (f"{BASE_PATH}/responses", f"{BASE_PATH}/chat/completions"):
        return None
    told = f"joytui's own gateway, which uses this port, only answers below {BASE_PATH}; base_url leads to {path}"
    return Evidence(told, world.provider.fields["base_url"].origin)


def running_elsewhere(world: World) -> str | None:
    """The base_url of joytui's gateway, if requests go to another loopback port than the one where it runs.

    Its process must be there; nothing is sent. None if there is no such gateway.
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
    if os.name == "nt":
        return True  # not asked: os.kill ends a process there, whatever the signal
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True
