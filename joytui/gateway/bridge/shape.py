"""The last step of a Chat request: its messages in the shape that the vendor takes.

Always: one system message at the head, no user message next to another one, no assistant message without anything in it,
content that is text alone as one string. Nobody refuses that, and many templates refuse anything else. The rest is by `Quirks`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import dropwhile, takewhile
from typing import Any

from joytui.gateway.bridge.quirks import Quirks

Message = dict[str, Any]

OLDER_IMAGE_LEFT_OUT = "[older image left out: this model takes no more of them]"
IMAGE_LEFT_OUT = "[image left out: this model takes text only]"
FILE_LEFT_OUT = "[file left out: this model takes text only]"
AFTER_TOOL = "I have the tool's output."
"""What an assistant message says that is between a tool's output and a user message only because a vendor wants one there."""
GO_ON = "Go on."
"""What the user says where the last word must be theirs."""
UNFINISHED = "unfinished"
"""The one member of arguments that were not a JSON object."""
SKIP_SIGNATURE = {"google": {"thought_signature": "skip_thought_signature_validator"}}
"""Google's documented stand-in for the signature of a call that another model made (ai.google.dev, thought signatures)."""
_APART = "\n\n"


def shaped(messages: Sequence[Message], quirks: Quirks) -> list[Message]:
    """The messages as they go out. Those that are given are not changed."""
    found = _newest_images(messages, quirks.most_images) if quirks.most_images and quirks.images else messages
    found = [_content(message, quirks) for message in found]
    found = [message for message in found if not _is_empty(message)]
    found = _system_first(found, quirks)
    if quirks.assistant_after_tool:
        found = list(_bridged(found))
    found = list(_merged(found, quirks))
    if quirks.message_words:
        found = [_without(message, quirks.message_words) for message in found]
    if quirks.skip_signature:
        found = _signed(found)
    if quirks.single_calls:
        found = list(_one_by_one(found))
    if quirks.named_outputs:
        found = _named(found)
    if quirks.user_needed:
        found = _user_first(found)
    if quirks.user_last and found and found[-1]["role"] == "assistant":
        found = [*found, {"role": "user", "content": GO_ON}]
    found = [_assistant(message, quirks) for message in found]
    return [_in_parts(message) for message in found] if quirks.listed_content else found


def _in_parts(message: Message) -> Message:
    content = message.get("content")
    return {**message, "content": _parts(content)} if content and isinstance(content, str) else message


def _content(message: Message, quirks: Quirks) -> Message:
    content = message.get("content")
    if not isinstance(content, list):
        return message
    parts = content if quirks.images else [_in_words(part) for part in content]
    return {**message, "content": _plain(parts)}


def _newest_images(messages: Sequence[Message], most: int) -> list[Message]:
    """With a line of text for each picture but the newest ones."""
    found: list[Message] = []
    for message in reversed(messages):
        if isinstance(content := message.get("content"), list):
            parts: list[Any] = []
            for part in reversed(content):
                picture = part.get("type") == "image_url"
                parts.append({"type": "text", "text": OLDER_IMAGE_LEFT_OUT} if picture and most <= 0 else part)
                most -= picture
            message = {**message, "content": parts[::-1]}
        found.append(message)
    return found[::-1]


def _in_words(part: Any) -> Any:
    kind = part.get("type")
    if kind in ("text", None):
        return part
    return {"type": "text", "text": IMAGE_LEFT_OUT if kind == "image_url" else FILE_LEFT_OUT}


def _plain(parts: list[Any]) -> str | list[Any]:
    """Text alone as one string."""
    if all(part.get("type") == "text" for part in parts):
        return "\n".join(part["text"] for part in parts)
    return parts


def _is_empty(message: Message) -> bool:
    if message["role"] == "user":
        return message["content"] in ("", [])
    if message["role"] != "assistant" or message.get("tool_calls"):
        return False
    return not (message.get("content") or "").strip()


def _system_first(messages: list[Message], quirks: Quirks) -> list[Message]:
    """Developer and system messages behind the first one go where the vendor takes them."""
    later = [m for m in messages[1:] if m["role"] == "system"]
    if quirks.later_instructions == "first" and later:
        head = [m["content"] for m in messages[:1] if m["role"] == "system"]
        first = {"role": "system", "content": _APART.join([*head, *(m["content"] for m in later)])}
        messages = [first, *(m for m in messages if m["role"] != "system")]
    elif quirks.later_instructions == "user" and later:
        messages = [*messages[:1], *({**m, "role": "user"} if m["role"] == "system" else m for m in messages[1:])]
    if quirks.system_role == "system":
        return messages
    return [{**m, "role": quirks.system_role} if m["role"] == "system" else m for m in messages]


def _bridged(messages: Iterable[Message]) -> Iterable[Message]:
    last = ""
    for message in messages:
        if last == "tool" and message["role"] not in ("tool", "assistant"):
            yield {"role": "assistant", "content": AFTER_TOOL}
        yield message
        last = message["role"]


