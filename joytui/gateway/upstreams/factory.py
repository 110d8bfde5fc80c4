"""Makes upstreams from settings."""

from __future__ import annotations

from joytui.gateway.upstreams.exchange import Upstream
from joytui.gateway.upstreams.offline import OfflineModel


def offline() -> Upstream:
    """The built-in model: what answers when no upstream is set."""
    return OfflineModel()
