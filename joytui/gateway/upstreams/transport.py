"""The HTTP client towards upstreams: httpx, over a pool that costs the same for one connection and for a hundred.

httpx's own pool looks at every connection and every waiting request whenever anything changes, which makes it slower
the more run side by side. Model calls are long and many, so here each connection is a pool of one, and idle ones lie on
a stack: taking one and giving it back do not depend on how many there are. (Measured: see `tests/bench`.)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import httpx

from joytui.client.http import is_loopback
from joytui.core.errors import SettingsError

IDLE_S = 60.0
MAX_BODY = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """Seconds and counts. `idle_timeout` bounds the wait for headers and between two pieces of an answer."""

    connect_timeout: float = 10.0
    idle_timeout: float = 300.0
    write_timeout: float = 60.0
    wait_timeout: float = 30.0
    max_connections: int = 512
    verify: Any = True


class StackTransport(httpx.AsyncBaseTransport):
    """Single-connection transports on a stack; at most `limit` are busy at a time, the others wait `wait` seconds."""

    def __init__(self, make: Callable[[], httpx.AsyncBaseTransport], *, limit: int, wait: float) -> None:
        self._make = make
        self._wait = wait
        self._slots = asyncio.Semaphore(limit)
        self._idle: list[tuple[float, httpx.AsyncBaseTransport]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            if self._slots.locked():
                await asyncio.wait_for(self._slots.acquire(), self._wait)
            else:
                await self._slots.acquire()
        except TimeoutError:
            raise httpx.PoolTimeout("all connections to the upstream are busy", request=request) from None
        transport = self._take()
        try:
            response = await transport.handle_async_request(request)
        except BaseException:
            self._slots.release()
            await transport.aclose()
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _Returning(response.stream, lambda: self._give_back(transport))
        return response

    def _take(self) -> httpx.AsyncBaseTransport:
        if self._idle:
            return self._idle.pop()[1]
        return self._make()

    async def _give_back(self, transport: httpx.AsyncBaseTransport) -> None:
        self._slots.release()
        now = time.monotonic()
        self._idle.append((now, transport))
        if now - self._idle[0][0] > IDLE_S:  # the bottom of the stack is the longest unused
            await self._idle.pop(0)[1].aclose()

    async def aclose(self) -> None:
        idle, self._idle = self._idle, []
        for _, transport in idle:
            await transport.aclose()


class _Returning(httpx.AsyncByteStream):
    """A response stream that gives its transport back when it is closed."""

    def __init__(self, stream: httpx.AsyncByteStream, give_back: Callable[[], Any]) -> None:
        self._stream = stream
        self._give_back: Callable[[], Any] | None = give_back

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            yield piece

    async def aclose(self) -> None:
        give_back, self._give_back = self._give_back, None
        try:
            await self._stream.aclose()
        finally:
            if give_back is not None:
                await give_back()


def upstream_client(base_url: str, options: TransportOptions) -> httpx.AsyncClient:
    """A client for one upstream. It follows no redirects: a key goes only where the settings name.

    Proxy variables hold for upstreams that are not on this machine. Raises SettingsError where they do not hold.
    """
    local = is_loopback(base_url)
    timeout = httpx.Timeout(
        options.idle_timeout, connect=options.connect_timeout, write=options.write_timeout, pool=options.wait_timeout
    )
    common: dict[str, Any] = {"timeout": timeout, "follow_redirects": False}
    one = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=IDLE_S)
    many = httpx.Limits(max_connections=options.max_connections, keepalive_expiry=IDLE_S)
    try:
        if not local and _proxied():
            return httpx.AsyncClient(limits=many, verify=options.verify, **common)
        context = httpx.create_ssl_context(verify=options.verify, trust_env=not local)

        def make() -> httpx.AsyncBaseTransport:
            return httpx.AsyncHTTPTransport(verify=context, limits=one, trust_env=False)

        stack = StackTransport(make, limit=options.max_connections, wait=options.wait_timeout)
        return httpx.AsyncClient(transport=stack, trust_env=False, **common)
    except (OSError, ValueError, httpx.InvalidURL) as error:
        raise SettingsError(
            f"the environment's proxy or certificate settings do not hold: {error}",
            where="environment",
            hint="look at HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, SSL_CERT_FILE, SSL_CERT_DIR",
        ) from None


def _proxied() -> bool:
    """Whether a proxy variable is set; then httpx's own pool does the choosing (NO_PROXY and all)."""
    from urllib.request import getproxies

    return bool(set(getproxies()) - {"no"})
