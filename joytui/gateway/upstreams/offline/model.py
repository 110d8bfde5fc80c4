"""The offline model as an upstream: Chat natively, Responses through the same bridge that real Chat upstreams get."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any

from joytui.core.clock import now_ms
from joytui.core.joytoken import INVALID_REQUEST
from joytui.core.token_counts import TokenCounts
from joytui.gateway.bridge.encode import DONE_BYTES, chat_failure, chunk_bytes, json_bytes
from joytui.gateway.bridge.errors import BridgeError
from joytui.gateway.bridge.reported_usage import Usage
from joytui.gateway.bridge.request import to_chat
from joytui.gateway.upstreams.bridged import bridged_body, bridged_events, open_bridge
from joytui.gateway.upstreams.exchange import (
    EVENT_STREAM,
    JSON,
    Api,
    Exchange,
    ModelCall,
    Observation,
    UpstreamFacts,
    error_exchange,
    one_chunk,
)
from joytui.gateway.upstreams.learning import Lessons
from joytui.gateway.upstreams.observe import ChatReader
from joytui.gateway.upstreams.offline import tokens
from joytui.gateway.upstreams.offline.script import Reply, reply_to

NAME = "offline"
MODEL = "joytui-offline"


class OfflineModel:
    """Answers everything by `script.reply_to`. Its token counts are estimates that repeat (`tokens`)."""

    name = NAME

    @property
    def api(self) -> Api:
        return "responses"

    async def call(self, call: ModelCall) -> Exchange:
        seen = Observation(upstream=NAME, provider=NAME, first_byte_at=time.monotonic())
        try:
            return self._responses(call, seen) if call.endpoint == "responses" else self._chat(call, seen)
        except BridgeError as error:
            return error_exchange(400, str(error), error.error_type, observation=seen)

    async def models(self) -> Sequence[Mapping[str, Any]]:
        return ({"id": MODEL, "object": "model", "created": 0, "owned_by": NAME},)

    def facts(self) -> Sequence[UpstreamFacts]:
        return ()

    def taught(self) -> Sequence[Lessons]:
        return ()

    async def aclose(self) -> None:
        return None

    def _responses(self, call: ModelCall, seen: Observation) -> Exchange:
        chat = to_chat(call.body)
        bridge = open_bridge(call, chat, ChatReader(seen), foreign=False)
        answer = _Answering(chat.body)
        if not call.stream:
            bridge.whole(answer.completion())
            return Exchange(200, {"content-type": JSON}, one_chunk(bridged_body(bridge)), seen)
        events = bridged_events(bridge, answer.stream())
        return Exchange(200, {"content-type": EVENT_STREAM}, events, seen, fail=bridge.failed)

    def _chat(self, call: ModelCall, seen: Observation) -> Exchange:
        messages = call.body.get("messages")
        if not isinstance(messages, list) or not messages or not all(isinstance(m, Mapping) for m in messages):
            return error_exchange(
                400, "messages must be a list of at least one message", INVALID_REQUEST, observation=seen
            )
        answer = _Answering(call.body)
        reader = ChatReader(seen)
        if call.stream:
            chunks = _chat_stream(call, answer, reader)
            return Exchange(200, {"content-type": EVENT_STREAM}, chunks, seen, fail=partial(chat_failure, final=True))
        completion = answer.completion()
        reader.take(completion)
        reader.end()
        if call.metadata is not None:
            completion["metadata"] = call.metadata(seen)
        return Exchange(200, {"content-type": JSON}, one_chunk(json_bytes(completion)), seen)


async def _chat_stream(call: ModelCall, answer: _Answering, reader: ChatReader) -> AsyncIterator[bytes]:
    """Chunks, then JoyToken's metadata record, then `[DONE]`."""
    options = call.body.get("stream_options")
    usage_asked = isinstance(options, Mapping) and bool(options.get("include_usage"))
    async for chunks in answer.stream():
        for chunk in chunks:
            reader.take(chunk)
            if chunk["choices"] or usage_asked:
                yield chunk_bytes(chunk)
    reader.end()
    if call.metadata is not None:
        yield chunk_bytes(
            {"id": answer.id, "object": "chat.completion.chunk", "choices": [], "metadata": call.metadata(reader.seen)}
        )
    yield DONE_BYTES


