"""The local gateway: found by its state file, proven by a nonce before it gets a token, started, stopped.

console = await connect(places())                    # finds or starts; UnreachableError says why it cannot
gateway = await find(places())                       # None where none runs
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from joytui import __version__
from joytui.client.console import ConsoleClient
from joytui.core.places import Places

START_DEADLINE = 20.0


@dataclass(frozen=True, slots=True)
class LocalGateway:
    """A gateway on this machine that proved that it has our admin token. `url` is "http://HOST:PORT"."""

    url: str
    token: str
    pid: int
    version: str
    started: bool = False

    @property
    def outdated(self) -> str | None:
        """What to tell the user about a gateway of another version, None where it is ours."""
        if self.version == __version__:
            return None
        return (
            f"the gateway at {self.url} runs joytui {self.version}, this is {__version__}: "
            "`joytui gateway stop && joytui gateway start` brings it up to date"
        )


async def find(places: Places) -> LocalGateway | None:
    """The running local gateway, None where there is none. Raises UnreachableError where another program answers."""


async def ensure(
    places: Places,
    *,
    start: bool = True,
    arguments: tuple[str, ...] = (),
    env: Mapping[str, str] = os.environ,
    announce: Callable[[str], None] | None = None,
    on_demand: bool = True,
) -> LocalGateway:
    """The running local gateway; none runs and `start`: starts one in the background and waits until it is ready.

    `arguments` are appended to `joytui gateway run`. Raises UnreachableError: not running and not to be started, the port
    taken (by whom), the data folder not writable, not ready in time (with the end of gateway.log).
    """


async def stop(places: Places) -> LocalGateway | None:
    """Stops the local gateway and waits until it is gone; the one that was stopped, None where none ran."""


async def connect(
    places: Places,
    *,
    gateway_url: str | None = None,
    env: Mapping[str, str] = os.environ,
    start: bool = True,
    announce: Callable[[str], None] | None = None,
) -> ConsoleClient:
    """A client of the gateway at `gateway_url` (with JOYTUI_ADMIN_TOKEN), else of the local one, started if need be.

    `announce` gets a line for a person when a gateway was started, or when an older one runs.
    """


async def leave(console: ConsoleClient, places: Places) -> str | None:
    """To be called by the console (and commands) when they quit: a gateway that was started on demand and has no key ends
    with the last console. Returns the line to tell the user where it keeps running, None where there is nothing to say."""
