"""The HTTP server of `joytui serve`: one page, its files, and one websocket for each console."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from joytui.core.errors import UnreachableError, UsageError
from joytui.core.places import Places
from joytui.web.access import Access
from joytui.web.child import Wish, command, environment
from joytui.web.doors import WILDCARDS, doorkeeper, hosts_of
from joytui.web.session import FULL, GOING_AWAY, Session, converse

MESSAGE_LIMIT = 1_000_000
WAIT_FOR_PLACE_S = 6.0
SHUTDOWN_S = 15.0
PAGE = Path(__file__).parent / "page"


@dataclass(frozen=True, slots=True)
class ServeWishes:
    """The words of the command line."""

    host: str
    port: int
    changes: bool = False
    private: bool = False
    limit: int = 8
    allow_hosts: tuple[str, ...] = ()
    gateway_url: str | None = None
    start_gateway: bool = True
    screen: str | None = None
    theme: str | None = None
    ascii: bool = False


class PageServer:
    """Consoles by the page: at most `limit` at a time. `link` is the path prefix of everything."""

    def __init__(self, wishes: ServeWishes, access: Access, env: Mapping[str, str]) -> None:
        self._wishes = wishes
        self._access = access
        self._env = env
        self._places = asyncio.Semaphore(wishes.limit)
        self._sockets: set[web.WebSocketResponse] = set()
        self._ending = False
        self.link = f"/{secrets.token_urlsafe(24)}/" if wishes.private else "/"

    def app(self, hosts: frozenset[str]) -> web.Application:
        keeper = doorkeeper(hosts, any_own_address=self._wishes.host in WILDCARDS)
        app = web.Application(middlewares=[keeper])
        app.router.add_get(self.link, _file(PAGE / "index.html"))
        app.router.add_get(f"{self.link}ws", self._console)
        for name, path in page_files().items():
            app.router.add_get(self.link + name, _file(path))
        app.on_shutdown.append(self._end)
        return app

    async def _console(self, request: web.Request) -> web.WebSocketResponse:
        page = web.WebSocketResponse(heartbeat=20, max_msg_size=MESSAGE_LIMIT, compress=False)
        await page.prepare(request)
        self._sockets.add(page)
        try:
            if await self._got_place():
                try:
                    await self._open(page, Wish.of(request.query))
                finally:
                    self._places.release()
            else:
                words = f"{self._wishes.limit} consoles are open already, the limit of this server (--limit)"
                await page.close(code=FULL, message=words.encode())
        finally:
            self._sockets.discard(page)
        return page

    async def _got_place(self) -> bool:
        """A place for one more; waits a moment, since a page that is loaded again leaves its place as it takes one."""
        try:
            async with asyncio.timeout(WAIT_FOR_PLACE_S):
                await self._places.acquire()
        except TimeoutError:
            return False
        return True

    async def _open(self, page: web.WebSocketResponse, wish: Wish) -> None:
        if self._ending or page.closed:
            return
        options, variables = await self._access.words()
        if self._wishes.ascii:
            options.append("--ascii")
        wishes = self._wishes
        words = command(wish, options, changes=wishes.changes, theme=wishes.theme, screen=wishes.screen)
        await converse(Session(words, environment(self._env, wish, variables), page), wish, page)

    async def _end(self, _: web.Application) -> None:
        """The pages learn that the server goes; their handlers end the consoles."""
        self._ending = True
        closing = [page.close(code=GOING_AWAY, message=b"the server was stopped") for page in self._sockets]
        await asyncio.gather(*closing, return_exceptions=True)


def page_files() -> dict[str, Path]:
    """Every file that a page loads, by the name it has there: these and no others are handed out."""
    theirs = Path(str(files("textual_serve"))) / "static"
    return {
        "console.js": PAGE / "console.js",
        "console.css": PAGE / "console.css",
        "textual.js": theirs / "js" / "textual.js",
        "xterm.css": theirs / "css" / "xterm.css",
        "mono.ttf": theirs / "fonts" / "RobotoMono-VariableFont_wght.ttf",
        "mono-italic.ttf": theirs / "fonts" / "RobotoMono-Italic-VariableFont_wght.ttf",
    }


def _file(path: Path) -> Handler:
    async def give(_: web.Request) -> web.FileResponse:
        return web.FileResponse(path)

    return give


async def serve(
    wishes: ServeWishes,
    listening: socket.socket,
    places: Places,
    say: Callable[[str], None],
    ready: Callable[[str, list[str]], None],
) -> None:
    """Serves until SIGINT, SIGTERM or SIGHUP; no console is left behind. `ready` gets the page's address, and those that
    other machines may use where it listens on all of them.

    Raises what `Access.open` raises, before anything is served.
    """
    over = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    access = Access(
        places, say, gateway_url=wishes.gateway_url, start=wishes.start_gateway, changes=wishes.changes, env=os.environ
    )
    opening = asyncio.create_task(access.open())
    try:
        await _first(opening, over)
        if over.is_set():
            return
        server = PageServer(wishes, access, os.environ)
        port = listening.getsockname()[1]
        runner = web.AppRunner(
            server.app(hosts_of(wishes.host, port, wishes.allow_hosts)), access_log=None, shutdown_timeout=SHUTDOWN_S
        )
        await runner.setup()
        try:
            await web.SockSite(runner, listening).start()
            ready(address(wishes.host, port) + server.link, [at + server.link for at in elsewhere(wishes.host, port)])
            await over.wait()
        finally:
            await runner.cleanup()
    finally:
        await access.close()


async def _first(opening: asyncio.Task[None], over: asyncio.Event) -> None:
    """Until the gateway is there, or somebody ends us. Raises what the opening raises."""
    waiting = asyncio.create_task(over.wait())
    await asyncio.wait({opening, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not opening.done():
        opening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await opening
    else:
        opening.result()


def address(host: str, port: int) -> str:
    """Where a browser on this machine finds the page."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (nothing is bound here)
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def elsewhere(host: str, port: int) -> list[str]:
    """Where browsers on other machines find the page, if it listens on all addresses: by number, and by this machine's name."""
    if host not in WILDCARDS:
        return []
    families = [(socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")]  # for documentation: nobody is there
    found: list[str] = []
    for family, somewhere in families[: 1 if host == "0.0.0.0" else 2]:  # noqa: S104 (nothing is bound here)
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect((somewhere, 9))  # sends nothing: the system only says by which of its addresses it would
            found.append(str(asking.getsockname()[0]))
    names = dict.fromkeys([*found, socket.gethostname().lower()])
    return [address(name, port) for name in names if name and not name.startswith("127.")]


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises UsageError for an address that is not this machine's, UnreachableError for a taken port."""
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.socket(family, socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise UsageError(f"no address is known for {host!r}", where="--host", hint="for example 127.0.0.1") from None
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place)
        listening.listen(64)
    except OSError as error:
        listening.close()
        raise _cannot_listen(host, port, error) from None
    return listening


def _cannot_listen(host: str, port: int, error: OSError) -> UnreachableError | UsageError:
    import errno

    from joytui.client.ports import listener

    where = f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        program = listener(port)
        by = f" by {program}" if program else ""
        hint = f"end that program, or use another port: `joytui serve --port {port + 1 if port < 65535 else 0}`"
        return UnreachableError(f"the port is taken{by}", where=where, hint=hint)
    if error.errno == errno.EACCES:
        hint = "ports below 1024 are reserved for the administrator: `joytui serve --port 8792`"
        return UnreachableError("this user may not listen there", where=where, hint=hint)
    hint = "--host must be an address of this machine, for example 127.0.0.1"
    return UsageError(f"cannot listen there: {error.strerror or error}", where=where, hint=hint)