class _Answering:
    """One answer of the offline model, in Chat's forms."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._body = body
        self._reply, self._finish = _within(reply_to(body), body.get("max_tokens"))
        digest = hashlib.sha256(json_bytes(body.get("messages"))).hexdigest()
        self.id = f"chatcmpl-{digest[:24]}"
        self._call_seed = digest[24:40]

    def completion(self) -> dict[str, Any]:
        reply = self._reply
        message: dict[str, Any] = {"role": "assistant", "content": reply.text or None}
        if reply.reasoning:
            message["reasoning_content"] = reply.reasoning
        if reply.calls:
            message["tool_calls"] = [self._call(place) for place in range(len(reply.calls))]
        choice = {"index": 0, "message": message, "finish_reason": self._finish}
        return {**self._head("chat.completion"), "choices": [choice], "usage": self._usage().to_chat()}

    async def stream(self) -> AsyncIterator[list[dict[str, Any]]]:
        """Chunks, in lists of one; the last has the usage and no choices."""
        yield [self._chunk({"role": "assistant", "content": ""})]
        for delta in self._deltas():
            await asyncio.sleep(self._reply.pause_s)  # also lets others run
            yield [self._chunk(delta)]
        yield [self._chunk({}, self._finish)]
        yield [{**self._head("chat.completion.chunk"), "choices": [], "usage": self._usage().to_chat()}]

    def _deltas(self) -> list[dict[str, Any]]:
        reply = self._reply
        deltas: list[dict[str, Any]] = [{"reasoning_content": piece} for piece in tokens.pieces(reply.reasoning)]
        deltas += [{"content": piece} for piece in tokens.pieces(reply.text)]
        for place in range(len(reply.calls)):
            call = self._call(place)
            arguments = call["function"].pop("arguments")
            deltas.append({"tool_calls": [{"index": place, **call, "function": {**call["function"], "arguments": ""}}]})
            middle = max(1, len(arguments) // 2)
            for part in (arguments[:middle], arguments[middle:]):
                deltas.append({"tool_calls": [{"index": place, "function": {"arguments": part}}]})
        return deltas

    def _call(self, place: int) -> dict[str, Any]:
        call = self._reply.calls[place]
        function = {"name": call.name, "arguments": call.arguments}
        return {"id": f"call_{self._call_seed}{place}", "type": "function", "function": function}

    def _usage(self) -> Usage:
        reply = self._reply
        reasoning = tokens.count(reply.reasoning)
        output = tokens.count(reply.text) + sum(tokens.count(c.name) + tokens.count(c.arguments) for c in reply.calls)
        return Usage(TokenCounts(tokens.count_request(self._body), 0, max(1, output + reasoning), reasoning))

    def _head(self, kind: str) -> dict[str, Any]:
        model = self._body.get("model")
        named = model if isinstance(model, str) and model not in ("", "auto") else MODEL
        return {"id": self.id, "object": kind, "created": now_ms() // 1000, "model": named}

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {**self._head("chat.completion.chunk"), "choices": [choice]}


def _within(reply: Reply, limit: Any) -> tuple[Reply, str]:
    """The reply cut to `max_tokens`, and the finish reason."""
    if reply.calls:
        return reply, "tool_calls"
    if isinstance(limit, int) and not isinstance(limit, bool) and 0 < limit < tokens.count(reply.text):
        text = "".join(tokens.pieces(reply.text)[:limit])
        return Reply(text, reply.reasoning, (), reply.pause_s), "length"
    return reply, "stop"
