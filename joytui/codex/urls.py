"""How Codex makes the request URL out of `base_url`: plain concatenation, then the Rust crates `url` and `http`.

pydantic-core carries that `url` crate (2.5, with idna 1), and Codex 0.94 to 0.171 are built with the same: here Codex's own parser
judges. What the `http` crate refuses on top of it was observed with Codex 0.169.0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

_PLAIN = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9]+(?:[.-][a-z0-9]+)*\.[a-z]{2,}|localhost|127\.0\.0\.1)"
    r"(?::(?P<port>[1-9]\d{0,3}|[1-5]\d{4}))?(?P<path>(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+)"
)
"""URLs that the parser leaves as they are, but for a default port: most are such, and the parser takes 10 ms to import."""
_SHORT = 2000
_NOT_SENT = re.compile(r'["`{}]')
_ZONE = re.compile(r"/\[[^]/]*%")
_LONGEST = 65_534
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Composed:
    """`text` is what Codex shows, `wire` what goes out; `error` says why no request can be built (None: it can)."""

    text: str
    wire: str
    error: str | None = None


def compose(base_url: str, endpoint: str, query: Mapping[str, str] | None = None) -> Composed:
    """The URL of an endpoint ("responses") at this base."""
    text = base_url.rstrip("/") + "/" + endpoint
    if query:
        text += "?" + "&".join(f"{name}={value}" for name, value in query.items())
    wire, error = normalise(text)
    return Composed(text, wire, error)


def normalise(text: str) -> tuple[str, str | None]:
    """The URL as Codex sends it, without user, password and fragment; and why it can't be sent (None: it can)."""
    if len(text) < _SHORT and (plain := _PLAIN.fullmatch(text)) and "xn--" not in text:
        scheme, host, port, path = plain.group("scheme", "host", "port", "path")
        place = host if port is None or int(port) == _DEFAULT_PORTS[scheme] else f"{host}:{port}"
        return f"{scheme}://{place}{path}", None
    return parsed(text)


def parsed(text: str) -> tuple[str, str | None]:
    """What `normalise` says, by the parser itself."""
    from pydantic_core import Url, ValidationError

    try:
        url = Url(text)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        return "", _reason(str(fault.get("ctx", {}).get("error") or fault["msg"]), text)
    if url.scheme not in _DEFAULT_PORTS:
        return "", f"scheme {url.scheme}: is not http or https"
    host = url.host or ""
    if found := _NOT_SENT.search(host):
        return "", f"{found[0]} in the host name"
    if len(str(url)) > _LONGEST:
        return "", f"longer than {_LONGEST} bytes"
    place = host if url.port == _DEFAULT_PORTS[url.scheme] else f"{host}:{url.port}"
    query = "" if url.query is None else f"?{url.query}"
    return f"{url.scheme}://{place}{url.path}{query}", None


def _reason(said: str, text: str) -> str:
    """The parser's word, in ours where a user would be led astray: a space makes no name international."""
    if said == "invalid IPv6 address" and _ZONE.search(text):
        return "an IPv6 address with a zone is no host of a URL"
    return "invalid host" if said == "invalid international domain name" else said


def host_of(url: str) -> str:
    """The host's name in a URL, in lower case without a final dot; "" where it has none."""
    return (urlsplit(normalise(url)[0]).hostname or "").removesuffix(".")


def path_of(url: str) -> str:
    """The path of a URL as Codex sends it; "" where no request can be built."""
    return urlsplit(normalise(url)[0]).path


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL, "" where it has none."""
    return "/".join(normalise(url)[0].split("/")[:3])
