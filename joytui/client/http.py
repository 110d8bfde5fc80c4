"""The one place where joytui makes HTTP clients. httpx is imported here, late: it costs 40 ms, TLS another 20 to 50.

Clients for loopback take nothing from the environment (no proxy belongs between us and our own gateway) and load no
certificates for plain http. Others honour proxy and certificate variables; a broken one becomes a SettingsError.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from joytui import __version__
from joytui.core.errors import SettingsError, UsageError
from joytui.core.loopback import is_loopback

if TYPE_CHECKING:
    import httpx

# `import httpx` also imports its own command line: 97 modules (click, pygments, half of rich), 45 of 120 ms of CPU, 25 of 53 in
# the console. httpx 0.28 has no switch for that, and every part of httpx comes by way of its __init__. It goes on without
# `_main`, as where click is not installed; nobody else asks for that module.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

USER_AGENT = f"joytui/{__version__}"
CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 30.0

_HOST = re.compile(r"[a-z0-9_.\-]+|[0-9a-f:.]+(?:%[a-z0-9.]+)?")

OnConnection = Callable[[], Awaitable[None]]


def gateway_url(text: str) -> str:
    """A gateway's address as "scheme://host[:port]": no path, no query, no userinfo. Raises UsageError."""
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        raise _no_address(text) from None
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(host):
        raise _no_address(text)
    if parts.username or parts.password:
        raise UsageError(
            "a gateway's address must not contain a user or password", hint="put the token into JOYTUI_ADMIN_TOKEN"
        )
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


def _no_address(text: str) -> UsageError:
    shown = text.rsplit("@", 1)[-1][:80]
    return UsageError(f"not a gateway's address: {shown!r}", hint="for example http://127.0.0.1:8791")


def http_client(
    base_url: str = "",
    *,
    headers: Mapping[str, str] | None = None,
    read_timeout: float | None = READ_TIMEOUT,
    connect_timeout: float = CONNECT_TIMEOUT,
    on_connection: OnConnection | None = None,
) -> httpx.AsyncClient:
    """An asynchronous client that follows no redirects.

    `on_connection` is awaited after each new TCP connection, before anything is sent over it; what it raises ends the
    request. Raises SettingsError if a proxy or certificate variable does not hold.
    """
    import httpx

    local = is_loopback(base_url)
    options: dict[str, Any] = {}
    if on_connection is not None:
        options["event_hooks"] = {"request": [_connection_hook(on_connection)]}
    try:
        return httpx.AsyncClient(
            base_url=base_url,
            headers={"User-Agent": USER_AGENT, **(headers or {})},
            timeout=httpx.Timeout(read_timeout, connect=connect_timeout),
            follow_redirects=False,
            trust_env=not local,  # proxies are for other machines; authorities hold for this one as well
            verify=_no_certificates() if local and base_url.startswith("http:") else httpx.create_ssl_context(),
            **options,
        )
    except (OSError, ValueError, httpx.InvalidURL) as error:
        raise SettingsError(
            f"the environment's proxy or certificate settings do not work: {error}",
            where="environment",
            hint="look at HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, SSL_CERT_FILE, SSL_CERT_DIR",
        ) from None


def _no_certificates() -> Any:
    """A TLS context that trusts nobody: plain http never uses it, and loading the real ones takes up to 50 ms."""
    import ssl

    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _connection_hook(on_connection: OnConnection) -> Callable[[httpx.Request], Awaitable[None]]:
    async def trace(event: str, info: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            try:
                await on_connection()
            except BaseException:
                await info["return_value"].aclose()  # the pool does not know it yet, and would not close it
                raise

    async def hook(request: httpx.Request) -> None:
        request.extensions["trace"] = trace

    return hook
