"""The built-in model: it answers without a network, the same for the same request, and calls tools when told to."""

from joytui.gateway.upstreams.offline.model import OfflineModel

__all__ = ["OfflineModel"]
