"""Which proxy Codex (reqwest) takes for a URL, and by which variable.

Observed with 0.169.0: HTTP_PROXY beats http_proxy, and either beats ALL_PROXY; NO_PROXY exempts by host, suffix,
address or network. A value that is no URL makes every request fail (G15).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from joytui.codex.world import ProxyUse

_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


def proxy_for(url: str, env: Mapping[str, str]) -> ProxyUse:
    """The proxy for a request to this URL."""
    scheme = "https" if url.lower().startswith("https:") else "http"
    variable = _first(env, *_names(scheme, env))
    if variable is None:
        return ProxyUse(None, None, None)
    value = env[variable]
    exempting = exempt_by(url, env)
    if exempting:
        return ProxyUse(None, exempting, None)
    target = proxy_url(value)
    return ProxyUse(target or value, variable, value, target is not None)


def _names(scheme: str, env: Mapping[str, str]) -> tuple[str, ...]:
    upper, lower = f"{scheme.upper()}_PROXY", f"{scheme}_proxy"
    if scheme == "http" and "REQUEST_METHOD" in env:  # a CGI environment: HTTP_PROXY may be a request's header
        return ("ALL_PROXY", "all_proxy")
    return (upper, lower, "ALL_PROXY", "all_proxy")


def _first(env: Mapping[str, str], *names: str) -> str | None:
    return next((name for name in names if env.get(name, "").strip()), None)


def proxy_url(value: str) -> str | None:
    """The proxy as a URL, with the scheme that is assumed; None if it cannot be one."""
    text = value.strip()
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        text = f"http://{text}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme.lower() not in _SCHEMES or not parts.hostname or re.search(r"[\s<>^|%]", parts.hostname):
        return None
    del port
    return text


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


def _covers(entry: str, host: str) -> bool:
    if not entry or not host:
        return False
    if entry == "*":
        return True
    address = _address(host)
    if address is not None:
        try:
            return address in ipaddress.ip_network(entry.strip("[]"), strict=False)
        except ValueError:
            return False
    name = entry.removeprefix(".")
    return host == name or host.endswith("." + name)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
