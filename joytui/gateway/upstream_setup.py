"""The upstreams that the settings name, each with its key from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from joytui.core.errors import SettingsError
from joytui.gateway.settings import GatewaySettings, UpstreamSettings
from joytui.gateway.upstreams.exchange import Upstream
from joytui.gateway.upstreams.factory import make_failover, make_upstream, offline

if TYPE_CHECKING:
    from joytui.gateway.upstreams.transport import TransportOptions


def upstream_of(settings: GatewaySettings, env: Mapping[str, str] = os.environ) -> Upstream:
    """The upstream to ask: the offline model, one relay, or several by priority. Raises SettingsError."""
    wanted = sorted(settings.upstreams, key=lambda upstream: upstream.priority)
    if settings.upstream:
        first = UpstreamSettings(
            url=settings.upstream, key_env=settings.upstream_key_env, api=settings.upstream_api, priority=-1
        )
        wanted = [first, *wanted]
    if not wanted:
        return offline()
    from joytui.gateway.upstreams.transport import TransportOptions

    options = TransportOptions(
        connect_timeout=settings.connect_timeout_s,
        idle_timeout=settings.idle_timeout_s,
        max_connections=settings.max_parallel,
    )
    return make_failover([_relay(one, options, env) for one in wanted])


def _relay(wanted: UpstreamSettings, options: TransportOptions, env: Mapping[str, str]) -> Upstream:
    key = None
    if wanted.key_env:
        key = env.get(wanted.key_env, "").strip() or None
        if key is None:
            raise SettingsError(
                f"the upstream's key is to be in the variable {wanted.key_env}, and that is not set",
                where=wanted.url,
                hint=f"export {wanted.key_env}=…",
            )
    return make_upstream(wanted.url, key, api=wanted.api, name=wanted.name, options=options)
