"""The HTTP client towards upstreams: httpx's API over aiohttp's connections.

httpx's own pool looks at every connection and every waiting request whenever anything changes, which makes it slower
the more run side by side. Measured on two busy cores against a trivial upstream, requests a second with 1, 16 and 64
connections: httpx 1,144, 666, 90; a stack of single httpx connections 1,367, 1,532, 643; aiohttp 2,464, 3,296, 963.
The transport is our own because of the mapping of errors: what a client is told depends on the kind of error.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import httpx

from joytui.core.errors import SettingsError
from joytui.core.loopback import is_loopback
from joytui.gateway.upstreams.bridged import KEEP_ALIVE_S, LINGER_S

IDLE_S = 30.0
MAX_HEADER = 64 * 1024
MAX_BODY = 64 * 1024 * 1024
LOOK_S = 1.0
"""How often is looked whether the connections of answers are still there."""


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """Seconds and counts. `idle_timeout` bounds the wait for headers and between two pieces of an answer.

    Of a bridged stream: `keep_alive` is the silence after which an event is sent (Codex gives a stream up after 300 s
    without one, proxies often after 60), `linger` how long an upstream that gave its finish reason may still send usage.
    """

    connect_timeout: float = 10.0
    idle_timeout: float = 300.0
    wait_timeout: float = 30.0
    keep_alive: float = KEEP_ALIVE_S
    linger: float = LINGER_S
    max_connections: int = 512
    verify: Any = True


# The first that fits; anything else of aiohttp's is a RemoteProtocolError.
_ERRORS: tuple[tuple[type[BaseException], type[httpx.TransportError]], ...] = (
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (aiohttp.ServerTimeoutError, httpx.ReadTimeout),
    (TimeoutError, httpx.ReadTimeout),
    (aiohttp.ClientProxyConnectionError, httpx.ProxyError),
    (aiohttp.ClientHttpProxyError, httpx.ProxyError),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (aiohttp.InvalidURL, httpx.UnsupportedProtocol),
    (aiohttp.ClientConnectionError, httpx.ReadError),
    (aiohttp.ClientPayloadError, httpx.ReadError),
    (RuntimeError, httpx.ReadError),  # "Connection closed.": what was held back is read, and the rest will not come
)


_RAISED = (aiohttp.ClientError, TimeoutError, RuntimeError)


def _as_httpx(error: BaseException) -> httpx.TransportError:
    """An error of aiohttp's as httpx's."""
    kind = next((to for known, to in _ERRORS if isinstance(error, known)), httpx.RemoteProtocolError)
    return kind(str(error))


class AiohttpTransport(httpx.AsyncBaseTransport):
    """httpx requests over one aiohttp session. Bodies are bytes; answers are not decompressed here."""

    def __init__(self, *, context: Any, limit: int, trust_env: bool) -> None:
        self._context = context
        self._limit = limit
        self._trust_env = trust_env
        self._session: aiohttp.ClientSession | None = None
        self._read: set[_Body] = set()
        self._looks = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        bounds = _timeout(request.extensions.get("timeout", {}))
        response = await self._ask(request.method, str(request.url), request.headers, request.content or None, bounds)
        body = self._body(response)
        return httpx.Response(response.status, headers=response.raw_headers, stream=body, request=request)

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, bounds: aiohttp.ClientTimeout
    ) -> httpx.Response:
        """A model call: httpx's answer without httpx's client and request, which took a fifth of the relay's time."""
        response = await self._ask("POST", url, headers, body, bounds)
        return httpx.Response(response.status, headers=response.raw_headers, stream=self._body(response))

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, bounds: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        session = self._session or self._open()
        try:
            return await session.request(method, url, headers=headers, data=body, allow_redirects=False, timeout=bounds)
        except _RAISED as error:
            raise _as_httpx(error) from error

    def _body(self, response: aiohttp.ClientResponse) -> _Body:
        body = _Body(response, self._read)
        if not self._looks:
            self._looks = True
            asyncio.get_running_loop().call_later(LOOK_S, self._look)
        return body

    def _look(self) -> None:
        """At all answers that are being read: a timer for each would cost more than its answer's headers."""
        for body in tuple(self._read):
            body.look()
        self._looks = bool(self._read)
        if self._looks:
            asyncio.get_running_loop().call_later(LOOK_S, self._look)

    def _open(self) -> aiohttp.ClientSession:
        """The session belongs to the loop that makes the first request."""
        connector = aiohttp.TCPConnector(limit=self._limit, keepalive_timeout=IDLE_S, ssl=self._context)
        self._session = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            trust_env=self._trust_env,
            cookie_jar=aiohttp.DummyCookieJar(),
            max_field_size=MAX_HEADER,
            max_line_size=MAX_HEADER,
        )
        return self._session

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()


def _timeout(timeout: dict[str, float | None]) -> aiohttp.ClientTimeout:
    """aiohttp's `connect` covers the wait for a free connection as well."""
    connect, wait = timeout.get("connect"), timeout.get("pool")
    both = None if connect is None or wait is None else connect + wait
    return aiohttp.ClientTimeout(total=None, connect=both, sock_connect=connect, sock_read=timeout.get("read"))


class _Body(httpx.AsyncByteStream):
    """An answer's bytes as they arrive. Closing before the end closes the connection. `read`: the bodies that are being read."""

    def __init__(self, response: aiohttp.ClientResponse, read: set[_Body]) -> None:
        self._response = response
        self._read = read
        read.add(self)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await self._response.content.readany()
        except _RAISED as error:
            self._read.discard(self)
            raise _as_httpx(error) from error
        if not piece:
            self._read.discard(self)
            raise StopAsyncIteration
        return piece

    def look(self) -> None:
        """Ends the wait for an answer whose connection is closed. aiohttp 3.14.5 forgets who waits, and the time-out as well,
        where a chunk with a length that is not a number comes while it holds back what was read."""
        content, connection = self._response.content, self._response.connection
        transport = connection.transport if connection is not None else None
        lost = transport is None or transport.is_closing()
        if lost and not content.is_eof() and content.exception() is None:
            content.set_exception(aiohttp.ClientPayloadError("the connection ended in the middle of the answer"))

    async def aclose(self) -> None:
        self._read.discard(self)
        self._response.release() if self._response.content.at_eof() else self._response.close()


def call_timeout(options: TransportOptions) -> aiohttp.ClientTimeout:
    """The bounds of a model call."""
    return _timeout({"connect": options.connect_timeout, "pool": options.wait_timeout, "read": options.idle_timeout})


def upstream_client(base_url: str, options: TransportOptions) -> tuple[httpx.AsyncClient, AiohttpTransport]:
    """A client for one upstream, and the transport under it for model calls. It follows no redirects: a key goes only where the settings name.

    Proxy variables hold for upstreams that are not on this machine. Raises SettingsError if certificates do not load.
    """
    local = is_loopback(base_url)
    timeout = httpx.Timeout(options.idle_timeout, connect=options.connect_timeout, pool=options.wait_timeout)
    try:
        plain = base_url.startswith("http:") and options.verify is True
        context = True if plain else httpx.create_ssl_context(verify=options.verify)
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"the certificates for the upstream cannot be loaded: {error}",
            where="environment",
            hint="look at SSL_CERT_FILE, SSL_CERT_DIR",
        ) from None
    transport = AiohttpTransport(context=context, limit=options.max_connections, trust_env=not local)
    client = httpx.AsyncClient(transport=transport, timeout=timeout, follow_redirects=False, trust_env=False)
    return client, transport
