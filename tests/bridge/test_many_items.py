"""A request of very many items is translated in the time of its length: what copies for each item what came before stands still.

Each of these took hours, or minutes, with the gateway standing still for everybody.
"""

from __future__ import annotations

from typing import Any

import pytest

from joytui.gateway.bridge.request import to_chat
from tests.support.hang import ended

MANY = 60_000
LETTERS = [chr(0x4E00 + number) for number in range(40)]


def user(content: Any = "some words of a user") -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": content}


def call(call_id: str) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": "f", "arguments": "{}"}


def output(call_id: str) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": "o"}


INPUTS: dict[str, list[dict[str, Any]]] = {
    "neighbours": [user("some words of a user " * 20) for _ in range(MANY)],
    "parts": [user([{"type": "input_text", "text": "t"}]) for _ in range(4 * MANY)],
    "instructions": [{"type": "message", "role": "developer", "content": "d"} for _ in range(4 * MANY)] + [user()],
    "one id, calls first": [*(call("same") for _ in range(MANY)), *(output("same") for _ in range(MANY)), user()],
    "one id, outputs first": [*(output("same") for _ in range(MANY)), *(call("same") for _ in range(MANY)), user()],
    "one id, by turns": [item for _ in range(MANY) for item in (call("same"), output("same"))] + [user()],
    "unknown kinds": [{"type": f"kind_{number}", "content": "t"} for number in range(MANY)] + [user()],
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", INPUTS)
def test_many_items(kind: str) -> None:
    with ended():
        chat = to_chat({"model": "m", "input": INPUTS[kind]})
    assert chat.body["messages"]
    assert len(chat.notes) <= 64


@pytest.mark.slow
def test_tools_whose_names_become_one() -> None:
    names = [a + b + c for a in LETTERS for b in LETTERS for c in LETTERS]
    with ended():
        chat = to_chat({"model": "m", "input": "hi", "tools": [{"type": "function", "name": name} for name in names]})
    assert len({tool["function"]["name"] for tool in chat.body["tools"]}) == len(names)


def test_neighbours_are_joined_as_one_by_one() -> None:
    """Texts up to the first list of parts are one text; from there on everything is a part."""
    chat = to_chat(
        {
            "model": "m",
            "input": [user("a"), user("b"), user([{"type": "input_image", "image_url": "data:x"}]), user("c")],
        }
    )
    [message] = chat.body["messages"]
    assert [part.get("text", part["type"]) for part in message["content"]] == ["a\n\nb", "image_url", "c"]
