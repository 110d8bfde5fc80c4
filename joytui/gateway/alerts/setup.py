"""The webhook that the settings name, with its secret."""

from __future__ import annotations

from joytui.core.errors import SettingsError
from joytui.gateway.alerts.sending import Webhook, read_secret
from joytui.gateway.settings import GatewaySettings
from joytui.gateway.upstream_keys import ALERTS_SECRET, COMMAND, UpstreamKeys
from joytui.gateway.upstreams.address import variable_words


def webhook_of(settings: GatewaySettings, keys: UpstreamKeys) -> Webhook | None:
    """None: the settings name none. Raises SettingsError."""
    if settings.alerts_url is None:
        return None
    found = keys.find(ALERTS_SECRET, settings.alerts_secret_env)
    if found is None and settings.alerts_secret_env:
        words = variable_words(settings.alerts_secret_env)
        raise SettingsError(
            f"the secret that signs alerts should be in the {words}, which is not set, and none is stored",
            hint=COMMAND.replace("NAME", ALERTS_SECRET),
        )
    keys.given.append(settings.alerts_url)
    return Webhook(settings.alerts_url, settings.alerts_format, read_secret(found.value) if found else None)
