"""The upstreams that the settings name, each with its key."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from joytui.core.errors import SettingsError
from joytui.gateway.settings import GatewaySettings, UpstreamSettings
from joytui.gateway.upstream_keys import COMMAND, UpstreamKeys
from joytui.gateway.upstreams.address import variable_words
from joytui.gateway.upstreams.exchange import Upstream
from joytui.gateway.upstreams.factory import address_of, checked_key, host_of, make_failover, make_upstream, offline

if TYPE_CHECKING:
    from joytui.gateway.upstreams.tailoring import Tailoring
    from joytui.gateway.upstreams.transport import TransportOptions


def wanted_upstreams(settings: GatewaySettings) -> list[UpstreamSettings]:
    """Those of the settings in the order to ask them; each has a name: its own, else its host, else (where another one
    has that) its address. Keys are kept by it: one that is kept for a host goes to no two upstreams."""
    wanted = sorted(settings.upstreams, key=lambda upstream: upstream.priority)
    if settings.upstream:
        first = UpstreamSettings(
            url=settings.upstream, key_env=settings.upstream_key_env, api=settings.upstream_api, priority=-1
        )
        wanted = [first, *wanted]
    unnamed = {one.url for one in wanted if one.name is None}
    taken = Counter([*(one.name for one in wanted if one.name), *map(host_of, unnamed)])

    def name(one: UpstreamSettings) -> str:
        host = host_of(one.url)
        return one.name or (host if taken[host] == 1 else address_of(one.url))

    return [one.model_copy(update={"name": name(one)}) for one in wanted]


def upstream_of(settings: GatewaySettings, keys: UpstreamKeys) -> Upstream:
    """The upstream to ask: the offline model, one relay, or several by priority. Raises SettingsError."""
    wanted = wanted_upstreams(settings)
    if not wanted:
        return offline()
    from joytui.gateway.upstreams.transport import TransportOptions

    options = TransportOptions(
        connect_timeout=settings.connect_timeout_s,
        idle_timeout=settings.idle_timeout_s,
        max_connections=settings.max_parallel,
    )
    return make_failover([_relay(one, options, keys) for one in wanted])


def _relay(wanted: UpstreamSettings, options: TransportOptions, keys: UpstreamKeys) -> Upstream:
    assert wanted.name is not None
    found = keys.find(wanted.name, wanted.key_env)
    if found is None and wanted.key_env:
        words = variable_words(wanted.key_env)
        exported = f"export {wanted.key_env}=…" if wanted.key_env in words else "export THE_VARIABLE=… and name it"
        raise SettingsError(
            f"the upstream's key should be in the {words}, which is not set, and no key is stored for it",
            where=wanted.url,
            hint=f"{exported}, or {COMMAND.replace('NAME', wanted.name)}",
        )
    if found is None and wanted.name == address_of(wanted.url) and (host := host_of(wanted.url)) in keys.names():
        raise SettingsError(
            f"a key is stored for {host}, but several upstreams are there, so it is unclear which one it is for",
            where=wanted.url,
            hint=f"{COMMAND.replace('NAME', wanted.name)} stores one for each; or give them names in the settings",
        )
    key, source = (found.value, found.source) if found else (None, None)
    return make_upstream(
        wanted.url,
        key,
        key_from=source,
        api=wanted.api,
        name=wanted.name,
        options=_options(wanted, options),
        tailoring=_tailoring(wanted, keys),
    )


def _options(wanted: UpstreamSettings, options: TransportOptions) -> TransportOptions:
    return replace(
        options,
        connect_timeout=wanted.connect_timeout_s or options.connect_timeout,
        idle_timeout=wanted.idle_timeout_s or options.idle_timeout,
    )


def _tailoring(wanted: UpstreamSettings, keys: UpstreamKeys) -> Tailoring:
    from joytui.gateway.upstreams.tailoring import Tailoring, told_quirks

    headers = {name: _header(wanted, name, value, keys) for name, value in wanted.headers.items()}
    secrets = tuple(headers[name] for name, value in wanted.headers.items() if value.startswith("$"))
    record, lessons = told_quirks(wanted.quirks)
    return Tailoring(record, lessons, tuple(wanted.drop), wanted.extra_body, headers, wanted.models, secrets)


def _header(wanted: UpstreamSettings, name: str, value: str, keys: UpstreamKeys) -> str:
    """A header's value, from the environment where it names a variable. Raises SettingsError."""
    if not value.startswith("$"):
        return value
    found = keys.in_environment(value[1:])
    if found is None:
        raise SettingsError(
            f"the header {name} takes its value from the {variable_words(value[1:])}, which is not set",
            where=wanted.url,
            hint=f"export {value[1:]}=…"
            if value[1:] in variable_words(value[1:])
            else "export THE_VARIABLE=… and name it",
        )
    return checked_key(found)
