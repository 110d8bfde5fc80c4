"""Parts of a world as JSON data, for `joytui codex config` and for bundles. Not redacted; the key itself is never in it."""

from __future__ import annotations

from typing import Any

from joytui.codex.world import World


def layers_data(world: World) -> list[dict[str, Any]]:
    """Each layer with its file and its state, the lowest first."""
    return [{"layer": layer.name, "path": layer.path, "state": layer.state} for layer in world.layers]


def request_data(world: World) -> dict[str, Any] | None:
    """The request that Codex would send; None if it would send none."""
    plan = world.plan
    if plan is None:
        return None
    return {
        "method": plan.method,
        "url": plan.url,
        "wire_api": plan.wire_api,
        "shape": plan.shape,
        "proxy": plan.proxy.variable if plan.proxy.url else None,
        "ca_variable": plan.ca_variable,
    }


def credential_data(world: World) -> dict[str, Any] | None:
    """Where the key comes from and whether it is sent; told apart by its fingerprint."""
    found = world.credential
    if found is None:
        return None
    return {
        "kind": found.kind,
        "variable": found.variable,
        "origin": found.origin,
        "sent": found.sent,
        "fingerprint": found.fingerprint,
        "set_in": [place.where for place in found.places],
    }