def _merged(messages: Iterable[Message], quirks: Quirks) -> Iterable[Message]:
    """Neighbours of one role as one message: users always, assistants where the vendor wants roles to alternate."""
    run: list[Message] = []
    for message in messages:
        if run and not _belong_together(run[-1], message, quirks):
            yield _joined(run)
            run = []
        run.append(message)
    if run:
        yield _joined(run)


def _joined(run: list[Message]) -> Message:
    """All at once: one by one would copy what came before for each of them, and there may be 100,000."""
    if len(run) == 1:
        return run[0]
    merged = {name: value for message in run for name, value in message.items()}
    return {**merged, "content": _all_of([message.get("content") or "" for message in run]) or None}


def _belong_together(one: Message, two: Message, quirks: Quirks) -> bool:
    if one["role"] != two["role"]:
        return False
    return one["role"] == "user" or (one["role"] == "assistant" and quirks.merge_assistants and "tool_calls" not in one)


def _all_of(contents: list[str | list[Any]]) -> str | list[Any]:
    """Texts as one; from the first list of parts on, everything as parts."""
    texts = [one for one in takewhile(lambda content: isinstance(content, str), contents) if one]
    text = _APART.join(str(one) for one in texts)
    rest = list(dropwhile(lambda content: isinstance(content, str), contents))
    return [part for content in (text, *rest) for part in _parts(content)] if rest else text


def _parts(content: str | list[Any]) -> list[Any]:
    return content if isinstance(content, list) else [{"type": "text", "text": content}] if content else []


def _signed(messages: list[Message]) -> list[Message]:
    """The first call of each turn has a signature: its own, or Google's stand-in."""
    found: list[Message] = []
    for message in messages:
        calls = message.get("tool_calls")
        if calls and not any(name in calls[0] for name in ("extra_content", "thought_signature")):
            message = {**message, "tool_calls": [{**calls[0], "extra_content": SKIP_SIGNATURE}, *calls[1:]]}
        found.append(message)
    return found


def _user_first(messages: list[Message]) -> list[Message]:
    """With a user message behind the instructions."""
    at = next((at for at, message in enumerate(messages) if message["role"] != "system"), len(messages))
    if at < len(messages) and messages[at]["role"] == "user":
        return messages
    return [*messages[:at], {"role": "user", "content": GO_ON}, *messages[at:]]


def _one_by_one(messages: Iterable[Message]) -> Iterable[Message]:
    """Each call in a message of its own, with its output behind it; the first has the text and the thoughts."""
    waiting: dict[str, Message] = {}
    for message in messages:
        calls = message.get("tool_calls") or ()
        if message["role"] == "tool" and message["tool_call_id"] in waiting:
            yield waiting.pop(message["tool_call_id"])
        elif len(calls) > 1:
            bare = {"role": "assistant", "content": None}
            alone = [{**(bare if at else message), "tool_calls": [call]} for at, call in enumerate(calls)]
            waiting = {one["tool_calls"][0]["id"]: one for one in alone}
            continue
        yield message


def _named(messages: Sequence[Message]) -> list[Message]:
    """Outputs with the name of the tool that gave them."""
    names = {c["id"]: c["function"]["name"] for m in messages for c in m.get("tool_calls") or ()}
    return [{**m, "name": names.get(m["tool_call_id"], "tool")} if m["role"] == "tool" else m for m in messages]


def _assistant(message: Message, quirks: Quirks) -> Message:
    if message["role"] != "assistant" or not message.get("tool_calls"):
        return message
    more: Message = {}
    if message.get("content") is None or quirks.content_or_calls:
        more["content"] = quirks.content_beside_calls
    if quirks.empty_thought and quirks.empty_thought not in message:
        more[quirks.empty_thought] = ""
    if quirks.object_arguments or quirks.parsed_arguments:
        more["tool_calls"] = [_with_object(call, parsed=quirks.parsed_arguments) for call in message["tool_calls"]]
    both = quirks.content_or_thought and more.get("content", message.get("content"))
    return {k: v for k, v in {**message, **more}.items() if not (both and k in quirks.thought_fields)}


def _without(message: Message, names: tuple[str, ...]) -> Message:
    """A message and its calls without these fields."""
    kept = {name: value for name, value in message.items() if name not in names}
    if calls := kept.get("tool_calls"):
        kept["tool_calls"] = [{name: value for name, value in call.items() if name not in names} for call in calls]
    if isinstance(parts := kept.get("content"), list):
        kept["content"] = [_picture_without(part, names) for part in parts]
    return kept


def _picture_without(part: Any, names: tuple[str, ...]) -> Any:
    picture = part.get("image_url")
    return {**part, "image_url": {n: v for n, v in picture.items() if n not in names}} if picture else part


def _with_object(call: Message, *, parsed: bool) -> Message:
    arguments = call["function"]["arguments"]
    if not _is_object(arguments):
        arguments = json.dumps({UNFINISHED: arguments}, ensure_ascii=False)
    arguments = json.loads(arguments) if parsed else arguments
    return {**call, "function": {**call["function"], "arguments": arguments}}


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
