"""Which headers pass: from a client to an upstream, and back. Allowlists, so that no key and no cookie can slip by."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from joytui.core.joytoken import HEADER_REQUEST_ID

_TO_UPSTREAM = frozenset(
    {
        "accept-language",
        "idempotency-key",
        "openai-beta",
        "originator",
        "session-id",
        "session_id",
        "thread-id",
        "traceparent",
        "tracestate",
        "user-agent",
        "x-client-request-id",
        "x-openai-internal-codex-responses-lite",
        "x-openai-subagent",
    }
)
_TO_UPSTREAM_PREFIXES = ("x-codex-",)
# What only a Responses upstream understands.
_RESPONSES_ONLY = frozenset({"openai-beta", "x-openai-internal-codex-responses-lite", "x-codex-beta-features"})
_TO_CLIENT = frozenset({"content-type", "retry-after", "retry-after-ms", "cf-ray", "openai-processing-ms"})
_TO_CLIENT_PREFIXES = ("x-daoe-", "x-ratelimit-", "x-codex-")


def to_upstream(
    client: Mapping[str, str],
    *,
    key: str | None,
    request_id: str,
    stream: bool,
    bridged: bool,
    more: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, str]:
    """The headers of an upstream request. `key` is the upstream's own; the client's key never passes. `more`: the settings' own."""
    passed = {
        name: value
        for name, value in client.items()
        if (name in _TO_UPSTREAM or name.startswith(_TO_UPSTREAM_PREFIXES))
        and not (bridged and name in _RESPONSES_ONLY)
    }
    return {
        **passed,
        "content-type": "application/json",
        "accept": "text/event-stream" if stream else "application/json",
        "accept-encoding": "identity",  # small events gain nothing, and bytes can pass as they are
        HEADER_REQUEST_ID.lower(): request_id,
        **({"authorization": f"Bearer {key}"} if key else {}),
        **more,
    }


def to_client(upstream: Mapping[str, str]) -> dict[str, str]:
    """The headers of an upstream's answer that the client sees. Lower-case names."""
    return {
        name.lower(): value
        for name, value in upstream.items()
        if name.lower() in _TO_CLIENT or name.lower().startswith(_TO_CLIENT_PREFIXES)
    }
