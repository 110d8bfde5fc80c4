"""Short ways to run the bridge in tests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from joytui.gateway.bridge.request import ChatRequest, to_chat
from joytui.gateway.bridge.stream import Answer, ResponsesStream
from joytui.gateway.bridge.tools import ToolNames, translate_tools

Event = dict[str, Any]
FIXTURES = Path(__file__).parent / "fixtures"


def sample(name: str) -> dict[str, Any]:
    """A request of Codex 0.169.0, long texts cut."""
    body: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text())
    return body


def user(text: Any) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": text}


def developer(*texts: str) -> dict[str, Any]:
    return {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": t} for t in texts]}


def assistant(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}


def call(call_id: str, name: str = "f", arguments: str = "{}", **more: Any) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments, **more}


def output(call_id: str, value: Any = "done") -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": value}


def function(name: str = "f", **more: Any) -> dict[str, Any]:
    return {
        "type": "function",
        "name": name,
        "description": "d",
        "parameters": {"type": "object", "properties": {}},
        **more,
    }


def custom(name: str = "apply_patch", grammar: str | None = "start: x") -> dict[str, Any]:
    form = {"format": {"type": "grammar", "syntax": "lark", "definition": grammar}} if grammar else {}
    return {"type": "custom", "name": name, "description": "edits files", **form}


def namespace(name: str, *tools: Any) -> dict[str, Any]:
    return {"type": "namespace", "name": name, "description": "", "tools": list(tools)}


def chat(*items: Any, **fields: Any) -> ChatRequest:
    return to_chat({"model": "m", "input": list(items), **fields})


def messages(*items: Any, **fields: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = chat(*items, **fields).body["messages"]
    return found


def names_of(*tools: Any) -> ToolNames:
    return translate_tools(tools).names


class Run:
    """One stream, fed with chunks and ended (`end=False`: left open)."""

    def __init__(
        self,
        chunks: Iterable[Any],
        *,
        tools: Iterable[Any] = (),
        end: bool = True,
        summary: bool = False,
        metadata: Any = None,
    ) -> None:
        self.stream = ResponsesStream(Answer("resp_1", 7, "asked", names_of(*tools), {}, summary))
        self.events: list[Event] = self.stream.start()
        for chunk in chunks:
            self.events += self.stream.feed(chunk)
        if end:
            self.events += self.stream.end(metadata)

    @property
    def types(self) -> list[str]:
        return [str(event["type"]).removeprefix("response.") for event in self.events]

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event["type"] == f"response.{kind}"]

    @property
    def items(self) -> list[dict[str, Any]]:
        """The items of `output_item.done`, which is all that Codex looks at."""
        return [event["item"] for event in self.of("output_item.done")]

    @property
    def last(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.events[-1]["response"]
        return found

    @property
    def text(self) -> str:
        return "".join(p["text"] for i in self.items if i["type"] == "message" for p in i["content"])

    @property
    def calls(self) -> list[dict[str, Any]]:
        return [item for item in self.items if item["type"].endswith("_call")]
