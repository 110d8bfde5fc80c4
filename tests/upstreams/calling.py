"""Short ways to call an upstream in tests."""

from __future__ import annotations

import json
from typing import Any

from joytui.gateway.upstreams.exchange import Endpoint, Exchange, ModelCall, Observation, Upstream

ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "real-model",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
}


def model_call(
    endpoint: Endpoint = "responses", *, stream: bool = True, metadata: Any = None, **fields: Any
) -> ModelCall:
    given = {"input": "hi"} if endpoint == "responses" else {"messages": [{"role": "user", "content": "hi"}]}
    body = {"model": "m", **given, "stream": stream, **fields}
    headers = {
        "authorization": "Bearer jt_local_clients_own",
        "x-codex-window-id": "w:0",
        "cookie": "c",
        "user-agent": "u",
    }
    return ModelCall(endpoint, body, json.dumps(body).encode(), headers, stream, "req-1", "m", metadata)


async def read(upstream: Upstream, call: ModelCall) -> tuple[Exchange, bytes, Observation]:
    exchange = await upstream.call(call)
    return exchange, await exchange.read(), exchange.observation


def events(data: bytes) -> list[dict[str, Any]]:
    lines = [line[6:] for line in data.decode().split("\n") if line.startswith("data: ") and line != "data: [DONE]"]
    return [json.loads(line) for line in lines]


def error(data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(data)["error"]
    return found
