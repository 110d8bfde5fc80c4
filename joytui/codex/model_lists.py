"""Where Codex gets its list of models from, besides the built-in one: `model_catalog_url` of a provider (0.161 and newer).

It asks there before each start, with the provider's key, waits 5 s, asks once more, and goes on without (0.171.0, observed).
A file that `model_catalog_json` names comes first: then nothing is requested.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from joytui.codex.urls import normalise, origin_of
from joytui.codex.versions import Rules
from joytui.codex.world import Provider
from joytui.core.loopback import is_loopback

CATALOG_FIELD = "model_catalog_url"
CATALOG_FILE_KEY = "model_catalog_json"
FAILED = "failed to refresh available models: "
"""How Codex's words for a list that it did not get begin; it prints them twice."""
WAITS_S = 5.0


def asks_for_models(provider: Provider, rules: Rules, config: Mapping[str, Any]) -> bool:
    """Whether this Codex would ask this provider for its models, if it were told where."""
    return rules.asks_model_catalog and not provider.builtin and CATALOG_FILE_KEY not in config


def asked_for_models(provider: Provider, rules: Rules, config: Mapping[str, Any]) -> str | None:
    """The address that Codex asks for this provider's models; None if it asks none."""
    url = provider.get(CATALOG_FIELD)
    return url if isinstance(url, str) and asks_for_models(provider, rules, config) else None


def is_web_address(url: str) -> bool:
    """Whether Codex can ask this URL at all."""
    wire, error = normalise(url)
    return not error and wire.startswith(("http://", "https://"))


def same_origin(one: str, other: str) -> bool:
    """Whether two URLs lead to the same program: this machine's own addresses are one."""
    origins = origin_of(one), origin_of(other)
    if all(is_loopback(origin) for origin in origins):
        return origins[0].rpartition(":")[2] == origins[1].rpartition(":")[2]
    return origins[0] == origins[1]
