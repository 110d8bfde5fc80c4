"""Who is let in: the Host header from an exact list, and no page of another origin. No cookies, no CORS headers.

A web page can make a browser talk to this machine (DNS rebinding, websockets across sites). It cannot choose the Host
header, and its browser names it by Origin (always, for a websocket) and Sec-Fetch-Site.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from joytui.core.hosts import allowed_hosts

WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 (names, nothing is bound here)


def hosts_of(host: str, port: int, extra: Iterable[str]) -> frozenset[str]:
    """The Host headers for this address. `extra` are names that browsers use, let in with and without our port."""
    hosts = {name.decode() for name in allowed_hosts(host, port, (), tls=False)}
    names = [name.strip().lower().rstrip("/") for name in extra]
    if host in WILDCARDS:
        names.append(socket.gethostname().lower())
    hosts |= {form for name in names for form in (name, f"{name}:{port}")}
    return frozenset(hosts)


def doorkeeper(hosts: frozenset[str], *, any_own_address: bool) -> Middleware:
    """The middleware. `any_own_address`: also let in who came to an address of this machine by its number."""

    @web.middleware
    async def keep(request: web.Request, handler: Handler) -> web.StreamResponse:
        host = request.headers.get("Host", "").lower()
        if host not in hosts and not (any_own_address and _came_to(request, host)):
            return _refuse(421, f"this console is not known as {host[:80]!r}: --allow-host adds a name")
        if not _from_here(request, host):
            return _refuse(403, "pages of other sites cannot connect to this console")
        if request.method != "GET":
            return _refuse(405, "this console is read-only")
        response = await handler(request)
        if not response.prepared:
            response.headers.update(_headers(host))
        return response

    return keep


def _refuse(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=f"joytui serve: {text}\n", headers={"X-Content-Type-Options": "nosniff"})


def _came_to(request: web.Request, host: str) -> bool:
    """Whether the header holds the very address that the connection came to: a number, which no other site can be."""
    own = request.transport.get_extra_info("sockname") if request.transport else None
    try:
        parts = urlsplit(f"//{host}")
        named, port = ipaddress.ip_address(parts.hostname or ""), parts.port or 80
        return own is not None and (_plain(named), port) == (_plain(ipaddress.ip_address(own[0])), own[1])
    except ValueError:
        return False


def _plain(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An IPv4 address that came to an IPv6 socket is that IPv4 address."""
    return getattr(address, "ipv4_mapped", None) or address


def _from_here(request: web.Request, host: str) -> bool:
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if origin is not None:
        parts = urlsplit(origin.lower())
        return parts.scheme in ("http", "https") and parts.netloc == host
    if request.headers.get("Upgrade"):
        return False  # every browser names the origin of a websocket
    # A link on another page may open this one: the page cannot be put into a frame, and opening it changes nothing.
    followed = (
        request.headers.get("Sec-Fetch-Mode") == "navigate" and request.headers.get("Sec-Fetch-Dest") == "document"
    )
    return followed or site in (None, "none", "same-origin")


def _headers(host: str) -> dict[str, str]:
    """What the page may load: its own files and its own websocket. xterm.js writes style elements."""
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self' data:; "
        f"connect-src 'self' ws://{host} wss://{host}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
