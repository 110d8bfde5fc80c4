"""Makes upstreams from settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from joytui.core.errors import SettingsError
from joytui.core.loopback import is_loopback
from joytui.gateway.upstreams.exchange import Upstream
from joytui.gateway.upstreams.offline import OfflineModel

if TYPE_CHECKING:
    from joytui.gateway.upstreams.transport import TransportOptions


def offline() -> Upstream:
    """The built-in model: what answers when no upstream is set."""
    return OfflineModel()


def make_upstream(
    url: str,
    key: str | None,
    *,
    api: Literal["auto", "responses", "chat"] = "auto",
    name: str | None = None,
    options: TransportOptions | None = None,
) -> Upstream:
    """A relay to an OpenAI base URL ("https://host/openai/v1"). Raises SettingsError for a URL or key that cannot work.

    `api`: what the upstream speaks on `/responses`; "auto" finds it out by the first call.
    """
    from joytui.gateway.upstreams.relay import Relay

    host = _checked_host(url)
    return Relay(url, _checked_key(key), name=name or host, api=None if api == "auto" else api, options=options)


def make_failover(upstreams: Sequence[Upstream]) -> Upstream:
    """Several upstreams, the most wanted first; one alone stays what it is."""
    from joytui.gateway.upstreams.failover import Failover

    return upstreams[0] if len(upstreams) == 1 else Failover(upstreams)


def _checked_host(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host:
        raise SettingsError(
            "the upstream's URL is no http address", hint="for example https://api.joytokens.ai/openai/v1"
        )
    if parts.username or parts.password:
        raise SettingsError("the upstream's URL holds a user or password", hint="the key has an own setting")
    if parts.query or parts.fragment:
        raise SettingsError("the upstream's URL ends with its path, without ? or #")
    if parts.scheme == "http" and not is_loopback(url):
        raise SettingsError(
            "the upstream's URL is plain http: a key would cross the network in clear", hint="use https"
        )
    return host


def _checked_key(key: str | None) -> str | None:
    if key is None or not key.strip():
        return None
    key = key.strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise SettingsError("the upstream's key has characters that no header can carry", hint="copy it again")
    return key
