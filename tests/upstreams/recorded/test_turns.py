"""A turn with a call, as Codex takes it: the answer's items go back with the call's output, and the upstream answers that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from joytui.gateway.upstreams.relay import Relay
from tests.bridge.bridging import output, user
from tests.bridge.chat_upstream import ChatUpstream, Scripted, Seen, answer_json, call_delta, chunk, stream, usage
from tests.upstreams.calling import events, model_call, read
from tests.upstreams.recorded.strict import ANSWER
from tests.upstreams.recorded.test_reading import CALL, CALLS, RUN, TOOLS, Accent

Body = dict[str, Any]
DETAILS = [{"type": "reasoning.text", "text": "hm", "signature": "sealed", "index": 0}]


@dataclass(frozen=True)
class Thinker:
    """`says`: how the upstream thinks before its call. `wants`: what it must find in the message with the call, else it refuses."""

    name: str
    says: list[Any]
    wants: Callable[[Body], bool]

    def script(self, seen: Seen) -> Scripted:
        called = next((m for m in seen.body["messages"] if m.get("tool_calls")), None)
        if called is None:
            call = chunk(call_delta(0, "c1", **RUN), "tool_calls")
            return stream(*map(chunk, self.says), call, usage(1000, 50))
        return stream(*ANSWER) if self.wants(called) else answer_json({"error": {"message": "my thought is gone"}}, 400)


THINKERS = [
    Thinker("Groq, Cerebras", [{"reasoning": "h"}, {"reasoning": "m"}], lambda m: m.get("reasoning") == "hm" and "reasoning_content" not in m),
    Thinker("DeepSeek, Kimi", [{"reasoning_content": "h"}, {"reasoning_content": "m"}], lambda m: m.get("reasoning_content") == "hm"),
    Thinker("OpenRouter, MiniMax", [{"reasoning": "hm", "reasoning_details": DETAILS}], lambda m: m.get("reasoning_details") == DETAILS),
    Thinker("no parser", [{"content": "<think>hm</think>"}], lambda m: m["content"].startswith("<think>hm</think>")),
]  # fmt: skip


async def two_requests(script: Callable[[Seen], Scripted]) -> tuple[list[Any], list[Any], list[Any]]:
    """The items of the first answer, the messages of the second request, and the events of its answer."""
    asked = [user("run it")]
    async with ChatUpstream(script) as upstream:
        relay = Relay(upstream.url, "k", name="r", api="chat")
        _, data, _ = await read(relay, model_call(input=asked, tools=TOOLS))
        items = events(data)[-1]["response"]["output"]
        outputs = [output(item["call_id"], f"out of {n}") for n, item in enumerate(items) if "call_id" in item]
        _, data, _ = await read(relay, model_call(input=[*asked, *items, *outputs], tools=TOOLS))
        await relay.aclose()
    return items, upstream.requests[-1].body["messages"], events(data)


@pytest.mark.parametrize("thinker", THINKERS, ids=lambda thinker: thinker.name)
async def test_a_thought_goes_back_with_its_call(thinker: Thinker) -> None:
    items, _, ends = await two_requests(thinker.script)
    assert [item["arguments"] for item in items if item["type"] == "function_call"] == [CALL]
    assert ends[-1]["type"] == "response.completed"


@pytest.mark.parametrize("accent", [one for one in CALLS if one.calls], ids=lambda accent: accent.name)
async def test_each_call_is_answered_once_in_the_next_request(accent: Accent) -> None:
    def script(seen: Seen) -> Scripted:
        return stream(*ANSWER) if any(m["role"] == "tool" for m in seen.body["messages"]) else accent.sends

    _, messages, ends = await two_requests(script)
    ids = [call["id"] for message in messages for call in message.get("tool_calls", ())]
    assert [m["tool_call_id"] for m in messages if m["role"] == "tool"] == ids
    assert len(set(ids)) == len(accent.calls)
    assert ends[-1]["response"]["output"][0]["content"][0]["text"] == "Hello wörld ✓"
