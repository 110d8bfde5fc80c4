"""The output items of a Response and the events that announce, fill and end each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from joytui.gateway.bridge.arguments import fitted, is_json, mended, repaired, unwrap_freeform
from joytui.gateway.bridge.calls import Call
from joytui.gateway.bridge.reasoning import Carried, pack
from joytui.gateway.bridge.tools import Tool

Event = dict[str, Any]
Item = dict[str, Any]


class Output(Protocol):
    """An item that is being written. `close` gives its last events, and leaves its final form in `item`.

    `status` is "completed" or "incomplete". An empty list from `close`: the item is left out.
    """

    index: int
    item: Item

    def open(self) -> list[Event]: ...

    def close(self, status: str) -> list[Event]: ...


def _added(index: int, item: Item) -> Event:
    return {"type": "response.output_item.added", "output_index": index, "item": item}


def _done(index: int, item: Item) -> Event:
    return {"type": "response.output_item.done", "output_index": index, "item": item}


class TextOutput:
    """An assistant message of one text part."""

    def __init__(self, index: int, item_id: str) -> None:
        self.index = index
        self.item: Item = {
            "id": item_id,
            "type": "message",
            "status": "in_progress",
            "role": "assistant",
            "content": [],
        }
        self._pieces: list[str] = []
        self._taken_back = False
        self._place = {"item_id": item_id, "output_index": index, "content_index": 0}

    def open(self) -> list[Event]:
        part = {"type": "response.content_part.added", **self._place, "part": _text_part("")}
        return [_added(self.index, dict(self.item)), part]

    def add(self, text: str) -> list[Event]:
        self._pieces.append(text)
        return [{"type": "response.output_text.delta", **self._place, "delta": text, "logprobs": []}]

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def take_back(self) -> str:
        """The text so far, which is not this message's after all."""
        text, self._pieces, self._taken_back = self.text, [], True
        return text

    def close(self, status: str) -> list[Event]:
        text = self.text
        if self._taken_back and not text.strip():
            return []
        part = _text_part(text)
        self.item = {**self.item, "status": status, "content": [part]}
        return [
            {"type": "response.output_text.done", **self._place, "text": text, "logprobs": []},
            {"type": "response.content_part.done", **self._place, "part": part},
            _done(self.index, self.item),
        ]


class CompactionOutput(TextOutput):
    """The summary of a conversation, packed: the one item by which Codex replaces what came before it."""

    def open(self) -> list[Event]:
        return []

    def add(self, text: str) -> list[Event]:
        self._pieces.append(text)
        return []

    def close(self, status: str) -> list[Event]:
        packed = pack(Carried(self.text.strip()))
        self.item = {"id": self.item["id"], "type": "compaction", "encrypted_content": packed}
        return [_added(self.index, self.item), _done(self.index, self.item)]


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


class ReasoningOutput:
    """A reasoning item: its text in the open, as a summary where the client asked for one, and packed for the way back."""

    def __init__(self, index: int, item_id: str, *, summary: bool) -> None:
        self.index = index
        self.item: Item = {"id": item_id, "type": "reasoning", "status": "in_progress", "summary": []}
        self.carried = Carried()
        self._summary = summary
        self._pieces: list[str] = []
        place = "summary_index" if summary else "content_index"
        self._place = {"item_id": item_id, "output_index": index, place: 0}
        self._name = "reasoning_summary_text" if summary else "reasoning_text"
        self._part_name = "reasoning_summary_part" if summary else "content_part"

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def open(self) -> list[Event]:
        return [_added(self.index, dict(self.item))]

    def add(self, text: str) -> list[Event]:
        events: list[Event] = []
        if not self._pieces:
            events.append({"type": f"response.{self._part_name}.added", **self._place, "part": self._part("")})
        self._pieces.append(text)
        events.append({"type": f"response.{self._name}.delta", **self._place, "delta": text})
        return events

    def close(self, status: str) -> list[Event]:
        events: list[Event] = []
        text = self.text
        if text:
            part = self._part(text)
            events.append({"type": f"response.{self._name}.done", **self._place, "text": text})
            events.append({"type": f"response.{self._part_name}.done", **self._place, "part": part})
            self.item = {**self.item, ("summary" if self._summary else "content"): [part]}
        carried = replace(self.carried, text=text)
        self.item = {**self.item, "status": status, "encrypted_content": pack(carried)}
        return [*events, _done(self.index, self.item)]

    def _part(self, text: str) -> dict[str, Any]:
        return {"type": "summary_text" if self._summary else "reasoning_text", "text": text}


class CallOutput:
    """A call in the words of its tool: function_call, custom_tool_call or tool_search_call, with its namespace. `schema`: of the
    tool's arguments, empty for one that was not offered."""

    def __init__(
        self, index: int, item_id: str, call_id: str, tool: Tool, call: Call, schema: Mapping[str, Any]
    ) -> None:
        self.index = index
        self.tool = tool
        self.call = call
        self._schema = schema
        self._sent = 0
        self._place = {"item_id": item_id, "output_index": index}
        self.item: Item = {"id": item_id, **_blank(tool), "call_id": call_id, "status": "in_progress"}

    def open(self) -> list[Event]:
        return [_added(self.index, dict(self.item)), *self.grow()]

    def grow(self) -> list[Event]:
        """The arguments that came since the last time. A freeform text can only be unwrapped when it is whole."""
        if self.tool.kind != "function" or self.call.arguments.strip() == "{}":  # real ones may come after these
            return []
        return self._fresh(self.call.arguments)

    def _fresh(self, arguments: str) -> list[Event]:
        fresh = arguments[self._sent :]
        if not fresh:
            return []
        self._sent += len(fresh)
        return [{"type": "response.function_call_arguments.delta", **self._place, "delta": fresh}]

    def close(self, status: str) -> list[Event]:
        """Half a call is left out: a client would run it (Codex looks at no status)."""
        arguments = mended(self.call.arguments, self.call.last)
        if self.tool.kind != "custom":
            arguments = fitted(repaired(arguments), self._schema)
        if status != "completed" and not is_json(arguments):
            return []
        self.item = {**self.item, "status": "completed"}
        if self.tool.kind == "custom":
            text = unwrap_freeform(arguments)
            self.item["input"] = text
            events = [
                {"type": "response.custom_tool_call_input.delta", **self._place, "delta": text},
                {"type": "response.custom_tool_call_input.done", **self._place, "input": text},
            ]
        elif self.tool.kind == "tool_search":
            self.item["arguments"] = json.loads(arguments) if is_json(arguments) else {}
            events = []
        else:
            self.item["arguments"] = arguments if arguments.strip() else "{}"
            done = {"type": "response.function_call_arguments.done", **self._place, "name": self.tool.name}
            rest = self._fresh(arguments) if arguments == self.call.arguments else []
            events = [*rest, {**done, "arguments": self.item["arguments"]}]
        return [*events, _done(self.index, self.item)]


def _blank(tool: Tool) -> Item:
    if tool.kind == "tool_search":
        return {"type": "tool_search_call", "execution": "client", "arguments": {}}
    names = {"name": tool.name, **({"namespace": tool.namespace} if tool.namespace else {})}
    if tool.kind == "custom":
        return {"type": "custom_tool_call", **names, "input": ""}
    return {"type": "function_call", **names, "arguments": ""}
