"""Whatever JSON a client sends: the bridge translates it to a request that is JSON, or says what is wrong with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from joytui.gateway.bridge.errors import BridgeError
from joytui.gateway.bridge.request import to_chat
from tests.gateway.fuzzing import ANYTHING, EXTRA, ITEM, TEXTS, TOOL
from tests.support.examples import examples

CHOICE = st.one_of(
    ANYTHING,
    st.fixed_dictionaries(
        {"type": st.sampled_from(["function", "custom", "allowed_tools"])},
        optional={"name": TEXTS, "namespace": ANYTHING, "tools": ANYTHING, "mode": ANYTHING},
    ),
)
BODY = st.builds(
    lambda items, extra, tools, choice: {"model": "m", **extra, "input": items, "tools": tools, "tool_choice": choice},
    st.one_of(st.lists(ITEM, min_size=1, max_size=5), ANYTHING),
    EXTRA,
    st.one_of(st.lists(TOOL, max_size=3).map(lambda tools: [{"type": "function", "name": "auto"}, *tools]), ANYTHING),
    CHOICE,
)


@settings(max_examples=examples(300), deadline=None, suppress_health_check=list(HealthCheck))
@given(BODY)
@example({"input": "hi", "tools": [{"type": "namespace", "name": "n", "tools": True}]})
@example({"input": "hi", "tools": [{"type": "function", "name": "\ud800" * 70}]})
def test_any_body_is_translated_or_refused(body: dict[str, Any]) -> None:
    try:
        chat = to_chat(body)
    except BridgeError as error:
        assert error.status == 400
        assert str(error)
        return
    names = [tool["function"]["name"] for tool in chat.body.get("tools", ())]
    assert len(set(names)) == len(names)
    json.loads(json.dumps(chat.body))


@pytest.mark.parametrize("depth", [100, 900])
def test_deeply_nested_schemas_pass(depth: int) -> None:
    schema: dict[str, Any] = {}
    for _ in range(depth):
        schema = {"properties": schema}
    body = {"model": "m", "input": "hi", "tools": [{"type": "function", "name": "f", "parameters": schema}]}
    assert to_chat(body).body["tools"][0]["function"]["parameters"] == {"type": "object", **schema}
