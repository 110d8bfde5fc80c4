"""Makes upstreams from settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from joytui.core.errors import SettingsError
from joytui.gateway.upstreams.address import checked_url
from joytui.gateway.upstreams.exchange import Upstream
from joytui.gateway.upstreams.offline import OfflineModel

if TYPE_CHECKING:
    from joytui.gateway.upstreams.tailoring import Tailoring
    from joytui.gateway.upstreams.transport import TransportOptions


def offline() -> Upstream:
    """The built-in model: what answers when no upstream is set."""
    return OfflineModel()


def make_upstream(
    url: str,
    key: str | None,
    *,
    key_from: str | None = None,
    api: Literal["auto", "responses", "chat"] = "auto",
    name: str | None = None,
    options: TransportOptions | None = None,
    tailoring: Tailoring | None = None,
) -> Upstream:
    """A relay to an OpenAI base URL ("https://host/openai/v1"). Raises SettingsError for a URL or key that cannot work.

    `api`: what the upstream speaks on `/responses`; "auto" finds it out by the first call. `key_from`: for the status.
    """
    from joytui.gateway.upstreams.relay import Relay

    try:
        checked = checked_url(url)
    except ValueError as error:
        raise SettingsError(str(error)) from None
    spoken = None if api == "auto" else api
    return Relay(
        checked,
        checked_key(key) if key and key.strip() else None,
        name=name or host_of(checked),
        key_from=key_from,
        api=spoken,
        options=options,
        tailoring=tailoring,
    )


def host_of(url: str) -> str:
    """What an upstream without a name is called."""
    return urlsplit(url).hostname or url


def address_of(url: str) -> str:
    """What it is called where another one without a name has the same host: "api.example.com/openai/v1"."""
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path.rstrip('/')}"


def make_failover(upstreams: Sequence[Upstream]) -> Upstream:
    """Several upstreams, the most wanted first; one alone stays what it is."""
    from joytui.gateway.upstreams.failover import Failover

    return upstreams[0] if len(upstreams) == 1 else Failover(upstreams)


def checked_key(key: str) -> str:
    """A key that a header can carry, without blanks around it. Raises SettingsError, which does not repeat it."""
    key = key.strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise SettingsError("the upstream's key has characters that a header cannot contain", hint="copy it again")
    return key
