"""Which proxy Codex (reqwest) takes for a URL, and by which variable.

Observed with 0.169.0, value by value: the first of HTTP_PROXY and http_proxy that is set counts, also when it is empty; a value that is no
URI to it (quotes, blanks, a path without a scheme, ftp://) is passed over in silence, then ALL_PROXY is asked. A URI whose host or port
cannot be used makes every request fail. Where REQUEST_METHOD is set (CGI), no proxy is taken by any variable. NO_PROXY exempts by host, suffix, address or network; its star exempts names, not addresses.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from joytui.codex.world import ProxyUse

_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
_URI = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]*)://)?([^/?#]*)(.*)", re.DOTALL)
_AUTHORITY = re.compile(r"[A-Za-z0-9!#$%&'()*+,./:;=?@\[\]_~-]*")
_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")


def proxy_for(url: str, env: Mapping[str, str]) -> ProxyUse:
    """The proxy for a request to this URL."""
    scheme = "https" if url.lower().startswith("https:") else "http"
    variable = next((name for name in _names(scheme, env) if name and _authority(env[name]) is not None), None)
    if variable is None:
        return ProxyUse(None, None, None)
    value = env[variable]
    exempting = exempt_by(url, env)
    if exempting:
        return ProxyUse(None, exempting, None)
    target = proxy_url(value)
    return ProxyUse(target or value, variable, value, target is not None)


def _names(scheme: str, env: Mapping[str, str]) -> tuple[str | None, ...]:
    """The variable of this scheme, then the one of all schemes; of each pair the first that is set at all. None in a CGI
    environment, where HTTP_PROXY may be a request's header."""
    if "REQUEST_METHOD" in env:
        return ()
    upper, lower = f"{scheme.upper()}_PROXY", f"{scheme}_proxy"
    every = _first(env, "ALL_PROXY", "all_proxy")
    return (_first(env, upper, lower), every)


def _first(env: Mapping[str, str], *names: str) -> str | None:
    return next((name for name in names if name in env), None)


def _authority(value: str) -> str | None:
    """Host and port (and credentials) of a value that is a URI with a scheme of proxies, or none; None: Codex passes it over."""
    scheme, authority, rest = _URI.fullmatch(value).groups()  # type: ignore[union-attr]  # it matches any text
    if (scheme or "http").lower() not in _SCHEMES or not authority or (rest and not scheme):
        return None
    host = authority.rpartition("@")[2]
    bracketed = host.startswith("[") and "]" in host
    odd = "%" in host or host.count("[") != host.count("]") or host.split("]")[-1].count(":") > 1
    known = _AUTHORITY.fullmatch(authority) and (bracketed or "[" not in host)
    return authority if known and host and not odd and value.isascii() else None


def proxy_url(value: str) -> str | None:
    """The proxy as a URL, with the scheme that is assumed; None if no connection can be made to it."""
    authority = _authority(value)
    if authority is None:
        return None
    scheme = value.split("://", 1)[0].lower() if "://" in value else "http"
    host, colon, port = authority.rpartition("@")[2].rpartition(":")
    if not colon or port.endswith("]"):
        host, port = authority.rpartition("@")[2], ""
    if not _HOST.fullmatch(host) or (colon and port and not (port.isdigit() and int(port) < 65536)):
        return None
    return f"{scheme}://{authority}"


def exempt_by(url: str, env: Mapping[str, str]) -> str | None:
    """The variable that exempts this URL from the proxy (NO_PROXY beats no_proxy), None if none does."""
    name = next((n for n in ("NO_PROXY", "no_proxy") if n in env), None)
    if name is None:
        return None
    try:
        host = (urlsplit(url).hostname or "").lower()
    except ValueError:
        return None
    return name if any(_covers(entry.strip().lower(), host) for entry in env[name].split(",")) else None


def websocket_proxy(url: str, env: Mapping[str, str]) -> ProxyUse:
    """The proxy for a WebSocket to this ws:// or wss:// URL, by rules of its own (0.171.0, observed): an empty variable is passed over,
    wss:// also takes HTTP_PROXY, any other value than a URL of http or SOCKS is refused, and NO_PROXY knows no networks."""
    pairs = ("HTTPS_PROXY", "https_proxy") if url.startswith("wss:") else ()
    names = (*pairs, "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
    variable = next((name for name in names if env.get(name)), None)
    if variable is None or (exempting := _exempt_websocket(url, env)):
        return ProxyUse(None, exempting if variable else None, None)
    value = env[variable]
    good = value.lower().startswith(("http://", "socks")) and proxy_url(value) is not None
    return ProxyUse(value, variable, value, good)


def _exempt_websocket(url: str, env: Mapping[str, str]) -> str | None:
    name = next((n for n in ("NO_PROXY", "no_proxy") if n in env), None)
    host = urlsplit(url).hostname or ""
    entries = [entry.strip().lower().removeprefix(".") for entry in env[name].split(",")] if name else []
    return name if any(entry and (entry in ("*", host) or host.endswith("." + entry)) for entry in entries) else None


def _covers(entry: str, host: str) -> bool:
    if not entry or not host:
        return False
    address = _address(host)
    if address is not None:
        try:
            return address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    name = entry.removeprefix(".")
    return name == "*" or host == name or host.endswith("." + name)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
