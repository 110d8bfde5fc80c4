"""The items of a Responses request as the messages of a Chat request."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from joytui.gateway.bridge.content import content_parts, part_text, split_content, user_content
from joytui.gateway.bridge.errors import BridgeError
from joytui.gateway.bridge.pairing import Pairs, is_call, is_output, pair
from joytui.gateway.bridge.quirks import DEFAULT, Quirks
from joytui.gateway.bridge.reasoning import IN_TEXT, USUAL_NAME, Carried, unpack
from joytui.gateway.bridge.shape import shaped
from joytui.gateway.bridge.tools import FREEFORM_PARAMETER, TOOL_SEARCH, ToolNames

SYSTEM_ROLES = ("developer", "system")
TOOL_LISTS = ("additional_tools",)
COMPACTIONS = ("compaction", "compaction_summary", "context_compaction")
AGENT_MESSAGE = "agent_message"
_CIPHERTEXT = re.compile(r"[A-Za-z0-9+/_=-]{80,}")
NO_OUTPUT = "(no output: the call was interrupted before it gave a result)"
MOST_NOTES = 32
"""Remarks on one request: a record has room for fewer."""
EMPTY_OUTPUT = "(empty)"
"""The output of a tool that said nothing: several vendors refuse a message without text."""
IMAGES_BELOW = "(images, shown below)"
Message = dict[str, Any]


@dataclass(slots=True)
class Messages:
    """Chat messages in order; `notes` says what was left out or made up."""

    messages: list[Message] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Turn:
    """One assistant message that is being gathered: thoughts, texts, then calls (positions of items)."""

    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    thought_name: str = USUAL_NAME
    opaque: dict[str, Any] = field(default_factory=dict)
    call_opaque: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    calls: list[int] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.texts or self.thoughts or self.opaque or self.calls)


def to_messages(
    instructions: Any, items: Sequence[Mapping[str, Any]], names: ToolNames, quirks: Quirks = DEFAULT
) -> Messages:
    """`instructions` and `input` items as Chat messages, by the rules in `Gatherer`."""
    gatherer = Gatherer(items, names, quirks)
    head = [instructions] if isinstance(instructions, str) and instructions else []
    start = gatherer.lead(head)
    for position in range(start, len(items)):
        gatherer.take(position)
    gatherer.flush()
    if gatherer.pairs.orphans:
        gatherer.note(f"{len(gatherer.pairs.orphans)} tool outputs without a call were left out")
    gatherer.note_told()
    return Messages(shaped(gatherer.messages, quirks), gatherer.notes)


class Gatherer:
    """Walks the items once. Instructions and leading developer and system messages become one system message;
    thoughts, text and calls up to the next output become one assistant message; each call's output follows it."""

    def __init__(self, items: Sequence[Mapping[str, Any]], names: ToolNames, quirks: Quirks) -> None:
        self.messages: list[Message] = []
        self.notes: list[str] = []
        self.pairs: Pairs = pair(items)
        self._items = items
        self._names = names
        self._quirks = quirks
        self._turn = _Turn()
        self._ids: dict[int, str] = {}
        self._taken: set[str] = set()
        self._repeats: dict[str, int] = {}
        self._told: list[str] = []

    def note(self, text: str) -> None:
        if text not in self.notes and len(self.notes) < MOST_NOTES:
            self.notes.append(text)

    def note_told(self) -> None:
        for kind in dict.fromkeys(self._told):
            self.note(f"a part of type {kind[:40]} was sent as text: Chat Completions has no such part")

    def lead(self, texts: list[str]) -> int:
        """The first system message; returns the position of the first item that is not part of it."""
        position = 0
        media: list[dict[str, Any]] = []
        for position, item in enumerate(self._items):  # noqa: B007 (the position after the loop is the result)
            if item.get("type") in TOOL_LISTS:
                continue
            if _role(item) not in SYSTEM_ROLES:
                break
            more, pictures = split_content(item.get("content"), self._told)
            texts += more
            media += pictures
        else:
            position = len(self._items)
        if texts:
            self.messages.append({"role": "system", "content": "\n\n".join(texts)})
        if media:
            self.messages.append({"role": "user", "content": media})
        return position

    def take(self, position: int) -> None:
        item = self._items[position]
        kind = item.get("type")
        if role := _role(item):
            self._message(role, item)
        elif kind == "reasoning":
            self._reasoning(item)
        elif kind in COMPACTIONS:
            self._compaction(item)
        elif is_call(item):
            self._turn.calls.append(position)
        elif is_output(item):
            self.flush()
        elif kind == "item_reference":
            raise BridgeError("item_reference is not supported: this upstream stores no items; send them in full")
        elif kind not in TOOL_LISTS:
            self._other(item)

    def _message(self, role: str, item: Mapping[str, Any]) -> None:
        if role == "assistant":
            if self._turn.calls or self._turn.texts:
                self.flush()
            texts, media = split_content(item.get("content"), self._told)
            self._turn.texts.append("".join(texts))
            if media:
                self.flush()
                self.messages.append({"role": "user", "content": media})
            return
        self.flush()
        if role in SYSTEM_ROLES:
            texts, media = split_content(item.get("content"), self._told)
            if texts:
                self.messages.append({"role": "system", "content": "\n\n".join(texts)})
            if media:
                self.messages.append({"role": "user", "content": media})
        else:
            self.messages.append({"role": "user", "content": user_content(item.get("content"), self._told)})

    def _reasoning(self, item: Mapping[str, Any]) -> None:
        content = item.get("encrypted_content")
        carried = unpack(content)
        if carried is None and content:
            self.note("reasoning that another provider encrypted was left out")
            return
        if carried is None:
            carried = Carried(_plain_thought(item))
        if self._turn.texts and not self._turn.calls and carried.text:
            self.flush()
        if carried.text:
            self._turn.thoughts.append(carried.text)
            self._turn.thought_name = carried.name
        self._turn.opaque.update(carried.message)
        self._turn.call_opaque.update(carried.calls)

    def _compaction(self, item: Mapping[str, Any]) -> None:
        """A summary that stands for the conversation before it; only our own can be read."""
        carried = unpack(item.get("encrypted_content"))
        if carried is None:
            self.note("a compacted history that another provider encrypted was left out: start a new thread")
            return
        self.flush()
        self.messages.append({"role": "user", "content": f"Summary of the conversation so far:\n\n{carried.text}"})

    def _other(self, item: Mapping[str, Any]) -> None:
        """Messages of sub-agents, and items of no kind that the bridge knows: their text stays, as the user's."""
        texts = [text for part in content_parts(item.get("content")) if (text := _agent_text(part)) is not None]
        if texts:
            self.flush()
            glue = "" if item.get("type") == AGENT_MESSAGE else "\n"  # its first part ends with a line break
            self.messages.append({"role": "user", "content": glue.join(texts)})
        if item.get("type") != AGENT_MESSAGE or not texts:
            self.note(f"item {item.get('type')} was {'taken as text' if texts else 'left out'}")

    def flush(self) -> None:
        """Ends the assistant message that is being gathered, with the outputs of its calls."""
        turn, self._turn = self._turn, _Turn()
        if not turn:
            return
        message: Message = {"role": "assistant", "content": "\n\n".join(turn.texts) if turn.texts else None}
        if turn.thoughts:
            self._add_thought(message, "\n\n".join(turn.thoughts), turn.thought_name)
        message.update(turn.opaque)
        if turn.calls:
            message["tool_calls"] = [self._call(p, turn.call_opaque) for p in turn.calls]
        self.messages.append(message)
        self._outputs(turn.calls)

    def _add_thought(self, message: Message, thought: str, came_in: str) -> None:
        """The thought goes back where it came from, also where that was the text."""
        place = came_in if self._quirks.thought_field is None else self._quirks.thought_field
        if place == IN_TEXT:
            closing = IN_TEXT.replace("<", "</")
            message["content"] = f"{IN_TEXT}{thought}{closing}\n\n{message['content'] or ''}"
        elif place:
            message[place] = thought

    def _call_id(self, position: int) -> str:
        """The call's id as the vendor accepts it. Ids that repeat from turn to turn are made distinct."""
        given = self._items[position]["call_id"]
        chosen, count = self._quirks.call_id(given), self._repeats.get(given, 1)
        while chosen in self._taken:
            count += 1
            chosen = self._quirks.call_id(f"{given}_{count}")
        self._repeats[given] = count
        self._taken.add(chosen)
        self._ids[position] = chosen
        return chosen

    def _call(self, position: int, opaque: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        item = self._items[position]
        name, arguments = _call_name(item), _call_arguments(item)
        flat = self._names.flat(item.get("namespace"), name)
        call = {
            "id": self._call_id(position),
            "type": "function",
            "function": {"name": flat, "arguments": arguments},
        }
        return {**call, **opaque.get(item["call_id"], {})}

    def _outputs(self, calls: list[int]) -> None:
        pictures: list[dict[str, Any]] = []
        for position in calls:
            call_id = self._items[position]["call_id"]
            at = self.pairs.outputs.get(position)
            if at is None:
                self.note("a call without an output was given one")
                text = NO_OUTPUT
            else:
                text, media = output_text(self._items[at], self._told)
                text = text if text.strip() else IMAGES_BELOW if media else EMPTY_OUTPUT
                if media:
                    pictures += [{"type": "text", "text": f"Images in the output of call {call_id}:"}, *media]
            self.messages.append({"role": "tool", "tool_call_id": self._ids[position], "content": text})
        if pictures:
            self.messages.append({"role": "user", "content": pictures})


def _role(item: Mapping[str, Any]) -> str | None:
    """The role of a message item. `type` may be missing (the API's short form)."""
    if item.get("type", "message") != "message":
        return None
    role = item.get("role")
    if role in ("user", "assistant", *SYSTEM_ROLES):
        return str(role)
    raise BridgeError(f"input: a message's role is user, assistant, developer or system, not {role!r}")


def _agent_text(part: Any) -> str | None:
    """Text of a part. OpenAI encrypts messages between agents, and Codex passes on whatever is in their place
    as `encrypted_content`: through a bridge that is the model's own words (Codex 0.169.0, observed)."""
    if isinstance(part, Mapping) and part.get("type") == "encrypted_content":
        content = part.get("encrypted_content")
        return content if isinstance(content, str) and not _CIPHERTEXT.fullmatch(content) else None
    return part_text(part)


def _plain_thought(item: Mapping[str, Any]) -> str:
    """Reasoning that is in the open: its full text, else its summary."""
    for key in ("content", "summary"):
        if texts := [text for part in content_parts(item.get(key)) if (text := part_text(part)) is not None]:
            return "\n\n".join(texts)
    return ""


def _call_name(item: Mapping[str, Any]) -> str:
    kind = str(item["type"])
    if kind == "tool_search_call":
        return TOOL_SEARCH
    name = item.get("name")
    return name if isinstance(name, str) and name else kind.removesuffix("_call")


def _call_arguments(item: Mapping[str, Any]) -> str:
    """The arguments as JSON text. A freeform call's text becomes the one parameter of its function."""
    if item["type"] == "custom_tool_call":
        return json.dumps({FREEFORM_PARAMETER: item.get("input", "")}, ensure_ascii=False)
    arguments = item.get("arguments", item.get("action", item.get("operation")))
    if isinstance(arguments, str):
        return arguments or "{}"
    return json.dumps({} if arguments is None else arguments, ensure_ascii=False)


def output_text(item: Mapping[str, Any], told: list[str]) -> tuple[str, list[dict[str, Any]]]:
    """A tool output as text, and its images and files. Outputs are strings, lists of parts, or objects. `told`: `split_content`."""
    if item.get("type") == "tool_search_output":
        return json.dumps(item.get("tools", []), ensure_ascii=False), []
    output = item.get("output")
    if isinstance(output, Mapping) and "content" in output:
        output = output["content"]
    if isinstance(output, str):
        return output, []
    if isinstance(output, list):
        texts, media = split_content(output, told)
        return "\n".join(texts), media
    return ("" if output is None else json.dumps(output, ensure_ascii=False)), []
