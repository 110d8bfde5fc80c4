"""A Chat chunk (or a whole completion) reduced to what it adds: text, thoughts, pieces of calls, a finish reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from joytui.gateway.bridge.arguments import value_of
from joytui.gateway.bridge.quirks import DEFAULT, Quirks
from joytui.gateway.bridge.reasoning import USUAL_NAME, opaque_fields

FINAL_TASK = "__final__"


@dataclass(frozen=True, slots=True)
class CallPiece:
    """A piece of one tool call. Anything but the arguments may be missing."""

    index: int | None
    id: str | None
    name: str | None
    arguments: str
    opaque: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delta:
    """What one chunk adds. `finish` is the vendor's word, None while the answer goes on. `reasoning_name`: the field of the thoughts.

    `whole`: it is no piece but a whole message.
    """

    text: str = ""
    reasoning: str = ""
    calls: tuple[CallPiece, ...] = ()
    finish: str | None = None
    opaque: Mapping[str, Any] = field(default_factory=dict)
    reasoning_name: str = USUAL_NAME
    whole: bool = False


def is_intermediate(chunk: Mapping[str, Any]) -> bool:
    """A chunk of an orchestrated sub-task: only the task `__final__` is the answer."""
    orchestration = chunk.get("orchestration")
    if not isinstance(orchestration, Mapping) or not orchestration:
        return False
    return orchestration.get("task_id") != FINAL_TASK


_ENVELOPES = ("data", "result", "response", "output")


def unwrapped(chunk: Any) -> Any:
    """A chunk or completion in Chat's form: out of an envelope (Cloudflare's `result`, DashScope's `output`, others' `data`), with a list
    of choices, and out of Ollama's own form. Anything that has a list of choices is given back as it is."""
    if isinstance(chunk, str) and chunk[:1] == "{":  # encoded twice
        try:
            chunk = json.loads(chunk)
        except (ValueError, RecursionError):
            return chunk
    if not isinstance(chunk, Mapping) or type(choices := chunk.get("choices")) is list:
        return chunk
    if isinstance(choices, Mapping):  # one choice, or choices by their number
        numbered = all(name.isdecimal() for name in choices)
        return {**chunk, "choices": [*choices.values()] if numbered else [choices]}
    for name in _ENVELOPES:
        inner = chunk.get(name)
        if isinstance(inner, Mapping) and isinstance(inner.get("choices"), (list, Mapping)):
            return unwrapped({**{k: v for k, v in chunk.items() if k not in (name, "code", "message")}, **inner})
    if isinstance(chunk.get("message"), Mapping) and isinstance(chunk.get("done"), bool):
        return {
            **chunk,
            "choices": [{"index": 0, "delta": chunk["message"], "finish_reason": chunk.get("done_reason")}],
        }
    return chunk


def read_delta(chunk: Mapping[str, Any], quirks: Quirks = DEFAULT) -> Delta | None:
    """The first choice's delta; None for a chunk without choices (usage, metadata) and for another choice's."""
    choices = chunk.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        finish = chunk.get("finish_reason")
        return Delta(finish=finish) if isinstance(finish, str) and finish not in _NO_FINISH else None
    choice = choices[0]
    return None if choice.get("index") not in _FIRST else _delta(choice, quirks)


_FIRST = (None, 0, "0")


def other_deltas(chunk: Mapping[str, Any], quirks: Quirks = DEFAULT) -> list[Delta]:
    """What the choices beside the first add (`n` above 1): they are not translated, but they cost as much."""
    choices = chunk.get("choices")
    if not isinstance(choices, list) or not choices:
        return []
    first = choices[0]
    others = choices[1:] if isinstance(first, Mapping) and first.get("index") in _FIRST else choices
    return [_delta(choice, quirks) for choice in others if isinstance(choice, Mapping)] if others else []


def _delta(choice: Mapping[str, Any], quirks: Quirks) -> Delta:
    source = choice.get("delta")
    whole = not isinstance(source, Mapping) or (not source and isinstance(choice.get("message"), Mapping))
    if whole:
        source = choice.get("message")
    if not isinstance(source, Mapping):
        source = {"content": source or choice.get("delta") or choice.get("text") or choice.get("content")}
    content = source.get("content")
    text, thoughts = _content(_string(source.get("text")) if content is None else content)
    name, reasoning = _reasoning(source, quirks.thought_fields)
    if text and not reasoning and _is_thought(source):
        text, reasoning = "", text
    return Delta(
        text=text + _string(source.get("refusal")),
        reasoning=reasoning or thoughts,
        calls=tuple(_calls(source, whole, quirks.call_fields) or _calls(choice, True, quirks.call_fields)),
        finish=_finish(choice) or _finish(source),
        opaque=opaque_fields(source, quirks.message_fields),
        reasoning_name=name,
        whole=whole,
    )


