"""What is before every route: the Host allowlist first of all, then browsers, then the size of headers.

A web page can make a browser talk to loopback (DNS rebinding, cross-site posts). It cannot choose the Host header, and
its browser names itself by Origin and Sec-Fetch-Site: such requests are refused. No CORS header is ever sent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from joytui.gateway.refusals import HEADERS_TOO_LARGE, HOST_REJECTED, ORIGIN_REJECTED, Refused, send_refusal

Message = MutableMapping[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]

SAFE_SITES = (b"none", b"same-origin")


class Guard:
    """Wraps an ASGI application."""

    def __init__(self, app: App, hosts: frozenset[bytes], max_header_bytes: int) -> None:
        self._app = app
        self._hosts = hosts
        self._max_header_bytes = max_header_bytes

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            refusal = self._refusal(scope["headers"])
            if refusal is not None:
                await send_refusal(send, refusal)
                return
        await self._app(scope, receive, send)

    def _refusal(self, headers: list[tuple[bytes, bytes]]) -> Refused | None:
        host: bytes | None = None
        size = 0
        browser = False
        for name, value in headers:
            size += len(name) + len(value) + 4
            if name == b"host":
                if host is not None:
                    return Refused(400, HOST_REJECTED, "more than one Host header")
                host = value
            elif name == b"origin" or (name == b"sec-fetch-site" and value.lower() not in SAFE_SITES):
                browser = True
        if host is None or host.lower() not in self._hosts:
            return Refused(
                403, HOST_REJECTED, "this gateway does not know that Host (the setting allow_hosts adds names)"
            )
        if browser:
            return Refused(403, ORIGIN_REJECTED, "requests from web pages are refused")
        if size > self._max_header_bytes:
            return Refused(
                431, HEADERS_TOO_LARGE, f"headers too large: at most {self._max_header_bytes} bytes (max_header_bytes)"
            )
        return None
