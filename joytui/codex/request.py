"""The request that Codex will send: URL, headers with the key as bytes, shape, retries, proxy, certificate bundle.

Headers as observed with `codex exec`: those that never change are in the version's file, the ids are fresh for each plan.
"""

from __future__ import annotations

import json
import platform
import uuid
from collections.abc import Mapping
from typing import Any

from joytui.codex.models import shape_of
from joytui.codex.proxies import proxy_for
from joytui.codex.urls import compose
from joytui.codex.versions import Rules
from joytui.codex.world import Provider, RequestPlan, WireApi

_RETRY_CAP = 100
_ENCODING = "accept-encoding"


def request_plan(
    provider: Provider,
    model: str,
    wire_api: WireApi,
    own_headers: tuple[tuple[str, bytes], ...],
    authorization: bytes | None,
    env: Mapping[str, str],
    rules: Rules,
) -> RequestPlan:
    """The plan for this provider. Call it only with a `base_url` that is text."""
    base = str(provider.get("base_url"))
    query = provider.get("query_params")
    params = {str(k): str(v) for k, v in query.items()} if isinstance(query, dict) else {}
    endpoint = "responses" if wire_api == "responses" else "chat/completions"
    composed = compose(base, endpoint, params)
    shape = shape_of(model, rules)
    variable, bundle = ca_bundle(env, rules)
    return RequestPlan(
        method="POST",
        url=composed.text,
        wire_url=composed.wire,
        headers=(
            *_without(_headers(model, shape == "lite", rules), own_headers),
            *own_headers,
            *_authorization(authorization),
        ),
        wire_api=wire_api,
        shape=shape,
        model=model,
        proxy=proxy_for(composed.wire, env),
        ca_variable=variable,
        ca_file=bundle,
        request_max_retries=_number(provider, "request_max_retries", _RETRY_CAP),
        stream_max_retries=_number(provider, "stream_max_retries", _RETRY_CAP),
        stream_idle_timeout_ms=_number(provider, "stream_idle_timeout_ms"),
        builder_error=composed.error,
        base_url=base,
        unpacks=_ENCODING in rules.recorded.headers,
    )


def _number(provider: Provider, name: str, cap: int | None = None) -> int:
    value: Any = provider.get(name)
    number = value if isinstance(value, int) and not isinstance(value, bool) else 0
    return min(number, cap) if cap is not None else number


def _without(fixed: tuple[tuple[str, bytes], ...], own: tuple[tuple[str, bytes], ...]) -> tuple[tuple[str, bytes], ...]:
    """An accept-encoding of http_headers takes the place of Codex's own (0.171.0)."""
    replaced = any(name.lower() == _ENCODING for name, _ in own)
    return tuple(one for one in fixed if not (replaced and one[0] == _ENCODING))


def _authorization(value: bytes | None) -> tuple[tuple[str, bytes], ...]:
    return (("authorization", value),) if value is not None else ()


def _headers(model: str, lite: bool, rules: Rules) -> tuple[tuple[str, bytes], ...]:
    thread = str(uuid.uuid4())
    metadata = {
        "request_kind": "turn",
        "turn_trigger": "user",
        "session_id": thread,
        "thread_id": thread,
        "model": model,
    }
    agent = (
        f"codex_exec/{rules.version} ({platform.system()}; {platform.machine()}) joytui (codex_exec; {rules.version})"
    )
    pairs = [
        *rules.recorded.headers.items(),
        ("user-agent", agent),
        ("session-id", thread),
        ("thread-id", thread),
        ("x-client-request-id", thread),
        ("x-codex-window-id", f"{thread}:0"),
        ("x-codex-turn-metadata", json.dumps(metadata, ensure_ascii=True)),
    ]
    if lite:
        pairs.append(("x-openai-internal-codex-responses-lite", "true"))
    return tuple((name, value.encode("ascii", "replace")) for name, value in pairs)


def ca_bundle(env: Mapping[str, str], rules: Rules) -> tuple[str | None, str | None]:
    """The variable and the file that Codex takes its certificates from: CODEX_CA_CERTIFICATE, then SSL_CERT_FILE.

    A CODEX_CA_CERTIFICATE that is missing is passed over where SSL_CERT_FILE is good.
    """
    import os

    names = ("CODEX_CA_CERTIFICATE", "SSL_CERT_FILE") if rules.has_own_ca_variable else ("SSL_CERT_FILE",)
    named = [(name, env[name]) for name in names if env.get(name)]
    for name, path in named:
        if os.path.isfile(path):
            return name, path
    return named[0] if named else (None, None)
