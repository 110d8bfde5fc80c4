"""The address that a base_url was meant as, where Codex can build no URL from what is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches

from joytui.codex.urls import normalise, origin_of
from joytui.codex.world import World
from joytui.core.joytoken import BASE_PATH, DEV_BASE_URL
from joytui.core.loopback import is_loopback

_SIGNS = str.maketrans(
    {"：": ":", "／": "/", "．": ".", "。": "."}
    | dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\xa0\u3000", "")
)  # fmt: skip
_AROUND = " \t\r\n\"'`<>“”‘’«»,;"
_LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z+.\-]*)(?::/*(?!\d+(?:/|$))|:?//+)")
_HOST = re.compile(r"(?:localhost|[A-Za-z0-9_\-]+(?:\.[A-Za-z0-9_\-]+)+|\[[0-9A-Fa-f:]+\])(?::\d+)?")
_EXAMPLES = re.compile(r"(?i)\b(?:your|my|example|gateway-host|host\.name)\b|[<>{}]")


def better_base(world: World) -> str:
    """The gateway's address with the path that it should have; JoyToken's own where the address says nothing."""
    if world.plan is None:
        return DEV_BASE_URL
    if world.plan.builder_error:
        return meant(world.plan.base_url, world.codex_env) or DEV_BASE_URL
    origin = origin_of(world.plan.base_url)
    return DEV_BASE_URL if not origin or "openai.com" in origin or "chatgpt.com" in origin else origin + BASE_PATH


def meant(written: str, env: Mapping[str, str]) -> str | None:
    """The address without what came with copying and typing it; None if no host can be read from it."""
    text = _VARIABLE.sub(lambda found: _address_in(env, found), written).translate(_SIGNS)
    link = _LINK.fullmatch(text.strip(_AROUND))
    text = re.sub(r"\s+", "", (link[1] if link else text).strip(_AROUND))
    scheme = _SCHEME.match(text)
    rest = text[scheme.end() :].lstrip("/") if scheme else text.lstrip("/")
    authority, slash, path = rest.partition("/")
    authority = re.sub(r":\+?0*(?=\d)", ":", authority.rpartition("@")[2])
    if not _HOST.fullmatch(authority) or _EXAMPLES.search(authority):
        return None
    url = f"{_scheme(scheme[1] if scheme else '', authority)}://{authority}{slash + path if path else BASE_PATH}"
    return None if normalise(url)[1] else url


def _address_in(env: Mapping[str, str], found: re.Match[str]) -> str:
    """What the variable holds where that is an address (never a key); as it stands otherwise."""
    value = env.get(found[1] or found[2], "")
    return value if value.startswith(("http://", "https://")) else found[0]


def _scheme(written: str, authority: str) -> str:
    """http or https, whichever was written nearly; else by where the host is."""
    near = get_close_matches(written.lower(), ("http", "https"), n=1, cutoff=0.75)
    if near:
        return near[0]
    if written.lower() in ("ws", "wss"):
        return "https" if written.lower() == "wss" else "http"
    return "http" if is_loopback(f"http://{authority}") else "https"
