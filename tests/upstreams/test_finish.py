"""How a Response ended: one that calls tools says no more than "completed", and its client comes back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from joytui.gateway.bridge.finish import calls_tools
from joytui.gateway.upstreams.exchange import Observation
from joytui.gateway.upstreams.observe import ResponsesReader

CALL = {"type": "function_call", "name": "exec_command", "arguments": "{}", "call_id": "call_1"}
PATCH = {"type": "custom_tool_call", "name": "apply_patch", "input": "*** Begin Patch", "call_id": "call_1"}
SAID = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]}
SEARCHED = {"type": "web_search_call", "id": "ws_1", "status": "completed"}


def finish(*items: Any, end: str = "completed") -> str | None:
    events: list[Any] = [{"type": "response.output_item.done", "item": item} for item in items]
    events.append({"type": f"response.{end}", "response": {"id": "resp_1"}})
    reader = ResponsesReader(Observation())
    for event in events:
        reader.feed(f"data: {json.dumps(event)}\n\n".encode())
    return reader.seen.finish


@pytest.mark.parametrize("items", [(CALL,), (SAID, CALL), (PATCH, SAID)])
def test_it_calls_tools(items: tuple[Any, ...]) -> None:
    assert calls_tools(finish(*items))


@pytest.mark.parametrize("items", [(SAID,), (), (SEARCHED, SAID), ("odd", None)])
def test_it_is_the_last_word(items: tuple[Any, ...]) -> None:
    assert finish(*items) == "completed"


def test_one_that_was_cut_calls_nothing() -> None:
    assert finish(CALL, end="incomplete") == "incomplete"
    assert not calls_tools("incomplete")
    assert not calls_tools(None)
