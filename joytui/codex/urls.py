"""How Codex makes the request URL out of `base_url`: plain concatenation, then the URL parser of the Rust `url` crate.

Observed with 0.169.0 (situations D01 to D24).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_PATH_SAFE = "/%:@!$&'()*+,;=-._~[]|^\\"
_QUERY_SAFE = "/%:@!$&()*+,;=-._~?[]|^\\{}`"
_BAD_HOST = re.compile(r"[\x00-\x20\x7f#/<>?@\[\\\]^|%]")


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
    """The URL as the WHATWG parser writes it, and what is wrong with it for an HTTP client."""
    clean = re.sub(r"[\t\r\n]", "", text.strip("".join(map(chr, range(0x21)))))
    scheme = _SCHEME.match(clean)
    if not scheme:
        return "", "relative URL without a base" if clean else "empty URL"
    if scheme[0].lower() not in ("http:", "https:"):
        return "", f"scheme {scheme[0]} is not http or https"
    rest = clean[scheme.end() :].replace("\\", "/").lstrip("/")
    try:
        parts = urlsplit(f"{scheme[0].lower()}//{rest}")
        port = parts.port
    except ValueError as error:
        return "", str(error)
    host = parts.hostname or ""
    if ":" in host and "%" in host:
        return "", "an IPv6 address with a zone is no host of a URL"
    if not host:
        return "", "empty host"
    if ":" not in host and _BAD_HOST.search(host):
        return "", "invalid host"
    if _broken_address(host):
        return "", "invalid IPv4 address"
    try:
        name = f"[{host}]" if ":" in host else host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        return "", "invalid host"
    default = {"http:": 80, "https:": 443}[scheme[0].lower()]
    place = name if port is None or port == default else f"{name}:{port}"
    path = _dots(quote(parts.path or "/", safe=_PATH_SAFE))
    query = "?" + quote(parts.query, safe=_QUERY_SAFE) if "?" in rest.split("#", 1)[0] else ""
    return f"{scheme[0].lower()}//{place}{path}{query}", None


def _broken_address(host: str) -> bool:
    """A host that ends in a number is an IPv4 address to the WHATWG parser, or nothing: 256.1.1.1 is no name to be looked up."""
    labels = host.removesuffix(".").split(".")
    numbers = [_number(label) for label in labels]
    if numbers[-1] is None:
        return False
    *high, low = numbers
    return len(labels) > 4 or any(n is None or n > 255 for n in high) or low is None or low >= 256 ** (5 - len(labels))


def _number(label: str) -> int | None:
    if re.fullmatch(r"0[xX][0-9A-Fa-f]*", label):
        return int(label[2:] or "0", 16)
    if re.fullmatch(r"0[0-7]+", label):
        return int(label, 8)
    # digits that are no octal number still make it an address, one that cannot be
    return (int(label) if not re.match(r"0[0-9]", label) else 1 << 40) if re.fullmatch(r"[0-9]+", label) else None


def _dots(path: str) -> str:
    """Removes `.` and `..` segments."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for index, segment in enumerate(segments):
        last = index == len(segments) - 1
        word = segment.lower().replace("%2e", ".")
        if word == "..":
            if kept:
                kept.pop()
            if last:
                kept.append("")
        elif word == ".":
            if last:
                kept.append("")
        else:
            kept.append(segment)
    return "/" + "/".join(kept)


def host_of(url: str) -> str:
    """The host's name in a URL, in lower case without a final dot; "" where it has none."""
    try:
        return (urlsplit(normalise(url)[0]).hostname or "").removesuffix(".")
    except ValueError:
        return ""


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL, "" where it has none."""
    wire, error = normalise(url)
    return "" if error else "/".join(wire.split("/")[:3])