_NO_FINISH = ("", "null", "None")


def _finish(source: Mapping[str, Any]) -> str | None:
    """The vendor's word for the end, None while the answer goes on."""
    finish = source.get("finish_reason") or source.get("finishReason")
    return finish if isinstance(finish, str) and finish not in _NO_FINISH else None


def _is_thought(source: Mapping[str, Any]) -> bool:
    """Whether a delta says that its content is a thought (Gemini marks it so, as do relays of it)."""
    if source.get("thought") is True:
        return True
    extra = source.get("extra_content")
    google = extra.get("google") if isinstance(extra, Mapping) else None
    return isinstance(google, Mapping) and google.get("thought") is True


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _content(content: Any) -> tuple[str, str]:
    """Text and thoughts of `content`: a string, a part, or parts (`thinking`: Mistral; `reasoning` with a `summary`: Databricks)."""
    if isinstance(content, str):
        return content, ""
    text: list[str] = []
    thoughts: list[str] = []
    for part in content if isinstance(content, list) else (content,):
        if not isinstance(part, Mapping):
            text.append(_string(part))
        elif part.get("type") in ("thinking", "reasoning", "thought"):
            inner = next((part[name] for name in ("thinking", "text", "summary") if part.get(name)), "")
            thoughts.append(inner if isinstance(inner, str) else _content(inner)[0])
        else:
            text.append(_string(part.get("text")))
    return "".join(text), "".join(thoughts)


def _reasoning(source: Mapping[str, Any], names: tuple[str, ...]) -> tuple[str, str]:
    """The field that has thoughts, and the thoughts. They go back under its name, unless its own blocks do (`message_fields`)."""
    for name in names:
        value = source.get(name)
        if isinstance(value, Mapping):
            value = value.get("content") or value.get("text")
        if isinstance(value, list):
            value = "".join(_of_block(block) for block in value)
        if isinstance(value, str) and value:
            return name, value
    return USUAL_NAME, ""


def _of_block(block: Any) -> str:
    """The text of a block of thoughts (OpenRouter's `reasoning_details`, LiteLLM's `thinking_blocks`)."""
    if not isinstance(block, Mapping):
        return _string(block)
    return next((block[name] for name in ("text", "thinking", "summary") if isinstance(block.get(name), str)), "")


def _calls(source: Mapping[str, Any], whole: bool, opaque: tuple[str, ...]) -> list[CallPiece]:
    """Pieces of calls; the calls of a whole message are numbered by their place, for they have no index."""
    calls = source.get("tool_calls") or source.get("tool_call") or source.get("toolCalls")
    calls = calls or _tool_uses(source.get("content"))
    if isinstance(calls, str):  # the list as its text
        calls = value_of(calls)
    calls = [calls] if isinstance(calls, Mapping) else calls
    calls = [call for call in calls if isinstance(call, Mapping)] if isinstance(calls, list) else []
    pieces = [_piece({**call, "index": place} if whole else call, opaque) for place, call in enumerate(calls)]
    legacy = source.get("function_call")
    if not pieces and isinstance(legacy, Mapping):
        pieces = [_piece({"index": 0, "function": legacy}, opaque)]
    return pieces


def _tool_uses(content: Any) -> list[Any]:
    """Calls among the parts of the content (relays of Anthropic)."""
    if not isinstance(content, list):
        return []
    return [part for part in content if isinstance(part, Mapping) and part.get("type") == "tool_use"]


_ARGUMENTS = ("arguments", "parameters", "input", "args")
"""Where vendors put them, OpenAI's place first; `input`: of a custom tool."""


def _piece(call: Mapping[str, Any], opaque: tuple[str, ...]) -> CallPiece:
    function = call.get("function") or call.get("custom")
    function = function if isinstance(function, Mapping) else call
    if len(function) == 1 and function is not call and not function.keys() & {"name", *_ARGUMENTS}:
        function = {"name": next(iter(function)), "arguments": next(iter(function.values()))}
    arguments = next((function[name] for name in _ARGUMENTS if function.get(name) is not None), None)
    if isinstance(arguments, (Mapping, list)):
        arguments = json.dumps(arguments, ensure_ascii=False)
    index = call.get("index")
    if isinstance(index, str) and index.isdecimal() and len(index) < 6:
        index = int(index)
    return CallPiece(
        index=index if isinstance(index, int) and not isinstance(index, bool) else None,
        id=_string(call.get("id")).strip() or None,
        name=_string(function.get("name")).strip() or None,
        arguments=_string(arguments),
        opaque=opaque_fields(call, opaque),
    )
