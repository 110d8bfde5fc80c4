"""Serving: bind, open the store, say "ready", serve until SIGTERM, SIGHUP or Ctrl-C, drain, and remove the state file."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import uvicorn

from joytui import __version__
from joytui.client.ports import cannot_listen
from joytui.core.clock import now, rfc3339
from joytui.core.errors import EXIT_OK, SettingsError, UnreachableError
from joytui.core.gateway_state import GatewayState, is_on_demand, read_token, remove_state, write_state
from joytui.core.local_address import url_on_this_machine
from joytui.core.places import Places
from joytui.gateway.alerts.setup import webhook_of
from joytui.gateway.app import create_app
from joytui.gateway.closing import take_in
from joytui.gateway.descriptors import make_room
from joytui.gateway.logs import set_up_logging
from joytui.gateway.protocol import capped
from joytui.gateway.runtime import Gateway
from joytui.gateway.settings import GatewaySettings
from joytui.gateway.upstream_keys import UpstreamKeys
from joytui.gateway.upstream_setup import upstream_of
from joytui.ledger.engines import named_store, open_ledger

KEEP_ALIVE_S = 75
QUEUE = 1024
"""Connections that the kernel keeps until they are accepted."""
LONELY_LOOK_S = 5.0
COLLECTED_FROM = 5_000
"""New objects after which Python looks for garbage: some 2 ms of looking, and at most as much memory as a few MB."""
log = logging.getLogger("joytui.gateway")


def serve(settings: GatewaySettings, places: Places) -> int:
    """Runs a gateway in this process until it is told to stop; returns the exit code.

    Raises UnreachableError (3) for a port or a store that cannot be reached, and at the end where the store could no longer be
    written; SettingsError (2) for settings that do not hold.
    """
    os.umask(0o077)
    _check_certificate(settings)
    set_up_logging(access=settings.access_log, log=places.gateway_log)
    keys = UpstreamKeys.of(places)
    upstream = upstream_of(settings, keys)
    webhook = webhook_of(settings, keys)
    set_up_logging(access=settings.access_log, log=places.gateway_log, secrets=keys.given)
    store = named_store(settings.store) if settings.store else places.store
    listening = bind(settings.host, settings.port)
    try:
        ledger = open_ledger(store, places.data_dir)
        try:
            port = listening.getsockname()[1]
            url = url_on_this_machine(settings.host, port, tls=bool(settings.tls_cert))
            gateway = Gateway(settings, ledger, upstream, admin_token(places.admin_token_file), url, webhook)
            _serve(gateway, listening, places)
        finally:
            closed = ledger.close()
    finally:
        listening.close()
    if not closed or ledger.failure is not None:
        raise UnreachableError(
            "not everything could be written to the store",
            where=str(store),
            hint="the gateway's log says why; requests that it could not finish are closed at the next start",
        )
    return EXIT_OK


def _check_certificate(settings: GatewaySettings) -> None:
    """Raises SettingsError for a certificate and key that do not load, or do not belong together."""
    if settings.tls_cert is None or settings.tls_key is None:
        return
    import ssl

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key, lambda: "")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SettingsError(
            f"the certificate and its key cannot be loaded: {why}",
            where=f"{settings.tls_cert}, {settings.tls_key}",
            hint="PEM files: the certificate chain, and its private key without a password",
        ) from None


def _serve(gateway: Gateway, listening: socket.socket, places: Places) -> None:
    state = GatewayState(
        url=gateway.url,
        pid=os.getpid(),
        version=__version__,
        started_at=rfc3339(now()),
        store=gateway.ledger.location,
        upstream=gateway.settings.upstream,
        settings=gateway.settings.given(),
    )

    def ready() -> None:
        rest_from_collecting()
        write_state(places.state_file, state)
        sys.stdout.write(f"ready {gateway.url}\n")
        sys.stdout.flush()

    def for_a_console() -> bool:
        return is_on_demand(places.on_demand_file, state.pid)

    try:
        asyncio.run(run(gateway, listening, ready, signals=True, for_a_console=for_a_console))
    finally:
        remove_state(places.state_file, state.pid)


async def run(
    gateway: Gateway,
    listening: socket.socket,
    ready: Callable[[], None],
    *,
    signals: bool,
    stop: asyncio.Event | None = None,
    for_a_console: Callable[[], bool] | None = None,
) -> None:
    """Serves on a bound socket until a signal, until `stop` is set, or until the store can no longer be written.

    `for_a_console`: whether a console started this gateway for itself; then it ends when it is left alone.
    """
    settings = gateway.settings
    host, port = listening.getsockname()[:2]
    room = make_room()
    config = uvicorn.Config(
        create_app(gateway, settings.host if settings.host != "localhost" else host, port),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="on",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(settings.drain_s)),
        backlog=room.burst,
        http=capped(
            settings.max_header_bytes, settings.request_wait_s, settings.body_wait_s, room, lambda: gateway.draining
        ),
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )
    server = _Server(config, gateway, ready)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(room.failed)
    for number in _ends() if signals else ():
        loop.add_signal_handler(number, server.end)
    waiting = [asyncio.create_task(_when_broken(gateway, server.end))]
    if stop is not None:
        waiting.append(asyncio.create_task(_when(stop, server.end)))
    if for_a_console is not None and settings.lonely_s:
        waiting.append(asyncio.create_task(_when_lonely(gateway, for_a_console, server.end)))
    try:
        await server.serve(sockets=[listening])
    finally:
        for task in waiting:
            task.cancel()


def _ends() -> list[signal.Signals]:
    """What ends a gateway. A terminal that is closed does; under `nohup` it is not to."""
    hangup = [signal.SIGHUP] if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN else []
    return [signal.SIGINT, signal.SIGTERM, *hangup]


async def _when(stop: asyncio.Event, act: Callable[[], None]) -> None:
    await stop.wait()
    act()


async def _when_broken(gateway: Gateway, act: Callable[[], None]) -> None:
    await gateway.ledger.broken()
    log.critical("the store can no longer be written: the gateway stops")
    act()


async def _when_lonely(gateway: Gateway, for_a_console: Callable[[], bool], act: Callable[[], None]) -> None:
    """Consoles say goodbye (`client.local.leave`); one that was killed leaves a gateway that nobody needs."""
    limit = gateway.settings.lonely_s
    while (alone := gateway.alone_s) < limit or not for_a_console():  # noqa: ASYNC110 (time alone tells)
        await asyncio.sleep(max(limit - alone, min(limit, LONELY_LOOK_S)))
    log.info("no console for %g s and no keys: this gateway was started by a console, and stops", limit)
    act()


class _Server(uvicorn.Server):
    """uvicorn, with our signals (it would raise them again after the end), our "ready", and an end that loses no request."""

    def __init__(self, config: uvicorn.Config, gateway: Gateway, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._gateway = gateway
        self._ready = ready
        self._ended = asyncio.Event()

    def end(self) -> None:
        """Say so (`/readyz`), stop taking requests, let those that run finish; a second time: end those as well."""
        if self.should_exit:
            for task in list(self.server_state.tasks):
                task.cancel()
        self.should_exit = True
        self._gateway.draining = True
        self._ended.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Whoever sends requests here is given `drain_delay_s` to learn that it should not; all that is sent by then is served."""
        if delay := self._gateway.settings.drain_delay_s:
            self._ended.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), delay)  # a second signal ends it
        self._gateway.tail.close()
        for listening in sockets or ():
            await take_in(listening)
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listening in sockets or ():
            listening.listen(QUEUE)  # asyncio makes the kernel's queue as short as its burst
        if self.started:
            self._ready()


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises UnreachableError, naming who has the port."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        # with its protocol named: asyncio turns Nagle's algorithm off only then, and that costs 40 ms an answer
        listening = socket.socket(found[0], socket.SOCK_STREAM, found[2] or socket.IPPROTO_TCP)
    except OSError as error:
        raise cannot_listen(host, port, error) from None
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(found[4])
        listening.listen(QUEUE)
        listening.set_inheritable(False)
    except OSError as error:
        listening.close()
        raise cannot_listen(host, port, error) from None
    return listening


def rest_from_collecting() -> None:
    """Python looks for garbage in circles at every 700 new objects, and now and then among all that was ever imported, for 45 ms
    in which no client is answered. What is there at the start stays, so it is left out, and a request makes hardly any circles:
    rarer looks took 7% less CPU a request (measured)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECTED_FROM, 10, 10)


def admin_token(path: Path) -> str:
    """The console API's admin token, made (0600) where there is none. Raises UnreachableError."""
    try:
        if path.exists():
            if path.stat().st_mode & 0o077:
                path.chmod(0o600)
            if token := read_token(path):
                return token
            path.unlink()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        token = secrets.token_urlsafe(32)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(token + "\n")
    except FileExistsError:
        return admin_token(path)
    except OSError as error:
        raise UnreachableError(f"the admin token cannot be stored: {error.strerror}", where=str(path)) from None
    return token
