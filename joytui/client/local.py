"""The local gateway: found by its state file, proven by a nonce before it gets a token, started, stopped.

console = await connect(places())                    # finds or starts; UnreachableError says why it cannot
gateway = await find(places())                       # None if none runs
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import replace

from joytui.client.console import ConsoleClient
from joytui.client.http import gateway_url as clean_url
from joytui.client.ports import runs_gateway
from joytui.client.proof import LocalGateway, ask_proof, proof_of_each_connection
from joytui.client.spawn import end_process, prepare_data_folder, spawn_gateway
from joytui.core.errors import GATEWAY_THERE, UnreachableError, UsageError
from joytui.core.gateway_state import GatewayState, is_on_demand, note_on_demand, read_state, read_token
from joytui.core.loopback import is_loopback
from joytui.core.places import Places

TOKEN_VARIABLE = "JOYTUI_ADMIN_TOKEN"  # noqa: S105 (a name)
START_HINT = "`joytui gateway start` starts it"


async def find(places: Places) -> LocalGateway | None:
    """The running local gateway, None if there is none. Raises UnreachableError if another program answers."""
    state = read_state(places.state_file)
    token = read_token(places.admin_token_file)
    if state is None or token is None:
        return None
    proven = await ask_proof(state.url, token)
    if proven is None:
        return None
    return LocalGateway(state.url, token, proven.pid or state.pid, proven.version or state.version)


async def ensure(
    places: Places,
    *,
    start: bool = True,
    arguments: tuple[str, ...] = (),
    env: Mapping[str, str] = os.environ,
    announce: Callable[[str], None] | None = None,
    on_demand: bool = True,
) -> LocalGateway:
    """The running local gateway; where none runs and `start`: starts one in the background, and waits until it is ready.

    `arguments` are appended to `joytui gateway run`. `on_demand`: it may end with the last console (`leave`).
    Raises UnreachableError: not running and not to be started, the port taken (by whom), the data folder not writable,
    not ready in time.
    """
    try:
        if found := await find(places):
            return found
    except UnreachableError:
        if on_demand:
            raise  # an explicit start may name another port than the one that somebody took
    if not start:
        raise UnreachableError("the local gateway is not running", hint=START_HINT)
    prepare_data_folder(places)
    if announce:
        announce("starting the local gateway …")
    try:
        pid = await spawn_gateway(places, arguments, env)
    except UnreachableError as failure:
        if found := await _started_by_another(places, failure):
            return found
        raise
    gateway = await find(places)
    if gateway is None:
        hint = "`joytui gateway status`, `joytui gateway stop`"
        raise UnreachableError(
            "the gateway said that it was ready, but it does not answer", where=f"pid {pid}", hint=hint
        )
    if on_demand:
        with contextlib.suppress(OSError):
            note_on_demand(places.on_demand_file, gateway.pid)
    if announce:
        announce(f"the local gateway is running at {gateway.url} (pid {gateway.pid})")
    return replace(gateway, started=True)


async def _started_by_another(places: Places, failure: UnreachableError) -> LocalGateway | None:
    """The gateway that somebody else started at the same moment. It has the port before it is ready, so that we look for
    a while; nothing tells us when another process has come so far."""
    for _ in range(50 if failure.kind == GATEWAY_THERE else 1):
        with contextlib.suppress(UnreachableError):
            if found := await find(places):
                return found
        await asyncio.sleep(0.1)
    return None


async def stop(places: Places) -> GatewayState | None:
    """Stops the local gateway and waits until it is gone; the one that was stopped, None if none ran.

    One that hangs is stopped too, if its process is a gateway's.
    """
    state = read_state(places.state_file)
    if state is None:
        return None
    try:
        gateway = await find(places)
        pid = gateway.pid if gateway else None
    except UnreachableError:
        if not runs_gateway(state.pid):
            raise
        pid = state.pid
    if pid is None and runs_gateway(state.pid):
        pid = state.pid  # it starts, or it ends: it does not listen
    if pid is None:
        return None
    await end_process(pid)
    places.on_demand_file.unlink(missing_ok=True)
    return state


async def connect(
    places: Places,
    *,
    gateway_url: str | None = None,
    env: Mapping[str, str] = os.environ,
    start: bool = True,
    announce: Callable[[str], None] | None = None,
    read_only: bool = False,
) -> ConsoleClient:
    """A client of the gateway at `gateway_url` (with JOYTUI_ADMIN_TOKEN), else of the local one, started if need be.

    `announce` gets lines for a person: that a gateway was started, that an older one runs. `read_only`: it changes nothing there. Nothing is asked of a gateway
    on another machine yet. Raises UnreachableError, UsageError.
    """
    if gateway_url is not None:
        named = await _named(places, clean_url(gateway_url), env)
        if named is not None:
            named.read_only = read_only
            return named
        gateway = await ensure(places, start=False)
    else:
        gateway = await ensure(places, start=start, env=env, announce=announce)
    if announce and gateway.outdated:
        announce(gateway.outdated)
    client = client_of(gateway)
    client.read_only = read_only
    return client


def client_of(gateway: LocalGateway) -> ConsoleClient:
    """A client that proves the gateway on each new connection before the token goes over it."""
    proof = proof_of_each_connection(gateway.url, gateway.token)
    return ConsoleClient(gateway.url, gateway.token, local=gateway, on_connection=proof)


async def _named(places: Places, url: str, env: Mapping[str, str]) -> ConsoleClient | None:
    """The client for a gateway that the user named; None if it is our own local one."""
    state = read_state(places.state_file)
    token = env.get(TOKEN_VARIABLE, "").strip()
    if not token and state is not None and state.url == url:
        return None
    if not token:
        hint = f"export {TOKEN_VARIABLE}=… (the gateway's `admin-token` file, or a read-only token)"
        raise UsageError("another gateway needs a token", where=url, hint=hint)
    if not token.isascii() or any(c.isspace() or not c.isprintable() for c in token):
        raise UsageError("the token contains characters that no token has", where=TOKEN_VARIABLE, hint="copy it again")
    if url.startswith("http:") and not is_loopback(url) and env.get("JOYTUI_INSECURE") != "1":
        hint = "use https, or an ssh tunnel to loopback; JOYTUI_INSECURE=1 sends it anyway"
        raise UsageError("plain http over a network would show the token to everyone on the way", where=url, hint=hint)
    return ConsoleClient(url, token)


async def leave(console: ConsoleClient, places: Places) -> str | None:
    """For consoles and commands that quit: a gateway started on demand that has no key and no telemetry token ends with the last console.

    Call it when the tail is closed (`status.consoles` counts it). Returns the line for the user where the gateway keeps
    running, None if there is nothing to say.
    """
    gateway = console.local
    if gateway is None:
        return None
    try:
        status = await console.status()
        await console.aclose()
        if (
            status.keys
            or status.telemetry_tokens
            or status.consoles
            or not is_on_demand(places.on_demand_file, gateway.pid)
        ):
            return f"gateway keeps running at {gateway.url}; `joytui gateway stop`"
        await stop(places)
    except UnreachableError:
        pass  # it is gone already: nothing keeps running
    return None
