"""A Responses request as a Chat Completions request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from joytui.gateway.bridge.echoed import echo
from joytui.gateway.bridge.encode import json_bytes
from joytui.gateway.bridge.errors import BridgeError
from joytui.gateway.bridge.items import TOOL_LISTS, to_messages
from joytui.gateway.bridge.quirks import DEFAULT, Quirks
from joytui.gateway.bridge.schemas import rewritten
from joytui.gateway.bridge.tools import ToolNames, Tools, translate_choice, translate_tools

# Translated by rules of their own.
_HANDLED = ("input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "reasoning", "text", "stream")
_REFUSED = {
    "previous_response_id": "previous_response_id is not supported: this upstream stores no responses; send the whole input",
    "conversation": "conversation is not supported: this upstream stores no conversations; send the whole input",
    "prompt": "prompt templates are not supported by this upstream; send the text as input",
}


OUTPUT_LIMITS = ("max_output_tokens", "max_tokens", "max_completion_tokens")
UNTOLD_LIMIT = "the upstream was not told how long its answer may be: it may cost more than was held for it"
"""Said of a request whose limit a setting or a lesson took out."""


def is_limited(sent: Mapping[str, Any]) -> bool:
    """Whether a request names the most tokens of its answer."""
    return any(sent.get(name) for name in OUTPUT_LIMITS)


def loses_limit(asked: Mapping[str, Any], sent: Mapping[str, Any]) -> bool:
    """Whether a request that names the most tokens of its answer goes out without that."""
    return is_limited(asked) and not is_limited(sent)


@dataclass(slots=True)
class ChatRequest:
    """`body`: the Chat request. `names`: how to name its calls in the answer. `echo`: request fields of the answer.
    `metadata`: the client's own."""

    body: dict[str, Any]
    names: ToolNames
    notes: list[str] = field(default_factory=list)
    echo: dict[str, Any] = field(default_factory=dict)
    compaction: bool = False
    metadata: Any = None


COMPACTION_TRIGGER = "compaction_trigger"
SUMMARIZE = (
    "Write a summary of this conversation for the assistant that goes on with it and sees nothing else of it. Keep what the user"
    " wants and how they want it, what has been done and found out, the files, commands, names and values that matter, what was"
    " decided and why, and what is left to do. Write the summary alone, in plain text."
)
"""What is asked of the model where Codex asks the provider to compact (its remote compaction; 0.171.0, observed)."""


def to_chat(body: Mapping[str, Any], quirks: Quirks = DEFAULT) -> ChatRequest:
    """Raises `BridgeError` (400) for what a Chat upstream cannot do, and for a request that is not well formed."""
    for name, reason in _REFUSED.items():
        if body.get(name) is not None:
            raise BridgeError(reason)
    items = input_items(body.get("input"))
    compaction = any(item.get("type") == COMPACTION_TRIGGER for item in items)
    if compaction:
        body, items = _compacting(body, items)
    tools = gather_tools(body.get("tools"), items)
    messages = to_messages(body.get("instructions"), items, tools.names, quirks)
    if not messages.messages:
        raise BridgeError("input is empty")
    chat: dict[str, Any] = {"model": body.get("model"), "messages": messages.messages}
    chat.update(_plain_fields(body, quirks))
    chat.update(_tool_fields(body, tools, quirks))
    if quirks.tools_of_history and "tools" not in chat and (called := _called_tools(chat["messages"])):
        chat["tools"] = called
    chat.update(_format_fields(body, quirks))
    if quirks.answer_format != "json_schema":
        _tell_schema(chat, body)
    _limit_output(chat, quirks)
    if body.get("stream") if quirks.stream is None else quirks.stream:
        chat.update(stream=True, stream_options={"include_usage": True})
    chat.update(quirks.extra_body)
    for name in quirks.refused:
        chat.pop(name, None)
    dropped = [f"{name} was left out" for name in quirks.dropped_with_note if body.get(name) is not None]
    if loses_limit(body, chat) and not chat.get("stream"):
        dropped.append(UNTOLD_LIMIT)
    return ChatRequest(
        chat, tools.names, [*tools.notes, *messages.notes, *dropped], echo(body), compaction, body.get("metadata")
    )


def _limit_output(chat: dict[str, Any], quirks: Quirks) -> None:
    most = quirks.most_output
    if quirks.usual_output and not any(name in chat for name in OUTPUT_LIMITS):
        chat[quirks.renamed.get("max_output_tokens", "max_tokens")] = quirks.usual_output
    for name in OUTPUT_LIMITS:
        if most and isinstance(chat.get(name), int) and chat[name] > most:
            chat[name] = most


def _compacting(
    body: Mapping[str, Any], items: list[Mapping[str, Any]]
) -> tuple[dict[str, Any], list[Mapping[str, Any]]]:
    """A request that asks for compaction as one for a summary: no call, no form, the question at the end."""
    kept = [item for item in items if item.get("type") != COMPACTION_TRIGGER]
    asked = {"type": "message", "role": "user", "content": SUMMARIZE}
    return {**body, "text": None, "tool_choice": "none" if body.get("tools") else None}, [*kept, asked]


def input_items(value: Any) -> list[Mapping[str, Any]]:
    """`input` as a list of items; a string is one user message."""
    if isinstance(value, str):
        return [{"type": "message", "role": "user", "content": value}] if value else []
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise BridgeError("input is a string or a list of items")
    return value


def gather_tools(listed: Any, items: list[Mapping[str, Any]]) -> Tools:
    """The tools of the request, of `additional_tools` items ("Responses lite") and of tool searches so far."""
    if listed is not None and not isinstance(listed, list):
        raise BridgeError("tools is a list")
    in_items = [
        item["tools"]
        for item in items
        if item.get("type") in (*TOOL_LISTS, "tool_search_output") and isinstance(item.get("tools"), list)
    ]
    return translate_tools(listed or [], *in_items)


def _plain_fields(body: Mapping[str, Any], quirks: Quirks) -> dict[str, Any]:
    """Fields that Chat has too, and fields unknown here: an upstream may know them."""
    skipped = {"model", *_HANDLED, *quirks.dropped, *quirks.dropped_with_note, *_REFUSED}
    fields = {quirks.renamed.get(k, k): v for k, v in body.items() if k not in skipped and v is not None}
    if fields.get("top_logprobs"):
        fields["logprobs"] = True
    return fields


def _tool_fields(body: Mapping[str, Any], tools: Tools, quirks: Quirks) -> dict[str, Any]:
    if not tools.functions:
        return {}
    choice = translate_choice(body.get("tool_choice"), tools)
    functions = [_without(f, quirks.schema_words) for f in tools.functions] if quirks.schema_words else tools.functions
    if quirks.schema_forms or quirks.longest_description:
        functions = [_in_form(tool, quirks) for tool in functions]
    if quirks.most_tools and len(functions) > quirks.most_tools:
        tools.notes.append(
            f"{len(functions) - quirks.most_tools} of {len(functions)} tools were left out: the upstream takes no more"
        )
        functions = functions[: quirks.most_tools]
    fields: dict[str, Any] = {"tools": functions}
    if choice is not None:
        fields["tool_choice"] = choice
    if isinstance(body.get("parallel_tool_calls"), bool):
        fields["parallel_tool_calls"] = body["parallel_tool_calls"]
    return fields


def _in_form(tool: dict[str, Any], quirks: Quirks) -> dict[str, Any]:
    """A tool with the schema and the length of description that the vendor takes."""
    function = dict(tool["function"])
    if quirks.schema_forms:
        function["parameters"] = rewritten(function.get("parameters"), quirks.schema_forms)
    if quirks.longest_description and isinstance(function.get("description"), str):
        function["description"] = function["description"][: quirks.longest_description]
    return {**tool, "function": function}


def _called_tools(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tools for a history that has calls, where the request offers none: their names, with any arguments."""
    calls = [call for message in messages for call in message.get("tool_calls") or ()]
    names = dict.fromkeys(call["function"]["name"] for call in calls)
    described = {"description": "Not available any more.", "parameters": {"type": "object", "properties": {}}}
    return [{"type": "function", "function": {"name": name, **described}} for name in names]


def _without(schema: Any, words: tuple[str, ...], *, names: bool = False) -> Any:
    """A tool without these keys at any depth. `names`: the keys of this object are names of properties, which stay."""
    if isinstance(schema, list):
        return [_without(one, words) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    kept = {k: v for k, v in schema.items() if names or k not in words}
    return {k: _without(v, words, names=k == "properties" and not names) for k, v in kept.items()}


def _format_fields(body: Mapping[str, Any], quirks: Quirks) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    reasoning = body.get("reasoning")
    if isinstance(reasoning, Mapping) and reasoning.get("effort") is not None:
        fields["reasoning_effort"] = _nearest(reasoning["effort"], quirks.efforts)
    text = body.get("text")
    if quirks.verbosity and isinstance(text, Mapping) and text.get("verbosity") is not None:
        fields["verbosity"] = text["verbosity"]
    form = _answer_form(body)
    if form is None or quirks.answer_format == "words":
        return fields
    if form.get("type") == "json_schema":
        schema = {k: form[k] for k in ("name", "description", "schema", "strict") if form.get(k) is not None}
        schema = _without(schema, quirks.schema_words)
        whole = quirks.answer_format == "json_schema"
        fields["response_format"] = {"type": "json_schema", "json_schema": schema} if whole else {"type": "json_object"}
    else:
        fields["response_format"] = dict(form)
    return fields


def _answer_form(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """`text.format` where it is more than plain text."""
    text = body.get("text")
    form = text.get("format") if isinstance(text, Mapping) else None
    return form if isinstance(form, Mapping) and form.get("type") not in (None, "text") else None


EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""From little to much. `none` is no thinking at all: it stands for nothing but itself."""


def _nearest(effort: Any, taken: tuple[str, ...]) -> Any:
    """The effort, or the nearest one that is taken."""
    if not taken or effort in taken or effort not in EFFORTS:
        return effort
    wanted = EFFORTS.index(effort)
    known = [one for one in taken if one in EFFORTS] or list(taken)
    return min(known, key=lambda one: abs(EFFORTS.index(one) - wanted) if one in EFFORTS else len(EFFORTS))


def _tell_schema(chat: dict[str, Any], body: Mapping[str, Any]) -> None:
    """The answer's schema in words, in the first system message, for vendors without schemas."""
    form = _answer_form(body)
    if form is None:
        return
    schema = json_bytes(form["schema"]).decode() if isinstance(form.get("schema"), Mapping) else None
    words = "Answer with one JSON object and nothing else, without a code fence." + (
        f" It must follow this JSON Schema:\n{schema}" if schema else ""
    )
    first, *rest = chat["messages"]
    if first["role"] in ("system", "developer"):
        chat["messages"] = [{**first, "content": f"{first['content']}\n\n{words}"}, *rest]
    else:
        chat["messages"] = [{"role": "system", "content": words}, first, *rest]
